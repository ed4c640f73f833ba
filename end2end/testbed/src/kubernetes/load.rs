//! Nodes and pods by the thousand, for measurements.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    Component, Identity, Kubectl, Plane,
    estate::{Machine, POOL, list, node},
};
use crate::error::{Doing, Error, Result};

const NAMESPACE: &str = "load";
const NODE_POOL: &str = "load-pool";
/// Pods of one Deployment.
const REPLICAS: u32 = 100;
/// More is not known to work on one machine.
const MOST_PODS: u32 = 20_000;
const MOST_NODES: u32 = 1_000;
/// Objects in one call of kubectl.
const BATCH: usize = 100;
/// What two cores manage while they compile something else; idle ones do ten times as many.
const PODS_PER_SECOND: u32 = 10;

impl Plane {
    /// Brings the load to this many nodes and, on them, this many running pods beside the estate's; returns when all of them are
    /// ready. What an earlier call made counts; nothing is taken away.
    ///
    /// Heartbeats are slow from then on: by the second, those of hundreds of nodes would drown what is measured.
    /// `say` is told, now and then, how far it is.
    pub async fn load(&self, nodes: u32, pods: u32, mut say: impl FnMut(&str)) -> Result<()> {
        if nodes == 0 || nodes > MOST_NODES || pods > MOST_PODS {
            return Err(Error::Refused(format!(
                "a load of {nodes} nodes and {pods} pods: use 1 to {MOST_NODES} nodes and at most {MOST_PODS} pods"
            )));
        }
        let began = Instant::now();
        self.slow_heartbeats().await?;
        let kubectl = self.kubectl(Identity::Admin).within(Duration::from_secs(120));
        let per_node = pods.div_ceil(nodes) + 10;
        let machine = Machine {
            kind: "e2-standard-32",
            cpu: "256",
            allocatable_cpu: "256",
            memory: "1024Gi",
            allocatable_memory: "1024Gi",
            pods: per_node.max(110),
        };
        let (nodes_there, deployments_there) = there(&kubectl).await?;
        let nodes: Vec<Value> =
            (nodes_there..nodes).map(|nth| node(&format!("load-{nth:04}"), "europe-west1-b", NODE_POOL, None, &machine)).collect();
        for batch in nodes.chunks(BATCH) {
            kubectl.create(&list(batch.to_vec()).to_string()).await?;
        }
        say(&format!("{} more nodes after {} s", nodes.len(), began.elapsed().as_secs()));

        if deployments_there == 0 {
            let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
            kubectl.create(&namespace.to_string()).await?;
        }
        let deployments: Vec<Value> =
            (deployments_there..pods.div_ceil(REPLICAS)).map(|nth| deployment(nth, REPLICAS.min(pods - nth * REPLICAS))).collect();
        for batch in deployments.chunks(BATCH) {
            kubectl.create(&list(batch.to_vec()).to_string()).await?;
        }
        let within = Duration::from_secs(60 + u64::from(pods / PODS_PER_SECOND));
        let mut told = 0;
        let deployments = ["get", "deployments", "-n", NAMESPACE];
        kubectl
            .until("every pod of the load ready", within, &deployments, |deployments| {
                let ready = ready_pods(deployments);
                if ready >= told + 1_000 {
                    told = ready;
                    say(&format!("{ready} pods after {} s", began.elapsed().as_secs()));
                }
                if ready >= u64::from(pods) { Ok(()) } else { Err(format!("{ready} of {pods}")) }
            })
            .await?;
        say(&format!("{pods} pods ready after {} s", began.elapsed().as_secs()));
        Ok(())
    }

    /// Gives controllers and kubelets the slow pace: both start anew with other flags.
    async fn slow_heartbeats(&self) -> Result<()> {
        let mark = super::heartbeats_slowed(&self.layout);
        if mark.exists() {
            return Ok(());
        }
        std::fs::write(&mark, b"").doing(|| format!("write {}", mark.display()))?;
        // The controllers first: they would take the pause of the kubelets for silence.
        for component in [Component::ControllerManager, Component::Kubelets] {
            if let Some(process) = self.process(component) {
                process.kill().await?;
            }
            self.start(component)?;
        }
        Ok(())
    }
}

/// How many nodes and Deployments of the load there are.
async fn there(kubectl: &Kubectl) -> Result<(u32, u32)> {
    let count = |found: Value| u32::try_from(found["items"].as_array().map_or(0, Vec::len)).unwrap_or(u32::MAX);
    let nodes = kubectl.json(&["get", "nodes", "-l", &format!("{}={NODE_POOL}", POOL.0)]).await?;
    let deployments = kubectl.json(&["get", "deployments", "-n", NAMESPACE]).await?;
    Ok((count(nodes), count(deployments)))
}

fn ready_pods(deployments: &Value) -> u64 {
    let items = deployments["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|deployment| deployment["status"]["readyReplicas"].as_u64()).sum()
}

fn deployment(nth: u32, replicas: u32) -> Value {
    let name = format!("service-{nth:03}");
    let labels = json!({ "app": name, "app.kubernetes.io/part-of": "load", "app.kubernetes.io/managed-by": "testbed" });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name, "namespace": NAMESPACE, "labels": labels },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {
                        "testbed.quarterdeck.dev/pace": "fast",
                        "kwok.x-k8s.io/usage-cpu": "40m",
                        "kwok.x-k8s.io/usage-memory": "90Mi",
                    },
                },
                "spec": {
                    "nodeSelector": { (POOL.0): NODE_POOL },
                    "automountServiceAccountToken": false,
                    "containers": [{
                        "name": "main",
                        "image": format!("registry.example/load/{name}:1.4.2"),
                        "ports": [{ "name": "http", "containerPort": 8080 }],
                        "env": [{ "name": "LOG_LEVEL", "value": "info" }],
                        "resources": { "requests": { "cpu": "50m", "memory": "128Mi" }, "limits": { "cpu": "500m", "memory": "256Mi" } },
                        "readinessProbe": { "httpGet": { "path": "/health", "port": "http" } },
                    }],
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_deployment_takes_what_is_left() {
        assert_eq!(deployment(2, REPLICAS.min(230 - 2 * REPLICAS))["spec"]["replicas"], 30);
    }
}
