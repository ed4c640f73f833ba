//! One action per file, and the list. Every action is also offered as a one-step runbook.

pub mod back_up_database;
mod backup;
pub mod fail_over_cache;
pub mod fail_over_database;
mod leadership;
pub mod restart_workload;
pub mod scale_workload;
pub mod set_autoscaler_bounds;
pub mod switch_over_database;
pub mod verify_backup;
mod workload;

use std::{collections::BTreeMap, sync::Arc};

use app::model::{CheckOutcome, Kind, PlanBody, Risk, Role, SystemId};
use futures::future::BoxFuture;

use crate::{adapters::Adapters, clock::SharedClock, config::Estate};

/// What an action is.
#[derive(Clone, Copy, Debug)]
pub struct ActionSpec {
    /// Stable and unique: `<verb>-<object>`.
    pub id: &'static str,
    /// "Restart workload".
    pub title: &'static str,
    /// The verb alone, for buttons: "Restart".
    pub verb: &'static str,
    /// One sentence.
    pub purpose: &'static str,
    /// The kind of system that it is done to.
    pub kind: Kind,
    /// The lowest role that may ever run it; the estate file can only raise it.
    pub floor: Role,
    /// How much it may hurt.
    pub risk: Risk,
    /// Its parameters, in the form's order.
    pub parameters: &'static [ParameterSpec],
    /// What the operations guide does otherwise, and why this differs.
    pub help: &'static [&'static str],
}

/// One parameter of an action.
#[derive(Clone, Copy, Debug)]
pub struct ParameterSpec {
    /// Its name in forms and the estate file.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What it is for.
    pub hint: &'static str,
    /// What may be typed.
    pub kind: ParameterKind,
}

/// What may be typed into a parameter.
#[derive(Clone, Copy, Debug)]
pub enum ParameterKind {
    /// A whole number from `min` to `max`; the estate file can only lower `max`.
    Number {
        /// The lowest.
        min: i64,
        /// The highest.
        max: i64,
    },
    /// One of what the target offers now ([`Action::offers`]). What was chosen is checked again by [`Action::plan`].
    Choice,
}

/// The longest choice that is read, in bytes: an object's name in a store.
pub const CHOICE_LONGEST: usize = 1_024;

/// Parameters that were parsed and are within their bounds, by name.
pub type Parameters = BTreeMap<String, Value>;

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`ParameterKind::Number`].
    Number(i64),
    /// Of [`ParameterKind::Choice`].
    Choice(String),
}

/// What the target offers for one parameter now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// What stands in the form at first.
    pub value: String,
    /// How it stands now: "now 5, 5 ready"; added to the hint.
    pub now: String,
    /// For a choice: what may be chosen, as value and label.
    pub choices: Vec<(String, String)>,
}

/// What an action may use.
#[derive(Clone)]
pub struct ActCtx {
    /// The doors to the outside.
    pub adapters: Arc<Adapters>,
    /// What is configured.
    pub estate: Arc<Estate>,
    /// The time.
    pub clock: SharedClock,
}

/// Why a plan or a step did not come to be. The text is shown to people and kept in the audit: no secrets.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// A parameter is wrong: its name, and what to type instead.
    #[error("{1}")]
    Parameter(String, String),
    /// There is no such target, or it cannot be done to it.
    #[error("{0}")]
    Refused(String),
    /// The outside system did not answer, or refused us, before anything was done.
    #[error("{0}")]
    NotDone(String),
    /// The request was sent and no answer came: it may have been done.
    #[error("{0}")]
    Unknown(String),
    /// It was done, and did not help within its limit.
    #[error("{0}")]
    Failed(String),
    /// It was done, but not where it was asked: the run ends here, as *succeeded elsewhere*.
    #[error("{0}")]
    Elsewhere(String),
}

/// What the outside world says about a step's effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// It was made.
    Applied,
    /// It was made, but not where it was asked: the run ends as *succeeded elsewhere*, with this sentence.
    Elsewhere(String),
    /// It was not made, and no request of ours is still on its way.
    NotApplied,
    /// We cannot tell, and why.
    CannotTell(String),
}

