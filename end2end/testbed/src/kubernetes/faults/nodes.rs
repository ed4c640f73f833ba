//! A node that gives no sign of life: kwok lets go of it, its lease runs out, and the node controller finds it gone.

use std::time::Duration;

use serde_json::Value;

use super::super::{Identity, Plane, components::KUBELET_LABEL, estate::POOL, kubectl::Kubectl};
use super::pods::{backend_pods, has_condition};
use crate::error::{Error, Result};

/// The node controller's patience (7 s; 3 minutes with slow heartbeats), and some.
const SHOWN_WITHIN: Duration = Duration::from_secs(200);
const BACK_WITHIN: Duration = Duration::from_secs(60);

pub(super) async fn strike(plane: &Plane) -> Result<String> {
    let kubectl = plane.kubectl(Identity::Admin);
    let pods = backend_pods(&kubectl).await?;
    let victim = pods
        .iter()
        .find_map(|pod| pod["spec"]["nodeName"].as_str())
        .ok_or_else(|| Error::Refused("no node carries a backend pod; mend the other faults first".to_owned()))?;
    kubectl.run(&["label", "node", victim, &format!("{KUBELET_LABEL}-")]).await?;
    let node = ["get", "node", victim];
    kubectl
        .until(
            "a node that is not ready",
            SHOWN_WITHIN,
            &node,
            |node| {
                if is_ready(node) { Err(format!("{victim} is ready")) } else { Ok(()) }
            },
        )
        .await?;
    Ok(victim.to_owned())
}

pub(super) async fn mend(plane: &Plane, node: &str) -> Result<()> {
    let kubectl = plane.kubectl(Identity::Admin);
    kubectl.run(&["label", "node", node, &format!("{KUBELET_LABEL}=running"), "--overwrite"]).await.map(drop)
}

/// Waits until every node of the estate is ready.
pub(super) async fn all_ready(kubectl: &Kubectl) -> Result<()> {
    let selector = format!("{}={}", POOL.0, POOL.1);
    kubectl
        .until("every node ready", BACK_WITHIN, &["get", "nodes", "-l", &selector], |nodes| {
            let nodes = nodes["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            match nodes.iter().find(|node| !is_ready(node)) {
                None => Ok(()),
                Some(node) => Err(format!("{} is not ready", node["metadata"]["name"])),
            }
        })
        .await
}

fn is_ready(node: &Value) -> bool {
    has_condition(node, "Ready", "status", "True")
}
