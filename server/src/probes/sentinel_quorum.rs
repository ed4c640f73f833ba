//! Whether Sentinel could fail over: enough of them, agreed on one master.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{Probe, ProbeCtx, ProbeError, ProbeSpec, Reading, judge::not_configured};
use crate::{
    adapters::{Failure, sentinel::SentinelView},
    config::{Estate, HostPort},
};

pub(super) struct SentinelQuorum;

impl Probe for SentinelQuorum {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec {
            id: "sentinel_quorum",
            title: "Sentinels",
            kind: Kind::Cache,
            every: Duration::from_secs(3),
            timeout: Duration::from_secs(3),
        }
    }

    fn applies(&self, estate: &Estate, system: &SystemId) -> bool {
        estate.caches.get(system.name()).is_some_and(|cache| !cache.sentinels.is_empty())
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let sentinel = ctx.adapters.sentinel.get(system.name()).ok_or_else(not_configured)?;
            judge(&sentinel.views().await)
        })
    }
}

fn judge(views: &[(HostPort, Result<SentinelView, Failure>)]) -> Result<Reading, ProbeError> {
    let good: Vec<_> = views.iter().filter_map(|(at, view)| Some((at, view.as_ref().ok()?))).collect();
    let failed: Vec<_> = views.iter().filter_map(|(at, view)| Some((at, view.as_ref().err()?))).collect();
    let failures = failed.iter().map(|(at, failure)| format!("Sentinel {at} {failure}")).collect::<Vec<_>>().join("; ");
    if good.is_empty() {
        if failed.iter().any(|(_, failure)| !failure.means_down()) {
            return Err(ProbeError(failures));
        }
        // Who asks Sentinel for the master gets no answer; who is connected works on.
        return Ok(Reading::new(Health::Down, format!("no Sentinel answers: {failures}"))
            .cause("clients that ask Sentinel cannot find the master, and nobody would fail over")
            .figure(Value::Of(0, views.len() as u64, "agree".into())));
    }
    let mut counted: Vec<(&HostPort, usize)> = Vec::new();
    for master in good.iter().filter_map(|(_, view)| view.master.as_ref()) {
        match counted.iter_mut().find(|(known, _)| *known == master) {
            Some((_, votes)) => *votes += 1,
            None => counted.push((master, 1)),
        }
    }
    let favourite = counted.iter().max_by_key(|(_, votes)| *votes).copied();
    let agreeing = favourite.map_or(0, |(_, votes)| votes);
    let no_quorum = good.iter().find_map(|(_, view)| view.quorum.as_ref().err());
    let failing_over = good.iter().any(|(_, view)| view.failing_over);
    let master = favourite.map_or_else(|| "no master".to_owned(), |(master, _)| format!("master {master}"));
    let needed = good.iter().find_map(|(_, view)| view.needed).map(|needed| format!("quorum {needed}, ")).unwrap_or_default();
    let mut wrong: Vec<String> = Vec::new();
    let mut cause = None;
    if let Some(says) = no_quorum {
        wrong.push("no failover is possible".into());
        cause = Some(format!("Sentinel says: {says}"));
    }
    if counted.len() > 1 {
        wrong.push(format!("they do not agree on the master: {agreeing} of {} say {master}", good.len()));
        cause = cause.or_else(|| Some("a failover is under way, or some Sentinels are cut off from the others".into()));
    }
    if good.iter().any(|(_, view)| view.master_down) {
        wrong.push(format!("{master} is down by their word"));
        cause = cause.or_else(|| failing_over.then(|| "Sentinel is electing a new master".into()));
    }
    if !failures.is_empty() {
        wrong.push(failures);
    }
    let health = if wrong.is_empty() { Health::Ok } else { Health::Degraded };
    let summary = if wrong.is_empty() { format!("all {} agree: {master}", views.len()) } else { wrong.join("; ") };
    let mut reading = Reading::new(health, summary)
        .figure(Value::Of(agreeing as u64, views.len() as u64, "agree".into()))
        .note(format!("{needed}{master}"));
    reading.cause = cause;
    reading.facts = views.iter().map(|(at, view)| Fact::new(at.to_string(), Value::Text(told(view)))).collect();
    Ok(reading)
}

fn told(view: &Result<SentinelView, Failure>) -> String {
    let view = match view {
        Ok(view) => view,
        Err(failure) => return failure.to_string(),
    };
    let master = view.master.as_ref().map_or_else(|| "no master".to_owned(), |master| format!("master {master}"));
    let quorum = if view.quorum.is_ok() { "quorum" } else { "no quorum" };
    let failing = if view.failing_over { ", failing over" } else { "" };
    format!("{master}, {quorum}{failing}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(master: u16, quorum: Result<(), &str>, failing_over: bool) -> Result<SentinelView, Failure> {
        let master = Some(HostPort { host: "h".into(), port: master });
        let quorum = quorum.map_err(str::to_owned);
        Ok(SentinelView {
            quorum,
            master,
            master_down: failing_over,
            failing_over,
            needed: Some(2),
            replicas: Some(1),
            master_answered_ms: None,
            known: None,
        })
    }

    #[test]
    fn sentinels_must_be_enough_and_agree() {
        let well = || view(1, Ok(()), false);
        let alone = || view(1, Err("NOQUORUM 1 usable Sentinels"), false);
        let gone = || Err(Failure::Refused);
        for (views, health, says, cause) in [
            ([well(), well(), well()], Health::Ok, "all 3 agree: master h:1", ""),
            ([well(), well(), gone()], Health::Degraded, "Sentinel h:7003 refuses connections", ""),
            ([alone(), gone(), gone()], Health::Degraded, "no failover is possible", "1 usable"),
            ([well(), well(), view(2, Ok(()), false)], Health::Degraded, "2 of 3 say master h:1", "failover is under way"),
            ([view(1, Ok(()), true), well(), well()], Health::Degraded, "is down by their word", "electing a new master"),
            ([gone(), gone(), gone()], Health::Down, "no Sentinel answers", "cannot find the master"),
        ] {
            let views: Vec<_> =
                views.into_iter().enumerate().map(|(n, view)| (HostPort { host: "h".into(), port: 7001 + n as u16 }, view)).collect();
            let reading = judge(&views).unwrap();
            assert_eq!(reading.health, health, "{}", reading.summary);
            assert!(reading.summary.contains(says), "{} should say: {says}", reading.summary);
            assert!(reading.cause.clone().unwrap_or_default().contains(cause), "{:?}", reading.cause);
        }
        let denied = [(HostPort { host: "h".into(), port: 1 }, Err(Failure::Denied("no".into())))];
        assert!(judge(&denied).is_err(), "we may not look: that says nothing of the Sentinels");
    }
}
