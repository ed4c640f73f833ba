//! How the pods of a cluster's watched namespaces are.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Probe, ProbeCtx, ProbeError, ProbeSpec, Reading, cluster_news};
use crate::adapters::kube::{State, Watch};

/// Pods, counted.
pub struct KubePods;

/// The watches that counting rests on.
pub const NEEDS: [Watch; 3] = [Watch::Pods, Watch::Nodes, Watch::ReplicaSets];

impl Probe for KubePods {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec { id: "kube_pods", title: "Pods", kind: Kind::Cluster, every: Duration::from_secs(2), timeout: Duration::from_secs(1) }
    }

    fn news(&self, ctx: &ProbeCtx, system: &SystemId) -> Option<watch::Receiver<u64>> {
        cluster_news(ctx, system)
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let look = ctx.adapters.kube.of(system)?.look(&NEEDS, None)?;
            Ok(judge(&count(&look.state, look.now)).age(look.age))
        })
    }
}

/// Pods of the watched namespaces, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that should run.
    pub wanted: u64,
    /// Those that take requests.
    pub ready: u64,
    /// Those that are not well and belong to a Deployment, which says so itself.
    pub unwell_in_deployments: u64,
    /// The Deployment that most of them belong to.
    pub worst_deployment: Option<String>,
    /// Those that are not well and belong to none.
    pub unwell_alone: u64,
    /// What one of these suffers from, and its name.
    pub reason: Option<(String, String)>,
}

/// Counts the pods.
#[must_use]
pub fn count(state: &State, now: i64) -> Counts {
    let mut counts = Counts::default();
    let mut by_deployment = std::collections::BTreeMap::<&str, u64>::new();
    for (key, pod) in state.pods.iter() {
        let standing = pod.standing(now, state.node_ready(pod.node.as_deref()));
        counts.wanted += u64::from(pod.is_active());
        counts.ready += u64::from(pod.is_active() && pod.ready);
        if !standing.is_unwell() {
            continue;
        }
        let set = pod.replica_set.as_ref().and_then(|set| state.replica_sets.get(&key.namespace, set));
        match set.and_then(|set| set.deployment.as_deref()) {
            Some(deployment) => {
                counts.unwell_in_deployments += 1;
                *by_deployment.entry(deployment).or_default() += 1;
            }
            None => {
                counts.unwell_alone += 1;
                // The first by name, so that the same one is named each time.
                if counts.reason.as_ref().is_none_or(|(name, _)| **name > *key.name) {
                    counts.reason = standing.reason().map(|reason| (key.name.to_string(), reason));
                }
            }
        }
    }
    counts.worst_deployment = by_deployment.into_iter().max_by_key(|(_, count)| *count).map(|(name, _)| name.to_owned());
    counts
}

/// Degraded by pods that nothing else on the screen answers for: those of Deployments are judged with their Deployment, once.
#[must_use]
pub fn judge(counts: &Counts) -> Reading {
    let Counts { wanted, ready, .. } = *counts;
    let unwell = counts.unwell_alone + counts.unwell_in_deployments;
    let (health, summary) = match counts.unwell_alone {
        0 => (Health::Ok, format!("{ready} of {wanted} pods ready")),
        1 => (Health::Degraded, "1 pod that is part of no Deployment is not well".to_owned()),
        more => (Health::Degraded, format!("{more} pods that are part of no Deployment are not well")),
    };
    let note = match (unwell, &counts.worst_deployment) {
        (0, _) => "all are well".to_owned(),
        (unwell, Some(deployment)) => format!("{unwell} not well, most in {deployment}"),
        (unwell, None) => format!("{unwell} not well"),
    };
    let reading = Reading::new(health, summary)
        .figure(Value::Of(ready, wanted, "pods ready".into()))
        .note(note)
        .fact(Fact::new("pods ready", Value::Of(ready, wanted, String::new())))
        .fact(Fact::new("not well", Value::Count(unwell as i64, "pods".into())));
    match &counts.reason {
        Some((pod, reason)) => reading.cause(format!("{pod}: {reason}")),
        None => reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_of_deployments_are_counted_here_and_judged_there() {
        let counts = Counts { wanted: 5, ready: 4, unwell_in_deployments: 1, worst_deployment: Some("cart".into()), ..Counts::default() };
        let reading = judge(&counts);
        assert_eq!(
            (reading.health, reading.summary.as_str(), reading.note.as_str()),
            (Health::Ok, "4 of 5 pods ready", "1 not well, most in cart")
        );
    }

    #[test]
    fn a_pod_that_nothing_else_answers_for_degrades_the_cluster() {
        let counts = Counts {
            wanted: 2,
            ready: 1,
            unwell_alone: 1,
            reason: Some(("job-1".into(), "It was ended (Evicted)".into())),
            ..Counts::default()
        };
        let reading = judge(&counts);
        assert_eq!(reading.health, Health::Degraded);
        assert_eq!(reading.cause.as_deref(), Some("job-1: It was ended (Evicted)"));
    }
}
