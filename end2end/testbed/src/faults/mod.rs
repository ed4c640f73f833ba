//! What can be broken on purpose. One file each, and one line in the list here.
//!
//! A fault that was struck leaves a scar file, which says what to mend; it stands until the mending is done.

mod dns_wrong;
mod drop_sentinel;
mod endpoints;
mod expire_certificate;
mod fill_connections;
mod freeze_replica;
mod kill_primary;
mod kill_redis_master;
mod long_transaction;
mod object_store_frozen;
mod object_store_full;
mod pause_replay;
mod store_down;
mod store_frozen;

use std::{fs, pin::Pin};

use crate::{
    account::Account,
    bed::Bed,
    error::{Error, Result},
    kubernetes,
    layout::write_file,
};

/// A step of a fault under way.
pub type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// Something that can be broken and mended.
pub trait Fault: Send + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What it does, in one line.
    fn summary(&self) -> &'static str;

    /// The id of the system that it shows at; `None` for the console's own store.
    fn system(&self) -> Option<&'static str>;

    /// Breaks it and returns once it is broken; the answer names what was hit, for the mending.
    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String>;

    /// Mends what was hit and returns once it works as before.
    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()>;
}

/// Every fault.
pub fn all() -> Vec<Box<dyn Fault>> {
    let cluster = kubernetes::Fault::ALL.map(|fault| -> Box<dyn Fault> { Box::new(fault) });
    let data: [Box<dyn Fault>; 16] = [
        Box::new(kill_primary::KillPrimary),
        Box::new(freeze_replica::FreezeReplica),
        Box::new(pause_replay::PauseReplay),
        Box::new(fill_connections::FillConnections),
        Box::new(long_transaction::LongTransaction),
        Box::new(kill_redis_master::KillRedisMaster),
        Box::new(drop_sentinel::DropSentinel),
        Box::new(expire_certificate::ExpireCertificate),
        Box::new(endpoints::Unavailable),
        Box::new(endpoints::Slow),
        Box::new(endpoints::Hang),
        Box::new(store_down::StoreDown),
        Box::new(store_frozen::StoreFrozen),
        Box::new(object_store_full::ObjectStoreFull),
        Box::new(object_store_frozen::ObjectStoreFrozen),
        Box::new(dns_wrong::DnsWrong),
    ];
    data.into_iter().chain(cluster).collect()
}

impl Bed {
    /// Breaks something.
    pub async fn strike(&self, name: &str) -> Result<()> {
        let fault = named(name)?;
        let scar = self.layout().scar_file(fault.name());
        if scar.exists() {
            return Err(Error::Refused(format!("{name} is struck already; mend it first with --undo")));
        }
        let hit = fault.strike(self).await?;
        write_file(&scar, hit, Account::STARTER, 0o600)
    }

    /// Mends what [`Bed::strike`] broke.
    pub async fn mend(&self, name: &str) -> Result<()> {
        let fault = named(name)?;
        let scar = self.layout().scar_file(fault.name());
        let hit = fs::read_to_string(&scar).map_err(|_| Error::Refused(format!("{name} is not struck, so there is nothing to mend")))?;
        fault.mend(self, &hit).await?;
        fs::remove_file(&scar).map_err(|source| Error::Io { doing: format!("remove {}", scar.display()), source })
    }

    /// The names of the faults that are struck now, in the order of [`all`].
    pub fn active_faults(&self) -> Vec<&'static str> {
        all().iter().map(|fault| fault.name()).filter(|name| self.layout().scar_file(name).exists()).collect()
    }
}

fn named(name: &str) -> Result<Box<dyn Fault>> {
    let names = || all().iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ");
    all()
        .into_iter()
        .find(|fault| fault.name() == name)
        .ok_or_else(|| Error::Refused(format!("there is no fault {name}; there are: {}", names())))
}

/// What was hit, when the mending cannot read its scar.
fn unknown_hit(hit: &str) -> Error {
    Error::Refused(format!("the scar names {hit:?}, which this bed does not have"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_summaries_are_one_sentence() {
        let all = all();
        let names: BTreeSet<_> = all.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|fault| fault.summary().ends_with('.') && !fault.summary().contains('\n')));
    }

    #[test]
    fn an_unknown_fault_is_refused_with_the_known_ones() {
        let refusal = named("kill-everything").err().unwrap().to_string();
        assert!(refusal.contains("kill-everything") && refusal.contains("kill-primary"), "{refusal}");
    }
}
