//! Screens on a wall: known by the hash of their token, listed, revoked.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Connection;

use super::{Store, StoreError, TokenHash};
use crate::audit::{Actor, Event, Record, ScreenMade};

/// Numbers a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId(pub(super) i64);

impl DeviceId {
    /// From a number in an address.
    #[must_use]
    pub const fn numbered(id: i64) -> Self {
        Self(id)
    }

    /// The number in the store.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// A screen that may look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceOwner {
    /// Which.
    pub id: DeviceId,
    /// Where it hangs.
    pub name: String,
}

/// What a token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// The wall.
    Good(DeviceOwner),
    /// Nothing: it was revoked then.
    Revoked(DeviceOwner, DateTime<Utc>),
}

/// A device as the settings list it.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its number.
    pub id: DeviceId,
    /// Where it hangs.
    pub name: String,
    /// Who confirmed it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it last looked; noted every quarter of a minute while it does.
    pub last_used_at: Option<DateTime<Utc>>,
    /// From where.
    pub last_address: Option<String>,
    /// Since when it may not look any more, and who said so.
    pub revoked: Option<(DateTime<Utc>, String)>,
}

/// What became of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paired {
    /// The screen is paired.
    Paired(DeviceId),
    /// No screen that waits shows this code (any more).
    NoSuchCode,
    /// A screen of that name is paired already.
    NameTaken,
}

/// A device made without a code: by whoever may read the run-time role's password.
#[derive(Clone, Debug)]
pub struct NewDevice<'a> {
    /// Where it hangs.
    pub name: &'a str,
    /// SHA-256 of its token.
    pub token: &'a TokenHash,
    /// SHA-256 of what stands in the link that hands the token over.
    pub link: &'a TokenHash,
    /// How long that link works.
    pub link_lives: Duration,
}

/// So many revoked devices stay listed.
const REVOKED_LISTED: i64 = 10;

