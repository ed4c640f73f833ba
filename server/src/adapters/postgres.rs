//! PostgreSQL members: one kept connection each, questions that only read.

mod canary;
mod look;

use std::time::Duration;

use futures::future::join_all;
use sqlx::{
    ConnectOptions, FromRow, PgConnection,
    postgres::{PgConnectOptions, PgRow, PgSslMode},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Mutex,
    time::timeout,
};

pub use self::{
    canary::{Canary, Turn},
    look::{Activity, ConnectionCount, LockSide, MemberLook, OpenTransaction, Standing},
};
use super::{
    connect::connect,
    failure::{Failure, one_line},
};
use crate::config::{Database, HostPort};

/// How long a member may take for everything that one question needs: waiting for its connection, connecting, answering.
const WAIT: Duration = Duration::from_secs(2);

/// How the console calls itself in `pg_stat_activity`.
const APPLICATION: &str = "quarterdeck";

/// The members of one database.
pub struct Postgres {
    members: Vec<Member>,
}

/// What each member answered, in the order of the estate file.
pub type Answers<T> = Vec<(HostPort, Result<T, Failure>)>;

impl Postgres {
    /// Never waits: connections are made when first needed.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self { members: database.members.iter().map(|at| Member::new(at, database)).collect() }
    }

    /// The same members by the role that dumps; none where the estate names no such role.
    #[must_use]
    pub fn to_dump(database: &Database) -> Option<Self> {
        let login = database.backup.clone()?;
        Some(Self::new(&Database { watch: login, ..database.clone() }))
    }

    /// What there is to dump on each member.
    pub async fn contents(&self) -> Answers<Contents> {
        self.each(|member| member.one::<Contents>(CONTENTS)).await
    }

    /// What each member is. All are asked side by side: one that hangs delays no other.
    pub async fn states(&self) -> Answers<MemberState> {
        self.each(|member| async move { MemberState::from_row(member.one::<StateRow>(STATE).await?) }).await
    }

    /// Whether each member takes a new client, which a kept connection cannot tell: a frozen postmaster leaves old connections alive.
    pub async fn greetings(&self) -> Answers<()> {
        self.each(Member::greeting).await
    }

    /// Client connections of each member.
    pub async fn connections(&self) -> Answers<Connections> {
        self.each(|member| async move { Ok(Connections::from_rows(member.rows::<ConnectionsRow>(CONNECTIONS).await?)) }).await
    }

    /// The longest transaction of each member, and how many it has ended so far.
    pub async fn transactions(&self) -> Answers<Transactions> {
        self.each(|member| member.one::<Transactions>(TRANSACTIONS)).await
    }

    /// Whether somebody has asked each member for a checkpoint that it is making: it does so before it is stopped, and works on meanwhile.
    pub async fn checkpoints(&self) -> Answers<Checkpoint> {
        self.each(|member| async move { Ok(member.one::<CheckpointRow>(CHECKPOINT).await?.read()) }).await
    }

    /// What each member streams to replicas of its own.
    pub async fn streams(&self) -> Answers<Vec<Stream>> {
        self.each(|member| member.rows::<Stream>(STREAMS)).await
    }

    async fn each<'a, T, F>(&'a self, ask: impl Fn(&'a Member) -> F) -> Answers<T>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let answers = join_all(self.members.iter().map(ask)).await;
        self.members.iter().map(|member| member.at.clone()).zip(answers).collect()
    }
}

/// Whether a member makes a checkpoint that a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// It does.
    Made,
    /// It does not.
    None,
    /// The console's role may not see what others do.
    NotSeen,
}

/// One member, by its own word.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberState {
    /// The server's version ("15.6").
    pub version: String,
    /// What it does.
    pub role: MemberRole,
}

/// What a member does.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberRole {
    /// It takes writes.
    Primary {
        /// Its timeline: one more with each promotion.
        timeline: u32,
        /// How far it has written its log, in bytes since the beginning.
        written: u64,
    },
    /// It follows.
    Replica(Replica),
}

/// How a replica follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    /// The timeline that it follows.
    pub timeline: Option<u32>,
    /// How far it has received the log.
    pub received: Option<u64>,
    /// How far it has replayed the log.
    pub replayed: Option<u64>,
    /// Seconds since the commit that it replayed last was made; grows on an idle primary too.
    pub since_replayed_commit: Option<f64>,
    /// Whether an administrator paused its replay.
    pub replay_paused: bool,
    /// Its connection to the primary.
    pub receiver: Receiver,
}

