//! What must hold before the lead of a database is moved: seventeen checks, each with what was measured.
//!
//! They are those that Patroni, repmgr, pg_auto_failover and CloudNativePG make between them; which of them refuses, and from which number on, stands
//! beside each. One that cannot be told refuses like one that fails.

use std::time::Duration;

use app::model::{Check, CheckOutcome, Value};

use super::Loss;
use crate::{
    adapters::{
        database::{Agent, DatabaseLook, Member, Pace, Place},
        patroni::Verb,
        postgres::{Receiver, Standing},
    },
    config::DatabaseLimits,
};

/// Segments that wait for the archive: repmgr warns from here on …
const ARCHIVE_WARNS: i64 = 16;
/// … and refuses from here on: a shutdown waits until they are archived.
const ARCHIVE_REFUSES: i64 = 128;
/// From so much log since the last checkpoint on, the one before the stop takes long: a gigabyte, PostgreSQL's `max_wal_size` where nothing is set.
const CHECKPOINT_WARNS: i64 = 1 << 30;
/// A replica that has more than this to replay is late by its last replayed commit, too; less may be what was written this moment.
const NOT_A_MOMENT: u64 = 1 << 20;

/// What a replica has neither received nor replayed for so long, with something to do, it stands still, whatever it says of itself: a walsender sends
/// within milliseconds. The leader's stop would wait for it, or the lead for its replay.
const STANDS_STILL: Duration = Duration::from_millis(3_500);

/// What came of one check, and what was measured.
type Found = (CheckOutcome, String);

fn pass(value: impl Into<String>) -> Found {
    (CheckOutcome::Pass, value.into())
}

fn warn(value: impl Into<String>) -> Found {
    (CheckOutcome::Warn, value.into())
}

fn fail(value: impl Into<String>) -> Found {
    (CheckOutcome::Fail, value.into())
}

fn unknown(value: impl Into<String>) -> Found {
    (CheckOutcome::Unknown, value.into())
}

fn size(bytes: u64) -> String {
    Value::Bytes(bytes).text()
}

fn seconds(seconds: f64) -> String {
    Value::Duration(seconds).text()
}

/// One question: may `verb` give the lead to `name`?
struct Case<'a> {
    verb: Verb,
    look: &'a DatabaseLook,
    limits: &'a DatabaseLimits,
    name: &'a str,
    candidate: Option<&'a Member>,
    leader: Option<&'a Member>,
}

/// All seventeen, in the order in which they are numbered.
#[must_use]
pub fn checks(verb: Verb, look: &DatabaseLook, candidate: &str, limits: &DatabaseLimits) -> Vec<Check> {
    let case = Case { verb, look, limits, name: candidate, candidate: look.member(candidate), leader: look.leader() };
    let leader = case.leader.map_or("the leader", |leader| leader.name.as_str());
    let over = verb == Verb::SwitchOver;
    let check = |rule: &str, title: String, (outcome, value): Found| Check { rule: rule.to_owned(), title, outcome, value };
    vec![
        if over {
            check("leader", format!("{leader} leads and takes writes"), case.leads())
        } else {
            check("leader", "No member leads and takes writes".into(), case.leads())
        },
        check("candidate", format!("{candidate} may lead and answers"), case.may_lead()),
        check("lag-bytes", format!("{candidate} lacks few bytes"), case.lag_bytes()),
        check("lag-seconds", format!("{candidate} is not late"), case.lag_seconds()),
        check("streaming", format!("{candidate} streams"), case.streams()),
        check("replay", format!("{candidate} replays"), case.replays()),
        check("timeline", format!("{candidate} is on the newest timeline"), case.timeline()),
        check("synchronous", format!("{candidate} is synchronous where that is asked for"), case.synchronous()),
        check("lock-store", "Every Patroni reaches the lock store".into(), case.lock_store()),
        check("one-primary", "Nobody else takes writes".into(), case.one_primary()),
        check("leader-stops", format!("{leader} can be stopped and seen to stop"), case.stops()),
        check("archive", "Few segments wait for the archive".into(), case.archive()),
        check("base-backup", "No base backup is running".into(), case.base_backup()),
        check("checkpoint", "The checkpoint before the stop is short".into(), case.checkpoint()),
        check("not-paused", "Patroni is not paused".into(), case.not_paused()),
        check("no-other", "No other switchover is under way".into(), case.no_other()),
        check("comes-back", format!("{leader} can come back as a replica"), case.comes_back()),
    ]
}

