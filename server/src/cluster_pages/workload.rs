//! The page of one Deployment.

use std::collections::HashMap;

use app::model::{AutoscalerView, EventRow, Fact, Health, RevisionRow, RunbookLink, Seen, SystemId, Value, WorkloadView};

use super::{MAX_ROWS, Moments, first, moment, pod_row};
use crate::{
    adapters::kube::{ClusterWatch, Deployment, NotSeen, State},
    probes::kube_deployment,
};

/// Folded events on a page.
const MAX_EVENTS: usize = 20;
/// Revisions on a page; Kubernetes keeps 10 old ones by default.
const MAX_REVISIONS: usize = 12;

/// Its page; none when there is no such Deployment. `runbooks` are the buttons that the reader may see.
///
/// # Errors
/// When the cluster was never seen whole: whether there is such a Deployment is not known.
pub fn workload_view(
    watch: &ClusterWatch,
    system: &SystemId,
    runbooks: Vec<RunbookLink>,
    seen: Seen,
    moments: Moments<'_>,
) -> Result<Option<WorkloadView>, NotSeen> {
    let namespace = system.namespace().unwrap_or_default();
    let name = system.name();
    let look = watch.look(&kube_deployment::NEEDS, Some(namespace))?;
    let (state, now) = (&*look.state, look.now);
    let Some(deployment) = state.deployments.get(namespace, name) else { return Ok(None) };

    let judged = kube_deployment::pods_of(state, namespace, name, deployment, now);
    let verdict = kube_deployment::judge(deployment, &judged, now);
    let mut pods: Vec<_> = state.pods_of(namespace, name).map(|(key, pod)| pod_row(state, key, pod, now, moments)).collect();
    pods.sort_by(|a, b| b.health.cmp(&a.health).then_with(|| a.name.cmp(&b.name)));
    let (pods, more_pods) = first(pods, MAX_ROWS);
    let text = match (&verdict.cause, verdict.health) {
        (Some(cause), _) => format!("{}. {cause}.", verdict.summary),
        (None, Health::Ok) => format!("{}, {}.", verdict.summary, verdict.note),
        (None, _) => format!("{}.", verdict.summary),
    };
    let images = deployment.template.containers.iter().map(|container| (container.name.to_string(), container.image.to_string()));
    Ok(Some(WorkloadView {
        system: system.clone(),
        health: verdict.health,
        verdict: text,
        counts: counts(state, namespace, name, deployment, verdict.ready),
        autoscaler: autoscaler(state, namespace, name),
        images: images.collect(),
        pods,
        more_pods,
        events: events(state, namespace, name, moments),
        revisions: revisions(state, namespace, name, moments),
        runbooks,
        seen,
    }))
}

fn counts(state: &State, namespace: &str, name: &str, deployment: &Deployment, ready: u32) -> Vec<Fact> {
    let of = |count: u32| Value::Of(count.into(), deployment.wanted.into(), String::new());
    let pods = || state.pods_of(namespace, name).map(|(_, pod)| pod);
    let restarts: u64 = pods().map(|pod| u64::from(pod.restarts)).sum();
    let mut facts = vec![
        Fact::new("ready", of(ready)),
        Fact::new(format!("on revision {}", deployment.revision), of(deployment.updated)),
        Fact::new("available", of(deployment.available)),
        Fact::new("restarts", Value::Count(restarts as i64, String::new())),
    ];
    // Pods whose use is not known are left out of both sides.
    let known: Vec<_> = pods().filter_map(|pod| pod.used.map(|used| (used, pod.requests, pod.limits))).collect();
    let share = |name: &str, used: u64, of: u64| (of > 0).then(|| Fact::new(name, Value::Ratio(used as f64 / of as f64)));
    let cpu = known.iter().map(|(used, ..)| used.milli_cpu()).sum();
    let memory = known.iter().map(|(used, ..)| used.memory()).sum();
    facts.extend(share("CPU of request", cpu, known.iter().map(|(_, requests, _)| requests.milli_cpu()).sum()));
    facts.extend(share("memory of request", memory, known.iter().map(|(_, requests, _)| requests.memory()).sum()));
    // A limit of zero means none: then a share of the limits would say too much.
    if known.iter().all(|(_, _, limits)| limits.memory() > 0) {
        facts.extend(share("memory of limit", memory, known.iter().map(|(_, _, limits)| limits.memory()).sum()));
    }
    facts
}

fn autoscaler(state: &State, namespace: &str, name: &str) -> Option<AutoscalerView> {
    let (key, found) = state.autoscalers.owned_by(namespace, name).next()?;
    let mut metrics: Vec<_> = found.metrics.iter().map(|metric| metric.words()).collect();
    if let Some(reason) = &found.inactive {
        metrics.push(format!("does not scale now: {reason}"));
    }
    Some(AutoscalerView { name: key.name.to_string(), min: found.min, max: found.max, desired: found.desired, metrics })
}

/// What was said about the Deployment, its ReplicaSets and their pods, folded by reason.
fn events(state: &State, namespace: &str, name: &str, moments: Moments<'_>) -> Vec<EventRow> {
    let sets: Vec<_> = state.replica_sets.owned_by(namespace, name).map(|(key, _)| &*key.name).collect();
    let is_ours = |kind: &str, object: &str| match kind {
        "Deployment" => object == name,
        "ReplicaSet" => sets.contains(&object),
        // A pod that is gone is known by the name that its ReplicaSet gave it.
        "Pod" => object.rsplit_once('-').is_some_and(|(set, _)| sets.contains(&set)),
        "HorizontalPodAutoscaler" => state.autoscalers.owned_by(namespace, name).any(|(key, _)| *key.name == *object),
        _ => false,
    };
    let mut folded: HashMap<&str, (u64, i64, &str, bool)> = HashMap::new();
    for (key, event) in state.events.iter() {
        if *key.namespace != *namespace || !is_ours(&event.kind, &event.object) {
            continue;
        }
        let row = folded.entry(&event.reason).or_insert((0, i64::MIN, "", false));
        row.0 += u64::from(event.count);
        row.3 |= event.warning;
        if event.last > row.1 {
            (row.1, row.2) = (event.last, &event.message);
        }
    }
    let mut rows: Vec<_> = folded.into_iter().collect();
    rows.sort_by(|(a, (_, a_last, ..)), (b, (_, b_last, ..))| b_last.cmp(a_last).then_with(|| a.cmp(b)));
    let rows = rows.into_iter().take(MAX_EVENTS).filter_map(|(reason, (count, last, message, warning))| {
        Some(EventRow { reason: reason.to_owned(), warning, count, message: message.to_owned(), last: moment(last, moments)? })
    });
    rows.collect()
}

/// The ReplicaSets, newest first, each with what changed from the one before.
fn revisions(state: &State, namespace: &str, name: &str, moments: Moments<'_>) -> Vec<RevisionRow> {
    let mut sets: Vec<_> = state.replica_sets.owned_by(namespace, name).map(|(_, set)| set).collect();
    sets.sort_by_key(|set| std::cmp::Reverse((set.revision, set.created)));
    let rows = sets.iter().enumerate().take(MAX_REVISIONS).filter_map(|(at, set)| {
        let changed = match sets.get(at + 1) {
            Some(before) => set.template.changes(&before.template),
            None => vec!["the oldest that is kept".to_owned()],
        };
        Some(RevisionRow { number: set.revision, pods: set.replicas.into(), made: moment(set.created, moments)?, changed })
    });
    rows.collect()
}
