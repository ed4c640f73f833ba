//! Handing the audit out: page by page, so that its length costs no memory.

use std::{fmt::Write, io, time::Duration};

use bytes::Bytes;
use chrono::SecondsFormat;
use futures::stream::{Stream, try_unfold};
use serde::de::IgnoredAny;
use serde_json::json;

use super::{Event, Exported, Sealed};
use crate::store::{AuditQuery, Store, StoreError};

/// How many events are in memory at once. One has 64 KiB of detail at most and a few hundred bytes as a rule.
const PAGE: i64 = 200;
/// How often a page is asked for again, with [`PAUSE`] between, before the export is broken off: a store may be late for a moment.
const TRIES: u32 = 10;
/// The pause before a page is asked for again.
const PAUSE: Duration = Duration::from_millis(500);

/// The first line of the CSV.
const COLUMNS: &str = "seq,at,actor,kind,outcome,run,target,sentence,detail,prev_hash,hash\r\n";

/// The events that fit, oldest first, up to and with number `upto`. Breaks off with an error when the store stays away: then the browser
/// says that the download failed, and nobody takes a part for the whole.
pub fn export(store: Store, query: AuditQuery, upto: i64, form: Exported) -> impl Stream<Item = Result<Bytes, io::Error>> + Send {
    let begun = match form {
        Exported::JsonLines => None,
        Exported::Csv => Some(Bytes::from_static(COLUMNS.as_bytes())),
    };
    try_unfold((begun, 0), move |(begun, after)| {
        let (store, query) = (store.clone(), query.clone());
        async move {
            if let Some(begun) = begun {
                return Ok(Some((begun, (None, after))));
            }
            let events = page(&store, &query, after, upto).await.map_err(io::Error::other)?;
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(None) };
            let lines: String = events.iter().map(|event| line(event, form)).collect();
            Ok(Some((Bytes::from(lines), (None, last))))
        }
    })
}

async fn page(store: &Store, query: &AuditQuery, after: i64, upto: i64) -> Result<Vec<Sealed>, StoreError> {
    for _ in 1..TRIES {
        match store.audit_span(query, after, upto, PAGE).await {
            Err(StoreError::Unavailable) => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
    store.audit_span(query, after, upto, PAGE).await
}

/// One event with its line's end.
fn line(event: &Sealed, form: Exported) -> String {
    match form {
        Exported::JsonLines => json_line(event),
        Exported::Csv => csv_line(event),
    }
}

fn at(event: &Sealed) -> String {
    event.at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// What a verifier needs, byte for byte: the detail stands as it was hashed. One that is no JSON was changed by hand, and stands as a text.
fn json_line(event: &Sealed) -> String {
    let detail = match serde_json::from_str::<IgnoredAny>(&event.detail) {
        Ok(_) if !event.detail.contains(['\n', '\r']) => event.detail.clone(),
        Ok(_) | Err(_) => json!(event.detail).to_string(),
    };
    format!(
        "{{\"format\":{},\"seq\":{},\"at\":{},\"actor\":{},\"kind\":{},\"outcome\":{},\"run\":{},\"target\":{},\"detail\":{detail},\"prev_hash\":{},\"hash\":{}}}\n",
        event.format,
        event.seq,
        json!(at(event)),
        json!(event.actor),
        json!(event.kind),
        json!(event.outcome().word()),
        json!(event.run),
        json!(event.target),
        json!(hex::encode(&event.prev_hash)),
        json!(hex::encode(&event.hash)),
    )
}

fn csv_line(event: &Sealed) -> String {
    let sentence = Event::read(&event.kind, &event.detail).map(|event| event.sentence()).unwrap_or_default();
    let mut line = format!("{},{}", event.seq, at(event));
    for text in [&event.actor, &event.kind, event.outcome().word()] {
        field(&mut line, text);
    }
    let _ = write!(line, ",{}", event.run.map(|run| run.to_string()).unwrap_or_default());
    for text in [event.target.as_deref().unwrap_or_default(), &sentence, &event.detail] {
        field(&mut line, text);
    }
    let _ = write!(line, ",{},{}", hex::encode(&event.prev_hash), hex::encode(&event.hash));
    line.push_str("\r\n");
    line
}

/// Appends a quoted field. A text that a spreadsheet would take for a formula gets an apostrophe before it: some of them were typed by people
/// who were refused.
fn field(line: &mut String, text: &str) {
    let formula =
        text.trim_start_matches([' ', '\u{a0}', '\u{feff}']).starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    line.push_str(",\"");
    if formula {
        line.push('\'');
    }
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::NO_HASH;

    fn sealed(actor: &str, detail: &str) -> Sealed {
        Sealed {
            format: 1,
            seq: 7,
            at: "2026-11-27T03:47:00.000123Z".parse().unwrap(),
            actor: actor.to_owned(),
            kind: "unknown".to_owned(),
            run: Some(3),
            target: None,
            detail: detail.to_owned(),
            prev_hash: NO_HASH.to_vec(),
            hash: NO_HASH.to_vec(),
        }
    }

    #[test]
    fn a_line_of_json_holds_the_detail_as_it_was_hashed() {
        let detail = r#"{"why":"a \"b\" \u0000\n"}"#;
        let line = json_line(&sealed("anna", detail));
        assert!(line.contains(&format!("\"detail\":{detail},")), "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["detail"]["why"], "a \"b\" \0\n");
        assert_eq!((&value["at"], &value["run"]), (&json!("2026-11-27T03:47:00.000123Z"), &json!(3)));
        assert_eq!(line.matches('\n').count(), 1);
        let forged: serde_json::Value = serde_json::from_str(&json_line(&sealed("anna", "not json\n{}"))).unwrap();
        assert_eq!(forged["detail"], "not json\n{}");
    }

    #[test]
    fn no_field_of_the_csv_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "=cmd|' /C calc'!A0"] {
            let line = csv_line(&sealed(formula, &json!({ "why": formula }).to_string()));
            assert!(line.contains(&format!(",\"'{formula}\",")), "{line:?}");
        }
        let mut line = String::new();
        field(&mut line, "a \"b\", c\nd");
        assert_eq!(line, ",\"a \"\"b\"\", c\nd\"");
        assert!(csv_line(&sealed("anna", "{}")).contains(",\"anna\",\"unknown\",\"unknown\",3,\"\",\"\",\"{}\","));
    }
}
