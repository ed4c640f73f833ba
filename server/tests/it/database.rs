//! What the tests on the bed's PostgreSQL share: the database to oneself, a client that writes and remembers what was acknowledged, Patroni's own
//! interface, and a Patroni between that answers as a script says.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{net::TcpListener, sync::MutexGuard, task::JoinSet, time::sleep};

use crate::bed::variable;

pub const DATABASE: &str = "database/aia_production";

/// The bed's two members.
pub const MEMBERS: [&str; 2] = ["pg1", "pg2"];

/// An estate with the bed's database; `${PATRONI…}` may be led elsewhere.
pub const ESTATE: &str = r#"
environment: { name: test, estate: AIA }
databases:
  aia_production:
    members: ["${PG1}", "${PG2}"]
    database: "${PG_DATABASE}"
    watch: { user: "${PG_WATCH_USER}", password: { file: "${PG_WATCH_PASSWORD_FILE}" } }
    patroni: { urls: ["${PATRONI1}", "${PATRONI2}"], act: { user: "${PATRONI_USER}", password: { file: "${PATRONI_PASSWORD_FILE}" } } }
runbooks:
  - { use: switch-over-database, targets: ["database/aia_production"], role: operator }
  - { use: fail-over-database, targets: ["database/aia_production"], role: admin }
"#;

/// The database belongs to one test at a time: what one breaks, another would find broken.
pub async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let guard = ALONE.lock().await;
    whole().await;
    guard
}

/// The folder of the bed's files.
pub fn folder() -> PathBuf {
    PathBuf::from(variable("PATRONI_PASSWORD_FILE")).parent().and_then(std::path::Path::parent).unwrap().to_owned()
}

/// What a member's Patroni was configured with.
pub fn configuration(member: &str) -> serde_json::Value {
    let file = folder().join("cfg").join(format!("{member}.yml"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// The number in a member's name, less one.
pub fn index(member: &str) -> usize {
    MEMBERS.iter().position(|known| *known == member).unwrap()
}

pub fn address(member: &str) -> String {
    variable(["PG1", "PG2"][index(member)])
}

pub fn patroni_url(member: &str) -> String {
    variable(["PATRONI1", "PATRONI2"][index(member)])
}

fn options(address: &str, user: &str, password: &str) -> PgConnectOptions {
    let (host, port) = address.rsplit_once(':').unwrap();
    let options = PgConnectOptions::new_without_pgpass().host(host).port(port.parse().unwrap()).username(user).password(password);
    options.database(&variable("PG_DATABASE")).disable_statement_logging()
}

fn as_superuser(member: &str) -> PgConnectOptions {
    let login = configuration(member)["postgresql"]["authentication"]["superuser"].clone();
    options(&address(member), login["username"].as_str().unwrap(), login["password"].as_str().unwrap())
}

pub async fn superuser(member: &str) -> PgConnection {
    as_superuser(member).connect().await.unwrap()
}

pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(40)).build().unwrap()
}

/// The cluster as the first Patroni that answers has it.
pub async fn cluster() -> Option<serde_json::Value> {
    for member in MEMBERS {
        let answer = client().get(format!("{}/cluster", patroni_url(member))).timeout(Duration::from_secs(2)).send().await;
        if let Ok(answer) = answer
            && let Ok(cluster) = answer.json().await
        {
            return Some(cluster);
        }
    }
    None
}

fn named(cluster: &serde_json::Value, leads: bool) -> Option<String> {
    let members = cluster["members"].as_array()?;
    let found = members.iter().find(|member| (member["role"] == "leader") == leads)?;
    Some(found["name"].as_str()?.to_owned())
}

/// The member that leads, and the one that follows.
pub async fn roles() -> (String, String) {
    let cluster = cluster().await.expect("a Patroni answers");
    (named(&cluster, true).expect("one leads"), named(&cluster, false).expect("one follows"))
}

/// How many follow a member closely. Who Patroni says leads may not take connections yet, or no longer.
async fn streams(leader: &str) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "select count(*) from pg_stat_replication where state = 'streaming' and pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) < 65536",
    )
    .fetch_one(&mut as_superuser(leader).connect().await?)
    .await
}