/// Where a step reports how far it is.
pub trait Progress: Send + Sync {
    /// Says what it does now, and how much is done of all.
    fn report(&self, detail: String, done_of: Option<(u64, u64)>);
    /// Adds a line to the step's output; kept as head and tail.
    fn line(&self, line: String);
    /// Whether the run was asked to stop: a step that waits returns [`ActionError::Failed`] soon; one with an effect under way goes on.
    fn cancelled(&self) -> bool;
}

/// What a run must know again after a crash (an upload's id, where a log stood): durable when [`Notes::keep`] returns, so it is kept
/// *before* the effect that it names. A name is kept once; keeping it again replaces it.
pub trait Notes: Send + Sync {
    /// Keeps `value` (at most 8 KiB) under `name`.
    ///
    /// # Errors
    /// [`ActionError::NotDone`] when it is not durable: do not make the effect.
    fn keep<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), ActionError>>;

    /// What was kept under `name`, by whichever console executed the run then.
    ///
    /// # Errors
    /// [`ActionError::NotDone`] when the store does not answer.
    fn kept<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, ActionError>>;
}

/// A plan that is being carried out.
#[derive(Clone, Copy)]
pub struct RunCtx<'a> {
    /// What may be used.
    pub act: &'a ActCtx,
    /// What was previewed.
    pub plan: &'a PlanBody,
    /// Which of its steps.
    pub step: usize,
    /// The run, by a text that no other run of any console has: written beside the effect, so that `observe` can find it again.
    pub run: &'a str,
    /// Who asked for it, by name: written beside what it makes.
    pub by: &'a str,
    /// Where to report.
    pub progress: &'a dyn Progress,
    /// What the run remembers.
    pub notes: &'a dyn Notes,
}

/// One typed change of the outside world.
pub trait Action: Send + Sync {
    /// What it is.
    fn spec(&self) -> ActionSpec;

    /// What the target offers now for each parameter, by name.
    fn offers<'a>(&'a self, _ctx: &'a ActCtx, _target: &'a SystemId) -> BoxFuture<'a, BTreeMap<String, Offer>> {
        Box::pin(async { BTreeMap::new() })
    }

    /// What would happen now. Reads only.
    ///
    /// # Errors
    /// When it cannot be said: no such target, no answer. A precondition that fails is part of the plan, not an error.
    fn plan<'a>(
        &'a self,
        ctx: &'a ActCtx,
        target: &'a SystemId,
        parameters: &'a Parameters,
    ) -> BoxFuture<'a, Result<PlanBody, ActionError>>;

    /// Does one step of the plan and nothing else. Its intent is already durable. Called at most once for each step of a run.
    /// A step that only waits (a rollout, a health check) makes no effect here.
    ///
    /// # Errors
    /// As [`ActionError`] says: whether nothing was done, it is unknown, or it did not help.
    fn apply<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Result<String, ActionError>>;

    /// Whether the step's effect was made, asked of the outside world. A step that only waits is always [`Observation::NotApplied`]: it may be begun again.
    fn observe<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Observation>;
}

/// A check that passes or forbids, for plans.
#[must_use]
pub fn check(rule: &str, title: impl Into<String>, outcome: CheckOutcome, value: impl Into<String>) -> app::model::Check {
    app::model::Check { rule: rule.to_owned(), title: title.into(), outcome, value: value.into() }
}

/// Every action, in the order in which the runbook list shows them.
#[must_use]
pub fn all() -> Vec<Box<dyn Action>> {
    vec![
        Box::new(restart_workload::RestartWorkload),
        Box::new(scale_workload::ScaleWorkload),
        Box::new(set_autoscaler_bounds::SetAutoscalerBounds),
        Box::<switch_over_database::SwitchOverDatabase>::default(),
        Box::<fail_over_database::FailOverDatabase>::default(),
        Box::new(fail_over_cache::FailOverCache),
        Box::new(back_up_database::BackUpDatabase),
        Box::new(verify_backup::VerifyBackup),
    ]
}
