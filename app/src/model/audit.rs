//! What was done, tried and refused.

use super::Moment;

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
    /// The filter as typed.
    pub filter: AuditFilter,
    /// Where the next page begins; none on the last.
    pub older: Option<i64>,
    /// What the last verification of the chain said.
    pub verified: Option<Verification>,
    /// What is wrong with the filter.
    pub fault: Option<String>,
}

/// What is looked for in the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only this person's.
    pub actor: String,
    /// Only this kind.
    pub kind: String,
    /// Only about this target.
    pub target: String,
    /// Only this run, as a whole story.
    pub run: Option<i64>,
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
}
