//! What was done, tried and refused.

use chrono::{DateTime, Utc};

use super::{Filter, Moment};

/// One event of the audit.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Its place in the chain.
    pub seq: i64,
    /// When.
    pub at: Moment,
    /// Who; "nobody" for an anonymous attempt, "console" for the console itself.
    pub actor: String,
    /// What kind of event, in the store's word ("permission_denied").
    pub kind: String,
    /// How it came out, in the filter's word ("done").
    pub outcome: String,
    /// What happened, as a sentence.
    pub sentence: String,
    /// The run that it belongs to.
    pub run: Option<i64>,
    /// What it was about.
    pub target: Option<String>,
    /// Typed detail, by name.
    pub detail: Vec<(String, String)>,
    /// The first 12 hex digits of its hash.
    pub hash: String,
}

/// The audit page.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditView {
    /// The events, newest first (oldest first in one run's story).
    pub rows: Vec<AuditRow>,
    /// What is looked for.
    pub filter: Filter,
    /// The one run whose whole story this is.
    pub story: Option<i64>,
    /// Where the next page begins; none on the last.
    pub older: Option<i64>,
    /// How many events there are, and when the first was written; none while there is none.
    pub all: Option<(i64, DateTime<Utc>)>,
    /// What the last verification of the chain said.
    pub verified: Option<Verification>,
    /// Whether the person who looks may take the events out of the console.
    pub may_export: bool,
}

/// What a verification of the chain said.
#[derive(Clone, Debug, PartialEq)]
pub struct Verification {
    /// Whether every link held.
    pub intact: bool,
    /// In a sentence: "1 204 events, every link holds".
    pub sentence: String,
    /// When.
    pub at: Moment,
    /// By whom.
    pub by: String,
    /// The beginning of the hash of the last event that was verified.
    pub head: Option<String>,
    /// How many events are newer than that one.
    pub newer: i64,
}
