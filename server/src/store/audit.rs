//! The audit's rows: appended in the transaction that changes what they record, and read in pages.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, Transaction};

use super::{Store, StoreError};
use crate::audit::{FORMAT, Link as ChainLink, NO_HASH, Record, Sealed};

/// How often the race for the next link may be lost to other replicas before we give up.
const TRIES: usize = 20;

/// What is looked for. Empty: everything.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only this actor's.
    pub actor: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only about this target.
    pub target: Option<String>,
    /// Only this run's.
    pub run: Option<i64>,
    /// Only events before this one: where the page before ended.
    pub before: Option<i64>,
}

impl Store {
    /// Records something that changes nothing else in the store. Returns its number.
    ///
    /// # Errors
    /// When it is not durable: then what it records must not be done.
    pub async fn record(&self, record: &Record) -> Result<i64, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let tx = sqlx::Connection::begin(&mut *link).await?;
            let seq = self.seal(tx, std::slice::from_ref(record)).await?;
            Ok(link.done(seq))
        })
        .await
    }

    /// Appends `records` and commits: the last thing that a transaction does, so that whoever waits for the next link
    /// waits for a commit and never for a row lock. Returns the number of the last one.
    pub(super) async fn seal(&self, mut tx: Transaction<'_, Postgres>, records: &[Record]) -> Result<i64, StoreError> {
        let _one_writer = self.inner.audit_writer.lock().await;
        let mut last = 0;
        for record in records {
            last = append(&mut tx, record).await?;
        }
        tx.commit().await?;
        Ok(last)
    }

    /// The events that fit, newest first, at most `limit` of them, and the store's time at the read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn audit_page(&self, query: &AuditQuery, limit: i64) -> Result<(DateTime<Utc>, Vec<Sealed>), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let now = now(&mut link).await?;
            let rows = sqlx::query_as!(
                Sealed,
                r#"select format, seq, at, actor, kind, run_id as run, target, detail, prev_hash, hash from audit_events
                   where ($1::bigint is null or seq < $1) and ($2::text is null or actor = $2) and ($3::text is null or kind = $3)
                     and ($4::text is null or target = $4) and ($5::bigint is null or run_id = $5)
                   order by seq desc limit $6"#,
                query.before,
                query.actor,
                query.kind,
                query.target,
                query.run,
                limit
            )
            .fetch_all(&mut *link)
            .await?;
            Ok(link.done((now, rows)))
        })
        .await
    }

    /// One run's whole story, oldest first, and the store's time at the read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn story(&self, run: i64) -> Result<(DateTime<Utc>, Vec<Sealed>), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let now = now(&mut link).await?;
            let rows = sqlx::query_as!(
                Sealed,
                r#"select format, seq, at, actor, kind, run_id as run, target, detail, prev_hash, hash from audit_events
                   where run_id = $1 order by seq limit 1000"#,
                run
            )
            .fetch_all(&mut *link)
            .await?;
            Ok(link.done((now, rows)))
        })
        .await
    }

    /// The events from number `from` on, oldest first: for verification and export.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn audit_forward(&self, from: i64, limit: i64) -> Result<Vec<Sealed>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let rows = sqlx::query_as!(
                Sealed,
                r#"select format, seq, at, actor, kind, run_id as run, target, detail, prev_hash, hash from audit_events
                   where seq >= $1 order by seq limit $2"#,
                from,
                limit
            )
            .fetch_all(&mut *link)
            .await?;
            Ok(link.done(rows))
        })
        .await
    }
}

/// The store's time.
pub(super) async fn now(link: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(link).await?)
}

/// Appends one event as the next link. Another replica may be faster: then its event is waited for, and ours is bound to it.
async fn append(tx: &mut PgConnection, record: &Record) -> Result<i64, StoreError> {
    let (actor, kind, detail) = (record.actor.word(), record.event.kind(), record.event.detail());
    let target = record.target.as_ref().map(app::model::SystemId::as_str);
    for _ in 0..TRIES {
        let head = sqlx::query!(
            r#"select clock_timestamp() as "now!", head.seq as "seq?", head.hash as "hash?"
               from (select 1) as one left join lateral (select seq, hash from audit_events order by seq desc limit 1) as head on true"#
        )
        .fetch_one(&mut *tx)
        .await?;
        let prev_hash = head.hash.unwrap_or_else(|| NO_HASH.to_vec());
        let link = ChainLink {
            format: FORMAT,
            seq: head.seq.unwrap_or(0) + 1,
            at: head.now,
            actor,
            kind,
            run: record.run,
            target,
            detail: &detail,
            prev_hash: &prev_hash,
        };
        let inserted = sqlx::query_scalar!(
            "insert into audit_events (seq, format, at, actor, kind, run_id, target, detail, prev_hash, hash)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing returning seq",
            link.seq,
            link.format,
            link.at,
            link.actor,
            link.kind,
            link.run,
            link.target,
            link.detail,
            link.prev_hash,
            &link.hash()[..]
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(seq) = inserted {
            return Ok(seq);
        }
    }
    Err(StoreError::Unavailable)
}
