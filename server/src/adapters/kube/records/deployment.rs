//! A Deployment.

use super::{
    super::{
        names::{Name, Names},
        table::Record,
        text::clip,
        wire,
    },
    Template,
};

/// Which way a share of the replicas is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// `maxUnavailable`.
    Down,
    /// `maxSurge`.
    Up,
}

/// What is kept of a Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Its identity: another one under the same name has another.
    pub uid: Box<str>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Whether its controller has seen its newest form.
    pub observed: bool,
    /// Pods wanted.
    pub wanted: u32,
    /// Pods there are.
    pub replicas: u32,
    /// Pods of the newest template.
    pub updated: u32,
    /// Pods that take requests.
    pub ready: u32,
    /// Pods that have taken requests for a while.
    pub available: u32,
    /// Whether rollouts are paused.
    pub paused: bool,
    /// Whether all old pods end before new ones start.
    pub recreates: bool,
    /// Pods that a rollout may add.
    pub max_surge: u32,
    /// Pods that a rollout may take away.
    pub max_unavailable: u32,
    /// After how many seconds without progress a rollout counts as stuck.
    pub progress_deadline_s: u32,
    /// The number of its newest revision.
    pub revision: u64,
    /// Why its rollout makes no progress ("ProgressDeadlineExceeded", "ReplicaFailure"), and since when.
    pub stuck: Option<(Name, i64)>,
    /// What the controller says when it cannot make pods (quota, admission).
    pub refused: Option<Box<str>>,
    /// When it last had too few pods or enough again, in seconds since 1970.
    pub available_since: i64,
    /// Its pod template.
    pub template: Template,
}

impl Record for Deployment {}

/// A number, or a share of `of`; `default` when it is not given.
#[must_use]
pub fn amount_of(text: Option<&str>, of: u32, rounding: Rounding, default: u32) -> u32 {
    let Some(text) = text else { return default };
    let Some(percent) = text.strip_suffix('%') else { return text.parse().unwrap_or(default) };
    let Ok(percent) = percent.parse::<u32>() else { return default };
    let share = u64::from(of) * u64::from(percent);
    let amount = match rounding {
        Rounding::Down => share / 100,
        Rounding::Up => share.div_ceil(100),
    };
    u32::try_from(amount).unwrap_or(u32::MAX)
}

pub(in super::super) fn text_of(amount: Option<&wire::NumberOrShare>) -> String {
    match amount {
        // The API server fills in 25 % for both (apps/v1, "RollingUpdateDeployment").
        None => "25%".into(),
        Some(wire::NumberOrShare::Number(number)) => number.to_string(),
        Some(wire::NumberOrShare::Share(share)) => share.clone(),
    }
}

/// How many pods a rollout of `wanted` may add and take away.
pub(in super::super) fn room(strategy: &wire::Strategy, wanted: u32) -> (u32, u32) {
    if strategy.kind.as_deref() == Some("Recreate") {
        return (0, wanted);
    }
    let rolling = strategy.rolling_update.clone().unwrap_or_default();
    let surge = amount_of(Some(&text_of(rolling.max_surge.as_ref())), wanted, Rounding::Up, 1);
    let unavailable = amount_of(Some(&text_of(rolling.max_unavailable.as_ref())), wanted, Rounding::Down, 0);
    // Neither may be zero when the other is, or nothing could move (apps/v1, "maxUnavailable").
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

impl Deployment {
    /// From the API's form.
    pub(in super::super) fn from_wire(deployment: wire::Deployment, names: &mut Names) -> Self {
        let (meta, spec, status) = (deployment.metadata, deployment.spec, deployment.status);
        let wanted = spec.replicas.unwrap_or(1);
        let (max_surge, max_unavailable) = room(&spec.strategy, wanted);
        let since = |condition: &wire::Condition| wire::seconds(condition.last_transition_time);
        let failed = wire::condition(&status.conditions, "ReplicaFailure").filter(|condition| condition.status == "True");
        let late = wire::condition(&status.conditions, "Progressing").filter(|condition| condition.status == "False");
        let stuck = failed.or(late).map(|condition| {
            let reason = condition.reason.as_deref().unwrap_or(&condition.kind);
            (names.intern(&clip(reason, 80)), since(condition))
        });
        Self {
            uid: clip(&meta.uid, 64).into(),
            created: meta.created(),
            observed: status.observed_generation >= meta.generation,
            wanted,
            replicas: status.replicas,
            updated: status.updated_replicas,
            ready: status.ready_replicas,
            available: status.available_replicas,
            paused: spec.paused,
            recreates: spec.strategy.kind.as_deref() == Some("Recreate"),
            max_surge,
            max_unavailable,
            progress_deadline_s: spec.progress_deadline_seconds.unwrap_or(600),
            revision: meta.annotations.revision.as_deref().and_then(|revision| revision.parse().ok()).unwrap_or_default(),
            stuck,
            refused: failed.and_then(|condition| condition.message.as_deref()).map(|message| clip(message, 200).into()),
            available_since: wire::condition(&status.conditions, "Available").map_or(0, since),
            template: Template::from_wire(spec.template, names),
        }
    }

    /// Whether a rollout is under way: not all pods are of the newest template, or old ones are still there.
    #[must_use]
    pub const fn is_rolling(&self) -> bool {
        !self.observed || self.updated < self.wanted || self.replicas > self.updated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_replicas_are_rounded_as_kubernetes_does() {
        assert_eq!(amount_of(Some("25%"), 5, Rounding::Up, 9), 2);
        assert_eq!(amount_of(Some("25%"), 5, Rounding::Down, 9), 1);
        assert_eq!(amount_of(Some("3"), 5, Rounding::Up, 9), 3);
        assert_eq!(amount_of(None, 5, Rounding::Up, 9), 9);
    }

    #[test]
    fn one_replica_with_the_defaults_rolls_without_a_gap() {
        assert_eq!(room(&wire::Strategy::default(), 1), (1, 0));
        let recreate = wire::Strategy { kind: Some("Recreate".into()), rolling_update: None };
        assert_eq!(room(&recreate, 3), (0, 3));
    }
}
