//! What runs on the cluster: AIA's nodes, namespaces and workloads.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    components::{Component, KUBELET_LABEL},
    kubectl::Kubectl,
};
use crate::{error::Result, layout::Layout};

/// Where AIA's workloads run.
pub const PRODUCTION: &str = "aia-production";
/// The workload that faults act on.
pub const BACKEND: &str = "aia-backend-simple";
/// Its only container.
pub const BACKEND_CONTAINER: &str = "aia-api";
/// The label of the estate's own nodes, as opposed to those of a load test.
pub const POOL: (&str, &str) = ("cloud.google.com/gke-nodepool", "default-pool");

/// Where the cloud's load balancer would answer; nothing does.
const PUBLIC_ADDRESS: &str = "34.118.226.10";
const NODES: [(&str, &str); 5] = [("4kxq", "b"), ("7bmz", "c"), ("h2vd", "d"), ("qw8n", "b"), ("x9tl", "c")];
/// How long the estate may take to become ready once its objects exist.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long the controller may take to see a change of a workload without replicas.
const SEEN_WITHIN: Duration = Duration::from_secs(20);

/// A workload whose earlier deployments the bed plays back at its start.
struct History {
    deployment: &'static str,
    container: &'static str,
    image: &'static str,
    /// Version and cause, oldest first; the one before them stands in the manifest.
    deployments: &'static [(&'static str, &'static str)],
    replicas: u32,
}

const HISTORIES: [History; 2] = [
    History {
        deployment: BACKEND,
        container: BACKEND_CONTAINER,
        image: "gcr.io/aia-system-prod-1759055445/aia-backend",
        deployments: &[("2.14.0", "deploy 2.14.0: new agent router"), ("2.14.3", "deploy 2.14.3: session pool of 20")],
        replicas: 5,
    },
    History {
        deployment: "aia-frontend",
        container: "frontend",
        image: "gcr.io/aia-system-prod-1759055445/aia-frontend",
        deployments: &[("5.2.1", "deploy 5.2.1: smaller three.js bundle")],
        replicas: 3,
    },
];

/// Creates everything and waits until every workload is available.
pub async fn create(kubectl: &Kubectl, layout: &Layout) -> Result<()> {
    let metrics_port = Component::MetricsServer.port(layout).to_string();
    let basis = [
        include_str!("manifests/namespaces.yaml"),
        include_str!("manifests/accounts.yaml"),
        &include_str!("manifests/metrics.yaml").replace("METRICS_PORT", &metrics_port),
    ]
    .join("\n---\n");
    let nodes = nodes().to_string();
    tokio::try_join!(kubectl.create(&nodes), kubectl.apply(&basis))?;

    let workloads =
        [include_str!("manifests/production.yaml"), include_str!("manifests/monitoring.yaml"), include_str!("manifests/ingress.yaml")]
            .join("\n---\n");
    kubectl.apply(&workloads).await?;

    let [backend, frontend] = &HISTORIES;
    tokio::try_join!(
        play_back(kubectl, backend),
        play_back(kubectl, frontend),
        publish(kubectl, &["service", "ingress-nginx-controller", "-n", "ingress-nginx"]),
        publish(kubectl, &["ingress", "aia", "-n", PRODUCTION]),
    )?;
    kubectl.apply(include_str!("manifests/autoscaling.yaml")).await?;
    wait_available(kubectl).await
}

/// Waits until every Deployment of the estate has all the replicas that it asks for.
pub async fn wait_available(kubectl: &Kubectl) -> Result<()> {
    tokio::try_join!(
        kubectl.rolled_out("deployment/aia-backend-simple", PRODUCTION, READY_WITHIN),
        kubectl.rolled_out("deployment/aia-frontend", PRODUCTION, READY_WITHIN),
        kubectl.rolled_out("deployment/grafana", "aia-monitoring", READY_WITHIN),
        kubectl.rolled_out("deployment/ingress-nginx-controller", "ingress-nginx", READY_WITHIN),
    )?;
    Ok(())
}

