//! The steps of a run that moves the lead: the one request, the new leader, the old one; and what is remembered of it meanwhile.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{ARRIVE_LIMIT_S, CANDIDATE, FIRST_WRITE, Target, before};
use crate::{
    actions::{
        ActionError, Observation, RunCtx,
        workload::{basis, same_basis},
    },
    adapters::{
        database::{DatabaseLook, Member},
        patroni::{Asked, Verb},
        postgres::Canary,
    },
    config::HostPort,
    leadership::{Before, Sight},
};

/// The note that is kept right before the request: what was so then.
const ASKED: &str = "asked";
/// The note of what the canary measured.
const GAP: &str = "gap";
/// How often a waiting step looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long the canary gets to reach a new leader that is seen to take writes.
const CANARY_ARRIVES: Duration = Duration::from_secs(3);
/// A switchover that Patroni calls done and that shows nowhere for so long was not done.
const BELIED: Duration = Duration::from_secs(10);
/// Where the console may not see whether the leader makes a checkpoint, which it does before it stops: a request that nothing shows of for so long is gone.
const UNSEEN: Duration = Duration::from_secs(300);
/// Runs that were left behind are forgotten after so long.
const FORGOTTEN: Duration = Duration::from_secs(3_600);

/// What this process remembers of runs under way. A restart loses it, and nothing rests on it but the measured gap.
#[derive(Default)]
pub(in crate::actions) struct Underway(Mutex<HashMap<String, Memory>>);

struct Memory {
    began: Instant,
    canary: Option<Canary>,
    /// Since when all has been seen to be as before.
    still_since: Option<Instant>,
}

impl Underway {
    fn of<T>(&self, run: &str, use_it: impl FnOnce(&mut Memory) -> T) -> T {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|_, memory| memory.began.elapsed() < FORGOTTEN);
        use_it(runs.entry(run.to_owned()).or_insert_with(|| Memory { began: Instant::now(), canary: None, still_since: None }))
    }

    /// Whether this process had a hand in the run.
    fn knows(&self, run: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(run)
    }

    fn forget(&self, run: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
    }

    /// For how long all has been as before, without a break; starts and ends the count.
    fn still(&self, run: &str, is_still: bool) -> Duration {
        self.of(run, |memory| {
            if !is_still {
                memory.still_since = None;
                return Duration::ZERO;
            }
            memory.still_since.get_or_insert_with(Instant::now).elapsed()
        })
    }
}

/// Does one step.
pub(in crate::actions) async fn apply(ctx: &RunCtx<'_>, verb: Verb, underway: &Underway) -> Result<String, ActionError> {
    let target = Target::of(ctx.act, &ctx.plan.target, verb)?;
    let step = Step { ctx, target, underway };
    match ctx.step {
        0 => {
            let asked = Box::pin(step.ask()).await;
            // An unknown one is looked into, and the canary goes on meanwhile.
            if asked.as_ref().is_err_and(|err| !matches!(err, ActionError::Unknown(_))) {
                underway.forget(ctx.run);
            }
            asked
        }
        1 => Box::pin(step.arrive()).await,
        _ => {
            let back = Box::pin(step.come_back()).await;
            if !matches!(back, Err(ActionError::Unknown(_))) {
                underway.forget(ctx.run);
            }
            back
        }
    }
}

