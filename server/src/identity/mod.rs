//! Who is asking: local accounts, sessions, screens, limits on sign-in.
//!
//! Each request asks the store whose session it carries, so that a session that was ended, an account that was disabled and a role that was
//! changed are seen at once. While the store is away, a session that it confirmed within the last 15 minutes may read and change nothing.

mod accounts;
mod address;
mod asking;
mod browser;
mod devices;
mod limits;
mod passwords;
mod remembered;
mod same_origin;
mod sessions;
mod set_up;
mod sign_in;
mod watch;

use std::{net::IpAddr, sync::Arc, time::Duration};

use app::model::Role;
use axum::http::HeaderMap;
use tower_sessions::{Session, SessionManagerLayer};
use url::Url;

use crate::{
    clock::SharedClock,
    config::Listen,
    store::{AccountId, DeviceOwner, SessionHash, SessionOwner, Store},
};

use self::{
    asking::Asking,
    limits::{Attempts, TypedCodes},
    passwords::Passwords,
    remembered::Remembered,
    watch::Watched,
};

pub use self::{
    accounts::{ADDRESS, AccountRefused, BROWSER, LinkRefused, PASSWORD_LINK_LIVES, PasswordRefused},
    devices::{Confirmed, LINK_LIVES, NewLink, Screen, ScreenCaller, Waiting, device_link, device_name},
    passwords::{NAME_HINT, PASSWORD_HINT, PasswordFault, account_name, hash_password, password_fault},
    same_origin::same_origin,
    sessions::{Cookie, Sessions},
    set_up::SetUpRefused,
    sign_in::SignInRefused,
    watch::Looking,
};

/// How long a session lasts, however much it is used: a long shift.
pub const SESSION: Duration = Duration::from_secs(12 * 60 * 60);

/// How long a session that the store confirmed may still read while the store is away.
pub const REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// How long a screen that the store confirmed may still look while the store is away: a shift. It changes nothing and sees one page, and a
/// wall that goes dark in the middle of an outage is worth less than one that was revoked in it and looks on.
pub const SCREEN_REMEMBERED: Duration = Duration::from_secs(12 * 60 * 60);

/// SHA-256 of what a browser keeps in a cookie.
type Hash = [u8; 32];

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether the store has just confirmed the session. If not, it is away, and this caller may read and change nothing.
    pub fresh: bool,
    session: SessionHash,
}

impl Caller {
    fn new(session: SessionHash, owner: SessionOwner, fresh: bool) -> Self {
        Self { account: owner.account, name: owner.name, role: owner.role, fresh, session }
    }
}

/// Tells who is asking. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Identity {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: SharedClock,
    cookie: Cookie,
    proxy: Option<IpAddr>,
    asking: Asking,
    passwords: Passwords,
    attempts: Attempts,
    codes: Attempts,
    typed_codes: TypedCodes,
    remembered: Remembered<SessionOwner>,
    watched: Watched<SessionOwner>,
    remembered_screens: Remembered<DeviceOwner>,
    watched_screens: Watched<DeviceOwner>,
}

impl Identity {
    /// Puts it together and starts to watch for sessions that end. `public_url` is the address at which people reach the console.
    ///
    /// # Errors
    /// When the machine gives no random numbers.
    pub fn new(store: Store, clock: SharedClock, listen: &Listen, public_url: Option<&Url>) -> Result<Self, PasswordFault> {
        let inner = Arc::new(Inner {
            asking: Asking::start(store.clone()),
            store,
            clock,
            cookie: Cookie::for_service(listen, public_url),
            proxy: address::proxy(listen),
            passwords: Passwords::new()?,
            attempts: Attempts::new(),
            codes: Attempts::of_codes(),
            typed_codes: TypedCodes::new(),
            remembered: Remembered::new(REMEMBERED),
            watched: Watched::new(REMEMBERED),
            remembered_screens: Remembered::new(SCREEN_REMEMBERED),
            watched_screens: Watched::new(SCREEN_REMEMBERED),
        });
        tokio::spawn(watch::run(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// The layer that reads and writes the session's cookie; it must be outside of whatever calls [`Identity::caller`].
    #[must_use]
    pub fn layer(&self) -> SessionManagerLayer<Sessions> {
        sessions::layer(Sessions::new(self.inner.store.clone()), self.inner.cookie)
    }

    /// Whose session this is; nobody's where there is no good one.
    pub async fn caller(&self, session: Option<&Session>) -> Option<Caller> {
        let session = session?.id()?;
        self.inner.caller(sessions::hash(session)).await
    }

    /// From where a request came: the peer, or what the trusted proxy says.
    #[must_use]
    pub fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        address::of(peer, headers, self.inner.proxy)
    }

    /// A stream of this session: to be held while it is read. It ends within a second of the session's end, of its account being disabled, or
    /// of its role being changed, while the store answers; [`REMEMBERED`] after its last answer while it does not.
    #[must_use]
    pub fn looks(&self, caller: &Caller) -> Looking {
        let owner = SessionOwner { account: caller.account, name: caller.name.clone(), role: caller.role };
        let confirmed = self.inner.remembered.confirmed(&caller.session).unwrap_or_else(|| self.inner.clock.now());
        self.inner.watched.add(caller.session, owner, confirmed)
    }
}

impl Inner {
    /// Forgets what the limits remember of addresses that have been quiet.
    fn tidy(&self) {
        self.attempts.tidy();
        self.codes.tidy();
    }

    async fn caller(&self, session: SessionHash) -> Option<Caller> {
        match self.asking.owner(session).await {
            Ok(Some(owner)) => {
                self.remembered.keep(session, owner.clone(), self.clock.now());
                Some(Caller::new(session, owner, true))
            }
            Ok(None) => {
                self.remembered.forget(&session);
                None
            }
            Err(err) => {
                let remembered = self.remembered.recall(&session, self.clock.now());
                if remembered.is_none() {
                    tracing::warn!(error = %err, "A session could not be confirmed and was not seen lately; its owner is treated as signed out");
                }
                remembered.map(|owner| Caller::new(session, owner, false))
            }
        }
    }
}

/// A path of this console to go to after sign-in; anything that leads elsewhere is the overview.
#[must_use]
pub fn inside(next: &str) -> &str {
    let leads_out = next.starts_with("//") || next.contains(['\\', '\r', '\n', '\t']);
    if next.starts_with('/') && !leads_out { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn sign_in_leads_nowhere_else() {
        for next in ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", ""] {
            assert_eq!(inside(next), "/", "{next}");
        }
        assert_eq!(inside("/runs/7?x=1"), "/runs/7?x=1");
    }
}
