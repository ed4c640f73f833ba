//! Deployments and ReplicaSets.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Annotations, Condition, Labels, Meta, Named, Resources, or_default};

/// A Deployment.
#[derive(Clone, Debug, Deserialize)]
pub struct Deployment {
    pub metadata: Meta,
    pub spec: DeploymentSpec,
    #[serde(default)]
    pub status: DeploymentStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentSpec {
    pub replicas: Option<u32>,
    pub paused: bool,
    #[serde(deserialize_with = "or_default")]
    pub strategy: Strategy,
    pub progress_deadline_seconds: Option<u32>,
    pub selector: Selector,
    pub template: Template,
}

/// `spec.selector` of a Deployment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Selector {
    #[serde(deserialize_with = "or_default")]
    pub match_labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Strategy {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub rolling_update: Option<RollingUpdate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RollingUpdate {
    pub max_surge: Option<NumberOrShare>,
    pub max_unavailable: Option<NumberOrShare>,
}

/// `1` or `25%`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum NumberOrShare {
    Number(u32),
    Share(String),
}

/// A pod template, with the parts whose change we can name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Template {
    #[serde(deserialize_with = "or_default")]
    pub metadata: TemplateMeta,
    pub spec: TemplateSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TemplateMeta {
    #[serde(deserialize_with = "or_default")]
    pub labels: Labels,
    #[serde(deserialize_with = "or_default")]
    pub annotations: Annotations,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateSpec {
    #[serde(deserialize_with = "or_default")]
    pub containers: Vec<TemplateContainer>,
    #[serde(deserialize_with = "or_default")]
    pub volumes: Vec<Volume>,
    pub service_account_name: Option<String>,
    pub node_selector: Option<serde_json::Value>,
    pub affinity: Option<serde_json::Value>,
    pub tolerations: Option<serde_json::Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateContainer {
    pub name: String,
    pub image: String,
    #[serde(deserialize_with = "or_default")]
    pub resources: Resources,
    pub command: Option<serde_json::Value>,
    pub args: Option<serde_json::Value>,
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<EnvVar>,
    #[serde(deserialize_with = "or_default")]
    pub env_from: Vec<EnvFrom>,
    pub readiness_probe: Option<serde_json::Value>,
    pub liveness_probe: Option<serde_json::Value>,
    pub startup_probe: Option<serde_json::Value>,
}

/// A variable: its name and where it comes from. A literal value may be a secret: it is hashed as it is read, and never kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvVar {
    pub name: String,
    #[serde(deserialize_with = "or_default")]
    pub value: String,
    pub value_from: Option<serde_json::Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvFrom {
    pub config_map_ref: Option<Named>,
    pub secret_ref: Option<Named>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    pub config_map: Option<Named>,
    pub secret: Option<SecretVolume>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretVolume {
    pub secret_name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentStatus {
    pub observed_generation: i64,
    pub replicas: u32,
    pub updated_replicas: u32,
    pub ready_replicas: u32,
    pub available_replicas: u32,
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
}

/// A ReplicaSet.
#[derive(Clone, Debug, Deserialize)]
pub struct ReplicaSet {
    pub metadata: Meta,
    pub spec: ReplicaSetSpec,
    #[serde(default)]
    pub status: ReplicaSetStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReplicaSetSpec {
    pub replicas: Option<u32>,
    pub template: Template,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplicaSetStatus {
    pub replicas: u32,
    pub ready_replicas: u32,
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
}
