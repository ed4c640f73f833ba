//! Keeping accounts: one's own password, and for administrators the accounts and sessions of all.

use std::{net::IpAddr, time::Duration};

use app::model::Role;
use sha2::{Digest, Sha256};

use super::{Caller, Identity, NAME_HINT, SignInRefused, account_name, password_fault};
use crate::{
    audit::Actor,
    config::Secret,
    store::{AccountId, Invited, SessionHash, StoreError, TokenHash},
};

/// How long a link by which a password is set works: it is sent in the evening and opened in the morning.
pub const PASSWORD_LINK_LIVES: Duration = Duration::from_secs(24 * 60 * 60);

/// The key under which a session holds from where its sign-in came.
pub const ADDRESS: &str = "address";
/// The key under which a session holds in which browser it began, in words.
pub const BROWSER: &str = "browser";

/// Why a password was not changed.
#[derive(Debug)]
pub enum PasswordRefused {
    /// What is wrong with what was typed, by field ("current", "password", "again").
    Fields(Vec<(String, String)>),
    /// As at sign-in.
    NotNow(SignInRefused),
}

/// Why no password was set by a link.
#[derive(Debug)]
pub enum LinkRefused {
    /// What is wrong with what was typed, by field ("password", "again").
    Fields(Vec<(String, String)>),
    /// The link is unknown, used, or too old, or its account may not sign in.
    LinkSpent,
    /// As at sign-in.
    NotNow(SignInRefused),
}

/// Why no account was made.
#[derive(Debug)]
pub enum AccountRefused {
    /// What is wrong with what was typed, by field ("name", "role").
    Fields(Vec<(String, String)>),
    /// As at sign-in.
    NotNow(SignInRefused),
}

impl<E: Into<SignInRefused>> From<E> for PasswordRefused {
    fn from(err: E) -> Self {
        Self::NotNow(err.into())
    }
}

impl<E: Into<SignInRefused>> From<E> for LinkRefused {
    fn from(err: E) -> Self {
        Self::NotNow(err.into())
    }
}

impl<E: Into<SignInRefused>> From<E> for AccountRefused {
    fn from(err: E) -> Self {
        Self::NotNow(err.into())
    }
}

fn draw() -> Secret {
    Secret::new(hex::encode(rand::random::<[u8; 32]>()))
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// What is wrong with a new password that was typed twice.
fn faults(name: &str, password: &Secret, again: &Secret) -> Vec<(String, String)> {
    let weak = password_fault(name, password).map(|fault| ("password".to_owned(), fault));
    let differs = (password != again).then(|| ("again".to_owned(), "This is not the same password.".to_owned()));
    weak.into_iter().chain(differs).collect()
}

impl Caller {
    /// The session's hash, by which the store knows it.
    #[must_use]
    pub const fn session(&self) -> &SessionHash {
        &self.session
    }
}

impl Identity {
    /// Changes one's own password. Every other session of the account ends.
    ///
    /// # Errors
    /// With what to mend. A wrong current password counts as a failed sign-in: whoever found an open browser may not guess on.
    pub async fn change_password(
        &self,
        caller: &Caller,
        address: IpAddr,
        current: Secret,
        password: Secret,
        again: &Secret,
    ) -> Result<(), PasswordRefused> {
        let faults = faults(&caller.name, &password, again);
        if !faults.is_empty() {
            return Err(PasswordRefused::Fields(faults));
        }
        match self.inner.check(address, &caller.name, current).await {
            Ok(_) => {}
            Err(SignInRefused::Wrong) => {
                let fault = ("current".to_owned(), "This is not your current password.".to_owned());
                return Err(PasswordRefused::Fields(vec![fault]));
            }
            Err(refused) => return Err(refused.into()),
        }
        let hash = self.inner.passwords.hash(password).await?;
        if self.inner.store.set_password(caller.account, &hash, &caller.session).await? { Ok(()) } else { Err(SignInRefused::Wrong.into()) }
    }

    /// Makes an account that nobody can sign in to yet; returns what stands in the link by which its password is set.
    ///
    /// # Errors
    /// With what to mend.
    pub async fn invite(&self, caller: &Caller, typed_name: &str, role: Option<Role>) -> Result<(AccountId, String), AccountRefused> {
        let mut faults = Vec::new();
        let name = account_name(typed_name);
        if name.is_none() {
            faults.push(("name".to_owned(), format!("Write {NAME_HINT}.")));
        }
        if role.is_none() {
            faults.push(("role".to_owned(), "Choose a role.".to_owned()));
        }
        let (Some(name), Some(role)) = (name, role) else { return Err(AccountRefused::Fields(faults)) };
        // Nobody has this password: until the link is used, nobody can sign in.
        let password_hash = self.inner.passwords.hash(draw()).await?;
        let token = draw();
        let invited =
            Invited { name: &name, role, password_hash: &password_hash, link: &hash(token.reveal()), link_lives: PASSWORD_LINK_LIVES };
        match self.inner.store.invite_account(&invited, Actor::Account(caller.name.clone())).await? {
            Some(id) => Ok((id, token.reveal().to_owned())),
            None => {
                let fault = format!("There is an account {name} already. Choose another name.");
                Err(AccountRefused::Fields(vec![("name".to_owned(), fault)]))
            }
        }
    }

    /// Makes a link by which an account's password is set: the account's name, and what stands in the link. `None`: there is no such
    /// account, or it may not sign in.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn password_link(&self, caller: &Caller, account: AccountId) -> Result<Option<(String, String)>, StoreError> {
        let token = draw();
        let actor = Actor::Account(caller.name.clone());
        let name = self.inner.store.make_password_link(account, &hash(token.reveal()), PASSWORD_LINK_LIVES, actor).await?;
        Ok(name.map(|name| (name, token.reveal().to_owned())))
    }

    /// Whose password a link sets.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn password_link_owner(&self, token: &str) -> Result<Option<String>, StoreError> {
        self.inner.store.password_link_owner(&hash(token)).await
    }

    /// Spends a link: sets its account's password. Every session of the account ends. Returns the account's name.
    ///
    /// # Errors
    /// With what to mend; the link is spent only by success.
    pub async fn set_password_by_link(
        &self,
        address: IpAddr,
        token: &str,
        password: Secret,
        again: &Secret,
    ) -> Result<String, LinkRefused> {
        if !self.inner.attempts.take(address) {
            return Err(SignInRefused::TooMany.into());
        }
        // Hashing is dear, so a link that does not work is told first.
        let Some(name) = self.password_link_owner(token).await? else { return Err(LinkRefused::LinkSpent) };
        let faults = faults(&name, &password, again);
        if !faults.is_empty() {
            return Err(LinkRefused::Fields(faults));
        }
        let password_hash = self.inner.passwords.hash(password).await?;
        self.inner.store.set_password_by_link(&hash(token), &password_hash).await?.ok_or(LinkRefused::LinkSpent)
    }

    /// Lets go of a session that was ended in the store: its streams end now, not with the next question.
    pub fn forget_session(&self, session: &SessionHash) {
        self.inner.remembered.forget(session);
        self.inner.watched.end(session);
    }
}
