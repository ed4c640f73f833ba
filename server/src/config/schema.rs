//! The shape of an estate file as JSON Schema, for editors. `quarterdeck check` is stricter: it also knows what the schema cannot say.

use std::collections::BTreeMap;

use schemars::JsonSchema;

/// The JSON Schema of an estate file.
#[must_use]
pub fn estate_schema() -> serde_json::Value {
    schemars::schema_for!(EstateFile).to_value()
}

/// A length of time: `500ms`, `10s`, `5m`, `26h`, `21d`.
type Length = String;
/// A share: `75%`.
type Share = String;
/// A number of bytes: `64MiB` (2^20), `256MB` (10^6).
type Size = String;

macro_rules! shapes {
    ($($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident $(as $key:literal)?: $type:ty,)* })*) => {
        $(
            $(#[$about])*
            #[derive(JsonSchema)]
            #[schemars(deny_unknown_fields)]
            #[expect(dead_code, reason = "only its shape is used")]
            struct $name { $($(#[$field_about])* $(#[schemars(rename = $key)])? $field: $type,)* }
        )*
    };
}

shapes! {
    /// Everything that is watched, and who may do what to it. `"${NAME}"` stands for a whole value from the environment.
    EstateFile {
        environment: EnvironmentShape,
        /// The request path, in order; a hop with several systems fans out.
        path: Option<Vec<HopShape>>,
        clusters: Option<BTreeMap<String, ClusterShape>>,
        databases: Option<BTreeMap<String, DatabaseShape>>,
        caches: Option<BTreeMap<String, CacheShape>>,
        endpoints: Option<BTreeMap<String, EndpointShape>>,
        certificates: Option<BTreeMap<String, CertificateShape>>,
        dns: Option<BTreeMap<String, DnsShape>>,
        metrics: Option<BTreeMap<String, MetricsShape>>,
        /// Where backups go.
        stores: Option<BTreeMap<String, StoreShape>>,
        /// How databases are backed up, by the database's name.
        backups: Option<BTreeMap<String, BackupShape>>,
        /// What may be run: what is not here cannot be.
        runbooks: Option<Vec<RunbookShape>>,
    }
    /// How this environment is called.
    EnvironmentShape {
        /// "production".
        name: String,
        /// Whose estate it is.
        estate: Option<String>,
        /// The address at which people reach the console.
        public_url: Option<String>,
    }
    /// One hop of the request path.
    HopShape {
        hop: String,
        /// `kind/name`, or `kind/cluster/namespace/name` for what lives in Kubernetes.
        systems: Vec<String>,
    }
    /// A Kubernetes cluster.
    ClusterShape {
        /// The credential that reads.
        watch: KubeShape,
        /// The credential that acts; a runbook on a cluster needs it.
        act: Option<KubeShape>,
        /// The namespaces that are watched.
        namespaces: Vec<String>,
    }
    /// How an API server is reached: one of the two.
    KubeShape {
        /// The pod's own service account.
        in_cluster: Option<bool>,
        kubeconfig: Option<FileShape>,
    }
    /// A file, relative to the estate file's folder.
    FileShape {
        file: String,
    }
    /// A user and a password.
    LoginShape {
        user: String,
        /// `{ file: PATH }`, or `"${NAME}"`; never the password itself.
        password: SecretShape,
    }
    /// A PostgreSQL database with its members.
    DatabaseShape {
        /// host:port of every member; roles are found, not configured.
        members: Vec<String>,
        database: String,
        /// A role in `pg_monitor`.
        watch: LoginShape,
        /// A role in `pg_read_all_data`; a backup needs it.
        backup: Option<LoginShape>,
        patroni: Option<PatroniShape>,
        limits: Option<DatabaseLimitsShape>,
    }
    /// Patroni's REST addresses.
    PatroniShape {
        urls: Vec<String>,
        /// The user who may ask Patroni to act; moving the lead needs it.
        act: Option<LoginShape>,
    }
    /// Where a database starts to be unwell.
    DatabaseLimitsShape {
        replica_lag: Option<LengthLimit>,
        replica_lag_bytes: Option<SizeLimit>,
        /// Of `max_connections`.
        connections: Option<ShareLimit>,
        longest_transaction: Option<LengthLimit>,
    }
    /// A Redis master with its replicas.
    CacheShape {
        /// host:port of every data node; roles are found.
        members: Vec<String>,
        /// host:port of its Sentinels.
        sentinels: Option<Vec<String>>,
        /// The name that the Sentinels know it by.
        master: Option<String>,
        /// The ACL user that reads data nodes.
        watch: Option<LoginShape>,
        /// The ACL user that reads Sentinels.
        watch_sentinels: Option<LoginShape>,
        /// The ACL user that fails over, on data nodes; a runbook on a cache needs it.
        act: Option<LoginShape>,
        /// The ACL user that fails over, on Sentinels.
        act_sentinels: Option<LoginShape>,
        limits: Option<CacheLimitsShape>,
    }
    /// Where a cache starts to be unwell.
    CacheLimitsShape {
        /// Of `maxmemory`.
        memory: Option<ShareLimit>,
        /// Degraded below this.
        hit_rate: Option<Share>,
        replica_lag_bytes: Option<SizeLimit>,
    }
    /// One URL.
    EndpointShape {
        url: String,
        /// Connect to this IP:port instead of to what the name resolves to.
        connect: Option<String>,
        /// Trust this authority beside the system's.
        ca_file: Option<String>,
        expect: Option<ExpectShape>,
    }
    /// What the right answer is.
    ExpectShape {
        status: Option<u16>,
        /// Degraded when slower.
        within: Option<Length>,
    }
    /// A certificate as a server presents it.
    CertificateShape {
        /// host:port; the host is asked for by name.
        address: String,
        connect: Option<String>,
        ca_file: Option<String>,
        /// Degraded with less time left.
        degraded: Option<Length>,
        /// Down with less time left.
        down: Option<Length>,
    }
    /// A name in the DNS.
    DnsShape {
        name: String,
        record as "type": Option<RecordShape>,
        /// The right answers, in any order.
        want: Vec<String>,
        /// IP addresses, with a port if it is not 53.
        resolvers: Vec<String>,
    }
    /// Figures from one Prometheus.
    MetricsShape {
        prometheus: String,
        tiles: Vec<TileShape>,
    }
    /// One figure.
    TileShape {
        title: String,
        /// What it is called in system ids; the title in lower case if it is not given.
        name: Option<String>,
        /// PromQL with one number as its answer.
        query: String,
        /// seconds, bytes, ratio, WHAT/s, or the word for what is counted.
        unit: String,
        degraded: Option<f64>,
        down: Option<f64>,
    }
    /// An object store.
    StoreShape {
        s3: S3Shape,
    }
    /// A bucket that speaks S3.
    S3Shape {
        /// http or https; the bucket is put behind it.
        endpoint: String,
        bucket: String,
        /// us-east-1 if it is not given.
        region: Option<String>,
        credentials: KeysShape,
        /// Trust this authority beside the system's.
        ca_file: Option<String>,
    }
    /// An access key.
    KeysShape {
        access_key: SecretShape,
        secret_key: SecretShape,
    }
    /// How a database is backed up.
    BackupShape {
        engine: EngineShape,
        /// The store; exactly one in this version.
        to: Vec<String>,
        /// Which member is dumped; the leader if it is not given.
        from: Option<DumpFromShape>,
        /// Age of the newest good backup.
        older_than: Option<LengthLimit>,
        /// The folder of pg_dump and pg_restore; what PATH finds if it is not given.
        programs: Option<String>,
    }
    /// A runbook that is approved.
    RunbookShape {
        action as "use": String,
        /// What it may touch: system ids in which `*` stands for any run of characters within one part.
        targets: Vec<String>,
        role: RoleShape,
        parameters: Option<BTreeMap<String, ParameterShape>>,
    }
    /// Bounds of a parameter.
    ParameterShape {
        max: i64,
    }
    /// Two thresholds in time.
    LengthLimit {
        degraded: Option<Length>,
        down: Option<Length>,
    }
    /// Two thresholds in bytes.
    SizeLimit {
        degraded: Option<Size>,
        down: Option<Size>,
    }
    /// Two thresholds in percent.
    ShareLimit {
        degraded: Option<Share>,
        down: Option<Share>,
    }
}

/// Where a secret is.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
enum SecretShape {
    /// In a file of its own.
    File(FileShape),
    /// In the environment: `"${NAME}"`.
    Variable(String),
}

/// The record types that are looked up.
#[derive(JsonSchema)]
#[expect(dead_code, clippy::upper_case_acronyms, reason = "only its shape is used, and these are the names of the records")]
enum RecordShape {
    A,
    AAAA,
    CNAME,
}

/// What makes the backup.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its shape is used")]
enum EngineShape {
    PgDump,
}

/// Which member is dumped: `replica` takes one that streams and is fresh, and the leader where there is none.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its shape is used")]
enum DumpFromShape {
    Leader,
    Replica,
}

/// The lowest role that may run it here.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its shape is used")]
enum RoleShape {
    Responder,
    Operator,
    Admin,
}
