//! Runs and steps as they stand in the store, and the questions that read them.

use app::model::{Moment, RunRow, RunState, StepState, SystemId};
use chrono::{DateTime, Utc};

use super::{AccountId, Fence, Output, PlanId, Store, StoreError, plans::read_target, runs::read_state, steps};

/// The replica that executes a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executor {
    /// Its name.
    pub name: String,
    /// When it was last heard of.
    pub heard_at: DateTime<Utc>,
    /// Whether its lease is past, by the store's clock.
    pub lapsed: bool,
}

/// A run as it stands in the store.
#[derive(Clone, Debug)]
pub struct Run {
    /// "run 1482".
    pub id: i64,
    /// The plan that it carries out.
    pub plan: PlanId,
    /// The runbook's id.
    pub runbook: String,
    /// Verb and object.
    pub title: String,
    /// What it is done to.
    pub target: SystemId,
    /// How it stands.
    pub state: RunState,
    /// The ending, or what it does now.
    pub sentence: String,
    /// Who asked.
    pub account: AccountId,
    /// Who asked, by the name held then.
    pub asked_by: String,
    /// Why.
    pub reason: String,
    /// Who asked it to stop.
    pub cancel_asked_by: Option<String>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who executes it.
    pub executor: Option<Executor>,
    /// The newest claim to execute it.
    pub fence: Fence,
    /// Its steps; empty in lists.
    pub steps: Vec<Step>,
    /// The first and the last of its audit events; none in lists.
    pub audit: Option<(i64, i64)>,
    /// The store's time at the read.
    pub now: DateTime<Utc>,
}

/// One step of a run as it stands in the store.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its place in the plan, from 0.
    pub no: i32,
    /// What it is.
    pub title: String,
    /// What it does now, or what it did.
    pub detail: String,
    /// How it stands.
    pub state: StepState,
    /// How long it usually takes, in seconds.
    pub usual_s: Option<u64>,
    /// When it is given up, in seconds.
    pub limit_s: u64,
    /// When its intent was written.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Its progress, as done of all.
    pub progress: Option<(u64, u64)>,
    /// What it wrote.
    pub output: Output,
}

/// Which runs are listed, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Only runs before this one: where the page before ended.
    pub before: Option<i64>,
    /// Only on this target.
    pub target: Option<String>,
    /// Only of this runbook.
    pub runbook: Option<String>,
    /// Only runs that have not ended.
    pub open: bool,
    /// Only runs that have.
    pub ended: bool,
    /// Only on one of these targets.
    pub targets: Option<Vec<String>>,
    /// Only in this state.
    pub state: Option<String>,
    /// Only of this account.
    pub asked_by: Option<String>,
    /// Only accepted at this moment or later.
    pub since: Option<DateTime<Utc>>,
    /// Only with this text in title, target, ending, reason or account; in any case of letters.
    pub text: Option<String>,
}

impl Run {
    /// How long it has taken, or took, in milliseconds.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        ms_between(self.created_at, self.ended_at.unwrap_or(self.now))
    }

    /// A moment of this run with its age at the read.
    #[must_use]
    pub fn moment(&self, at: DateTime<Utc>) -> Moment {
        Moment { at, ago_ms: ms_between(at, self.now) }
    }

    /// The row in a list.
    #[must_use]
    pub fn row(&self) -> RunRow {
        RunRow {
            id: self.id,
            title: self.title.clone(),
            target: self.target.clone(),
            state: self.state,
            sentence: self.sentence.clone(),
            asked_by: self.asked_by.clone(),
            asked: self.moment(self.created_at),
            elapsed_ms: self.elapsed_ms(),
        }
    }
}

impl Step {
    /// The step of the run page; `now` is the store's time at the read.
    #[must_use]
    pub fn view(&self, now: DateTime<Utc>) -> app::model::RunStep {
        app::model::RunStep {
            title: self.title.clone(),
            detail: self.detail.clone(),
            state: self.state,
            elapsed_ms: self.started_at.map(|started| ms_between(started, self.ended_at.unwrap_or(now))),
            usual_s: self.usual_s,
            limit_s: self.limit_s,
            progress: self.progress,
            output: self.output.lines(),
        }
    }
}

fn ms_between(from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    u64::try_from((to - from).num_milliseconds()).unwrap_or(0)
}

