//! Codes that waiting screens show, until an administrator confirms one.

use std::time::Duration;

use sqlx::Connection;

use super::{DeviceId, Paired, Store, StoreError, TokenHash};
use crate::audit::{Actor, Event, Record, ScreenMade};

/// So many screens may wait at once: a hall full, and no more rows than that for whoever asks for codes without end.
const WAITING: i64 = 200;

/// What became of a new code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKept {
    /// It can be confirmed from now on.
    Kept,
    /// Another screen shows the same one: draw another.
    Taken,
    /// Too many screens wait already.
    TooMany,
}

impl Store {
    /// Keeps the code that a screen shows. Codes that have had their time are removed.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep_device_code(&self, token: &TokenHash, code: &str, lives: Duration) -> Result<CodeKept, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            sqlx::query!("delete from device_codes where expires_at < clock_timestamp()").execute(&mut *tx).await?;
            let waiting = sqlx::query_scalar!(r#"select count(*) as "waiting!" from device_codes"#).fetch_one(&mut *tx).await?;
            let kept = sqlx::query!(
                "insert into device_codes (token_hash, code, expires_at)
                 select $1, $2, now() + make_interval(secs => $3) where $4 < $5::bigint on conflict do nothing",
                &token[..],
                code,
                lives.as_secs_f64(),
                waiting,
                WAITING
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(link.done(match kept.rows_affected() {
                1 => CodeKept::Kept,
                _ if waiting >= WAITING => CodeKept::TooMany,
                _ => CodeKept::Taken,
            }))
        })
        .await
    }

    /// The code that a screen shows, and how long it can still be confirmed.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn device_code(&self, token: &TokenHash) -> Result<Option<(String, Duration)>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let row = sqlx::query!(
                r#"select code, extract(epoch from expires_at - clock_timestamp())::float8 as "left!" from device_codes
                   where token_hash = $1 and expires_at > clock_timestamp()"#,
                &token[..]
            )
            .fetch_optional(&mut *link)
            .await?;
            Ok(link.done(row).map(|row| (row.code, Duration::try_from_secs_f64(row.left).unwrap_or_default())))
        })
        .await
    }

    /// Confirms a code: the screen that shows it is a device from now on. One transaction with the audit event; a code works once.
    ///
    /// # Errors
    /// When the store does not answer, or refuses the name.
    pub async fn pair_device(&self, code: &str, name: &str, actor: Actor) -> Result<Paired, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            // The delete takes the row: of two that confirm at once, the second finds no code.
            let token = sqlx::query_scalar!(
                "delete from device_codes where code = $1 and expires_at > clock_timestamp() returning token_hash",
                code
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(token) = token else {
                drop(tx);
                return Ok(link.done(Paired::NoSuchCode));
            };
            let id = sqlx::query_scalar!(
                "insert into devices (name, token_hash, created_by) values ($1, $2, $3)
                 on conflict (lower(name)) where revoked_at is null do nothing returning id",
                name,
                &token[..],
                actor.word()
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(id) = id else {
                // Rolled back: the code can be confirmed with another name.
                drop(tx);
                return Ok(link.done(Paired::NameTaken));
            };
            self.seal(tx, &[Record::new(actor, Event::ScreenPaired { screen: name.to_owned(), made: ScreenMade::Code })]).await?;
            Ok(link.done(Paired::Paired(DeviceId(id))))
        })
        .await
    }
}
