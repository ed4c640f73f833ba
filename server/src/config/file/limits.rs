//! Where systems start to be unwell, and where each default comes from.

use std::time::Duration;

use crate::config::{
    CacheLimits, DatabaseLimits, Limit,
    reader::{Field, Map},
    units,
};

/// Which way is worse.
#[derive(Clone, Copy)]
enum Worse {
    /// The more, the worse: `down` is above `degraded`.
    Above,
    /// The less, the worse: `down` is below `degraded`.
    Below,
}

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// `databases.*.limits`
pub(super) fn of_database(field: Option<Field<'_>>) -> Option<DatabaseLimits> {
    let mut limits = DatabaseLimits {
        // No tool codes seconds for streaming; ten is three times what a replica on a healthy line needs to catch up after a checkpoint.
        replica_lag: Limit { degraded: Duration::from_secs(10), down: Duration::from_secs(60) },
        // pgMonitor: byte lag 50 / 100 MiB.
        replica_lag_bytes: Limit { degraded: 50 << 20, down: 100 << 20 },
        // pgMonitor: connections 75 / 90 %.
        connections: Limit { degraded: 0.75, down: 0.90 },
        // pganalyze: active query 1800 / 3600 s.
        longest_transaction: Limit { degraded: Duration::from_secs(30 * MINUTE), down: Duration::from_secs(60 * MINUTE) },
    };
    let Some(field) = field else { return Some(limits) };
    let mut map = field.map()?;
    let lag = limit(&mut map, "replica_lag", limits.replica_lag, DURATION, units::duration, Worse::Above);
    let lag_bytes = limit(&mut map, "replica_lag_bytes", limits.replica_lag_bytes, BYTES, units::bytes, Worse::Above);
    let connections = limit(&mut map, "connections", limits.connections, PERCENT, units::percent, Worse::Above);
    let transaction = limit(&mut map, "longest_transaction", limits.longest_transaction, DURATION, units::duration, Worse::Above);
    map.end();
    limits =
        DatabaseLimits { replica_lag: lag?, replica_lag_bytes: lag_bytes?, connections: connections?, longest_transaction: transaction? };
    Some(limits)
}

/// `caches.*.limits`
pub(super) fn of_cache(field: Option<Field<'_>>) -> Option<CacheLimits> {
    let mut limits = CacheLimits {
        // redis_exporter's mixin: out of memory above 90 %. At 100 % writes fail or keys are evicted.
        memory: Limit { degraded: 0.90, down: 1.0 },
        // A cache that misses more than one look-up in five spares its database little; Redis names no number.
        hit_rate: 0.80,
        // redis.conf: beyond repl-backlog-size (1 MiB) a broken link costs a full sync; at the soft limit of replicas' output buffers (64 MiB)
        // the master drops the replica.
        replica_lag_bytes: Limit { degraded: 1 << 20, down: 64 << 20 },
    };
    let Some(field) = field else { return Some(limits) };
    let mut map = field.map()?;
    let memory = limit(&mut map, "memory", limits.memory, PERCENT, units::percent, Worse::Above);
    let hit_rate = map.may("hit_rate").map_or(Some(limits.hit_rate), |field| field.parse(PERCENT, units::percent));
    let lag_bytes = limit(&mut map, "replica_lag_bytes", limits.replica_lag_bytes, BYTES, units::bytes, Worse::Above);
    map.end();
    limits = CacheLimits { memory: memory?, hit_rate: hit_rate?, replica_lag_bytes: lag_bytes? };
    Some(limits)
}

/// `backups.*.older_than`
pub(super) fn of_backup(map: &mut Map<'_>) -> Option<Limit<Duration>> {
    // A daily backup that takes up to two hours is on time; at twice a day and two hours, one was missed and the next is late.
    let default = Limit { degraded: Duration::from_secs(26 * 60 * MINUTE), down: Duration::from_secs(50 * 60 * MINUTE) };
    limit(map, "older_than", default, DURATION, units::duration, Worse::Above)
}

/// `certificates.*`: the time left.
pub(super) fn of_certificate(map: &mut Map<'_>) -> Option<Limit<Duration>> {
    // Let's Encrypt certificates are renewed with 30 days left: with 21, a renewal has failed.
    let default = Limit { degraded: Duration::from_secs(21 * DAY), down: Duration::from_secs(3 * DAY) };
    pair(map, default, DURATION, units::duration, Worse::Below)
}

/// `metrics.*.tiles[]`: none where neither is given.
pub(super) fn of_metric(map: &mut Map<'_>) -> Option<Option<Limit<f64>>> {
    let read = |field: Option<Field<'_>>| field.map(|field| field.parse("a number", units::number));
    let (degraded, down) = (map.may("degraded"), map.may("down"));
    let told = degraded.clone().or_else(|| down.clone());
    match (read(degraded), read(down)) {
        (None, None) => Some(None),
        (Some(degraded), None) => degraded.map(|degraded| Some(Limit { degraded, down: f64::INFINITY })),
        (None, Some(_)) => {
            told?.wrong("stands alone", "write `degraded` too: it is where people start to look");
            None
        }
        (Some(degraded), Some(down)) => {
            let limit = Limit { degraded: degraded?, down: down? };
            in_order(&told?, limit, Worse::Above).map(Some)
        }
    }
}

const DURATION: &str = "a length of time such as 500ms, 10s, 5m, 26h or 21d";
const BYTES: &str = "a size such as 64MiB or 256MB";
const PERCENT: &str = "a share such as 75%";

fn limit<T: PartialOrd + Copy>(
    map: &mut Map<'_>,
    key: &'static str,
    default: Limit<T>,
    should_be: &str,
    parse: fn(&str) -> Option<T>,
    worse: Worse,
) -> Option<Limit<T>> {
    let Some(field) = map.may(key) else { return Some(default) };
    let mut inner = field.map()?;
    let read = pair(&mut inner, default, should_be, parse, worse);
    inner.end();
    read
}

fn pair<T: PartialOrd + Copy>(
    map: &mut Map<'_>,
    default: Limit<T>,
    should_be: &str,
    parse: fn(&str) -> Option<T>,
    worse: Worse,
) -> Option<Limit<T>> {
    let (degraded, down) = (map.may("degraded"), map.may("down"));
    let told = degraded.clone().or_else(|| down.clone());
    let degraded = degraded.map_or(Some(default.degraded), |field| field.parse(should_be, parse));
    let down = down.map_or(Some(default.down), |field| field.parse(should_be, parse));
    let limit = Limit { degraded: degraded?, down: down? };
    match told {
        Some(field) => in_order(&field, limit, worse),
        None => Some(limit),
    }
}

/// Down is never reached before degraded.
fn in_order<T: PartialOrd>(field: &Field<'_>, limit: Limit<T>, worse: Worse) -> Option<Limit<T>> {
    let (sound, other) = match worse {
        Worse::Above => (limit.degraded <= limit.down, "lower"),
        Worse::Below => (limit.degraded >= limit.down, "higher"),
    };
    if !sound {
        field.wrong("is past `down`", format!("`degraded` comes first: give it the {other} value of the two"));
        return None;
    }
    Some(limit)
}
