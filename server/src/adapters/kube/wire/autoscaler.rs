//! HorizontalPodAutoscalers.

use serde::Deserialize;

use super::{Condition, Meta, TargetRef, or_default};

/// A HorizontalPodAutoscaler, autoscaling/v2.
#[derive(Clone, Debug, Deserialize)]
pub struct Autoscaler {
    pub metadata: Meta,
    pub spec: AutoscalerSpec,
    #[serde(default)]
    pub status: AutoscalerStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoscalerSpec {
    pub scale_target_ref: TargetRef,
    pub min_replicas: Option<u32>,
    pub max_replicas: u32,
    #[serde(deserialize_with = "or_default")]
    pub metrics: Vec<Metric>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoscalerStatus {
    pub current_replicas: u32,
    pub desired_replicas: u32,
    #[serde(deserialize_with = "or_default")]
    pub current_metrics: Vec<Metric>,
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
}

/// One of `spec.metrics` or `status.currentMetrics`. Only resources are named one by one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metric {
    #[serde(rename = "type")]
    pub kind: String,
    pub resource: Option<ResourceMetric>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResourceMetric {
    pub name: String,
    pub target: MetricValue,
    pub current: MetricValue,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricValue {
    pub average_utilization: Option<u32>,
    pub average_value: Option<String>,
}