/// The rules that speak of the candidate alone.
pub(super) const OF_THE_CANDIDATE: [&str; 7] = ["candidate", "lag-bytes", "lag-seconds", "streaming", "replay", "timeline", "synchronous"];

impl Case<'_> {
    /// A failover that nobody stands in the way of: what asks for a leader has nothing to ask.
    fn is_leaderless(&self) -> bool {
        self.verb == Verb::FailOver && self.leader.is_none_or(|leader| leader.primary().is_none())
    }

    fn cluster_unread(&self) -> Option<Found> {
        self.look.cluster.as_ref().err().map(|failure| unknown(format!("the cluster cannot be read: Patroni {failure}")))
    }

    /// Check 1: Patroni: "leader name does not match", 412. A failover is for when nobody leads.
    fn leads(&self) -> Found {
        if let Some(unread) = self.cluster_unread() {
            return unread;
        }
        let over = self.verb == Verb::SwitchOver;
        let Some(leader) = self.leader else {
            return if over { fail("no member leads: only a failover helps") } else { pass("no member leads") };
        };
        let name = &leader.name;
        match (&leader.look, leader.primary()) {
            (Ok(_), Some((timeline, _))) if over => pass(format!("by Patroni and by itself, on timeline {timeline}")),
            (Ok(_), Some(_)) => fail(format!("{name} leads and takes writes: switch over instead, which loses nothing")),
            (Ok(_), None) if over => fail(format!("Patroni says that {name} leads, but it takes no writes")),
            (Ok(_), None) => warn(format!("{name} holds the lead, but takes no writes")),
            (Err(failure), _) if over => unknown(format!("Patroni says that {name} leads, but it {failure}")),
            (Err(failure), _) if failure.means_down() => warn(format!("{name} holds the lead until its lease ends, but it {failure}")),
            (Err(failure), _) => unknown(format!("{name} holds the lead, and it {failure}")),
        }
    }

    /// Check 2: Patroni: not reachable, nofailover, watchdog failed; repmgr asks both ways.
    fn may_lead(&self) -> Found {
        if let Some(unread) = self.cluster_unread() {
            return unread;
        }
        let Some((candidate, view)) = self.candidate.and_then(|member| Some((member, member.registered.as_ref()?))) else {
            return fail(format!("Patroni knows no member {}", self.name));
        };
        if view.leads() && self.verb == Verb::SwitchOver {
            return fail("it leads already");
        }
        if candidate.primary().is_some() {
            return fail("it takes writes already");
        }
        if view.is_marked("nofailover") {
            return fail("its administrator marked it: nofailover");
        }
        match candidate.agent.as_ref().map(|agent| &agent.own) {
            None => return unknown("the estate file does not name its Patroni"),
            Some(Err(failure)) => return fail(format!("its Patroni {failure}")),
            Some(Ok(own)) if own.watchdog_failed => return fail("its watchdog cannot be armed"),
            Some(Ok(own)) if own.state != "running" => return fail(format!("its Patroni says that it is {}", own.state)),
            Some(Ok(_)) => {}
        }
        match &candidate.look {
            Err(failure) if failure.means_down() => fail(format!("its PostgreSQL {failure}")),
            Err(failure) => unknown(format!("its PostgreSQL {failure}")),
            Ok(_) => pass("its Patroni and its PostgreSQL answer"),
        }
    }

    /// What the candidate has not received and not replayed of what the leader has written.
    fn lacks(&self) -> Result<(u64, u64), Found> {
        let replica = self.candidate.and_then(Member::replica).ok_or_else(|| unknown("it does not say how far it is"))?;
        let (_, written) = self.leader.and_then(Member::primary).ok_or_else(|| unknown("the leader does not say how far it is"))?;
        let received = replica.received.ok_or_else(|| unknown("it has received nothing since its start"))?;
        let replayed = replica.replayed.ok_or_else(|| unknown("it has replayed nothing since its start"))?;
        Ok((written.saturating_sub(received.max(replayed)), written.saturating_sub(replayed)))
    }

    /// Check 3: Patroni refuses past `maximum_lag_on_failover`, 1 MiB where nothing is set; but not when nobody leads. Replay past the estate's own limit
    /// keeps the candidate from taking writes for long (cloudnative-pg#11110).
    fn lag_bytes(&self) -> Found {
        if self.is_leaderless() {
            let loss = Loss::of(self.look, self.name);
            return if loss.bytes == Some(0) {
                pass(loss.words())
            } else {
                warn(format!("what may be lost: {}. {}", loss.words(), loss.how))
            };
        }
        let (to_receive, to_replay) = match self.lacks() {
            Ok(lacks) => lacks,
            Err(found) => return found,
        };
        let limit = self.look.settings.map_or(1 << 20, |settings| settings.longest_lag());
        let measured = format!("{} to receive, {} to replay", size(to_receive), size(to_replay));
        let late = self.limits.replica_lag_bytes.degraded;
        if to_receive > limit {
            fail(format!("{measured}; Patroni's maximum_lag_on_failover is {}", size(limit)))
        } else if to_replay > late {
            fail(format!("{measured}; with over {} to replay it would take no writes for long", size(late)))
        } else {
            pass(format!("{measured}; limit {}", size(limit)))
        }
    }

    /// Check 4: repmgr aborts past `replication_lag_critical`; the number is the estate's own limit.
    fn lag_seconds(&self) -> Found {
        if self.is_leaderless() {
            let loss = Loss::of(self.look, self.name);
            return match loss.seconds {
                Some(0.0) => pass("it had everything when the leader was last seen"),
                Some(late) => warn(format!("it lacks at most the commits of {}", seconds(late))),
                None => warn("not known: the console did not see it follow the leader"),
            };
        }
        let (_, to_replay) = match self.lacks() {
            Ok(lacks) => lacks,
            Err(found) => return found,
        };
        let measured = self.look.stream_to(self.name).and_then(|stream| stream.replay_lag);
        // While a replica stands still, its leader keeps the last lag that it measured.
        let since_commit = self.candidate.and_then(Member::replica).and_then(|replica| replica.since_replayed_commit);
        let late = match (to_replay, measured) {
            (0, _) => 0.0,
            (NOT_A_MOMENT.., _) => measured.unwrap_or(0.0).max(since_commit.unwrap_or(0.0)),
            (_, Some(measured)) => measured,
            (_, None) => 0.0,
        };
        let limit = self.limits.replica_lag.degraded.as_secs_f64();
        if late >= limit {
            fail(format!("{} behind; limit {}", seconds(late), seconds(limit)))
        } else {
            pass(format!("{} behind; limit {}", seconds(late), seconds(limit)))
        }
    }

    /// Check 5: repmgr: attached to the leader, seen from both sides; a lag of nothing measured at a replica that is cut off means nothing (repmgr#519).
    fn streams(&self) -> Found {
        if self.is_leaderless() {
            return pass("not asked for: there is nobody to stream from");
        }
        let Some(replica) = self.candidate.and_then(Member::replica) else { return unknown("it does not say") };
        if let Some(still) = self.stands_still(|pace| pace.received) {
            return fail(format!("it has received nothing for {}, and there is something to receive", seconds(still.as_secs_f64())));
        }
        let stream = self.look.stream_to(self.name).and_then(|stream| stream.state.clone());
        match (&replica.receiver, stream.as_deref()) {
            (Receiver::Disconnected, _) => fail("its walreceiver is not running: it receives nothing"),
            (Receiver::Connected { status }, Some("streaming")) if status == "streaming" => pass("by itself and by its leader"),
            (Receiver::NotSeen, Some("streaming")) => pass("by its leader; its own word may not be read"),
            (_, Some(state)) => fail(format!("its leader says that it is in {state}")),
            (Receiver::Connected { status }, None) => fail(format!("its leader streams nothing to it; its walreceiver is {status}")),
            (Receiver::NotSeen, None) => unknown("the console's role may not look: it is not in pg_monitor"),
        }
    }

    /// Check 6: repmgr refuses.
    fn replays(&self) -> Found {
        match self.candidate.and_then(Member::replica) {
            None => unknown("it does not say"),
            Some(replica) if replica.replay_paused => fail("somebody paused its replay: pg_wal_replay_resume() lets it go on"),
            Some(_) => match self.stands_still(|pace| pace.replayed) {
                Some(still) => {
                    fail(format!("it has replayed nothing for {}, and there is something to replay", seconds(still.as_secs_f64())))
                }
                None => pass("not paused, and goes on"),
            },
        }
    }

    /// For how long the candidate has stood still, where that is too long.
    fn stands_still(&self, of: impl Fn(&Pace) -> Place) -> Option<Duration> {
        let since = self.look.known.pace.get(self.name).map(of)?.still_since?;
        Some(self.look.at.since(since)).filter(|still| *still >= STANDS_STILL)
    }

    /// Check 7: Patroni: check_timeline; pg_auto_failover filters by ancestry.
    fn timeline(&self) -> Found {
        let newest = self.look.members.iter().filter_map(Member::timeline).max();
        match (self.candidate.and_then(Member::timeline), newest) {
            (Some(own), Some(newest)) if own < newest => fail(format!("on timeline {own}; the newest is {newest}")),
            (Some(own), Some(_)) => pass(format!("timeline {own}")),
            (None, _) | (_, None) => unknown("it does not say which it is on"),
        }
    }

    /// Check 8: Patroni: 412 for a switchover in synchronous mode to a member that is not; Zalando's operator likewise.
    fn synchronous(&self) -> Found {
        let Some(settings) = self.look.settings else { return unknown("Patroni does not tell whether it is asked for") };
        if !settings.synchronous_mode {
            return pass("not asked for: replication is asynchronous");
        }
        let is_synchronous = self.candidate.and_then(|member| member.registered.as_ref()).is_some_and(|view| view.is_synchronous());
        match (is_synchronous, self.verb) {
            (true, _) => pass("it is"),
            (false, Verb::SwitchOver) => fail("synchronous mode is on, and it is not a synchronous member"),
            (false, Verb::FailOver) => {
                warn("synchronous mode is on, and it is not a synchronous member: commits that were acknowledged may be lost")
            }
        }
    }

    /// Check 9: Without the lock store Patroni moves nothing, and two that read different leaders are two clusters.
    fn lock_store(&self) -> Found {
        let agents: Vec<_> = self.look.members.iter().filter_map(|member| Some((member, member.agent.as_ref()?))).collect();
        let needed = |member: &Member| {
            member.name == self.name || (self.verb == Verb::SwitchOver && self.leader.is_some_and(|leader| leader.name == member.name))
        };
        let reads: Vec<_> = agents.iter().filter_map(|(_, agent)| agent.leader.as_ref().ok()).collect();
        let measured = format!("{} of {} reach it", reads.len(), agents.len());
        if reads.is_empty() {
            return match agents.iter().find_map(|(_, agent)| agent.leader.as_ref().err()) {
                Some(failure) => unknown(format!("{measured}: Patroni {failure}")),
                None => unknown("no Patroni is known"),
            };
        }
        if reads.windows(2).any(|pair| pair[0] != pair[1]) {
            return fail("they read different leaders from it");
        }
        let mut away = agents.iter().filter_map(|(member, agent)| Some((*member, agent.leader.as_ref().err()?)));
        match away.clone().find(|(member, _)| needed(member)).or_else(|| away.next()) {
            Some((member, failure)) if needed(member) => fail(format!("{measured}: that of {} {failure}", member.name)),
            Some((member, failure)) => warn(format!("{measured}: that of {} {failure}", member.name)),
            None => pass(measured),
        }
    }

    /// Check 10: Patroni refuses when a primary is still alive; CloudNativePG has a lease for it.
    fn one_primary(&self) -> Found {
        let leads = |member: &Member| self.leader.is_some_and(|leader| leader.name == member.name);
        for member in &self.look.members {
            if leads(member) {
                continue;
            }
            if member.primary().is_some() {
                return fail(format!("{} takes writes, too", member.name));
            }
            if own(member).is_some_and(|agent| agent.own.as_ref().is_ok_and(|own| own.leads())) {
                return fail(format!("the Patroni of {} says that it leads", member.name));
            }
        }
        let silent =
            self.look.members.iter().filter(|member| !leads(member)).find_map(|member| Some((member, member.look.as_ref().err()?)));
        let nobody = if self.leader.is_some() { "nobody but the leader" } else { "nobody" };
        match silent {
            // What refuses connections writes for nobody; what hangs may.
            Some((member, crate::adapters::Failure::Refused)) => pass(format!("{nobody}: {} refuses connections", member.name)),
            Some((member, failure)) if member.registered.is_none() => warn(format!(
                "{} {failure}; its lease has run out, so it must have stopped, unless it hangs without a watchdog",
                member.name
            )),
            Some((member, failure)) => unknown(format!("{} {failure}", member.name)),
            None => pass(nobody),
        }
    }

    /// Check 11: CloudNativePG and pg_auto_failover see the old leader stop first; here its own Patroni does.
    fn stops(&self) -> Found {
        let Some(leader) = self.leader else {
            return if self.verb == Verb::FailOver { pass("nobody leads: its lease has run out") } else { fail("nobody leads") };
        };
        match own(leader).map(|agent| &agent.own) {
            Some(Ok(own)) if own.state == "running" => pass("its Patroni answers, and stops it before anybody takes over"),
            Some(Ok(own)) if self.verb == Verb::SwitchOver => fail(format!("its Patroni says that it is {}", own.state)),
            Some(Err(failure)) if self.verb == Verb::SwitchOver => fail(format!("its Patroni {failure}")),
            None if self.verb == Verb::SwitchOver => unknown("the estate file does not name its Patroni"),
            Some(Ok(_) | Err(_)) | None => warn("not seen: it gives the lead up when its lease ends"),
        }
    }

    fn standing(member: Option<&Member>) -> Result<&Standing, Found> {
        let member = member.ok_or_else(|| unknown("there is no such member"))?;
        let look = member.look.as_ref().map_err(|failure| unknown(format!("{} {failure}", member.name)))?;
        look.standing.as_ref().map_err(|failure| unknown(format!("{} {failure}", member.name)))
    }

    /// Check 12: repmgr: archive_ready warning and critical.
    fn archive(&self) -> Found {
        if self.is_leaderless() {
            return pass("not asked for: nobody is stopped");
        }
        match Self::standing(self.leader) {
            Err(found) => found,
            Ok(standing) if !standing.archives => pass("nothing is archived"),
            Ok(standing) => {
                let measured = format!("{} wait", standing.archive_waits);
                if standing.archive_waits >= ARCHIVE_REFUSES {
                    fail(format!("{measured}; the stop waits for them, limit {ARCHIVE_REFUSES}"))
                } else if standing.archive_fails {
                    warn(format!("{measured}, and the last try to archive one failed"))
                } else if standing.archive_waits >= ARCHIVE_WARNS {
                    warn(format!("{measured}; the stop waits for them"))
                } else {
                    pass(format!("{measured}; limit {ARCHIVE_REFUSES}"))
                }
            }
        }
    }

    /// Check 13: repmgr refuses: a backup ends with the server that it is taken from, and one that is taken from a replica when it is promoted.
    fn base_backup(&self) -> Found {
        let asked: Vec<_> = if self.is_leaderless() { vec![self.candidate] } else { vec![self.leader, self.candidate] };
        for member in asked {
            match Self::standing(member) {
                Err(found) => return found,
                Ok(standing) if standing.base_backups > 0 => {
                    let name = member.map_or("", |member| member.name.as_str());
                    return fail(format!("{} running from {name}; it would be lost", standing.base_backups));
                }
                Ok(_) => {}
            }
        }
        pass("none")
    }

    /// Check 14: repmgr makes one; Patroni makes one, too, before it stops the leader.
    fn checkpoint(&self) -> Found {
        if self.is_leaderless() {
            return pass("not asked for: nobody is stopped");
        }
        match Self::standing(self.leader).map(|standing| standing.since_checkpoint) {
            Err(found) => found,
            Ok(Some(bytes)) => {
                let measured = format!("{} of log since the last one", size(u64::try_from(bytes).unwrap_or(0)));
                if bytes >= CHECKPOINT_WARNS { warn(format!("{measured}: it may take long")) } else { pass(measured) }
            }
            Ok(None) => warn("the leader does not say when its last one was"),
        }
    }

    /// Check 15: Somebody has told Patroni to keep its hands off; a failover to a named member works all the same.
    fn not_paused(&self) -> Found {
        match (&self.look.cluster, self.verb) {
            (Err(_), _) => self.cluster_unread().unwrap_or_else(|| unknown("not known")),
            (Ok(cluster), _) if !cluster.pause => pass("not paused"),
            (Ok(_), Verb::SwitchOver) => fail("somebody paused it and may be at work: ask, then `patronictl resume`"),
            (Ok(_), Verb::FailOver) => warn("somebody paused it, so it does not fail over by itself"),
        }
    }

    /// Check 16: CloudNativePG: phase; PGO: the timeline at the request. The console's own runs are kept apart by the lock on their target.
    fn no_other(&self) -> Found {
        match &self.look.cluster {
            Err(_) => self.cluster_unread().unwrap_or_else(|| unknown("not known")),
            Ok(cluster) => match &cluster.scheduled_switchover {
                None => pass("none"),
                Some(scheduled) => {
                    let at = scheduled.at.as_deref().unwrap_or("a time that it does not tell");
                    let measured = format!("one is scheduled for {at}: `patronictl flush … switchover` takes it back");
                    if self.verb == Verb::SwitchOver { fail(measured) } else { warn(measured) }
                }
            },
        }
    }

    /// Check 17: repmgr: ERR_SWITCHOVER_INCOMPLETE when the old leader does not come back.
    fn comes_back(&self) -> Found {
        let rewinds = self.look.settings.is_some_and(|settings| settings.rewinds());
        // The same settings hold for every member, so where the leader cannot be asked the candidate is.
        let standing = Self::standing(self.leader).or_else(|_| Self::standing(self.candidate));
        match standing {
            Ok(standing) if rewinds && standing.can_rewind => pass("it can be wound back if it must"),
            Ok(standing) if rewinds && !standing.can_rewind => {
                warn("neither wal_log_hints nor data checksums are on: after a crash it must be made anew")
            }
            Ok(_) => warn("use_pg_rewind is off: after a crash it must be made anew"),
            Err((_, why)) => warn(format!("not known: {why}")),
        }
    }
}

fn own(member: &Member) -> Option<&Agent> {
    member.agent.as_ref()
}

#[cfg(test)]
mod tests;
