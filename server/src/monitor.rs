//! The only probe loop: period, timeout, panic guard. Publishes the [`World`] and reports each change of health.
//!
//! One task per probe and system reads; one coordinator keeps what was read and publishes it. The coordinator waits for nothing outside, so no
//! source that hangs delays another, and nobody who draws a screen waits for either.

mod changes;
mod coordinator;
mod course;
mod task;
mod world;

use std::{collections::HashMap, sync::Arc, time::Duration};

use app::model::{Health, SystemId};
use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};

pub use self::{
    changes::HealthChange,
    world::{Instance, World},
};
use crate::probes::{Probe, ProbeCtx, ProbeSpec};

/// Any fault shows within ten seconds: the longest wait between two looks, plus the longest look, stays this much below it.
const PROMISE: Duration = Duration::from_secs(9);

/// How long past its next expected reading an instance may be silent before its data is stale: publishing, scheduling, a busy machine.
const MARGIN: Duration = Duration::from_secs(2);

/// No deadline is longer than this, however slow the probe.
const LONGEST_DEADLINE: Duration = Duration::from_secs(15);

/// Changes of health that may wait for the store before newer ones replace older ones of the same instance.
const CHANGES_WAITING: usize = 256;

/// Since when a probe has found a system as it is, from an earlier life of the console.
pub type KnownSince = HashMap<(String, SystemId), (Health, DateTime<Utc>)>;

/// Runs every probe over every system that it applies to.
pub struct Monitor;

/// What the monitor gives out. It runs until the last receiver of `world` is dropped.
pub struct MonitorHandle {
    /// The latest of everything; a change is published at most ten times a second.
    pub world: watch::Receiver<Arc<World>>,
    /// Each change of health, for the store. When nobody takes them, the newest of each instance is kept.
    pub changes: mpsc::Receiver<HealthChange>,
}

impl Monitor {
    /// Starts watching. `systems` may change while it runs: workloads appear and go. `since` comes from the store, so that "since when" survives a
    /// restart; it is empty where the store does not answer.
    ///
    /// Must be called within a tokio runtime. Never waits.
    #[must_use]
    pub fn start(probes: Vec<Box<dyn Probe>>, ctx: ProbeCtx, systems: watch::Receiver<Vec<SystemId>>, since: KnownSince) -> MonitorHandle {
        let (changes, taken) = mpsc::channel(CHANGES_WAITING);
        let (coordinator, world) = coordinator::Coordinator::new(probes, ctx, since, changes);
        tokio::spawn(coordinator.run(systems));
        MonitorHandle { world, changes: taken }
    }
}

/// The longest that a probe pauses between the starts of two reads, once its source is dead.
fn slowest(spec: &ProbeSpec) -> Duration {
    spec.every.max(PROMISE.saturating_sub(spec.timeout))
}

/// When a reading of this probe is stale: it should have been replaced by then, even by a probe that has slowed down.
fn deadline(spec: &ProbeSpec) -> Duration {
    (slowest(spec) + spec.timeout + MARGIN).min(LONGEST_DEADLINE)
}

#[cfg(test)]
mod tests;
