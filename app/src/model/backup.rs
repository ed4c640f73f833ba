//! Backups as their page shows them.

use super::{Fact, Health, Moment, RunbookLink, Seen, StateChange, SystemId, SystemRow, Value};

/// `/backups`: every database that is backed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BackupList {
    /// One row a database.
    pub rows: Vec<SystemRow>,
}

/// `/backups/NAME`: the backups of one database.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupsView {
    /// The backups as a system.
    pub system: SystemId,
    /// How they are.
    pub health: Health,
    /// What is so, in one line.
    pub verdict: String,
    /// Since when.
    pub since: Option<Moment>,
    /// How old what is shown is; none before the store was read for the first time.
    pub seen: Option<Seen>,
    /// Where they are: "main (aia-backups at s3.example.org)".
    pub place: String,
    /// What counts: the newest restorable point against its limit, how many, how large.
    pub counts: Vec<Fact>,
    /// Newest first.
    pub rows: Vec<BackupRow>,
    /// What the list does not show, a sentence each.
    pub left_out: Vec<String>,
    /// Changes of health, newest first.
    pub changes: Vec<StateChange>,
    /// The runbooks that this estate offers here.
    pub runbooks: Vec<RunbookLink>,
}

/// One backup.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupRow {
    /// What it is called in the store.
    pub name: String,
    /// What it restores to; when its manifest was written, where that does not hold.
    pub at: Moment,
    /// Whether it may be restored from.
    pub proof: Proof,
    /// What is known of it, by its own manifest; none where that does not hold.
    pub told: Option<BackupTold>,
    /// Where it is verified; none where it cannot be.
    pub verify: Option<String>,
}

/// What a manifest that holds tells.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupTold {
    /// The dump's size.
    pub size: Value,
    /// How long the dump took.
    pub took: Value,
    /// What was dumped: "replica 10.0.0.2:5432, version 15.6".
    pub source: String,
    /// "12 tables, 40 objects".
    pub contents: String,
    /// The run that made it.
    pub run: Option<i64>,
    /// Who asked for it.
    pub by: String,
}

/// Whether a backup may be restored from.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// It was read to its end, when, and by which run if a later one looked.
    Read(Moment, Option<i64>),
    /// A verification found that it is not what was written.
    Spoilt(String, Option<i64>),
    /// Its manifest does not hold.
    Distrusted(String),
}

impl Proof {
    /// As a health.
    #[must_use]
    pub const fn health(&self) -> Health {
        match self {
            Self::Read(..) => Health::Ok,
            Self::Spoilt(..) => Health::Down,
            Self::Distrusted(_) => Health::Unknown,
        }
    }
}
