//! A HorizontalPodAutoscaler.

use super::super::{
    names::{Name, Names},
    table::Record,
    text::clip,
    wire,
};

/// What is kept of an autoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoscaler {
    /// The Deployment whose replicas it owns; none when it scales something else.
    pub deployment: Option<Name>,
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// What it wants now.
    pub desired: u32,
    /// What it goes by.
    pub metrics: Vec<AutoscalerMetric>,
    /// Why it does not scale now ("FailedGetResourceMetric"), where it does not.
    pub inactive: Option<Name>,
}

/// One metric of an autoscaler, as a share of what is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoscalerMetric {
    /// "cpu", "memory", or the kind of a metric that is not named one by one.
    pub name: Name,
    /// In percent; none when it is not known.
    pub current: Option<u32>,
    /// In percent; none when the target is no utilization.
    pub target: Option<u32>,
}

impl Record for Autoscaler {
    fn owner(&self) -> Option<&Name> {
        self.deployment.as_ref()
    }
}

impl Autoscaler {
    /// From the API's form.
    pub(in super::super) fn from_wire(autoscaler: &wire::Autoscaler, names: &mut Names) -> Self {
        let current = |name: &str| {
            let metrics = autoscaler.status.current_metrics.iter();
            metrics.filter_map(|metric| metric.resource.as_ref()).find(|resource| resource.name == name)?.current.average_utilization
        };
        let metrics = autoscaler.spec.metrics.iter().take(8).map(|metric| match &metric.resource {
            Some(resource) => AutoscalerMetric {
                name: names.intern(&clip(&resource.name, 60)),
                current: current(&resource.name),
                target: resource.target.average_utilization,
            },
            None => AutoscalerMetric { name: names.intern(&clip(&metric.kind, 60)), current: None, target: None },
        });
        let metrics = metrics.collect();
        let target = &autoscaler.spec.scale_target_ref;
        let active = wire::condition(&autoscaler.status.conditions, "ScalingActive").filter(|condition| condition.status == "False");
        Self {
            deployment: (target.kind == "Deployment").then(|| names.intern(&target.name)),
            // The API server fills in 1 where none is given (autoscaling/v2, "minReplicas").
            min: autoscaler.spec.min_replicas.unwrap_or(1),
            max: autoscaler.spec.max_replicas,
            desired: autoscaler.status.desired_replicas,
            metrics,
            inactive: active.map(|condition| names.intern(&clip(condition.reason.as_deref().unwrap_or("unknown"), 80))),
        }
    }
}

impl AutoscalerMetric {
    /// "cpu 58 % of 70 %".
    #[must_use]
    pub fn words(&self) -> String {
        match (self.current, self.target) {
            (Some(current), Some(target)) => format!("{} {current} % of {target} %", self.name),
            (None, Some(target)) => format!("{} unknown of {target} %", self.name),
            (_, None) => self.name.to_string(),
        }
    }
}
