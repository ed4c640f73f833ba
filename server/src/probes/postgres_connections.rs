//! How many of a database's connections are taken.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{answered, below, member_name, not_configured},
};
use crate::{
    adapters::{Failure, postgres::Connections},
    config::Limit,
};

pub(super) struct PostgresConnections;

impl Probe for PostgresConnections {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec {
            id: "postgres_connections",
            title: "Connections",
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
            let answers = postgres.connections().await.into_iter().map(|(at, answer)| (member_name(ctx, name, &at), answer));
            judge(answers.collect(), &limits.connections)
        })
    }
}

/// Judges the fullest member. Members that do not answer are `postgres_members`' to report; one that is too full to answer is this probe's.
fn judge(answers: Vec<(String, Result<Connections, Failure>)>, limit: &Limit<f64>) -> Result<Reading, ProbeError> {
    let full = answers.iter().find_map(|(name, answer)| match answer {
        Err(Failure::Full(says)) => Some((name.clone(), says.clone())),
        _ => None,
    });
    if let Some((name, says)) = full {
        return Ok(Reading::new(Health::Down, format!("{name} has no free connection"))
            .cause(format!("the server says: {says}"))
            .figure(Value::Text("none free".into())));
    }
    let members = answered(answers)?;
    let share = |connections: &Connections| connections.used as f64 / connections.max.max(1) as f64;
    let Some((name, fullest)) = members.iter().max_by(|(_, a), (_, b)| share(a).total_cmp(&share(b))) else {
        return Err(not_configured());
    };
    let used = share(fullest);
    let of = |state: &str| fullest.by_state.iter().find(|(name, _)| name == state).map_or(0, |(_, n)| *n);
    let in_transaction = of("idle in transaction") + of("idle in transaction (aborted)");
    let mut reading = Reading::new(below(&used, limit), format!("{} of {} connections of {name} are taken", fullest.used, fullest.max))
        .figure(Value::Of(fullest.used, fullest.max, "taken".into()))
        .limit(limit.degraded * fullest.max as f64)
        .note(format!("{in_transaction} idle in transaction"));
    if reading.health != Health::Ok {
        let most = fullest.by_state.first().map(|(state, n)| format!("most of them, {n}, are {state}"));
        reading.cause = most.map(|most| format!("{most}; an application opens more than it closes, or its pool is too large"));
    }
    for (name, connections) in &members {
        let limit = Value::Ratio(limit.degraded);
        reading.facts.push(Fact::new(format!("{name}: taken"), Value::Ratio(share(connections))).limit(limit));
        for (state, n) in &connections.by_state {
            reading.facts.push(Fact::new(format!("{name}: {state}"), Value::Count(i64::try_from(*n).unwrap_or(i64::MAX), String::new())));
        }
    }
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_member_counts_and_one_that_lets_nobody_in_is_down() {
        let taken = |used, max| Ok(Connections { used, max, by_state: vec![("idle in transaction".into(), used)] });
        let limit = Limit { degraded: 0.75, down: 0.9 };
        for (first, second, health) in [
            (taken(10, 60), taken(1, 60), Health::Ok),
            (taken(1, 60), taken(45, 60), Health::Degraded),
            (taken(54, 60), taken(1, 60), Health::Down),
            (Err(Failure::Refused), taken(45, 60), Health::Degraded),
            (Err(Failure::Full("too many clients already".into())), taken(1, 60), Health::Down),
        ] {
            let reading = judge(vec![("pg1".into(), first), ("pg2".into(), second)], &limit).unwrap();
            assert_eq!(reading.health, health, "{}", reading.summary);
            assert_eq!(reading.cause.is_some(), health != Health::Ok);
        }
        let nobody = judge(vec![("pg1".into(), Err(Failure::Refused))], &limit);
        assert_eq!(nobody.unwrap_err().to_string(), "pg1 refuses connections");
    }
}
