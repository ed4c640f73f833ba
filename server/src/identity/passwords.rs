//! Passwords and names: what they must have, and how they are kept.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::config::Secret;

/// How many passwords are hashed at once: each takes 19 MiB and a whole core.
const AT_ONCE: usize = 2;

/// How long somebody waits for their turn.
const TURN: Duration = Duration::from_secs(3);

/// The fewest characters of a password (NIST SP 800-63B asks for 15 where nothing stands beside it, OWASP for 12 at the least).
const SHORTEST: usize = 12;
/// The most bytes: more is not a password but work for the processor.
const LONGEST: usize = 512;

/// What a password must have, beside its field.
pub const PASSWORD_HINT: &str = "at least 12 characters; a few words make a good one";

/// What a name must have, beside its field.
pub const NAME_HINT: &str = "lower case letters, digits, `.`, `_`, `@` and `-`, at most 64, beginning with a letter or digit";

/// A name as it is kept: in lower case. `None`: it cannot be one.
#[must_use]
pub fn account_name(typed: &str) -> Option<String> {
    let name = typed.trim().to_lowercase();
    let sound = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'@' | b'-'))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !matches!(name.as_str(), "console" | "nobody");
    sound.then_some(name)
}

/// What is wrong with a new password, for the person who chose it.
#[must_use]
pub fn password_fault(name: &str, password: &Secret) -> Option<String> {
    let text = password.reveal();
    if text.chars().count() < SHORTEST {
        Some(format!("Choose one with at least {SHORTEST} characters."))
    } else if text.len() > LONGEST {
        Some(format!("Choose one with at most {LONGEST} bytes."))
    } else if !name.is_empty() && text.to_lowercase() == name.repeat(text.len() / name.len()) {
        Some("Choose one that is not the name.".to_owned())
    } else {
        None
    }
}

/// Why a password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordFault {
    /// Too many sign-ins at once.
    #[error("too many sign-ins at once; try again in a moment")]
    Busy,
    /// The machine or the stored hash is broken.
    #[error("a password could not be hashed: {0}")]
    Broken(String),
}

/// Hashes and checks passwords, off the async threads, a few at a time.
#[derive(Debug)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    /// Nobody's password: checked in place of an account's that is not there, so that both take as long.
    nobody: Secret,
}

impl Passwords {
    pub(super) fn new() -> Result<Self, PasswordFault> {
        let nobody = hash_password(&Secret::new(uuid::Uuid::new_v4().to_string()))?;
        Ok(Self { turns: Arc::new(Semaphore::new(AT_ONCE)), nobody })
    }

    /// Waits for a turn. While it is held, nobody else of this turn guesses.
    pub(super) async fn turn(&self) -> Result<tokio::sync::OwnedSemaphorePermit, PasswordFault> {
        match tokio::time::timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(PasswordFault::Busy),
        }
    }

    /// Whether `password` is the one that `kept` was made of. Without one, takes as long and says no.
    pub(super) async fn fits(&self, password: Secret, kept: Option<Secret>) -> Result<bool, PasswordFault> {
        let there = kept.is_some();
        let kept = kept.unwrap_or_else(|| self.nobody.clone());
        let fits = off_thread(move || {
            // An over-long one is cut, not refused: a refusal would be quicker.
            let bytes = password.reveal().as_bytes();
            let hash = PasswordHash::new(kept.reveal()).map_err(|err| PasswordFault::Broken(err.to_string()))?;
            Ok(Argon2::default().verify_password(&bytes[..bytes.len().min(LONGEST + 1)], &hash).is_ok())
        })
        .await?;
        Ok(fits && there)
    }

    /// Hashes a new password.
    pub(super) async fn hash(&self, password: Secret) -> Result<Secret, PasswordFault> {
        let _turn = self.turn().await?;
        off_thread(move || hash_password(&password)).await
    }
}

/// argon2id with OWASP's first choice of parameters (19 MiB, two passes), in PHC form. Takes tens of milliseconds of a whole core.
///
/// # Errors
/// When the machine gives no random numbers.
pub fn hash_password(password: &Secret) -> Result<Secret, PasswordFault> {
    Argon2::default()
        .hash_password(password.reveal().as_bytes())
        .map(|hash| Secret::new(hash.to_string()))
        .map_err(|err| PasswordFault::Broken(err.to_string()))
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T, PasswordFault> + Send + 'static) -> Result<T, PasswordFault> {
    tokio::task::spawn_blocking(work).await.map_err(|err| PasswordFault::Broken(err.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_nobody_fits_none() {
        let passwords = Passwords::new().unwrap_or_else(|err| panic!("{err}"));
        let right = || Secret::new("correct horse battery");
        let kept = passwords.hash(right()).await.unwrap_or_else(|err| panic!("{err}"));
        assert!(kept.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.reveal());
        assert!(passwords.fits(right(), Some(kept.clone())).await.is_ok_and(|fits| fits));
        assert!(passwords.fits(Secret::new("wrong"), Some(kept)).await.is_ok_and(|fits| !fits));
        assert!(passwords.fits(right(), None).await.is_ok_and(|fits| !fits));
    }

    #[test]
    fn a_weak_password_is_told_why() {
        let fault = |name: &str, password: &str| password_fault(name, &Secret::new(password));
        assert!(fault("anna", "short").is_some());
        assert!(fault("anna", "annaannaanna").is_some());
        assert!(fault("anna", &"x".repeat(LONGEST + 1)).is_some());
        assert_eq!(fault("anna", "ein langer Satz"), None);
        assert_eq!(fault("", "ein langer Satz"), None);
    }

    #[test]
    fn names_are_words_that_can_be_read_aloud() {
        assert_eq!(account_name(" Anna.Lee "), Some("anna.lee".to_owned()));
        for name in ["", "console", "nobody", "-x", "a b", "ünder", "<b>", &"x".repeat(65)] {
            assert_eq!(account_name(name), None, "{name}");
        }
    }
}
