//! Cluster and workload pages: counts first, then what is not well.

use super::{Fact, Health, Moment, RunbookLink, Seen, SystemId, Value};

/// `/clusters`: one row a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterRow {
    /// Which.
    pub system: SystemId,
    /// How well.
    pub health: Health,
    /// One line.
    pub summary: String,
    /// Nodes ready of all.
    pub nodes: Value,
    /// Pods ready of all.
    pub pods: Value,
    /// Its age.
    pub seen: Seen,
}

/// `/clusters/NAME`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterView {
    /// Which.
    pub system: SystemId,
    /// How well.
    pub health: Health,
    /// What is wrong here, in one line.
    pub verdict: String,
    /// The server's version ("1.37.2"), where it was read.
    pub version: Option<String>,
    /// Counts: nodes ready, pods by phase, workloads ready, CPU and memory used of requested.
    pub counts: Vec<Fact>,
    /// Nodes, those that are not well first.
    pub nodes: Vec<NodeRow>,
    /// How many nodes there are beyond those listed.
    pub more_nodes: usize,
    /// Workloads of the watched namespaces, those that are not well first.
    pub workloads: Vec<WorkloadRow>,
    /// How many workloads there are beyond those listed.
    pub more_workloads: usize,
    /// Pods that are not well, with the reason.
    pub pods: Vec<PodRow>,
    /// How many such pods there are beyond those listed.
    pub more_pods: usize,
    /// Its age: the last good heartbeat of the API server.
    pub seen: Seen,
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// Ready, pressed or gone.
    pub health: Health,
    /// "ready", "not ready since 14:02: kubelet stopped posting", "memory pressure", "cordoned".
    pub state: String,
    /// Pods on it.
    pub pods: u64,
    /// CPU used of allocatable, as a share of one; none when metrics-server does not say.
    pub cpu: Option<f64>,
    /// Memory used of allocatable.
    pub memory: Option<f64>,
}

/// One workload in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadRow {
    /// Which.
    pub system: SystemId,
    /// How well.
    pub health: Health,
    /// Ready of wanted.
    pub ready: Value,
    /// One line: "revision 42, rolling out 3 of 5".
    pub summary: String,
}

/// One pod.
#[derive(Clone, Debug, PartialEq)]
pub struct PodRow {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// How well.
    pub health: Health,
    /// The state in kubectl's word: "Running", "CrashLoopBackOff", "Pending".
    pub state: String,
    /// The reason in plain words: "The container `app` was killed for using more than its limit of 512 MiB (OOMKilled), 4 times".
    pub reason: Option<String>,
    /// How often its containers restarted.
    pub restarts: u64,
    /// Since when it has been in this state.
    pub since: Option<Moment>,
    /// The node that it is on.
    pub node: Option<String>,
    /// The revision (template hash) that it is of.
    pub revision: Option<String>,
}

/// `/workloads/CLUSTER/NAMESPACE/NAME`: one Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadView {
    /// Which.
    pub system: SystemId,
    /// How well.
    pub health: Health,
    /// What is wrong here, in one line.
    pub verdict: String,
    /// Ready, updated, available of wanted; restarts in the last hour; CPU and memory of request and limit.
    pub counts: Vec<Fact>,
    /// The autoscaler that owns its replicas.
    pub autoscaler: Option<AutoscalerView>,
    /// Images by container.
    pub images: Vec<(String, String)>,
    /// Pods, those that are not well first; at most fifty.
    pub pods: Vec<PodRow>,
    /// How many pods there are beyond those listed.
    pub more_pods: usize,
    /// Events folded by reason, newest first.
    pub events: Vec<EventRow>,
    /// Revisions, newest first.
    pub revisions: Vec<RevisionRow>,
    /// Buttons.
    pub runbooks: Vec<RunbookLink>,
    /// Its age.
    pub seen: Seen,
}

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoscalerView {
    /// Its name.
    pub name: String,
    /// The bounds.
    pub min: u32,
    /// The bounds.
    pub max: u32,
    /// What it wants now.
    pub desired: u32,
    /// Each metric: "cpu 58 % of 70 %".
    pub metrics: Vec<String>,
}

/// Events with the same reason, folded.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// "FailedScheduling".
    pub reason: String,
    /// Whether Kubernetes calls it a warning.
    pub warning: bool,
    /// How often.
    pub count: u64,
    /// The newest message.
    pub message: String,
    /// The newest one.
    pub last: Moment,
}

/// One ReplicaSet of a Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct RevisionRow {
    /// Its number.
    pub number: u64,
    /// Pods that it has.
    pub pods: u64,
    /// When it was made.
    pub made: Moment,
    /// What changed from the one before: "image of app: 1.4.1 → 1.4.2", "restarted".
    pub changed: Vec<String>,
}
