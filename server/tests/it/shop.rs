//! A database to back up, of a test's own, with its folder in the bed's object store; and an independent client of that store.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use app::model::{Kind, PlanBody, SystemId};
use server::{
    actions::{self, ActCtx, Action, ActionError, Observation, Parameters, RunCtx, Value},
    adapters::Adapters,
    clock::{SharedClock, SystemClock},
    config::Estate,
    probes::{self, ProbeCtx, Reading},
};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{io::AsyncWriteExt, process::Command};
use url::Url;

use crate::{bed::variable, kubernetes::Reports, notes::Remembered};

/// A database with rows, dropped at the end.
pub struct Shop {
    /// What the estate calls it, and its folder in the store.
    pub name: String,
    pub system: SystemId,
    pub folder: tempfile::TempDir,
}

fn owner() -> Url {
    Url::parse(&variable("STORE_OWNER_DSN")).unwrap()
}

fn in_database(name: &str) -> String {
    let mut url = owner();
    url.set_path(name);
    url.to_string()
}

async fn sql(database: &str, text: String) {
    let mut connection = PgConnection::connect(database).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
}

/// Drops a database; a process of the server's own, such as autovacuum, may be in it for a moment.
async fn drop_database(name: &str) {
    let mut connection = PgConnection::connect(owner().as_str()).await.unwrap();
    for _ in 0..50 {
        if sqlx::raw_sql(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).execute(&mut connection).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Two tables; 100 000 orders make some 4 MB of dump that cannot be compressed further.
const TABLES: &str = "
create table customers (id int primary key, name text not null unique);
insert into customers select n, 'customer ' || n from generate_series(1, 500) as n;
create table orders (id int primary key, customer int not null references customers, mark bytea not null);
insert into orders select n, 1 + n % 500, sha256(n::text::bytea) from generate_series(1, ORDERS) as n;
create view biggest as select customer, count(*) from orders group by 1;
analyze;";

impl Shop {
    pub async fn new(orders: u32) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let name = format!("it_shop_{:08x}", rand::random::<u32>());
        sql(owner().as_str(), format!("create database {name}")).await;
        sql(&in_database(&name), TABLES.replace("ORDERS", &orders.to_string())).await;
        let system = SystemId::new(Kind::Backup, &[&name]).unwrap();
        let shop = Self { name, system, folder: tempfile::tempdir().unwrap() };
        let secret = |file: &str, text: &str| std::fs::write(shop.folder.path().join(file), text).unwrap();
        secret("pg", owner().password().unwrap());
        secret("access", &variable("S3_ACCESS_KEY"));
        secret("secret", &variable("S3_SECRET_KEY"));
        shop
    }

    /// The estate file's text; `store` is where the object store is reached, `more` stands in the backup's entry.
    pub fn estate(&self, store: &str, more: &str) -> String {
        let (name, folder) = (&self.name, self.folder.path().display());
        let (host, port) = (owner().host_str().unwrap().to_owned(), owner().port().unwrap());
        let login = format!("{{ user: {}, password: {{ file: {folder}/pg }} }}", owner().username());
        format!(
            "environment: {{ name: test, estate: test }}
databases:
  {name}: {{ members: [\"{host}:{port}\"], database: {name}, watch: {login}, backup: {login} }}
stores:
  main:
    s3:
      endpoint: {store}
      bucket: {bucket}
      credentials: {{ access_key: {{ file: {folder}/access }}, secret_key: {{ file: {folder}/secret }} }}
backups:
  {name}: {{ engine: pg_dump, to: [main]{more} }}
runbooks:
  - {{ use: back-up-database, targets: [\"backup/*\"], role: operator }}
  - {{ use: verify-backup, targets: [\"backup/*\"], role: responder }}
",
            bucket = variable("S3_BUCKET")
        )
    }

    /// A console's adapters over it.
    pub fn console(&self) -> Console {
        self.console_with(&variable("S3_URL"), "")
    }

    pub fn console_with(&self, store: &str, more: &str) -> Console {
        let specs: Vec<_> = actions::all().iter().map(|action| action.spec()).collect();
        let estate = Estate::from_text(&self.estate(store, more), self.folder.path(), &|_| None, &specs);
        let estate = estate.unwrap_or_else(|faults| panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
        let clock: SharedClock = Arc::new(SystemClock);
        let (adapters, estate) = (Arc::new(Adapters::new(&estate, &clock)), Arc::new(estate));
        Console {
            act: ActCtx { adapters: adapters.clone(), estate: estate.clone(), clock: clock.clone() },
            probe: ProbeCtx { adapters, estate, clock },
            notes: Remembered::default(),
            reports: Reports::default(),
            system: self.system.clone(),
        }
    }

    /// How many rows each table has.
    pub async fn rows(&self) -> (i64, i64) {
        rows_in(&self.name).await
    }

    /// A folder with programs of PostgreSQL's in which `pg_dump` is a script: `$real` is the true one.
    pub fn programs(&self, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.folder.path().join("programs");
        std::fs::create_dir_all(&folder).unwrap();
        for (name, script) in [("pg_dump", script), ("pg_restore", "exec $real \"$@\"\n")] {
            let file = folder.join(name);
            let text = format!(
                "#!/bin/sh\nreal=/usr/bin/{name}\nhere={}\nif [ \"$1\" = --version ]; then exec $real --version; fi\n{script}",
                folder.display()
            );
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    /// Dumps of which the first `bytes` come at once and the rest once the file `go` is there; `reached` is there when it waits.
    pub fn held_programs(&self, bytes: u64) -> PathBuf {
        self.programs(&format!(
            "$real \"$@\" | {{ head -c {bytes}; : >\"$here/reached\"; while [ -d \"$here\" ] && [ ! -e \"$here/go\" ]; do sleep 0.05; done; cat; }}\n"
        ))
    }
}

pub async fn rows_in(database: &str) -> (i64, i64) {
    let mut connection = PgConnection::connect(&in_database(database)).await.unwrap();
    sqlx::query_as("select (select count(*) from customers), (select count(*) from orders)").fetch_one(&mut connection).await.unwrap()
}

impl Drop for Shop {
    fn drop(&mut self) {
        let name = self.name.clone();
        // A drop cannot wait, and the test's runtime ends with the test.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for name in [name.clone(), format!("{name}_scratch")] {
                    drop_database(&name).await;
                }
                for (key, _) in listed(&format!("{name}/")).await {
                    s3("DELETE", &spelled(&key), &[]).await;
                }
            });
        });
        dropped.join().ok();
    }
}

/// A console's actions on one shop's backups.
pub struct Console {
    pub act: ActCtx,
    pub probe: ProbeCtx,
    pub notes: Remembered,
    pub reports: Reports,
    pub system: SystemId,
}

impl Console {
    pub async fn plan(&self, action: &dyn Action, backup: Option<&str>) -> Result<PlanBody, ActionError> {
        let parameters: Parameters = backup.map(|name| ("backup".to_owned(), Value::Choice(name.to_owned()))).into_iter().collect();
        action.plan(&self.act, &self.system, &parameters).await
    }

    fn ctx<'a>(&'a self, plan: &'a PlanBody, step: usize, run: &'a str) -> RunCtx<'a> {
        RunCtx { act: &self.act, plan, step, run, by: "olga", progress: &self.reports, notes: &self.notes }
    }

    pub async fn apply(&self, action: &dyn Action, plan: &PlanBody, step: usize, run: &str) -> Result<String, ActionError> {
        action.apply(self.ctx(plan, step, run)).await
    }

    pub async fn observe(&self, action: &dyn Action, plan: &PlanBody, step: usize, run: &str) -> Observation {
        action.observe(self.ctx(plan, step, run)).await
    }

    /// Every step of a backup; what each said.
    pub async fn back_up(&self, run: &str) -> Vec<String> {
        let action = &actions::back_up_database::BackUpDatabase;
        let plan = self.plan(action, None).await.unwrap();
        assert_eq!(plan.forbidden_by(), None);
        let mut said = Vec::new();
        for step in 0..plan.steps.len() {
            said.push(self.apply(action, &plan, step, run).await.unwrap());
        }
        said
    }

    /// What the probe says now.
    pub async fn age(&self) -> Reading {
        let probe = probes::all().into_iter().find(|probe| probe.spec().id == "backup_age").unwrap();
        probe.read(&self.probe, &self.system).await.unwrap()
    }
}

/// A name as it stands in an address.
pub fn spelled(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.' | b'~');
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// One request by curl, which signs it by itself: the status, and the body.
pub async fn s3(method: &str, key_and_query: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut child = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--noproxy",
            "*",
            "--aws-sigv4",
            "aws:amz:us-east-1:s3",
            "--request",
            method,
        ])
        .args(["--header", &format!("x-amz-content-sha256: {}", hex::encode(Sha256::digest(body)))])
        .args(["--user", &format!("{}:{}", variable("S3_ACCESS_KEY"), variable("S3_SECRET_KEY")), "--write-out", "\n%{http_code}"])
        .args(if method == "PUT" { &["--header", "content-type: application/octet-stream", "--data-binary", "@-"][..] } else { &[] })
        .arg("--path-as-is")
        .arg(format!("{}/{}/{key_and_query}", variable("S3_URL"), variable("S3_BUCKET")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (written, output) = tokio::join!(
        async move {
            let written = stdin.write_all(body).await;
            drop(stdin);
            written
        },
        child.wait_with_output()
    );
    drop(written);
    let output = output.unwrap().stdout;
    let at = output.iter().rposition(|b| *b == b'\n').unwrap();
    let status = String::from_utf8_lossy(&output[at + 1..]).parse().unwrap();
    (status, output[..at].to_vec())
}

/// Names and sizes of what stands below a prefix, by curl.
pub async fn listed(prefix: &str) -> Vec<(String, u64)> {
    let (status, body) = s3("GET", &format!("?list-type=2&prefix={}", prefix.replace('/', "%2F")), &[]).await;
    let text = String::from_utf8(body).unwrap();
    assert_eq!(status, 200, "{text}");
    let of = |item: &str, name: &str| {
        let (_, rest) = item.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once('<')?;
        Some(value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    };
    text.split("<Contents>").skip(1).map(|item| (of(item, "Key").unwrap(), of(item, "Size").unwrap().parse().unwrap())).collect()
}

/// How many parts the store holds of an upload.
pub async fn parts(object: &str, upload: &str) -> usize {
    let (status, body) = s3("GET", &format!("{object}?uploadId={upload}"), &[]).await;
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(status == 200 || status == 404, "{status}: {text}");
    text.matches("<PartNumber>").count()
}

/// Restores a dump into a database of its own beside the shop's; the rows of its tables.
pub async fn restored(shop: &Shop, dump: &Path) -> (i64, i64) {
    let scratch = format!("{}_scratch", shop.name);
    sql(owner().as_str(), format!("create database {scratch}")).await;
    let status = Command::new("pg_restore")
        .args(["--exit-on-error", "--no-owner", "--no-privileges", "--dbname", &in_database(&scratch)])
        .arg(dump)
        .status()
        .await
        .unwrap();
    assert!(status.success());
    rows_in(&scratch).await
}
