//! What would happen now.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Moment, Role, SystemId};

/// What an action says it would do, from reads alone. Stored as it is; its fingerprint covers [`PlanBody::basis`], the steps and the parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanBody {
    /// The action's id ("restart-workload").
    pub action: String,
    /// What it is done to.
    pub target: SystemId,
    /// The parameters, by name, in the action's order.
    pub parameters: Vec<(String, String)>,
    /// Verb and object, as on the button ("Restart aia-backend-simple").
    pub title: String,
    /// The steps, in order.
    pub steps: Vec<PlanStep>,
    /// Before and after.
    pub changes: Vec<Change>,
    /// Who and what feels it, a sentence each.
    pub blast_radius: Vec<String>,
    /// What must hold; each with its measured value.
    pub checks: Vec<Check>,
    /// The same by hand: shell lines.
    pub by_hand: Vec<String>,
    /// How it is undone, in a sentence, and the run that does it where there is one.
    pub undo: Option<Undo>,
    /// The facts that the plan rests on (uid, template hash, replicas …): if one differs when it runs, the run is refused.
    pub basis: Vec<(String, String)>,
    /// What would be better than this, offered in its place ("raise the autoscaler's minimum").
    pub instead: Option<Instead>,
}

impl PlanBody {
    /// The first check that forbids the run.
    #[must_use]
    pub fn forbidden_by(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.forbids())
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// "Patch the pod template's restart annotation".
    pub title: String,
    /// More, where it helps.
    pub detail: String,
    /// How long it usually takes, in seconds, where that is known.
    pub usual_s: Option<u64>,
    /// After how many seconds it is given up.
    pub limit_s: u64,
}

/// One line of before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub what: String,
    /// Now.
    pub before: String,
    /// Then.
    pub after: String,
}

/// One precondition with what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// A stable name for the audit ("hpa-owns-replicas").
    pub rule: String,
    /// What must hold, in words.
    pub title: String,
    /// Whether it does.
    pub outcome: CheckOutcome,
    /// What was measured.
    pub value: String,
}

impl Check {
    /// Whether this check forbids the run: failed, or not known where it must be.
    #[must_use]
    pub fn forbids(&self) -> bool {
        matches!(self.outcome, CheckOutcome::Fail | CheckOutcome::Unknown)
    }
}

/// Whether a precondition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It holds.
    Pass,
    /// It does not hold, and the run is allowed all the same.
    Warn,
    /// It does not hold, and the run is refused.
    Fail,
    /// We could not tell, and the run is refused.
    Unknown,
}

impl CheckOutcome {
    /// The word on the page.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warning",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// How a run is undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// In a sentence.
    pub text: String,
    /// The runbook that does it, with its parameters; none where it is by hand only.
    pub runbook: Option<(String, Vec<(String, String)>)>,
}

/// What would be better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instead {
    /// Why.
    pub why: String,
    /// Verb and object on the button.
    pub title: String,
    /// The runbook.
    pub runbook: String,
    /// Its parameters.
    pub parameters: Vec<(String, String)>,
}

/// The plan page.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanView {
    /// The plan's id in the address.
    pub id: String,
    /// The plan itself.
    pub body: PlanBody,
    /// The runbook's title.
    pub runbook_title: String,
    /// The first 8 hex digits of the fingerprint, in two groups.
    pub fingerprint: String,
    /// When it was made.
    pub made: Moment,
    /// When it can no longer be run.
    pub expires_at: DateTime<Utc>,
    /// Who made it.
    pub owner: String,
    /// The role that it needs.
    pub role: Role,
    /// How much it may hurt.
    pub risk: super::Risk,
    /// Why it cannot be run, by this person or by anyone; none when it can.
    pub refused: Option<String>,
    /// The run that was started from it, if one was.
    pub run: Option<i64>,
    /// The request key that makes a second press of the button the same run.
    pub request_key: String,
    /// What was typed as the reason.
    pub reason: String,
    /// What was typed as the target's name.
    pub typed_target: String,
    /// What is wrong with the form, by field ("reason").
    pub faults: Vec<(String, String)>,
    /// The new plan, when the world moved since: its id and what differs.
    pub moved: Option<Moved>,
}

/// The world moved since the plan was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The new plan's id.
    pub plan: String,
    /// What differs: basis name, then, now.
    pub differs: Vec<Change>,
}
