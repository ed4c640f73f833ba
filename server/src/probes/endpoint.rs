//! Whether a URL answers as it should, and how fast.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{not_configured, words},
};
use crate::{
    adapters::{
        Failure,
        http::{Answer, Phases, WAIT},
    },
    config,
};

/// Over how many answers the 95th percentile is taken: three minutes of them.
const KEPT: usize = 60;

#[derive(Default)]
pub(super) struct Endpoint {
    latencies: Mutex<HashMap<SystemId, VecDeque<Duration>>>,
}

impl Probe for Endpoint {
    fn spec(&self) -> ProbeSpec {
        // The adapter gives up first, so that a hang is told as what it is.
        let timeout = WAIT + Duration::from_millis(500);
        ProbeSpec { id: "endpoint", title: "{}", kind: Kind::Endpoint, every: Duration::from_secs(3), timeout }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let http = ctx.adapters.http.get(system.name()).ok_or_else(not_configured)?;
            let endpoint = ctx.estate.endpoints.get(system.name()).ok_or_else(not_configured)?;
            let answer = http.get().await;
            let mut known = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
            let latencies = known.entry(system.clone()).or_default();
            if let Ok(answer) = &answer {
                latencies.push_back(answer.phases.whole());
                if latencies.len() > KEPT {
                    latencies.pop_front();
                }
            }
            judge(&answer, p95(latencies), endpoint)
        })
    }
}

/// The nearest-rank 95th percentile; none of nothing.
fn p95(latencies: &VecDeque<Duration>) -> Option<Duration> {
    let mut sorted: Vec<_> = latencies.iter().copied().collect();
    sorted.sort_unstable();
    let rank = (sorted.len() * 95).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn judge(answer: &Result<Answer, (Failure, Phases)>, p95: Option<Duration>, endpoint: &config::Endpoint) -> Result<Reading, ProbeError> {
    let host = endpoint.url.host_str().unwrap_or_default();
    let answer = match answer {
        Ok(answer) => answer,
        Err((failure, phases)) if failure.means_down() => {
            let says = format!("{host} {failure}");
            let mut reading = Reading::new(Health::Down, says).figure(Value::Text("no answer".into()));
            if matches!(failure, Failure::Silent(_) | Failure::HungUp) {
                reading = reading.cause(phases.reached());
            }
            reading.facts = facts(phases);
            return Ok(reading);
        }
        Err((failure, _)) => return Err(ProbeError(format!("{host} {failure}"))),
    };
    let whole = answer.phases.whole();
    let within = words(endpoint.within);
    let (health, summary) = if answer.status != endpoint.status {
        (Health::Down, format!("{host} answers with status {}, {} is right", answer.status, endpoint.status))
    } else if whole > endpoint.within {
        (Health::Degraded, format!("{host} answers after {}, limit {within}", words(whole)))
    } else {
        (Health::Ok, format!("{host} answers after {}", words(whole)))
    };
    let lately = p95.map(|p95| format!(", p95 {}", words(p95))).unwrap_or_default();
    let mut reading = Reading::new(health, summary)
        .figure(Value::Duration(whole.as_secs_f64()))
        .limit(endpoint.within.as_secs_f64())
        .note(format!("status {}{lately}, limit {within}", answer.status));
    match health {
        Health::Down => reading.cause = status_cause(answer.status).map(str::to_owned),
        Health::Degraded => reading.cause = slowest(&answer.phases).map(|(name, took)| format!("most of it is {name}: {}", words(took))),
        Health::Ok | Health::Unknown => {}
    }
    let limit = Value::Duration(endpoint.within.as_secs_f64());
    reading.facts.push(Fact::new("status", Value::Count(answer.status.into(), String::new())));
    reading.facts.push(Fact::new("whole", Value::Duration(whole.as_secs_f64())).limit(limit.clone()));
    reading.facts.extend(p95.map(|p95| Fact::new("p95 of the last 60", Value::Duration(p95.as_secs_f64())).limit(limit)));
    reading.facts.extend(facts(&answer.phases));
    reading.facts.push(Fact::new("body", Value::Bytes(answer.bytes as u64)));
    Ok(reading)
}

/// What RFC 9110 says that these mean, in plain words.
fn status_cause(status: u16) -> Option<&'static str> {
    match status {
        502 => Some("the proxy in front got no proper answer from what is behind it"),
        503 => Some("what is behind the proxy is not ready, or there is nothing behind it"),
        504 => Some("what is behind the proxy did not answer the proxy in time"),
        500..=599 => Some("the application failed while answering"),
        401 | 403 => Some("it wants to know who asks: the address checked is not public"),
        404 => Some("there is no such page: the route or the address is wrong"),
        429 => Some("it limits how often it may be asked"),
        300..=399 => Some("it redirects; the estate file should name where to"),
        _ => None,
    }
}