/// What the outside world says about a step.
pub(in crate::actions) async fn observe(ctx: &RunCtx<'_>, verb: Verb, underway: &Underway) -> Observation {
    let target = match Target::of(ctx.act, &ctx.plan.target, verb) {
        Ok(target) => target,
        Err(err) => return Observation::CannotTell(err.to_string()),
    };
    let step = Step { ctx, target, underway };
    let before = match step.asked().await {
        Ok(Some(before)) => before,
        // The note is durable before the request is sent: without it, none was.
        Ok(None) => return Observation::NotApplied,
        Err(err) => return Observation::CannotTell(err.to_string()),
    };
    if ctx.step > 0 && !underway.knows(ctx.run) {
        // Such a step only waits: begun again, it finds what is there already, and says so in its own words.
        return Observation::NotApplied;
    }
    if ctx.step > 1 {
        return Box::pin(step.observe_return(&before)).await;
    }
    let seen = Box::pin(step.target.see(&before)).await;
    let still = underway.still(ctx.run, seen.is_still());
    match seen {
        Sight::Arrived { .. } => Observation::Applied,
        Sight::Elsewhere(sentence) => Observation::Elsewhere(sentence),
        // Patroni takes a request up in its next loop; one that no loop took up for twice as long is gone.
        Sight::Still | Sight::StillSoFar => {
            let loop_wait = step.target.patroni.settings().await.unwrap_or_default().loop_wait();
            let long = 2 * loop_wait + Duration::from_secs(2);
            if still >= if seen == Sight::Still { long } else { long.max(UNSEEN) } {
                return Observation::NotApplied;
            }
            let within = if seen == Sight::Still { "seconds" } else { "minutes" };
            Observation::CannotTell(format!("{}; whether the request is still on its way shows within {within}", as_before(&before)))
        }
        Sight::Between(what) | Sight::CannotTell(what) => Observation::CannotTell(what),
    }
}

/// "pg1 still leads on timeline 7".
fn as_before(before: &Before) -> String {
    match &before.leader {
        Some(leader) => format!("{leader} still leads"),
        None => "still nobody leads".to_owned(),
    }
}

/// One step under way.
struct Step<'a> {
    ctx: &'a RunCtx<'a>,
    target: Target<'a>,
    underway: &'a Underway,
}

