//! The system accounts that parts of the bed run as.
//!
//! PostgreSQL refuses to run as root, so a bed started by root gives each service its own
//! account. A bed started by anyone else runs everything as that person.

use std::{os::unix::fs::chown, path::Path, process::Command};

use crate::error::{Doing, Error, Result};

/// Whom a process runs as and who owns its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account(Option<Ids>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ids {
    user: u32,
    group: u32,
}

impl Account {
    /// Whoever started the bed.
    pub const STARTER: Account = Account(None);

    /// The account of this name when root starts the bed, else [`Account::STARTER`].
    pub fn of_service(name: &str, package: &str) -> Result<Account> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Account::STARTER);
        }
        let answer = Command::new("getent").args(["passwd", name]).output().doing(|| format!("look up the account {name}"))?;
        let line = String::from_utf8_lossy(&answer.stdout).into_owned();
        let mut fields = line.trim().split(':').skip(2).map_while(|field| field.parse().ok());
        match (fields.next(), fields.next()) {
            (Some(user), Some(group)) => Ok(Account(Some(Ids { user, group }))),
            _ => Err(Error::NotInstalled { program: format!("the account {name}"), package: package.to_owned() }),
        }
    }

    /// The user and group to change to, or nothing when the process stays as it is.
    pub fn ids(self) -> Option<(u32, u32)> {
        self.0.map(|ids| (ids.user, ids.group))
    }

    /// Gives a file or folder to this account.
    pub fn own(self, path: &Path) -> Result<()> {
        match self.0 {
            None => Ok(()),
            Some(ids) => chown(path, Some(ids.user), Some(ids.group)).doing(|| format!("give {} to user {}", path.display(), ids.user)),
        }
    }
}
