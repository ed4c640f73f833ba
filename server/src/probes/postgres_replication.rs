//! How far each replica trails its primary: in bytes received, in bytes replayed, in time; and whether it is connected at all.
//!
//! A replica measured by itself reads zero lag when it is cut off, and minutes of lag when nothing is written. So the time is counted here: since
//! when the primary has been past the place where the replica is.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{below, member_name, not_configured, size, words},
};
use crate::{
    adapters::{
        Failure,
        postgres::{MemberRole, Receiver, Replica, Stream},
    },
    config::{DatabaseLimits, Estate, Limit},
};

/// A replica that has received or replayed nothing for this long, with something to receive or replay, stands still, whatever it says of itself: a
/// walsender sends within milliseconds and notices a dead peer by `wal_sender_timeout` only after a minute; replay that is held up does not go on by
/// itself before `max_standby_streaming_delay`, 30 s. A little less than two periods, so that the third look is enough and both show within ten seconds.
const STILL: Duration = Duration::from_millis(3_500);

/// How far back the primary's course is kept: longer than any lag that is worth a number.
const KEPT: Duration = Duration::from_secs(30 * 60);

#[derive(Default)]
pub(super) struct PostgresReplication {
    courses: Mutex<HashMap<SystemId, Course>>,
}

impl Probe for PostgresReplication {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec {
            id: "postgres_replication",
            title: "Replica lag",
            kind: Kind::Database,
            every: Duration::from_secs(2),
            timeout: Duration::from_secs(3),
        }
    }

    fn applies(&self, estate: &Estate, system: &SystemId) -> bool {
        estate.databases.get(system.name()).is_some_and(|database| database.members.len() > 1)
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let name = system.name();
            let postgres = ctx.adapters.postgres.get(name).ok_or_else(not_configured)?;
            let limits = &ctx.estate.databases.get(name).ok_or_else(not_configured)?.limits;
            let (states, streams) = tokio::join!(postgres.states(), postgres.streams());
            let now = ctx.clock.now().mono;
            let mut courses = self.courses.lock().unwrap_or_else(PoisonError::into_inner);
            let course = courses.entry(system.clone()).or_default();
            let mut written = None;
            let mut streamed = Vec::new();
            let mut replicas = Vec::new();
            for ((at, state), (_, streams)) in states.into_iter().zip(streams) {
                let name = member_name(ctx, name, &at);
                match state.map(|state| state.role) {
                    Ok(MemberRole::Primary { written: position, .. }) => {
                        written = written.max(Some(position));
                        streamed.extend(streams.unwrap_or_default());
                    }
                    Ok(MemberRole::Replica(replica)) => replicas.push((name, Ok(replica))),
                    Err(failure) => replicas.push((name, Err(failure))),
                }
            }
            if let Some(written) = written {
                course.primary_at(now, written);
            }
            let followers = replicas.into_iter().map(|(name, state)| {
                let progress = state.as_ref().ok().map(|replica| course.replica_at(now, &name, replica, written));
                let stream = streamed.iter().find(|stream| stream.application == name).cloned();
                Follower { name, state, progress, stream }
            });
            Ok(judge(&followers.collect::<Vec<_>>(), limits))
        })
    }
}

/// Where the primary was when, and since when each replica has been where it is.
#[derive(Default)]
struct Course {
    written: VecDeque<(Instant, u64)>,
    replicas: HashMap<String, Places>,
}

/// Where a replica is, and since when it has been there although there was somewhere to go.
#[derive(Default)]
struct Places {
    received: Place,
    replayed: Place,
}

#[derive(Default)]
struct Place {
    position: u64,
    waiting_since: Option<Instant>,
}

impl Place {
    /// Takes the new position; tells for how long it has not moved. Counts from looks that saw it behind, so that two are needed: what is
    /// written between two looks does not make a replica late.
    fn at(&mut self, now: Instant, position: u64, is_behind: bool) -> Duration {
        if !is_behind {
            self.waiting_since = None;
        } else if position != self.position {
            self.waiting_since = Some(now);
        }
        self.position = position;
        if is_behind { now - *self.waiting_since.get_or_insert(now) } else { Duration::ZERO }
    }
}

/// How far behind a replica is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Progress {
    /// Bytes that the primary has written and the replica has not received; none without a primary.
    to_receive: Option<u64>,
    /// Bytes that the primary has written and the replica has not replayed; none without a primary.
    to_replay: Option<u64>,
    /// Since when the primary has been past what is replayed; none without a primary.
    behind: Option<Duration>,
    /// For how long nothing was received although there was something to receive.
    receives_nothing_for: Duration,
    /// For how long nothing was replayed although there was something to replay.
    replays_nothing_for: Duration,
}

