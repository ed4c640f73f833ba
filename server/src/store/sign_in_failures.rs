//! Wrong passwords of the last minutes, counted for all replicas together.

use std::time::Duration;

use super::{Store, StoreError};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Tries on one name, whether or not somebody has it.
    Account,
    /// Tries from one address.
    Address,
}

impl Scope {
    const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Address => "address",
        }
    }
}

/// How many tries failed within the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// On this name.
    pub account: i64,
    /// From this address.
    pub address: i64,
}

impl Store {
    /// How often sign-in failed on `account` and from `address` within `window`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sign_in_failures(&self, account: &str, address: &str, window: Duration) -> Result<Failures, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let row = sqlx::query!(
                r#"select (select count(*) from sign_in_failures where scope = 'account' and subject = $1
                           and failed_at > clock_timestamp() - make_interval(secs => $3)) as "account!",
                          (select count(*) from sign_in_failures where scope = 'address' and subject = $2
                           and failed_at > clock_timestamp() - make_interval(secs => $3)) as "address!""#,
                account,
                address,
                window.as_secs_f64()
            )
            .fetch_one(&mut *link)
            .await?;
            Ok(link.done(Failures { account: row.account, address: row.address }))
        })
        .await
    }

    /// Counts a failed try on `account` from `address`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn count_sign_in_failure(&self, account: &str, address: &str) -> Result<(), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            sqlx::query!(
                "insert into sign_in_failures (scope, subject) values ($1, $2), ($3, $4)",
                Scope::Account.word(),
                account,
                Scope::Address.word(),
                address
            )
            .execute(&mut *link)
            .await?;
            link.release()
        })
        .await
    }

    /// Forgets the failed tries on `account`: its right password was given.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn forget_sign_in_failures(&self, account: &str) -> Result<(), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            sqlx::query!("delete from sign_in_failures where scope = 'account' and subject = $1", account).execute(&mut *link).await?;
            link.release()
        })
        .await
    }
}
