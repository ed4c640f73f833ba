//! How much of a cache's memory is used, and what happens when it is full.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{answered, below, not_configured, size},
};
use crate::{
    adapters::{one_line, redis::Info},
    config::Limit,
};

#[derive(Default)]
pub(super) struct RedisMemory {
    /// How many keys had been evicted when, by system and server life.
    evicted: Mutex<HashMap<SystemId, (String, Instant, u64)>>,
}

impl Probe for RedisMemory {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec { id: "redis_memory", title: "Memory", kind: Kind::Cache, every: Duration::from_secs(3), timeout: Duration::from_secs(3) }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let redis = ctx.adapters.redis.get(system.name()).ok_or_else(not_configured)?;
            let limits = &ctx.estate.caches.get(system.name()).ok_or_else(not_configured)?.limits;
            let info = master(redis.info().await)?;
            let evicted = self.evictions(system, &info, ctx.clock.now().mono);
            judge(&info, evicted, &limits.memory)
        })
    }
}

/// The master's `INFO`; what is cached is what it holds.
pub(super) fn master(nodes: Vec<(crate::config::HostPort, Result<Info, crate::adapters::Failure>)>) -> Result<Info, ProbeError> {
    let nodes = nodes.into_iter().map(|(at, answer)| (at.to_string(), answer)).collect();
    let masters = answered(nodes)?.into_iter().map(|(_, info)| info).filter(|info| info.text("role") == Some("master"));
    // Of two that call themselves master, the one with replicas is the one that clients are sent to.
    masters.max_by_key(|info| info.number("connected_slaves")).ok_or_else(|| ProbeError("no node is master".into()))
}

impl RedisMemory {
    /// Evictions a second since the last read; none at the first read of a server's life.
    fn evictions(&self, system: &SystemId, info: &Info, now: Instant) -> Option<f64> {
        let evicted = info.number("evicted_keys")?;
        let life = info.text("run_id").unwrap_or_default().to_owned();
        let mut known = self.evicted.lock().unwrap_or_else(PoisonError::into_inner);
        let (before_life, then, before) = known.insert(system.clone(), (life.clone(), now, evicted))?;
        let seconds = (now - then).as_secs_f64();
        (before_life == life && evicted >= before && seconds > 0.0).then(|| (evicted - before) as f64 / seconds)
    }
}

fn judge(info: &Info, evictions: Option<f64>, limit: &Limit<f64>) -> Result<Reading, ProbeError> {
    let used = info.number("used_memory").ok_or_else(|| ProbeError("the master does not tell its memory".into()))?;
    let max = info.number("maxmemory").filter(|max| *max > 0);
    let policy = one_line(info.text("maxmemory_policy").unwrap_or("policy not told"));
    let evicts = policy != "noeviction";
    let share = max.map(|max| used as f64 / max as f64);
    let health = match share {
        // A full cache that evicts serves on: that is what it is for. One that does not evict refuses to write.
        Some(share) if evicts => below(&share, limit).min(Health::Degraded),
        Some(share) => below(&share, limit),
        None => Health::Ok,
    };
    let summary = match max {
        Some(max) => format!("{} of {} used, {policy}", size(used), size(max)),
        None => format!("{} used, no limit is set", size(used)),
    };
    let evicted = Value::Rate(evictions.unwrap_or(0.0), "evictions/s".into());
    let mut reading = Reading::new(health, summary).figure(Value::Bytes(used)).note(match max {
        Some(max) => format!("of {}, {policy}, {}", size(max), evicted.text()),
        None => "no limit is set".into(),
    });
    if let Some(max) = max {
        reading = reading.limit(limit.degraded * max as f64);
    }
    if health != Health::Ok {
        let cause = match evictions {
            Some(rate) if rate > 0.0 => "it is full and throws out keys to make room",
            _ if evicts => "it is nearly full; from its limit on it throws out keys to make room",
            _ => "it is nearly full; from its limit on it refuses writes (noeviction)",
        };
        reading = reading.cause(cause);
    }
    if let Some(share) = share {
        reading = reading.fact(Fact::new("share of maxmemory", Value::Ratio(share)).limit(Value::Ratio(limit.degraded)));
    }
    reading = reading.fact(Fact::new("policy", Value::Text(policy))).fact(Fact::new("evictions", evicted));
    for (name, field) in [("resident", "used_memory_rss"), ("peak", "used_memory_peak")] {
        reading.facts.extend(info.number(field).map(|bytes| Fact::new(name, Value::Bytes(bytes))));
    }
    for (name, field) in
        [("clients", "connected_clients"), ("clients turned away", "rejected_connections"), ("clients blocked", "blocked_clients")]
    {
        let count = info.number(field).and_then(|count| i64::try_from(count).ok());
        reading.facts.extend(count.map(|count| Fact::new(name, Value::Count(count, String::new()))));
    }
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_is_down_only_where_it_refuses_writes() {
        let limit = Limit { degraded: 0.9, down: 1.0 };
        for (used, max, policy, health) in [
            (50, 100, "allkeys-lru", Health::Ok),
            (95, 100, "allkeys-lru", Health::Degraded),
            (101, 100, "allkeys-lru", Health::Degraded),
            (101, 100, "noeviction", Health::Down),
            (101, 0, "noeviction", Health::Ok),
        ] {
            let info = Info::parse(&format!("used_memory:{used}\nmaxmemory:{max}\nmaxmemory_policy:{policy}\n"));
            let reading = judge(&info, None, &limit).unwrap();
            assert_eq!(reading.health, health, "{}", reading.summary);
        }
        assert!(judge(&Info::default(), None, &limit).is_err());
    }

    #[test]
    fn evictions_are_counted_between_reads_of_one_life() {
        let probe = RedisMemory::default();
        let system = SystemId::new(Kind::Cache, &["a"]).unwrap();
        let t0 = Instant::now();
        let rate = |second: u64, evicted: u64, life: &str| {
            probe.evictions(&system, &Info::parse(&format!("evicted_keys:{evicted}\nrun_id:{life}\n")), t0 + Duration::from_secs(second))
        };
        assert_eq!([rate(0, 10, "a"), rate(2, 30, "a"), rate(4, 40, "b"), rate(6, 44, "b")], [None, Some(10.0), None, Some(2.0)]);
    }
}
