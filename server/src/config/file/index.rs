//! What the sections name, whole or not: cross references are checked against this, so that one fault casts no shadow on the others.

use std::collections::{BTreeMap, BTreeSet};

use app::model::{Kind, SystemId};

use crate::config::{Cluster, Database};

/// Every name that the file gives to a system.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: BTreeMap<Kind, BTreeSet<String>>,
    clusters: BTreeMap<String, Option<Cluster>>,
    /// Databases whose lead cannot be moved from here, for want of a credential.
    fixed: BTreeSet<String>,
    /// Systems on which nothing can be done, with what the estate file lacks for it.
    passive: BTreeMap<(Kind, String), &'static str>,
    stores: BTreeSet<String>,
    /// Kinds of which a name could not be read: there may be more than we know.
    open: BTreeSet<Kind>,
}

/// Why a system is none of this estate.
pub(super) enum Missing<'a> {
    /// Nothing has that name; these have one.
    Name(Vec<&'a str>),
    /// The cluster does not watch that namespace.
    Namespace,
}

impl Index {
    pub(super) fn add(&mut self, kind: Kind, name: &str) {
        self.names.entry(kind).or_default().insert(name.to_owned());
    }

    pub(super) fn add_cluster(&mut self, name: &str, cluster: Option<Cluster>) {
        self.add(Kind::Cluster, name);
        self.clusters.insert(name.to_owned(), cluster);
    }

    pub(super) fn add_database(&mut self, name: &str, database: Option<&Database>) {
        self.add(Kind::Database, name);
        if database.is_some_and(|database| database.patroni_act.is_none()) {
            self.fixed.insert(name.to_owned());
        }
    }

    /// The databases whose lead cannot be moved from here.
    pub(super) fn fixed(&self) -> impl Iterator<Item = &str> {
        self.fixed.iter().map(String::as_str)
    }

    /// Notes that nothing can be done on a system, and what to add so that it can.
    pub(super) fn add_passive(&mut self, kind: Kind, name: &str, lacks: &'static str) {
        self.passive.insert((kind, name.to_owned()), lacks);
    }

    /// What the estate file lacks for doing something on a system.
    pub(super) fn lacking(&self, system: &SystemId) -> Option<&'static str> {
        self.passive.get(&(system.kind(), system.name().to_owned())).copied()
    }

    pub(super) fn add_store(&mut self, name: &str) {
        self.stores.insert(name.to_owned());
    }

    /// The names of the object stores.
    pub(super) fn stores(&self) -> impl Iterator<Item = &str> {
        self.stores.iter().map(String::as_str)
    }

    /// Notes that a name of that kind could not be read.
    pub(super) fn add_unreadable(&mut self, kind: Kind) {
        self.open.insert(kind);
    }

    /// Why `id` is no system of this estate; `None` if it is, or may be.
    pub(super) fn missing(&self, id: &SystemId) -> Option<Missing<'_>> {
        let (kind, name) = match id.cluster() {
            Some(cluster) => (Kind::Cluster, cluster),
            None => (id.kind(), id.name()),
        };
        if self.open.contains(&kind) {
            return None;
        }
        let known = self.names.get(&kind);
        if !known.is_some_and(|known| known.contains(name)) {
            return Some(Missing::Name(known.into_iter().flatten().map(String::as_str).collect()));
        }
        let namespace = id.namespace()?;
        let cluster = self.clusters.get(name)?.as_ref()?;
        (!cluster.namespaces.iter().any(|known| known == namespace)).then_some(Missing::Namespace)
    }

    /// Every named system of that kind, and whether there may be more.
    pub(super) fn systems(&self, kind: Kind) -> (Vec<SystemId>, bool) {
        let named = self.names.get(&kind).into_iter().flatten().filter_map(|name| SystemId::new(kind, &[name]).ok()).collect();
        (named, self.open.contains(&kind))
    }

    /// The clusters by name; `None` where one could not be read.
    pub(super) fn clusters(&self) -> impl Iterator<Item = (&str, Option<&Cluster>)> {
        self.clusters.iter().map(|(name, cluster)| (name.as_str(), cluster.as_ref()))
    }
}
