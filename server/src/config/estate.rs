//! The estate as the rest of the console sees it: resolved, checked, typed.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use app::model::{Kind, Role, SystemGlob, SystemId};
use url::Url;

use super::Secret;

/// Everything that is watched, and who may do what to it. Made from one file by [`crate::config`]; never changed while the console runs.
#[derive(Clone, Debug)]
pub struct Estate {
    /// How this environment is called and drawn.
    pub environment: Environment,
    /// The request path; a hop with several systems fans out.
    pub path: Vec<PathHop>,
    /// Kubernetes clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// PostgreSQL databases by name.
    pub databases: BTreeMap<String, Database>,
    /// Redis caches by name.
    pub caches: BTreeMap<String, Cache>,
    /// URLs by name.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Certificates by name.
    pub certificates: BTreeMap<String, Certificate>,
    /// DNS names by name.
    pub dns: BTreeMap<String, DnsName>,
    /// Prometheus figures by name.
    pub metrics: BTreeMap<String, Metric>,
    /// Object stores by name.
    pub stores: BTreeMap<String, Store>,
    /// How databases are backed up, by the database's name.
    pub backups: BTreeMap<String, Backup>,
    /// What may be run, on what, by whom. What is not here cannot be run.
    pub runbooks: Vec<Approved>,
    /// SHA-256 of the file, in hex: replicas with another hash refuse actions.
    pub hash: String,
}

/// `environment:`
#[derive(Clone, Debug)]
pub struct Environment {
    /// "production".
    pub name: String,
    /// Whose estate ("AIA").
    pub estate: String,
    /// The address at which people reach the console.
    pub public_url: Option<Url>,
}

/// One hop of `path:`.
#[derive(Clone, Debug)]
pub struct PathHop {
    /// "backend".
    pub name: String,
    /// At least one.
    pub systems: Vec<SystemId>,
}

/// One of `clusters:`.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The credential that reads; `None`: in-cluster.
    pub watch: KubeAccess,
    /// The credential that acts; without one, no action can be enabled on it.
    pub act: Option<KubeAccess>,
    /// The namespaces that are watched.
    pub namespaces: Vec<String>,
}

/// How the API server is reached.
#[derive(Clone, Debug)]
pub enum KubeAccess {
    /// The pod's own service account.
    InCluster,
    /// A kubeconfig file.
    Kubeconfig(PathBuf),
}

/// A user and a password.
#[derive(Clone, Debug)]
pub struct Login {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// Host and port of a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') { write!(f, "[{}]:{}", self.host, self.port) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}

/// One of `databases:`.
#[derive(Clone, Debug)]
pub struct Database {
    /// Every member; roles are found, not configured.
    pub members: Vec<HostPort>,
    /// The database that is watched.
    pub database: String,
    /// A role in `pg_monitor`.
    pub watch: Login,
    /// The role that dumps: it may read everything and change nothing. None where `backups` does not name the database.
    pub backup: Option<Login>,
    /// Patroni's REST addresses, where it keeps the members.
    pub patroni: Vec<Url>,
    /// The user who may ask Patroni to act; without one, the lead cannot be moved from here.
    pub patroni_act: Option<Login>,
    /// Where it starts to be unwell.
    pub limits: DatabaseLimits,
}

/// Two thresholds: from the first on it is degraded, from the second on it is down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit<T> {
    /// Degraded from here on.
    pub degraded: T,
    /// Down from here on.
    pub down: T,
}

/// Limits of a database. The defaults and their sources stand in `config/file/limits.rs`.
#[derive(Clone, Debug)]
pub struct DatabaseLimits {
    /// Replay lag in time.
    pub replica_lag: Limit<Duration>,
    /// Replay lag in bytes; degraded only.
    pub replica_lag_bytes: Limit<u64>,
    /// Connections used, as a share of `max_connections`.
    pub connections: Limit<f64>,
    /// Age of the longest transaction that is not a backup, a walsender or autovacuum.
    pub longest_transaction: Limit<Duration>,
}

/// One of `caches:`.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Every data node; roles are found.
    pub members: Vec<HostPort>,
    /// Its Sentinels; none where it stands alone.
    pub sentinels: Vec<HostPort>,
    /// The name that the Sentinels know it by.
    pub master: String,
    /// The ACL user that reads, on data nodes.
    pub watch: Option<Login>,
    /// The ACL user that reads, on Sentinels.
    pub watch_sentinels: Option<Login>,
    /// The ACL user that fails over, on data nodes; without one, no action can be enabled on it.
    pub act: Option<Login>,
    /// The ACL user that fails over, on Sentinels.
    pub act_sentinels: Option<Login>,
    /// Where it starts to be unwell.
    pub limits: CacheLimits,
}

impl Cache {
    /// What an action on it lacks; nothing where it has all.
    #[must_use]
    pub fn lacks_to_act(&self) -> Option<&'static str> {
        if self.sentinels.is_empty() {
            Some("sentinels")
        } else if self.act.is_none() {
            Some("act")
        } else if self.act_sentinels.is_none() {
            Some("act_sentinels")
        } else {
            None
        }
    }
}