impl Store {
    /// The run of that number, with its steps and the span of its audit events.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn run(&self, id: i64) -> Result<Option<Run>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let row = sqlx::query_as!(
                Row,
                r#"select id, plan_id, runbook, title, target, state, sentence, account_id, asked_by, reason, cancel_asked_by, created_at,
                          started_at, ended_at, lease_holder, heard_at, lease_until <= clock_timestamp() as lapsed, fence,
                          clock_timestamp() as "now!"
                   from runs where id = $1"#,
                id
            )
            .fetch_optional(&mut *link)
            .await?;
            let Some(row) = row else { return Ok(link.done(None)) };
            let mut run = row.into_run()?;
            run.steps = steps::of_run(&mut link, id).await?;
            let span = sqlx::query!("select min(seq) as first, max(seq) as last from audit_events where run_id = $1", id)
                .fetch_one(&mut *link)
                .await?;
            run.audit = span.first.zip(span.last);
            Ok(link.done(Some(run)))
        })
        .await
    }

    /// The runs that fit, newest first, without their steps.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn runs(&self, which: &Runs, limit: i64) -> Result<Vec<Run>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let rows = sqlx::query_as!(
                Row,
                r#"select id, plan_id, runbook, title, target, state, sentence, account_id, asked_by, reason, cancel_asked_by, created_at,
                          started_at, ended_at, lease_holder, heard_at, lease_until <= clock_timestamp() as lapsed, fence,
                          clock_timestamp() as "now!"
                   from runs
                   where ($1::bigint is null or id < $1) and ($2::text is null or target = $2) and ($3::text is null or runbook = $3)
                     and (not $4::boolean or ended_at is null) and (not $5::boolean or ended_at is not null)
                     and ($6::text[] is null or target = any ($6)) and ($7::text is null or state = $7)
                     and ($8::text is null or asked_by = $8) and ($9::timestamptz is null or created_at >= $9)
                     and ($10::text is null
                          or strpos(lower(concat_ws(' ', title, target, sentence, reason, asked_by)), lower($10)) > 0)
                   order by id desc limit $11"#,
                which.before,
                which.target,
                which.runbook,
                which.open,
                which.ended,
                which.targets.as_deref(),
                which.state,
                which.asked_by,
                which.since,
                which.text,
                limit
            )
            .fetch_all(&mut *link)
            .await?;
            link.done(rows).into_iter().map(Row::into_run).collect()
        })
        .await
    }

    /// The last run of each of `runbooks` that was ever run, and how long such a run usually takes in milliseconds: the median of its
    /// newest 20 that succeeded.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn last_runs(&self, runbooks: &[String]) -> Result<Vec<(Run, Option<u64>)>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let ids = sqlx::query!(
                r#"select last.id as "id!", (extract(epoch from usual.took) * 1000)::bigint as usual_ms
                   from unnest($1::text[]) as wanted (runbook)
                   cross join lateral (select max(id) as id from runs where runs.runbook = wanted.runbook) as last
                   cross join lateral (
                       select percentile_disc(0.5) within group (order by took) as took
                       from (select ended_at - created_at as took from runs
                             where runs.runbook = wanted.runbook and state = 'succeeded' order by id desc limit 20) as newest
                   ) as usual
                   where last.id is not null"#,
                runbooks
            )
            .fetch_all(&mut *link)
            .await?;
            let wanted: Vec<_> = ids.iter().map(|row| row.id).collect();
            let rows = sqlx::query_as!(
                Row,
                r#"select id, plan_id, runbook, title, target, state, sentence, account_id, asked_by, reason, cancel_asked_by, created_at,
                          started_at, ended_at, lease_holder, heard_at, lease_until <= clock_timestamp() as lapsed, fence,
                          clock_timestamp() as "now!"
                   from runs where id = any ($1)"#,
                &wanted
            )
            .fetch_all(&mut *link)
            .await?;
            let usual = |id: i64| ids.iter().find(|row| row.id == id).and_then(|row| row.usual_ms).and_then(|ms| u64::try_from(ms).ok());
            link.done(rows)
                .into_iter()
                .map(|row| Ok((usual(row.id), row.into_run()?)))
                .map(|pair| pair.map(|(usual, run)| (run, usual)))
                .collect()
        })
        .await
    }
}

struct Row {
    id: i64,
    plan_id: String,
    runbook: String,
    title: String,
    target: String,
    state: String,
    sentence: String,
    account_id: i64,
    asked_by: String,
    reason: String,
    cancel_asked_by: Option<String>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    lease_holder: Option<String>,
    heard_at: Option<DateTime<Utc>>,
    lapsed: Option<bool>,
    fence: i64,
    now: DateTime<Utc>,
}

impl Row {
    fn into_run(self) -> Result<Run, StoreError> {
        Ok(Run {
            id: self.id,
            plan: self.plan_id.parse().map_err(|err| StoreError::unreadable("a plan's id", err))?,
            runbook: self.runbook,
            title: self.title,
            target: read_target(self.target)?,
            state: read_state(&self.state)?,
            sentence: self.sentence,
            account: AccountId(self.account_id),
            asked_by: self.asked_by,
            reason: self.reason,
            cancel_asked_by: self.cancel_asked_by,
            created_at: self.created_at,
            started_at: self.started_at,
            ended_at: self.ended_at,
            executor: self.lease_holder.map(|name| Executor {
                name,
                heard_at: self.heard_at.unwrap_or(self.created_at),
                lapsed: self.lapsed.unwrap_or(true),
            }),
            fence: Fence(self.fence),
            steps: Vec::new(),
            audit: None,
            now: self.now,
        })
    }
}
