//! One member in one look: what it is, what it streams, what stands in the way of stopping it, and what its clients do.

use sqlx::FromRow;
use tokio::time::timeout;

use super::{Answers, Member, MemberState, Postgres, STATE, STREAMS, StateRow, Stream, WAIT};
use crate::adapters::failure::{Failure, one_line};

/// One member at one moment. What the console's role may not see is an error of its own, and hides nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberLook {
    /// What it is.
    pub state: MemberState,
    /// What it streams to replicas of its own.
    pub streams: Result<Vec<Stream>, Failure>,
    /// What bears on stopping it and on its coming back.
    pub standing: Result<Standing, Failure>,
    /// What its clients do.
    pub activity: Result<Activity, Failure>,
}

/// What bears on stopping a member and on its coming back.
#[derive(Clone, Debug, Default, PartialEq, FromRow)]
pub struct Standing {
    /// For how long the server has run, in seconds.
    pub up: f64,
    /// Whether its log is archived.
    pub archives: bool,
    /// Finished segments of the log that wait for the archive: a shutdown waits for them.
    pub archive_waits: i64,
    /// Whether the last try to archive one failed.
    pub archive_fails: bool,
    /// Base backups that are being taken from it.
    pub base_backups: i64,
    /// Whether it could be wound back to another history (`wal_log_hints` or data checksums).
    pub can_rewind: bool,
    /// Bytes of log since its last checkpoint began; none on a replica.
    pub since_checkpoint: Option<i64>,
}

/// What the clients of a member do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity {
    /// Client connections by application and state, most first.
    pub connections: Vec<ConnectionCount>,
    /// `max_connections`.
    pub max_connections: i64,
    /// Of those, kept for superusers.
    pub reserved: i64,
    /// Open transactions, longest first.
    pub transactions: Vec<OpenTransaction>,
    /// Who waits for a lock, and who holds one that somebody waits for.
    pub locks: Vec<LockSide>,
}

/// So many connections of one application in one state.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ConnectionCount {
    /// What the client calls itself, or its role.
    pub application: String,
    /// "active", "idle", "idle in transaction", …; "not seen" where the console may not look.
    pub state: String,
    /// How many.
    pub n: i64,
}

/// One open transaction.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct OpenTransaction {
    /// Its process.
    pub pid: i32,
    /// Its role.
    pub user_name: String,
    /// What its client calls itself.
    pub application: String,
    /// What it does.
    pub state: String,
    /// For how long it has been open, in seconds.
    pub seconds: f64,
    /// The first word of its statement ("UPDATE"): the rest may hold what nobody else may read.
    pub command: String,
    /// What it waits for ("Lock: transactionid"); empty while it works.
    pub waits_for: String,
}

/// One side of a wait for a lock.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct LockSide {
    /// Its process.
    pub pid: i32,
    /// The processes that it waits for; empty for one that only holds.
    pub blocked_by: Vec<i32>,
    /// What its client calls itself.
    pub application: String,
    /// What it does.
    pub state: String,
    /// The first word of its statement.
    pub command: String,
    /// For how long its statement has run, or its transaction has been idle, in seconds.
    pub seconds: f64,
}

impl Postgres {
    /// Each member in one look. All are asked side by side: one that hangs delays no other.
    pub async fn looks(&self) -> Answers<MemberLook> {
        self.each(Member::look).await
    }
}

impl Member {
    async fn look(&self) -> Result<MemberLook, Failure> {
        timeout(WAIT, Box::pin(self.look_unbounded())).await.unwrap_or(Err(Failure::Silent(WAIT)))
    }

    async fn look_unbounded(&self) -> Result<MemberLook, Failure> {
        let state = self.rows_unbounded::<StateRow>(STATE).await?;
        let state = MemberState::from_row(state.into_iter().next().ok_or_else(no_row)?)?;
        let streams = self.rows_unbounded::<Stream>(STREAMS).await;
        let standing = self.rows_unbounded::<Standing>(STANDING).await;
        let standing = standing.and_then(|rows| rows.into_iter().next().ok_or_else(no_row));
        Ok(MemberLook { state, streams, standing, activity: self.activity().await })
    }

