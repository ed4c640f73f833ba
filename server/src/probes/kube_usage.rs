//! What a cluster's pods use of what they asked for and may use.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{Probe, ProbeCtx, ProbeError, ProbeSpec, Reading};
use crate::adapters::kube::{State, Watch};

/// CPU and memory.
pub struct KubeUsage;

/// From here on a node or a pod is named: the share from which the operations guide looks at `kubectl top` ("`$3 > 90`").
const FULL: f64 = 0.9;

impl Probe for KubeUsage {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec { id: "kube_usage", title: "CPU", kind: Kind::Cluster, every: Duration::from_secs(5), timeout: Duration::from_secs(1) }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let watch = ctx.adapters.kube.of(system)?;
            let status = watch.usage();
            let Some(read) = status.read else {
                return Err(ProbeError(status.failed.unwrap_or_else(|| "Usage is not read yet".into())));
            };
            let look = watch.look(&[Watch::Pods, Watch::Nodes], None)?;
            // The figures are as old as the older of the two that they are made of.
            let age = look.age.max(ctx.clock.now().since(read));
            Ok(judge(&sum(&look.state)).age(age))
        })
    }
}

/// Usage, summed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU in thousandths: used by pods whose request is known, and requested by those whose use is.
    pub cpu: (u64, u64),
    /// Memory in bytes, likewise.
    pub memory: (u64, u64),
    /// The fullest node: its name, of what, and how full.
    pub fullest_node: Option<(String, &'static str, f64)>,
    /// The pod nearest to its memory limit: its name, and how near.
    pub nearest_pod: Option<(String, f64)>,
    /// How many pods are above the share that is named.
    pub n_near: usize,
}

/// Sums what is known. A pod without figures is left out of both sides: half a sum would look like little use.
#[must_use]
pub fn sum(state: &State) -> Usage {
    let mut usage = Usage::default();
    for (key, pod) in state.pods.iter().filter(|(_, pod)| pod.is_active()) {
        let Some(used) = pod.used else { continue };
        usage.cpu.0 += used.milli_cpu();
        usage.cpu.1 += pod.requests.milli_cpu();
        usage.memory.0 += used.memory();
        usage.memory.1 += pod.requests.memory();
        if let Some(share) = share(used.memory(), pod.limits.memory()) {
            usage.n_near += usize::from(share >= FULL);
            if usage.nearest_pod.as_ref().is_none_or(|(_, most)| share > *most) {
                usage.nearest_pod = Some((key.name.to_string(), share));
            }
        }
    }
    for (key, node) in state.nodes.iter() {
        let Some(used) = node.used else { continue };
        let shares =
            [("CPU", share(used.milli_cpu(), node.allocatable.milli_cpu())), ("memory", share(used.memory(), node.allocatable.memory()))];
        for (what, share) in shares.into_iter().filter_map(|(what, share)| share.map(|share| (what, share))) {
            if usage.fullest_node.as_ref().is_none_or(|(_, _, most)| share > *most) {
                usage.fullest_node = Some((key.name.to_string(), what, share));
            }
        }
    }
    usage
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Degraded when a node has next to nothing left, or a pod is about to be killed for its memory.
#[must_use]
pub fn judge(usage: &Usage) -> Reading {
    let (cpu, memory) = (share(usage.cpu.0, usage.cpu.1), share(usage.memory.0, usage.memory.1));
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let full_node = usage.fullest_node.as_ref().filter(|(_, _, share)| *share >= FULL);
    let near_pod = usage.nearest_pod.as_ref().filter(|(_, share)| *share >= FULL);
    let (health, summary) = match (full_node, near_pod) {
        (Some((node, what, share)), _) => (Health::Degraded, format!("{node} uses {} of its {what}", percent(*share))),
        (None, Some((pod, share))) if usage.n_near == 1 => {
            (Health::Degraded, format!("{pod} uses {} of its memory limit", percent(*share)))
        }
        (None, Some(_)) => (Health::Degraded, format!("{} pods use over {} of their memory limit", usage.n_near, percent(FULL))),
        (None, None) => match cpu {
            Some(cpu) => (Health::Ok, format!("{} of requested CPU used", percent(cpu))),
            None => (Health::Unknown, "metrics-server says nothing about pods that request CPU".to_owned()),
        },
    };
    let mut reading = Reading::new(health, summary);
    if let Some(cpu) = cpu {
        reading = reading.figure(Value::Ratio(cpu)).fact(Fact::new("CPU used of request", Value::Ratio(cpu)));
    }
    if let Some(memory) = memory {
        reading =
            reading.note(format!("of request, memory {}", percent(memory))).fact(Fact::new("memory used of request", Value::Ratio(memory)));
    }
    if let Some((_, what, share)) = &usage.fullest_node {
        reading = reading.fact(Fact::new(format!("fullest node, {what}"), Value::Ratio(*share)).limit(Value::Ratio(FULL)));
    }
    if let Some((_, share)) = &usage.nearest_pod {
        reading = reading.fact(Fact::new("nearest to its memory limit", Value::Ratio(*share)).limit(Value::Ratio(FULL)));
    }
    match near_pod {
        Some((pod, _)) if health == Health::Degraded && full_node.is_none() => {
            reading.cause(format!("{pod} is killed (OOMKilled) when it reaches its limit: raise the limit, or find what grows"))
        }
        _ => reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_said_as_a_share_and_named_from_nine_tenths_on() {
        let calm = Usage {
            cpu: (340, 500),
            memory: (300, 512),
            fullest_node: Some(("node-1".into(), "CPU", 0.4)),
            nearest_pod: Some(("cart-1".into(), 0.3)),
            n_near: 0,
        };
        let reading = judge(&calm);
        assert_eq!(
            (reading.health, reading.summary.as_str(), reading.note.as_str()),
            (Health::Ok, "68 % of requested CPU used", "of request, memory 59 %")
        );

        let full = Usage { fullest_node: Some(("node-1".into(), "memory", 0.93)), ..calm.clone() };
        assert_eq!(judge(&full).summary, "node-1 uses 93 % of its memory");
        let near = Usage { nearest_pod: Some(("cart-1".into(), 0.95)), n_near: 1, ..calm };
        assert_eq!((judge(&near).health, judge(&near).summary), (Health::Degraded, "cart-1 uses 95 % of its memory limit".into()));
        assert_eq!(judge(&Usage::default()).health, Health::Unknown);
    }
}
