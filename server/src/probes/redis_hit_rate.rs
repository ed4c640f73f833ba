//! How many look-ups find what they look for.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{Probe, ProbeCtx, ProbeError, ProbeSpec, Reading, judge::not_configured, redis_memory::master};
use crate::adapters::redis::Info;

/// The rate is that of the last minute: shorter, and a quiet cache jumps; longer, and a cold cache shows late.
const WINDOW: Duration = Duration::from_secs(60);

/// Fewer look-ups than this are not judged: one miss of ten is no sign of anything.
const JUDGED: u64 = 100;

#[derive(Default)]
pub(super) struct RedisHitRate {
    lookups: Mutex<HashMap<SystemId, Lookups>>,
}

impl Probe for RedisHitRate {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec {
            id: "redis_hit_rate",
            title: "Hit rate",
            kind: Kind::Cache,
            every: Duration::from_secs(3),
            timeout: Duration::from_secs(3),
        }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let redis = ctx.adapters.redis.get(system.name()).ok_or_else(not_configured)?;
            let limits = &ctx.estate.caches.get(system.name()).ok_or_else(not_configured)?.limits;
            let info = master(redis.info().await)?;
            let mut known = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
            let recent = known.entry(system.clone()).or_default().recent(ctx.clock.now().mono, &info);
            let recent = recent.ok_or_else(|| ProbeError("the master does not tell its look-ups".into()))?;
            Ok(judge(recent, limits.hit_rate))
        })
    }
}

/// The counters of one master's life over the last minute.
#[derive(Default)]
struct Lookups {
    life: String,
    seen: VecDeque<(Instant, Found)>,
}

/// Look-ups that found and that did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    hits: u64,
    misses: u64,
}

impl Lookups {
    /// The look-ups of the last minute; at the first read those since the server started, which is the best that is known.
    fn recent(&mut self, now: Instant, info: &Info) -> Option<Found> {
        let total = Found { hits: info.number("keyspace_hits")?, misses: info.number("keyspace_misses")? };
        let life = info.text("run_id").unwrap_or_default();
        let went_back = self.seen.back().is_some_and(|(_, before)| before.hits > total.hits || before.misses > total.misses);
        if self.life != life || went_back {
            self.life = life.to_owned();
            self.seen.clear();
        }
        self.seen.push_back((now, total));
        while self.seen.len() > 2 && self.seen.get(1).is_some_and(|(at, _)| now - *at >= WINDOW) {
            self.seen.pop_front();
        }
        let (_, first) = *self.seen.front()?;
        if self.seen.len() == 1 {
            return Some(total);
        }
        Some(Found { hits: total.hits - first.hits, misses: total.misses - first.misses })
    }
}

fn judge(Found { hits, misses }: Found, limit: f64) -> Reading {
    let all = hits + misses;
    let limit_words = Value::Ratio(limit).text();
    if all == 0 {
        return Reading::new(Health::Ok, "nothing was looked up in the last minute").note("no look-ups").limit(limit);
    }
    let rate = hits as f64 / all as f64;
    let health = if all >= JUDGED && rate < limit { Health::Degraded } else { Health::Ok };
    let mut reading = Reading::new(health, format!("{} of {all} look-ups found something", Value::Ratio(rate).text()))
        .figure(Value::Ratio(rate))
        .limit(limit)
        .note(format!("limit {limit_words}"))
        .fact(Fact::new("hit rate", Value::Ratio(rate)).limit(Value::Ratio(limit)))
        .fact(Fact::new("look-ups", Value::Count(i64::try_from(all).unwrap_or(i64::MAX), String::new())));
    if health != Health::Ok {
        reading = reading.cause(
            "the cache is cold after a restart or failover, keys expire or are evicted too early, or clients ask for what is never stored",
        );
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_look_ups_are_not_judged() {
        for (hits, misses, health) in [(0, 0, Health::Ok), (97, 3, Health::Ok), (89, 11, Health::Degraded), (1, 9, Health::Ok)] {
            assert_eq!(judge(Found { hits, misses }, 0.9).health, health, "{hits} hits, {misses} misses");
        }
    }

    #[test]
    fn the_rate_is_the_last_minutes_and_begins_anew_with_a_new_server() {
        let t0 = Instant::now();
        let mut lookups = Lookups::default();
        let mut read = |second: u64, hits: u64, misses: u64, life: &str| {
            let info = Info::parse(&format!("keyspace_hits:{hits}\nkeyspace_misses:{misses}\nrun_id:{life}\n"));
            lookups.recent(t0 + Duration::from_secs(second), &info).map(|found| (found.hits, found.misses))
        };
        assert_eq!(read(0, 1_000, 500, "a"), Some((1_000, 500)), "since its start, at first");
        assert_eq!(read(30, 1_100, 500, "a"), Some((100, 0)));
        assert_eq!(read(60, 1_200, 510, "a"), Some((200, 10)));
        assert_eq!(read(90, 1_300, 520, "a"), Some((200, 20)), "the first half minute has left the window");
        assert_eq!(read(93, 7, 1, "b"), Some((7, 1)));
    }
}
