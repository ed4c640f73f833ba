//! One health check per file, and the list. A probe reads and judges; `monitor` owns period, timeout, retry and logging.
//!
//! A fault must show within ten seconds: a probe's period and its timeout stay together below nine.

mod backup_age;
mod certificate;
mod endpoint;
mod judge;
mod metric;
mod patroni;
mod postgres_connections;
mod postgres_leadership;
mod postgres_members;
mod postgres_replication;
mod postgres_transactions;
mod redis_hit_rate;
mod redis_members;
mod redis_memory;
mod sentinel_quorum;

pub mod dns;
pub mod kube_cluster;
pub mod kube_deployment;
pub mod kube_ingress;
pub mod kube_pods;
pub mod kube_usage;

use std::{sync::Arc, time::Duration};

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::{adapters::Adapters, clock::SharedClock, config::Estate};

/// What a probe is; the same for every system that it looks at.
#[derive(Clone, Copy, Debug)]
pub struct ProbeSpec {
    /// Stable and unique: `<system>_<aspect>`.
    pub id: &'static str,
    /// What its tile is called; `{}` stands for the system's name.
    pub title: &'static str,
    /// The kind of system that it looks at; it runs once per system of this kind.
    pub kind: Kind,
    /// How often.
    pub every: Duration,
    /// When a read is given up; the reading is then unknown.
    pub timeout: Duration,
}

/// What a probe may use: adapters, limits, the time. Not the store, not the session, not other probes.
#[derive(Clone)]
pub struct ProbeCtx {
    /// The doors to the outside.
    pub adapters: Arc<Adapters>,
    /// The limits.
    pub estate: Arc<Estate>,
    /// The time.
    pub clock: SharedClock,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The judgment.
    pub health: Health,
    /// One line that stands on a tile and in the list of problems: what is so ("1 of 5 pods does not start").
    pub summary: String,
    /// The key figure, drawn large and as the sparkline.
    pub figure: Option<Value>,
    /// The figure's limit, drawn as the dashed line, in the figure's own unit.
    pub limit: Option<f64>,
    /// The smaller line under the figure on the tile ("timeline 7, pg1 leads"); the summary if empty.
    pub note: String,
    /// The likely cause in plain words, where the probe knows one.
    pub cause: Option<String>,
    /// Everything measured.
    pub facts: Vec<Fact>,
    /// For watched data: how long ago its source was last heard of. Polled data is as old as the read: zero.
    pub age: Duration,
}

impl Reading {
    /// A reading with its judgment and its one line.
    #[must_use]
    pub fn new(health: Health, summary: impl Into<String>) -> Self {
        Self {
            health,
            summary: summary.into(),
            figure: None,
            limit: None,
            note: String::new(),
            cause: None,
            facts: Vec::new(),
            age: Duration::ZERO,
        }
    }

    /// Sets the key figure.
    #[must_use]
    pub fn figure(mut self, value: Value) -> Self {
        self.figure = Some(value);
        self
    }

    /// Sets the figure's limit.
    #[must_use]
    pub fn limit(mut self, limit: f64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets the smaller line.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Sets the likely cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, fact: Fact) -> Self {
        self.facts.push(fact);
        self
    }

    /// Whether both say the same, however old they are.
    #[must_use]
    pub fn says_as(&self, other: &Self) -> bool {
        let Self { health, summary, figure, limit, note, cause, facts, age: _ } = self;
        (*health, summary, figure, limit) == (other.health, &other.summary, &other.figure, &other.limit)
            && (note, cause, facts) == (&other.note, &other.cause, &other.facts)
    }

    /// Sets how old the source's last heartbeat is.
    #[must_use]
    pub fn age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }
}

/// Tells of whatever is newly known of the namespace of `system`, or of the cluster that it is.
fn cluster_news(ctx: &ProbeCtx, system: &SystemId) -> Option<watch::Receiver<u64>> {
    ctx.adapters.kube.of(system).ok()?.news(system.namespace())
}

/// Why a probe gave no reading. Its `Display` is shown to people: no secrets, no addresses with passwords, at most a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProbeError(pub String);

impl From<crate::adapters::kube::NotSeen> for ProbeError {
    fn from(not_seen: crate::adapters::kube::NotSeen) -> Self {
        Self(not_seen.0)
    }
}

/// One health check.
pub trait Probe: Send + Sync {
    /// What it is.
    fn spec(&self) -> ProbeSpec;

    /// Whether it has something to say about `system`: a database without Patroni has no Patroni tile.
    fn applies(&self, _estate: &Estate, _system: &SystemId) -> bool {
        true
    }

    /// Where its source tells of changes: what changes with each. It is then read at once, and still after each period.
    fn news(&self, _ctx: &ProbeCtx, _system: &SystemId) -> Option<watch::Receiver<u64>> {
        None
    }

    /// Reads and judges. No retry, sleep, timeout or logging here.
    ///
    /// # Errors
    /// When nothing could be read; the system is then *unknown* by this probe. A system that is known to be down is a reading, not an error.
    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>>;
}

/// Every probe, in the order in which the screen shows them.
#[must_use]
pub fn all() -> Vec<Box<dyn Probe>> {
    vec![
        Box::new(dns::Dns),
        Box::new(certificate::Certificate),
        Box::<endpoint::Endpoint>::default(),
        Box::new(kube_cluster::KubeCluster),
        Box::new(kube_pods::KubePods),
        Box::new(kube_ingress::KubeIngress),
        Box::new(kube_deployment::KubeDeployment),
        Box::new(kube_usage::KubeUsage),
        Box::new(postgres_members::PostgresMembers),
        Box::<postgres_replication::PostgresReplication>::default(),
        Box::new(postgres_connections::PostgresConnections),
        Box::<postgres_transactions::PostgresTransactions>::default(),
        Box::new(patroni::Patroni),
        Box::new(postgres_leadership::PostgresLeadership),
        Box::new(redis_members::RedisMembers),
        Box::<redis_memory::RedisMemory>::default(),
        Box::<redis_hit_rate::RedisHitRate>::default(),
        Box::new(sentinel_quorum::SentinelQuorum),
        Box::new(backup_age::BackupAge),
        Box::new(metric::Metric),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_probe_has_its_own_name_and_shows_a_fault_within_ten_seconds() {
        let mut ids = HashSet::new();
        for spec in all().iter().map(|probe| probe.spec()) {
            assert!(ids.insert(spec.id), "two probes are called {}", spec.id);
            assert!(spec.every + spec.timeout <= Duration::from_secs(9), "{} looks too seldom", spec.id);
            assert!(!spec.every.is_zero() && !spec.timeout.is_zero(), "{}", spec.id);
        }
    }
}
