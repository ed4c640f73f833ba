//! How old the newest backup is that may be restored from.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{below, not_configured, size, words},
};
use crate::{
    adapters::backups::{Catalog, Standing},
    config::Limit,
};

pub(super) struct BackupAge;

impl Probe for BackupAge {
    fn spec(&self) -> ProbeSpec {
        let timeout = Duration::from_millis(3_500);
        ProbeSpec { id: "backup_age", title: "Backup of {}", kind: Kind::Backup, every: Duration::from_secs(5), timeout }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let backups = ctx.adapters.backups.get(system.name()).ok_or_else(not_configured)?;
            let limit = &ctx.estate.backups.get(system.name()).ok_or_else(not_configured)?.older_than;
            let now = ctx.clock.now().wall;
            let (store, place) = (backups.store().name(), backups.store().place());
            // A store that does not answer says nothing of the age of what is in it.
            let catalog = backups.read(now).await.map_err(|fault| ProbeError(format!("the object store {store} ({place}) {fault}")))?;
            Ok(judge(&catalog, system.name(), store, now, limit))
        })
    }
}

fn judge(catalog: &Catalog, database: &str, store: &str, now: DateTime<Utc>, limit: &Limit<Duration>) -> Reading {
    let distrusted = catalog.backups.iter().filter(|backup| matches!(backup.standing, Standing::Distrusted(_))).count();
    let mut reading = match catalog.newest() {
        None => {
            let cause = match catalog.backups.len() {
                0 => "none has been made yet, or the bucket was emptied: run “Back up database”".to_owned(),
                _ => "what is there is spoilt, or its manifests do not hold: run “Back up database”, and look at the list of backups"
                    .to_owned(),
            };
            Reading::new(Health::Down, format!("the store {store} has no backup of {database} that may be restored from"))
                .figure(Value::Text("none".into()))
                .note("no backup")
                .cause(cause)
        }
        Some((backup, manifest)) => {
            let age = (now - manifest.begun_at).to_std().unwrap_or_default();
            let health = below(&age, limit);
            // What is newer than the newest good one is no backup, and somebody may count on it.
            let spoilt = catalog.backups.iter().take_while(|other| other.object != backup.object).find_map(|other| match &other.standing {
                Standing::Spoilt { manifest, verified } => Some((manifest.begun_at, verified.what.clone())),
                Standing::Good { .. } | Standing::Distrusted(_) => None,
            });
            let whole = format!("the newest backup of {database} is {} old", words(age));
            let mut reading = match (health, spoilt) {
                (Health::Ok, Some((at, what))) => Reading::new(
                    Health::Degraded,
                    format!(
                        "the backup of {database} from {} is spoilt; the newest good one is {} old",
                        at.format("%-d %b %H:%M UTC"),
                        words(age)
                    ),
                )
                .cause(format!("it was found that {what}")),
                (Health::Ok, None) => Reading::new(health, whole),
                (past, _) => {
                    let bound = if past == Health::Down { limit.down } else { limit.degraded };
                    Reading::new(past, format!("{whole}, limit {}", words(bound)))
                        .cause("no backup was made since, or none was finished: see the runs")
                }
            };
            reading = reading
                .figure(Value::Duration(age.as_secs_f64()))
                .limit(limit.degraded.as_secs_f64())
                .note(format!("{} in {store}, read back", size(manifest.bytes)))
                .fact(Fact::new("age", Value::Duration(age.as_secs_f64())).limit(Value::Duration(limit.degraded.as_secs_f64())))
                .fact(Fact::new("restores to", Value::Text(manifest.begun_at.format("%Y-%m-%d %H:%M:%S UTC").to_string())))
                .fact(Fact::new("size", Value::Bytes(manifest.bytes)))
                .fact(Fact::new("the dump took", Value::Duration(manifest.dump_seconds)))
                .fact(Fact::new("tables", Value::Count(i64::try_from(manifest.tables).unwrap_or(i64::MAX), String::new())));
            if let Some(at) = backup.proven_at() {
                reading = reading.fact(Fact::new("read to its end", Value::Text(at.format("%Y-%m-%d %H:%M:%S UTC").to_string())));
            }
            reading
        }
    };
    let count = |count: usize| Value::Count(i64::try_from(count).unwrap_or(i64::MAX), String::new());
    reading = reading
        .fact(Fact::new("backups listed", count(catalog.backups.len() - distrusted)))
        .fact(Fact::new("in the store", Value::Bytes(catalog.bytes)));
    if distrusted > 0 {
        reading = reading.fact(Fact::new("manifests that do not hold", count(distrusted)));
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::backups::{Backup, FORMAT, Manifest, VERSION, Verdict, Verification};

    const HOUR: i64 = 3_600;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 0).unwrap()
    }

    fn manifest(name: &str, ago_s: i64) -> Box<Manifest> {
        let at = now() - chrono::TimeDelta::seconds(ago_s);
        Box::new(Manifest {
            format: FORMAT.into(),
            version: VERSION,
            database: "shop".into(),
            engine: "pg_dump".into(),
            archive: "custom".into(),
            object: format!("shop/{name}.dump"),
            begun_at: at,
            ended_at: at,
            dump_seconds: 4.0,
            run: "12-abc".into(),
            by: "olga".into(),
            server_version: "15.6".into(),
            dumped_with: "15.6".into(),
            member: "db1:5432".into(),
            role: "leader".into(),
            server_database: "shop".into(),
            database_bytes: 1,
            bytes: 12_000_000,
            sha256: "ab".repeat(32),
            proven_at: at,
            objects: 9,
            tables: 3,
        })
    }

    fn backup(name: &str, standing: Standing) -> Backup {
        Backup { object: format!("shop/{name}.dump"), name: name.into(), written: now(), standing }
    }

    fn good(name: &str, ago_s: i64) -> Backup {
        backup(name, Standing::Good { manifest: manifest(name, ago_s), verified: None })
    }

    fn spoilt(name: &str, ago_s: i64) -> Backup {
        let verified = Verification {
            format: Verification::FORMAT.into(),
            version: VERSION,
            object: format!("shop/{name}.dump"),
            at: now(),
            run: "13-x".into(),
            by: "olga".into(),
            verdict: Verdict::Spoilt,
            what: "its SHA-256 is another".into(),
        };
        backup(name, Standing::Spoilt { manifest: manifest(name, ago_s), verified })
    }

    #[test]
    fn only_what_may_be_restored_from_counts() {
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        let limit = Limit { degraded: hours(26), down: hours(50) };
        let foreign = || backup("x", Standing::Distrusted("has format version 9".into()));
        for (backups, health, says) in [
            (vec![], Health::Down, "has no backup of shop"),
            (vec![foreign()], Health::Down, "has no backup of shop"),
            (vec![spoilt("a", 60)], Health::Down, "has no backup of shop"),
            (vec![good("a", 3 * HOUR)], Health::Ok, "is 3 h old"),
            (vec![foreign(), good("a", 3 * HOUR)], Health::Ok, "is 3 h old"),
            (vec![good("a", 30 * HOUR)], Health::Degraded, "is 30 h old, limit 26 h"),
            (vec![good("a", 51 * HOUR)], Health::Down, "limit 2.08 d"),
            (vec![spoilt("b", HOUR), good("a", 3 * HOUR)], Health::Degraded, "is spoilt; the newest good one is 3 h old"),
            (vec![good("b", HOUR), spoilt("a", 3 * HOUR)], Health::Ok, "is 60 min old"),
        ] {
            let catalog = Catalog { backups, ..Catalog::default() };
            let reading = judge(&catalog, "shop", "main", now(), &limit);
            assert_eq!(reading.health, health, "{}", reading.summary);
            assert!(reading.summary.contains(says), "{} should say: {says}", reading.summary);
        }
    }

    #[test]
    fn a_clock_that_runs_ahead_makes_no_negative_age() {
        let limit = Limit { degraded: Duration::from_secs(1), down: Duration::from_secs(2) };
        let catalog = Catalog { backups: vec![good("a", -300)], ..Catalog::default() };
        assert_eq!(judge(&catalog, "shop", "main", now(), &limit).figure, Some(Value::Duration(0.0)));
    }
}
