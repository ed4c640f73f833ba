//! Runs as pages show them.

use app::model::{Filter, Role, RunList, RunState, RunView, StepState};

use super::Drawing;
use crate::store::{Run, Runs, StoreError};

/// How many runs stand on one page of the list.
const PAGE: i64 = 50;
/// How many open runs stand on the first page: a target has one, and a replica executes 64.
const OPEN: i64 = 500;
/// How many earlier runs stand on a run's page.
const EARLIER: i64 = 5;

/// The ending as it was said; before it, which step is under way.
fn doing(run: &Run) -> String {
    let under_way = run.steps.iter().enumerate().find(|(_, step)| step.state == StepState::Running);
    match under_way.filter(|_| run.state == RunState::Running) {
        Some((at, step)) => format!("Step {} of {}: {}.", at + 1, run.steps.len(), step.title),
        None => run.sentence.clone(),
    }
}

impl Drawing {
    /// A run's page. `role` is that of who looks, where somebody does.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn run(&self, id: i64, role: Option<Role>) -> Result<Option<RunView>, StoreError> {
        let Some(run) = self.store.run(id).await? else { return Ok(None) };
        let plan = self.store.plan(&run.plan).await?;
        let which = Runs { before: Some(id), target: Some(run.target.to_string()), runbook: Some(run.runbook.clone()), ..Runs::default() };
        let earlier = self.store.runs(&which, EARLIER).await?.iter().map(crate::store::Run::row).collect();
        let undo =
            plan.as_ref().and_then(|plan| plan.body.undo.clone()).filter(|_| run.state.has_ended() && run.state != RunState::Refused);
        let may = role.is_none_or(|role| self.executor.catalog().permit(role, &run.runbook, &run.target).is_ok());
        Ok(Some(RunView {
            id: run.id,
            title: run.title.clone(),
            runbook: run.runbook.clone(),
            target: run.target.clone(),
            state: run.state,
            sentence: doing(&run),
            steps: run.steps.iter().map(|step| step.view(run.now)).collect(),
            asked_by: run.asked_by.clone(),
            reason: run.reason.clone(),
            asked: run.moment(run.created_at),
            elapsed_ms: run.elapsed_ms(),
            executor: run.executor.as_ref().map(|executor| (executor.name.clone(), run.moment(executor.heard_at).ago_ms)),
            plan: run.plan.to_string(),
            fingerprint: plan.map(|plan| short(&plan.fingerprint)).unwrap_or_default(),
            audit: run.audit,
            undo,
            may_cancel: may && matches!(run.state, RunState::Queued | RunState::Running),
            earlier,
        }))
    }

    /// The list of runs: what has not ended first, then newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn runs(&self, filter: Filter, which: Runs, before: Option<i64>) -> Result<RunList, StoreError> {
        if filter.has_fault() {
            return Ok(RunList { filter, ..RunList::default() });
        }
        let state = which.state.as_deref().and_then(RunState::from_word);
        let (wants_open, wants_ended) = match state {
            Some(state) => (!state.has_ended(), state.has_ended()),
            None => (true, !which.open),
        };
        let mut runs = Vec::new();
        // What has not ended stands on the first page, whole; the pages after it go on with what has.
        if wants_open && before.is_none() {
            runs = self.store.runs(&Runs { open: true, ..which.clone() }, OPEN).await?;
        }
        let mut older = None;
        if wants_ended {
            let mut ended = self.store.runs(&Runs { ended: true, before, ..which }, PAGE + 1).await?;
            let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
            older = (ended.len() > page).then(|| ended.get(page - 1).map(|run| run.id)).flatten();
            ended.truncate(page);
            // One that ended between the two questions was answered twice.
            ended.retain(|run| runs.iter().all(|open| open.id != run.id));
            runs.append(&mut ended);
        }
        Ok(RunList { filter, rows: runs.iter().map(crate::store::Run::row).collect(), older })
    }
}

/// The first eight hex digits of a fingerprint, in two groups.
#[must_use]
pub fn short(fingerprint: &[u8]) -> String {
    let hex = hex::encode(fingerprint.get(..4).unwrap_or_default());
    match hex.split_at_checked(4) {
        Some((head, tail)) => format!("{head} {tail}"),
        None => hex,
    }
}
