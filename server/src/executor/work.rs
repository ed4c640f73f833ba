//! One run, from its first step to its ending, or from wherever the one before left it.

use std::{future::Future, sync::Arc, time::Duration};

use app::model::{PlanBody, RunState, StepState};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Executor, GRACE, LEASE, RENEW, differs, fingerprint, notes::RunNotes, progress::StepProgress};
use crate::{
    actions::{Action, ActionError, Observation, RunCtx},
    store::{Fence, Run, StoreError},
};

/// How often the outside world is asked about an effect that we cannot tell of.
const LOOK: Duration = Duration::from_secs(2);
/// An effect that is not there this long after its request was lost is not coming: our own timeouts toward every system are shorter.
const SETTLED: Duration = Duration::from_secs(15);
/// Beyond its own limit, a step is waited for so long: it should have given up by itself.
const BEYOND: Duration = Duration::from_secs(30);
/// The note of the sentence with which a step was done elsewhere. No action keeps one of that name.
const ELSEWHERE: &str = "executor_elsewhere";

/// Why the work on a run stopped without an ending of ours.
pub(super) enum Stopped {
    /// Another replica has it, or it has ended.
    Lost,
    /// The console ends; the run was handed over.
    HandedOver,
}

impl From<StoreError> for Stopped {
    fn from(_: StoreError) -> Self {
        Self::Lost
    }
}

/// What a step came to.
enum StepEnd {
    Done(String),
    /// Nothing was done.
    NotDone(String),
    /// It was done and did not help, or stopped half-way.
    Failed(String),
    /// It was done, but not where it was asked.
    Elsewhere(String),
}

/// What the outside world says in the end.
enum Seen {
    Applied,
    Elsewhere(String),
    NotApplied,
}

/// One run under way.
struct Work<'a> {
    executor: &'a Executor,
    action: &'a dyn Action,
    plan: PlanBody,
    run: i64,
    /// The run's number and its plan's id: a store that begins anew counts runs from 1 again, but never gives the same id.
    mark: String,
    /// Who asked for it.
    by: String,
    fence: Fence,
    progress: Arc<StepProgress>,
    notes: RunNotes<'a>,
    /// Cancelled when the lease may be another's.
    lost: CancellationToken,
}

impl Executor {
    /// Executes a run until it has ended, is lost, or is handed over.
    pub(super) async fn work(&self, run: i64, fence: Fence, adopted: bool) {
        let lost = CancellationToken::new();
        let progress = Arc::new(StepProgress::new());
        let renewing = self.renew(run, fence, &progress, &lost);
        let working = self.carry_out(run, fence, adopted, &progress, &lost);
        let stopped = tokio::select! {
            stopped = working => stopped,
            () = renewing => Err(Stopped::Lost),
        };
        match stopped {
            Ok(()) => {}
            Err(Stopped::Lost) => tracing::warn!(run, "Run {run} is no longer executed here"),
            Err(Stopped::HandedOver) => tracing::info!(run, "Run {run} was handed over"),
        }
    }

    /// Renews the lease until it is lost. Notes the wish to stop.
    async fn renew(&self, run: i64, fence: Fence, progress: &StepProgress, lost: &CancellationToken) {
        let mut good = Instant::now();
        loop {
            tokio::time::sleep(RENEW).await;
            match self.store.renew(run, fence, LEASE).await {
                Ok(state) => {
                    good = Instant::now();
                    self.renewed(run, fence);
                    if state == RunState::Cancelling {
                        progress.cancel();
                        self.told();
                    }
                }
                Err(StoreError::FenceMoved(_)) => {
                    // Ended by us just now, or taken over: either way the work stops by itself at its next write.
                    lost.cancel();
                    tokio::time::sleep(GRACE).await;
                    return;
                }
                Err(err) => {
                    if good.elapsed() > LEASE {
                        tracing::warn!(run, error = %err, "The lease of run {run} cannot be renewed; it makes no further effect until it can");
                    }
                }
            }
        }
    }

    async fn carry_out(
        &self,
        run: i64,
        fence: Fence,
        adopted: bool,
        progress: &Arc<StepProgress>,
        lost: &CancellationToken,
    ) -> Result<(), Stopped> {
        let stored = self.patiently(run, || async { self.store.run(run).await }).await?.ok_or(Stopped::Lost)?;
        let plan = self.patiently(run, || async { self.store.plan(&stored.plan).await }).await?.ok_or(Stopped::Lost)?;
        let Some(action) = self.catalog.action(&stored.runbook) else {
            let why = format!("This console has no runbook `{}`: start one that has.", stored.runbook);
            self.patiently(run, || self.store.run_unknown(run, fence, &why)).await?;
            return Err(Stopped::Lost);
        };
        let mark = format!("{run}-{}", stored.plan);
        let notes = RunNotes::new(self, run, fence);
        let by = stored.asked_by.clone();
        let work =
            Work { executor: self, action, plan: plan.body, run, mark, by, fence, progress: progress.clone(), notes, lost: lost.clone() };
        self.patiently(run, || self.store.begin_run(run, fence, &self.replica, "Checking that nothing has moved")).await?;
        self.told();
        work.go(&stored, adopted).await
    }

