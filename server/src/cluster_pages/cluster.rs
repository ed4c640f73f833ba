//! The page of one cluster, and its row in the list of clusters.

use std::collections::HashMap;

use app::model::{ClusterRow, ClusterView, Fact, Health, Kind, NodeRow, PodRow, Seen, SystemId, Value, WorkloadRow};

use super::{MAX_ROWS, MAX_WORKLOADS, Moments, deployment_id, first, pod_row};
use crate::{
    adapters::kube::{ClusterWatch, Node, Phase, State, Watch},
    probes::{kube_cluster, kube_deployment, kube_pods, kube_usage},
};

const NEEDS: [Watch; 4] = [Watch::Nodes, Watch::Pods, Watch::Deployments, Watch::ReplicaSets];

fn id(watch: &ClusterWatch) -> Option<SystemId> {
    SystemId::new(Kind::Cluster, &[watch.name()]).ok()
}

/// How well, and in which words: the API server first, since without it the rest is only how it was.
fn judged(watch: &ClusterWatch, state: &State) -> (Health, String) {
    let pulse = watch.pulse();
    if let Some(failing) = pulse.is_away() {
        return (Health::Down, format!("The API server {}. What is shown below is how it was.", failing.reason));
    }
    let nodes: Vec<&Node> = state.nodes.iter().map(|(_, node)| node).collect();
    let reading = kube_cluster::judge(&nodes, pulse.version.as_deref());
    let text = match reading.cause {
        Some(cause) => format!("{}. {cause}.", reading.summary),
        None => format!("{}.", reading.summary),
    };
    (reading.health, text)
}

/// Its row; none when its name is no system's.
#[must_use]
pub fn cluster_row(watch: &ClusterWatch, seen: Seen) -> Option<ClusterRow> {
    let system = id(watch)?;
    Some(match watch.look(&NEEDS, None) {
        Ok(look) => {
            let (health, summary) = judged(watch, &look.state);
            let counts = kube_pods::count(&look.state, look.now);
            ClusterRow {
                system,
                health,
                summary,
                nodes: nodes_ready(&look.state),
                pods: Value::Of(counts.ready, counts.wanted, "ready".into()),
                seen,
            }
        }
        Err(not_seen) => {
            let health = if watch.pulse().is_away().is_some() { Health::Down } else { Health::Unknown };
            let unknown = || Value::Text("unknown".into());
            ClusterRow { system, health, summary: not_seen.to_string(), nodes: unknown(), pods: unknown(), seen }
        }
    })
}

fn nodes_ready(state: &State) -> Value {
    let ready = state.nodes.iter().filter(|(_, node)| node.ready).count();
    Value::Of(ready as u64, state.nodes.len() as u64, "ready".into())
}

/// Its page; none when its name is no system's. A cluster that was never seen whole has a page, too: it says why.
#[must_use]
pub fn cluster_view(watch: &ClusterWatch, seen: Seen, moments: Moments<'_>) -> Option<ClusterView> {
    let system = id(watch)?;
    let version = watch.pulse().version;
    let look = match watch.look(&NEEDS, None) {
        Ok(look) => look,
        Err(not_seen) => {
            let health = if watch.pulse().is_away().is_some() { Health::Down } else { Health::Unknown };
            return Some(ClusterView {
                system,
                health,
                verdict: format!("{not_seen}."),
                version,
                counts: Vec::new(),
                nodes: Vec::new(),
                more_nodes: 0,
                workloads: Vec::new(),
                more_workloads: 0,
                pods: Vec::new(),
                more_pods: 0,
                seen,
            });
        }
    };
    let (state, now) = (&*look.state, look.now);
    let (health, verdict) = judged(watch, state);
    let (workloads, ready_workloads) = workloads(watch.name(), state, now);
    let all_workloads = workloads.len();
    let (nodes, more_nodes) = first(nodes(state), MAX_ROWS);
    let (workloads, more_workloads) = first(workloads, MAX_WORKLOADS);
    let (pods, more_pods) = unwell(state, now, moments);
    Some(ClusterView {
        system,
        health,
        verdict,
        version,
        counts: counts(watch, state, now, (ready_workloads, all_workloads)),
        nodes,
        more_nodes,
        workloads,
        more_workloads,
        pods,
        more_pods,
        seen,
    })
}

