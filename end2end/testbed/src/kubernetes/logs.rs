//! What the containers have written: files in the form of the container runtime interface, which the nodes' kubelets serve.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use serde_json::json;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    account::Account,
    error::{Of, Result},
    layout::{create_folder, write_file},
};

const PART: &str = "container logs";
/// How far the logs reach back, in lines; one every few seconds.
const LINES: i64 = 240;
/// Seconds between two lines.
const SPACING: i64 = 7;

/// How the nth line of a container reads.
type Voice = fn(i64) -> String;

/// Containers with logs of their own.
const VOICES: [(&str, Voice); 3] = [("aia-api", api_line), ("frontend", frontend_line), ("controller", ingress_line)];

/// The log of a container, by the container's name; `previous` is what its last life said.
pub fn file(folder: &Path, container: &str, previous: bool) -> PathBuf {
    let kind = if previous { "previous" } else { "current" };
    folder.join(format!("{container}.{kind}.log"))
}

/// Writes the logs up to `now` and returns the kubelets' configuration that serves them.
pub fn write(folder: &Path, now: OffsetDateTime) -> Result<String> {
    create_folder(folder, Account::STARTER, 0o755)?;
    let mut entries = Vec::new();
    for (container, line) in VOICES {
        let current = (0..LINES).map(|nth| (now - Duration::seconds((LINES - nth) * SPACING), "stdout", line(nth)));
        write_file(&file(folder, container, false), cri(current)?, Account::STARTER, 0o644)?;
        write_file(&file(folder, container, true), cri(last_words(now))?, Account::STARTER, 0o644)?;
        entries.push(json!({
            "containers": [container],
            "logsFile": file(folder, container, false),
            "previousLogsFile": file(folder, container, true),
        }));
    }
    let quiet = file(folder, "any", false);
    write_file(&quiet, cri([(now, "stdout", "started".to_owned())])?, Account::STARTER, 0o644)?;
    entries.push(json!({ "logsFile": quiet, "previousLogsFile": quiet }));
    let configuration = json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": { "name": "logs" },
        "spec": { "logs": entries },
    });
    Ok(configuration.to_string())
}

/// One line of a container's log in CRI form.
pub fn cri_line(at: OffsetDateTime, stream: &str, message: &str) -> Result<String> {
    Ok(format!("{} {stream} F {message}\n", at.format(&Rfc3339).of(PART)?))
}

fn cri(lines: impl IntoIterator<Item = (OffsetDateTime, &'static str, String)>) -> Result<String> {
    lines.into_iter().try_fold(String::new(), |mut all, (at, stream, message)| {
        write!(all, "{}", cri_line(at, stream, &message)?).of(PART)?;
        Ok(all)
    })
}

fn api_line(nth: i64) -> String {
    let took = 18 + (nth * 37) % 190;
    match nth % 12 {
        0 => r#"{"level":"info","event":"agent finished","agent":"planner","tokens":1874,"ms":4210}"#.to_owned(),
        5 => format!(r#"{{"level":"info","event":"request","method":"POST","path":"/api/v1/sessions","status":201,"ms":{took}}}"#),
        9 => format!(r#"{{"level":"warning","event":"slow query","table":"session_logs","ms":{}}}"#, 500 + took),
        _ => format!(r#"{{"level":"info","event":"request","method":"GET","path":"/health","status":200,"ms":{}}}"#, 2 + nth % 5),
    }
}

fn frontend_line(nth: i64) -> String {
    let path = ["/", "/assets/index-4f1c.js", "/assets/three-91ab.js", "/favicon.ico"][usize::try_from(nth % 4).unwrap_or(0)];
    format!(r#"10.20.3.{} - - "GET {path} HTTP/1.1" 200 {} "-" "Mozilla/5.0""#, 2 + nth % 40, 900 + (nth * 131) % 60_000)
}

fn ingress_line(nth: i64) -> String {
    let service = if nth % 3 == 0 { "aia-frontend-service-http" } else { "aia-backend-service-simple-http" };
    format!(
        r#"203.0.113.{} - "GET / HTTP/2.0" 200 [aia-production-{service}] 10.20.1.{}:8000 0.{:03}"#,
        1 + nth % 90,
        4 + nth % 9,
        12 + nth % 80
    )
}

/// How a backend that cannot start takes its leave.
fn last_words(now: OffsetDateTime) -> impl Iterator<Item = (OffsetDateTime, &'static str, String)> {
    [
        ("stdout", r#"{"level":"info","event":"starting","version":"2.14.3"}"#),
        ("stderr", "Traceback (most recent call last):"),
        ("stderr", "  File \"/app/main.py\", line 41, in <module>"),
        ("stderr", "    settings = Settings()"),
        ("stderr", "KeyError: 'JWT_SECRET'"),
    ]
    .into_iter()
    .zip(0..)
    .map(move |((stream, line), nth)| (now + Duration::milliseconds(nth * 40), stream, line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_time_stream_and_mark() {
        let folder = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let configuration = write(folder.path(), now).unwrap();
        assert!(configuration.contains("aia-api.previous.log"));
        let text = std::fs::read_to_string(file(folder.path(), "aia-api", false)).unwrap();
        assert_eq!(text.lines().count(), usize::try_from(LINES).unwrap());
        for line in text.lines() {
            let words: Vec<_> = line.splitn(4, ' ').collect();
            assert!(OffsetDateTime::parse(words[0], &Rfc3339).unwrap() < now, "{line}");
            assert_eq!(words[1..3], ["stdout", "F"], "{line}");
        }
    }
}
