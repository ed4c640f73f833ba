//! `quarterdeck migrate`: the schema and the run-time role, as the owner.

use super::{Words, words};
use crate::{
    config::{self, OwnerConfig},
    store,
};

pub(super) async fn migrate() -> Result<(), Words> {
    let config = OwnerConfig::from_env(&config::variable).map_err(|faults| faults.to_string())?;
    let version = store::migrate(&config.owner_url, &config.database_url).await.map_err(|err| words(&err))?;
    println!("The store's schema is version {version}, and the run-time role has its rights.");
    Ok(())
}
