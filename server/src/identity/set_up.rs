//! The first administrator: a one-time link, printed when the console starts and nobody has an account.

use std::{net::IpAddr, time::Duration};

use app::model::Role;
use sha2::{Digest, Sha256};
use tower_sessions::Session;
use url::Url;

use super::{Caller, Identity, NAME_HINT, SignInRefused, account_name, password_fault};
use crate::{
    audit::{Actor, Event, Record},
    config::Secret,
    store::{NewAccount, SessionOwner, SetUp, StoreError, TokenHash},
};

/// How long the link works: an installation is finished on the day that it is begun, and the next start prints another.
const LIVES: Duration = Duration::from_secs(24 * 60 * 60);

/// Why no administrator was made.
#[derive(Debug)]
pub enum SetUpRefused {
    /// What is wrong with what was typed, by field ("name", "password").
    Fields(Vec<(String, String)>),
    /// The link is unknown, used, or too old, or somebody has an account already.
    LinkSpent,
    /// As at sign-in. With [`SignInRefused::StoreAway`] after the account was made: sign in with it.
    NotSignedIn(SignInRefused),
}

impl<E: Into<SignInRefused>> From<E> for SetUpRefused {
    fn from(err: E) -> Self {
        Self::NotSignedIn(err.into())
    }
}

impl Identity {
    /// The one-time link, under `base`; none where somebody has an account. The one before it ends.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn set_up_link(&self, base: &Url) -> Result<Option<Url>, StoreError> {
        if self.inner.store.has_accounts().await? {
            return Ok(None);
        }
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        if !self.inner.store.keep_set_up_token(&hash(&token), LIVES).await? {
            return Ok(None);
        }
        let mut link = base.clone();
        link.set_path("/set-up");
        link.set_query(Some(&format!("token={token}")));
        Ok(Some(link))
    }

    /// Whether the link would work now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn set_up_works(&self, token: &str) -> Result<bool, StoreError> {
        self.inner.store.set_up_token_works(&hash(token)).await
    }

    /// Spends the link: makes the first administrator and signs them in.
    ///
    /// # Errors
    /// With what to mend; the link is spent only by success.
    pub async fn set_up(
        &self,
        session: &Session,
        address: IpAddr,
        agent: &str,
        token: &str,
        name: &str,
        password: Secret,
    ) -> Result<Caller, SetUpRefused> {
        if !self.inner.attempts.take(address) {
            return Err(SignInRefused::TooMany.into());
        }
        let mut faults = Vec::new();
        let name = account_name(name).unwrap_or_else(|| {
            faults.push(("name".to_owned(), format!("Write {NAME_HINT}.")));
            String::new()
        });
        if let Some(fault) = password_fault(&name, &password) {
            faults.push(("password".to_owned(), fault));
        }
        if !faults.is_empty() {
            return Err(SetUpRefused::Fields(faults));
        }
        // Hashing is dear, so a link that does not work is told first.
        if !self.set_up_works(token).await? {
            return Err(SetUpRefused::LinkSpent);
        }
        let password_hash = self.inner.passwords.hash(password).await?;
        let account = NewAccount { name: &name, password_hash: &password_hash, role: Role::Admin };
        match self.inner.store.set_up(&hash(token), &account).await? {
            SetUp::LinkSpent => Err(SetUpRefused::LinkSpent),
            SetUp::Made(account) => {
                let event = Event::SignedIn { address: address.to_string() };
                self.inner.store.record(&Record::new(Actor::Account(name.clone()), event)).await?;
                Ok(self.inner.open(session, SessionOwner { account, name, role: Role::Admin }, address, agent).await?)
            }
        }
    }
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
