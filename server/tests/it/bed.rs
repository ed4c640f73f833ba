//! The test bed, as environment variables name it; nothing else here reads them. `cargo xtask test` starts one and sets them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use app::model::{Health, SystemId};
use server::{
    adapters::Adapters,
    clock::{SharedClock, SystemClock},
    config::{
        Cache, CacheLimits, Certificate, Database, DatabaseLimits, DnsName, Endpoint, Environment, Estate, HostPort, Limit, Login, Metric,
        Secret, Unit,
    },
    monitor::{Instance, KnownSince, Monitor, MonitorHandle},
    probes::{self, ProbeCtx},
};
use tokio::{process::Command, sync::watch, time::timeout};
use url::Url;

/// Reads one variable.
pub fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: `cargo xtask test` starts a test bed and names it in the environment"))
}

fn address(name: &str) -> SocketAddr {
    variable(name).parse().unwrap_or_else(|err| panic!("{name}: {err}"))
}

fn member(name: &str) -> HostPort {
    let at = address(name);
    HostPort { host: at.ip().to_string(), port: at.port() }
}

fn url(name: &str) -> Url {
    Url::parse(&variable(name)).unwrap_or_else(|err| panic!("{name}: {err}"))
}

fn login(purpose: &str) -> Login {
    Login { user: variable(&format!("{purpose}_USER")), password: Secret::new(variable(&format!("{purpose}_PASSWORD"))) }
}

/// The data half of the bed's estate, with limits that a test can pass.
pub fn estate() -> Estate {
    let seconds = Duration::from_secs;
    let days = |days: u64| seconds(days * 86_400);
    let database = Database {
        members: vec![member("PG1"), member("PG2")],
        database: variable("PG_DATABASE"),
        watch: login("PG_WATCH"),
        backup: None,
        patroni: vec![url("PATRONI1"), url("PATRONI2")],
        patroni_act: Some(login("PATRONI")),
        limits: DatabaseLimits {
            replica_lag: Limit { degraded: seconds(10), down: seconds(60) },
            replica_lag_bytes: Limit { degraded: 50_000_000, down: u64::MAX },
            connections: Limit { degraded: 0.75, down: 0.9 },
            longest_transaction: Limit { degraded: seconds(4), down: seconds(3_600) },
        },
    };
    let cache = Cache {
        members: vec![member("REDIS1"), member("REDIS2")],
        sentinels: vec![member("SENTINEL1"), member("SENTINEL2"), member("SENTINEL3")],
        master: variable("REDIS_MASTER_NAME"),
        watch: Some(login("REDIS_WATCH")),
        watch_sentinels: Some(login("REDIS_WATCH")),
        act: Some(login("REDIS_ACT")),
        act_sentinels: Some(login("REDIS_ACT")),
        limits: CacheLimits {
            memory: Limit { degraded: 0.9, down: 1.0 },
            hit_rate: 0.5,
            replica_lag_bytes: Limit { degraded: 1_000_000, down: 100_000_000 },
        },
    };
    let endpoint = |what: &str, within: u64| Endpoint {
        url: url(&format!("{what}_URL")),
        connect: Some(address(&format!("{what}_ADDR"))),
        ca_file: Some(variable("CA_FILE").into()),
        status: 200,
        within: Duration::from_millis(within),
    };
    let certificate = Certificate {
        address: HostPort { host: url("SITE_URL").host_str().unwrap_or_default().to_owned(), port: 443 },
        connect: Some(address("SITE_ADDR")),
        ca_file: Some(variable("CA_FILE").into()),
        left: Limit { degraded: days(21), down: days(3) },
    };
    let name = DnsName {
        name: variable("DNS_NAME"),
        record: "A".into(),
        want: variable("DNS_WANT").split(',').map(str::to_owned).collect(),
        resolvers: vec![address("RESOLVER")],
    };
    let metric = Metric {
        prometheus: url("PROMETHEUS"),
        title: "targets up".into(),
        query: "sum(up)".into(),
        unit: Unit::Count("up".into()),
        limit: None,
    };
    Estate {
        environment: Environment { name: "test".into(), estate: "AIA".into(), public_url: None },
        path: Vec::new(),
        clusters: BTreeMap::new(),
        databases: BTreeMap::from([("aia_production".into(), database)]),
        caches: BTreeMap::from([("sessions".into(), cache)]),
        endpoints: BTreeMap::from([("site".into(), endpoint("SITE", 2_000)), ("api".into(), endpoint("API", 1_000))]),
        certificates: BTreeMap::from([("site".into(), certificate)]),
        dns: BTreeMap::from([("site".into(), name)]),
        metrics: BTreeMap::from([("targets".into(), metric)]),
        stores: BTreeMap::new(),
        backups: BTreeMap::new(),
        runbooks: Vec::new(),
        hash: String::new(),
    }
}

