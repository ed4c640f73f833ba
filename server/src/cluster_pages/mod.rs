//! What the pages of clusters and workloads show, from the watch's memory alone: nothing here waits, and every list is bounded.
//!
//! Health is judged by the probes' own pure functions, so that a page and a tile cannot disagree.

mod cluster;
mod workload;

use app::model::{Health, Moment, PodRow, SystemId};
use chrono::{DateTime, Utc};

pub use self::{
    cluster::{cluster_row, cluster_view},
    workload::workload_view,
};
use crate::adapters::kube::{Key, Pod, Standing, State};

/// At most so many nodes, and pods that are not well, stand on a page.
const MAX_ROWS: usize = 50;
/// At most so many workloads do.
const MAX_WORKLOADS: usize = 200;

/// Turns an instant into what a page shows of it: its age is the caller's business.
pub type Moments<'a> = &'a dyn Fn(DateTime<Utc>) -> Moment;

/// An instant of the cluster's, in seconds since 1970; none for 0.
fn moment(seconds: i64, moments: Moments<'_>) -> Option<Moment> {
    (seconds != 0).then(|| DateTime::from_timestamp(seconds, 0)).flatten().map(moments)
}

/// One pod of a list.
fn pod_row(state: &State, key: &Key, pod: &Pod, now: i64, moments: Moments<'_>) -> PodRow {
    let standing = pod.standing(now, state.node_ready(pod.node.as_deref()));
    let health = match &standing {
        Standing::Ready | Standing::Starting | Standing::Ending | Standing::Done => Health::Ok,
        Standing::Troubled(_) | Standing::NotReady { .. } | Standing::Slow | Standing::NodeLost(_) | Standing::Stuck => Health::Degraded,
    };
    // kubectl says "Running" of a pod whose readiness check fails; the word beside a mark must not contradict it.
    let state_word = match &standing {
        Standing::NotReady { .. } => format!("{}, not ready", pod.word),
        Standing::NodeLost(_) => "node not ready".to_owned(),
        _ => pod.word.to_string(),
    };
    let revision = pod.replica_set.as_ref().and_then(|set| state.replica_sets.get(&key.namespace, set)).map(|set| set.revision.to_string());
    PodRow {
        name: key.name.to_string(),
        namespace: key.namespace.to_string(),
        health,
        state: state_word,
        reason: standing.reason(),
        restarts: pod.restarts.into(),
        since: moment(if pod.ends != 0 { pod.ends } else { pod.changed.max(pod.created) }, moments),
        node: pod.node.as_deref().map(ToOwned::to_owned),
        revision: revision.or_else(|| pod.template_hash.as_deref().map(ToOwned::to_owned)),
    }
}

/// The first `max` of what sorts before, and how many more there are.
fn first<T>(mut rows: Vec<T>, max: usize) -> (Vec<T>, usize) {
    let more = rows.len().saturating_sub(max);
    rows.truncate(max);
    (rows, more)
}

/// The system that a Deployment is.
fn deployment_id(cluster: &str, key: &Key) -> Option<SystemId> {
    SystemId::new(app::model::Kind::Deployment, &[cluster, &key.namespace, &key.name]).ok()
}
