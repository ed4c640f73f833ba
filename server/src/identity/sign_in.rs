//! Signing in and out. Every try is in the audit; an unknown name takes as long as a wrong password and is told the same.

use std::net::IpAddr;

use tower_sessions::Session;

use super::{
    ADDRESS, BROWSER, Caller, Identity, Inner, PasswordFault, account_name, browser,
    limits::{WINDOW, network, too_many},
    sessions,
};
use crate::{
    audit::{Actor, Event, Record, SignInFault},
    config::Secret,
    store::{Account, SessionOwner, StoreError},
};

/// Why somebody is not signed in, in words for them.
#[derive(Debug, thiserror::Error)]
pub enum SignInRefused {
    /// Name or password, and which of them is not told.
    #[error("Name or password is wrong.")]
    Wrong,
    /// Too many tries on this name or from this address.
    #[error("Too many tries failed. Wait a quarter of an hour, or ask an administrator.")]
    TooMany,
    /// Too many people sign in at this moment.
    #[error("Too many people are signing in at this moment. Try again.")]
    Busy,
    /// The store does not answer, so nobody can be told apart.
    #[error("The console's own store does not answer, so nobody can sign in. Whoever is signed in may go on reading.")]
    StoreAway,
    /// The fault is ours; it is in the log.
    #[error("Something failed in the console. Try again.")]
    Broken,
}

impl SignInRefused {
    /// The code that forms and the audit share.
    #[must_use]
    pub const fn code(&self) -> app::model::Code {
        use app::model::Code;
        match self {
            Self::Wrong => Code::Refused,
            Self::TooMany | Self::Busy => Code::TooMany,
            Self::StoreAway => Code::StoreUnavailable,
            Self::Broken => Code::Internal,
        }
    }
}

impl From<StoreError> for SignInRefused {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::Unavailable => Self::StoreAway,
            StoreError::Busy => Self::Busy,
            StoreError::FenceMoved(_) | StoreError::Unreadable(_) | StoreError::Refused(_) => {
                tracing::error!(error = %err, "A sign-in failed at the store");
                Self::Broken
            }
        }
    }
}

impl From<PasswordFault> for SignInRefused {
    fn from(fault: PasswordFault) -> Self {
        match fault {
            PasswordFault::Busy => Self::Busy,
            PasswordFault::Broken(_) => {
                tracing::error!(error = %fault, "A password could not be checked");
                Self::Broken
            }
        }
    }
}

impl From<tower_sessions::session::Error> for SignInRefused {
    fn from(err: tower_sessions::session::Error) -> Self {
        tracing::error!(error = %err, "A session could not be kept");
        Self::StoreAway
    }
}

impl Identity {
    /// Signs somebody in: under a new session id, with an audit event that is durable before the session is. `agent` is what the browser
    /// calls itself, for the list of sessions.
    ///
    /// # Errors
    /// In words for the person; nothing but [`SignInRefused::TooMany`] tells what was wrong.
    pub async fn sign_in(
        &self,
        session: &Session,
        address: IpAddr,
        agent: &str,
        name: &str,
        password: Secret,
    ) -> Result<Caller, SignInRefused> {
        let account = self.inner.check(address, name, password).await?;
        let record = Record::new(Actor::Account(account.name.clone()), Event::SignedIn { address: address.to_string() });
        self.inner.store.record(&record).await?;
        let owner = SessionOwner { account: account.id, name: account.name.clone(), role: account.role };
        let caller = self.inner.open(session, owner, address, agent).await?;
        // A change of the account ends the sessions that there are: one that came after the password was checked and before this session was
        // there would have missed it.
        let why = match self.inner.store.account(&account.name).await {
            Ok(Some(now)) if now.password_hash == account.password_hash && !now.disabled => return Ok(caller),
            Ok(Some(now)) if now.disabled => Ok(SignInFault::Disabled),
            Ok(Some(_)) => Ok(SignInFault::WrongPassword),
            Ok(None) => Ok(SignInFault::NoSuchAccount),
            Err(err) => Err(err),
        };
        self.inner.remembered.forget(&caller.session);
        session.flush().await?;
        self.inner.note_failure(Some(account.name), why?, address).await?;
        Err(SignInRefused::Wrong)
    }

    /// Signs somebody out: the session is gone from the store, and every stream of it ends.
    ///
    /// # Errors
    /// When the store does not answer: then the session may go on.
    pub async fn sign_out(&self, session: &Session, caller: &Caller) -> Result<(), SignInRefused> {
        self.inner.store.record(&Record::new(Actor::Account(caller.name.clone()), Event::SignedOut {})).await?;
        session.flush().await?;
        self.inner.remembered.forget(&caller.session);
        self.inner.watched.end(&caller.session);
        Ok(())
    }
}

impl Inner {
    /// Whose name and password these are.
    pub(super) async fn check(&self, address: IpAddr, name: &str, password: Secret) -> Result<Account, SignInRefused> {
        if !self.attempts.take(address) {
            return Err(SignInRefused::TooMany);
        }
        let name = account_name(name);
        // What is counted for a text that can be nobody's name; no account has it.
        let subject = name.clone().unwrap_or_else(|| "(no name)".to_owned());
        let network = network(address).to_string();
        // The turn is held from the count to the next count, so that many guesses at once are not all let through by the same count.
        let _turn = self.passwords.turn().await?;
        if too_many(self.store.sign_in_failures(&subject, &network, WINDOW).await?) {
            return Err(SignInRefused::TooMany);
        }
        let account = self.store.account(&subject).await?;
        let kept = account.as_ref().map(|account| account.password_hash.clone());
        let fits = self.passwords.fits(password, kept).await?;
        let (why, account) = match account {
            Some(account) if fits && !account.disabled => {
                self.store.forget_sign_in_failures(&account.name).await?;
                return Ok(account);
            }
            Some(account) if account.disabled => (SignInFault::Disabled, Some(account.name)),
            Some(account) => (SignInFault::WrongPassword, Some(account.name)),
            None => (SignInFault::NoSuchAccount, None),
        };
        self.store.count_sign_in_failure(&subject, &network).await?;
        self.note_failure(account.clone(), why, address).await?;
        if too_many(self.store.sign_in_failures(&subject, &network, WINDOW).await?) {
            self.note_failure(account, SignInFault::TooMany, address).await?;
        }
        Err(SignInRefused::Wrong)
    }

    async fn note_failure(&self, account: Option<String>, why: SignInFault, address: IpAddr) -> Result<(), StoreError> {
        let event = Event::SignInFailed { account, why, address: address.to_string() };
        self.store.record(&Record::new(Actor::Nobody, event)).await.map(|_| ())
    }

    /// Gives the browser a session of its own: what it had before is gone.
    pub(super) async fn open(&self, session: &Session, owner: SessionOwner, address: IpAddr, agent: &str) -> Result<Caller, SignInRefused> {
        session.cycle_id().await?;
        session.insert(sessions::ACCOUNT, owner.account.get()).await?;
        session.insert(ADDRESS, address.to_string()).await?;
        session.insert(BROWSER, browser::words(agent)).await?;
        session.save().await?;
        let id = session.id().map(sessions::hash).ok_or(SignInRefused::Broken)?;
        self.remembered.keep(id, owner.clone(), self.clock.now());
        Ok(Caller::new(id, owner, true))
    }
}
