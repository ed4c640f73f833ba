//! The API's objects, cut down to the fields that we judge by. Everything else is skipped while it is read, never kept.

mod autoscaler;
mod network;
mod pod;
mod workload;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

pub use self::{autoscaler::*, network::*, pod::*, workload::*};

/// Go writes an empty list as `null`.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(input: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

/// `metadata`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub resource_version: String,
    pub generation: i64,
    pub creation_timestamp: Option<DateTime<Utc>>,
    pub deletion_timestamp: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "or_default")]
    pub owner_references: Vec<Owner>,
    #[serde(deserialize_with = "or_default")]
    pub labels: Labels,
    #[serde(deserialize_with = "or_default")]
    pub annotations: Annotations,
}

impl Meta {
    /// The name of the controller of that kind.
    pub fn controller(&self, kind: &str) -> Option<&str> {
        self.owner_references.iter().find(|owner| owner.controller && owner.kind == kind).map(|owner| owner.name.as_str())
    }

    /// When it was made, in seconds since 1970.
    pub fn created(&self) -> i64 {
        seconds(self.creation_timestamp)
    }
}

/// A moment in seconds since 1970; 0 where there is none.
pub fn seconds(at: Option<DateTime<Utc>>) -> i64 {
    at.map_or(0, |at| at.timestamp())
}

/// One of `metadata.ownerReferences`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Owner {
    pub kind: String,
    pub name: String,
    pub uid: String,
    pub controller: bool,
}

/// The labels that we know.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Labels {
    #[serde(rename = "pod-template-hash")]
    pub template_hash: Option<String>,
    #[serde(rename = "kubernetes.io/service-name")]
    pub service: Option<String>,
}

/// The annotations that we know.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotations {
    #[serde(rename = "deployment.kubernetes.io/revision")]
    pub revision: Option<String>,
    #[serde(rename = "kubernetes.io/ingress.class")]
    pub ingress_class: Option<String>,
    #[serde(rename = "kubectl.kubernetes.io/restartedAt")]
    pub restarted_at: Option<String>,
    #[serde(rename = "quarterdeck.dev/run")]
    pub run: Option<String>,
}

/// One of `status.conditions`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub last_transition_time: Option<DateTime<Utc>>,
    pub last_update_time: Option<DateTime<Utc>>,
}

/// The condition of that type.
pub fn condition<'a>(all: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    all.iter().find(|condition| condition.kind == kind)
}

/// CPU and memory, as written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Amounts {
    pub cpu: Option<String>,
    pub memory: Option<String>,
}

/// `resources` of a container.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Resources {
    #[serde(deserialize_with = "or_default")]
    pub requests: Amounts,
    #[serde(deserialize_with = "or_default")]
    pub limits: Amounts,
}

/// The name of an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    pub name: String,
}

/// The object that something is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TargetRef {
    pub kind: String,
    pub name: String,
}

/// An Event of the core API.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub metadata: Meta,
    #[serde(default)]
    pub involved_object: TargetRef,
    #[serde(default, deserialize_with = "or_default")]
    pub reason: String,
    #[serde(default, deserialize_with = "or_default")]
    pub message: String,
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub count: u32,
    pub series: Option<EventSeries>,
    pub first_timestamp: Option<DateTime<Utc>>,
    pub last_timestamp: Option<DateTime<Utc>>,
    pub event_time: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventSeries {
    pub count: u32,
    pub last_observed_time: Option<DateTime<Utc>>,
}

/// A page of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub struct List<T> {
    #[serde(default)]
    pub metadata: ListMeta,
    #[serde(deserialize_with = "or_default", default = "Vec::new")]
    pub items: Vec<T>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListMeta {
    pub resource_version: String,
    #[serde(rename = "continue")]
    pub next: Option<String>,
}

/// NodeMetrics or PodMetrics. The list comes whole, with thousands of pods: only names beside the figures.
#[derive(Clone, Debug, Deserialize)]
pub struct Usage {
    pub metadata: Named,
    #[serde(default, deserialize_with = "or_default")]
    pub usage: Amounts,
    #[serde(default, deserialize_with = "or_default")]
    pub containers: Vec<ContainerUsage>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerUsage {
    #[serde(deserialize_with = "or_default")]
    pub usage: Amounts,
}

/// `/version`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    pub minor: String,
    pub git_version: String,
}
