//! What is kept of each object: compact, with shared names, and judged as far as one object alone allows.

mod autoscaler;
mod deployment;
mod event;
mod network;
mod node;
mod pod;
mod replica_set;
mod scheduling;
mod trouble;

pub use autoscaler::{Autoscaler, AutoscalerMetric};
pub use deployment::{Deployment, Rounding, amount_of};
pub use event::Event;
pub use network::{Endpoints, Ingress, Service};
pub use node::Node;
pub use pod::{Amounts, Phase, Pod, Standing};
pub use replica_set::{Container, ReplicaSet, Template};
pub use trouble::Trouble;

#[cfg(test)]
mod tests;
