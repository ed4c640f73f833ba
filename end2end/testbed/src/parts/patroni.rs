//! The estate's PostgreSQL: two members under Patroni, the first one leading at the start.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::postgres;
use crate::{
    bed::Bed,
    error::{Error, Of, Result},
    http,
    layout::{Layout, Port, create_folder, write_file},
    process::{Launch, Process, wait_until},
    program,
};

/// The processes of Patroni, in the order of [`Member::ALL`].
pub(crate) const NAMES: [&str; 2] = ["patroni1", "patroni2"];
/// AIA's database.
pub(crate) const DATABASE: &str = "aia_production";
/// AIA's own role.
pub(crate) const APP: &str = "aia_user";
/// The console's role for looking: `pg_monitor` and nothing else.
pub(crate) const WATCH: &str = "qd_watch";
/// The console's role for dumps: reads all data.
pub(crate) const BACKUP: &str = "qd_backup";
/// The user of Patroni's interface.
pub(crate) const USER: &str = "ops";

const SCOPE: &str = "aia";
/// A failover takes as long as the dead leader's lease. 8/1/3 s is the quickest that stood a day of kills and a busy
/// machine; a lease must cover a loop and two retries.
const LEASE: (u32, u32, u32) = (8, 1, 3);
/// Connections that roles other than superusers may hold are this less three.
pub(crate) const MAX_CONNECTIONS: u32 = 60;
/// Measured: 1.8 to 4.6 s for a new leader, 2 s more for the replica; over a minute while everything else compiles.
const READY_WITHIN: Duration = Duration::from_secs(150);
/// Patroni reports a member that streams as `starting` for up to 3 s; pg_rewind of a dead leader took up to 9 s.
const WHOLE_WITHIN: Duration = Duration::from_secs(120);

/// Replicas that stream and have replayed all but what the small steady load writes in a moment.
const CAUGHT_UP: &str = "select count(*) from pg_stat_replication where state = 'streaming'
     and pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) < 65536";

/// One member of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    First,
    Second,
}

impl Member {
    pub(crate) const ALL: [Member; 2] = [Member::First, Member::Second];

    /// Its name in Patroni's words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Member::First => "pg1",
            Member::Second => "pg2",
        }
    }

    /// The member of this name.
    pub(crate) fn of_name(name: &str) -> Option<Member> {
        Member::ALL.into_iter().find(|member| member.name() == name)
    }

    pub(crate) const fn sql(self) -> Port {
        match self {
            Member::First => Port::Pg1,
            Member::Second => Port::Pg2,
        }
    }

    pub(crate) const fn rest(self) -> Port {
        match self {
            Member::First => Port::Patroni1,
            Member::Second => Port::Patroni2,
        }
    }

    const fn process_name(self) -> &'static str {
        match self {
            Member::First => NAMES[0],
            Member::Second => NAMES[1],
        }
    }

    pub(crate) fn data(self, layout: &Layout) -> PathBuf {
        layout.data("pg").join(self.name())
    }

    /// Patroni of this member, if it runs.
    pub(crate) fn patroni(self, layout: &Layout) -> Option<Process> {
        Process::find(layout, self.process_name())
    }

    /// The database server of this member, if it runs.
    pub(crate) fn server(self, layout: &Layout) -> Option<Process> {
        postgres::server_over(layout, self.name(), &self.data(layout))
    }

    pub(crate) async fn superuser(self, bed: &Bed, database: &str) -> Result<PgConnection> {
        postgres::connect(bed.layout(), self.sql(), database, "postgres", &bed.secrets().pg_superuser).await
    }
}