/// Limits of a cache.
#[derive(Clone, Debug)]
pub struct CacheLimits {
    /// Used memory as a share of `maxmemory`.
    pub memory: Limit<f64>,
    /// Keyspace hits as a share of look-ups; degraded *below*.
    pub hit_rate: f64,
    /// Replication offset gap in bytes.
    pub replica_lag_bytes: Limit<u64>,
}

/// One of `endpoints:`.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// What is asked for, with GET.
    pub url: Url,
    /// Connect here instead of to what the name resolves to.
    pub connect: Option<SocketAddr>,
    /// Trust this authority beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The status that is right.
    pub status: u16,
    /// Degraded when slower than this; down when slower than the probe's timeout.
    pub within: Duration,
}

/// One of `certificates:`.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The name that is asked for (SNI) and the port.
    pub address: HostPort,
    /// Connect here instead.
    pub connect: Option<SocketAddr>,
    /// Trust this authority beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Time left: degraded *below* the first, down *below* the second.
    pub left: Limit<Duration>,
}

/// One of `dns:`.
#[derive(Clone, Debug)]
pub struct DnsName {
    /// The name.
    pub name: String,
    /// "A", "AAAA" or "CNAME".
    pub record: String,
    /// The answers that are right, in any order.
    pub want: Vec<String>,
    /// Whom to ask.
    pub resolvers: Vec<SocketAddr>,
}

/// One tile of `metrics:`.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Prometheus.
    pub prometheus: Url,
    /// What the tile is called.
    pub title: String,
    /// PromQL; one scalar or a vector of one.
    pub query: String,
    /// How the number is written.
    pub unit: Unit,
    /// Where it starts to be unwell.
    pub limit: Option<Limit<f64>>,
}

/// How a Prometheus number is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share of one.
    Ratio,
    /// So many a second, of what.
    PerSecond(String),
    /// So many, of what.
    Count(String),
}

/// One of `stores:`.
#[derive(Clone, Debug)]
pub struct Store {
    /// The name in the estate file.
    pub name: String,
    /// Where it is; the bucket is the first part of each path.
    pub endpoint: Url,
    /// The bucket, which must be there.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key's id.
    pub access_key: Secret,
    /// The access key's secret.
    pub secret_key: Secret,
    /// Trust this authority beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// One of `backups:`.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Which of [`Estate::stores`] dumps go to.
    pub store: String,
    /// Which member is dumped.
    pub from: DumpFrom,
    /// Age of the newest good backup.
    pub older_than: Limit<Duration>,
    /// The folder of `pg_dump` and `pg_restore`; what `PATH` finds where it is not given.
    pub programs: Option<PathBuf>,
}

/// Which member is dumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpFrom {
    /// The leader.
    Leader,
    /// A replica that streams and is fresh; the leader where there is none.
    Replica,
}

/// One of `runbooks:`.
#[derive(Clone, Debug)]
pub struct Approved {
    /// The runbook's id.
    pub runbook: String,
    /// What it may touch.
    pub targets: Vec<SystemGlob>,
    /// The role that it needs here; never below the action's floor.
    pub role: Role,
    /// The highest value that a number parameter may take, by parameter.
    pub max: BTreeMap<String, i64>,
}

impl Estate {
    /// The kinds of system that this estate has, each once.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        // What lives in a cluster is found, not configured.
        let inside = if self.clusters.is_empty() { &[][..] } else { &[Kind::Ingress, Kind::Deployment] };
        let mut kinds: Vec<_> = self.systems().iter().map(SystemId::kind).chain(inside.iter().copied()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Every configured system; workloads are found in the clusters besides.
    #[must_use]
    pub fn systems(&self) -> Vec<SystemId> {
        let named = |kind: Kind, names: Vec<&String>| {
            names.into_iter().filter_map(move |name| SystemId::new(kind, &[name]).ok()).collect::<Vec<_>>()
        };
        let mut all = named(Kind::Dns, self.dns.keys().collect());
        all.extend(named(Kind::Certificate, self.certificates.keys().collect()));
        all.extend(named(Kind::Endpoint, self.endpoints.keys().collect()));
        all.extend(named(Kind::Cluster, self.clusters.keys().collect()));
        all.extend(named(Kind::Database, self.databases.keys().collect()));
        all.extend(named(Kind::Cache, self.caches.keys().collect()));
        all.extend(named(Kind::Backup, self.backups.keys().collect()));
        all.extend(named(Kind::Metric, self.metrics.keys().collect()));
        for system in self.path.iter().flat_map(|hop| &hop.systems) {
            if !all.contains(system) {
                all.push(system.clone());
            }
        }
        all
    }

    /// The approval under which `runbook` may run on `target`, if there is one. When several fit, the first.
    #[must_use]
    pub fn approval(&self, runbook: &str, target: &SystemId) -> Option<&Approved> {
        self.runbooks.iter().find(|approved| approved.runbook == runbook && approved.targets.iter().any(|glob| glob.matches(target)))
    }
}
