//! A confirmed plan becomes a run, once: one transaction, so that nothing half-accepted is ever seen.

use std::time::Duration;

use app::model::{PlanStep, SystemId};
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

use super::{AccountId, Fence, PlanId, RequestKey, Store, StoreError, plans::read_body};
use crate::audit::{Actor, Event, Record};

/// A plan is confirmed.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Which plan.
    pub plan: &'a PlanId,
    /// Makes a second press of the button the same run.
    pub request_key: &'a RequestKey,
    /// Who asks.
    pub account: AccountId,
    /// Their name, as it stays in the list of runs.
    pub asked_by: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The replica that will execute it.
    pub executor: &'a str,
    /// How long its first lease lasts.
    pub lease: Duration,
}

/// What became of a confirmed plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is a run now, and its target is locked.
    Started {
        /// Its number.
        run: i64,
        /// The executor's claim.
        fence: Fence,
    },
    /// The same press came before: this is its run.
    Repeated {
        /// Its number.
        run: i64,
    },
    /// There is no such plan.
    NoSuchPlan,
    /// It is another person's plan.
    NotYours {
        /// Whose.
        owner: String,
    },
    /// The plan has run already.
    Used {
        /// As which run.
        run: i64,
    },
    /// The plan is too old.
    Expired {
        /// Since when, by the store's clock.
        at: DateTime<Utc>,
    },
    /// The request key belongs to the run of another plan.
    KeyTaken,
    /// Another run holds the target.
    Held {
        /// Its number.
        run: i64,
        /// Its title.
        title: String,
        /// Who asked for it.
        asked_by: String,
        /// Since when it holds the target.
        since: DateTime<Utc>,
    },
}

impl Store {
    /// Makes a confirmed plan a run, or says why not. One transaction: nothing half-accepted is ever seen, by nobody.
    ///
    /// # Errors
    /// When the store does not answer. It may have been accepted all the same: ask again with the same request key.
    pub async fn accept(&self, ask: Ask<'_>) -> Result<Accepted, StoreError> {
        self.ask(async {
            // The run that held the target may end between our try and our look at it: then we try once more.
            for _ in 0..2 {
                if let Some(answer) = self.try_accept(ask).await? {
                    return Ok(answer);
                }
                if let Some(held) = self.holder(ask.plan).await? {
                    return Ok(held);
                }
            }
            Err(StoreError::Busy)
        })
        .await
    }

