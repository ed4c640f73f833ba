//! Ingresses, Services and EndpointSlices.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Meta, Named, or_default};

/// An Ingress.
#[derive(Clone, Debug, Deserialize)]
pub struct Ingress {
    pub metadata: Meta,
    #[serde(default)]
    pub spec: IngressSpec,
    #[serde(default)]
    pub status: IngressStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressSpec {
    pub ingress_class_name: Option<String>,
    pub default_backend: Option<Backend>,
    #[serde(deserialize_with = "or_default")]
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rule {
    pub host: Option<String>,
    pub http: Option<RuleHttp>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RuleHttp {
    #[serde(deserialize_with = "or_default")]
    pub paths: Vec<RulePath>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RulePath {
    pub backend: Backend,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Backend {
    pub service: Option<Named>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressStatus {
    #[serde(deserialize_with = "or_default")]
    pub load_balancer: LoadBalancer,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoadBalancer {
    #[serde(deserialize_with = "or_default")]
    pub ingress: Vec<Address>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Address {
    pub ip: Option<String>,
    pub hostname: Option<String>,
}

/// A Service.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    pub metadata: Meta,
    #[serde(default)]
    pub spec: ServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub selector: BTreeMap<String, String>,
}

/// An EndpointSlice.
#[derive(Clone, Debug, Deserialize)]
pub struct EndpointSlice {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "or_default")]
    pub endpoints: Vec<Endpoint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    #[serde(deserialize_with = "or_default")]
    pub addresses: Vec<serde::de::IgnoredAny>,
    #[serde(deserialize_with = "or_default")]
    pub conditions: EndpointConditions,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    /// Absent means ready (EndpointSlice API, "conditions").
    pub ready: Option<bool>,
}
