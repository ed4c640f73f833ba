//! The bed's cache as a witness sees it: with full rights, past the console. One test has it at a time.

use std::{
    collections::HashMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{Client, Cmd, FromRedisValue, RedisResult, aio::MultiplexedConnection, cmd};
use server::config::Estate;
use tokio::{
    sync::{Mutex, MutexGuard, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    bed::variable,
    console::{Answer, Visitor, value_of, words},
};

pub const SYSTEM: &str = "cache/sessions";

/// The bed's cache, on which an operator may fail over.
pub const ESTATE: &str = r#"
environment: { name: test, estate: AIA }
path:
  - { hop: data, systems: [cache/sessions] }
caches:
  sessions:
    members: ["${REDIS1}", "${REDIS2}"]
    sentinels: ["${SENTINEL1}", "${SENTINEL2}", "${SENTINEL3}"]
    master: "${REDIS_MASTER_NAME}"
    watch: { user: "${REDIS_WATCH_USER}", password: "${REDIS_WATCH_PASSWORD}" }
    watch_sentinels: { user: "${REDIS_WATCH_USER}", password: "${REDIS_WATCH_PASSWORD}" }
    act: { user: "${REDIS_ACT_USER}", password: "${REDIS_ACT_PASSWORD}" }
    act_sentinels: { user: "${REDIS_ACT_USER}", password: "${REDIS_ACT_PASSWORD}" }
runbooks:
  - { use: fail-over-cache, targets: [cache/sessions], role: operator }
"#;

/// [`ESTATE`], or a text like it, with the bed's addresses.
pub fn estate(text: &str) -> Estate {
    let specs: Vec<_> = server::actions::all().iter().map(|action| action.spec()).collect();
    Estate::from_text(text, Path::new("."), &|name| std::env::var(name).ok(), &specs)
        .unwrap_or_else(|faults| panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// Longer than Sentinel's tilt of 30 s, in which it does nothing.
const SETTLES: Duration = Duration::from_secs(90);

static ALONE: Mutex<()> = Mutex::const_new(());

/// Waits until no other test of this program has the cache.
pub async fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().await
}

/// The cache, for one test alone.
pub struct Witness {
    /// In the order of the estate file.
    pub nodes: Vec<Server>,
    pub sentinels: Vec<Server>,
    master_name: String,
    _alone: MutexGuard<'static, ()>,
}

/// One server, with full rights.
#[derive(Clone)]
pub struct Server {
    pub at: String,
    client: Client,
}

impl Server {
    fn new(url: &str) -> Self {
        Self { at: url.rsplit('@').next().unwrap().to_owned(), client: Client::open(url).unwrap() }
    }

    pub async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let connecting = self.client.get_multiplexed_async_connection();
        timeout(Duration::from_secs(2), connecting).await.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let mut connection = self.connect().await?;
        let asked = command.query_async(&mut connection);
        timeout(Duration::from_secs(2), asked).await.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    /// One field of `INFO section`; empty when there is none.
    pub async fn info(&self, section: &str, field: &str) -> String {
        let text: String = self.ask(cmd("INFO").arg(section)).await.unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap_or_default().trim().to_owned()
    }

    async fn signal(&self, signal: &str, pid: &str) {
        assert!(std::process::Command::new("kill").args([signal, pid]).status().unwrap().success(), "{} has no process {pid}", self.at);
    }

    /// Stops its process; what to thaw it by.
    pub async fn freeze(&self) -> Frozen {
        let pid = self.info("server", "process_id").await;
        self.signal("-STOP", &pid).await;
        Frozen { pid }
    }
}

/// A process that stands still until this is dropped.
pub struct Frozen {
    pid: String,
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = std::process::Command::new("kill").args(["-CONT", &self.pid]).status();
    }
}

impl Witness {
    /// Waits for the cache, and until it is whole.
    pub async fn new() -> Self {
        let alone = alone().await;
        let servers = |name: &str| variable(name).split(',').map(Server::new).collect();
        let witness = Self {
            nodes: servers("REDIS_URLS"),
            sentinels: servers("SENTINEL_URLS"),
            master_name: variable("REDIS_MASTER_NAME"),
            _alone: alone,
        };
        witness.settled().await;
        witness
    }

    /// `SENTINEL WORD master arguments…` of one Sentinel.
    pub async fn sentinel<T: FromRedisValue>(&self, nth: usize, word: &str, arguments: &[&str]) -> RedisResult<T> {
        self.sentinels[nth].ask(cmd("SENTINEL").arg(word).arg(&self.master_name).arg(arguments)).await
    }

    /// What each Sentinel says of the one replica, by field; empty where it says nothing.
    pub async fn replica_as_told(&self) -> Vec<HashMap<String, String>> {
        let mut told = Vec::new();
        for nth in 0..self.sentinels.len() {
            let replicas: Vec<HashMap<String, String>> = self.sentinel(nth, "REPLICAS", &[]).await.unwrap_or_default();
            told.push(replicas.into_iter().next().unwrap_or_default());
        }
        told
    }

    /// To whom each Sentinel sends clients.
    pub async fn named(&self) -> Vec<String> {
        let asked = (0..self.sentinels.len()).map(async |nth| {
            let (host, port): (String, String) = self.sentinel(nth, "GET-MASTER-ADDR-BY-NAME", &[]).await.unwrap_or_default();
            format!("{host}:{port}")
        });
        futures::future::join_all(asked).await
    }

    /// The place of the node that is master in [`Witness::nodes`]; none while none or several are.
    pub async fn master(&self) -> Option<usize> {
        let mut found = Vec::new();
        for (nth, node) in self.nodes.iter().enumerate() {
            if node.info("replication", "role").await == "master" {
                found.push(nth);
            }
        }
        if let [one] = found.as_slice() { Some(*one) } else { None }
    }

    /// Why the cache is not whole; nothing when it is.
    async fn unsettled(&self) -> Option<String> {
        let Some(master) = self.master().await else { return Some("not exactly one master".to_owned()) };
        let replica = &self.nodes[1 - master];
        for (field, wanted) in [("master_link_status", "up"), ("master_sync_in_progress", "0"), ("slave_priority", "100")] {
            let found = replica.info("replication", field).await;
            if found != wanted {
                return Some(format!("{field} is {found}"));
            }
        }
        let named = self.named().await;
        if named.iter().any(|named| *named != self.nodes[master].at) {
            return Some(format!("Sentinels name {named:?}"));
        }
        for nth in 0..self.sentinels.len() {
            let fields: HashMap<String, String> = self.sentinel(nth, "MASTER", &[]).await.unwrap_or_default();
            if fields.get("flags").is_none_or(|flags| flags != "master")
                || fields.get("num-other-sentinels").is_none_or(|count| count != "2")
            {
                return Some(format!("{}: {:?}", self.sentinels[nth].at, fields.get("flags")));
            }
            if self.sentinels[nth].info("sentinel", "sentinel_tilt").await != "0" {
                return Some(format!("{} is in tilt", self.sentinels[nth].at));
            }
            if self.sentinel::<String>(nth, "CKQUORUM", &[]).await.is_err() {
                return Some(format!("{} sees no quorum", self.sentinels[nth].at));
            }
        }
        let told = self.replica_as_told().await;
        let sound = |told: &HashMap<String, String>| {
            told.get("flags").is_some_and(|flags| flags == "slave") && told.get("slave-priority").is_some_and(|priority| priority == "100")
        };
        (!told.iter().all(sound)).then(|| "a Sentinel knows no sound replica".to_owned())
    }

    /// Waits until all is well and every Sentinel knows it.
    pub async fn settled(&self) {
        let began = Instant::now();
        while let Some(why) = self.unsettled().await {
            assert!(began.elapsed() < SETTLES, "the cache does not come to rest: {why}");
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// How often `FAILOVER` was called on either node, and how many failovers the Sentinels have made: one epoch each.
    pub async fn orders(&self) -> (u64, u64) {
        let mut calls = 0;
        for node in &self.nodes {
            let told = node.info("commandstats", "cmdstat_failover").await;
            calls += told.split(',').find_map(|pair| pair.strip_prefix("calls=")?.parse::<u64>().ok()).unwrap_or(0);
        }
        let fields: HashMap<String, String> = self.sentinel(0, "MASTER", &[]).await.unwrap();
        (calls, fields["config-epoch"].parse().unwrap())
    }

    /// Waits until it is so.
    pub async fn until(&self, what: &str, within: Duration, mut is_so: impl AsyncFnMut(&Self) -> bool) -> Duration {
        let began = Instant::now();
        while !is_so(self).await {
            assert!(began.elapsed() < within, "not within {within:?}: {what}");
            sleep(Duration::from_millis(20)).await;
        }
        began.elapsed()
    }

    /// Waits until every Sentinel names this node; how long that took.
    pub async fn agreed(&self, nth: usize, within: Duration) -> Duration {
        let at = self.nodes[nth].at.clone();
        self.until("all Sentinels agree", within, async |witness| witness.named().await.iter().all(|named| *named == at)).await
    }
}

/// A client that writes as fast as it can and stays with a node until that refuses: what it was told is stored must be there in the end.
pub struct Writer {
    stop: watch::Sender<bool>,
    writing: JoinHandle<Written>,
    run: String,
}

/// What a writer did.
pub struct Written {
    pub acknowledged: Vec<u64>,
    /// The longest time between two acknowledgements.
    pub gap: Duration,
}

impl Writer {
    pub fn start(witness: &Witness) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let nodes = Arc::new(witness.nodes.clone());
        let run = format!("canary:{:08x}", rand::random::<u32>());
        let prefix = run.clone();
        let writing = tokio::spawn(async move {
            let mut written = Written { acknowledged: Vec::new(), gap: Duration::ZERO };
            let (mut at, mut number, mut last) = (0, 0_u64, Instant::now());
            let mut connection = None;
            while !*stopped.borrow_and_update() {
                number += 1;
                if connection.is_none() {
                    connection = nodes[at].connect().await.ok();
                }
                let set = async {
                    let connection = connection.as_mut()?;
                    let command = cmd("SET").arg(format!("{prefix}:{number}")).arg(number).arg("EX").arg(600).to_owned();
                    // A write that the master holds back during a hand-over is answered when that ends.
                    timeout(Duration::from_secs(15), command.query_async::<String>(connection)).await.ok()?.ok()
                };
                if set.await.is_some() {
                    written.gap = written.gap.max(last.elapsed());
                    last = Instant::now();
                    written.acknowledged.push(number);
                    sleep(Duration::from_millis(1)).await;
                } else {
                    (connection, at) = (None, (at + 1) % nodes.len());
                    sleep(Duration::from_millis(5)).await;
                }
            }
            written
        });
        Self { stop, writing, run }
    }

    /// Waits until it has written something.
    pub async fn begun(self, witness: &Witness) -> Self {
        let key = format!("{}:*", self.run);
        witness
            .until("the canary writes", Duration::from_secs(20), async |witness| {
                for node in &witness.nodes {
                    let found: Option<String> = node.ask(cmd("GET").arg(key.replace('*', "50"))).await.ok().flatten();
                    if found.is_some() {
                        return true;
                    }
                }
                false
            })
            .await;
        self
    }

    /// Stops it; how many acknowledged writes the master lacks.
    pub async fn lost(self, master: &Server) -> (Written, Vec<u64>) {
        self.stop.send(true).unwrap();
        let written = self.writing.await.unwrap();
        let mut lost = Vec::new();
        let mut connection = master.connect().await.unwrap();
        for numbers in written.acknowledged.chunks(500) {
            let keys: Vec<_> = numbers.iter().map(|number| format!("{}:{number}", self.run)).collect();
            let found: Vec<Option<u64>> = cmd("MGET").arg(&keys).query_async(&mut connection).await.unwrap();
            lost.extend(numbers.iter().zip(found).filter(|(number, found)| Some(**number) != *found).map(|(number, _)| *number));
        }
        (written, lost)
    }
}

/// Asks for a plan that makes `candidate` master.
pub async fn plan(visitor: &Visitor, candidate: &str) -> Answer {
    visitor.post("/runbooks/fail-over-cache/plan", &[("target", SYSTEM), ("candidate", candidate)]).await
}

/// Presses the button of a plan's page, with the cache's name typed.
pub async fn press(visitor: &Visitor, plan: &str) -> Answer {
    let page = visitor.get(&format!("/plans/{plan}")).await;
    let key = value_of(&page.text, "request_key").unwrap_or_else(|| panic!("no form to press in: {}", words(&page.text)));
    let fields = [("request_key", key), ("reason", "a test of this runbook"), ("target", "sessions")];
    visitor.post(&format!("/plans/{plan}/run"), &fields).await
}

/// Plans and confirms; the run's number.
pub async fn fail_over(visitor: &Visitor, candidate: &str) -> i64 {
    let plan = plan(visitor, candidate).await.leads_to("/plans/").to_owned();
    press(visitor, &plan).await.leads_to("/runs/").parse().unwrap()
}
