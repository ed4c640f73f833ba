//! The few changes that are made to a cluster, and the live reads that they rest on.
//!
//! Each change is one PATCH with the resourceVersion and uid that were read as its condition, so that nothing is changed that is not as
//! it was looked at, and a request that arrives late changes nothing. Each leaves `quarterdeck.dev/run: RUN/STEP` beside its effect, in
//! the same request: that is how anyone can tell afterwards whether it was made. The scale subresource takes no annotation, so replicas
//! are changed on the Deployment itself.

use std::{collections::BTreeMap, error::Error as _, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use kube::{
    Client,
    api::{GetParams, ListParams, Patch, PatchParams, Request},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{sync::Mutex, time};

use super::{
    access, fault,
    names::Names,
    records::{Autoscaler, Deployment},
    wire,
};
use crate::config::KubeAccess;

/// How long an answer may take: admission webhooks get up to 10 s by default, and the change is made after them.
const TIMEOUT: Duration = Duration::from_secs(15);
/// A read has no webhooks to wait for.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Who changed a field, in the cluster's own bookkeeping.
const FIELD_MANAGER: &str = "quarterdeck";
/// Names the run and the step that made a change.
const MARKER: &str = "quarterdeck.dev/run";
/// What `kubectl rollout restart` sets.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// ReplicaSets of one Deployment that are looked through: `revisionHistoryLimit` is 10 by default.
const MAX_REVISIONS: u32 = 200;

/// The door through which one cluster is changed.
pub struct ClusterAct {
    cluster: String,
    access: KubeAccess,
    client: Mutex<Option<Client>>,
}

/// A Deployment as it is at this moment.
#[derive(Clone, Debug)]
pub struct LiveDeployment {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it is, judged as the watch does.
    pub record: Deployment,
    /// SHA-256 over its pod template, 16 hex digits: another one, another template.
    pub template_hash: String,
    /// The marker of the change that was made last to the Deployment.
    pub marker: Option<String>,
    /// The marker in its pod template.
    pub template_marker: Option<String>,
    /// How long its pods get to end, in seconds.
    pub grace_s: u64,
    selector: BTreeMap<String, String>,
    resource_version: String,
}

/// An autoscaler as it is at this moment.
#[derive(Clone, Debug)]
pub struct LiveAutoscaler {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its identity.
    pub uid: String,
    /// What it is.
    pub record: Autoscaler,
    /// The marker of the change that was made last to it.
    pub marker: Option<String>,
    resource_version: String,
}

/// Why a live read gave nothing. A sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadFault {
    /// There is no such object.
    #[error("{0}")]
    NotFound(String),
    /// It could not be asked, or we may not look.
    #[error("{0}")]
    Unanswered(String),
}

/// Why a change was not made, or may have been. A sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteFault {
    /// The object is no longer as it was read; nothing was changed.
    #[error("{0}")]
    Conflict(String),
    /// Nothing was changed.
    #[error("{0}")]
    NotDone(String),
    /// The request was sent and no answer came: it may have been made.
    #[error("{0}")]
    Unknown(String),
}

/// What stands in the annotation of a change.
#[must_use]
pub fn marker(run: &str, step: usize) -> String {
    // People count steps from one.
    format!("{run}/{}", step + 1)
}

impl ClusterAct {
    /// A door that is opened when it is first used.
    #[must_use]
    pub fn new(cluster: &str, access: KubeAccess) -> Self {
        Self { cluster: cluster.to_owned(), access, client: Mutex::new(None) }
    }

    async fn client(&self) -> Result<Client, String> {
        let mut client = self.client.lock().await;
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let new = access::client(&self.access).await.map_err(|reason| format!("The acting credential of {}: {reason}", self.cluster))?;
        Ok(client.insert(new).clone())
    }

    /// A credential that was refused is read anew next time: it may have been rotated.
    async fn forget(&self, code: Option<u16>) {
        if code == Some(401) {
            *self.client.lock().await = None;
        }
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, request: http::Request<Vec<u8>>, what: &str) -> Result<T, ReadFault> {
        let client = self.client().await.map_err(ReadFault::Unanswered)?;
        match time::timeout(READ_TIMEOUT, client.request::<T>(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(err)) if fault::code(&err) == Some(404) => Err(ReadFault::NotFound(format!("There is no {what} in {}", self.cluster))),
            Ok(Err(err)) => {
                self.forget(fault::code(&err)).await;
                Err(ReadFault::Unanswered(format!("The API server of {} was asked for {what}: {}", self.cluster, fault::words(&err))))
            }
            Err(_) => Err(ReadFault::Unanswered(format!(
                "The API server of {} was asked for {what} and did not answer within {} s",
                self.cluster,
                READ_TIMEOUT.as_secs()
            ))),
        }
    }

