//! Whether a cache's nodes are up, exactly one is master, and the others follow it.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{below, list, not_configured, size},
};
use crate::{
    adapters::{Failure, redis::Info, sentinel::SentinelView},
    config::{CacheLimits, HostPort},
};

pub(super) struct RedisMembers;

impl Probe for RedisMembers {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec { id: "redis_members", title: "{}", kind: Kind::Cache, every: Duration::from_secs(3), timeout: Duration::from_secs(3) }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let redis = ctx.adapters.redis.get(system.name()).ok_or_else(not_configured)?;
            let limits = &ctx.estate.caches.get(system.name()).ok_or_else(not_configured)?.limits;
            let views = async {
                match ctx.adapters.sentinel.get(system.name()) {
                    Some(sentinel) => sentinel.views().await.into_iter().filter_map(|(_, view)| view.ok()).collect(),
                    None => Vec::new(),
                }
            };
            // The slow log is for the page; a node that is slow in telling it delays nothing that is judged longer than its own limit.
            let (nodes, views, ()) = tokio::join!(redis.info(), views, redis.read_slow_log());
            Ok(judge(&nodes, &views, limits))
        })
    }
}

fn judge(nodes: &[(HostPort, Result<Info, Failure>)], sentinels: &[SentinelView], limits: &CacheLimits) -> Reading {
    let mut masters = Vec::new();
    let mut replicas = Vec::new();
    let mut failed = Vec::new();
    for (at, answer) in nodes {
        match answer {
            Ok(info) if info.text("role") == Some("master") => masters.push((at, info)),
            Ok(info) => replicas.push((at, info)),
            Err(failure) => failed.push((at, failure)),
        }
    }
    let failures = failed.iter().map(|(at, failure)| format!("{at} {failure}")).collect::<Vec<_>>().join("; ");
    let others = if failures.is_empty() { String::new() } else { format!("; {failures}") };
    let answering = nodes.len() - failed.len();
    let electing = sentinels.iter().any(|view| view.failing_over || view.master_down);
    let mut reading = match masters.as_slice() {
        [(at, master)] => with_master(at, master, &replicas, sentinels, &others, limits),
        [] if failed.iter().any(|(_, failure)| !failure.means_down()) => {
            Reading::new(Health::Unknown, format!("no master is seen: {failures}"))
        }
        [] if answering == 0 => Reading::new(Health::Down, format!("no node answers: {failures}")),
        [] => {
            let names: Vec<_> = replicas.iter().map(|(at, _)| at.to_string()).collect();
            Reading::new(Health::Down, format!("no node is master: {} only follows{others}", list(&names)))
        }
        several => {
            let names: Vec<_> = several.iter().map(|(at, _)| at.to_string()).collect();
            // Clients that ask Sentinel find the right one, so it serves; what is written to the other is lost when that is demoted.
            Reading::new(Health::Degraded, format!("{} both call themselves master{others}", list(&names)))
                .cause("a former master came back and Sentinel has not demoted it yet")
        }
    };
    if masters.is_empty() && electing {
        reading = reading.cause("the master is gone and Sentinel is electing a new one");
    }
    reading.facts.extend(nodes.iter().map(|(at, answer)| Fact::new(at.to_string(), Value::Text(told(answer)))));
    reading.figure(Value::Of(answering as u64, nodes.len() as u64, "up".into()))
}

fn with_master(
    at: &HostPort,
    master: &Info,
    replicas: &[(&HostPort, &Info)],
    sentinels: &[SentinelView],
    failures: &str,
    limits: &CacheLimits,
) -> Reading {
    let mut wrong: Vec<(Health, String, Option<&str>)> = Vec::new();
    let elsewhere = sentinels.iter().filter_map(|view| view.master.as_ref()).find(|known| known.port != at.port || known.host != at.host);
    // Sentinels may know a node by another name; only an address that is one of ours and not the master contradicts.
    if let Some(known) = elsewhere.filter(|known| replicas.iter().any(|(replica, _)| replica == known)) {
        let cause = "a failover was made past Sentinel, or is under way; clients that ask Sentinel cannot write until it has looked again";
        wrong.push((Health::Degraded, format!("Sentinel sends clients to {known}, but {at} is master"), Some(cause)));
    }
    for (replica, info) in replicas {
        if info.text("master_link_status") != Some("up") {
            let copies = info.number("master_sync_in_progress") == Some(1);
            let cause = if copies {
                "it is copying everything from its master"
            } else {
                "it does not reach its master, or its master does not let it in"
            };
            wrong.push((Health::Degraded, format!("{replica} is not linked to its master"), Some(cause)));
            continue;
        }
        if let Some(gap) = gap(master, info) {
            let health = below(&gap, &limits.replica_lag_bytes);
            if health != Health::Ok {
                wrong.push((health, format!("{replica} is {} behind its master", size(gap)), None));
            }
        }
    }
    if !failures.is_empty() {
        wrong.push((Health::Degraded, failures.trim_start_matches("; ").to_owned(), None));
    }
    wrong.sort_by_key(|(health, ..)| std::cmp::Reverse(*health));
    let health = wrong.first().map_or(Health::Ok, |(health, ..)| *health);
    let summary = match wrong.as_slice() {
        [] if replicas.is_empty() => format!("{at} is master"),
        [] => format!("{at} is master, all nodes answer and follow"),
        wrong => wrong.iter().map(|(_, says, _)| says.as_str()).collect::<Vec<_>>().join("; "),
    };
    let rate = master.number("instantaneous_ops_per_sec").map(|rate| format!(", {}", Value::Rate(rate as f64, "ops/s".into()).text()));
    let mut reading = Reading::new(health, summary).note(format!("{at} is master{}", rate.unwrap_or_default()));
    reading.cause = wrong.into_iter().find_map(|(_, _, cause)| cause).map(str::to_owned);
    let facts = replicas.iter().filter_map(|(replica, info)| Some((replica, gap(master, info)?)));
    let limit = Value::Bytes(limits.replica_lag_bytes.degraded);
    reading.facts = facts.map(|(replica, gap)| Fact::new(format!("{replica}: behind"), Value::Bytes(gap)).limit(limit.clone())).collect();
    reading
}