/// Starts both members, the first one first, since who wins a common start is a race.
pub(crate) async fn create(bed: &Bed) -> Result<()> {
    let layout = bed.layout();
    let account = postgres::account()?;
    create_folder(&layout.data("pg"), account, 0o700)?;
    for member in Member::ALL {
        // A subset of JSON's big brother YAML: names and passwords need no quoting rules of ours.
        let text = serde_json::to_vec_pretty(&configuration(bed, member)?).of("Patroni")?;
        write_file(&configuration_file(layout, member), text, account, 0o600)?;
    }
    let secrets = bed.secrets();
    let variables = format!(
        "\\set app_password '{}'\n\\set watch_password '{}'\n\\set backup_password '{}'\n",
        secrets.pg_app.reveal(),
        secrets.pg_watch.reveal(),
        secrets.pg_backup.reveal()
    );
    write_file(&layout.config_file("aia-passwords.psql"), variables, account, 0o600)?;
    write_file(&layout.config_file("aia.sql"), include_str!("aia.sql"), account, 0o644)?;
    write_file(&layout.config_file("post_bootstrap"), post_bootstrap(layout, &program::postgres_folder()?), account, 0o755)?;

    let first = start(bed, Member::First)?;
    let primary = format!("http://{}/primary", layout.address(Port::Patroni1));
    first.ready(READY_WITHIN, async || http::get(&primary).await?.expect_success()).await?;
    start(bed, Member::Second)?;
    whole(bed).await
}

/// Starts one member over whatever data it has; also the undo of what killed it.
pub(crate) fn start(bed: &Bed, member: Member) -> Result<Process> {
    let layout = bed.layout();
    let bin = program::postgres_folder()?;
    Launch::new(member.process_name(), program::find("patroni", "patroni python3-etcd")?)
        .arg(configuration_file(layout, member))
        .account(postgres::account()?)
        .folder(layout.data("pg"))
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin", bin.display()))
        .env("HOME", layout.data("pg"))
        .start(layout)
}

/// Waits until one member leads and the other has caught up with it, by Patroni's word and by the leader's own.
pub(crate) async fn whole(bed: &Bed) -> Result<()> {
    wait_until("a leader with a streaming replica", WHOLE_WITHIN, &bed.layout().logs(), async || {
        let cluster = cluster(bed).await?;
        if !cluster.members.iter().all(|member| member.state == "running") || cluster.members.len() != Member::ALL.len() {
            return Err(format!("{cluster:?}"));
        }
        let leader = cluster.leader().ok_or("no leader")?;
        let caught_up: i64 = ask(bed, leader, CAUGHT_UP).await?;
        if caught_up == 1 { Ok(()) } else { Err(format!("no replica has caught up with {}", leader.name())) }
    })
    .await
}

async fn ask(bed: &Bed, member: Member, question: &'static str) -> Result<i64, String> {
    let mut connection = member.superuser(bed, "postgres").await.map_err(|error| error.to_string())?;
    sqlx::query_scalar(question).fetch_one(&mut connection).await.map_err(|error| error.to_string())
}

/// How many clients are connected to the leader, in the words of a wait.
pub(crate) async fn sessions(bed: &Bed) -> Result<i64, String> {
    let leader = leader(bed).await.map_err(|error| error.to_string())?;
    ask(bed, leader, "select count(*) from pg_stat_activity where backend_type = 'client backend'").await
}

/// How many transactions on the leader are open and idle.
pub(crate) async fn idle_transactions(bed: &Bed) -> Result<i64, String> {
    let leader = leader(bed).await.map_err(|error| error.to_string())?;
    ask(bed, leader, "select count(*) from pg_stat_activity where state = 'idle in transaction'").await
}

/// The cluster as Patroni describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Cluster {
    members: Vec<ClusterMember>,
}

#[derive(Debug, Deserialize)]
struct ClusterMember {
    name: String,
    role: String,
    state: String,
}

impl Cluster {
    pub(crate) fn leader(&self) -> Option<Member> {
        self.members.iter().find(|member| member.role == "leader").and_then(|member| Member::of_name(&member.name))
    }

    pub(crate) fn replica(&self) -> Option<Member> {
        self.members.iter().find(|member| member.role != "leader").and_then(|member| Member::of_name(&member.name))
    }
}