    /// Reads a Deployment.
    ///
    /// # Errors
    /// When there is none, or the API server does not say.
    pub async fn deployment(&self, namespace: &str, name: &str) -> Result<LiveDeployment, ReadFault> {
        let what = format!("Deployment {namespace}/{name}");
        let request = Request::new(path("apps/v1", namespace, "deployments")).get(name, &GetParams::default());
        let value: Value = self.read(request.map_err(unbuilt)?, &what).await?;
        let unreadable = |err: serde_json::Error| ReadFault::Unanswered(format!("{what} cannot be read: {err}"));
        let template = &value["spec"]["template"];
        let template_hash = hash(template);
        let grace_s = template["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
        let wire: wire::Deployment = serde_json::from_value(value).map_err(unreadable)?;
        Ok(LiveDeployment {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            template_hash,
            marker: wire.metadata.annotations.run.clone(),
            template_marker: wire.spec.template.metadata.annotations.run.clone(),
            grace_s,
            selector: wire.spec.selector.match_labels.clone(),
            resource_version: wire.metadata.resource_version.clone(),
            record: Deployment::from_wire(wire, &mut Names::default()),
        })
    }

    /// Reads the autoscaler that owns a Deployment's replicas, if there is one.
    ///
    /// # Errors
    /// When the API server does not say.
    pub async fn autoscaler_of(&self, namespace: &str, deployment: &str) -> Result<Option<LiveAutoscaler>, ReadFault> {
        let request = Request::new(path("autoscaling/v2", namespace, "horizontalpodautoscalers")).list(&ListParams::default());
        let what = format!("autoscalers of {namespace}");
        let list: wire::List<wire::Autoscaler> = self.read(request.map_err(unbuilt)?, &what).await?;
        let owner = list.items.into_iter().find(|autoscaler| {
            let target = &autoscaler.spec.scale_target_ref;
            target.kind == "Deployment" && target.name == deployment
        });
        Ok(owner.map(|owner| LiveAutoscaler {
            namespace: namespace.to_owned(),
            name: owner.metadata.name.clone(),
            uid: owner.metadata.uid.clone(),
            marker: owner.metadata.annotations.run.clone(),
            resource_version: owner.metadata.resource_version.clone(),
            record: Autoscaler::from_wire(&owner, &mut Names::default()),
        }))
    }

    /// Whether a revision of the Deployment bears that marker, be it the newest or not.
    ///
    /// # Errors
    /// When the API server does not say.
    pub async fn has_revision_marked(&self, deployment: &LiveDeployment, marker: &str) -> Result<bool, ReadFault> {
        let labels: Vec<_> = deployment.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let params = ListParams { label_selector: Some(labels.join(",")), limit: Some(MAX_REVISIONS), ..ListParams::default() };
        let request = Request::new(path("apps/v1", &deployment.namespace, "replicasets")).list(&params);
        let what = format!("revisions of {}/{}", deployment.namespace, deployment.name);
        let list: wire::List<wire::ReplicaSet> = self.read(request.map_err(unbuilt)?, &what).await?;
        Ok(list.items.iter().any(|set| {
            let owned = set.metadata.owner_references.iter().any(|owner| owner.controller && *owner.uid == *deployment.record.uid);
            owned && set.spec.template.metadata.annotations.run.as_deref() == Some(marker)
        }))
    }

    async fn patch(&self, path: String, name: &str, what: &str, body: Value) -> Result<(), WriteFault> {
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let request =
            Request::new(path).patch(name, &params, &Patch::Merge(&body)).map_err(|err| WriteFault::NotDone(format!("{what}: {err}")))?;
        let client = self.client().await.map_err(WriteFault::NotDone)?;
        // Only whether it was taken is asked, so the answer is not read into anything.
        let answer = time::timeout(TIMEOUT, client.request::<serde::de::IgnoredAny>(request)).await;
        let err = match answer {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(err)) => err,
            Err(_) => {
                return Err(WriteFault::Unknown(format!(
                    "The change of {what} was sent, and the API server of {} did not answer within {} s",
                    self.cluster,
                    TIMEOUT.as_secs()
                )));
            }
        };
        self.forget(fault::code(&err)).await;
        let words = format!("The change of {what} was not made by the API server of {}: {}", self.cluster, fault::words(&err));
        Err(match fault::code(&err) {
            Some(409) => WriteFault::Conflict(words),
            // 5xx may come after the change reached etcd ("timeout: request did not complete"), 4xx do not.
            Some(400..=499) => WriteFault::NotDone(words),
            None if was_not_sent(&err) => WriteFault::NotDone(words),
            _ => WriteFault::Unknown(format!(
                "The change of {what} was sent, and the API server of {} did not say that it is made: {}",
                self.cluster,
                fault::words(&err)
            )),
        })
    }

