//! The monitor's promises, on the machine's clock with periods short enough for a test. Waits are for events; only absences are waited out.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use app::model::{Kind, Value};
use futures::future::BoxFuture;
use tokio::time::{sleep, timeout};

use super::*;
use crate::{
    adapters::Adapters,
    clock::{Stamp, SystemClock},
    config::{Environment, Estate},
    probes::{ProbeError, Reading},
};

fn ctx() -> ProbeCtx {
    let estate = Estate {
        environment: Environment { name: "test".into(), estate: "test".into(), public_url: None },
        path: Vec::new(),
        clusters: BTreeMap::new(),
        databases: BTreeMap::new(),
        caches: BTreeMap::new(),
        endpoints: BTreeMap::new(),
        certificates: BTreeMap::new(),
        dns: BTreeMap::new(),
        stores: BTreeMap::new(),
        backups: BTreeMap::new(),
        metrics: BTreeMap::new(),
        runbooks: Vec::new(),
        hash: String::new(),
    };
    ProbeCtx { adapters: Arc::new(Adapters::default()), estate: Arc::new(estate), clock: Arc::new(SystemClock) }
}

fn cache(name: &str) -> SystemId {
    SystemId::new(Kind::Cache, &[name]).unwrap()
}

/// Hangs on `hung`, panics on `panics`, takes its time on `slow`, answers at once otherwise.
#[derive(Default)]
struct Scripted {
    inside: AtomicUsize,
    most_inside: AtomicUsize,
    reads: AtomicUsize,
    says: Mutex<Option<Health>>,
}

struct Shared(Arc<Scripted>);

impl Probe for Shared {
    fn spec(&self) -> ProbeSpec {
        let (every, timeout) = (Duration::from_millis(20), Duration::from_millis(500));
        ProbeSpec { id: "scripted", title: "{} by the script", kind: Kind::Cache, every, timeout }
    }

    fn read<'a>(&'a self, _ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            match system.name() {
                "hung" => std::future::pending().await,
                "panics" => panic!("a defect, on purpose"),
                "slow" => {
                    let inside = self.0.inside.fetch_add(1, Ordering::SeqCst) + 1;
                    self.0.most_inside.fetch_max(inside, Ordering::SeqCst);
                    sleep(Duration::from_millis(50)).await;
                    self.0.inside.fetch_sub(1, Ordering::SeqCst);
                }
                _ => {}
            }
            let read = self.0.reads.fetch_add(1, Ordering::SeqCst);
            let health = self.0.says.lock().unwrap().unwrap_or(Health::Ok);
            Ok(Reading::new(health, "as scripted").figure(Value::Count(read as i64, "reads".into())))
        })
    }
}

struct Watching {
    script: Arc<Scripted>,
    systems: watch::Sender<Vec<SystemId>>,
    handle: MonitorHandle,
}

fn watching(names: &[&str], since: KnownSince) -> Watching {
    let script = Arc::new(Scripted::default());
    let (systems, known) = watch::channel(names.iter().map(|name| cache(name)).collect());
    let handle = Monitor::start(vec![Box::new(Shared(Arc::clone(&script)))], ctx(), known, since);
    Watching { script, systems, handle }
}

impl Watching {
    fn instance(&self, name: &str) -> Arc<Instance> {
        Arc::clone(self.handle.world.borrow().get("scripted", &cache(name)).unwrap_or_else(|| panic!("{name} is not watched")))
    }

    fn reads(&self) -> usize {
        self.script.reads.load(Ordering::SeqCst)
    }

    /// Waits until the published instance is as wanted.
    async fn until(&self, name: &str, wanted: impl Fn(&Instance) -> bool) -> Arc<Instance> {
        let mut world = self.handle.world.clone();
        let system = cache(name);
        let found = world.wait_for(|world| world.get("scripted", &system).is_some_and(|instance| wanted(instance)));
        timeout(Duration::from_secs(20), found).await.unwrap_or_else(|_| panic!("{name} never became so")).unwrap();
        self.instance(name)
    }
}