fn counts(watch: &ClusterWatch, state: &State, now: i64, (ready, all): (usize, usize)) -> Vec<Fact> {
    let pods = kube_pods::count(state, now);
    let pending = state.pods.iter().filter(|(_, pod)| pod.is_active() && pod.phase == Phase::Pending).count();
    let mut facts = vec![
        Fact::new("nodes", nodes_ready(state)),
        Fact::new("pods", Value::Of(pods.ready, pods.wanted, "ready".into())),
        Fact::new("pending", Value::Count(pending as i64, "pods".into())),
        Fact::new("not well", Value::Count((pods.unwell_alone + pods.unwell_in_deployments) as i64, "pods".into())),
        Fact::new("workloads", Value::Of(ready as u64, all as u64, "well".into())),
    ];
    let usage = kube_usage::sum(state);
    for (name, (used, requested)) in [("CPU of request", usage.cpu), ("memory of request", usage.memory)] {
        facts.push(if requested > 0 && watch.usage().read.is_some() {
            Fact::new(name, Value::Ratio(used as f64 / requested as f64))
        } else {
            Fact::new(name, Value::Text("unknown".into()))
        });
    }
    facts
}

fn nodes(state: &State) -> Vec<NodeRow> {
    let mut on_node = HashMap::<&str, u64>::new();
    for (_, pod) in state.pods.iter().filter(|(_, pod)| pod.is_active()) {
        if let Some(node) = pod.node.as_deref() {
            *on_node.entry(node).or_default() += 1;
        }
    }
    let share = |used: Option<u64>, all: u64| used.filter(|_| all > 0).map(|used| used as f64 / all as f64);
    let mut rows: Vec<_> = state
        .nodes
        .iter()
        .map(|(_, node)| NodeRow {
            name: node.name.to_string(),
            health: if !node.ready {
                Health::Down
            } else if node.pressure.is_empty() {
                Health::Ok
            } else {
                Health::Degraded
            },
            state: node_words(node),
            pods: on_node.get(&*node.name).copied().unwrap_or_default(),
            cpu: share(node.used.map(|used| used.milli_cpu()), node.allocatable.milli_cpu()),
            memory: share(node.used.map(|used| used.memory()), node.allocatable.memory()),
        })
        .collect();
    rows.sort_by(|a, b| b.health.cmp(&a.health).then_with(|| a.name.cmp(&b.name)));
    rows
}

/// "not ready since 14:02: Kubelet stopped posting node status", "memory pressure", "ready, cordoned".
fn node_words(node: &Node) -> String {
    let mut words = if !node.ready {
        let since = chrono::DateTime::from_timestamp(node.since, 0).filter(|_| node.since != 0);
        let since = since.map_or_else(String::new, |since| format!(" since {} UTC", since.format("%H:%M")));
        let reason = node.reason.as_deref().map_or_else(String::new, |reason| format!(": {}", reason.trim_end_matches('.')));
        format!("not ready{since}{reason}")
    } else if node.pressure.is_empty() {
        "ready".to_owned()
    } else {
        format!("{} pressure", node.pressure.join(" and "))
    };
    if node.cordoned {
        words.push_str(", cordoned");
    }
    words
}

/// The Deployments, those that are not well first, and how many are well.
fn workloads(cluster: &str, state: &State, now: i64) -> (Vec<WorkloadRow>, usize) {
    let mut rows: Vec<_> = state
        .deployments
        .iter()
        .filter_map(|(key, deployment)| {
            let pods = kube_deployment::pods_of(state, &key.namespace, &key.name, deployment, now);
            let verdict = kube_deployment::judge(deployment, &pods, now);
            Some(WorkloadRow {
                system: deployment_id(cluster, key)?,
                health: verdict.health,
                ready: Value::Of(verdict.ready.into(), deployment.wanted.into(), "ready".into()),
                summary: if verdict.health == Health::Ok { verdict.note } else { format!("{}, {}", verdict.summary, verdict.note) },
            })
        })
        .collect();
    rows.sort_by(|a, b| b.health.cmp(&a.health).then_with(|| a.system.cmp(&b.system)));
    let well = rows.iter().filter(|row| row.health == Health::Ok).count();
    (rows, well)
}

/// The pods that are not well, by namespace and name: a list that does not jump while one reads it.
fn unwell(state: &State, now: i64, moments: Moments<'_>) -> (Vec<PodRow>, usize) {
    let mut found: Vec<_> =
        state.pods.iter().filter(|(_, pod)| pod.standing(now, state.node_ready(pod.node.as_deref())).is_unwell()).collect();
    found.sort_by_key(|(key, _)| *key);
    let (found, more) = first(found, MAX_ROWS);
    (found.into_iter().map(|(key, pod)| pod_row(state, key, pod, now, moments)).collect(), more)
}
