//! Who may take over, the best first, each with its reason.

use app::model::{CheckOutcome, Value};

use super::checks::{OF_THE_CANDIDATE, checks};
use crate::{
    adapters::{
        database::{DatabaseLook, Member},
        patroni::Verb,
    },
    config::DatabaseLimits,
};

/// A member that could be given the lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Whether nothing about itself forbids it.
    pub fit: bool,
    /// Why it is good, or why it cannot be.
    pub why: String,
}

/// Every member that does not lead, the best first: fit before unfit, synchronous before not, then by what it lacks.
#[must_use]
pub fn candidates(verb: Verb, look: &DatabaseLook, limits: &DatabaseLimits) -> Vec<Candidate> {
    let leads = |member: &&Member| member.registered.as_ref().is_some_and(|view| view.leads());
    let mut ranked: Vec<_> = look
        .members
        .iter()
        .filter(|member| !leads(member) && member.registered.is_some())
        .map(|member| {
            let bad = checks(verb, look, &member.name, limits)
                .into_iter()
                .filter(|check| OF_THE_CANDIDATE.contains(&check.rule.as_str()))
                .find(|check| matches!(check.outcome, CheckOutcome::Fail | CheckOutcome::Unknown));
            let position = member.replica().map(|replica| replica.received.max(replica.replayed).unwrap_or(0)).unwrap_or(0);
            let synchronous = member.registered.as_ref().is_some_and(|view| view.is_synchronous());
            let why = match &bad {
                Some(check) => check.value.clone(),
                None => good(look, member, synchronous),
            };
            let rank = (bad.is_some(), !synchronous, std::cmp::Reverse(position), member.name.clone());
            (rank, Candidate { name: member.name.clone(), fit: bad.is_none(), why })
        })
        .collect();
    ranked.sort_by(|a, b| a.0.cmp(&b.0));
    ranked.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Why it is good: how it follows, and what it lacks.
fn good(look: &DatabaseLook, member: &Member, synchronous: bool) -> String {
    let how = if synchronous { "synchronous" } else { "asynchronous" };
    let Some(replica) = member.replica() else { return how.to_owned() };
    match look.leader().and_then(Member::primary) {
        Some((_, written)) => {
            let lacks = |position: Option<u64>| Value::Bytes(written.saturating_sub(position.unwrap_or(0))).text();
            format!("{how}, {} to receive, {} to replay", lacks(replica.received), lacks(replica.replayed))
        }
        None => format!("{how}, nobody leads; it has received {}", Value::Bytes(replica.received.unwrap_or(0)).text()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leadership::samples;

    #[test]
    fn the_best_stands_first_and_what_cannot_says_why() {
        let mut look = samples::three();
        samples::replica(&mut look, "pg2").received = Some(samples::WRITTEN - 500);
        samples::replica(&mut look, "pg2").replayed = Some(samples::WRITTEN - 500);
        let named = |look: &DatabaseLook| candidates(Verb::SwitchOver, look, &samples::limits());
        let found = named(&look);
        assert_eq!(
            found.iter().map(|candidate| (candidate.name.as_str(), candidate.fit)).collect::<Vec<_>>(),
            [("pg3", true), ("pg2", true)]
        );
        assert_eq!(found[0].why, "asynchronous, 0 B to receive, 0 B to replay");
        samples::of(&mut look, "pg3").registered.as_mut().unwrap().tags.insert("nofailover".into(), true.into());
        let found = named(&look);
        assert_eq!((found[1].name.as_str(), found[1].fit), ("pg3", false));
        assert!(found[1].why.contains("nofailover"));
    }
}