/// Waits until one leads and the other streams.
pub async fn whole() {
    let began = Instant::now();
    loop {
        let state = cluster().await;
        let runs = state.as_ref().is_some_and(|cluster| {
            let members = cluster["members"].as_array().cloned().unwrap_or_default();
            let at_hand = |member: &serde_json::Value| matches!(member["state"].as_str(), Some("running" | "streaming"));
            members.len() == 2 && members.iter().all(at_hand) && cluster["pause"] != true
        });
        if runs
            && let Some(leader) = state.as_ref().and_then(|cluster| named(cluster, true))
            && matches!(streams(&leader).await, Ok(1))
        {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "the database does not become whole: {state:?}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Changes the cluster's configuration.
pub async fn configure(change: serde_json::Value) {
    let (user, password) = (variable("PATRONI_USER"), variable("PATRONI_PASSWORD"));
    let (leader, _) = roles().await;
    let answer =
        client().patch(format!("{}/config", patroni_url(&leader))).basic_auth(user, Some(password)).json(&change).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// Sends a signal to a process that the bed started, by the bed's name for it.
pub fn signal(process: &str, signal: &str) {
    let identity = std::fs::read_to_string(folder().join("pid").join(process)).unwrap();
    let pid: String = identity.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    kill(&pid, signal);
}

/// The pid of a member's PostgreSQL.
pub fn postmaster(member: &str) -> String {
    let file = folder().join("data/pg").join(member).join("postmaster.pid");
    std::fs::read_to_string(file).unwrap().lines().next().unwrap().trim().to_owned()
}

pub fn kill(pid: &str, signal: &str) {
    assert!(pid.parse::<u32>().is_ok_and(|pid| pid > 1), "{pid}");
    let done = std::process::Command::new("kill").args([&format!("-{signal}"), pid]).status().unwrap();
    assert!(done.success(), "{signal} to {pid}");
}

/// A client that writes without a pause, on whichever member takes it, and remembers what was acknowledged.
pub struct Writer {
    seen: Arc<Mutex<Seen>>,
    table: String,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    acknowledged: BTreeSet<i64>,
    /// When each was acknowledged and by which member.
    times: Vec<(Instant, usize)>,
}

impl Writer {
    pub async fn start() -> Self {
        let table = format!("it_{}", uuid::Uuid::new_v4().simple());
        let (leader, _) = roles().await;
        // Several hosts in one address: more than a URL has.
        let text = variable("PRIMARY_DSN");
        let login = text.split_once("//").unwrap().1.split_once('@').unwrap().0;
        let (user, password) = login.split_once(':').unwrap();
        let mut owner = options(&address(&leader), user, password).connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("create table {table} (n bigint primary key)"))).execute(&mut owner).await.unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for (which, member) in MEMBERS.into_iter().enumerate() {
            let options = options(&address(member), user, password).application_name("it writer");
            let (seen, next, table) = (seen.clone(), next.clone(), table.clone());
            tasks.spawn(async move {
                let insert = format!("insert into {table} values ($1)");
                loop {
                    let Ok(Ok(mut connection)) = tokio::time::timeout(Duration::from_secs(1), options.connect()).await else {
                        sleep(Duration::from_millis(10)).await;
                        continue;
                    };
                    loop {
                        let reads: Result<bool, _> = sqlx::query_scalar("select pg_is_in_recovery()").fetch_one(&mut connection).await;
                        match reads {
                            Ok(true) => sleep(Duration::from_millis(10)).await,
                            Err(_) => break,
                            Ok(false) => {
                                let n = i64::try_from(next.fetch_add(1, Ordering::SeqCst)).unwrap();
                                let sql = AssertSqlSafe(insert.clone());
                                let sent = sqlx::query(sql).bind(n).execute(&mut connection);
                                let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(5), sent).await else { break };
                                let mut seen = seen.lock().unwrap();
                                seen.acknowledged.insert(n);
                                seen.times.push((Instant::now(), which));
                            }
                        }
                    }
                }
            });
        }
        let writer = Self { seen, table, _tasks: tasks };
        let began = Instant::now();
        while writer.acknowledged() < 20 {
            assert!(began.elapsed() < Duration::from_secs(20), "nobody takes writes");
            sleep(Duration::from_millis(10)).await;
        }
        writer
    }

    pub fn acknowledged(&self) -> usize {
        self.seen.lock().unwrap().acknowledged.len()
    }

    /// From the last acknowledgement of the one to the first of the other, the last time that this happened.
    pub fn gap(&self) -> Option<Duration> {
        let seen = self.seen.lock().unwrap();
        seen.times.windows(2).rev().find(|pair| pair[0].1 != pair[1].1).map(|pair| pair[1].0 - pair[0].0)
    }

    /// Waits until writes are taken again; then, how many of the acknowledged ones are not there.
    pub async fn lost(&self) -> usize {
        let before = self.acknowledged();
        let began = Instant::now();
        while self.acknowledged() < before + 5 {
            assert!(began.elapsed() < Duration::from_secs(60), "writes are not taken again");
            sleep(Duration::from_millis(10)).await;
        }
        let acknowledged = self.seen.lock().unwrap().acknowledged.clone();
        let (leader, _) = roles().await;
        let mut connection = superuser(&leader).await;
        let there: Vec<i64> =
            sqlx::query_scalar(AssertSqlSafe(format!("select n from {}", self.table))).fetch_all(&mut connection).await.unwrap();
        let there: BTreeSet<_> = there.into_iter().collect();
        acknowledged.difference(&there).count()
    }

    /// Removes its table.
    pub async fn end(self) {
        let (leader, _) = roles().await;
        drop(self._tasks);
        let mut connection = superuser(&leader).await;
        sqlx::raw_sql(AssertSqlSafe(format!("drop table if exists {}", self.table))).execute(&mut connection).await.unwrap();
        connection.close().await.ok();
    }
}

/// How a Patroni between answers what would change something. Reads pass, with the addresses of the others put in place of the real ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Script {
    /// As the real one does.
    Passes,
    /// Passes the request on, and hangs up instead of answering.
    DoneAndHangsUp,
    /// Does not pass it on, and hangs up.
    HangsUp,
    /// Does not pass it on: "status unknown".
    Unknown,
    /// Does not pass it on: "failed".
    Failed,
    /// Does not pass it on: another member than the one that was asked for.
    Instead,
    /// Does not pass it on: a 200 that says nothing.
    Rubbish,
    /// Does not pass it on, and says that it was done.
    WithoutEffect,
    /// Does not pass it on: put off.
    Scheduled,
    /// Passes; but every read of a member says that it leads.
    Lies,
    /// Passes nothing on and answers reads with what is no JSON.
    Babbles,
}