fn named(phases: &Phases) -> [(&'static str, Option<Duration>); 5] {
    [
        ("name look-up", phases.resolve),
        ("connecting", phases.connect),
        ("TLS handshake", phases.tls),
        ("waiting for the answer", phases.first_byte),
        ("reading the body", phases.body),
    ]
}

fn slowest(phases: &Phases) -> Option<(&'static str, Duration)> {
    named(phases).into_iter().filter_map(|(name, took)| Some((name, took?))).max_by_key(|(_, took)| *took)
}

fn facts(phases: &Phases) -> Vec<Fact> {
    let taken = named(phases).into_iter().filter_map(|(name, took)| Some((name, took?)));
    taken.map(|(name, took)| Fact::new(name, Value::Duration(took.as_secs_f64()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> config::Endpoint {
        let url = url::Url::parse("https://shop.example/health").unwrap();
        config::Endpoint { url, connect: None, ca_file: None, status: 200, within: Duration::from_millis(500) }
    }

    fn answer(status: u16, first_byte: u64) -> Result<Answer, (Failure, Phases)> {
        let ms = |ms| Some(Duration::from_millis(ms));
        let phases = Phases { resolve: ms(1), connect: ms(2), tls: ms(3), first_byte: ms(first_byte), body: ms(1) };
        Ok(Answer { status, bytes: 10, phases })
    }

    #[test]
    fn status_and_time_must_be_right() {
        let connected = Phases { connect: Some(Duration::ZERO), tls: Some(Duration::ZERO), ..Phases::default() };
        for (answer, health, says, cause) in [
            (answer(200, 80), Health::Ok, "shop.example answers after 87 ms", ""),
            (answer(200, 900), Health::Degraded, "after 907 ms, limit 500 ms", "waiting for the answer: 900 ms"),
            (answer(503, 10), Health::Down, "status 503, 200 is right", "not ready"),
            (answer(418, 10), Health::Down, "status 418", ""),
            (Err((Failure::Refused, Phases::default())), Health::Down, "shop.example refuses connections", ""),
            (Err((Failure::Silent(WAIT), connected)), Health::Down, "did not answer within 4 s", "then nothing came"),
            (
                Err((Failure::Untrusted("has expired".into()), Phases::default())),
                Health::Down,
                "presents a certificate that has expired",
                "",
            ),
        ] {
            let reading = judge(&answer, None, &endpoint()).unwrap();
            assert_eq!(reading.health, health, "{}", reading.summary);
            assert!(reading.summary.contains(says), "{} should say: {says}", reading.summary);
            assert!(reading.cause.clone().unwrap_or_default().contains(cause), "{:?}", reading.cause);
        }
        let lost = Err((Failure::Unreachable("its name does not resolve".into()), Phases::default()));
        assert!(judge(&lost, None, &endpoint()).is_err(), "our own view failed: that says nothing of the endpoint");
    }

    #[test]
    fn the_percentile_is_of_what_was_measured() {
        assert_eq!(p95(&VecDeque::new()), None);
        let latencies = (1..=60).map(Duration::from_millis).collect();
        assert_eq!(p95(&latencies), Some(Duration::from_millis(57)));
    }
}
