//! A run's changes of state: each stands in one transaction with its audit event, and only the newest claim may make it.

use app::model::{RunState, SystemId};
use sqlx::{Connection, PgConnection};

use super::{Store, StoreError, plans::read_target};
use crate::audit::{Actor, Event, Record};

/// A claim to execute a run. It grows with every claim; a write that carries an older one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence(pub(super) i64);

/// What became of the wish to stop a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It was noted; the step that runs ends first.
    Asked,
    /// It could not be noted: the run has ended, is being stopped, or it is unknown whether its effect was made.
    Not(RunState),
    /// There is no such run.
    NoSuchRun,
}

impl Store {
    /// Notes that the run has begun: *queued* becomes *running*; one that was asked to stop meanwhile stays so.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has it.
    pub async fn begin_run(&self, run: i64, fence: Fence, executor: &str, sentence: &str) -> Result<(), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let held = hold(&mut tx, run, fence).await?;
            if held.started {
                // The answer to our first try was lost.
                drop(tx);
                return link.release();
            }
            sqlx::query!(
                "update runs set state = case when state = 'queued' then 'running' else state end, started_at = clock_timestamp(), sentence = $2
                 where id = $1",
                run,
                sentence
            )
            .execute(&mut *tx)
            .await?;
            let event = Event::Started { executor: executor.to_owned(), fence: fence.0 };
            self.seal(tx, &[Record::new(Actor::Console, event).on(held.target).in_run(run)]).await?;
            link.release()
        })
        .await
    }

    /// Says what the run does now. Not audited: it changes no state.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has it.
    pub async fn say(&self, run: i64, fence: Fence, sentence: &str) -> Result<(), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let done =
                sqlx::query!("update runs set sentence = $3 where id = $1 and fence = $2 and ended_at is null", run, fence.0, sentence)
                    .execute(&mut *link)
                    .await?;
            link.done(if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::FenceMoved(run)) })
        })
        .await
    }

    /// Notes that it cannot be told whether the effect was made. The run keeps its target.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has it.
    pub async fn run_unknown(&self, run: i64, fence: Fence, why: &str) -> Result<(), StoreError> {
        self.turn(run, fence, RunState::Unknown, why, Event::Unknown { why: why.to_owned() }).await
    }

    /// Notes that the effect of an unknown run can be told again, and that it goes on.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has it.
    pub async fn run_resumes(&self, run: i64, fence: Fence, sentence: &str) -> Result<(), StoreError> {
        self.turn(run, fence, RunState::Running, sentence, Event::Resumed { sentence: sentence.to_owned() }).await
    }

    /// Moves an open run to another open state.
    async fn turn(&self, run: i64, fence: Fence, to: RunState, sentence: &str, event: Event) -> Result<(), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let held = hold(&mut tx, run, fence).await?;
            // What was asked to stop goes back to stopping, not to running.
            let to = if to == RunState::Running && held.cancelled { RunState::Cancelling } else { to };
            sqlx::query!("update runs set state = $2, sentence = $3 where id = $1", run, to.word(), sentence).execute(&mut *tx).await?;
            if held.state == to {
                tx.commit().await?;
            } else {
                self.seal(tx, &[Record::new(Actor::Console, event).on(held.target).in_run(run)]).await?;
            }
            link.release()
        })
        .await
    }

    /// Ends the run: its state, the release of its target and its audit event in one transaction. Steps that were not begun are skipped.
    /// Saying the same ending twice is one ending.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has it or it ended otherwise; [`StoreError::Unreadable`] when `state` is no ending.
    pub async fn end_run(&self, run: i64, fence: Fence, state: RunState, sentence: &str) -> Result<(), StoreError> {
        if !state.has_ended() {
            return Err(StoreError::unreadable("an ending", state.word()));
        }
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let ended = sqlx::query!(
                r#"update runs set state = $3, sentence = $4, ended_at = clock_timestamp(), heard_at = clock_timestamp(),
                                   lease_holder = null, lease_until = null
                   where id = $1 and fence = $2 and ended_at is null
                   returning target, (extract(epoch from ended_at - created_at) * 1000)::bigint as "took_ms!""#,
                run,
                fence.0,
                state.word(),
                sentence
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(ended) = ended else {
                let same =
                    sqlx::query_scalar!("select id from runs where id = $1 and fence = $2 and state = $3", run, fence.0, state.word())
                        .fetch_optional(&mut *tx)
                        .await?;
                drop(tx);
                return link.done(if same.is_some() { Ok(()) } else { Err(StoreError::FenceMoved(run)) });
            };
            sqlx::query!("update run_steps set state = 'skipped' where run_id = $1 and state = 'waiting'", run).execute(&mut *tx).await?;
            sqlx::query!("delete from target_locks where run_id = $1", run).execute(&mut *tx).await?;
            let event = Event::Ended { state, sentence: sentence.to_owned(), took_ms: ended.took_ms };
            self.seal(tx, &[Record::new(Actor::Console, event).on(read_target(ended.target)?).in_run(run)]).await?;
            link.release()
        })
        .await
    }

    /// Asks the run to stop. Its executor sees it at the next renewal of its lease.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn request_cancel(&self, run: i64, who: &str) -> Result<Cancel, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let asked = sqlx::query_scalar!(
                "update runs set state = 'cancelling', cancel_asked_by = $2 where id = $1 and state in ('queued', 'running') returning target",
                run,
                who
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(target) = asked else {
                let state = sqlx::query_scalar!("select state from runs where id = $1", run).fetch_optional(&mut *tx).await?;
                drop(tx);
                return link.done(state.map_or(Ok(Cancel::NoSuchRun), |state| read_state(&state).map(Cancel::Not)));
            };
            let record = Record::new(Actor::Account(who.to_owned()), Event::CancelRequested {}).on(read_target(target)?).in_run(run);
            self.seal(tx, &[record]).await?;
            Ok(link.done(Cancel::Asked))
        })
        .await
    }
}

/// A run whose row is locked by its rightful executor.
pub(super) struct Held {
    pub(super) target: SystemId,
    pub(super) state: RunState,
    pub(super) started: bool,
    pub(super) cancelled: bool,
}

/// Locks the run's row if `fence` is the newest claim and the run is open.
pub(super) async fn hold(tx: &mut PgConnection, run: i64, fence: Fence) -> Result<Held, StoreError> {
    let row = sqlx::query!(
        r#"select target, state, started_at is not null as "started!", cancel_asked_by is not null as "cancelled!" from runs
           where id = $1 and fence = $2 and ended_at is null for update"#,
        run,
        fence.0
    )
    .fetch_optional(tx)
    .await?
    .ok_or(StoreError::FenceMoved(run))?;
    Ok(Held { target: read_target(row.target)?, state: read_state(&row.state)?, started: row.started, cancelled: row.cancelled })
}

pub(super) fn read_state(word: &str) -> Result<RunState, StoreError> {
    RunState::from_word(word).ok_or_else(|| StoreError::unreadable("a run's state", word))
}