impl Course {
    fn primary_at(&mut self, now: Instant, written: u64) {
        // A smaller position is another history: after a failover the course begins anew.
        if self.written.back().is_some_and(|(_, before)| *before > written) {
            self.written.clear();
        }
        if self.written.back().is_none_or(|(_, before)| *before < written) {
            self.written.push_back((now, written));
        }
        while self.written.len() > 1 && self.written.front().is_some_and(|(at, _)| now - *at > KEPT) {
            self.written.pop_front();
        }
    }

    fn replica_at(&mut self, now: Instant, name: &str, replica: &Replica, written: Option<u64>) -> Progress {
        let received = replica.received.unwrap_or(0);
        let replayed = replica.replayed.unwrap_or(0);
        // Names come from the estate or from Patroni's members, so this stays as small as they are few.
        let places = self.replicas.entry(name.to_owned()).or_default();
        let to_receive = written.map(|written| written.saturating_sub(received));
        let to_replay = written.map(|written| written.saturating_sub(replayed));
        let receives_nothing_for = places.received.at(now, received, to_receive.is_some_and(|bytes| bytes > 0));
        // What is received and not replayed counts without a primary too.
        let replays_nothing_for = places.replayed.at(now, replayed, received.max(written.unwrap_or(0)) > replayed);
        let past = self.written.iter().find(|(_, written)| *written > replayed).map(|(at, _)| now - *at);
        // Past since before the first look: the age of the last replayed commit tells more, and never less.
        let first_is_past = self.written.front().is_some_and(|(_, written)| *written > replayed);
        let longest = replica.since_replayed_commit.map(Duration::from_secs_f64).filter(|_| first_is_past && self.written.len() > 1);
        let behind = written.map(|_| past.unwrap_or_default().max(longest.unwrap_or_default()));
        Progress { to_receive, to_replay, behind, receives_nothing_for, replays_nothing_for }
    }
}

struct Follower {
    name: String,
    state: Result<Replica, Failure>,
    progress: Option<Progress>,
    stream: Option<Stream>,
}

/// One replica's judgment, and what is said of it.
struct Verdict {
    health: Health,
    says: String,
    cause: Option<String>,
    /// What is drawn large.
    figure: Value,
}

fn judge(followers: &[Follower], limits: &DatabaseLimits) -> Reading {
    let verdicts: Vec<_> = followers.iter().map(|follower| verdict(follower, limits)).collect();
    let Some(worst) = verdicts.iter().rev().max_by_key(|verdict| verdict.health) else {
        return Reading::new(Health::Degraded, "there is no replica")
            .cause("every member takes writes or none was found")
            .figure(Value::Text("none".into()));
    };
    let bad: Vec<_> = verdicts.iter().filter(|verdict| verdict.health != Health::Ok).map(|verdict| verdict.says.as_str()).collect();
    let summary = if bad.is_empty() { worst.says.clone() } else { bad.join("; ") };
    let mut reading = Reading::new(worst.health, summary).figure(worst.figure.clone()).limit(limits.replica_lag.degraded.as_secs_f64());
    reading.cause.clone_from(&worst.cause);
    let to_replay = followers.iter().filter_map(|follower| follower.progress?.to_replay).max();
    reading.note = match to_replay {
        Some(bytes) if worst.health == Health::Ok => format!("{} to replay, limit {}", size(bytes), words(limits.replica_lag.degraded)),
        _ => worst.says.clone(),
    };
    for follower in followers {
        reading.facts.extend(facts(follower, limits));
    }
    reading
}

