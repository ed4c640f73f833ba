//! The one-time link by which the first administrator is made.

use std::time::Duration;

use app::model::Role;
use sqlx::Connection;

use super::{AccountId, NewAccount, Store, StoreError, accounts::insert_account};
use crate::audit::{Actor, Event, Made, Record};

/// SHA-256 of what stands in the link.
pub type TokenHash = [u8; 32];

/// What became of a set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetUp {
    /// The first administrator is made.
    Made(AccountId),
    /// The link is unknown, used, too old, or somebody has an account already.
    LinkSpent,
}

impl Store {
    /// Keeps a new link; those before it end, so that only the newest one printed works. `false`: there are accounts, so no link is kept.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep_set_up_token(&self, token: &TokenHash, lives: Duration) -> Result<bool, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            sqlx::query!("delete from set_up_tokens where used_at is null").execute(&mut *tx).await?;
            let kept = sqlx::query!(
                "insert into set_up_tokens (token_hash, expires_at)
                 select $1, now() + make_interval(secs => $2) where not exists (select 1 from accounts)",
                &token[..],
                lives.as_secs_f64()
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(link.done(kept.rows_affected() == 1))
        })
        .await
    }

    /// Whether the link would work now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn set_up_token_works(&self, token: &TokenHash) -> Result<bool, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let works = sqlx::query_scalar!(
                r#"select exists (select 1 from set_up_tokens where token_hash = $1 and used_at is null and expires_at > clock_timestamp())
                          and not exists (select 1 from accounts) as "works!""#,
                &token[..]
            )
            .fetch_one(&mut *link)
            .await?;
            Ok(link.done(works))
        })
        .await
    }

    /// Spends the link and makes the first administrator, in one transaction with the audit event.
    ///
    /// # Errors
    /// When the store does not answer, or refuses the name.
    pub async fn set_up(&self, token: &TokenHash, account: &NewAccount<'_>) -> Result<SetUp, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            // The update locks the link's row: of two that use it at once, the second finds it used.
            let spent = sqlx::query!(
                "update set_up_tokens set used_at = clock_timestamp()
                 where token_hash = $1 and used_at is null and expires_at > clock_timestamp() and not exists (select 1 from accounts)",
                &token[..]
            )
            .execute(&mut *tx)
            .await?;
            let made = if spent.rows_affected() == 1 { insert_account(&mut tx, account).await? } else { None };
            let Some(made) = made else {
                drop(tx);
                return Ok(link.done(SetUp::LinkSpent));
            };
            let event = Event::AccountCreated { account: account.name.to_owned(), role: Role::Admin, made: Made::SetUpLink };
            self.seal(tx, &[Record::new(Actor::Account(account.name.to_owned()), event)]).await?;
            Ok(link.done(SetUp::Made(made)))
        })
        .await
    }
}
