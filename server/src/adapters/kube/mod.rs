//! Kubernetes: what is watched of each cluster, and the few changes that are made to it.
//!
//! Watching keeps compact records of our own, made from types with only the fields that we judge by. Nothing here judges more than one
//! object: that is for probes and pages. Two credentials, two doors: [`ClusterWatch`] never changes anything.

mod access;
mod act;
mod fault;
mod follow;
mod link;
mod names;
pub mod quantity;
mod records;
mod source;
mod state;
mod table;
pub mod text;
mod usage;
mod watch;
mod wire;

use std::collections::BTreeMap;

use app::model::SystemId;

pub use self::{
    act::{ClusterAct, LiveAutoscaler, LiveDeployment, ReadFault, WriteFault, marker},
    link::{Failing, Pulse},
    names::Name,
    records::*,
    source::{Source, Watch},
    state::State,
    table::{Key, Record, Table},
    usage::UsageStatus,
    watch::{ClusterWatch, Look, NotSeen},
};
use crate::{clock::SharedClock, config::Estate};

/// Every cluster of the estate, by name.
#[derive(Default)]
pub struct Clusters {
    watches: BTreeMap<String, ClusterWatch>,
    acts: BTreeMap<String, ClusterAct>,
}

impl Clusters {
    /// Starts to watch every cluster of the estate. Returns at once, whether they answer or not. Needs a tokio runtime.
    #[must_use]
    pub fn start(estate: &Estate, clock: &SharedClock) -> Self {
        let watches = estate.clusters.iter().map(|(name, cluster)| (name.clone(), ClusterWatch::start(name, cluster, clock.clone())));
        let acts = estate.clusters.iter().filter_map(|(name, cluster)| Some((name.clone(), ClusterAct::new(name, cluster.act.clone()?))));
        Self { watches: watches.collect(), acts: acts.collect() }
    }

    /// The watch of that cluster.
    #[must_use]
    pub fn watch(&self, cluster: &str) -> Option<&ClusterWatch> {
        self.watches.get(cluster)
    }

    /// The watch that knows about `system`.
    ///
    /// # Errors
    /// When it lives in no cluster or namespace that is watched.
    pub fn of(&self, system: &SystemId) -> Result<&ClusterWatch, NotSeen> {
        let cluster = system.cluster().ok_or_else(|| NotSeen(format!("{system} does not live in a cluster")))?;
        let watch = self.watch(cluster).ok_or_else(|| NotSeen(format!("The cluster {cluster} is not in the estate file")))?;
        match system.namespace() {
            Some(namespace) if !watch.watches_namespace(namespace) => {
                Err(NotSeen(format!("The namespace {namespace} is not among the watched ones of {cluster}")))
            }
            _ => Ok(watch),
        }
    }

    /// The door through which that cluster is changed; none without an acting credential.
    #[must_use]
    pub fn act(&self, cluster: &str) -> Option<&ClusterAct> {
        self.acts.get(cluster)
    }

    /// Every watch, by name.
    pub fn watches(&self) -> impl Iterator<Item = &ClusterWatch> {
        self.watches.values()
    }
}
