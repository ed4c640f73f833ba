//! One execution.

use serde::{Deserialize, Serialize};

use super::{Filter, Moment, SystemId, Undo};

/// How a run stands. *Unknown* is not an ending: the run keeps its locks and the console looks again until it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Accepted, and not begun.
    Queued,
    /// Under way.
    Running,
    /// It was asked to stop; the step that runs ends first.
    Cancelling,
    /// We cannot tell whether the effect was made; we keep looking.
    Unknown,
    /// The effect was made and verified.
    Succeeded,
    /// The effect was made, but not where it was asked.
    SucceededElsewhere,
    /// It did not work.
    Failed,
    /// It was stopped.
    Cancelled,
    /// A rule forbade it; nothing was done.
    Refused,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Running,
        Self::Cancelling,
        Self::Unknown,
        Self::Succeeded,
        Self::SucceededElsewhere,
        Self::Failed,
        Self::Cancelled,
        Self::Refused,
    ];

    /// The word in the store and in `data-state`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::SucceededElsewhere => "succeeded_elsewhere",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }

    /// The word on a page.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Cancelling => "stopping",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::SucceededElsewhere => "succeeded elsewhere",
            Self::Failed => "failed",
            Self::Cancelled => "stopped",
            Self::Refused => "refused",
        }
    }

    /// Reads a word written by [`RunState::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Cancelling | Self::Unknown => false,
            Self::Succeeded | Self::SucceededElsewhere | Self::Failed | Self::Cancelled | Self::Refused => true,
        }
    }
}

/// How one step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Its intent is written; its effect may be under way.
    Running,
    /// Its effect was seen.
    Done,
    /// It was not made, or did not help.
    Failed,
    /// We cannot tell.
    Unknown,
    /// It was not needed, or the run stopped before it.
    Skipped,
}

impl StepState {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Unknown, Self::Skipped];

    /// The word in the store and in `data-state`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }

    /// Reads a word written by [`StepState::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// The run page.
#[derive(Clone, Debug, PartialEq)]
pub struct RunView {
    /// "run 1482".
    pub id: i64,
    /// Verb and object ("Restart aia-backend-simple").
    pub title: String,
    /// The runbook's id.
    pub runbook: String,
    /// What it is done to.
    pub target: SystemId,
    /// How it stands.
    pub state: RunState,
    /// The ending, or what it does now, as a sentence.
    pub sentence: String,
    /// The steps.
    pub steps: Vec<RunStep>,
    /// Who asked.
    pub asked_by: String,
    /// Why.
    pub reason: String,
    /// When it was accepted.
    pub asked: Moment,
    /// How long it has taken, or took, in milliseconds.
    pub elapsed_ms: u64,
    /// Which replica executes it, and how long ago that one was heard of.
    pub executor: Option<(String, u64)>,
    /// The plan that it runs.
    pub plan: String,
    /// The plan's fingerprint, short.
    pub fingerprint: String,
    /// The first and the last of its audit events.
    pub audit: Option<(i64, i64)>,
    /// How it is undone, once it has ended.
    pub undo: Option<Undo>,
    /// Whether the person who looks may stop it.
    pub may_cancel: bool,
    /// How earlier runs of the same runbook on the same target ended, newest first, at most five.
    pub earlier: Vec<RunRow>,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunStep {
    /// "Wait until the new pods are ready".
    pub title: String,
    /// What it does now, or what it did ("3 of 5 pods replaced").
    pub detail: String,
    /// How it stands.
    pub state: StepState,
    /// How long it has taken, in milliseconds.
    pub elapsed_ms: Option<u64>,
    /// How long it usually takes, in seconds.
    pub usual_s: Option<u64>,
    /// When it is given up, in seconds.
    pub limit_s: u64,
    /// Its progress, as done of all.
    pub progress: Option<(u64, u64)>,
    /// Its output, head and tail.
    pub output: Vec<String>,
}

/// One row of a list of runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Its number.
    pub id: i64,
    /// Verb and object.
    pub title: String,
    /// What it was done to.
    pub target: SystemId,
    /// How it stands.
    pub state: RunState,
    /// The ending as a sentence.
    pub sentence: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked: Moment,
    /// How long it took.
    pub elapsed_ms: u64,
}

/// `/runs`: what was run; what has not ended first, then newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunList {
    /// What is looked for.
    pub filter: Filter,
    /// The runs of this page.
    pub rows: Vec<RunRow>,
    /// Where the next page begins; none on the last.
    pub older: Option<i64>,
}