fn verdict(Follower { name, state, progress, .. }: &Follower, limits: &DatabaseLimits) -> Verdict {
    let replica = match state {
        Ok(replica) => replica,
        Err(failure) if failure.means_down() => {
            // The database serves without it, so this is not down; what it could still be promoted to is.
            return Verdict {
                health: Health::Degraded,
                says: format!("{name} does not follow: it {failure}"),
                cause: None,
                figure: Value::Text("lost".into()),
            };
        }
        Err(failure) => {
            return Verdict {
                health: Health::Unknown,
                says: format!("{name} {failure}"),
                cause: None,
                figure: Value::Text("unknown".into()),
            };
        }
    };
    let progress = progress.unwrap_or_default();
    let behind = progress.behind.unwrap_or_default();
    // A replica that trails is judged by its lag, whatever else is wrong with it.
    let lag = below(&behind, &limits.replica_lag);
    let bytes = match progress.to_replay {
        Some(bytes) if bytes >= limits.replica_lag_bytes.degraded => Health::Degraded,
        _ => Health::Ok,
    };
    let late = Value::Duration(behind.as_secs_f64());
    let at_least_degraded = |says: String, cause: &str, figure: Value| Verdict {
        health: lag.max(Health::Degraded),
        says,
        cause: Some(cause.to_owned()),
        figure,
    };
    match &replica.receiver {
        Receiver::Disconnected => {
            return at_least_degraded(
                format!("{name} is cut off from its primary"),
                &format!("{name}'s walreceiver is not running"),
                Value::Text("cut off".into()),
            );
        }
        Receiver::NotSeen if progress.to_receive.is_none() => {
            let says = format!("whether {name} is connected cannot be seen: the console's role is not in pg_monitor");
            return Verdict { health: Health::Unknown, says, cause: None, figure: Value::Text("unknown".into()) };
        }
        Receiver::NotSeen | Receiver::Connected { .. } => {}
    }
    if replica.replay_paused {
        return at_least_degraded(
            format!("{name} replays nothing: its replay is paused"),
            "an administrator called pg_wal_replay_pause()",
            late,
        );
    }
    let Some(to_replay) = progress.to_replay else {
        let says = format!("{name} is connected, but there is no primary to measure it against");
        return Verdict { health: Health::Unknown, says, cause: None, figure: Value::Text("unknown".into()) };
    };
    if progress.receives_nothing_for >= STILL {
        let says = format!("{name} has received nothing for {}, {} behind", words(progress.receives_nothing_for), size(to_replay));
        return at_least_degraded(says, &format!("{name}'s walreceiver is connected but hangs, or the network between them does"), late);
    }
    if progress.replays_nothing_for >= STILL {
        let says = format!("{name} has replayed nothing for {}, {} behind", words(progress.replays_nothing_for), size(to_replay));
        return at_least_degraded(says, "a query on the replica holds the replay up, or its startup process hangs", late);
    }
    let health = lag.max(bytes);
    Verdict { health, says: format!("{name} is {} behind, {} to replay", words(behind), size(to_replay)), cause: None, figure: late }
}