impl Step<'_> {
    /// What was noted right before the request.
    async fn asked(&self) -> Result<Option<Before>, ActionError> {
        let note = self.ctx.notes.kept(ASKED).await?;
        note.map(|note| {
            serde_json::from_str(&note).map_err(|_| ActionError::NotDone("What was noted before the request cannot be read".into()))
        })
        .transpose()
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.ctx.plan.steps.get(self.ctx.step).map_or(ARRIVE_LIMIT_S, |step| step.limit_s))
    }

    fn candidate(&self) -> Result<&str, ActionError> {
        let found = self.ctx.plan.parameters.iter().find(|(name, _)| name == CANDIDATE).map(|(_, value)| value.as_str());
        found.ok_or_else(|| ActionError::Parameter(CANDIDATE.to_owned(), "The plan names no candidate; make a new plan".into()))
    }

    /// The first step: the one request.
    async fn ask(&self) -> Result<String, ActionError> {
        if let Some(before) = self.asked().await? {
            // An earlier life of the console sent it, or was about to; the cluster was seen to be as before since. It is not asked for twice.
            return Err(ActionError::NotDone(format!(
                "the console was restarted while it asked, and {}; it is not asked for a second time, make a new plan",
                as_before(&before)
            )));
        }
        let candidate = self.candidate()?;
        let look = self.target.look().await?;
        let before = before(&look, candidate);
        same_basis(
            self.ctx.plan,
            &[
                basis("leader", before.leader.as_deref().unwrap_or("nobody")),
                basis("timeline", before.timeline),
                basis("candidate", candidate),
            ],
        )?;
        let Some(place) = self.target.asked_at(&look, before.leader.as_deref(), candidate) else {
            return Err(ActionError::NotDone("no Patroni is there to be asked".into()));
        };
        self.start_canary().await;
        let note = serde_json::to_string(&before).map_err(|err| ActionError::NotDone(err.to_string()))?;
        self.ctx.notes.keep(ASKED, &note).await?;
        self.ctx.progress.line(format!("Asked the Patroni at {place}"));
        let leader = before.leader.as_deref().filter(|_| self.target.verb == Verb::SwitchOver);
        let asking = self.target.act.ask(&place, self.target.verb, leader, candidate, self.target.answer_within(&look));
        let answer = tokio::select! {
            answer = asking => answer,
            () = self.tell(&before) => Asked::Unknown("the console stopped waiting".into()),
        };
        match answer {
            Asked::Done(said) => Ok(format!("Patroni answered {said}")),
            Asked::NotSent(failure) => Err(ActionError::NotDone(format!("The Patroni at {place} {failure}; nothing was sent"))),
            Asked::Refused(said) => Err(ActionError::NotDone(format!("Patroni refused it: {said}"))),
            Asked::Denied(said) => Err(ActionError::NotDone(format!("Patroni does not let the console act: {said}"))),
            Asked::Scheduled(said) => Err(ActionError::Failed(format!(
                "Patroni put it off to a time, which was not asked for: {said}. Nothing has happened yet and something may: `curl -X DELETE http://{place}/switchover` takes it back"
            ))),
            Asked::Failed(said) => self.settle(&before, &said).await,
            Asked::Unknown(why) => Err(ActionError::Unknown(why)),
        }
    }

    /// Says what is so while Patroni is waited for; never ends.
    async fn tell(&self, before: &Before) {
        loop {
            let says = match self.target.see(before).await {
                Sight::Still | Sight::StillSoFar => as_before(before),
                Sight::Arrived { .. } => format!("{} takes writes; waiting for Patroni's answer", before.candidate),
                Sight::Elsewhere(what) | Sight::Between(what) | Sight::CannotTell(what) => what,
            };
            self.ctx.progress.report(says, None);
            sleep(LOOK_EVERY).await;
        }
    }

    /// Patroni says that it gave up: believed when the cluster says so, too.
    async fn settle(&self, before: &Before, said: &str) -> Result<String, ActionError> {
        let began = Instant::now();
        let mut still = 0;
        loop {
            match self.target.see(before).await {
                Sight::Arrived { .. } => return Ok(format!("Patroni answered {said}, and yet {} leads", before.candidate)),
                Sight::Elsewhere(what) => return Err(ActionError::Elsewhere(what)),
                // Its request is gone by Patroni's own word: no checkpoint comes of it any more.
                Sight::Still | Sight::StillSoFar if still >= 2 => {
                    return Err(ActionError::NotDone(format!("Patroni gave it up: {said}; {}", as_before(before))));
                }
                Sight::Still | Sight::StillSoFar => still += 1,
                Sight::Between(_) | Sight::CannotTell(_) => still = 0,
            }
            if began.elapsed() > Duration::from_secs(10) {
                return Err(ActionError::Unknown(format!("Patroni answered {said}, but not all is as before")));
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Starts the writer, and waits until its first write is acknowledged.
    async fn start_canary(&self) {
        self.underway.of(self.ctx.run, |memory| memory.canary = Some(self.target.postgres.canary()));
        let began = Instant::now();
        while began.elapsed() < FIRST_WRITE
            && self.underway.of(self.ctx.run, |memory| memory.canary.as_ref().is_none_or(|canary| canary.acknowledged() == 0))
        {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the writer measured, in a sentence's half; waits a little for it to reach `to`.
    async fn gap(&self, to: &str) -> String {
        let began = Instant::now();
        let is_to = |at: &HostPort| self.target.patroni.name_of(at).as_deref() == Some(to);
        loop {
            let turns =
                self.underway.of(self.ctx.run, |memory| memory.canary.as_ref().map(|canary| (canary.turns(), canary.acknowledged())));
            let words = match &turns {
                None => Some("for how long writes were refused was not measured: the console was restarted meanwhile".to_owned()),
                Some((turns, _)) if turns.iter().any(|turn| is_to(&turn.to)) => {
                    let gap = turns.iter().rev().find(|turn| is_to(&turn.to)).map_or(Duration::ZERO, |turn| turn.gap);
                    let twice =
                        if turns.len() > 1 { format!("; writes went from one to another {} times", turns.len()) } else { String::new() };
                    Some(format!("writes were refused for {} s{twice}", two_decimals(gap)))
                }
                Some((_, written)) if began.elapsed() >= CANARY_ARRIVES => Some(if *written == 0 {
                    "for how long writes were refused was not measured: nobody took the console's own writes".to_owned()
                } else {
                    "for how long writes were refused was not measured: nobody took writes before, or the console's writer did not reach the new leader".to_owned()
                }),
                Some(_) => None,
            };
            if let Some(words) = words {
                self.underway.of(self.ctx.run, |memory| memory.canary = None);
                return words;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The second step: until the candidate takes writes.
    async fn arrive(&self) -> Result<String, ActionError> {
        let before = self.asked().await?.ok_or_else(|| ActionError::NotDone("nothing was asked for".into()))?;
        let (began, limit) = (Instant::now(), self.limit());
        self.underway.still(self.ctx.run, false);
        loop {
            let seen = self.target.see(&before).await;
            let still = self.underway.still(self.ctx.run, seen.is_still());
            let says = match seen {
                Sight::Arrived { timeline } => {
                    let gap = self.gap(&before.candidate).await;
                    self.ctx.notes.keep(GAP, &gap).await?;
                    return Ok(format!("{} takes writes on timeline {timeline}; {gap}", before.candidate));
                }
                Sight::Elsewhere(what) => return Err(ActionError::Elsewhere(what)),
                Sight::Still | Sight::StillSoFar if still >= BELIED => {
                    let seconds = BELIED.as_secs();
                    return Err(ActionError::Failed(format!("Patroni said that it was done, but for {seconds} s {}", as_before(&before))));
                }
                Sight::Still | Sight::StillSoFar => as_before(&before),
                Sight::Between(what) | Sight::CannotTell(what) if began.elapsed() >= limit => return Err(ActionError::Unknown(what)),
                Sight::Between(what) | Sight::CannotTell(what) => what,
            };
            self.ctx.progress.report(says, None);
            sleep(LOOK_EVERY).await;
        }
    }

    /// The third step: until the old leader follows.
    async fn come_back(&self) -> Result<String, ActionError> {
        let before = self.asked().await?.ok_or_else(|| ActionError::NotDone("nothing was asked for".into()))?;
        let gap = self
            .ctx
            .notes
            .kept(GAP)
            .await?
            .unwrap_or_else(|| "for how long writes were refused was not measured: the console was restarted meanwhile".to_owned());
        let (began, limit) = (Instant::now(), self.limit());
        let candidate = &before.candidate;
        loop {
            let look = self.target.look().await?;
            let old = self.old_leader(&look, &before);
            let says = match Return::of(&look, &before, old) {
                Return::Follows { timeline } => {
                    let old = old.map_or("the old leader", |old| old.name.as_str());
                    return Ok(format!("{candidate} leads on timeline {timeline} and {old} follows it again; {gap}"));
                }
                Return::Moved(what) => return Err(ActionError::Elsewhere(what)),
                // After a failover the old leader's machine may be gone for good; nobody waits for that.
                Return::Not(what)
                    if self.target.verb == Verb::FailOver && !old.is_some_and(runs) && began.elapsed() >= Duration::from_secs(2) =>
                {
                    return Ok(format!("{candidate} leads and takes writes; {what}; {gap}"));
                }
                Return::Not(what) if began.elapsed() >= limit => {
                    return Err(ActionError::Failed(format!(
                        "{candidate} leads and takes writes, but within {} s the old leader did not come back: {what}; {gap}",
                        limit.as_secs()
                    )));
                }
                Return::Wrong(what) if began.elapsed() >= limit => {
                    return Err(ActionError::Failed(format!(
                        "{candidate} took over, but it is not well after {} s: {what}; {gap}",
                        limit.as_secs()
                    )));
                }
                Return::Unread(what) if began.elapsed() >= limit => return Err(ActionError::Unknown(what)),
                Return::Not(what) | Return::Wrong(what) | Return::Unread(what) => what,
            };
            if self.ctx.progress.cancelled() {
                return Err(ActionError::Failed(format!(
                    "Stopped waiting. {candidate} leads and takes writes; Patroni goes on with the old leader by itself; {gap}"
                )));
            }
            self.ctx.progress.report(says, None);
            sleep(LOOK_EVERY).await;
        }
    }

    /// The member that led before; where nobody did, the last that was seen to.
    fn old_leader<'l>(&self, look: &'l DatabaseLook, before: &Before) -> Option<&'l Member> {
        let last = look.known.leader.as_ref().map(|last| last.name.as_str());
        let name = before.leader.as_deref().or(last).filter(|name| *name != before.candidate);
        match name {
            Some(name) => look.member(name),
            // Nobody knows who it was; of two members it is the other one.
            None => look.members.iter().find(|member| member.name != before.candidate).filter(|_| look.members.len() == 2),
        }
    }

    async fn observe_return(&self, before: &Before) -> Observation {
        match self.target.look().await {
            Err(err) => Observation::CannotTell(err.to_string()),
            Ok(look) => match Return::of(&look, before, self.old_leader(&look, before)) {
                Return::Follows { .. } => Observation::Applied,
                Return::Moved(what) => Observation::Elsewhere(what),
                Return::Not(_) | Return::Wrong(_) => Observation::NotApplied,
                Return::Unread(what) => Observation::CannotTell(what),
            },
        }
    }
}

/// Seconds with two decimals.
fn two_decimals(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64())
}

/// Whether a member's Patroni answers.
fn runs(member: &Member) -> bool {
    member.agent.as_ref().is_some_and(|agent| agent.own.is_ok())
}

/// How far the old leader is on its way back.
#[derive(Debug, PartialEq)]
enum Return {
    Follows {
        timeline: u32,
    },
    /// The lead has moved on meanwhile.
    Moved(String),
    /// It does not follow: it may be gone for good.
    Not(String),
    /// It is worse than without it: nobody leads, or two take writes.
    Wrong(String),
    Unread(String),
}

impl Return {
    fn of(look: &DatabaseLook, before: &Before, old: Option<&Member>) -> Self {
        let candidate = &before.candidate;
        if let Err(failure) = &look.cluster {
            return Self::Unread(format!("Patroni {failure}"));
        }
        let Some(leader) = look.leader() else { return Self::Wrong("no member leads now".into()) };
        if leader.name != *candidate {
            return Self::Moved(format!("{candidate} took over, and {} leads meanwhile", leader.name));
        }
        let Some((timeline, _)) = leader.primary() else { return Self::Unread(format!("{candidate} leads and takes no writes")) };
        let Some(old) = old else { return Self::Not("nobody knows who led before".into()) };
        let name = &old.name;
        match (&old.look, old.replica()) {
            (Err(failure), _) => Self::Not(format!("{name} {failure}")),
            (Ok(_), None) => Self::Wrong(format!("{name} takes writes, too")),
            (Ok(_), Some(_)) => match look.stream_to(name).and_then(|stream| stream.state.as_deref()) {
                Some("streaming") => Self::Follows { timeline },
                Some(state) => Self::Not(format!("{name} is in {state}")),
                None => Self::Not(format!("{name} does not stream from {candidate} yet")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{adapters::Failure, leadership::samples};

    /// pg1 led; pg2 took over.
    fn moved() -> DatabaseLook {
        let mut look = samples::pair();
        for (name, role) in [("pg1", "replica"), ("pg2", "leader")] {
            samples::of(&mut look, name).registered.as_mut().unwrap().role = role.into();
        }
        samples::primary(&mut look, "pg2", 8, samples::WRITTEN);
        look
    }

    #[test]
    fn what_is_worse_than_an_old_leader_that_is_gone_is_told_from_it() {
        let before = Before { leader: Some("pg1".into()), timeline: 7, candidate: "pg2".into() };
        let of = |look: &DatabaseLook| Return::of(look, &before, look.member("pg1"));
        let mut look = moved();
        // It still takes writes: two do.
        assert_eq!(of(&look), Return::Wrong("pg1 takes writes, too".into()));
        samples::of(&mut look, "pg1").look = Err(Failure::Refused);
        assert_eq!(of(&look), Return::Not("pg1 refuses connections".into()));
        samples::of(&mut look, "pg2").registered.as_mut().unwrap().role = "replica".into();
        assert_eq!(of(&look), Return::Wrong("no member leads now".into()));
    }
}
