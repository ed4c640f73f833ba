//! Who is signed in, and ending it by hand.

use chrono::{DateTime, Utc};
use sqlx::Connection;

use super::{AccountId, SessionHash, Store, StoreError};
use crate::audit::{Actor, Event, Record};

/// A session as the settings list it.
#[derive(Clone, Debug)]
pub struct SessionSummary {
    /// What names it to people.
    pub no: i64,
    /// The hash of its cookie: to tell one's own, never to be shown.
    pub hash: SessionHash,
    /// Whose.
    pub account: AccountId,
    /// The account's name.
    pub name: String,
    /// What it holds, as JSON.
    pub data: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

impl Store {
    /// Sessions of everybody or of one account, newest first, at most `limit` of them, with the store's time at the read and how many
    /// there are.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session_list(&self, of: Option<AccountId>, limit: i64) -> Result<(DateTime<Utc>, i64, Vec<SessionSummary>), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let rows = sqlx::query!(
                r#"select s.no, s.id_hash, s.account_id, a.name, s.data, s.created_at, s.expires_at,
                          clock_timestamp() as "now!", count(*) over () as "all!"
                   from sessions s join accounts a on a.id = s.account_id
                   where s.expires_at > clock_timestamp() and a.disabled_at is null and ($1::bigint is null or s.account_id = $1)
                   order by s.no desc limit $2"#,
                of.map(AccountId::get),
                limit
            )
            .fetch_all(&mut *link)
            .await?;
            let rows = link.done(rows);
            let (now, all) = rows.first().map_or_else(|| (Utc::now(), 0), |row| (row.now, row.all));
            let sessions = rows.into_iter().map(|row| {
                Ok(SessionSummary {
                    no: row.no,
                    hash: row.id_hash.try_into().map_err(|_| StoreError::unreadable("a session", row.no))?,
                    account: AccountId(row.account_id),
                    name: row.name,
                    data: row.data,
                    created_at: row.created_at,
                    expires_at: row.expires_at,
                })
            });
            Ok((now, all, sessions.collect::<Result<_, StoreError>>()?))
        })
        .await
    }

    /// Ends a session, where told only if it is that account's, with its audit event. Returns its hash and whose it was; `None`: there is
    /// no such session.
    ///
    /// # Errors
    /// When the store does not answer: the session may go on.
    pub async fn end_session(&self, no: i64, of: Option<AccountId>, actor: Actor) -> Result<Option<(SessionHash, String)>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let row = sqlx::query!(
                "delete from sessions s using accounts a
                 where a.id = s.account_id and s.no = $1 and ($2::bigint is null or s.account_id = $2) returning s.id_hash, a.name",
                no,
                of.map(AccountId::get)
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(row) = row else {
                drop(tx);
                return Ok(link.done(None));
            };
            let hash = row.id_hash.try_into().map_err(|_| StoreError::unreadable("a session", no))?;
            let event = Event::SessionsEnded { account: row.name.clone(), n_sessions: 1 };
            self.seal(tx, &[Record::new(actor, event)]).await?;
            Ok(link.done(Some((hash, row.name))))
        })
        .await
    }

    /// Ends every session of an account but `keep`, with its audit event. Returns how many; `None`: there is no such account.
    ///
    /// # Errors
    /// When the store does not answer: they may go on.
    pub async fn end_sessions(&self, of: AccountId, keep: &SessionHash, actor: Actor) -> Result<Option<u64>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let name = sqlx::query_scalar!("select name from accounts where id = $1", of.0).fetch_optional(&mut *tx).await?;
            let Some(name) = name else {
                drop(tx);
                return Ok(link.done(None));
            };
            let ended =
                sqlx::query!("delete from sessions where account_id = $1 and id_hash <> $2", of.0, &keep[..]).execute(&mut *tx).await?;
            let n = ended.rows_affected();
            if n == 0 {
                drop(tx);
                return Ok(link.done(Some(0)));
            }
            let event = Event::SessionsEnded { account: name, n_sessions: i64::try_from(n).unwrap_or(i64::MAX) };
            self.seal(tx, &[Record::new(actor, event)]).await?;
            Ok(link.done(Some(n)))
        })
        .await
    }
}
