//! A rollout of the backend that cannot finish: an image that is nowhere, or a request that is too large.
//!
//! The rollout keeps four of five old pods, as it would in life. Mending touches only what the fault changed, so a restart
//! or another image that came in between stays.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{
    Identity, Plane,
    estate::{BACKEND, BACKEND_CONTAINER, PRODUCTION},
    kubectl::Kubectl,
};
use super::pods::{BACKEND_PODS, has_condition};
use crate::error::{Of, Result};

const TARGET: [&str; 4] = ["deployment", BACKEND, "-n", PRODUCTION];
/// More than any node has.
const TOO_MANY_CORES: &str = "64";
const SHOWN_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn strike_image(plane: &Plane) -> Result<String> {
    let kubectl = plane.kubectl(Identity::Admin);
    let before = image(&container(&kubectl).await?);
    roll_out(&kubectl, "deploy an image that was never pushed", json!({ "image": missing(&before) })).await?;
    shown(&kubectl, "an image that cannot be pulled", |pod| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    })
    .await?;
    Ok(before)
}

pub(super) async fn mend_image(plane: &Plane, before: &str) -> Result<()> {
    let kubectl = plane.kubectl(Identity::Admin);
    if image(&container(&kubectl).await?) == missing(before) {
        roll_out(&kubectl, "back to the image before", json!({ "image": before })).await?;
    }
    Ok(())
}

pub(super) async fn strike_requests(plane: &Plane) -> Result<String> {
    let kubectl = plane.kubectl(Identity::Admin);
    let before = container(&kubectl).await?["resources"].take();
    let cpu = json!({ "cpu": TOO_MANY_CORES });
    roll_out(&kubectl, "ask for 64 cores", json!({ "resources": { "requests": cpu, "limits": cpu } })).await?;
    shown(&kubectl, "a pod that fits nowhere", |pod| has_condition(pod, "PodScheduled", "reason", "Unschedulable")).await?;
    Ok(before.to_string())
}

pub(super) async fn mend_requests(plane: &Plane, before: &str) -> Result<()> {
    let kubectl = plane.kubectl(Identity::Admin);
    if container(&kubectl).await?["resources"]["requests"]["cpu"] == TOO_MANY_CORES {
        let before: Value = serde_json::from_str(before).of("unschedulable")?;
        let cpu = |kind: &str| json!({ "cpu": before[kind]["cpu"] });
        let resources = json!({ "requests": cpu("requests"), "limits": cpu("limits") });
        roll_out(&kubectl, "back to the request before", json!({ "resources": resources })).await?;
    }
    Ok(())
}

/// The same image under a tag that `stages/failures.yaml` lets no registry have.
fn missing(image: &str) -> String {
    format!("{image}-missing")
}

async fn container(kubectl: &Kubectl) -> Result<Value> {
    let mut deployment = kubectl.json(&[&["get"], &TARGET[..]].concat()).await?;
    Ok(deployment["spec"]["template"]["spec"]["containers"][0].take())
}

fn image(container: &Value) -> String {
    container["image"].as_str().unwrap_or_default().to_owned()
}

async fn roll_out(kubectl: &Kubectl, cause: &str, mut container: Value) -> Result<()> {
    container["name"] = BACKEND_CONTAINER.into();
    let patch = json!({
        "metadata": { "annotations": { "kubernetes.io/change-cause": cause } },
        "spec": { "template": { "spec": { "containers": [container] } } },
    });
    kubectl.patch(&TARGET, &patch).await
}

async fn shown(kubectl: &Kubectl, what: &str, shows: impl Fn(&Value) -> bool) -> Result<()> {
    kubectl
        .until(what, SHOWN_WITHIN, &BACKEND_PODS, |pods| {
            let pods = pods["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            if pods.iter().any(&shows) { Ok(()) } else { Err(format!("none of {} pods", pods.len())) }
        })
        .await
}
