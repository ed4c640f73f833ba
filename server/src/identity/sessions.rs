//! Sessions as tower-sessions sees them, kept in the console's own store by the hash of their cookie.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tower_sessions::{
    Expiry, SessionManagerLayer, SessionStore,
    cookie::SameSite,
    session::{Id, Record},
    session_store,
};
use url::Url;

use super::SESSION;
use crate::{
    config::{Listen, Tls},
    store::{SessionHash, Store, StoreError},
};

/// The key under which a session holds its account's number.
pub(super) const ACCOUNT: &str = "account";

/// What the session's cookie is called, and whether the browser sends it over TLS only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// The browser's side is https: bound to this host, and never sent in the clear.
    Secure,
    /// Plain http on this machine.
    Loopback,
}

impl Cookie {
    /// Every name that a session's cookie may have.
    pub const NAMES: [&'static str; 2] = [Self::Secure.name(), Self::Loopback.name()];

    /// Which one fits how people reach the console.
    #[must_use]
    pub fn for_service(listen: &Listen, public_url: Option<&Url>) -> Self {
        match listen.tls {
            Tls::Proxy(_) | Tls::Own { .. } => Self::Secure,
            Tls::Loopback if public_url.is_some_and(|url| url.scheme() == "https") => Self::Secure,
            Tls::Loopback => Self::Loopback,
        }
    }

    /// The cookie's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secure => "__Host-quarterdeck",
            Self::Loopback => "quarterdeck",
        }
    }

    /// What a screen's cookie is called.
    #[must_use]
    pub const fn screen_name(self) -> &'static str {
        match self {
            Self::Secure => "__Host-quarterdeck-wall",
            Self::Loopback => "quarterdeck-wall",
        }
    }
}

pub(super) fn layer(store: Sessions, cookie: Cookie) -> SessionManagerLayer<Sessions> {
    let hours = time::Duration::seconds(i64::try_from(SESSION.as_secs()).unwrap_or(i64::MAX));
    SessionManagerLayer::new(store)
        .with_name(cookie.name())
        .with_secure(matches!(cookie, Cookie::Secure))
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        // Counted from the last change of the session, and nothing changes it after sign-in: absolute. The store holds to it besides.
        .with_expiry(Expiry::OnInactivity(hours))
}

/// What the store knows a session by.
pub(super) fn hash(id: Id) -> SessionHash {
    Sha256::digest(id.0.to_le_bytes()).into()
}

/// The four methods that tower-sessions asks for.
#[derive(Clone, Debug)]
pub struct Sessions {
    store: Store,
}

impl Sessions {
    pub(super) const fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let account = record.data.get(ACCOUNT).and_then(serde_json::Value::as_i64);
        let account = account.ok_or_else(|| session_store::Error::Backend("a session belongs to an account".to_owned()))?;
        let data = encode(record)?;
        while !self.store.insert_session(&hash(record.id), account, &data, instant(record.expiry_date)?).await.map_err(backend)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let there = self.store.update_session(&hash(record.id), &encode(record)?, instant(record.expiry_date)?).await.map_err(backend)?;
        if there { Ok(()) } else { Err(session_store::Error::Backend("the session has ended".to_owned())) }
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let Some((data, expires_at)) = self.store.session(&hash(*id)).await.map_err(backend)? else { return Ok(None) };
        let data = serde_json::from_str(&data).map_err(|err| session_store::Error::Decode(err.to_string()))?;
        let expiry_date =
            OffsetDateTime::from_unix_timestamp(expires_at.timestamp()).map_err(|err| session_store::Error::Decode(err.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.store.delete_session(&hash(*id)).await.map_err(backend)
    }
}

fn encode(record: &Record) -> session_store::Result<String> {
    serde_json::to_string(&record.data).map_err(|err| session_store::Error::Encode(err.to_string()))
}

fn instant(at: OffsetDateTime) -> session_store::Result<DateTime<Utc>> {
    DateTime::from_timestamp(at.unix_timestamp(), at.nanosecond())
        .ok_or_else(|| session_store::Error::Encode("an expiry out of range".to_owned()))
}

fn backend(err: StoreError) -> session_store::Error {
    session_store::Error::Backend(err.to_string())
}
