//! One file per outside system. The only place where kube, redis, reqwest and hickory appear.
//!
//! An adapter answers with types, waits no longer than its own limit, reads no more than its own limit, and puts no secret into an error.

mod connect;
pub mod database;
pub mod dns;
mod failure;
pub mod http;
mod json;
pub mod kube;
pub mod patroni;
pub mod postgres;
pub mod prometheus;
pub mod redis;
pub mod sentinel;
pub mod tls;
mod trust;

use std::collections::BTreeMap;

pub use failure::{Failure, one_line};

use crate::{clock::SharedClock, config::Estate};

/// Every door to the outside by the names of the estate, made once. Making one never waits for the other side.
#[derive(Default)]
pub struct Adapters {
    /// Kubernetes clusters.
    pub kube: kube::Clusters,
    /// PostgreSQL members by database.
    pub postgres: BTreeMap<String, postgres::Postgres>,
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

fn made<C, A>(configured: &BTreeMap<String, C>, make: impl Fn(&C) -> A) -> BTreeMap<String, A> {
    configured.iter().map(|(name, configured)| (name.clone(), make(configured))).collect()
}