/// A replica's connection to its primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// The console's role may not look (it is not in `pg_monitor`).
    NotSeen,
    /// No walreceiver runs: its lag would read zero when measured at the replica.
    Disconnected,
    /// It runs.
    Connected {
        /// "streaming", or what it waits for.
        status: String,
    },
}

/// Client connections of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Of clients; the server's own processes do not count.
    pub used: u64,
    /// `max_connections`.
    pub max: u64,
    /// By state, most first ("active", "idle", "idle in transaction", …).
    pub by_state: Vec<(String, u64)>,
}

/// What there is to dump on one member.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Contents {
    /// The server's version in one number: 150006 is 15.6.
    pub version: i32,
    /// How much the database takes on disk, in bytes.
    pub bytes: i64,
    /// Tables of its own.
    pub tables: i64,
    /// Tables of its own that this role may not read: a dump would end at the first.
    pub unreadable: i64,
    /// The name of one of them.
    pub first_unreadable: Option<String>,
}

/// Transactions of one member.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Transactions {
    /// How long the longest open one has been open, in seconds; none open, none.
    pub longest: Option<f64>,
    /// Its process.
    pub pid: Option<i32>,
    /// Its role.
    pub user_name: Option<String>,
    /// What its client calls itself.
    pub application: Option<String>,
    /// What it does ("active", "idle in transaction").
    pub state: Option<String>,
    /// Committed and rolled back in the watched database since the statistics were reset.
    pub ended: Option<i64>,
}

/// One replica as its primary sees it.
#[derive(Clone, Debug, Default, PartialEq, FromRow)]
pub struct Stream {
    /// What the replica calls itself; under Patroni the member's name.
    pub application: String,
    /// "streaming", "catchup", "startup", …; none where the console may not look.
    pub state: Option<String>,
    /// "async", "sync", "quorum", "potential".
    pub sync_state: Option<String>,
    /// Seconds until the replica had written, flushed and replayed; none while it is idle.
    pub write_lag: Option<f64>,
    /// See `write_lag`.
    pub flush_lag: Option<f64>,
    /// See `write_lag`.
    pub replay_lag: Option<f64>,
    /// How far the log was sent, in bytes since the beginning.
    pub sent: Option<i64>,
    /// How far the replica has written it.
    pub written: Option<i64>,
    /// How far the replica has it on its disk.
    pub flushed: Option<i64>,
    /// How far the replica has replayed it.
    pub replayed: Option<i64>,
}

/// One server with the connection that is kept to it.
struct Member {
    at: HostPort,
    options: PgConnectOptions,
    /// Taken out while in use, so that a question given up half way closes its connection instead of leaving half an answer in it.
    kept: Mutex<Option<PgConnection>>,
}

impl Member {
    fn new(at: &HostPort, database: &Database) -> Self {
        let wait = format!("{}ms", WAIT.as_millis());
        let options = PgConnectOptions::new_without_pgpass()
            .host(&at.host)
            .port(at.port)
            .username(&database.watch.user)
            .password(database.watch.password.reveal())
            .database(&database.database)
            .application_name(APPLICATION)
            .ssl_mode(PgSslMode::Prefer)
            .options([
                ("statement_timeout", wait.as_str()),
                ("lock_timeout", wait.as_str()),
                ("idle_in_transaction_session_timeout", wait.as_str()),
                ("default_transaction_read_only", "on"),
            ])
            .disable_statement_logging();
        Self { at: at.clone(), options, kept: Mutex::new(None) }
    }

    async fn one<R>(&self, sql: &'static str) -> Result<R, Failure>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.rows::<R>(sql).await?.pop().ok_or_else(|| Failure::Garbled("no row where one was asked for".into()))
    }

    async fn rows<R>(&self, sql: &'static str) -> Result<Vec<R>, Failure>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        timeout(WAIT, self.rows_unbounded(sql)).await.unwrap_or(Err(Failure::Silent(WAIT)))
    }

