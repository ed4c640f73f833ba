//! Changes of health, so that "since when" survives a restart.

use std::time::Duration;

use app::model::{Health, SystemId};
use chrono::{DateTime, Utc};

use super::{Store, StoreError, plans::read_target};

/// A change that was just seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHealthChange {
    /// The probe's id.
    pub probe: String,
    /// What it looked at.
    pub system: SystemId,
    /// What it was before; none when it was seen for the first time.
    pub from: Option<Health>,
    /// What it is now.
    pub to: Health,
    /// The reading's one line.
    pub summary: String,
    /// When, by the console's clock: the store may be away when it is seen.
    pub at: DateTime<Utc>,
}

/// A change as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthChange {
    /// Its number: later ones are higher.
    pub id: i64,
    /// The probe's id.
    pub probe: String,
    /// What it looked at.
    pub system: SystemId,
    /// What it was before; none when it was seen for the first time.
    pub from: Option<Health>,
    /// What it became.
    pub to: Health,
    /// The reading's one line.
    pub summary: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Store {
    /// Keeps changes, in their order.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn insert_health_changes(&self, changes: &[NewHealthChange]) -> Result<(), StoreError> {
        let probes: Vec<_> = changes.iter().map(|change| change.probe.clone()).collect();
        let systems: Vec<_> = changes.iter().map(|change| change.system.to_string()).collect();
        let from: Vec<_> = changes.iter().map(|change| change.from.map(|health| health.word().to_owned())).collect();
        let to: Vec<_> = changes.iter().map(|change| change.to.word().to_owned()).collect();
        let summaries: Vec<_> = changes.iter().map(|change| short(&change.summary)).collect();
        let at: Vec<_> = changes.iter().map(|change| change.at).collect();
        self.ask(async {
            let mut link = self.link().await?;
            sqlx::query!(
                "insert into health_changes (probe, system, from_health, to_health, summary, at)
                 select probe, system, from_health, to_health, summary, at
                 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[]) with ordinality
                      as change (probe, system, from_health, to_health, summary, at, place)
                 where from_health is distinct from to_health order by place",
                &probes,
                &systems,
                &from as &[Option<String>],
                &to,
                &summaries,
                &at
            )
            .execute(&mut *link)
            .await?;
            link.release()
        })
        .await
    }

    /// The newest change of every probe on every system: since when each is as it is.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn latest_health_changes(&self) -> Result<Vec<HealthChange>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let rows = sqlx::query_as!(
                Row,
                "select distinct on (probe, system) id, probe, system, from_health, to_health, summary, at from health_changes
                 order by probe, system, id desc"
            )
            .fetch_all(&mut *link)
            .await?;
            link.done(rows).into_iter().map(Row::into_change).collect()
        })
        .await
    }

    /// The last `limit` changes of one system, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn health_changes_of(&self, system: &SystemId, limit: i64) -> Result<Vec<HealthChange>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let rows = sqlx::query_as!(
                Row,
                "select id, probe, system, from_health, to_health, summary, at from health_changes where system = $1 order by id desc limit $2",
                system.as_str(),
                limit
            )
            .fetch_all(&mut *link)
            .await?;
            link.done(rows).into_iter().map(Row::into_change).collect()
        })
        .await
    }

    /// Forgets changes older than `age`, but never the newest of a probe on a system. Returns how many.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn forget_health_changes(&self, age: Duration) -> Result<u64, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let done = sqlx::query!(
                "delete from health_changes where id in (
                     select old.id from health_changes old where old.at < now() - make_interval(secs => $1)
                     and exists (select 1 from health_changes later
                                 where later.probe = old.probe and later.system = old.system and later.id > old.id)
                     limit 500)",
                age.as_secs_f64()
            )
            .execute(&mut *link)
            .await?;
            Ok(link.done(done.rows_affected()))
        })
        .await
    }
}

/// At most 500 characters, and none that PostgreSQL cannot keep.
fn short(summary: &str) -> String {
    summary.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
}

struct Row {
    id: i64,
    probe: String,
    system: String,
    from_health: Option<String>,
    to_health: String,
    summary: String,
    at: DateTime<Utc>,
}

impl Row {
    fn into_change(self) -> Result<HealthChange, StoreError> {
        let read = |word: &str| Health::from_word(word).ok_or_else(|| StoreError::unreadable("a health", word));
        Ok(HealthChange {
            id: self.id,
            probe: self.probe,
            system: read_target(self.system)?,
            from: self.from_health.as_deref().map(read).transpose()?,
            to: read(&self.to_health)?,
            summary: self.summary,
            at: self.at,
        })
    }
}