    async fn activity(&self) -> Result<Activity, Failure> {
        let mut connections = self.rows_unbounded::<ConnectionCount>(CONNECTIONS).await?;
        let limits = self.rows_unbounded::<Limits>(LIMITS).await?.into_iter().next().ok_or_else(no_row)?;
        let mut transactions = self.rows_unbounded::<OpenTransaction>(TRANSACTIONS).await?;
        let mut locks = self.rows_unbounded::<LockSide>(LOCKS).await?;
        for text in connections.iter_mut().flat_map(|row| [&mut row.application, &mut row.state]) {
            *text = one_line(text);
        }
        for row in &mut transactions {
            for text in [&mut row.user_name, &mut row.application, &mut row.state, &mut row.command, &mut row.waits_for] {
                *text = one_line(text);
            }
        }
        for row in &mut locks {
            for text in [&mut row.application, &mut row.state, &mut row.command] {
                *text = one_line(text);
            }
        }
        Ok(Activity { connections, max_connections: limits.max, reserved: limits.reserved, transactions, locks })
    }
}

fn no_row() -> Failure {
    Failure::Garbled("no row where one was asked for".into())
}

#[derive(FromRow)]
struct Limits {
    max: i64,
    reserved: i64,
}

/// A segment is archived when its `.ready` becomes `.done`. A backup that is taken from a server ends when the server does.
const STANDING: &str = "\
select extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 as up,
       current_setting('archive_mode') <> 'off' as archives,
       (select count(*) from pg_ls_archive_statusdir() where name like '%.ready') as archive_waits,
       coalesce(archiver.last_failed_time > coalesce(archiver.last_archived_time, '-infinity'), false) as archive_fails,
       (select count(*) from pg_stat_progress_basebackup) as base_backups,
       current_setting('wal_log_hints') = 'on' or current_setting('data_checksums') = 'on' as can_rewind,
       case when not pg_is_in_recovery()
            then pg_wal_lsn_diff(pg_current_wal_lsn(), (select redo_lsn from pg_control_checkpoint()))::int8 end as since_checkpoint
  from pg_stat_archiver as archiver";

const CONNECTIONS: &str = "\
select coalesce(nullif(application_name, ''), usename::text, 'not seen') as application, coalesce(state, 'not seen') as state, count(*) as n
  from pg_stat_activity where backend_type is null or backend_type = 'client backend'
 group by 1, 2 order by 3 desc, 1, 2 limit 200";

const LIMITS: &str = "\
select current_setting('max_connections')::int8 as max, current_setting('superuser_reserved_connections')::int8 as reserved";

/// Without the console itself. Statements may hold what only their owner may read, so no more than the first word is asked for.
const TRANSACTIONS: &str = "\
select pid, coalesce(usename::text, 'not seen') as user_name, application_name as application, coalesce(state, 'not seen') as state,
       extract(epoch from clock_timestamp() - xact_start)::float8 as seconds,
       upper(coalesce(substring(query from '^\\s*([A-Za-z]{1,20})'), '')) as command,
       case when wait_event_type in ('Client', 'Activity') then '' else coalesce(wait_event_type || ': ' || wait_event, '') end as waits_for
  from pg_stat_activity
 where backend_type = 'client backend' and xact_start is not null and pid <> pg_backend_pid() and application_name not like 'quarterdeck%'
 order by xact_start limit 10";

/// Only those that wait are asked about: `pg_blocking_pids` holds up the lock table while it looks.
const LOCKS: &str = "\
with waiting as materialized (
  select pid, pg_blocking_pids(pid) as blocked_by from pg_stat_activity where wait_event_type = 'Lock' limit 30)
select activity.pid, coalesce(waiting.blocked_by, '{}') as blocked_by, activity.application_name as application,
       coalesce(activity.state, 'not seen') as state,
       upper(coalesce(substring(activity.query from '^\\s*([A-Za-z]{1,20})'), '')) as command,
       coalesce(extract(epoch from clock_timestamp() -
                case when activity.state = 'active' then activity.query_start else activity.state_change end), 0)::float8 as seconds
  from pg_stat_activity as activity left join waiting on waiting.pid = activity.pid
 where waiting.pid is not null or activity.pid in (select unnest(blocked_by) from waiting)
 order by seconds desc limit 60";
