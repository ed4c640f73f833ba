//! The page of a cache: who leads, what the Sentinels say, how full it is, and whether it could fail over now.

use super::{Check, CountCell, Fact, Health, Moment, RunbookLink, Seen, StateChange, SystemId, Topology, Value};

/// `/systems/cache/NAME`.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheView {
    /// Which.
    pub system: SystemId,
    /// How well.
    pub health: Health,
    /// What it is and what is wrong here, in one line.
    pub verdict: String,
    /// Since when its health is so.
    pub since: Option<Moment>,
    /// Buttons.
    pub runbooks: Vec<RunbookLink>,
    /// Master and replicas.
    pub topology: Topology,
    /// The age of the nodes' answers; none before the first.
    pub seen: Option<Seen>,
    /// What each Sentinel says.
    pub sentinels: Vec<SentinelRow>,
    /// "3 of 3 agree; 2 must".
    pub sentinels_note: String,
    /// The age of the Sentinels' answers.
    pub sentinels_seen: Option<Seen>,
    /// Hit rate, evictions, clients, commands, keys.
    pub counts: Vec<CountCell>,
    /// The master's memory; none where it was not told.
    pub memory: Option<CacheMemory>,
    /// What is on disk.
    pub persistence: Vec<Fact>,
    /// The master's slow log.
    pub slow: SlowLog,
    /// Whether it could fail over now; none without Sentinels, or while no way is seen.
    pub fail_over: Option<FailOverView>,
    /// The newest state changes first.
    pub changes: Vec<StateChange>,
}

/// One Sentinel.
#[derive(Clone, Debug, PartialEq)]
pub struct SentinelRow {
    /// Its address.
    pub at: String,
    /// Whether it is of one mind with the others.
    pub health: Health,
    /// "quorum reached", "no quorum", "failing over", "refuses connections".
    pub state: String,
    /// Whom it sends clients to.
    pub master: Option<String>,
    /// How long ago the master last answered it, in milliseconds.
    pub answered_ms: Option<u64>,
}

/// How full it is.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheMemory {
    /// "214 MB of 256 MB".
    pub note: String,
    /// Used of the most that it may use, and the share at which it is degraded; none without such a most.
    pub share: Option<(f64, f64)>,
    /// Policy, peak, fragmentation.
    pub facts: Vec<Fact>,
}

/// What is known of the slow log.
#[derive(Clone, Debug, PartialEq)]
pub enum SlowLog {
    /// It was not read yet.
    NotRead,
    /// It cannot be read, and why.
    Refused(String),
    /// Its newest entries.
    Entries(Vec<SlowRow>),
}

/// One slow command.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowRow {
    /// The command with its first key.
    pub command: String,
    /// Who sent it.
    pub client: String,
    /// How long it took.
    pub took: Value,
    /// When.
    pub at: Option<Moment>,
}

/// What a failover would meet now.
#[derive(Clone, Debug, PartialEq)]
pub struct FailOverView {
    /// "Planned: 10.4.1.21:6379 hands over to 10.4.2.22:6379".
    pub title: String,
    /// What is lost by it.
    pub lost: String,
    /// Every precondition as it stands.
    pub checks: Vec<Check>,
    /// The runbook's form with the candidate filled in; none where the estate does not approve it.
    pub runbook: Option<RunbookLink>,
}
