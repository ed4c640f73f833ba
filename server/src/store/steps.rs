//! A run's steps: the intent is durable before the effect, what was seen after it.

use app::model::StepState;
use sqlx::{Connection, PgConnection};

use super::{Fence, Output, Step, Store, StoreError, runs::hold};
use crate::audit::{Actor, Event, Record};

impl Store {
    /// Writes the intent of a step: it is *running* from here on. Saying it twice is saying it once.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has the run. On every error: do not make the effect.
    pub async fn step_starts(&self, run: i64, fence: Fence, no: i32) -> Result<(), StoreError> {
        self.turn_step(run, fence, no, StepState::Running, None).await
    }

    /// Writes how a step ended, and what was seen.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has the run.
    pub async fn step_ends(&self, run: i64, fence: Fence, no: i32, state: StepState, detail: &str) -> Result<(), StoreError> {
        self.turn_step(run, fence, no, state, Some(detail)).await
    }

    async fn turn_step(&self, run: i64, fence: Fence, no: i32, to: StepState, detail: Option<&str>) -> Result<(), StoreError> {
        let ended = match to {
            StepState::Waiting | StepState::Running | StepState::Unknown => false,
            StepState::Done | StepState::Failed | StepState::Skipped => true,
        };
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let held = hold(&mut tx, run, fence).await?;
            let was = sqlx::query_scalar!("select state from run_steps where run_id = $1 and no = $2", run, no)
                .fetch_optional(&mut *tx)
                .await?
                .ok_or_else(|| StoreError::unreadable("a step", no))?;
            let now = sqlx::query!(
                "update run_steps set state = $3, detail = coalesce($4, detail),
                        started_at = coalesce(started_at, clock_timestamp()), ended_at = case when $5 then clock_timestamp() end
                 where run_id = $1 and no = $2 returning title, detail",
                run,
                no,
                to.word(),
                detail,
                ended
            )
            .fetch_one(&mut *tx)
            .await?;
            if was == to.word() {
                tx.commit().await?;
            } else {
                let event = Event::Step { no, title: now.title, state: to, detail: now.detail };
                self.seal(tx, &[Record::new(Actor::Console, event).on(held.target).in_run(run)]).await?;
            }
            link.release()
        })
        .await
    }

    /// Says how far a step is. Not audited: it changes no state.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has the run.
    pub async fn step_progress(
        &self,
        run: i64,
        fence: Fence,
        no: i32,
        detail: &str,
        done_of: Option<(u64, u64)>,
    ) -> Result<(), StoreError> {
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.ask(async {
            let mut link = self.link().await?;
            let done = sqlx::query!(
                "update run_steps s set detail = $4, done = $5, total = $6 from runs r
                 where s.run_id = $1 and s.no = $3 and r.id = s.run_id and r.fence = $2 and r.ended_at is null",
                run,
                fence.0,
                no,
                detail,
                done_of.map(|(done, _)| count(done)),
                done_of.map(|(_, all)| count(all))
            )
            .execute(&mut *link)
            .await?;
            link.done(if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::FenceMoved(run)) })
        })
        .await
    }

    /// Adds lines to a step's output; the first and the last ones are kept.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has the run.
    pub async fn step_output(&self, run: i64, fence: Fence, no: i32, lines: &[String]) -> Result<(), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            hold(&mut tx, run, fence).await?;
            let row =
                sqlx::query!("select output_head, output_tail, output_left_out from run_steps where run_id = $1 and no = $2", run, no)
                    .fetch_optional(&mut *tx)
                    .await?
                    .ok_or_else(|| StoreError::unreadable("a step", no))?;
            let mut output = Output::from_parts(row.output_head, row.output_tail, row.output_left_out);
            lines.iter().for_each(|line| output.push(line));
            let (head, tail, left_out) = output.parts();
            sqlx::query!(
                "update run_steps set output_head = $3, output_tail = $4, output_left_out = $5 where run_id = $1 and no = $2",
                run,
                no,
                head,
                tail,
                left_out
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            link.release()
        })
        .await
    }
}

pub(super) async fn of_run(link: &mut PgConnection, run: i64) -> Result<Vec<Step>, StoreError> {
    let rows = sqlx::query!(
        "select no, title, detail, state, usual_s, limit_s, started_at, ended_at, done, total, output_head, output_tail, output_left_out
         from run_steps where run_id = $1 order by no",
        run
    )
    .fetch_all(link)
    .await?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    rows.into_iter()
        .map(|row| {
            Ok(Step {
                no: row.no,
                title: row.title,
                detail: row.detail,
                state: StepState::from_word(&row.state).ok_or_else(|| StoreError::unreadable("a step's state", &row.state))?,
                usual_s: row.usual_s.map(count),
                limit_s: count(row.limit_s),
                started_at: row.started_at,
                ended_at: row.ended_at,
                progress: row.done.zip(row.total).map(|(done, total)| (count(done), count(total))),
                output: Output::from_parts(row.output_head, row.output_tail, row.output_left_out),
            })
        })
        .collect()
}
