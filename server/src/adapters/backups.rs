//! The backups of one database, as their store holds them: a dump, a manifest beside it, and what later verifications found.
//!
//! The manifests are the truth; nothing about a backup is known only to the console's own store. Whoever may write into the bucket may write
//! manifests, so each is checked against the dump that it speaks of, and one that does not hold is shown and never counted.

mod catalog;
mod manifest;
mod names;

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};

pub use self::{
    catalog::{Backup, Catalog, Standing},
    manifest::{Distrust, FORMAT, Manifest, VERSION, Verdict, Verification},
    names::Names,
};
use super::object_store::{ObjectStore, StoreFault};

/// The backups of one database.
pub struct Backups {
    database: String,
    store: Arc<ObjectStore>,
    last: RwLock<Option<Arc<Catalog>>>,
}

impl Backups {
    /// Never waits.
    #[must_use]
    pub fn new(database: &str, store: Arc<ObjectStore>) -> Self {
        Self { database: database.to_owned(), store, last: RwLock::default() }
    }

    /// Where they are.
    #[must_use]
    pub fn store(&self) -> &ObjectStore {
        &self.store
    }

    /// Reads what is there now, and keeps it for [`Backups::last`].
    ///
    /// # Errors
    /// When the store does not answer or refuses.
    pub async fn read(&self, now: DateTime<Utc>) -> Result<Arc<Catalog>, StoreFault> {
        let catalog = Arc::new(catalog::read(&self.store, &self.database, now).await?);
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(catalog.clone());
        Ok(catalog)
    }

    /// What was read last, for pages: how old it is, its probe tells.
    #[must_use]
    pub fn last(&self) -> Option<Arc<Catalog>> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
