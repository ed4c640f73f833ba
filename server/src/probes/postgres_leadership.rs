//! Whether another member could take the lead over. It also keeps what is known of the leader up to date: once that has died, what may be lost is
//! told by it.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{Probe, ProbeCtx, ProbeError, ProbeSpec, Reading, judge::not_configured};
use crate::{
    adapters::{database::DatabaseLook, patroni::Verb},
    config::{DatabaseLimits, Estate},
    leadership::candidates,
};

pub(super) struct PostgresLeadership;

impl Probe for PostgresLeadership {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec {
            id: "postgres_leadership",
            title: "Could take over",
            kind: Kind::Database,
            every: Duration::from_secs(3),
            timeout: Duration::from_secs(4),
        }
    }

    fn applies(&self, estate: &Estate, system: &SystemId) -> bool {
        estate.databases.get(system.name()).is_some_and(|database| !database.patroni.is_empty() && database.members.len() > 1)
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let name = system.name();
            let limits = &ctx.estate.databases.get(name).ok_or_else(not_configured)?.limits;
            let look = ctx.adapters.look_at(name).await.ok_or_else(not_configured)?;
            judge(&look, limits)
        })
    }
}

fn judge(look: &DatabaseLook, limits: &DatabaseLimits) -> Result<Reading, ProbeError> {
    if let Err(failure) = &look.cluster {
        return Err(ProbeError(format!("who could take over cannot be told: Patroni {failure}")));
    }
    // With a leader it is asked for a switchover, without one for a failover: that is what would be made of it.
    let verb = if look.leader().is_some() { Verb::SwitchOver } else { Verb::FailOver };
    let found = candidates(verb, look, limits);
    let fit = found.iter().filter(|candidate| candidate.fit).count();
    let mut reading = match (found.first(), fit) {
        (None, _) => Reading::new(Health::Degraded, "nobody could take over: there is no other member"),
        (Some(_), 0) => {
            let why: Vec<_> = found.iter().map(|candidate| format!("{}: {}", candidate.name, candidate.why)).collect();
            Reading::new(Health::Degraded, format!("nobody could take over; {}", why.join("; ")))
        }
        (Some(best), _) => {
            Reading::new(Health::Ok, format!("{} could take over: {}", best.name, best.why)).note(format!("{} first", best.name))
        }
    };
    let all = u64::try_from(found.len()).unwrap_or(u64::MAX);
    reading = reading.figure(Value::Of(u64::try_from(fit).unwrap_or(0), all, "could lead".into()));
    reading.facts.extend(found.into_iter().map(|candidate| {
        let word = if candidate.fit { "could lead" } else { "cannot lead" };
        Fact::new(candidate.name, Value::Text(format!("{word}: {}", candidate.why)))
    }));
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{adapters::Failure, leadership::samples};

    #[test]
    fn a_database_that_nobody_could_take_over_is_degraded() {
        let judged = |look: &DatabaseLook| judge(look, &samples::limits()).map(|reading| (reading.health, reading.summary));
        assert_eq!(
            judged(&samples::pair()).unwrap(),
            (Health::Ok, "pg2 could take over: asynchronous, 0 B to receive, 0 B to replay".to_owned())
        );
        let mut look = samples::pair();
        samples::replica(&mut look, "pg2").replay_paused = true;
        let (health, says) = judged(&look).unwrap();
        assert!(health == Health::Degraded && says.contains("nobody could take over; pg2: somebody paused its replay"), "{says}");
        let mut alone = samples::pair();
        samples::kill(&mut alone, "pg2", Failure::Refused);
        assert_eq!(judged(&alone).unwrap().0, Health::Degraded);
        let mut unread = samples::pair();
        unread.cluster = Err(Failure::HungUp);
        assert!(judged(&unread).is_err(), "unknown, not well");
    }
}