    /// Asks for a restart: sets what `kubectl rollout restart` sets, and the marker beside it.
    ///
    /// # Errors
    /// As [`WriteFault`] says.
    pub async fn restart(&self, deployment: &LiveDeployment, at: DateTime<Utc>, marker: &str) -> Result<(), WriteFault> {
        let annotations = json!({ RESTARTED_AT: at.to_rfc3339_opts(SecondsFormat::Secs, true), MARKER: marker });
        let body = json!({ "metadata": deployment.condition(), "spec": { "template": { "metadata": { "annotations": annotations } } } });
        self.patch_deployment(deployment, body).await
    }

    /// Sets how many pods are wanted.
    ///
    /// # Errors
    /// As [`WriteFault`] says.
    pub async fn scale(&self, deployment: &LiveDeployment, replicas: u32, marker: &str) -> Result<(), WriteFault> {
        let mut metadata = deployment.condition();
        metadata["annotations"] = json!({ MARKER: marker });
        self.patch_deployment(deployment, json!({ "metadata": metadata, "spec": { "replicas": replicas } })).await
    }

    async fn patch_deployment(&self, deployment: &LiveDeployment, body: Value) -> Result<(), WriteFault> {
        let what = format!("Deployment {}/{}", deployment.namespace, deployment.name);
        self.patch(path("apps/v1", &deployment.namespace, "deployments"), &deployment.name, &what, body).await
    }

    /// Sets the bounds of an autoscaler.
    ///
    /// # Errors
    /// As [`WriteFault`] says.
    pub async fn set_bounds(&self, autoscaler: &LiveAutoscaler, min: u32, max: u32, marker: &str) -> Result<(), WriteFault> {
        let metadata = json!({
            "uid": autoscaler.uid, "resourceVersion": autoscaler.resource_version, "annotations": { MARKER: marker },
        });
        let body = json!({ "metadata": metadata, "spec": { "minReplicas": min, "maxReplicas": max } });
        let what = format!("HorizontalPodAutoscaler {}/{}", autoscaler.namespace, autoscaler.name);
        self.patch(path("autoscaling/v2", &autoscaler.namespace, "horizontalpodautoscalers"), &autoscaler.name, &what, body).await
    }
}

impl LiveDeployment {
    /// What must still hold for a change to be made.
    fn condition(&self) -> Value {
        json!({ "uid": self.record.uid, "resourceVersion": self.resource_version })
    }
}

fn path(group: &str, namespace: &str, resource: &str) -> String {
    format!("/apis/{group}/namespaces/{namespace}/{resource}")
}

fn unbuilt(err: kube::core::request::Error) -> ReadFault {
    ReadFault::Unanswered(err.to_string())
}

/// Whether the connection was never made: the request cannot have arrived.
fn was_not_sent(err: &kube::Error) -> bool {
    let mut source = err.source();
    while let Some(err) = source {
        if let Some(err) = err.downcast_ref::<hyper_util::client::legacy::Error>() {
            return err.is_connect();
        }
        source = err.source();
    }
    false
}

/// SHA-256 over a value, the same whatever the order of its keys; 16 hex digits.
fn hash(value: &Value) -> String {
    fn feed(value: &Value, hasher: &mut Sha256) {
        match value {
            Value::Object(map) => {
                hasher.update(b"{");
                let sorted: BTreeMap<_, _> = map.iter().collect();
                for (key, value) in sorted {
                    feed(&Value::String(key.clone()), hasher);
                    feed(value, hasher);
                }
                hasher.update(b"}");
            }
            Value::Array(items) => {
                hasher.update(b"[");
                items.iter().for_each(|item| feed(item, hasher));
                hasher.update(b"]");
            }
            leaf => {
                let text = leaf.to_string();
                hasher.update((text.len() as u64).to_be_bytes());
                hasher.update(text);
            }
        }
    }
    let mut hasher = Sha256::new();
    feed(value, &mut hasher);
    hex::encode(&hasher.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_the_same_hash_whatever_the_order_of_its_keys() {
        let one: Value = serde_json::from_str(r#"{"a":[1,{"x":null}],"b":"t"}"#).unwrap_or_default();
        let other: Value = serde_json::from_str(r#"{"b":"t","a":[1,{"x":null}]}"#).unwrap_or_default();
        assert_eq!(hash(&one), hash(&other));
        for changed in [r#"{"a":[1,{"x":null}],"b":"u"}"#, r#"{"a":[{"x":null},1],"b":"t"}"#, r#"{"a":[1,{"x":null}],"b":"t","c":0}"#] {
            assert_ne!(hash(&one), hash(&serde_json::from_str(changed).unwrap_or_default()), "{changed}");
        }
    }

    #[test]
    fn a_marker_names_the_run_and_the_step_that_people_see() {
        assert_eq!(marker("1482-ab", 0), "1482-ab/1");
    }
}
