//! The console's own PostgreSQL: a single instance apart from the estate's.
//!
//! The run-time role is there with its password and no rights at all; the console's `migrate` grants them.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::postgres;
use crate::{
    bed::Bed,
    error::{Of, Result},
    layout::{Port, create_folder, write_file},
    process::{Launch, Process, wait_until},
    program,
};

pub(crate) const NAME: &str = "store";
/// The console's database.
pub(crate) const DATABASE: &str = "quarterdeck";
/// Owns the database, may create roles and databases.
pub(crate) const OWNER: &str = "quarterdeck_owner";
/// The console's run-time role.
pub(crate) const APP: &str = "quarterdeck_app";

/// Measured: initdb 0.8 s, start 0.4 s.
const READY_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn create(bed: &Bed) -> Result<()> {
    let layout = bed.layout();
    let account = postgres::account()?;
    let data = layout.data(NAME);
    create_folder(&data, account, 0o700)?;
    let password_file = layout.config_file("store-superuser");
    write_file(&password_file, bed.secrets().store_superuser.reveal(), account, 0o600)?;
    Launch::new("store-initdb", program::postgres_folder()?.join("initdb"))
        .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"])
        .arg(format!("--pwfile={}", password_file.display()))
        .arg("-D")
        .arg(&data)
        .account(account)
        .folder(&data)
        .run(layout, READY_WITHIN)
        .await?;
    start(bed).await?;
    furnish(bed).await
}

/// Starts the server over its data; also the undo of what stops it.
pub(crate) async fn start(bed: &Bed) -> Result<()> {
    let layout = bed.layout();
    let data = layout.data(NAME);
    let server = Launch::new(NAME, program::postgres_folder()?.join("postgres"))
        .arg("-D")
        .arg(&data)
        .args(["-p", &layout.port(Port::Store).to_string()])
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
        .args(["-c", "max_connections=100", "-c", "shared_buffers=32MB", "-c", postgres::NO_SHARED_FILES])
        .account(postgres::account()?)
        .folder(&data)
        .start(layout)?;
    server.ready(READY_WITHIN, async || superuser(bed).await.map(drop).map_err(|error| error.to_string())).await
}

/// Waits until the server lets somebody in.
pub(crate) async fn answers(bed: &Bed) -> Result<()> {
    wait_until("an answer of the console's PostgreSQL", READY_WITHIN, &bed.layout().log_file(NAME), async || {
        superuser(bed).await.map(drop).map_err(|error| error.to_string())
    })
    .await
}

pub(crate) fn process(bed: &Bed) -> Option<Process> {
    Process::find(bed.layout(), NAME)
}

async fn superuser(bed: &Bed) -> Result<PgConnection> {
    postgres::connect(bed.layout(), Port::Store, "postgres", "postgres", &bed.secrets().store_superuser).await
}

async fn furnish(bed: &Bed) -> Result<()> {
    let secrets = bed.secrets();
    let mut connection = superuser(bed).await?;
    let statements = [
        format!("create role {OWNER} login createrole createdb password '{}'", secrets.store_owner.reveal()),
        format!("create role {APP} login password '{}'", secrets.store_app.reveal()),
        format!("create database {DATABASE} owner {OWNER}"),
    ];
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.of("the console's PostgreSQL")?;
    }
    connection.close().await.of("the console's PostgreSQL")
}
