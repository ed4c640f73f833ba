//! A control plane that does not answer, or is not there.
//!
//! Controllers and scheduler share the API server's fate, as on a real control-plane machine. They come back last, when the
//! nodes have had time to give a sign of life: otherwise the node controller would find every node silent and empty the cluster.

use std::time::Duration;

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::super::{Component, Identity, Plane};
use crate::error::Result;

const CONTROLLERS: [Component; 2] = [Component::ControllerManager, Component::Scheduler];
/// After a long silence a kubelet waits longer before it tries again.
const LEASES_WITHIN: Duration = Duration::from_secs(60);

pub(super) async fn freeze(plane: &Plane) -> Result<String> {
    for component in CONTROLLERS.into_iter().chain([Component::ApiServer]) {
        if let Some(process) = plane.process(component) {
            process.freeze()?;
        }
    }
    Ok(Component::ApiServer.name().to_owned())
}

pub(super) async fn thaw(plane: &Plane) -> Result<()> {
    if let Some(process) = plane.process(Component::ApiServer) {
        process.thaw()?;
    }
    signs_of_life(plane).await;
    for component in CONTROLLERS {
        if let Some(process) = plane.process(component) {
            process.thaw()?;
        }
    }
    Ok(())
}

pub(super) async fn kill(plane: &Plane) -> Result<String> {
    for component in CONTROLLERS.into_iter().chain([Component::ApiServer]) {
        if let Some(process) = plane.process(component) {
            process.kill().await?;
        }
    }
    Ok(Component::ApiServer.name().to_owned())
}

pub(super) async fn restart(plane: &Plane) -> Result<()> {
    if plane.process(Component::ApiServer).is_none() {
        plane.start_api_server().await?;
        signs_of_life(plane).await;
    }
    for component in CONTROLLERS {
        if plane.process(component).is_none() {
            plane.start(component)?;
        }
    }
    Ok(())
}

/// Gives every node's lease the time to be renewed. Not having seen it is no failure: what counts is checked afterwards.
async fn signs_of_life(plane: &Plane) {
    let kubectl = plane.kubectl(Identity::Admin).within(Duration::from_secs(5));
    let since = OffsetDateTime::now_utc();
    let leases = ["get", "leases", "-n", "kube-node-lease"];
    let waited = kubectl.until("a sign of life from every node", LEASES_WITHIN, &leases, |leases| match oldest_renewal(leases) {
        Some(oldest) if oldest > since => Ok(()),
        Some(oldest) => Err(format!("the oldest is of {oldest}")),
        None => Err("no lease".to_owned()),
    });
    if let Err(error) = waited.await {
        tracing::warn!(%error, "the controllers go on without");
    }
}

/// When the most silent node renewed its lease.
fn oldest_renewal(leases: &Value) -> Option<OffsetDateTime> {
    let items = leases["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|lease| OffsetDateTime::parse(lease["spec"]["renewTime"].as_str()?, &Rfc3339).ok()).min()
}
