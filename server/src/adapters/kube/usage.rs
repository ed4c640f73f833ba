//! What pods and nodes use, as metrics-server says it. Without metrics-server, usage is unknown and nothing else is.

use std::{sync::Arc, time::Duration};

use http::Request;
use kube::Client;
use tokio::{sync::watch, time};

use super::{fault, link::Line, quantity, records::Amounts, watch::Shared, wire};
use crate::clock::Stamp;

/// A screen draws figures as stale 13 s after they were read: this leaves time for an answer that is slow.
const EVERY: Duration = Duration::from_secs(8);
const TIMEOUT: Duration = Duration::from_secs(5);

/// How it stands with the figures.
#[derive(Clone, Debug, Default)]
pub struct UsageStatus {
    /// When they were last read whole.
    pub read: Option<Stamp>,
    /// Why the last try failed, where it did.
    pub failed: Option<String>,
}

/// Asks for ever, while the server answers.
pub(super) async fn poll(shared: Arc<Shared>, namespaces: Vec<String>, mut line: watch::Receiver<Line>) {
    loop {
        let client = line.borrow_and_update().client.clone();
        if let Some(client) = client {
            let before = shared.usage();
            match read(&shared, &client, &namespaces).await {
                Ok(()) => shared.set_usage(UsageStatus { read: Some(shared.now()), failed: None }),
                Err(reason) => {
                    if before.failed.is_none() {
                        tracing::warn!(reason, "metrics-server does not give usage; it is shown as unknown");
                    }
                    shared.set_usage(UsageStatus { read: before.read, failed: Some(reason) });
                }
            }
        }
        tokio::select! {
            () = time::sleep(EVERY) => {}
            changed = line.changed() => {
                if changed.is_err() {
                    return;
                }
                // The watches list first.
                time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn read(shared: &Shared, client: &Client, namespaces: &[String]) -> Result<(), String> {
    let nodes = ask(client, "/apis/metrics.k8s.io/v1beta1/nodes".into()).await?;
    shared.change_state(|state| {
        for (_, node) in state.nodes.iter_mut() {
            node.used = None;
        }
        for node in &nodes {
            if let Some(kept) = state.nodes.get_mut("", &node.metadata.name) {
                kept.used = Some(Amounts::from_wire(&node.usage));
            }
        }
    });
    drop(nodes);
    for namespace in namespaces {
        let pods = ask(client, format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods")).await?;
        shared.change_state(|state| {
            for pod in &pods {
                if let Some(kept) = state.pods.get_mut(namespace, &pod.metadata.name) {
                    kept.used = Some(sum(&pod.containers));
                }
            }
        });
    }
    Ok(())
}

fn sum(containers: &[wire::ContainerUsage]) -> Amounts {
    // Added before they are rounded: usage comes in billionths of a core.
    let cpu: f64 = containers.iter().filter_map(|container| quantity::parse(container.usage.cpu.as_deref()?)).sum();
    let memory: f64 = containers.iter().filter_map(|container| quantity::parse(container.usage.memory.as_deref()?)).sum();
    Amounts::new((cpu * 1e3).round() as u32, memory as u64)
}

async fn ask(client: &Client, path: String) -> Result<Vec<wire::Usage>, String> {
    let request = Request::get(path).body(Vec::new()).map_err(|err| err.to_string())?;
    match time::timeout(TIMEOUT, client.request::<wire::List<wire::Usage>>(request)).await {
        Ok(Ok(list)) => Ok(list.items),
        Ok(Err(err)) => Err(match fault::code(&err) {
            Some(404) => "metrics-server is not installed (404 for metrics.k8s.io)".into(),
            Some(503) => "metrics-server does not answer (503 for metrics.k8s.io)".into(),
            _ => format!("metrics-server cannot be read: {}", fault::words(&err)),
        }),
        Err(_) => Err(format!("metrics-server does not answer within {} s", TIMEOUT.as_secs())),
    }
}
