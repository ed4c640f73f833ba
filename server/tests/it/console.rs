//! A whole console for one test, over the bed's cluster and a store of its own; and the people who visit it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use app::model::{Role, RunState, SystemId};
use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use reqwest::{Method, RequestBuilder, header};
use server::{
    actions,
    audit::Actor,
    clock::{SharedClock, SystemClock},
    config::{Config, Estate, Listen, Log, LogFormat, Secret, Tls},
    identity::Identity,
    router::router,
    serve::put_together,
    store::{NewAccount, Run, Store},
};
use tokio::{net::TcpListener, process::Child, time::sleep};

use crate::{kubernetes::Workload, store::TestStore};

/// A store may be late on a machine that builds and tests at once; whoever waits no longer than this finds it in time.
const BUSY: Duration = Duration::from_secs(20);

/// Everybody's password.
pub const PASSWORD: &str = "a few words for a test";

/// An estate with one cluster; runbooks are approved on the workloads that tests make.
const ESTATE: &str = r#"
environment: { name: test, estate: AIA }
path:
  - { hop: frontend, systems: [deployment/aia-production-eu/aia-production/aia-frontend] }
clusters:
  aia-production-eu:
    watch: { kubeconfig: { file: "${WATCH_KUBECONFIG}" } }
    act: { kubeconfig: { file: "${ACT_KUBECONFIG}" } }
    namespaces: [aia-production]
runbooks:
  - { use: restart-workload, targets: ["deployment/*/aia-production/it-*"], role: responder }
  - { use: scale-workload, targets: ["deployment/*/aia-production/it-*"], role: responder, parameters: { replicas: { max: 15 } } }
  - { use: set-autoscaler-bounds, targets: ["deployment/*/aia-production/it-*"], role: responder }
"#;

/// An estate without a cluster, for what asks none.
const SMALL: &str = r#"
environment: { name: test, estate: AIA }
endpoints:
  site: { url: "http://127.0.0.1:9/health" }
  api: { url: "http://127.0.0.1:9/api/health" }
"#;

/// Every role, with the name of the account that has it.
pub const ROLES: [(Role, &str); 5] =
    [(Role::Viewer, "vera"), (Role::Auditor, "arno"), (Role::Responder, "rosa"), (Role::Operator, "otto"), (Role::Admin, "ada")];