    async fn rows_unbounded<R>(&self, sql: &'static str) -> Result<Vec<R>, Failure>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut kept = self.kept.lock().await;
        if let Some(mut connection) = kept.take() {
            match sqlx::query_as(sql).fetch_all(&mut connection).await {
                Ok(rows) => {
                    *kept = Some(connection);
                    return Ok(rows);
                }
                // The server may have been restarted since: a new connection tells.
                Err(sqlx::Error::Io(_)) => {}
                Err(error) => return Err(failure(error)),
            }
        }
        let mut connection = self.options.connect().await.map_err(failure)?;
        let rows = sqlx::query_as(sql).fetch_all(&mut connection).await.map_err(failure)?;
        *kept = Some(connection);
        Ok(rows)
    }

    /// Asks whether TLS is spoken: the server forks a process to answer, before it looks for a free connection, and logs nothing.
    async fn greeting(&self) -> Result<(), Failure> {
        /// Length 8, request code 80877103: `SSLRequest`.
        const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
        let greet = async {
            let mut stream = connect(&self.at, None).await?.stream;
            stream.write_all(&SSL_REQUEST).await.map_err(|error| Failure::from_io(&error))?;
            match stream.read_u8().await.map_err(|error| Failure::from_io(&error))? {
                b'S' | b'N' => Ok(()),
                // An error instead of an answer: it cannot fork.
                b'E' => Err(Failure::NotReady("it takes no new client".into())),
                _ => Err(Failure::Garbled("no PostgreSQL answers there".into())),
            }
        };
        timeout(WAIT, greet).await.unwrap_or(Err(Failure::Silent(WAIT)))
    }
}

/// What the server's or the library's error means.
fn failure(error: sqlx::Error) -> Failure {
    match error {
        sqlx::Error::Io(error) => Failure::from_io(&error),
        sqlx::Error::Database(error) => {
            let says = one_line(error.message());
            // Appendix A of the PostgreSQL manual names the codes.
            match error.code().as_deref() {
                Some("53300") => Failure::Full(says),
                Some("57P03") => Failure::NotReady(says),
                Some("57P01" | "57P02") => Failure::HungUp,
                Some("57014") => Failure::Silent(WAIT),
                Some("28000" | "28P01" | "3D000" | "42501") => Failure::Denied(says),
                _ => Failure::Garbled(says),
            }
        }
        sqlx::Error::Tls(error) => Failure::Unreachable(format!("TLS: {}", one_line(&error.to_string()))),
        other => Failure::Garbled(one_line(&other.to_string())),
    }
}

/// A view without the right to look into it has one row of nulls; without a walreceiver it has none.
const STATE: &str = "\
select current_setting('server_version') as version,
       pg_is_in_recovery() as in_recovery,
       case when not pg_is_in_recovery() then pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8 end as written,
       case when not pg_is_in_recovery() then substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end as timeline,
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::int8 as received,
       pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::int8 as replayed,
       extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as since_replayed_commit,
       case when pg_is_in_recovery() then pg_is_wal_replay_paused() end as replay_paused,
       receiver.pid is not null as receiver_runs,
       receiver.status as receiver_status,
       receiver.received_tli as received_timeline
  from (select) as one left join pg_stat_wal_receiver as receiver on true";

#[derive(FromRow)]
struct StateRow {
    version: String,
    in_recovery: bool,
    written: Option<i64>,
    timeline: Option<String>,
    received: Option<i64>,
    replayed: Option<i64>,
    since_replayed_commit: Option<f64>,
    replay_paused: Option<bool>,
    receiver_runs: bool,
    receiver_status: Option<String>,
    received_timeline: Option<i32>,
}

impl MemberState {
    fn from_row(row: StateRow) -> Result<Self, Failure> {
        let version = one_line(row.version.split_whitespace().next().unwrap_or_default());
        if row.in_recovery {
            let receiver = match (row.receiver_runs, row.receiver_status) {
                (false, _) => Receiver::Disconnected,
                (true, None) => Receiver::NotSeen,
                (true, Some(status)) => Receiver::Connected { status: one_line(&status) },
            };
            let replica = Replica {
                timeline: row.received_timeline.and_then(|timeline| u32::try_from(timeline).ok()),
                received: row.received.and_then(|lsn| u64::try_from(lsn).ok()),
                replayed: row.replayed.and_then(|lsn| u64::try_from(lsn).ok()),
                since_replayed_commit: row.since_replayed_commit.map(|seconds| seconds.max(0.0)),
                replay_paused: row.replay_paused.unwrap_or(false),
                receiver,
            };
            return Ok(Self { version, role: MemberRole::Replica(replica) });
        }
        let timeline = row.timeline.and_then(|hex| u32::from_str_radix(&hex, 16).ok());
        let written = row.written.and_then(|lsn| u64::try_from(lsn).ok());
        match (timeline, written) {
            (Some(timeline), Some(written)) => Ok(Self { version, role: MemberRole::Primary { timeline, written } }),
            _ => Err(Failure::Garbled("a primary without a timeline".into())),
        }
    }
}

