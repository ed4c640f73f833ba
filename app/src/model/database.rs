//! The page of one PostgreSQL database: who leads and who follows, how late, what its clients do, and whether the lead could be moved.

use super::{Check, Fact, Health, Seen, SystemView};

/// `/systems/database/NAME`.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseView {
    /// What every system's page has: its readings, its changes of health, its runbooks.
    pub system: SystemView,
    /// Its members at the last look; none before the first.
    pub standing: Option<DatabaseStanding>,
}

/// A database's members at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseStanding {
    /// Its age.
    pub seen: Seen,
    /// "PostgreSQL 15.6 under Patroni 3.0.2"; empty when nobody said.
    pub products: String,
    /// "timeline 7; 2 of 2 Patronis reach the lock store".
    pub note: String,
    /// The members, who leads first.
    pub members: Vec<MemberNode>,
    /// How late each replica is.
    pub lags: Vec<ReplicaLag>,
    /// The leader's client connections, where it told.
    pub connections: Option<ConnectionTable>,
    /// Open transactions of every member, longest first.
    pub transactions: Vec<TransactionRow>,
    /// Who waits for whom, whoever holds up others first.
    pub locks: Vec<LockWait>,
    /// Whether the lead could be switched over, where Patroni keeps it.
    pub switchover: Option<Readiness>,
}

/// One member in the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberNode {
    /// Its name.
    pub name: String,
    /// What it does.
    pub role: MemberRole,
    /// How well.
    pub health: Health,
    /// In a few words: "takes writes", "streaming", "refuses connections".
    pub state: String,
    /// More about it, a line each.
    pub lines: Vec<String>,
    /// What stands on the wire from its leader: "asynchronous"; for replicas.
    pub wire: String,
}

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberRole {
    /// It takes writes.
    Primary,
    /// It follows.
    Replica,
    /// It does not say.
    Unknown,
}

impl MemberRole {
    /// The word on the page and in `data-role`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
            Self::Unknown => "unknown",
        }
    }
}

/// How late one replica is, each way.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaLag {
    /// Its name.
    pub name: String,
    /// "receiver streaming": a lag of nothing without a receiver means nothing.
    pub receiver: String,
    /// Whether it receives.
    pub receives: bool,
    /// Bytes not received, bytes not replayed, time, each with its limit; what nobody measured is missing.
    pub ways: Vec<Fact>,
}

/// Client connections by application.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionTable {
    /// Whose: the leader's name.
    pub of: String,
    /// How many.
    pub used: u64,
    /// `max_connections`.
    pub max: u64,
    /// Kept for administrators.
    pub reserved: u64,
    /// One row an application, most first.
    pub rows: Vec<ConnectionRow>,
    /// Connections of applications beyond those listed.
    pub others: u64,
}

/// The connections of one application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionRow {
    /// What it calls itself.
    pub application: String,
    /// At work.
    pub active: u64,
    /// Waiting for its client, outside a transaction.
    pub idle: u64,
    /// Waiting for its client, inside one.
    pub in_transaction: u64,
    /// All of them.
    pub all: u64,
}

/// One open transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionRow {
    /// On which member.
    pub member: String,
    /// Its process.
    pub pid: i64,
    /// Its role.
    pub user: String,
    /// What its client calls itself.
    pub application: String,
    /// For how long it has been open, in seconds.
    pub seconds: f64,
    /// "idle in transaction", "active: UPDATE".
    pub state: String,
    /// What it waits for; empty while it works.
    pub waits_for: String,
}

/// A process that holds up others, or waits.
#[derive(Clone, Debug, PartialEq)]
pub struct LockWait {
    /// "48213".
    pub pid: i64,
    /// What it is and does: "import worker, idle in transaction for 51 s".
    pub says: String,
    /// Those that wait for it.
    pub blocks: Vec<LockWait>,
}

/// Whether the lead could be switched over now.
#[derive(Clone, Debug, PartialEq)]
pub struct Readiness {
    /// To whom it was asked for: the best there is.
    pub candidate: Option<String>,
    /// Everybody who could be chosen, best first: name, whether fit, why.
    pub candidates: Vec<(String, bool, String)>,
    /// The checks, in their own order.
    pub checks: Vec<Check>,
}

impl Readiness {
    /// Whether nothing forbids it.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.candidate.is_some() && !self.checks.iter().any(Check::forbids)
    }
}
