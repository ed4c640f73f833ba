//! An estate file is read whole: every fault at once, each with line, field, value and remedy.

use std::{collections::BTreeMap, path::Path, time::Duration};

use app::model::{Kind, Risk, Role};
use server::{
    actions::{ActionSpec, ParameterKind, ParameterSpec},
    config::{DumpFrom, Estate, KubeAccess, estate_schema},
};

const ACTIONS: [ActionSpec; 2] = [action("restart-workload", &[]), action("scale-workload", &REPLICAS)];
const REPLICAS: [ParameterSpec; 1] =
    [ParameterSpec { name: "replicas", label: "", hint: "", kind: ParameterKind::Number { min: 0, max: 100 } }];

const fn action(id: &'static str, parameters: &'static [ParameterSpec]) -> ActionSpec {
    let (floor, kind, risk) = (Role::Responder, Kind::Deployment, Risk::Low);
    ActionSpec { id, title: "", verb: "", purpose: "", kind, floor, risk, parameters, help: &[] }
}

/// A folder with the files that the estate below names.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("watch.kubeconfig"), "apiVersion: v1\n").unwrap();
    std::fs::write(folder.path().join("password"), "hunter2\n").unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    folder
}

fn read(text: &str) -> Result<Estate, String> {
    let folder = folder();
    read_in(text, folder.path())
}

