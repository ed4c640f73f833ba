//! One backend pod whose container dies again and again: an annotation on the pod that the kubelets' stages obey.
//!
//! A restart of the workload replaces the pod and so mends it, as it often does in life.

use std::time::Duration;

use serde_json::Value;

use super::super::{
    Identity, Plane,
    estate::{BACKEND, PRODUCTION},
    kubectl::Kubectl,
};
use crate::error::{Error, Result};

/// Read by `stages/failures.yaml`.
const ANNOTATION: &str = "testbed.quarterdeck.dev/fault";
/// The stages need two seconds from the annotation to the back-off.
const SHOWN_WITHIN: Duration = Duration::from_secs(15);

pub(super) async fn strike(plane: &Plane, kind: &str) -> Result<String> {
    let kubectl = plane.kubectl(Identity::Admin);
    let pods = backend_pods(&kubectl).await?;
    let victim = pods
        .iter()
        .find(|pod| pod["metadata"]["annotations"][ANNOTATION].is_null() && has_condition(pod, "Ready", "status", "True"))
        .and_then(|pod| pod["metadata"]["name"].as_str())
        .ok_or_else(|| Error::Refused(format!("no pod of {BACKEND} is ready, so none can be broken; mend the other faults first")))?;
    let annotation = format!("{ANNOTATION}={kind}");
    kubectl.run(&["annotate", "pod", victim, "-n", PRODUCTION, &annotation]).await?;
    let pod = ["get", "pod", victim, "-n", PRODUCTION];
    kubectl
        .until("a pod that backs off", SHOWN_WITHIN, &pod, |pod| {
            let state = &pod["status"]["containerStatuses"][0]["state"];
            if state["waiting"]["reason"] == "CrashLoopBackOff" { Ok(()) } else { Err(format!("pod {victim} is {state}")) }
        })
        .await?;
    Ok(victim.to_owned())
}

/// The pod gives way to a fresh one, without a trace of restarts.
pub(super) async fn mend(plane: &Plane, pod: &str) -> Result<()> {
    let kubectl = plane.kubectl(Identity::Admin);
    kubectl.run(&["delete", "pod", pod, "-n", PRODUCTION, "--ignore-not-found"]).await.map(drop)
}

/// Asks for the backend's pods.
pub(super) const BACKEND_PODS: [&str; 6] = ["get", "pods", "-n", PRODUCTION, "-l", "app=aia-backend-simple"];

/// The backend's pods, those on their way out excluded.
pub(super) async fn backend_pods(kubectl: &Kubectl) -> Result<Vec<Value>> {
    let mut list = kubectl.json(&BACKEND_PODS).await?;
    let Value::Array(mut pods) = list["items"].take() else {
        return Ok(Vec::new());
    };
    pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    Ok(pods)
}

/// Whether a pod or a node has a condition of this kind in this state.
pub(super) fn has_condition(object: &Value, kind: &str, field: &str, value: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    conditions.iter().any(|condition| condition["type"] == kind && condition[field] == value)
}
