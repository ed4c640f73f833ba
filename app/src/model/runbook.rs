//! What stands on a button.

use super::{Filter, Kind, Moment, Role, RunState, SystemId};

/// How much a run may hurt; what is dangerous asks for the target's name, typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Changes nothing that users feel.
    Low,
    /// Users may feel it for a moment.
    Medium,
    /// May lose data or take the service down.
    High,
}

impl Risk {
    /// The word on the page.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// One row of the runbook list.
#[derive(Clone, Debug, PartialEq)]
pub struct RunbookCard {
    /// "restart-workload".
    pub id: String,
    /// "Restart workload".
    pub title: String,
    /// One sentence.
    pub purpose: String,
    /// The role that it needs.
    pub role: Role,
    /// How much it may hurt.
    pub risk: Risk,
    /// The kind of system that it is done to.
    pub kind: Kind,
    /// The systems that this estate allows it on.
    pub targets: Vec<SystemId>,
    /// Why the person who looks may not run it; none when they may.
    pub refused: Option<String>,
    /// Its last run; none when it was never run, or the store does not answer.
    pub last: Option<LastRun>,
}

/// How and when a runbook was last run.
#[derive(Clone, Debug, PartialEq)]
pub struct LastRun {
    /// The run's number.
    pub run: i64,
    /// How it stands.
    pub state: RunState,
    /// When it was asked for.
    pub asked: Moment,
    /// How long such a run usually takes, in milliseconds: the median of the newest that succeeded.
    pub usual_ms: Option<u64>,
}

/// `/runbooks`
#[derive(Clone, Debug, PartialEq)]
pub struct RunbookCatalog {
    /// What is looked for.
    pub filter: Filter,
    /// The runbooks that match, by kind of system.
    pub groups: Vec<(Kind, Vec<RunbookCard>)>,
    /// How many there are.
    pub all: usize,
    /// How many of them the person who looks may plan.
    pub mine: usize,
}

/// A runbook's form, before a plan is made.
#[derive(Clone, Debug, PartialEq)]
pub struct RunbookForm {
    /// The runbook.
    pub card: RunbookCard,
    /// What was chosen as the target.
    pub target: Option<SystemId>,
    /// Its fields with what was typed.
    pub fields: Vec<FormField>,
    /// What the guide says and this does otherwise, and why.
    pub help: Vec<String>,
    /// Why the last try was refused, when it was not one field's fault.
    pub refused: Option<String>,
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct FormField {
    /// The parameter's name in the form.
    pub name: String,
    /// Its label.
    pub label: String,
    /// What it is for and its limits: "now 5; 1 to 15".
    pub hint: String,
    /// What was typed, or the default.
    pub value: String,
    /// How it is asked for.
    pub input: FieldInput,
    /// What is wrong with what was typed.
    pub fault: Option<String>,
}

/// The kinds of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldInput {
    /// One line.
    Text,
    /// A whole number. The browser's own check is off (`novalidate`), so that every refusal comes in our words.
    Number,
    /// One of these: value and label.
    Choice(Vec<(String, String)>),
}