/// Makes an account of each role.
pub async fn people(store: &Store) {
    // As cheap as argon2id gets: what a hash costs is tested where it is made.
    let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let hash = Secret::new(cheap.hash_password(PASSWORD.as_bytes()).unwrap().to_string());
    for (role, name) in ROLES.into_iter().chain([(Role::Responder, "rolf")]) {
        let began = Instant::now();
        while let Err(err) = store.create_account(&NewAccount { name, password_hash: &hash, role }, Actor::Console).await {
            assert!(began.elapsed() < BUSY, "{name}: {err}");
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// A console in this process, reached by real HTTP.
pub struct TestConsole {
    pub it: TestStore,
    pub base: String,
}

impl TestConsole {
    pub async fn start() -> Self {
        let it = TestStore::new().await;
        let url = it.url.clone();
        Self::over(it, url).await
    }

    /// Over a store that the console reaches by another address than the test does.
    pub async fn over(it: TestStore, url: Secret) -> Self {
        Self::of_estate(it, url, ESTATE).await
    }

    /// With an estate that has no cluster.
    pub async fn small() -> Self {
        let it = TestStore::new().await;
        let url = it.url.clone();
        Self::of_estate(it, url, SMALL).await
    }

    /// Over another estate than that of the bed's cluster.
    pub async fn of_estate(it: TestStore, url: Secret, estate: &str) -> Self {
        let specs: Vec<_> = actions::all().iter().map(|action| action.spec()).collect();
        let estate = Estate::from_text(estate, Path::new("."), &|name| std::env::var(name).ok(), &specs);
        let estate = estate.unwrap_or_else(|faults| panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
        Self::with_estate(it, url, estate).await
    }

    /// Over an estate that was read already.
    pub async fn with_estate(it: TestStore, url: Secret, estate: Estate) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        people(&it.store).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config {
            database_url: url.clone(),
            estate: PathBuf::new(),
            listen: Listen { address, tls: Tls::Loopback },
            replica: "in-process".to_owned(),
            log: Log { format: LogFormat::Text, filter: "info".to_owned() },
        };
        let store = Store::connect(&url).unwrap();
        let clock: SharedClock = Arc::new(SystemClock);
        let identity = Identity::new(store.clone(), clock.clone(), &config.listen, None).unwrap();
        let console = put_together(&config, Arc::new(estate), store, identity, clock).await;
        let service = router(console).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { it, base: format!("http://{address}") }
    }

    /// Somebody who has not signed in.
    pub fn nobody(&self) -> Visitor {
        Visitor::nobody(&self.base)
    }

    /// Somebody of that role.
    pub async fn signed_in_as(&self, role: Role) -> Visitor {
        let (_, name) = ROLES.into_iter().find(|(known, _)| *known == role).unwrap();
        self.nobody().sign_in(name).await
    }

    /// How many events of a kind the audit holds.
    pub async fn count(&self, kind: &str) -> i64 {
        sqlx::query_scalar("select count(*) from audit_events where kind = $1")
            .bind(kind)
            .fetch_one(&mut self.it.run_time().await)
            .await
            .unwrap()
    }

    /// Changes the store behind the console's back, as its owner.
    pub async fn change(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.it.owner().await).await.unwrap();
    }
}

/// The console as its own process.
pub struct Process {
    child: Child,
    pub base: String,
    pub log: PathBuf,
}

impl Process {
    /// Starts the binary, and returns when it answers. `act` is the kubeconfig that it acts by.
    pub async fn start(folder: &Path, database_url: &Secret, port: u16, act: &Path) -> Self {
        Self::of_estate(folder, database_url, port, act, ESTATE).await
    }

    /// Over another estate than that of the bed's cluster.
    pub async fn of_estate(folder: &Path, database_url: &Secret, port: u16, act: &Path, text: &str) -> Self {
        Self::over(folder, database_url, port, text, &[("ACT_KUBECONFIG", act)]).await
    }

    /// Starts the binary over another estate, with what else it needs in its environment.
    pub async fn over(folder: &Path, database_url: &Secret, port: u16, estate_text: &str, more: &[(&str, &Path)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let estate = folder.join("estate.yaml");
        std::fs::write(&estate, estate_text).unwrap();
        let log = folder.join("console.log");
        let written = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_quarterdeck"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("QUARTERDECK_")) {
            command.env_remove(name);
        }
        let child = command
            .arg("serve")
            .env("DATABASE_URL", database_url.reveal())
            .envs(more.iter().copied())
            .env("QUARTERDECK_ESTATE", &estate)
            .env("QUARTERDECK_LISTEN", format!("127.0.0.1:{port}"))
            .env("QUARTERDECK_REPLICA", "the-process")
            .stdout(written.try_clone().unwrap())
            .stderr(written)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut process = Self { child, base: format!("http://127.0.0.1:{port}"), log };
        let nobody = Visitor::nobody(&process.base);
        let began = Instant::now();
        while nobody.request(Method::GET, "/healthz").send().await.is_err() {
            let exited = process.child.try_wait().unwrap();
            assert!(exited.is_none() && began.elapsed() < Duration::from_secs(30), "it does not serve: {exited:?}\n{}", process.said());
            sleep(Duration::from_millis(20)).await;
        }
        process
    }

    /// What it wrote to its log, over all its starts.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL: it does nothing more, and hears nothing of it.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM; how long it took to end.
    pub async fn terminate(mut self) -> Duration {
        let began = Instant::now();
        let pid = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let ended = tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await;
        assert!(ended.is_ok_and(|status| status.unwrap().success()), "it does not end, or not well:\n{}", self.said());
        began.elapsed()
    }
}

/// A port that is free now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A browser without JavaScript: keeps the session's cookie, says where its forms come from, follows no redirect by itself.
#[derive(Clone)]
pub struct Visitor {
    client: reqwest::Client,
    base: String,
    pub cookie: Option<String>,
    /// Whether the first answer counts: else what the store was too late for is tried again, as people do.
    pub impatient: bool,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: header::HeaderMap,
    /// Empty for a stream.
    pub text: String,
    pub took: Duration,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The part of the address behind `before` to which it sends the browser.
    pub fn leads_to(&self, before: &str) -> &str {
        let led = self.location().strip_prefix(before).filter(|_| self.status == 303);
        led.unwrap_or_else(|| panic!("{} to `{}`, not {before}…: {}", self.status, self.location(), words(&self.text)))
    }

    /// The address behind "Show older …".
    pub fn older(&self) -> Option<String> {
        let (before, _) = self.text.split_once(">Show older ")?;
        let (_, href) = before.rsplit_once("href=\"")?;
        Some(href.split('"').next()?.replace("&amp;", "&"))
    }

    /// Asserts the status, and that the page says each of `parts`.
    pub fn says(&self, status: u16, parts: &[&str]) -> &Self {
        let said = words(&self.text);
        assert_eq!(self.status, status, "{said}");
        for part in parts {
            assert!(said.contains(part), "“{part}” in: {said}");
        }
        self
    }
}

/// The text of a page: no tags, one space between words.
pub fn words(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The value of a form's field, as it stands in the page.
pub fn value_of<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let tag = html.split('<').find(|tag| tag.starts_with("input") && tag.contains(&format!("name=\"{name}\"")))?;
    tag.split_once("value=\"")?.1.split_once('"').map(|(value, _)| value)
}

impl Visitor {
    pub fn nobody(base: &str) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self { client, base: base.to_owned(), cookie: None, impatient: false }
    }

    pub async fn sign_in(mut self, name: &str) -> Self {
        let answer = self.post("/sign-in", &[("name", name), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 303, "{}", words(&answer.text));
        self.cookie = Some(answer.header("set-cookie").split(';').next().unwrap().to_owned());
        self
    }

    /// A request with nothing but the cookie.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.cookie {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// As a form of the console's own page does.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).header(header::ORIGIN, &self.base).form(fields)).await
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let began = Instant::now();
        while !self.impatient && began.elapsed() < BUSY {
            let Some(same) = request.try_clone() else { break };
            let answer = Self::once(same).await;
            if answer.status != 503 {
                return answer;
            }
            sleep(Duration::from_millis(300)).await;
        }
        Self::once(request).await
    }

    async fn once(request: RequestBuilder) -> Answer {
        let began = Instant::now();
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let is_stream = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let text = if is_stream { String::new() } else { response.text().await.unwrap() };
        Answer { status, headers, text, took: began.elapsed() }
    }

    /// Makes a plan; its id.
    pub async fn plan(&self, runbook: &str, target: &Workload, fields: &[(&str, &str)]) -> String {
        self.plan_on(runbook, &target.system, fields).await
    }

    /// Makes a plan for any system; its id.
    pub async fn plan_on(&self, runbook: &str, system: &SystemId, fields: &[(&str, &str)]) -> String {
        let fields = [&[("target", system.as_str())][..], fields].concat();
        self.post(&format!("/runbooks/{runbook}/plan"), &fields).await.leads_to("/plans/").to_owned()
    }

    /// Confirms a plan by its page's own form.
    pub async fn confirm(&self, plan: &str, reason: &str) -> Answer {
        let page = self.get(&format!("/plans/{plan}")).await;
        let key = value_of(&page.text, "request_key").unwrap_or_else(|| panic!("no form to press in: {}", words(&page.text)));
        self.press(plan, key, reason).await
    }

    /// Sends a confirmation.
    pub async fn press(&self, plan: &str, key: &str, reason: &str) -> Answer {
        self.post(&format!("/plans/{plan}/run"), &[("request_key", key), ("reason", reason)]).await
    }

    /// Plans and confirms; the run's number.
    pub async fn run(&self, runbook: &str, target: &Workload, fields: &[(&str, &str)]) -> i64 {
        self.run_on(runbook, &target.system, fields).await
    }

    /// Plans and confirms on any system; the run's number.
    pub async fn run_on(&self, runbook: &str, system: &SystemId, fields: &[(&str, &str)]) -> i64 {
        let plan = self.plan_on(runbook, system, fields).await;
        self.confirm(&plan, "a test of this runbook").await.leads_to("/runs/").parse().unwrap()
    }
}

/// Waits until a run has ended.
pub async fn ended(store: &Store, run: i64, within: Duration) -> Run {
    let began = Instant::now();
    loop {
        // Under load a question may go unanswered; the next one is not.
        if let Ok(Some(run)) = store.run(run).await {
            if run.state.has_ended() {
                return run;
            }
            assert!(began.elapsed() < within, "not ended within {within:?}: {run:?}");
        }
        assert!(began.elapsed() < within, "run {run} cannot be read");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a run has succeeded.
pub async fn succeeded(store: &Store, run: i64, within: Duration) -> Run {
    let run = ended(store, run, within).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    run
}

/// How often the cluster let the console change a workload.
pub fn changes(workload: &Workload) -> usize {
    workload.changes_in_the_clusters_audit().into_iter().filter(|status| *status == 200).count()
}