/// Asks whichever member's Patroni answers.
pub(crate) async fn cluster(bed: &Bed) -> Result<Cluster, String> {
    let mut last = "no Patroni answers".to_owned();
    for member in Member::ALL {
        match http::get(&format!("http://{}/cluster", bed.layout().address(member.rest()))).await {
            Ok(answer) => {
                return serde_json::from_str(&answer.text).map_err(|error| format!("{error}: {}", answer.text));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The member that leads now.
pub(crate) async fn leader(bed: &Bed) -> Result<Member> {
    cluster(bed).await.of("Patroni")?.leader().ok_or(Error::Part { part: "Patroni", reason: "no member leads".to_owned() })
}

/// The member that follows now.
pub(crate) async fn replica(bed: &Bed) -> Result<Member> {
    cluster(bed).await.of("Patroni")?.replica().ok_or(Error::Part { part: "Patroni", reason: "no member follows".to_owned() })
}

fn configuration_file(layout: &Layout, member: Member) -> PathBuf {
    layout.config_file(&format!("{}.yml", member.name()))
}

fn configuration(bed: &Bed, member: Member) -> Result<Value> {
    let (layout, secrets) = (bed.layout(), bed.secrets());
    let (ttl, loop_wait, retry_timeout) = LEASE;
    let (sql, rest) = (layout.address(member.sql()).to_string(), layout.address(member.rest()).to_string());
    Ok(json!({
        "scope": SCOPE,
        "namespace": "/estate/",
        "name": member.name(),
        "restapi": {
            "listen": rest,
            "connect_address": rest,
            "authentication": { "username": USER, "password": secrets.patroni.reveal() },
        },
        "etcd3": { "hosts": [layout.address(Port::EtcdClient).to_string()] },
        "bootstrap": {
            "dcs": {
                "ttl": ttl,
                "loop_wait": loop_wait,
                "retry_timeout": retry_timeout,
                "maximum_lag_on_failover": 1_048_576,
                "synchronous_mode": false,
                "postgresql": {
                    "use_pg_rewind": true,
                    "use_slots": true,
                    "parameters": {
                        "wal_level": "replica",
                        "hot_standby": "on",
                        "wal_log_hints": "on",
                        "max_connections": MAX_CONNECTIONS,
                        "max_wal_senders": 10,
                        "max_replication_slots": 10,
                        "wal_keep_size": "64MB",
                        "shared_buffers": "32MB",
                        "min_wal_size": "80MB",
                        "max_wal_size": "256MB",
                        "shared_preload_libraries": "pg_stat_statements",
                        "track_io_timing": "on",
                        "log_min_duration_statement": 500,
                    },
                },
            },
            "initdb": [{ "encoding": "UTF8" }, { "locale": "C.UTF-8" }, "data-checksums", "no-sync"],
            "post_bootstrap": layout.config_file("post_bootstrap"),
        },
        "postgresql": {
            "listen": sql,
            "connect_address": sql,
            "data_dir": member.data(layout),
            "bin_dir": program::postgres_folder()?,
            "pgpass": layout.data("pg").join(format!("pgpass-{}", member.name())),
            "authentication": {
                "superuser": { "username": "postgres", "password": secrets.pg_superuser.reveal() },
                "replication": { "username": "replicator", "password": secrets.pg_replication.reveal() },
                "rewind": { "username": "rewinder", "password": secrets.pg_rewind.reveal() },
            },
            "pg_hba": [
                "host replication replicator 127.0.0.1/32 scram-sha-256",
                "host all all 127.0.0.1/32 scram-sha-256",
            ],
            // Without a fast checkpoint a new replica waits 100 s for a spread one.
            "basebackup": [{ "checkpoint": "fast" }, "no-sync"],
            "parameters": { "unix_socket_directories": "", "dynamic_shared_memory_type": "mmap" },
        },
    }))
}

/// Patroni calls this with a libpq address of the new leader.
fn post_bootstrap(layout: &Layout, bin: &Path) -> String {
    format!(
        "#!/bin/sh\nexec '{}' --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file '{}' --file '{}' \"$1\"\n",
        bin.join("psql").display(),
        layout.config_file("aia-passwords.psql").display(),
        layout.config_file("aia.sql").display()
    )
}
