//! Plans: what would happen, kept until it is run or expires.

use std::{fmt, str::FromStr, time::Duration};

use app::model::{PlanBody, SystemId};
use chrono::{DateTime, Utc};

use super::{AccountId, Store, StoreError, audit::now};
use crate::audit::Record;

/// A plan's id: 128 random bits in hex. It stands in an address, so it cannot be guessed; whose plan it is, is asked besides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlanId(String);

impl PlanId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string())
    }

    /// The text in the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PlanId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a plan's id is 32 hex digits".to_owned())
        }
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is stored of a plan.
#[derive(Clone, Copy, Debug)]
pub struct NewPlan<'a> {
    /// Its id.
    pub id: &'a PlanId,
    /// Who made it.
    pub owner: AccountId,
    /// The runbook's id.
    pub runbook: &'a str,
    /// What would happen.
    pub body: &'a PlanBody,
    /// SHA-256 over what must not have changed when it runs.
    pub fingerprint: [u8; 32],
    /// How long it may be run.
    pub lives: Duration,
}

/// A plan as it stands in the store.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Who made it.
    pub owner: AccountId,
    /// The name of who made it.
    pub owner_name: String,
    /// The runbook's id.
    pub runbook: String,
    /// What would happen.
    pub body: PlanBody,
    /// SHA-256 over what must not have changed when it runs.
    pub fingerprint: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it can no longer be run.
    pub expires_at: DateTime<Utc>,
    /// Whether that is past, by the store's clock.
    pub expired: bool,
    /// The run that was started from it, if one was.
    pub run: Option<i64>,
    /// The store's time at the read.
    pub now: DateTime<Utc>,
}

impl Store {
    /// Keeps a plan, with the audit event that records its making. Returns when it expires.
    ///
    /// # Errors
    /// When it is not durable.
    pub async fn insert_plan(&self, plan: NewPlan<'_>, record: &Record) -> Result<DateTime<Utc>, StoreError> {
        let body = serde_json::to_string(plan.body).map_err(|err| StoreError::unreadable("a plan", err))?;
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = sqlx::Connection::begin(&mut *link).await?;
            let expires_at = sqlx::query_scalar!(
                "insert into plans (id, account_id, runbook, target, body, fingerprint, expires_at)
                 values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7)) returning expires_at",
                plan.id.as_str(),
                plan.owner.0,
                plan.runbook,
                plan.body.target.as_str(),
                body,
                &plan.fingerprint[..],
                plan.lives.as_secs_f64()
            )
            .fetch_one(&mut *tx)
            .await?;
            self.seal(tx, std::slice::from_ref(record)).await?;
            Ok(link.done(expires_at))
        })
        .await
    }

    /// The plan of that id.
    ///
    /// # Errors
    /// When the store does not answer, or the plan was written by a version that this one cannot read.
    pub async fn plan(&self, id: &PlanId) -> Result<Option<Plan>, StoreError> {
        let row = self
            .ask(async {
                let mut link = self.link().await?;
                let row = sqlx::query!(
                    r#"select p.account_id, a.name as owner_name, p.runbook, p.body, p.fingerprint, p.created_at, p.expires_at,
                              p.expires_at <= clock_timestamp() as "expired!", r.id as "run?", clock_timestamp() as "now!"
                       from plans p join accounts a on a.id = p.account_id left join runs r on r.plan_id = p.id
                       where p.id = $1"#,
                    id.as_str()
                )
                .fetch_optional(&mut *link)
                .await?;
                Ok(link.done(row))
            })
            .await?;
        row.map(|row| {
            Ok(Plan {
                id: id.clone(),
                owner: AccountId(row.account_id),
                owner_name: row.owner_name,
                runbook: row.runbook,
                body: read_body(&row.body)?,
                fingerprint: row.fingerprint,
                created_at: row.created_at,
                expires_at: row.expires_at,
                expired: row.expired,
                run: row.run,
                now: row.now,
            })
        })
        .transpose()
    }

    /// Forgets plans that expired more than `age` ago and were never run. Returns how many.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn forget_plans(&self, age: Duration) -> Result<u64, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let done = sqlx::query!(
                "delete from plans where id in (
                     select p.id from plans p where p.expires_at < now() - make_interval(secs => $1)
                     and not exists (select 1 from runs r where r.plan_id = p.id) limit 500)",
                age.as_secs_f64()
            )
            .execute(&mut *link)
            .await?;
            Ok(link.done(done.rows_affected()))
        })
        .await
    }

    /// The store's time.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let now = now(&mut link).await?;
            Ok(link.done(now))
        })
        .await
    }
}

pub(super) fn read_body(body: &str) -> Result<PlanBody, StoreError> {
    serde_json::from_str(body).map_err(|err| StoreError::unreadable("a plan", err))
}

pub(super) fn read_target(target: String) -> Result<SystemId, StoreError> {
    target.clone().try_into().map_err(|_| StoreError::unreadable("the target", target))
}
