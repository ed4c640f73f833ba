//! A writer of the console's own that finds out for how long writes are refused.
//!
//! It commits a small transaction over and over on whichever member takes it: a logical message, which is written to the log, flushed and
//! (where that is wanted) replicated like any other commit, touches no table and needs no right beyond signing in. Each member has a writer of its
//! own, so that one that hangs delays no other.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::{
    task::JoinSet,
    time::{sleep, sleep_until, timeout},
};

use super::Postgres;
use crate::config::HostPort;

/// How often each member is written to: well below a tenth of the shortest gap, which takes Patroni over a second.
const EVERY: Duration = Duration::from_millis(25);
/// How long a connection may take before another is tried.
const CONNECT: Duration = Duration::from_secs(1);
/// How long a write may take; a synchronous leader without its standby holds it up.
const ANSWER: Duration = Duration::from_secs(5);
/// No switchover takes longer; a writer that was forgotten ends by itself.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// A replica is asked and not written to: a refused write would be an error in its log, forty a second.
const WRITE: &str = "\
select case when not pg_is_in_recovery() then pg_logical_emit_message(true, 'quarterdeck', 'canary')::text end";

/// The writers over one database. Dropping it ends them.
pub struct Canary {
    seen: Arc<Mutex<Seen>>,
    _writers: JoinSet<()>,
}

/// What was acknowledged.
#[derive(Clone, Debug, Default)]
struct Seen {
    last: Option<(HostPort, Instant)>,
    acknowledged: u64,
    turns: Vec<Turn>,
}

/// Writes went from one member to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who acknowledged last before.
    pub from: HostPort,
    /// Who acknowledged first after.
    pub to: HostPort,
    /// From that acknowledgement to this one: for so long, nobody's write was taken.
    pub gap: Duration,
}

impl Seen {
    fn acknowledge(&mut self, by: &HostPort, at: Instant) {
        self.acknowledged += 1;
        if let Some((from, before)) = &self.last
            && from != by
        {
            let turn = Turn { from: from.clone(), to: by.clone(), gap: at.saturating_duration_since(*before) };
            // Two that take turns for ever would both be written to: what matters is that it was seen.
            if self.turns.len() < 100 {
                self.turns.push(turn);
            }
        }
        self.last = Some((by.clone(), at));
    }
}

impl Postgres {
    /// Starts to write, until what it returns is dropped.
    #[must_use]
    pub fn canary(&self) -> Canary {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut writers = JoinSet::new();
        for member in &self.members {
            let options = member.options.clone().application_name("quarterdeck canary");
            let (at, seen) = (member.at.clone(), Arc::clone(&seen));
            writers.spawn(async move {
                let _ = timeout(LONGEST, write(options, at, seen)).await;
            });
        }
        Canary { seen, _writers: writers }
    }
}

impl Canary {
    /// How many writes were acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).acknowledged
    }

    /// Each time that writes went from one member to another, oldest first.
    #[must_use]
    pub fn turns(&self) -> Vec<Turn> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).turns.clone()
    }
}

/// Connects and writes, for ever.
async fn write(options: PgConnectOptions, at: HostPort, seen: Arc<Mutex<Seen>>) {
    loop {
        if let Ok(Ok(connection)) = timeout(CONNECT, options.connect()).await {
            write_on(connection, &at, &seen).await;
        }
        sleep(EVERY).await;
    }
}

/// Writes until the connection fails.
async fn write_on(mut connection: PgConnection, at: &HostPort, seen: &Mutex<Seen>) {
    loop {
        let next = tokio::time::Instant::now() + EVERY;
        match timeout(ANSWER, sqlx::query_scalar::<_, Option<String>>(WRITE).fetch_one(&mut connection)).await {
            Ok(Ok(Some(_))) => seen.lock().unwrap_or_else(PoisonError::into_inner).acknowledge(at, Instant::now()),
            Ok(Ok(None)) => {}
            Ok(Err(_)) | Err(_) => return,
        }
        sleep_until(next).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_lasts_from_the_last_acknowledgement_before_to_the_first_after() {
        let member = |port| HostPort { host: "h".into(), port };
        let (one, two, t0) = (member(1), member(2), Instant::now());
        let at = |ms| t0 + Duration::from_millis(ms);
        let mut seen = Seen::default();
        for (by, ms) in [(&one, 0), (&one, 700), (&one, 725), (&two, 2_500), (&two, 9_000)] {
            seen.acknowledge(by, at(ms));
        }
        assert_eq!(seen.turns, [Turn { from: one, to: two, gap: Duration::from_millis(1_775) }], "a pause of one member is no turn");
        assert_eq!(seen.acknowledged, 5);
    }
}