fn summary(instance: &Instance) -> &str {
    instance.reading.as_ref().map_or("", |reading| &reading.summary)
}

#[tokio::test]
async fn a_hung_probe_reads_unknown_within_its_timeout_and_delays_nobody() {
    let w = watching(&["hung", "well"], KnownSince::new());
    w.until("well", |well| well.health() == Health::Ok).await;
    assert!(w.instance("hung").reading.is_none(), "it has not been read yet, which is not an answer");
    let before = w.reads();
    let hung = w.until("hung", |hung| hung.reading.is_some()).await;
    assert_eq!((hung.health(), summary(&hung)), (Health::Unknown, "no answer within 0.5 s"));
    assert!(w.reads() >= before + 3, "the other was read meanwhile");
}

#[tokio::test]
async fn a_probe_that_panics_reads_unknown_and_is_asked_again() {
    let w = watching(&["panics"], KnownSince::new());
    let first = w.until("panics", |instance| instance.failed).await;
    assert!(summary(&first).contains("defect of the console"), "{}", summary(&first));
    w.until("panics", |instance| instance.tried_at != first.tried_at).await;
}

#[tokio::test]
async fn a_slow_probe_never_overlaps_itself() {
    let w = watching(&["slow"], KnownSince::new());
    w.until("slow", |_| w.reads() >= 6).await;
    assert_eq!(w.script.most_inside.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_not_read_again_in_time_is_stale_and_not_before() {
    let w = watching(&["well"], KnownSince::new());
    let well = w.until("well", |well| well.reading.is_some()).await;
    let seen = well.seen_at().unwrap();
    let after = |by: Duration| Stamp { wall: seen.wall + by, mono: seen.mono + by };
    assert!(well.deadline <= LONGEST_DEADLINE);
    assert!(!well.is_stale(after(well.deadline)));
    assert!(well.is_stale(after(well.deadline + Duration::from_millis(1))));
}

#[tokio::test]
async fn a_change_of_health_is_reported_once_with_where_it_came_from() {
    let mut w = watching(&["well"], KnownSince::new());
    w.until("well", |well| well.health() == Health::Ok).await;
    *w.script.says.lock().unwrap() = Some(Health::Down);
    let down = w.until("well", |well| well.health() == Health::Down).await;
    let later = w.until("well", |well| well.tried_at != down.tried_at).await;
    assert_eq!(later.since, down.since, "it stays since when it became so");
    let mut changes = Vec::new();
    while let Ok(change) = w.handle.changes.try_recv() {
        changes.push((change.from, change.to));
    }
    assert_eq!(changes, [(Health::Unknown, Health::Ok), (Health::Ok, Health::Down)]);
}

#[tokio::test]
async fn since_when_survives_a_restart_unless_the_health_is_another() {
    let then = DateTime::UNIX_EPOCH;
    let known = |name: &str, health| (("scripted".to_owned(), cache(name)), (health, then));
    let mut w = watching(&["same", "other"], KnownSince::from([known("same", Health::Ok), known("other", Health::Down)]));
    let same = w.until("same", |same| same.reading.is_some()).await;
    assert_eq!(same.since, Some(then));
    let other = w.until("other", |other| other.reading.is_some()).await;
    assert!(other.since > Some(then));
    let change = w.handle.changes.try_recv().unwrap();
    assert_eq!((change.system, change.from, change.to), (cache("other"), Health::Down, Health::Ok));
    assert!(w.handle.changes.try_recv().is_err(), "what is as it was is no change");
}

#[tokio::test]
async fn systems_come_and_go_and_those_that_stay_keep_their_number() {
    let w = watching(&["a", "b"], KnownSince::new());
    let (a, b) = (w.until("a", |_| true).await.source, w.until("b", |_| true).await.source);
    w.systems.send_replace(vec![cache("c"), cache("b"), cache("b")]);
    let c = w.until("c", |c| c.reading.is_some()).await;
    let names: Vec<_> = w.handle.world.borrow().instances.iter().map(|instance| instance.system.name().to_owned()).collect();
    assert_eq!(names, ["c", "b"]);
    assert_eq!(w.instance("b").source, b);
    assert!(c.source != a && c.source != b, "a number is never given to another");
}

/// Reads a number once an hour, and whenever it is told of another.
struct Told(watch::Sender<u64>);

impl Probe for Told {
    fn spec(&self) -> ProbeSpec {
        let (every, timeout) = (Duration::from_secs(3_600), Duration::from_millis(500));
        ProbeSpec { id: "scripted", title: "{} by what it is told", kind: Kind::Cache, every, timeout }
    }

    fn news(&self, _ctx: &ProbeCtx, _system: &SystemId) -> Option<watch::Receiver<u64>> {
        Some(self.0.subscribe())
    }

    fn read<'a>(&'a self, _ctx: &'a ProbeCtx, _system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move { Ok(Reading::new(Health::Ok, self.0.borrow().to_string())) })
    }
}

#[tokio::test]
async fn a_source_that_tells_of_a_change_is_read_at_once_and_in_a_storm_by_a_rate() {
    let news = watch::Sender::new(0);
    let (_systems, known) = watch::channel(vec![cache("told")]);
    let mut handle = Monitor::start(vec![Box::new(Told(news.clone()))], ctx(), known, KnownSince::new());
    let says = |world: &Arc<World>, n: u64| world.instances.iter().any(|instance| summary(instance) == n.to_string());
    let mut until = async |n: u64| {
        timeout(Duration::from_secs(20), handle.world.wait_for(|world| says(world, n))).await.expect("it is read").unwrap();
        handle.world.borrow().sequence
    };
    until(0).await;
    news.send_replace(1);
    let before = until(1).await;
    for n in 2..=200 {
        news.send_replace(n);
        sleep(Duration::from_millis(5)).await;
    }
    let publications = until(200).await - before;
    assert!((2..=40).contains(&publications), "{publications} of 199 changes within a second");
}

#[tokio::test]
async fn the_world_is_published_at_most_ten_times_a_second() {
    let names: Vec<_> = (0..200).map(|n| format!("n{n}")).collect();
    let mut w = watching(&names.iter().map(String::as_str).collect::<Vec<_>>(), KnownSince::new());
    w.until("n0", |_| true).await;
    w.handle.world.borrow_and_update();
    let mut publications = 0;
    let counting = async {
        loop {
            w.handle.world.changed().await.unwrap();
            publications += 1;
        }
    };
    let _ = timeout(Duration::from_secs(2), counting).await;
    assert!((3..=21).contains(&publications), "{publications}");
}

#[tokio::test]
async fn watching_ends_when_nobody_looks() {
    let w = watching(&["well"], KnownSince::new());
    w.until("well", |well| well.reading.is_some()).await;
    let Watching { script, handle, .. } = w;
    drop(handle);
    sleep(Duration::from_millis(300)).await;
    let reads = script.reads.load(Ordering::SeqCst);
    sleep(Duration::from_millis(300)).await;
    assert_eq!(script.reads.load(Ordering::SeqCst), reads);
}

#[tokio::test]
async fn watched_data_is_as_old_as_its_sources_last_heartbeat() {
    struct Aged;
    impl Probe for Aged {
        fn spec(&self) -> ProbeSpec {
            let second = Duration::from_secs(1);
            ProbeSpec { id: "aged", title: "", kind: Kind::Cache, every: second, timeout: second }
        }
        fn read<'a>(&'a self, _: &'a ProbeCtx, _: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
            Box::pin(async { Ok(Reading::new(Health::Ok, "").age(Duration::from_secs(30))) })
        }
    }
    let ctx = ctx();
    let (_systems, known) = watch::channel(vec![cache("a")]);
    let mut handle = Monitor::start(vec![Box::new(Aged)], ctx.clone(), known, KnownSince::new());
    let world = handle.world.wait_for(|world| world.instances.iter().any(|aged| aged.reading.is_some())).await.unwrap().clone();
    let now = ctx.clock.now();
    assert!(world.instances[0].is_stale(now));
    assert!(world.instances[0].seen(now).unwrap().age_ms >= 30_000);
}
