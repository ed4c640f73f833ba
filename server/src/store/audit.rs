//! The audit's rows: appended in the transaction that changes what they record, and read in pages.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, Transaction};

use super::{Store, StoreError};
use crate::audit::{FORMAT, Link as ChainLink, NO_HASH, Record, Sealed};

/// How often the race for the next link may be lost to other replicas before we give up.
const TRIES: usize = 20;

/// What is looked for. Empty: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only this actor's.
    pub actor: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only about one of these targets.
    pub targets: Option<Vec<String>>,
    /// Only this run's.
    pub run: Option<i64>,
    /// Only what came out so: a word of [`crate::audit::Outcome`].
    pub outcome: Option<String>,
    /// Only at this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Only before this moment.
    pub to: Option<DateTime<Utc>>,
    /// Only events before this one: where the page before ended.
    pub before: Option<i64>,
}

/// The newest event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; there are no gaps, so it is also how many there are.
    pub seq: i64,
    /// Its hash.
    pub hash: Vec<u8>,
    /// When the first event was written.
    pub since: DateTime<Utc>,
    /// The store's time at the read.
    pub now: DateTime<Utc>,
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
                     and ($4::text[] is null or target = any ($4)) and ($5::bigint is null or run_id = $5)
                     and ($6::text is null or audit_outcome(kind, detail) = $6)
                     and ($7::timestamptz is null or at >= $7) and ($8::timestamptz is null or at < $8)
                   order by seq desc limit $9"#,
                query.before,
                query.actor,
                query.kind,
                query.targets.as_deref(),
                query.run,
                query.outcome,
                query.from,
                query.to,
                limit
            )
            .fetch_all(&mut *link)
            .await?;
            Ok(link.done((now, rows)))
        })
        .await
    }

    /// How many events fit, up to and with number `upto`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn audit_count(&self, query: &AuditQuery, upto: i64) -> Result<i64, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let count = sqlx::query_scalar!(
                r#"select count(*) as "count!" from audit_events
                   where seq <= $1 and ($2::text is null or actor = $2) and ($3::text is null or kind = $3)
                     and ($4::text[] is null or target = any ($4)) and ($5::bigint is null or run_id = $5)
                     and ($6::text is null or audit_outcome(kind, detail) = $6)
                     and ($7::timestamptz is null or at >= $7) and ($8::timestamptz is null or at < $8)"#,
                upto,
                query.actor,
                query.kind,
                query.targets.as_deref(),
                query.run,
                query.outcome,
                query.from,
                query.to
            )
            .fetch_one(&mut *link)
            .await?;
            Ok(link.done(count))
        })
        .await
    }

    /// The events that fit, oldest first, after number `after` and up to and with `upto`, at most `limit` of them: for the export.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn audit_span(&self, query: &AuditQuery, after: i64, upto: i64, limit: i64) -> Result<Vec<Sealed>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let rows = sqlx::query_as!(
                Sealed,
                r#"select format, seq, at, actor, kind, run_id as run, target, detail, prev_hash, hash from audit_events
                   where seq > $9 and seq <= $1 and ($2::text is null or actor = $2) and ($3::text is null or kind = $3)
                     and ($4::text[] is null or target = any ($4)) and ($5::bigint is null or run_id = $5)
                     and ($6::text is null or audit_outcome(kind, detail) = $6)
                     and ($7::timestamptz is null or at >= $7) and ($8::timestamptz is null or at < $8)
                   order by seq limit $10"#,
                upto,
                query.actor,
                query.kind,
                query.targets.as_deref(),
                query.run,
                query.outcome,
                query.from,
                query.to,
                after,
                limit
            )
            .fetch_all(&mut *link)
            .await?;
            Ok(link.done(rows))
        })
        .await
    }

    /// The newest event; `None` while there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn audit_head(&self) -> Result<Option<Head>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let head = sqlx::query_as!(
                Head,
                r#"select head.seq, head.hash, first.at as since, clock_timestamp() as "now!"
                   from (select seq, hash from audit_events order by seq desc limit 1) as head
                   cross join (select at from audit_events order by seq limit 1) as first"#
            )
            .fetch_optional(&mut *link)
            .await?;
            Ok(link.done(head))
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

    /// The events from number `from` on, oldest first: for verification.
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