impl Store {
    /// What a token opens. `None`: it is no device's.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn device(&self, token: &TokenHash) -> Result<Option<DeviceState>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let row = sqlx::query!("select id, name, revoked_at from devices where token_hash = $1", &token[..])
                .fetch_optional(&mut *link)
                .await?;
            Ok(link.done(row).map(|row| {
                let owner = DeviceOwner { id: DeviceId(row.id), name: row.name };
                match row.revoked_at {
                    None => DeviceState::Good(owner),
                    Some(at) => DeviceState::Revoked(owner, at),
                }
            }))
        })
        .await
    }

    /// Which of these tokens open the wall, and whose they are, in one question.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn device_owners(&self, tokens: &[TokenHash]) -> Result<Vec<(TokenHash, DeviceOwner)>, StoreError> {
        let tokens: Vec<Vec<u8>> = tokens.iter().map(|token| token.to_vec()).collect();
        self.ask(async {
            let mut link = self.link().await?;
            let rows = sqlx::query!("select id, name, token_hash from devices where token_hash = any($1) and revoked_at is null", &tokens)
                .fetch_all(&mut *link)
                .await?;
            link.done(rows)
                .into_iter()
                .map(|row| {
                    let token = row.token_hash.try_into().map_err(|_| StoreError::unreadable("a device", row.id))?;
                    Ok((token, DeviceOwner { id: DeviceId(row.id), name: row.name }))
                })
                .collect()
        })
        .await
    }

    /// Notes that these devices look now, and from where if that is told.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn touch_devices(&self, tokens: &[TokenHash], address: Option<&str>) -> Result<(), StoreError> {
        let tokens: Vec<Vec<u8>> = tokens.iter().map(|token| token.to_vec()).collect();
        self.ask(async {
            let mut link = self.link().await?;
            sqlx::query!(
                "update devices set last_used_at = clock_timestamp(), last_address = coalesce($2, last_address)
                 where token_hash = any($1) and revoked_at is null",
                &tokens,
                address
            )
            .execute(&mut *link)
            .await?;
            link.release()
        })
        .await
    }

    /// Every device that may look, by name; behind them those that were revoked last. With the store's time at the read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn devices(&self) -> Result<(DateTime<Utc>, Vec<Device>), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&mut *link).await?;
            let rows = sqlx::query!(
                r#"(select id as "id!", name as "name!", created_by as "created_by!", created_at as "created_at!", last_used_at,
                           last_address, revoked_at, revoked_by
                    from devices where revoked_at is null order by lower(name))
                   union all
                   (select id, name, created_by, created_at, last_used_at, last_address, revoked_at, revoked_by
                    from devices where revoked_at is not null order by revoked_at desc limit $1)"#,
                REVOKED_LISTED
            )
            .fetch_all(&mut *link)
            .await?;
            let devices = link.done(rows).into_iter().map(|row| Device {
                id: DeviceId(row.id),
                name: row.name,
                created_by: row.created_by,
                created_at: row.created_at,
                last_used_at: row.last_used_at,
                last_address: row.last_address,
                revoked: row.revoked_at.map(|at| (at, row.revoked_by.unwrap_or_default())),
            });
            Ok((now, devices.collect()))
        })
        .await
    }

    /// Makes a device with its link, and the audit event. `None`: a screen of that name is paired already.
    ///
    /// # Errors
    /// When the store does not answer, or refuses the name.
    pub async fn make_device(&self, device: &NewDevice<'_>, actor: Actor) -> Result<Option<DeviceId>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let id = sqlx::query_scalar!(
                "insert into devices (name, token_hash, created_by, link_hash, link_expires_at)
                 values ($1, $2, $3, $4, now() + make_interval(secs => $5))
                 on conflict (lower(name)) where revoked_at is null do nothing returning id",
                device.name,
                &device.token[..],
                actor.word(),
                &device.link[..],
                device.link_lives.as_secs_f64()
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(id) = id else {
                drop(tx);
                return Ok(link.done(None));
            };
            let event = Event::ScreenPaired { screen: device.name.to_owned(), made: ScreenMade::CommandLine };
            self.seal(tx, &[Record::new(actor, event)]).await?;
            Ok(link.done(Some(DeviceId(id))))
        })
        .await
    }

    /// Whose link this is, with an audit event that it was used from `address`. `None`: it is unknown or too old, or its device was revoked.
    ///
    /// # Errors
    /// When the store does not answer: then nothing is handed over.
    pub async fn use_device_link(&self, link_hash: &TokenHash, address: &str) -> Result<Option<DeviceOwner>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let row = sqlx::query!(
                "select id, name from devices where link_hash = $1 and link_expires_at > clock_timestamp() and revoked_at is null",
                &link_hash[..]
            )
            .fetch_optional(&mut *link)
            .await?;
            let Some(row) = row else { return Ok(link.done(None)) };
            let tx = link.begin().await?;
            let event = Event::ScreenOpened { screen: row.name.clone(), address: address.to_owned() };
            self.seal(tx, &[Record::new(Actor::Nobody, event)]).await?;
            Ok(link.done(Some(DeviceOwner { id: DeviceId(row.id), name: row.name })))
        })
        .await
    }

    /// Revokes a device, with its audit event. Returns its name; `None` when there is no such device, or it was revoked already.
    ///
    /// # Errors
    /// When the store does not answer: the screen may go on.
    pub async fn revoke_device(&self, id: DeviceId, actor: Actor) -> Result<Option<String>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let name = sqlx::query_scalar!(
                "update devices set revoked_at = clock_timestamp(), revoked_by = $2, link_hash = null
                 where id = $1 and revoked_at is null returning name",
                id.0,
                actor.word()
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(name) = name else {
                drop(tx);
                return Ok(link.done(None));
            };
            self.seal(tx, &[Record::new(actor, Event::ScreenRevoked { screen: name.clone() })]).await?;
            Ok(link.done(Some(name)))
        })
        .await
    }

    /// Records that a revoked device tried to look, at most once in `every`: a screen tries for ever.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn note_revoked_use(&self, device: &DeviceOwner, tried: &str, address: &str, every: Duration) -> Result<(), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let noted = sqlx::query!(
                "update devices set refused_at = clock_timestamp()
                 where id = $1 and revoked_at is not null
                   and (refused_at is null or refused_at < clock_timestamp() - make_interval(secs => $2))",
                device.id.0,
                every.as_secs_f64()
            )
            .execute(&mut *tx)
            .await?;
            if noted.rows_affected() == 0 {
                drop(tx);
                return link.release();
            }
            let event =
                Event::ScreenRefused { screen: device.name.clone(), revoked: true, tried: tried.to_owned(), address: address.to_owned() };
            self.seal(tx, &[Record::new(Actor::Nobody, event)]).await?;
            link.release()
        })
        .await
    }
}
