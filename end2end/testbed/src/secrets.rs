//! The bed's passwords: drawn anew for each bed, never shown by `Debug`.

use std::fmt;

use rand::{Rng, distr::Alphanumeric};
use serde::{Deserialize, Serialize};

/// Letters and digits only, so that no file format or URL needs to quote one.
const LENGTH: usize = 24;

/// A password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    fn draw() -> Secret {
        Secret(rand::rng().sample_iter(Alphanumeric).take(LENGTH).map(char::from).collect())
    }

    /// The password itself, for a configuration file or a connection.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Every password of one bed, by what it opens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Secrets {
    /// Superuser of the console's own PostgreSQL.
    pub store_superuser: Secret,
    /// Owner of the console's database.
    pub store_owner: Secret,
    /// The console's run-time role.
    pub store_app: Secret,
    /// Superuser of the estate's PostgreSQL.
    pub pg_superuser: Secret,
    /// Role that replicas stream with.
    pub pg_replication: Secret,
    /// Role that pg_rewind uses.
    pub pg_rewind: Secret,
    /// AIA's own role.
    pub pg_app: Secret,
    /// The console's role for looking.
    pub pg_watch: Secret,
    /// The console's role for dumps.
    pub pg_backup: Secret,
    /// Patroni's interface.
    pub patroni: Secret,
    /// Full rights on the caches and Sentinels, for witnesses.
    pub redis_admin: Secret,
    /// AIA's own user.
    pub redis_app: Secret,
    /// User that replicas stream with.
    pub redis_replica: Secret,
    /// User that Sentinels watch the caches with.
    pub redis_sentinel: Secret,
    /// User that Sentinels talk to each other with.
    pub sentinel_peer: Secret,
    /// The console's user for looking, on caches and Sentinels.
    pub redis_watch: Secret,
    /// The console's user for failing over, on caches and Sentinels.
    pub redis_act: Secret,
    /// Access key of the object store.
    pub objects_access: Secret,
    /// Secret key of the object store.
    pub objects_secret: Secret,
}

impl Secrets {
    /// Fresh passwords for a new bed.
    pub fn draw() -> Secrets {
        Secrets {
            store_superuser: Secret::draw(),
            store_owner: Secret::draw(),
            store_app: Secret::draw(),
            pg_superuser: Secret::draw(),
            pg_replication: Secret::draw(),
            pg_rewind: Secret::draw(),
            pg_app: Secret::draw(),
            pg_watch: Secret::draw(),
            pg_backup: Secret::draw(),
            patroni: Secret::draw(),
            redis_admin: Secret::draw(),
            redis_app: Secret::draw(),
            redis_replica: Secret::draw(),
            redis_sentinel: Secret::draw(),
            sentinel_peer: Secret::draw(),
            redis_watch: Secret::draw(),
            redis_act: Secret::draw(),
            objects_access: Secret::draw(),
            objects_secret: Secret::draw(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password_and_two_beds_share_none() {
        let (first, second) = (Secrets::draw(), Secrets::draw());
        assert!(!format!("{first:?}").contains(first.pg_app.reveal()));
        assert_ne!(first.pg_app, second.pg_app);
    }
}