fn facts(Follower { name, state, progress, stream }: &Follower, limits: &DatabaseLimits) -> Vec<Fact> {
    let fact = |what: &str, value: Value| Fact::new(format!("{name}: {what}"), value);
    let mut facts = Vec::new();
    match state {
        Err(failure) => facts.push(fact("state", Value::Text(failure.to_string()))),
        Ok(replica) => {
            let receiver = match &replica.receiver {
                Receiver::NotSeen => "not seen".to_owned(),
                Receiver::Disconnected => "not running".to_owned(),
                Receiver::Connected { status } => status.clone(),
            };
            facts.push(fact("walreceiver", Value::Text(receiver)));
            if replica.replay_paused {
                facts.push(fact("replay", Value::Text("paused".into())));
            }
            if let Some(timeline) = replica.timeline {
                facts.push(fact("timeline", Value::Count(timeline.into(), String::new())));
            }
        }
    }
    let Some(progress) = progress else { return facts };
    if let Some(bytes) = progress.to_receive {
        facts.push(fact("to receive", Value::Bytes(bytes)));
    }
    if let Some(bytes) = progress.to_replay {
        facts.push(fact("to replay", Value::Bytes(bytes)).limit(Value::Bytes(limits.replica_lag_bytes.degraded)));
    }
    if let Some(behind) = progress.behind {
        let Limit { degraded, .. } = limits.replica_lag;
        facts.push(fact("behind", Value::Duration(behind.as_secs_f64())).limit(Value::Duration(degraded.as_secs_f64())));
    }
    if let Some(stream) = stream {
        let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "not seen".into());
        facts.push(fact("by its primary", Value::Text(format!("{}, {}", word(&stream.state), word(&stream.sync_state)))));
        // An idle replica has none of these, which is not zero.
        for (what, lag) in [("write lag", stream.write_lag), ("flush lag", stream.flush_lag), ("replay lag", stream.replay_lag)] {
            facts.extend(lag.map(|lag| fact(what, Value::Duration(lag))));
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> DatabaseLimits {
        let seconds = Duration::from_secs;
        DatabaseLimits {
            replica_lag: Limit { degraded: seconds(10), down: seconds(60) },
            replica_lag_bytes: Limit { degraded: 50_000_000, down: u64::MAX },
            connections: Limit { degraded: 0.75, down: 0.9 },
            longest_transaction: Limit { degraded: seconds(300), down: seconds(3600) },
        }
    }

    fn replica(received: u64, replayed: u64) -> Replica {
        Replica {
            timeline: Some(7),
            received: Some(received),
            replayed: Some(replayed),
            since_replayed_commit: Some(600.0),
            replay_paused: false,
            receiver: Receiver::Connected { status: "streaming".into() },
        }
    }

    fn judged(state: Result<Replica, Failure>, progress: Progress) -> (Health, String) {
        let follower = Follower { name: "pg2".into(), progress: state.is_ok().then_some(progress), state, stream: None };
        let reading = judge(&[follower], &limits());
        (reading.health, format!("{} | {}", reading.summary, reading.figure.map(|figure| figure.text()).unwrap_or_default()))
    }

    fn progress(to_replay: u64, behind: u64) -> Progress {
        Progress { to_receive: Some(0), to_replay: Some(to_replay), behind: Some(Duration::from_secs(behind)), ..Progress::default() }
    }

    #[test]
    fn lag_is_judged_in_time_and_bytes_and_never_reads_zero_when_cut_off() {
        let cut_off = || Ok(Replica { receiver: Receiver::Disconnected, ..replica(5, 5) });
        let paused = || Ok(Replica { replay_paused: true, ..replica(5, 5) });
        let hangs = Progress { receives_nothing_for: STILL, to_receive: Some(9), ..progress(9, 5) };
        let stands = Progress { replays_nothing_for: STILL, ..progress(9, 5) };
        for (state, progress, health, says) in [
            (Ok(replica(5, 5)), progress(16_000, 0), Health::Ok, "pg2 is 0 ms behind, 16 kB to replay"),
            (Ok(replica(5, 5)), progress(16_000, 10), Health::Degraded, "pg2 is 10 s behind"),
            (Ok(replica(5, 5)), progress(16_000, 60), Health::Down, "pg2 is 60 s behind"),
            (Ok(replica(5, 5)), progress(50_000_000, 1), Health::Degraded, "50 MB to replay"),
            (cut_off(), progress(0, 0), Health::Degraded, "pg2 is cut off from its primary | cut off"),
            (cut_off(), progress(9, 61), Health::Down, "cut off"),
            (paused(), progress(0, 0), Health::Degraded, "its replay is paused"),
            (Ok(replica(5, 5)), hangs, Health::Degraded, "received nothing for 3.5 s"),
            (Ok(replica(5, 5)), stands, Health::Degraded, "replayed nothing for 3.5 s"),
            (Ok(replica(5, 5)), Progress::default(), Health::Unknown, "no primary to measure it against"),
            (Err(Failure::Refused), Progress::default(), Health::Degraded, "pg2 does not follow: it refuses connections | lost"),
            (Err(Failure::Denied("no".into())), Progress::default(), Health::Unknown, "pg2 does not let the console in"),
        ] {
            let (found, said) = judged(state, progress);
            assert_eq!(found, health, "{said}");
            assert!(said.contains(says), "{said} should say: {says}");
        }
    }

    #[test]
    fn the_time_behind_is_counted_from_when_the_primary_was_past_the_replica() {
        let t0 = Instant::now();
        let at = |second: u64| t0 + Duration::from_secs(second);
        let mut course = Course::default();
        for (second, written) in [(0, 100), (2, 200), (4, 300), (6, 400)] {
            course.primary_at(at(second), written);
        }
        let behind = |course: &mut Course, replayed| course.replica_at(at(7), "pg2", &replica(400, replayed), Some(400)).behind;
        assert_eq!(behind(&mut course, 400), Some(Duration::ZERO), "an idle primary is no lag, however old the last commit");
        assert_eq!(behind(&mut course, 350), Some(Duration::from_secs(1)));
        assert_eq!(behind(&mut course, 150), Some(Duration::from_secs(5)));
        assert_eq!(behind(&mut course, 50), Some(Duration::from_secs(600)), "past since before the first look: its last commit tells");
    }

    #[test]
    fn a_replica_stands_still_only_with_something_to_move_by() {
        let t0 = Instant::now();
        let mut course = Course::default();
        let mut look = |second: u64, received, written| {
            course
                .replica_at(t0 + Duration::from_secs(second), "pg2", &replica(received, received), Some(written))
                .receives_nothing_for
                .as_secs()
        };
        assert_eq!(look(0, 100, 100), 0);
        assert_eq!(look(60, 100, 100), 0, "idle");
        assert_eq!(look(66, 100, 900), 0, "one look cannot tell");
        assert_eq!(look(68, 100, 900), 2);
        assert_eq!(look(70, 300, 900), 0, "it moves");
        assert_eq!(look(75, 300, 900), 5);
    }
}