fn read_in(text: &str, folder: &Path) -> Result<Estate, String> {
    let variables: BTreeMap<_, _> = [("PG1", "10.0.0.1:5432"), ("PG_PASSWORD", "hunter2"), ("EMPTY", "")].into();
    let variables = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    Estate::from_text(text, folder, &variables, &ACTIONS)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

const WHOLE: &str = r#"
environment: { name: production, estate: AIA, public_url: "https://ops.013a.tech" }
path:
  - { hop: dns, systems: [dns/site] }
  - { hop: edge, systems: [endpoint/site, certificate/site] }
  - { hop: backend, systems: [deployment/eu/shop/cart, ingress/eu/shop/web] }
  - { hop: data, systems: [database/main, cache/sessions, metric/p95] }
clusters:
  eu:
    watch: { kubeconfig: { file: watch.kubeconfig } }
    act: { in_cluster: true }
    namespaces: [shop]
databases:
  main:
    members: ["${PG1}", "[2001:db8::1]:5432"]
    database: aia
    watch: { user: qd_watch, password: { file: password } }
    backup: { user: qd_backup, password: "${PG_PASSWORD}" }
    patroni: { urls: ["http://pg1:8008"], act: { user: ops, password: { file: password } } }
    limits: { replica_lag: { degraded: 10s, down: 60s }, replica_lag_bytes: { down: 200MiB }, connections: { degraded: 70% }, longest_transaction: { degraded: 5m } }
caches:
  sessions:
    members: [r1:6379]
    sentinels: [s1:26379]
    master: cache
    watch: { user: qd, password: "${PG_PASSWORD}" }
    watch_sentinels: { user: qd, password: "${PG_PASSWORD}" }
    limits: { memory: { degraded: 80% }, hit_rate: 70%, replica_lag_bytes: { degraded: 1MB } }
endpoints:
  site: { url: "https://013a.tech/", connect: "127.0.0.1:8443", ca_file: watch.kubeconfig, expect: { status: 200, within: 500ms } }
certificates:
  site: { address: "013a.tech:443", connect: "127.0.0.1:8443", ca_file: watch.kubeconfig, degraded: 21d, down: 3d }
dns:
  site: { name: 013a.tech, type: A, want: ["34.118.226.10"], resolvers: ["9.9.9.9", "127.0.0.1:5353"] }
metrics:
  main: { prometheus: "http://prometheus:9090", tiles: [{ title: P95, name: p95, query: "up", unit: seconds, degraded: 0.5, down: 2 }] }
stores:
  main: { s3: { endpoint: "https://s3.example.org", bucket: aia-backups, credentials: { access_key: { file: password }, secret_key: "${PG_PASSWORD}" } } }
backups:
  main: { engine: pg_dump, to: [main], from: replica, older_than: { degraded: 20h } }
runbooks:
  - { use: restart-workload, targets: ["deployment/*/shop/*"], role: responder }
  - { use: scale-workload, targets: ["deployment/eu/shop/cart-*"], role: operator, parameters: { replicas: { max: 15 } } }
"#;

#[test]
fn a_whole_file_is_resolved() {
    let estate = read(WHOLE).unwrap();
    let main = &estate.databases["main"];
    assert_eq!(main.members.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1:5432", "[2001:db8::1]:5432"]);
    assert_eq!((main.watch.password.reveal(), main.limits.replica_lag.down), ("hunter2", Duration::from_secs(60)));
    assert_eq!(
        (main.limits.replica_lag_bytes.degraded, main.limits.replica_lag_bytes.down),
        (50 << 20, 200 << 20),
        "the default stands beside what is given"
    );
    assert_eq!(main.limits.connections.degraded, 0.7);
    assert!(
        matches!(&estate.clusters["eu"].watch, KubeAccess::Kubeconfig(path) if path.ends_with("watch.kubeconfig") && path.is_absolute())
    );
    assert_eq!(estate.dns["site"].resolvers[0].port(), 53);
    assert_eq!(estate.metrics["p95"].limit.map(|limit| limit.down), Some(2.0));
    assert_eq!(estate.runbooks[1].max["replicas"], 15);
    assert_eq!(
        estate.approval("restart-workload", &"deployment/eu/shop/cart".parse().unwrap()).map(|approved| approved.role),
        Some(Role::Responder)
    );
    let (backup, store) = (&estate.backups["main"], &estate.stores["main"]);
    assert_eq!(
        (backup.store.as_str(), backup.from, backup.older_than.degraded),
        ("main", DumpFrom::Replica, Duration::from_secs(20 * 3_600))
    );
    assert_eq!((store.region.as_str(), store.secret_key.reveal()), ("us-east-1", "hunter2"));
    assert!(estate.systems().iter().any(|system| system.as_str() == "backup/main"));
    assert_eq!(estate.hash.len(), 64);
    assert!(!format!("{estate:?}").contains("hunter2"));
}

#[test]
fn a_file_that_is_wrong_in_many_ways_tells_of_all_of_them_at_once() {
    let faults = read(
        r#"
environment: { nmae: production, accent: "b3261e" }
path:
  - { hop: dns, systems: [dns/sit] }
  - { hop: backend, systems: [deployment/eu/other/cart, deployments/eu/shop/cart] }
clusters:
  eu: { watch: { kubeconfig: { file: watch.kubeconfig } }, namespaces: [shop] }
databases:
  main:
    members: ["${PG1}", "pg2", "${PG3}", "tcp://${PG1}"]
    database: aia
    watch: { user: qd_watch, password: hunter2 }
    patroni: { urls: ["http://ops:hunter2@pg1:8008"], act: { user: ops } }
    limits: { replica_lag: { degraded: 60s, down: 10s }, connections: { degraded: 0.75 } }
  main: {}
caches:
  sessions: { members: [], sentinels: [s1:26379], watch: { user: qd, password: { file: empty } } }
endpoints:
  site: { url: "013a.tech", expect: { status: 999, within: 2 } }
dns:
  site: { name: 013a.tech, type: MX, want: ["34.118.226.10"], resolvers: [] }
stores: { main: { s3: { bucket: x } } }
runbooks:
  - { use: restart-workloads, targets: ["deployment/*/shop/*"], role: responder }
  - { use: restart-workload, targets: ["deployment/*/shop/*", "deployment/us/*/*", "database/main"], role: viewer }
  - { use: scale-workload, targets: ["deployment/*/shop/*"], role: responder, parameters: { replicas: { max: 1000 }, pods: { max: 2 } } }
"#,
    )
    .unwrap_err();
    insta::assert_snapshot!(faults);
    assert!(!faults.contains("hunter2"), "{faults}");
}

#[test]
fn backups_name_what_they_need_and_what_is_missing_is_told() {
    let with = |at: &str, with: &str| {
        assert!(WHOLE.contains(at), "{at}");
        read(&WHOLE.replacen(at, with, 1)).unwrap_err()
    };
    for (at, instead, says) in [
        (
            "backups:\n  main:",
            "backups:\n  mian:",
            "backups.mian: is no database of this estate: nothing there is called `mian`; did you mean `main`?",
        ),
        ("    backup: {", "    #", "backups.main: has no role to dump with; add databases.main.backup"),
        ("to: [main]", "to: [mian]", "backups.main.to[0]: `mian` is no store of this estate; did you mean `main`?"),
        ("to: [main]", "to: [main, main]", "names 2 stores, and this version writes to one"),
        ("to: [main]", "to: []", "is empty; name at least one store"),
        ("engine: pg_dump", "engine: pgbackrest", "`pgbackrest` cannot be read; write pg_dump"),
        ("from: replica", "from: anywhere", "`anywhere` cannot be read; write leader or replica"),
        ("older_than: {", "schedule: daily, older_than: {", "backups.main.schedule: is not built yet"),
        ("older_than: { degraded: 20h }", "older_than: { degraded: 60h }", "is past `down`"),
        ("engine: pg_dump", "engine: pg_dump, programs: .", "is no folder with pg_dump and pg_restore"),
        ("bucket: aia-backups", "bucket: AIA_Backups", "a bucket's name"),
        ("secret_key: \"${PG_PASSWORD}\"", "secret_key: hunter2", "stands in the file itself"),
        ("https://s3.example.org", "https://key:hunter2@s3.example.org", "holds a user or a password"),
    ] {
        let faults = with(at, instead);
        assert!(faults.contains(says), "{instead}: {faults}");
        assert!(!faults.contains("hunter2"), "{faults}");
    }
}

#[test]
fn what_is_no_yaml_says_where() {
    let fault = read("environment: { name: x }\npath: [\n").unwrap_err();
    assert!(fault.starts_with("line ") && fault.contains("is no YAML"), "{fault}");
    assert!(read("").unwrap_err().contains("should be keys with values"));
    assert!(read("- a\n- b\n").unwrap_err().contains("should be keys with values"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let fault = Estate::from_file(Path::new("/nowhere/estate.yaml"), &|_| None, &ACTIONS).unwrap_err().to_string();
    assert!(fault.contains("/nowhere/estate.yaml") && fault.contains("cannot be read"), "{fault}");
}

#[test]
fn secrets_in_files_are_named_when_missing() {
    let text = WHOLE.replace("{ file: password }", "{ file: nowhere }").replace("\"${PG_PASSWORD}\"", "\"${EMPTY}\"");
    let faults = read(&text).unwrap_err();
    for part in
        ["databases.main.watch.password.file: `nowhere` cannot be read", "caches.sessions.watch.password: `${EMPTY}` is an empty variable"]
    {
        assert!(faults.contains(part), "{part} in\n{faults}");
    }
}

/// Every property of every shape in the schema, as `Shape.key`, with the places where it stands in a file.
#[test]
fn the_schema_names_the_same_keys_as_the_check() {
    let schema = estate_schema();
    let shapes = schema["$defs"].as_object().unwrap();
    let keys_of = |shape: &serde_json::Value| {
        let mut keys: Vec<_> = shape["properties"].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(", ")
    };
    // A key that nobody knows, put into each shape, makes the check say what it does know there.
    let places = [
        ("EstateFile", "\nenvironment:", "\nzzzzzzzzz: 1\nenvironment:"),
        ("EnvironmentShape", "{ name: production", "{ zzzzzzzzz: 1, name: production"),
        ("HopShape", "{ hop: dns", "{ zzzzzzzzz: 1, hop: dns"),
        ("ClusterShape", "    namespaces: [shop]", "    zzzzzzzzz: 1\n    namespaces: [shop]"),
        ("KubeShape", "{ in_cluster: true", "{ zzzzzzzzz: 1, in_cluster: true"),
        ("FileShape", "{ file: watch.kubeconfig", "{ zzzzzzzzz: 1, file: watch.kubeconfig"),
        ("LoginShape", "{ user: qd_watch", "{ zzzzzzzzz: 1, user: qd_watch"),
        ("DatabaseShape", "    database: aia", "    zzzzzzzzz: 1\n    database: aia"),
        ("PatroniShape", "patroni: { ", "patroni: { zzzzzzzzz: 1, "),
        ("DatabaseLimitsShape", "limits: { replica_lag", "limits: { zzzzzzzzz: 1, replica_lag"),
        ("CacheShape", "    master: cache", "    zzzzzzzzz: 1\n    master: cache"),
        ("CacheLimitsShape", "limits: { memory", "limits: { zzzzzzzzz: 1, memory"),
        ("EndpointShape", "site: { url", "site: { zzzzzzzzz: 1, url"),
        ("ExpectShape", "expect: { ", "expect: { zzzzzzzzz: 1, "),
        ("CertificateShape", "site: { address", "site: { zzzzzzzzz: 1, address"),
        ("DnsShape", "site: { name", "site: { zzzzzzzzz: 1, name"),
        ("MetricsShape", "main: { prometheus", "main: { zzzzzzzzz: 1, prometheus"),
        ("TileShape", "{ title: P95", "{ zzzzzzzzz: 1, title: P95"),
        ("StoreShape", "main: { s3", "main: { zzzzzzzzz: 1, s3"),
        ("S3Shape", "s3: { ", "s3: { zzzzzzzzz: 1, "),
        ("KeysShape", "credentials: { ", "credentials: { zzzzzzzzz: 1, "),
        ("BackupShape", "{ engine: pg_dump", "{ zzzzzzzzz: 1, engine: pg_dump"),
        ("RunbookShape", "{ use: restart", "{ zzzzzzzzz: 1, use: restart"),
        ("ParameterShape", "{ max: 15", "{ zzzzzzzzz: 1, max: 15"),
        ("LengthLimit", "replica_lag: { ", "replica_lag: { zzzzzzzzz: 1, "),
        ("SizeLimit", "replica_lag_bytes: { down", "replica_lag_bytes: { zzzzzzzzz: 1, down"),
        ("ShareLimit", "connections: { ", "connections: { zzzzzzzzz: 1, "),
    ];
    for (shape, at, with) in places {
        assert!(WHOLE.contains(at), "{shape}");
        let fault = read(&WHOLE.replacen(at, with, 1)).err().unwrap_or_else(|| panic!("{shape} takes any key"));
        let mut known: Vec<_> = fault.split_once("known here: ").unwrap_or_else(|| panic!("{shape}: {fault}")).1.split(", ").collect();
        known.sort_unstable();
        let in_schema = keys_of(if shape == "EstateFile" { &schema } else { &shapes[shape] });
        assert_eq!(known.join(", "), in_schema, "{shape}");
    }
    let checked: Vec<_> = places.iter().map(|(shape, ..)| *shape).collect();
    let missed: Vec<_> =
        shapes.iter().filter(|(name, shape)| shape["properties"].is_object() && !checked.contains(&name.as_str())).collect();
    assert!(missed.is_empty(), "{missed:?}");
}