/// Row security counts as unreadable: `pg_dump` refuses a table of which it would see some rows only.
const CONTENTS: &str = "\
with own as (
       select c.oid, format('%I.%I', n.nspname, c.relname) as name,
              has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
                and not (c.relrowsecurity and row_security_active(c.oid)) as readable
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%')
select current_setting('server_version_num')::int4 as version, pg_database_size(current_database()) as bytes,
       count(*) as tables, count(*) filter (where not readable) as unreadable,
       min(name) filter (where not readable) as first_unreadable
  from own";

/// Nobody's state is shown to a role outside `pg_monitor`, but everybody is counted.
const CONNECTIONS: &str = "\
select coalesce(state, 'not seen') as state, count(*) as n, current_setting('max_connections')::int8 as max
  from pg_stat_activity where backend_type is null or backend_type = 'client backend'
 group by 1 order by 2 desc limit 10";

#[derive(FromRow)]
struct ConnectionsRow {
    state: String,
    n: i64,
    max: i64,
}

impl Connections {
    fn from_rows(rows: Vec<ConnectionsRow>) -> Self {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let max = rows.first().map_or(0, |row| count(row.max));
        let by_state: Vec<_> = rows.into_iter().map(|row| (one_line(&row.state), count(row.n))).collect();
        Self { used: by_state.iter().map(|(_, n)| n).sum(), max, by_state }
    }
}

/// Dumps and base backups are long on purpose; walsenders and autovacuum are not clients; the console is not its own problem.
const TRANSACTIONS: &str = "\
select extract(epoch from clock_timestamp() - longest.xact_start)::float8 as longest, longest.pid,
       longest.usename::text as user_name, longest.application_name as application, longest.state,
       (select xact_commit + xact_rollback from pg_stat_database where datname = current_database()) as ended
  from (select) as one left join lateral (
       select pid, usename, application_name, state, xact_start from pg_stat_activity
        where backend_type = 'client backend' and xact_start is not null and pid <> pg_backend_pid()
          and application_name not in ('quarterdeck', 'pg_dump', 'pg_dumpall', 'pg_restore', 'pg_basebackup')
        order by xact_start limit 1) as longest on true";

/// What a role outside `pg_monitor` sees in the place of others' statements is no statement.
const CHECKPOINT: &str = "\
select coalesce(bool_or(state = 'active' and query ~* '^\\s*checkpoint\\M'), false) as made,
       coalesce(bool_or(query = '<insufficient privilege>'), false) or not pg_has_role('pg_read_all_stats', 'usage') as hidden
  from pg_stat_activity where pid <> pg_backend_pid()";

#[derive(FromRow)]
struct CheckpointRow {
    made: bool,
    hidden: bool,
}

impl CheckpointRow {
    const fn read(&self) -> Checkpoint {
        match (self.made, self.hidden) {
            (true, _) => Checkpoint::Made,
            (false, true) => Checkpoint::NotSeen,
            (false, false) => Checkpoint::None,
        }
    }
}

/// More replicas of one server than anybody has.
const STREAMS: &str = "\
select application_name as application, state, sync_state,
       extract(epoch from write_lag)::float8 as write_lag, extract(epoch from flush_lag)::float8 as flush_lag,
       extract(epoch from replay_lag)::float8 as replay_lag,
       pg_wal_lsn_diff(sent_lsn, '0/0')::int8 as sent, pg_wal_lsn_diff(write_lsn, '0/0')::int8 as written,
       pg_wal_lsn_diff(flush_lsn, '0/0')::int8 as flushed, pg_wal_lsn_diff(replay_lsn, '0/0')::int8 as replayed
  from pg_stat_replication order by application_name limit 50";