impl Script {
    const ALL: [Self; 11] = [
        Self::Passes,
        Self::DoneAndHangsUp,
        Self::HangsUp,
        Self::Unknown,
        Self::Failed,
        Self::Instead,
        Self::Rubbish,
        Self::WithoutEffect,
        Self::Scheduled,
        Self::Lies,
        Self::Babbles,
    ];
}

/// A Patroni before each of the bed's two.
pub struct Between {
    script: Arc<AtomicU8>,
    asked: Arc<AtomicUsize>,
    urls: [String; 2],
}

#[derive(Clone)]
struct Passing {
    to: String,
    script: Arc<AtomicU8>,
    asked: Arc<AtomicUsize>,
    /// The real addresses and what stands for them.
    instead: [(String, String); 2],
    client: reqwest::Client,
}

impl Between {
    pub async fn start() -> Self {
        let (script, asked) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicUsize::new(0)));
        let listeners = [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
        let own = |at: usize| listeners[at].local_addr().unwrap().to_string();
        let real = |at: usize| patroni_url(MEMBERS[at]).trim_start_matches("http://").trim_end_matches('/').to_owned();
        let instead = [(real(0), own(0)), (real(1), own(1))];
        let urls = [format!("http://{}", own(0)), format!("http://{}", own(1))];
        for (listener, member) in listeners.into_iter().zip(MEMBERS) {
            let passing = Passing {
                to: patroni_url(member).trim_end_matches('/').to_owned(),
                script: script.clone(),
                asked: asked.clone(),
                instead: instead.clone(),
                client: client(),
            };
            let service = Router::new().fallback(pass).with_state(passing);
            tokio::spawn(async move { axum::serve(listener, service).await });
        }
        Self { script, asked, urls }
    }

    pub fn set(&self, script: Script) {
        self.script.store(script as u8, Ordering::SeqCst);
    }

    /// How often it was asked to change something.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The estate, led through here.
    pub fn estate(&self) -> String {
        ESTATE.replace("${PATRONI1}", &self.urls[0]).replace("${PATRONI2}", &self.urls[1])
    }
}

async fn pass(State(passing): State<Passing>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let script = Script::ALL[usize::from(passing.script.load(Ordering::SeqCst))];
    let changes = method != Method::GET;
    if changes {
        passing.asked.fetch_add(1, Ordering::SeqCst);
    }
    let answer = |status: u16, text: &str| (StatusCode::from_u16(status).unwrap(), text.to_owned()).into_response();
    match script {
        Script::Unknown if changes => return answer(503, "Switchover status unknown"),
        Script::Failed if changes => return answer(503, "Switchover failed"),
        Script::Instead if changes => return answer(200, "Switched over to \"pg9\" instead of \"pg2\""),
        Script::Rubbish if changes => return answer(200, "{\"ok\": [1, 2"),
        Script::WithoutEffect if changes => return answer(200, "Successfully switched over to \"pg2\""),
        Script::Scheduled if changes => return answer(202, "Switchover scheduled"),
        Script::HangsUp if changes => panic!("a connection that is dropped"),
        Script::Babbles => return answer(200, "<html><script>alert(1)</script>"),
        _ => {}
    }
    let mut request = passing.client.request(method, format!("{}{}", passing.to, uri.path())).body(body);
    for name in ["authorization", "content-type"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let Ok(real) = request.send().await else { panic!("the real one hangs up") };
    let (status, text) = (real.status(), real.text().await.unwrap_or_default());
    if changes && script == Script::DoneAndHangsUp {
        panic!("a connection that is dropped");
    }
    let mut text = passing.instead.iter().fold(text, |text, (real, own)| text.replace(real, own));
    if script == Script::Lies {
        text = text.replace("\"replica\", \"server_version\"", "\"master\", \"server_version\"");
    }
    (status, [("content-type", "application/json")], text).into_response()
}