/// Bytes of the replication stream that a replica has not read. Both offsets are read a moment apart, so a busy healthy replica shows a few kilobytes.
fn gap(master: &Info, replica: &Info) -> Option<u64> {
    Some(master.number("master_repl_offset")?.saturating_sub(replica.number("slave_repl_offset")?))
}

fn told(answer: &Result<Info, Failure>) -> String {
    let info = match answer {
        Ok(info) => info,
        Err(failure) => return failure.to_string(),
    };
    let version = info.text("redis_version").map(|version| format!(", Redis {}", crate::adapters::one_line(version))).unwrap_or_default();
    match info.text("role") {
        Some("master") => format!("master, {} replicas{version}", info.number("connected_slaves").unwrap_or(0)),
        _ => format!(
            "replica, link {}{version}",
            info.text("master_link_status").map_or_else(|| "not told".into(), crate::adapters::one_line)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limit;

    fn limits() -> CacheLimits {
        CacheLimits {
            memory: Limit { degraded: 0.9, down: 1.0 },
            hit_rate: 0.9,
            replica_lag_bytes: Limit { degraded: 1_000, down: 1_000_000 },
        }
    }

    fn at(port: u16) -> HostPort {
        HostPort { host: "h".into(), port }
    }

    fn view(master: u16, failing_over: bool) -> SentinelView {
        SentinelView {
            quorum: Ok(()),
            master: Some(at(master)),
            master_down: failing_over,
            failing_over,
            needed: Some(2),
            replicas: Some(1),
            master_answered_ms: None,
            known: None,
        }
    }

    fn node(text: &str) -> Result<Info, Failure> {
        Ok(Info::parse(&text.replace(' ', "\n")))
    }

    #[test]
    fn exactly_one_node_must_be_master_and_the_others_follow() {
        let master = || node("role:master connected_slaves:1 master_repl_offset:5000");
        let replica = |offset: u64, link: &str| node(&format!("role:slave master_link_status:{link} slave_repl_offset:{offset}"));
        let refused = || Err(Failure::Refused);
        for (first, second, sentinel, health, says, cause) in [
            (master(), replica(4_900, "up"), view(1, false), Health::Ok, "h:1 is master, all nodes answer and follow", ""),
            (master(), replica(0, "up"), view(1, false), Health::Degraded, "h:2 is 5 kB behind", ""),
            (master(), replica(5_000, "down"), view(1, false), Health::Degraded, "h:2 is not linked", "does not reach"),
            (master(), refused(), view(1, false), Health::Degraded, "h:2 refuses connections", ""),
            (refused(), replica(9, "down"), view(1, true), Health::Down, "no node is master: h:2 only follows; h:1 refuses", "electing"),
            (refused(), refused(), view(1, true), Health::Down, "no node answers", "electing"),
            (master(), master(), view(1, false), Health::Degraded, "h:1 and h:2 both call themselves master", "not demoted"),
            (
                master(),
                replica(5_000, "up"),
                view(2, false),
                Health::Degraded,
                "Sentinel sends clients to h:2, but h:1 is master",
                "past Sentinel",
            ),
            (Err(Failure::Denied("no".into())), refused(), view(1, false), Health::Unknown, "no master is seen", ""),
        ] {
            let reading = judge(&[(at(1), first), (at(2), second)], &[sentinel], &limits());
            assert_eq!(reading.health, health, "{}", reading.summary);
            assert!(reading.summary.contains(says), "{} should say: {says}", reading.summary);
            assert!(reading.cause.clone().unwrap_or_default().contains(cause), "{:?}", reading.cause);
        }
    }
}
