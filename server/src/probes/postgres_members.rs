//! Whether a database's members are up, and whether exactly one of them takes writes.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{list, member_name, not_configured},
};
use crate::adapters::{
    Failure,
    postgres::{MemberRole, MemberState},
};

pub(super) struct PostgresMembers;

impl Probe for PostgresMembers {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec {
            id: "postgres_members",
            title: "{}",
            kind: Kind::Database,
            every: Duration::from_secs(3),
            timeout: Duration::from_secs(3),
        }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let postgres = ctx.adapters.postgres.get(system.name()).ok_or_else(not_configured)?;
            let (greetings, states) = tokio::join!(postgres.greetings(), postgres.states());
            let members = greetings.into_iter().zip(states).map(|((at, greeting), (_, state))| Member {
                name: member_name(ctx, system.name(), &at),
                // A member that takes no new client serves nobody who is not connected already.
                state: greeting.and(state),
            });
            Ok(judge(&members.collect::<Vec<_>>()))
        })
    }
}

struct Member {
    name: String,
    state: Result<MemberState, Failure>,
}

fn judge(members: &[Member]) -> Reading {
    let mut primaries = Vec::new();
    let mut replicas = Vec::new();
    let mut failed = Vec::new();
    for member in members {
        match &member.state {
            Ok(MemberState { role: MemberRole::Primary { timeline, .. }, .. }) => primaries.push((&member.name, *timeline)),
            Ok(MemberState { role: MemberRole::Replica(_), .. }) => replicas.push(&member.name),
            Err(failure) => failed.push((&member.name, failure)),
        }
    }
    let failures = failed.iter().map(|(name, failure)| format!("{name} {failure}")).collect::<Vec<_>>().join("; ");
    let answering = members.len() - failed.len();
    let reading = match (primaries.as_slice(), failed.as_slice()) {
        ([(name, timeline)], []) => {
            Reading::new(Health::Ok, format!("{name} leads, all members answer")).note(format!("timeline {timeline}, {name} leads"))
        }
        ([(name, timeline)], _) => {
            Reading::new(Health::Degraded, format!("{name} leads, but {failures}")).note(format!("timeline {timeline}, {name} leads"))
        }
        ([], failed) if failed.iter().any(|(_, failure)| !failure.means_down()) => {
            Reading::new(Health::Unknown, format!("no primary is seen: {failures}"))
        }
        ([], _) if answering == 0 => Reading::new(Health::Down, format!("no member answers: {failures}")),
        ([], _) => {
            let others = if failures.is_empty() { String::new() } else { format!("; {failures}") };
            let follow = if replicas.len() == 1 { "is a replica" } else { "are replicas" };
            Reading::new(Health::Down, format!("no member takes writes: {} {follow}{others}", list(&replicas)))
                .cause("the primary is gone and no replica has been promoted yet")
        }
        (several, _) => {
            let names: Vec<_> = several.iter().map(|(name, _)| name.as_str()).collect();
            Reading::new(Health::Down, format!("split brain: {} all take writes", list(&names)))
                .cause("a former primary came back without rejoining as a replica; what is written to one is missing in the other")
        }
    };
    let facts = members.iter().map(|member| Fact::new(&member.name, Value::Text(told(&member.state))));
    Reading { facts: facts.collect(), ..reading.figure(Value::Of(answering as u64, members.len() as u64, "up".into())) }
}

fn told(state: &Result<MemberState, Failure>) -> String {
    match state {
        Ok(MemberState { version, role: MemberRole::Primary { timeline, .. } }) => {
            format!("primary, timeline {timeline}, PostgreSQL {version}")
        }
        Ok(MemberState { version, role: MemberRole::Replica(_) }) => format!("replica, PostgreSQL {version}"),
        Err(failure) => failure.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::adapters::postgres::{Receiver, Replica};

    fn primary() -> Result<MemberState, Failure> {
        Ok(MemberState { version: "15.6".into(), role: MemberRole::Primary { timeline: 7, written: 100 } })
    }

    fn replica() -> Result<MemberState, Failure> {
        let role = MemberRole::Replica(Replica {
            timeline: Some(7),
            received: Some(100),
            replayed: Some(100),
            since_replayed_commit: Some(1.0),
            replay_paused: false,
            receiver: Receiver::Disconnected,
        });
        Ok(MemberState { version: "15.6".into(), role })
    }

    #[test]
    fn exactly_one_member_must_take_writes() {
        let silent = || Err(Failure::Silent(Duration::from_secs(2)));
        let denied = || Err(Failure::Denied("wrong password".into()));
        for (states, health, says) in [
            (vec![primary(), replica()], Health::Ok, "pg1 leads, all members answer"),
            (vec![primary(), Err(Failure::Refused)], Health::Degraded, "pg1 leads, but pg2 refuses connections"),
            (vec![silent(), primary()], Health::Degraded, "pg2 leads, but pg1 did not answer within 2 s"),
            (vec![primary(), primary()], Health::Down, "split brain: pg1 and pg2"),
            (vec![Err(Failure::Refused), replica()], Health::Down, "no member takes writes: pg2 is a replica; pg1 refuses connections"),
            (vec![replica(), replica()], Health::Down, "pg1 and pg2 are replicas"),
            (vec![Err(Failure::Refused), silent()], Health::Down, "no member answers: pg1 refuses connections; pg2 did not"),
            (vec![denied(), denied()], Health::Unknown, "no primary is seen: pg1 does not let the console in: wrong password"),
            (vec![denied(), replica()], Health::Unknown, "no primary is seen"),
            (vec![primary(), denied()], Health::Degraded, "pg1 leads"),
        ] {
            let name = |at: usize| format!("pg{}", at + 1);
            let members: Vec<_> = states.into_iter().enumerate().map(|(at, state)| Member { name: name(at), state }).collect();
            let reading = judge(&members);
            assert_eq!(reading.health, health, "{}", reading.summary);
            assert!(reading.summary.contains(says), "{} should say: {says}", reading.summary);
            assert_eq!(reading.facts.len(), members.len());
        }
    }
}
