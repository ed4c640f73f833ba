//! The longest open transaction, and how many end each second.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{answered, below, member_name, not_configured, words},
};
use crate::{
    adapters::{one_line, postgres::Transactions},
    config::Limit,
};

#[derive(Default)]
pub(super) struct PostgresTransactions {
    /// How many had ended when, by system and member.
    ended: Mutex<HashMap<(SystemId, String), (Instant, i64)>>,
}

impl Probe for PostgresTransactions {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec {
            id: "postgres_transactions",
            title: "Longest transaction",
            kind: Kind::Database,
            every: Duration::from_secs(3),
            timeout: Duration::from_secs(3),
        }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let name = system.name();
            let postgres = ctx.adapters.postgres.get(name).ok_or_else(not_configured)?;
            let limits = &ctx.estate.databases.get(name).ok_or_else(not_configured)?.limits;
            let answers = postgres.transactions().await.into_iter().map(|(at, answer)| (member_name(ctx, name, &at), answer));
            let members = answered(answers.collect())?;
            let rate = members
                .iter()
                .filter_map(|(member, found)| self.rate(system, member, ctx.clock.now().mono, found.ended?))
                .reduce(|a, b| a + b);
            Ok(judge(&members, rate, &limits.longest_transaction))
        })
    }
}

impl PostgresTransactions {
    /// Transactions a second since the last read; none at the first read and after a reset of the statistics.
    fn rate(&self, system: &SystemId, member: &str, now: Instant, ended: i64) -> Option<f64> {
        let mut known = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let (then, before) = known.insert((system.clone(), member.to_owned()), (now, ended))?;
        let seconds = (now - then).as_secs_f64();
        (ended >= before && seconds > 0.0).then(|| (ended - before) as f64 / seconds)
    }
}

fn judge(members: &[(String, Transactions)], rate: Option<f64>, limit: &Limit<Duration>) -> Reading {
    let open = members.iter().filter_map(|(name, found)| Some((name, found, found.longest?)));
    let longest = open.max_by(|(.., a), (.., b)| a.total_cmp(b));
    let age = Duration::from_secs_f64(longest.map_or(0.0, |(.., seconds)| seconds.clamp(0.0, 1e9)));
    let health = below(&age, limit);
    let mut reading = match longest {
        Some((name, found, _)) => {
            let whose = found.user_name.as_deref().map(one_line).unwrap_or_else(|| "somebody".into());
            let state = found.state.as_deref().map(one_line).unwrap_or_else(|| "state not seen".into());
            let mut reading =
                Reading::new(health, format!("a transaction of {whose} on {name} has been open for {} ({state})", words(age)));
            if health != Health::Ok && state.starts_with("idle in transaction") {
                reading = reading.cause("its application began it and does not end it; it holds locks and keeps vacuum from cleaning up");
            }
            let pid = found.pid.unwrap_or(0);
            let application = found.application.as_deref().map(one_line).filter(|name| !name.is_empty());
            let application = application.unwrap_or_else(|| "it does not say".into());
            reading
                .fact(Fact::new("process", Value::Count(pid.into(), String::new())))
                .fact(Fact::new("role", Value::Text(whose)))
                .fact(Fact::new("application", Value::Text(application)))
                .fact(Fact::new("state", Value::Text(state)))
        }
        None => Reading::new(health, "no transaction is open"),
    };
    reading = reading.figure(Value::Duration(age.as_secs_f64())).limit(limit.degraded.as_secs_f64());
    match rate {
        Some(rate) => {
            let rate = Value::Rate(rate, "tx/s".into());
            reading.note(rate.text()).fact(Fact::new("transactions", rate))
        }
        None => reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(longest: Option<f64>) -> Transactions {
        let text = |text: &str| Some(text.to_owned());
        let state = text("idle in transaction");
        Transactions { longest, pid: Some(42), user_name: text("web"), application: text("shop"), state, ended: Some(0) }
    }

    #[test]
    fn the_longest_transaction_of_any_member_counts() {
        let limit = Limit { degraded: Duration::from_secs(300), down: Duration::from_secs(3600) };
        for (first, second, health) in [
            (None, None, Health::Ok),
            (Some(2.0), None, Health::Ok),
            (Some(1.0), Some(301.0), Health::Degraded),
            (Some(4000.0), None, Health::Down),
        ] {
            let reading = judge(&[("pg1".into(), open(first)), ("pg2".into(), open(second))], None, &limit);
            assert_eq!(reading.health, health, "{}", reading.summary);
        }
        let reading = judge(&[("pg1".into(), open(Some(600.0)))], Some(12.0), &limit);
        assert_eq!(reading.summary, "a transaction of web on pg1 has been open for 10 min (idle in transaction)");
        assert!(reading.cause.is_some() && reading.note == "12 tx/s");
    }

    #[test]
    fn a_rate_needs_two_reads_and_survives_a_reset() {
        let probe = PostgresTransactions::default();
        let system = SystemId::new(Kind::Database, &["a"]).unwrap();
        let t0 = Instant::now();
        let rate = |second: u64, ended| probe.rate(&system, "pg1", t0 + Duration::from_secs(second), ended);
        assert_eq!([rate(0, 100), rate(2, 160), rate(4, 10), rate(6, 20)], [None, Some(30.0), None, Some(5.0)]);
    }
}
