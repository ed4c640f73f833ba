//! Whether the API server answers: asked every three seconds on its own, whatever the watches do.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use http::{Request, header};
use kube::{Client, client::Body};
use tokio::{sync::watch, time};

use super::{access, fault, text::clip, wire};
use crate::{
    clock::{SharedClock, Stamp},
    config::KubeAccess,
};

/// How often it is asked: three beats within the 15 s after which a screen draws its data as stale.
const EVERY: Duration = Duration::from_secs(3);
/// How long an answer may take. /readyz answers from memory but for one read of etcd.
const TIMEOUT: Duration = Duration::from_millis(1_500);
/// How soon it is asked again after a beat that failed: with two failures needed, a dead server is known within 7 s.
const AGAIN: Duration = Duration::from_millis(500);
/// So many beats must fail before the server counts as away: one lost packet is no outage.
const FAILURES: u32 = 2;
/// After so many the credential is read anew, in case it was rotated.
const RENEW: u32 = 8;

/// What the last beats said.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    /// The last time that it answered and was ready.
    pub last_ok: Option<Stamp>,
    /// What is wrong since then, when the last beats failed.
    pub failing: Option<Failing>,
    /// The server's version ("1.37.2").
    pub version: Option<String>,
    /// How far the server's clock is ahead of ours.
    pub ahead: TimeDelta,
}

/// Beats that failed in a row.
#[derive(Clone, Debug)]
pub struct Failing {
    /// When the first of them did.
    pub since: Stamp,
    /// How many.
    pub count: u32,
    /// How the last did, to follow "The API server of X …": "does not answer within 1.5 s".
    pub reason: String,
}

impl Pulse {
    /// Whether enough beats failed to say that the server is away.
    #[must_use]
    pub fn is_away(&self) -> Option<&Failing> {
        self.failing.as_ref().filter(|failing| failing.count >= FAILURES)
    }
}

/// What the watches follow.
#[derive(Clone)]
pub(super) struct Line {
    /// Counts each time that the server came, or came back: what was known before must be listed anew.
    pub generation: u64,
    /// The client, while the server answers.
    pub client: Option<Client>,
    /// Whether it sends the initial list as a stream (Kubernetes 1.32 and later do so by default).
    pub streams: bool,
}

impl Line {
    pub(super) const fn down() -> Self {
        Self { generation: 0, client: None, streams: false }
    }
}

/// The heartbeat's findings, shared.
#[derive(Debug, Default)]
pub(super) struct Heart {
    pulse: RwLock<Pulse>,
}

impl Heart {
    pub(super) fn pulse(&self) -> Pulse {
        self.pulse.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Pulse) -> T) -> T {
        change(&mut self.pulse.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Beats for ever. `went` is told when the server is found to be away.
pub(super) async fn beat(access: KubeAccess, heart: Arc<Heart>, line: watch::Sender<Line>, clock: SharedClock, went: impl Fn() + Send) {
    let mut client: Option<Client> = None;
    loop {
        let began = time::Instant::now();
        let answer = match &client {
            Some(client) => ask(client).await,
            None => match access::client(&access).await {
                Ok(new) => ask(client.insert(new)).await,
                Err(reason) => Err(format!("cannot be asked: {reason}")),
            },
        };
        let now = clock.now();
        let wait = match (answer, &client) {
            (Ok(date), Some(ready)) => {
                heart.change(|pulse| {
                    pulse.last_ok = Some(now);
                    pulse.failing = None;
                    // The header has whole seconds: half of one is the best guess.
                    pulse.ahead = date.map_or(pulse.ahead, |date| date - now.wall + TimeDelta::milliseconds(500));
                });
                if line.borrow().client.is_none() {
                    let version = version(ready).await;
                    let streams = version.as_ref().is_some_and(streams);
                    heart.change(|pulse| {
                        if let Some(version) = version {
                            pulse.version = Some(clip(version.git_version.trim_start_matches('v'), 40));
                        }
                    });
                    line.send_modify(|line| {
                        *line = Line { generation: line.generation + 1, client: Some(ready.clone()), streams };
                    });
                }
                EVERY
            }
            (answer, _) => {
                let reason = answer.err().unwrap_or_default();
                let count = heart.change(|pulse| {
                    let before = pulse.failing.take();
                    let count = before.as_ref().map_or(0, |failing| failing.count).saturating_add(1);
                    let since = before.map_or(now, |failing| failing.since);
                    pulse.failing = Some(Failing { since, count, reason });
                    count
                });
                if count >= FAILURES && line.borrow().client.is_some() {
                    line.send_modify(|line| line.client = None);
                    went();
                }
                if count.is_multiple_of(RENEW) {
                    client = None;
                }
                if count < FAILURES { AGAIN } else { EVERY.saturating_sub(began.elapsed()).max(AGAIN) }
            }
        };
        time::sleep(wait).await;
    }
}

/// Asks once. The time of the answer by the server's clock, or what is wrong.
async fn ask(client: &Client) -> Result<Option<DateTime<Utc>>, String> {
    let request = Request::get("/readyz").body(Body::empty()).map_err(|err| err.to_string())?;
    let answer = async {
        let response = client.send(request).await.map_err(|err| format!("does not answer: {}", fault::words(&err)))?;
        let status = response.status();
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
        // Read to the end, so that the connection serves again.
        let body = http_body_util::BodyExt::collect(http_body_util::Limited::new(response.into_body(), 64 * 1024)).await;
        match status.as_u16() {
            200 => Ok(date),
            401 => Err("does not accept our credential (401)".into()),
            403 => Err("forbids us to ask whether it is ready (403): grant get on /readyz".into()),
            _ => {
                let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
                Err(format!("is not ready: {}", failed_checks(&body, status.as_u16())))
            }
        }
    };
    match time::timeout(TIMEOUT, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("does not answer within {} s", TIMEOUT.as_secs_f32())),
    }
}

/// The checks that /readyz marks with `[-]`.
fn failed_checks(body: &str, status: u16) -> String {
    let failed: Vec<_> =
        body.lines().filter_map(|line| line.strip_prefix("[-]")).map(|line| line.split(' ').next().unwrap_or_default()).take(4).collect();
    if failed.is_empty() { format!("it answers {status}") } else { clip(&format!("{} failed", failed.join(", ")), 160) }
}

async fn version(client: &Client) -> Option<wire::Version> {
    let request = Request::get("/version").body(Vec::new()).ok()?;
    time::timeout(TIMEOUT, client.request::<wire::Version>(request)).await.ok()?.ok()
}

/// Streaming lists are on by default from 1.32 on ("WatchList", Kubernetes feature gates).
fn streams(version: &wire::Version) -> bool {
    version.minor.trim_end_matches('+').parse::<u32>().is_ok_and(|minor| minor >= 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_ready_says_which_checks_failed() {
        let body = "[+]ping ok\n[-]etcd failed: reason withheld\n[-]etcd-readiness failed: reason withheld\nreadyz check failed\n";
        assert_eq!(failed_checks(body, 500), "etcd, etcd-readiness failed");
        assert_eq!(failed_checks("<html>", 502), "it answers 502");
    }

    #[test]
    fn initial_lists_are_streamed_from_version_1_32_on() {
        for (minor, wanted) in [("37", true), ("32+", true), ("31", false), ("", false)] {
            assert_eq!(streams(&wire::Version { minor: minor.into(), git_version: String::new() }), wanted, "{minor}");
        }
    }
}