/// Deploys each version over the last while there are no replicas: a history without waiting for pods.
async fn play_back(kubectl: &Kubectl, history: &History) -> Result<()> {
    let target = ["deployment", history.deployment, "-n", PRODUCTION];
    let workload = format!("deployment/{}", history.deployment);
    for (version, cause) in history.deployments {
        // The controller must have seen one before the next comes, or it makes one revision of both.
        kubectl.rolled_out(&workload, PRODUCTION, SEEN_WITHIN).await?;
        let image = format!("{}:{version}", history.image);
        let patch = json!({
            "metadata": { "annotations": { "kubernetes.io/change-cause": cause } },
            "spec": { "template": { "spec": { "containers": [{ "name": history.container, "image": image }] } } },
        });
        kubectl.patch(&target, &patch).await?;
    }
    kubectl.rolled_out(&workload, PRODUCTION, SEEN_WITHIN).await?;
    kubectl.patch(&target, &json!({ "spec": { "replicas": history.replicas } })).await
}

/// Gives an object the address that a cloud would.
async fn publish(kubectl: &Kubectl, target: &[&str]) -> Result<()> {
    let status = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": PUBLIC_ADDRESS }] } } }).to_string();
    let args = [&["patch"], target, &["--subresource", "status", "--type", "merge", "-p", &status]].concat();
    kubectl.run(&args).await.map(drop)
}

fn nodes() -> Value {
    let machine = Machine {
        kind: "e2-standard-4",
        cpu: "4",
        allocatable_cpu: "3920m",
        memory: "16393244Ki",
        allocatable_memory: "13591580Ki",
        pods: 110,
    };
    let items: Vec<Value> = NODES
        .iter()
        .zip(1..)
        .map(|((suffix, zone), nth)| {
            let name = format!("gke-aia-production-eu-default-pool-3f9c1d7a-{suffix}");
            node(&name, &format!("europe-west1-{zone}"), POOL.1, Some(&format!("10.20.{nth}.0/24")), &machine)
        })
        .collect();
    list(items)
}

/// What a node is made of.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Instance type.
    pub kind: &'static str,
    /// Cores.
    pub cpu: &'static str,
    /// Cores for pods.
    pub allocatable_cpu: &'static str,
    /// Memory.
    pub memory: &'static str,
    /// Memory for pods.
    pub allocatable_memory: &'static str,
    /// How many pods it takes.
    pub pods: u32,
}

/// A node object as its kubelet would register it.
pub fn node(name: &str, zone: &str, pool: &str, pod_cidr: Option<&str>, machine: &Machine) -> Value {
    let identity = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let id = format!("{identity:016x}{:016x}", identity.rotate_left(29));
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": machine.kind,
                "topology.kubernetes.io/region": "europe-west1",
                "topology.kubernetes.io/zone": zone,
                (POOL.0): pool,
                (KUBELET_LABEL): "running",
            },
            "annotations": { "metrics.k8s.io/resource-metrics-path": format!("/metrics/nodes/{name}/metrics/resource") },
        },
        "spec": { "podCIDR": pod_cidr, "podCIDRs": pod_cidr.map(|cidr| [cidr]), "providerID": format!("gce://aia-system-prod/{zone}/{name}") },
        "status": {
            "capacity": { "cpu": machine.cpu, "memory": machine.memory, "ephemeral-storage": "98831908Ki", "pods": machine.pods.to_string() },
            "allocatable": { "cpu": machine.allocatable_cpu, "memory": machine.allocatable_memory, "ephemeral-storage": "47060071Ki", "pods": machine.pods.to_string() },
            "nodeInfo": {
                "machineID": id, "systemUUID": id, "bootID": id,
                "kernelVersion": "6.12.55+",
                "osImage": "Container-Optimized OS from Google",
                "containerRuntimeVersion": "containerd://2.1.5",
                "kubeletVersion": "v1.37.2",
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
        },
    })
}

/// Several objects as one document.
pub fn list(items: Vec<Value>) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}