/// Breaks something in the bed, or mends it again.
pub async fn fault(name: &str, undo: bool) {
    let mut command = Command::new(variable("TESTBED_BIN"));
    command.args(["fault", name, "--base", &variable("TESTBED_BASE")]);
    if let Ok(dir) = std::env::var("TESTBED_DIR") {
        command.args(["--dir", &dir]);
    }
    if undo {
        command.arg("--undo");
    }
    let output = timeout(Duration::from_secs(120), command.stdin(Stdio::null()).kill_on_drop(true).output());
    let output = output.await.unwrap_or_else(|_| panic!("the fault {name} takes more than two minutes")).unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The monitor over an estate, as the console runs it.
pub struct Watching {
    handle: MonitorHandle,
    clock: SharedClock,
    _systems: watch::Sender<Vec<SystemId>>,
}

impl Watching {
    /// Starts to watch.
    pub fn start(estate: Estate) -> Self {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock: SharedClock = Arc::new(SystemClock);
        let (systems, known) = watch::channel(estate.systems());
        let ctx = ProbeCtx { adapters: Arc::new(Adapters::new(&estate, &clock)), estate: Arc::new(estate), clock: Arc::clone(&clock) };
        Self { handle: Monitor::start(probes::all(), ctx, known, KnownSince::new()), clock, _systems: systems }
    }

    /// What one probe says of one system now.
    pub fn instance(&self, probe: &str, system: &str) -> Arc<Instance> {
        let system: SystemId = system.parse().unwrap();
        let world = self.handle.world.borrow();
        Arc::clone(world.get(probe, &system).unwrap_or_else(|| panic!("{probe} does not look at {system}")))
    }

    /// Waits until a probe says what is wanted; tells how long it took.
    pub async fn until(&self, probe: &str, system: &str, within: Duration, wanted: impl Fn(&Instance) -> bool) -> Duration {
        let began = Instant::now();
        let mut world = self.handle.world.clone();
        let id: SystemId = system.parse().unwrap();
        let found = world.wait_for(|world| world.get(probe, &id).is_some_and(|instance| wanted(instance)));
        if timeout(within, found).await.is_err() {
            panic!("after {within:?} {probe} of {system} still says: {}", said(&self.instance(probe, system)));
        }
        began.elapsed()
    }

    /// Waits until everything that is watched is well.
    pub async fn until_all_well(&self, within: Duration) {
        let well = |instance: &Arc<Instance>| instance.health() == Health::Ok;
        let mut world = self.handle.world.clone();
        let all_well = world.wait_for(|world| !world.instances.is_empty() && world.instances.iter().all(well));
        if timeout(within, all_well).await.is_err() {
            let world = self.handle.world.borrow();
            let unwell: Vec<_> = world.instances.iter().filter(|instance| !well(instance)).map(|instance| said(instance)).collect();
            panic!("after {within:?} not all is well:\n{}", unwell.join("\n"));
        }
    }

    /// The oldest data of what `wanted` selects, as a share of its deadline; above one it is drawn as stale.
    pub fn oldest(&self, wanted: impl Fn(&Instance) -> bool) -> f64 {
        let now = self.clock.now();
        let world = self.handle.world.borrow();
        let seen = world.instances.iter().filter(|instance| wanted(instance)).filter_map(|instance| instance.seen(now));
        seen.map(|seen| seen.age_ms as f64 / seen.deadline_ms as f64).fold(0.0, f64::max)
    }

    /// Strikes a fault; it must show ten seconds after it is made. How long the bed takes to make it is not the console's to answer for.
    pub async fn strike(&self, name: &str, shows: &Shows<'_>) {
        let began = Instant::now();
        let make = async {
            fault(name, false).await;
            began.elapsed()
        };
        let see = self.until(shows.probe, shows.system, Duration::from_secs(120), |instance| {
            shows.healths.contains(&instance.health()) && said(instance).contains(shows.says)
        });
        let (made, shown) = tokio::join!(make, see);
        let (order, late) = (shown.as_secs_f64(), shown.saturating_sub(made));
        println!("{name:<18} shown after {order:>4.1} s: {}", said(&self.instance(shows.probe, shows.system)));
        assert!(late <= SHOWN_WITHIN, "{name} showed {late:?} after it was made");
    }

    /// Mends a fault; it must have cleared ten seconds after it is mended.
    pub async fn mend(&self, name: &str, shows: &Shows<'_>) {
        fault(name, true).await;
        let took = self.until(shows.probe, shows.system, SHOWN_WITHIN, |instance| instance.health() == Health::Ok).await.as_secs_f64();
        println!("{name:<18} cleared after {took:>4.1} s: {}", said(&self.instance(shows.probe, shows.system)));
    }

    /// Both.
    pub async fn strike_and_mend(&self, name: &str, shows: Shows<'_>) {
        self.strike(name, &shows).await;
        self.mend(name, &shows).await;
    }
}

/// A fault and its mending show within this time.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// How a fault must show.
#[derive(Clone, Copy)]
pub struct Shows<'a> {
    /// By which probe.
    pub probe: &'a str,
    /// On which system.
    pub system: &'a str,
    /// As one of these.
    pub healths: &'a [Health],
    /// In which words, of the summary or the cause.
    pub says: &'a str,
}

/// All that a person reads of an instance.
pub fn said(instance: &Instance) -> String {
    match &instance.reading {
        Some(reading) => {
            let figure = reading.figure.as_ref().map(|figure| figure.text()).unwrap_or_default();
            let cause = reading.cause.as_deref().map(|cause| format!(" [{cause}]")).unwrap_or_default();
            format!("{} {}: {} ({figure}; {}){cause}", instance.spec.id, reading.health.word(), reading.summary, reading.note)
        }
        None => format!("{}: not read yet", instance.spec.id),
    }
}
