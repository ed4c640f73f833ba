//! Sessions, by the hash of their cookie. Expiry is absolute and compared with the store's clock.

use app::model::Role;
use chrono::{DateTime, Utc};

use super::{AccountId, Store, StoreError, accounts::read_role};

/// SHA-256 of what stands in the cookie.
pub type SessionHash = [u8; 32];

/// Whose session it is, now: role and whether the account still may sign in are read with each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOwner {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

impl Store {
    /// Which of these sessions are good, and whose they are, in one question. The others have expired, were ended, or belong to a disabled account.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session_owners(&self, ids: &[SessionHash]) -> Result<Vec<(SessionHash, SessionOwner)>, StoreError> {
        let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.to_vec()).collect();
        self.ask(async {
            let mut link = self.link().await?;
            let rows = sqlx::query!(
                "select s.id_hash, a.id, a.name, a.role from sessions s join accounts a on a.id = s.account_id
                 where s.id_hash = any($1) and s.expires_at > clock_timestamp() and a.disabled_at is null",
                &ids
            )
            .fetch_all(&mut *link)
            .await?;
            let owners = link.done(rows).into_iter().filter_map(|row| {
                let id = row.id_hash.try_into().ok()?;
                // One row that this version cannot read must not shut everybody out.
                let role =
                    read_role(&row.role).inspect_err(|err| tracing::error!(error = %err, account = row.id, "An account is passed over"));
                Some((id, SessionOwner { account: AccountId(row.id), name: row.name, role: role.ok()? }))
            });
            Ok(owners.collect())
        })
        .await
    }

    /// Keeps a new session, and that its account was signed in to. `false`: there is one of that id already.
    ///
    /// # Errors
    /// When the store does not answer, or there is no such account.
    pub async fn insert_session(&self, id: &SessionHash, account: i64, data: &str, expires_at: DateTime<Utc>) -> Result<bool, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let done = sqlx::query!(
                "with kept as (
                     insert into sessions (id_hash, account_id, data, expires_at) values ($1, $2, $3, $4)
                     on conflict (id_hash) do nothing returning account_id
                 )
                 update accounts set signed_in_at = clock_timestamp() where id in (select account_id from kept)",
                &id[..],
                account,
                data,
                expires_at
            )
            .execute(&mut *link)
            .await?;
            Ok(link.done(done.rows_affected() == 1))
        })
        .await
    }

    /// Rewrites what a session holds. Its expiry can be brought forward, never put off.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn update_session(&self, id: &SessionHash, data: &str, expires_at: DateTime<Utc>) -> Result<bool, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let done = sqlx::query!(
                "update sessions set data = $2, expires_at = least(expires_at, $3) where id_hash = $1",
                &id[..],
                data,
                expires_at
            )
            .execute(&mut *link)
            .await?;
            Ok(link.done(done.rows_affected() == 1))
        })
        .await
    }

    /// What a session holds, and until when.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session(&self, id: &SessionHash) -> Result<Option<(String, DateTime<Utc>)>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let row = sqlx::query!("select data, expires_at from sessions where id_hash = $1 and expires_at > clock_timestamp()", &id[..])
                .fetch_optional(&mut *link)
                .await?;
            Ok(link.done(row).map(|row| (row.data, row.expires_at)))
        })
        .await
    }

    /// Ends a session. The next request with its cookie is anonymous.
    ///
    /// # Errors
    /// When the store does not answer: the session may go on.
    pub async fn delete_session(&self, id: &SessionHash) -> Result<(), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            sqlx::query!("delete from sessions where id_hash = $1", &id[..]).execute(&mut *link).await?;
            link.release()
        })
        .await
    }

    /// Forgets sessions and sign-in failures that have had their time. Returns how many rows.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn forget_sessions(&self) -> Result<u64, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let sessions = sqlx::query!("delete from sessions where expires_at < now() - interval '1 day'").execute(&mut *link).await?;
            let failures =
                sqlx::query!("delete from sign_in_failures where failed_at < now() - interval '1 day'").execute(&mut *link).await?;
            Ok(link.done(sessions.rows_affected() + failures.rows_affected()))
        })
        .await
    }
}
