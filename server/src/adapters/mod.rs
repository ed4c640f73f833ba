//! One file per outside system. The only place where kube, redis, reqwest, object_store and hickory appear.
//!
//! An adapter answers with types, waits no longer than its own limit, reads no more than its own limit, and puts no secret into an error.

pub mod backups;
mod connect;
pub mod database;
pub mod dns;
mod failure;
pub mod http;
mod json;
pub mod kube;
pub mod object_store;
pub mod patroni;
pub mod pg_client;
pub mod postgres;
pub mod prometheus;
pub mod redis;
pub mod sentinel;
pub mod tls;
mod trust;

use std::{collections::BTreeMap, sync::Arc};

pub use failure::{Failure, one_line};

use crate::{clock::SharedClock, config::Estate};

/// Every door to the outside by the names of the estate, made once. Making one never waits for the other side.
#[derive(Default)]
pub struct Adapters {
    /// Kubernetes clusters.
    pub kube: kube::Clusters,
    /// PostgreSQL members by database.
    pub postgres: BTreeMap<String, postgres::Postgres>,
    /// The same members by the role that dumps, where `backups` names the database.
    pub dumped: BTreeMap<String, postgres::Postgres>,
    /// Backups by database.
    pub backups: BTreeMap<String, backups::Backups>,
    /// Patroni by database, where it keeps one.
    pub patroni: BTreeMap<String, patroni::Patroni>,
    /// Patroni by database, where the estate names who may ask it to act.
    pub patroni_act: BTreeMap<String, patroni::PatroniAct>,
    /// What is remembered of each database between looks.
    pub databases: BTreeMap<String, database::Watched>,
    /// Redis data nodes by cache.
    pub redis: BTreeMap<String, redis::Redis>,
    /// Sentinels by cache, where it has any.
    pub sentinel: BTreeMap<String, sentinel::Sentinel>,
    /// URLs by endpoint.
    pub http: BTreeMap<String, http::Http>,
    /// TLS servers by certificate.
    pub tls: BTreeMap<String, tls::Tls>,
    /// Names by DNS entry.
    pub dns: BTreeMap<String, dns::Dns>,
    /// Prometheus queries by metric.
    pub prometheus: BTreeMap<String, prometheus::Prometheus>,
}

impl Adapters {
    /// Opens the doors that an estate needs. A TLS provider must be installed before: see [`rustls::crypto::CryptoProvider::install_default`].
    #[must_use]
    pub fn new(estate: &Estate, clock: &SharedClock) -> Self {
        let with_sentinels = estate.caches.iter().filter(|(_, cache)| !cache.sentinels.is_empty());
        Self {
            kube: kube::Clusters::start(estate, clock),
            postgres: made(&estate.databases, postgres::Postgres::new),
            dumped: estate
                .backups
                .keys()
                .filter_map(|name| Some((name.clone(), postgres::Postgres::to_dump(estate.databases.get(name)?)?)))
                .collect(),
            backups: backups_of(estate),
            patroni: estate
                .databases
                .iter()
                .filter_map(|(name, database)| Some((name.clone(), patroni::Patroni::new(database)?)))
                .collect(),
            patroni_act: estate
                .databases
                .iter()
                .filter_map(|(name, database)| Some((name.clone(), patroni::PatroniAct::new(database)?)))
                .collect(),
            databases: database::watched(&estate.databases, clock),
            redis: made(&estate.caches, redis::Redis::new),
            sentinel: with_sentinels.map(|(name, cache)| (name.clone(), sentinel::Sentinel::new(cache))).collect(),
            http: made(&estate.endpoints, http::Http::new),
            tls: made(&estate.certificates, tls::Tls::new),
            dns: made(&estate.dns, dns::Dns::new),
            prometheus: made(&estate.metrics, prometheus::Prometheus::new),
        }
    }
}

/// Databases that are backed up to the same store share its connections.
fn backups_of(estate: &Estate) -> BTreeMap<String, backups::Backups> {
    let stores: BTreeMap<_, _> =
        estate.stores.iter().map(|(name, store)| (name, Arc::new(object_store::ObjectStore::new(store)))).collect();
    let of = |name: &String, backup: &crate::config::Backup| Some(backups::Backups::new(name, stores.get(&backup.store)?.clone()));
    estate.backups.iter().filter_map(|(name, backup)| Some((name.clone(), of(name, backup)?))).collect()
}

fn made<C, A>(configured: &BTreeMap<String, C>, make: impl Fn(&C) -> A) -> BTreeMap<String, A> {
    configured.iter().map(|(name, configured)| (name.clone(), make(configured))).collect()
}
