//! A console's store for one test: a database of its own, migrated, reached as the run-time role.

use app::model::{PlanBody, PlanStep, Role};
use server::{
    audit::{Actor, Event, Record},
    config::Secret,
    store::{self, Accepted, AccountId, Ask, Fence, NewAccount, NewPlan, PlanId, RequestKey, Store},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;
use tokio::sync::OnceCell;
use url::Url;

/// A store that is gone when the test ends.
pub struct TestStore {
    /// As the console has it.
    pub store: Store,
    /// The run-time role's address.
    pub url: Secret,
    /// The owner's address of the same database.
    pub owner_url: Secret,
    name: String,
}

fn variable(name: &str) -> Url {
    let text = std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: `cargo xtask test` starts a store and names it there"));
    Url::parse(&text).unwrap_or_else(|err| panic!("{name}: {err}"))
}

fn in_database(mut url: Url, database: &str) -> Secret {
    url.set_path(database);
    Secret::new(url.to_string())
}

/// The numbers of the migrations, oldest first, as their files are named.
pub fn migrations() -> Vec<i64> {
    let files = std::fs::read_dir("../migrations").unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<_> = files.filter_map(|name| name.strip_suffix(".sql")?.split('_').next()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// The address of an empty database for both roles, with its name.
pub async fn empty_database() -> (Secret, Secret, String) {
    let name = format!("qd_it_{}", uuid::Uuid::new_v4().simple());
    let mut maintenance = PgConnection::connect(variable("STORE_OWNER_DSN").as_str()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut maintenance).await.unwrap();
    (in_database(variable("STORE_DSN"), &name), in_database(variable("STORE_OWNER_DSN"), &name), name)
}

/// Migrated once; each test's database is a copy of it.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let (url, owner_url, name) = empty_database().await;
            store::migrate(&owner_url, &url).await.unwrap();
            // So that the owner may end the run-time role's connections when a test's database is dropped.
            let mut owner = PgConnection::connect(owner_url.reveal()).await.unwrap();
            let role = variable("STORE_DSN").username().to_owned();
            sqlx::raw_sql(AssertSqlSafe(format!("grant \"{role}\" to current_user"))).execute(&mut owner).await.unwrap();
            name
        })
        .await
}

impl TestStore {
    pub async fn new() -> Self {
        let template = template().await;
        let name = format!("qd_it_{}", uuid::Uuid::new_v4().simple());
        let mut maintenance = PgConnection::connect(variable("STORE_OWNER_DSN").as_str()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("create database {name} template {template}"))).execute(&mut maintenance).await.unwrap();
        Self::over(in_database(variable("STORE_DSN"), &name), in_database(variable("STORE_OWNER_DSN"), &name), name)
    }

    pub fn over(url: Secret, owner_url: Secret, name: String) -> Self {
        Self { store: Store::connect(&url).unwrap(), url, owner_url, name }
    }

    /// A connection that may do everything.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect(self.owner_url.reveal()).await.unwrap()
    }

    /// A connection that may do what the console may.
    pub async fn run_time(&self) -> PgConnection {
        PgConnection::connect(self.url.reveal()).await.unwrap()
    }

    pub async fn account(&self, name: &str, role: Role) -> AccountId {
        let hash = Secret::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAA");
        self.store.create_account(&NewAccount { name, password_hash: &hash, role }, Actor::Console).await.unwrap().unwrap()
    }

    /// A plan of `owner` on `target` that lives a minute.
    pub async fn plan(&self, owner: AccountId, target: &str) -> PlanId {
        self.plan_that_lives(owner, target, Duration::from_secs(60)).await
    }

    pub async fn plan_that_lives(&self, owner: AccountId, target: &str, lives: Duration) -> PlanId {
        let (id, body) = (PlanId::random(), body(target));
        let made = Event::Planned { runbook: body.action.clone(), plan: id.to_string(), fingerprint: "00".to_owned() };
        let plan = NewPlan { id: &id, owner, runbook: &body.action, body: &body, fingerprint: [7; 32], lives };
        self.store.insert_plan(plan, &Record::new(Actor::Console, made).on(body.target.clone())).await.unwrap();
        id
    }

    /// A run of `owner` on `target` that is accepted and held by "here".
    pub async fn run(&self, owner: AccountId, target: &str) -> (i64, Fence) {
        let plan = self.plan(owner, target).await;
        match self.store.accept(ask(&plan, owner, &key(plan.as_str()))).await.unwrap() {
            Accepted::Started { run, fence } => (run, fence),
            other => panic!("not started: {other:?}"),
        }
    }

    /// The kinds of a run's audit events, in order.
    pub async fn kinds(&self, run: i64) -> Vec<String> {
        self.store.story(run).await.unwrap().1.into_iter().map(|event| event.kind).collect()
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        let name = self.name.clone();
        // A drop cannot wait, and the test's runtime ends with the test.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let mut maintenance = PgConnection::connect(variable("STORE_OWNER_DSN").as_str()).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(format!("drop database if exists {name} with (force)")))
                    .execute(&mut maintenance)
                    .await
                    .unwrap();
            });
        });
        dropped.join().ok();
    }
}

pub fn key(text: &str) -> RequestKey {
    text.parse().unwrap()
}

pub fn ask<'a>(plan: &'a PlanId, account: AccountId, request_key: &'a RequestKey) -> Ask<'a> {
    Ask { plan, request_key, account, asked_by: "anna", reason: "stuck", executor: "here", lease: Duration::from_secs(5) }
}

pub fn body(target: &str) -> PlanBody {
    let step = |title: &str| PlanStep { title: title.to_owned(), detail: String::new(), usual_s: Some(2), limit_s: 60 };
    PlanBody {
        action: "restart-workload".to_owned(),
        target: target.parse().unwrap(),
        parameters: vec![("replicas".to_owned(), "7".to_owned())],
        title: "Restart cart".to_owned(),
        steps: vec![step("Patch"), step("Wait")],
        changes: vec![],
        blast_radius: vec![],
        checks: vec![],
        by_hand: vec![],
        undo: None,
        basis: vec![],
        instead: None,
    }
}