    /// `None`: another run holds the target.
    async fn try_accept(&self, ask: Ask<'_>) -> Result<Option<Accepted>, StoreError> {
        let mut link = self.link().await?;
        let mut tx = link.begin().await?;
        // The lock on the plan makes two presses of one button follow each other.
        let plan = sqlx::query!(
            r#"select p.account_id, a.name as owner, p.runbook, p.target, p.body, p.fingerprint, p.expires_at,
                      p.expires_at <= clock_timestamp() as "expired!"
               from plans p join accounts a on a.id = p.account_id where p.id = $1 for update of p"#,
            ask.plan.as_str()
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(plan) = plan else {
            drop(tx);
            return Ok(Some(link.done(Accepted::NoSuchPlan)));
        };
        if plan.account_id != ask.account.0 {
            drop(tx);
            return Ok(Some(link.done(Accepted::NotYours { owner: plan.owner })));
        }
        let before = sqlx::query!(
            "select id, plan_id from runs where request_key = $1 or plan_id = $2 order by request_key = $1 desc limit 1",
            ask.request_key.as_str(),
            ask.plan.as_str()
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(before) = before {
            let same_key =
                sqlx::query_scalar!(r#"select request_key = $2 as "same!" from runs where id = $1"#, before.id, ask.request_key.as_str())
                    .fetch_one(&mut *tx)
                    .await?;
            drop(tx);
            return Ok(Some(link.done(match (same_key, before.plan_id == ask.plan.as_str()) {
                (true, true) => Accepted::Repeated { run: before.id },
                (true, false) => Accepted::KeyTaken,
                (false, _) => Accepted::Used { run: before.id },
            })));
        }
        if plan.expired {
            drop(tx);
            return Ok(Some(link.done(Accepted::Expired { at: plan.expires_at })));
        }
        let body = read_body(&plan.body)?;
        let run = sqlx::query_scalar!(
            "insert into runs (plan_id, request_key, runbook, title, target, sentence, account_id, asked_by, reason,
                               lease_holder, lease_until, heard_at, fence)
             values ($1, $2, $3, $4, $5, 'Accepted, not begun', $6, $7, $8, $9, clock_timestamp() + make_interval(secs => $10), clock_timestamp(), 1)
             on conflict on constraint runs_request_key_once do nothing
             returning id",
            ask.plan.as_str(),
            ask.request_key.as_str(),
            plan.runbook,
            body.title,
            plan.target,
            ask.account.0,
            ask.asked_by,
            ask.reason,
            ask.executor,
            ask.lease.as_secs_f64()
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(run) = run else {
            drop(tx);
            return Ok(Some(link.done(Accepted::KeyTaken)));
        };
        // Waits for a transaction that takes the same target, and yields to it.
        let locked = sqlx::query_scalar!(
            "insert into target_locks (target, run_id) values ($1, $2) on conflict (target) do nothing returning run_id",
            plan.target,
            run
        )
        .fetch_optional(&mut *tx)
        .await?;
        if locked.is_none() {
            drop(tx);
            return Ok(link.done(None));
        }
        insert_steps(&mut tx, run, &body.steps).await?;
        let requested = Record::new(
            Actor::Account(ask.asked_by.to_owned()),
            Event::Requested {
                runbook: plan.runbook,
                title: body.title,
                plan: ask.plan.to_string(),
                fingerprint: hex::encode(&plan.fingerprint),
                parameters: body.parameters,
                reason: ask.reason.to_owned(),
            },
        )
        .on(body.target)
        .in_run(run);
        self.seal(tx, &[requested]).await?;
        Ok(Some(link.done(Accepted::Started { run, fence: Fence(1) })))
    }

    /// Which run holds the target of `plan`.
    async fn holder(&self, plan: &PlanId) -> Result<Option<Accepted>, StoreError> {
        let mut link = self.link().await?;
        let held = sqlx::query!(
            "select r.id, r.title, r.asked_by, l.since from plans p join target_locks l on l.target = p.target join runs r on r.id = l.run_id
             where p.id = $1",
            plan.as_str()
        )
        .fetch_optional(&mut *link)
        .await?;
        Ok(link.done(held.map(|held| Accepted::Held { run: held.id, title: held.title, asked_by: held.asked_by, since: held.since })))
    }

    /// The run that holds `target` now, if one does.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn run_holding(&self, target: &SystemId) -> Result<Option<i64>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let run = sqlx::query_scalar!("select run_id from target_locks where target = $1", target.as_str())
                .fetch_optional(&mut *link)
                .await?;
            Ok(link.done(run))
        })
        .await
    }
}

async fn insert_steps(tx: &mut PgConnection, run: i64, steps: &[PlanStep]) -> Result<(), StoreError> {
    let titles: Vec<_> = steps.iter().map(|step| step.title.clone()).collect();
    let details: Vec<_> = steps.iter().map(|step| step.detail.clone()).collect();
    let usual: Vec<_> = steps.iter().map(|step| step.usual_s.map(seconds)).collect();
    let limit: Vec<_> = steps.iter().map(|step| seconds(step.limit_s)).collect();
    sqlx::query!(
        "insert into run_steps (run_id, no, title, detail, usual_s, limit_s)
         select $1, (place - 1)::integer, title, detail, usual_s, limit_s
         from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) with ordinality as step (title, detail, usual_s, limit_s, place)",
        run,
        &titles,
        &details,
        &usual as &[Option<i64>],
        &limit
    )
    .execute(tx)
    .await?;
    Ok(())
}

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