    /// Asks the store until it answers: a run that is under way does not end because its store is away for a while.
    pub(super) async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        run: i64,
        ask: impl Fn() -> F,
    ) -> Result<T, Stopped> {
        let mut told = false;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(StoreError::FenceMoved(_)) => return Err(Stopped::Lost),
                Err(err @ (StoreError::Unavailable | StoreError::Busy)) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(run, error = %err, "Run {run} waits for the store");
                    }
                    if self.closing.is_cancelled() {
                        // Without the store nothing can be handed over; the lease runs out by itself.
                        return Err(Stopped::Lost);
                    }
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                Err(err @ (StoreError::Unreadable(_) | StoreError::Refused(_))) => {
                    tracing::error!(run, error = %err, "Run {run} cannot be read or written");
                    tokio::time::sleep(LOOK).await;
                    if self.closing.is_cancelled() {
                        return Err(Stopped::Lost);
                    }
                }
            }
        }
    }
}

impl Work<'_> {
    async fn go(&self, stored: &Run, adopted: bool) -> Result<(), Stopped> {
        let begun = stored.steps.iter().any(|step| step.state != StepState::Waiting);
        if !begun {
            // The last look before the first effect: role, approval and world, after the target was locked.
            if let Some(why) = self.barred(stored).await? {
                return self.end(RunState::Refused, &why).await;
            }
        }
        let mut last = String::new();
        for step in &stored.steps {
            let no = usize::try_from(step.no).unwrap_or_default();
            let end = match step.state {
                StepState::Done if adopted && self.ended_elsewhere(&step.detail).await? => {
                    return self.end(RunState::SucceededElsewhere, &step.detail).await;
                }
                StepState::Done | StepState::Skipped => {
                    last.clone_from(&step.detail);
                    continue;
                }
                StepState::Failed => StepEnd::Failed(step.detail.clone()),
                StepState::Running | StepState::Unknown => self.pick_up(no, stored, adopted).await?,
                StepState::Waiting if self.is_cancelled(stored).await? => {
                    return self.end(RunState::Cancelled, &self.stopped_before(no)).await;
                }
                StepState::Waiting => self.step(no).await?,
            };
            let (state, detail) = match &end {
                StepEnd::Done(detail) | StepEnd::Elsewhere(detail) => (StepState::Done, detail),
                StepEnd::NotDone(why) | StepEnd::Failed(why) => (StepState::Failed, why),
            };
            if let StepEnd::Elsewhere(sentence) = &end {
                // Whoever finds the step done and the run open must know that it ends here.
                let executor = self.executor;
                executor.patiently(self.run, || executor.store.keep_note(self.run, self.fence, ELSEWHERE, sentence)).await?;
            }
            if step.state != StepState::Failed {
                self.executor.patiently(self.run, || self.executor.store.step_ends(self.run, self.fence, step.no, state, detail)).await?;
                self.executor.told();
            }
            match end {
                StepEnd::Done(detail) => last = detail,
                StepEnd::Elsewhere(sentence) => return self.end(RunState::SucceededElsewhere, &sentence).await,
                StepEnd::NotDone(why) | StepEnd::Failed(why) if self.progress_cancelled(stored) => {
                    return self.end(RunState::Cancelled, &format!("Stopped during step {}: {why}", no + 1)).await;
                }
                StepEnd::NotDone(why) if no == 0 => return self.end(RunState::Failed, &format!("Nothing was done: {why}")).await,
                StepEnd::NotDone(why) => {
                    return self.end(RunState::Failed, &format!("Step {} was not done: {why}. The steps before it were.", no + 1)).await;
                }
                StepEnd::Failed(why) => return self.end(RunState::Failed, &why).await,
            }
        }
        self.end(RunState::Succeeded, &last).await
    }

    /// Whether a step that is done, with this detail, was done elsewhere. The note is older than the step's end, and says so of nothing but that end.
    async fn ended_elsewhere(&self, detail: &str) -> Result<bool, Stopped> {
        let executor = self.executor;
        let note = executor.patiently(self.run, || executor.store.note(self.run, ELSEWHERE)).await?;
        Ok(note.as_deref() == Some(detail))
    }

    /// Asks the store, not what the last renewal saw: who was told that the run will stop must not see it begin another step.
    async fn is_cancelled(&self, stored: &Run) -> Result<bool, Stopped> {
        let executor = self.executor;
        let now = executor.patiently(self.run, || executor.store.renew(self.run, self.fence, LEASE)).await?;
        if now == RunState::Cancelling {
            self.progress.cancel();
        }
        Ok(self.progress_cancelled(stored))
    }

    fn progress_cancelled(&self, stored: &Run) -> bool {
        use crate::actions::Progress as _;
        self.progress.cancelled() || stored.state == RunState::Cancelling
    }

    fn stopped_before(&self, no: usize) -> String {
        match no {
            0 => "Stopped before its first step: nothing was done.".into(),
            no => format!("Stopped after step {no} of {}: what was done stays done.", self.plan.steps.len()),
        }
    }

    /// Why the run may not begin; `None` if it may.
    async fn barred(&self, stored: &Run) -> Result<Option<String>, Stopped> {
        let executor = self.executor;
        let account = executor.patiently(self.run, || executor.store.account(&stored.asked_by)).await?;
        let Some(account) = account.filter(|account| !account.disabled && account.id == stored.account) else {
            return Ok(Some(format!("{} is no longer an account that may sign in. Nothing was done.", stored.asked_by)));
        };
        if executor.catalog.permit(account.role, &stored.runbook, &stored.target).is_err() {
            return Ok(Some(format!("{} may no longer run this on {}. Nothing was done.", stored.asked_by, stored.target.name())));
        }
        match executor.again(&self.plan).await {
            Err(err) => Ok(Some(format!("It could not be checked that nothing has moved: {err}. Nothing was done."))),
            Ok(now) if fingerprint(&now) != fingerprint(&self.plan) => {
                let moved: Vec<_> = differs(&self.plan, &now)
                    .into_iter()
                    .map(|change| format!("{} was {}, is {}", change.what, change.before, change.after))
                    .collect();
                Ok(Some(format!("The world has moved since the plan was made: {}. Nothing was done.", moved.join("; "))))
            }
            Ok(now) => Ok(now.forbidden_by().map(|check| format!("{}: {}. Nothing was done.", check.title, check.value))),
        }
    }

    /// Does one step: intent first, then effect.
    async fn step(&self, no: usize) -> Result<StepEnd, Stopped> {
        let executor = self.executor;
        let number = i32::try_from(no).unwrap_or(i32::MAX);
        executor.patiently(self.run, || executor.store.step_starts(self.run, self.fence, number)).await?;
        executor.told();
        self.apply(no).await
    }

    async fn apply(&self, no: usize) -> Result<StepEnd, Stopped> {
        let executor = self.executor;
        let number = i32::try_from(no).unwrap_or(i32::MAX);
        // A frozen process may wake long after its lease: asked of the store, right before the effect.
        executor.patiently(self.run, || executor.store.renew(self.run, self.fence, LEASE)).await?;
        let limit = Duration::from_secs(self.plan.steps.get(no).map_or(60, |step| step.limit_s)) + BEYOND;
        let applying = tokio::time::timeout(limit, self.action.apply(self.ctx(no)));
        let keeping = self.progress.keep(&executor.store, self.run, self.fence, number, || executor.told());
        let closing = async {
            executor.closing.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let result = tokio::select! {
            biased;
            result = applying => result,
            () = keeping => unreachable_end(),
            () = self.lost.cancelled() => return Err(Stopped::Lost),
            () = closing => {
                executor.store.hand_over(self.run, self.fence).await?;
                return Err(Stopped::HandedOver);
            }
        };
        // An action that could not keep its notes says that nothing was done; whether that is so is for whoever has the run now.
        if self.notes.are_lost() {
            return Err(Stopped::Lost);
        }
        // The last thing it said belongs to the story; losing it changes nothing.
        if let Err(err) = self.progress.flush(&executor.store, self.run, self.fence, number).await {
            tracing::debug!(run = self.run, error = %err, "The last progress of run {} was not kept", self.run);
        }
        match result {
            Ok(Ok(detail)) => Ok(StepEnd::Done(detail)),
            Ok(Err(ActionError::Failed(why))) => Ok(StepEnd::Failed(why)),
            Ok(Err(ActionError::Elsewhere(sentence))) => Ok(StepEnd::Elsewhere(sentence)),
            Ok(Err(err @ (ActionError::Parameter(..) | ActionError::Refused(_) | ActionError::NotDone(_)))) => {
                Ok(StepEnd::NotDone(err.to_string()))
            }
            Ok(Err(ActionError::Unknown(why))) => self.look_for(no, &why).await,
            Err(_) => self.look_for(no, &format!("the step did not end within {} s", limit.as_secs())).await,
        }
    }

    fn ctx(&self, no: usize) -> RunCtx<'_> {
        RunCtx {
            act: &self.executor.act,
            plan: &self.plan,
            step: no,
            run: &self.mark,
            by: &self.by,
            progress: self.progress.as_ref(),
            notes: &self.notes,
        }
    }

    /// A step whose intent another executor wrote: asks the world what came of it.
    async fn pick_up(&self, no: usize, stored: &Run, adopted: bool) -> Result<StepEnd, Stopped> {
        let unknown = stored.state == RunState::Unknown;
        debug_assert!(adopted, "only a run that was left behind has a step under way");
        let seen = match self.observe(no).await {
            Observation::Applied => Seen::Applied,
            Observation::Elsewhere(sentence) => Seen::Elsewhere(sentence),
            Observation::NotApplied => Seen::NotApplied,
            Observation::CannotTell(why) => self.look(no, &why, false).await?,
        };
        match seen {
            Seen::Applied => {
                self.resumed(unknown, "the step's effect is there").await?;
                Ok(StepEnd::Done("Seen to be done, after the console came back".into()))
            }
            Seen::Elsewhere(sentence) => {
                self.resumed(unknown, "the step's effect is there, but not where it was asked").await?;
                Ok(StepEnd::Elsewhere(sentence))
            }
            // Whoever sent a request died with its connection, and its lease has run out since: none is on its way any more, and if one were,
            // the optimistic lock lets only one of the two through. So the step was never done, and doing it now is doing it once.
            Seen::NotApplied => {
                self.resumed(unknown, "the step was not done before").await?;
                if no == 0
                    && let Some(why) = self.barred(stored).await?
                {
                    return Ok(StepEnd::NotDone(why));
                }
                self.apply(no).await
            }
        }
    }

    async fn resumed(&self, unknown: bool, sentence: &str) -> Result<(), Stopped> {
        if unknown {
            self.executor.patiently(self.run, || self.executor.store.run_resumes(self.run, self.fence, sentence)).await?;
            self.executor.told();
        }
        Ok(())
    }

    async fn observe(&self, no: usize) -> Observation {
        tokio::time::timeout(Duration::from_secs(8), self.action.observe(self.ctx(no)))
            .await
            .unwrap_or_else(|_| Observation::CannotTell(format!("{} does not answer", self.plan.target.name())))
    }

    /// What came of a request whose answer was lost.
    async fn look_for(&self, no: usize, why: &str) -> Result<StepEnd, Stopped> {
        Ok(match self.look(no, why, true).await? {
            Seen::Applied => StepEnd::Done(format!("Seen to be done; the answer was lost ({why})")),
            Seen::Elsewhere(sentence) => StepEnd::Elsewhere(sentence),
            Seen::NotApplied => StepEnd::NotDone(format!("{why}; and it was seen not to be done")),
        })
    }

    /// Looks until it can be told whether the effect was made. The run keeps its target meanwhile.
    async fn look(&self, no: usize, why: &str, sent: bool) -> Result<Seen, Stopped> {
        let executor = self.executor;
        executor.patiently(self.run, || executor.store.run_unknown(self.run, self.fence, why)).await?;
        executor.told();
        let since = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.lost.cancelled() => return Err(Stopped::Lost),
                () = executor.closing.cancelled() => {
                    executor.store.hand_over(self.run, self.fence).await?;
                    return Err(Stopped::HandedOver);
                }
            }
            match self.observe(no).await {
                Observation::Applied => {
                    self.resumed(true, "the step's effect is there").await?;
                    return Ok(Seen::Applied);
                }
                Observation::Elsewhere(sentence) => {
                    self.resumed(true, "the step's effect is there, but not where it was asked").await?;
                    return Ok(Seen::Elsewhere(sentence));
                }
                Observation::NotApplied if since.elapsed() >= SETTLED || !sent => {
                    self.resumed(true, "the step's effect is not there").await?;
                    return Ok(Seen::NotApplied);
                }
                Observation::NotApplied | Observation::CannotTell(_) => {}
            }
        }
    }

    async fn end(&self, state: RunState, sentence: &str) -> Result<(), Stopped> {
        self.executor.patiently(self.run, || self.executor.store.end_run(self.run, self.fence, state, sentence)).await?;
        self.executor.told();
        Ok(())
    }
}

/// `keep` loops for ever; this arm only gives the `select` its type.
fn unreachable_end() -> Result<Result<String, ActionError>, tokio::time::error::Elapsed> {
    Ok(Err(ActionError::Unknown("progress ended before its step".into())))
}
