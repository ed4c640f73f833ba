//! Whether a cluster's API server answers, and its nodes are ready.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Probe, ProbeCtx, ProbeError, ProbeSpec, Reading, cluster_news};
use crate::adapters::kube::{Node, Watch, text::clip};

/// The API server and the nodes.
pub struct KubeCluster;

impl Probe for KubeCluster {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec { id: "kube_cluster", title: "{}", kind: Kind::Cluster, every: Duration::from_secs(2), timeout: Duration::from_secs(1) }
    }

    fn news(&self, ctx: &ProbeCtx, system: &SystemId) -> Option<watch::Receiver<u64>> {
        cluster_news(ctx, system)
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let watch = ctx.adapters.kube.of(system)?;
            let pulse = watch.pulse();
            // That the server is away is news of this moment: the only reading about it that does not age.
            if let Some(failing) = pulse.is_away() {
                return Ok(away(&failing.reason));
            }
            let look = watch.look(&[Watch::Nodes], None)?;
            let nodes: Vec<&Node> = look.state.nodes.iter().map(|(_, node)| node).collect();
            Ok(judge(&nodes, pulse.version.as_deref()).age(look.age))
        })
    }
}

/// What to say when the API server does not answer, or is not ready: `reason` follows "The API server …".
fn away(reason: &str) -> Reading {
    Reading::new(Health::Down, format!("The API server {reason}"))
        .note("API server away")
        .cause("What runs goes on, but nothing is started, replaced or scaled until it is back, and what is shown of the cluster grows old")
}

/// Down when no node is ready; degraded when one is not, or runs short of something.
#[must_use]
pub fn judge(nodes: &[&Node], version: Option<&str>) -> Reading {
    let all = nodes.len();
    let mut lost: Vec<&&Node> = nodes.iter().filter(|node| !node.ready).collect();
    lost.sort_by(|a, b| a.name.cmp(&b.name));
    let mut pressed: Vec<&&Node> = nodes.iter().filter(|node| node.ready && !node.pressure.is_empty()).collect();
    pressed.sort_by(|a, b| a.name.cmp(&b.name));
    let ready = all - lost.len();
    let (health, summary) = match (ready, lost.len(), pressed.len()) {
        (0, 0, _) => (Health::Down, "It has no nodes".to_owned()),
        (0, _, _) => (Health::Down, format!("None of {all} nodes is ready")),
        (_, 1, _) => (Health::Degraded, format!("1 of {all} nodes is not ready")),
        (_, 2.., _) => (Health::Degraded, format!("{} of {all} nodes are not ready", lost.len())),
        (_, 0, 1) => (Health::Degraded, format!("1 of {all} nodes runs short")),
        (_, 0, 2..) => (Health::Degraded, format!("{} of {all} nodes run short", pressed.len())),
        (_, 0, 0) => (Health::Ok, format!("{ready} of {all} nodes ready")),
    };
    let cordoned = nodes.iter().filter(|node| node.cordoned).count();
    let mut note = version.map_or_else(String::new, |version| format!("Kubernetes {version}"));
    if cordoned > 0 {
        note.push_str(&format!("{}{cordoned} cordoned", if note.is_empty() { "" } else { ", " }));
    }
    let mut reading = Reading::new(health, summary)
        .figure(Value::Of(ready as u64, all as u64, "nodes ready".into()))
        .limit(all as f64)
        .note(note)
        .fact(Fact::new("nodes ready", Value::Of(ready as u64, all as u64, String::new())))
        .fact(Fact::new("cordoned", Value::Count(cordoned as i64, "nodes".into())));
    if let Some(version) = version {
        reading = reading.fact(Fact::new("version", Value::Text(version.into())));
    }
    match lost.first().or(pressed.first()) {
        Some(node) => reading.cause(cause(node, lost.len().max(pressed.len()))),
        None => reading,
    }
}

fn cause(node: &Node, count: usize) -> String {
    let others = match count {
        0 | 1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    if node.ready {
        return format!("{} is short of {}{others}", node.name, node.pressure.join(" and "));
    }
    match &node.reason {
        Some(reason) => format!("{}{others}: {}", node.name, clip(reason, 160).trim_end_matches('.')),
        None => format!("{}{others} is not ready", node.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::kube::Amounts;

    fn node(name: &str, ready: bool, pressure: &[&'static str]) -> Node {
        Node {
            ready,
            since: 0,
            reason: (!ready).then(|| "Kubelet stopped posting node status.".into()),
            pressure: pressure.to_vec(),
            cordoned: false,
            allocatable: Amounts::default(),
            used: None,
            name: name.into(),
        }
    }

    #[test]
    fn a_cluster_is_as_well_as_its_nodes() {
        let (a, b, lost, pressed) = (node("a", true, &[]), node("b", true, &[]), node("c", false, &[]), node("d", true, &["memory"]));
        for (nodes, health, summary, cause) in [
            (vec![&a, &b], Health::Ok, "2 of 2 nodes ready", None),
            (vec![&a, &lost], Health::Degraded, "1 of 2 nodes is not ready", Some("c: Kubelet stopped posting node status")),
            (vec![&lost], Health::Down, "None of 1 nodes is ready", Some("c: Kubelet stopped posting node status")),
            (vec![&a, &pressed], Health::Degraded, "1 of 2 nodes runs short", Some("d is short of memory")),
            (vec![], Health::Down, "It has no nodes", None),
        ] {
            let reading = judge(&nodes, Some("1.37.2"));
            assert_eq!((reading.health, reading.summary.as_str(), reading.cause.as_deref()), (health, summary, cause));
        }
    }
}
