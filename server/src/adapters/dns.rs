//! One name at several resolvers, without a cache in between.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::future::join_all;
use hickory_proto::rr::RecordType;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
};
use tokio::time::timeout;

use super::failure::{Failure, one_line};
use crate::config::DnsName;

/// How long a resolver may take; half of it is left for a second try over TCP.
const WAIT: Duration = Duration::from_secs(2);
/// The most answers that are looked at.
const ANSWERS: usize = 50;

/// One name and whom to ask for it.
pub struct Dns {
    name: String,
    record: RecordType,
    resolvers: Vec<(SocketAddr, Result<TokioResolver, Failure>)>,
    last: Mutex<Vec<(SocketAddr, Result<DnsAnswer, Failure>)>>,
}

/// What one resolver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAnswer {
    /// Addresses or names, sorted; empty where it says that there are none.
    pub found: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Dns {
    /// Never waits.
    #[must_use]
    pub fn new(name: &DnsName) -> Self {
        let record = match name.record.as_str() {
            "AAAA" => RecordType::AAAA,
            "CNAME" => RecordType::CNAME,
            _ => RecordType::A,
        };
        // With the final dot no search domain is tried.
        let absolute = format!("{}.", name.name.trim_end_matches('.'));
        Self { name: absolute, record, resolvers: name.resolvers.iter().map(|at| (*at, resolver(*at))).collect(), last: Mutex::default() }
    }

    /// What each resolver says. All are asked side by side.
    pub async fn answers(&self) -> Vec<(SocketAddr, Result<DnsAnswer, Failure>)> {
        let answers = join_all(self.resolvers.iter().map(async |(at, resolver)| {
            let answer = match resolver {
                Ok(resolver) => timeout(WAIT, self.ask(resolver)).await.unwrap_or(Err(Failure::Silent(WAIT))),
                Err(failure) => Err(failure.clone()),
            };
            (*at, answer)
        }))
        .await;
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&answers);
        answers
    }

    /// What each said last; empty before the first time. Never waits.
    #[must_use]
    pub fn last(&self) -> Vec<(SocketAddr, Result<DnsAnswer, Failure>)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ask(&self, resolver: &TokioResolver) -> Result<DnsAnswer, Failure> {
        let began = Instant::now();
        let mut found: Vec<String> = match resolver.lookup(self.name.as_str(), self.record).await {
            Ok(lookup) => {
                let fitting = lookup.answers().iter().filter(|record| record.record_type() == self.record);
                fitting.take(ANSWERS).map(|record| one_line(record.data.to_string().trim_end_matches('.'))).collect()
            }
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => Vec::new(),
            Err(error) => return Err(failure(&error)),
        };
        found.sort();
        found.dedup();
        Ok(DnsAnswer { found, took: began.elapsed() })
    }
}

fn resolver(at: SocketAddr) -> Result<TokioResolver, Failure> {
    let on_port = |mut connection: ConnectionConfig| {
        connection.port = at.port();
        connection
    };
    let connections = vec![on_port(ConnectionConfig::udp()), on_port(ConnectionConfig::tcp())];
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![NameServerConfig::new(at.ip(), true, connections)]);
    let mut options = ResolverOpts::default();
    options.timeout = WAIT / 2;
    options.attempts = 1;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build().map_err(|error| Failure::Unreachable(one_line(&error.to_string())))
}

fn failure(error: &NetError) -> Failure {
    match error {
        NetError::Timeout => Failure::Silent(WAIT),
        NetError::Io(error) => Failure::from_io(error),
        NetError::NoConnections => Failure::Refused,
        other => Failure::Garbled(one_line(&other.to_string())),
    }
}
