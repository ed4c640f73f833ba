//! What is known now: an immutable snapshot, cheap to clone.

use std::{sync::Arc, time::Duration};

use app::model::{Health, Moment, Seen, SystemId};
use chrono::{DateTime, Utc};

use crate::{
    clock::Stamp,
    probes::{ProbeSpec, Reading},
};

/// Everything that is watched, in the order of the screen: by probe as the list of probes has them, then by system as the estate has them.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// One more with each publication.
    pub sequence: u64,
    /// Each probe of each system.
    pub instances: Vec<Arc<Instance>>,
}

impl World {
    /// What the probes say about one system.
    pub fn of<'a>(&'a self, system: &'a SystemId) -> impl Iterator<Item = &'a Arc<Instance>> {
        self.instances.iter().filter(move |instance| instance.system == *system)
    }

    /// A system's health: the worst that a probe says; *unknown* when nothing looks at it. Staleness is the caller's to add, since it needs the time.
    #[must_use]
    pub fn health(&self, system: &SystemId) -> Health {
        self.of(system).map(|instance| instance.health()).max().unwrap_or(Health::Unknown)
    }

    /// What one probe says about one system.
    #[must_use]
    pub fn get(&self, probe: &str, system: &SystemId) -> Option<&Arc<Instance>> {
        self.instances.iter().find(|instance| instance.spec.id == probe && instance.system == *system)
    }
}

/// One probe of one system, as last read.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The number that pages and heartbeats name it by; never given to another while the console runs.
    pub source: u32,
    /// Which probe.
    pub spec: ProbeSpec,
    /// Which system.
    pub system: SystemId,
    /// What to show: the last reading, or *unknown* with a sentence when the last attempt gave none. Nothing before the first attempt has ended.
    pub reading: Option<Arc<Reading>>,
    /// Whether the last attempt gave no reading.
    pub failed: bool,
    /// When the last true reading was right: for watched data when its source was last heard of.
    pub read_at: Option<Stamp>,
    /// When the last attempt ended, well or not.
    pub tried_at: Option<Stamp>,
    /// Since when its health is what it is.
    pub since: Option<DateTime<Utc>>,
    /// The last hour of its figure, at most 120 points, oldest first, a gap where nothing was read.
    pub recent: Arc<[Option<f64>]>,
    /// When it is stale, counted from [`Instance::seen_at`].
    pub deadline: Duration,
}

impl Instance {
    /// How well it is; *unknown* before the first reading.
    #[must_use]
    pub fn health(&self) -> Health {
        self.reading.as_ref().map_or(Health::Unknown, |reading| reading.health)
    }

    /// When what it shows was so: a failed attempt shows *unknown*, which was so when it failed.
    #[must_use]
    pub fn seen_at(&self) -> Option<Stamp> {
        if self.failed { self.tried_at } else { self.read_at }
    }

    /// Its age, for a screen.
    #[must_use]
    pub fn seen(&self, now: Stamp) -> Option<Seen> {
        self.seen_at().map(|seen| Seen {
            source: self.source,
            at: seen.wall,
            age_ms: millis(now.since(seen)),
            deadline_ms: millis(self.deadline),
        })
    }

    /// Whether it should have been read again by now. Not before the first attempt has ended: then there is nothing to be stale.
    #[must_use]
    pub fn is_stale(&self, now: Stamp) -> bool {
        self.seen_at().is_some_and(|seen| now.since(seen) > self.deadline)
    }

    /// Since when its health is what it is, for a screen.
    #[must_use]
    pub fn since(&self, now: Stamp) -> Option<Moment> {
        self.since.map(|at| Moment { at, ago_ms: u64::try_from((now.wall - at).num_milliseconds()).unwrap_or(0) })
    }

    /// What its tile is called: the probe's title with the system's name.
    #[must_use]
    pub fn title(&self) -> String {
        self.spec.title.replace("{}", self.system.name())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
