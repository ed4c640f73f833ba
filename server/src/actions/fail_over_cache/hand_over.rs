//! The first step: every effect of a failover. Written as a look at where things stand and what is missing, so that whoever resumes after a
//! crash goes on from there and asks for nothing twice.

use std::time::Duration;

use futures::future::OptionFuture;
use tokio::time::{Instant, sleep, timeout};

use super::{Doors, Roles, not_told, scene::Scene};
use crate::{
    actions::{ActionError, Observation, RunCtx},
    adapters::{
        redis::{Info, Member, NotTold},
        sentinel::SentinelView,
    },
    config::HostPort,
};

/// How long the master waits, with writes paused, for the replica to catch up. The usual is 0.1 to 0.4 s.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// A hand-over to a replica that has caught up and answers no more never ends by itself, and leaves a master that takes no writes: after this
/// long it is aborted, which frees the master at once.
const STUCK: Duration = Duration::from_secs(3);
/// How often one looks.
const LOOK: Duration = Duration::from_millis(100);
/// A node that is frozen must not hold up the look at the other one.
const GLANCE: Duration = Duration::from_millis(800);
/// How long until it must be clear who is master.
const CLEAR: Duration = Duration::from_secs(20);
/// How long Sentinel is asked again that does not find a good replica, or does not answer.
const TELL: Duration = Duration::from_secs(8);
/// An order that was sent and left no trace is looked for once more after this, before it is given again.
const SETTLE: Duration = Duration::from_secs(2);

/// The note that `FAILOVER` is about to be sent: how often that command had been called before.
const ASKED: &str = "asked";
/// The note that `SENTINEL FAILOVER` is about to be sent, and to which Sentinel.
const TOLD: &str = "sentinel";

/// Makes every effect that the plan states.
pub(super) async fn hand_over(ctx: &RunCtx<'_>, cache: &Doors<'_>, roles: &Roles) -> Result<String, ActionError> {
    if roles.forced {
        return force(ctx, cache, roles).await;
    }
    let before = cache.redis.act_member(&roles.master).await.and_then(|member| member.answer.ok());
    let before = before.ok_or_else(|| ActionError::NotDone(format!("{} does not answer", roles.master)))?;
    if !before.is_master() || before.text("run_id") != Some(&roles.master_run) {
        return Err(ActionError::Refused(format!(
            "{} is no longer the master of the plan. Nothing was changed; make a new plan",
            roles.master
        )));
    }
    ctx.notes.keep(ASKED, &before.calls("failover").unwrap_or_default().to_string()).await?;
    let (host, port) = &roles.address;
    ctx.progress.report(format!("asking {} to hand over to {}", roles.master, roles.target), None);
    let began = Instant::now();
    cache.redis.fail_over(&roles.master, (host, *port), PATIENCE).await.map_err(|not| not_told(&roles.master, not))?;
    ctx.progress.line(format!("{}: FAILOVER TO {host} {port} TIMEOUT {}", roles.master, PATIENCE.as_millis()));
    promoted(ctx, cache, roles, Asked::Now).await?;
    let took = began.elapsed().as_secs_f64();
    ctx.progress.line(format!("{} is master after {took:.2} s", roles.target));
    let told = tell_sentinel(ctx, cache, roles).await?;
    Ok(format!("{} is master after {took:.2} s; {told}", roles.target))
}

/// What is missing of the effects, for whoever resumes. In the usual course nothing is.
pub(super) async fn complete(ctx: &RunCtx<'_>, cache: &Doors<'_>, roles: &Roles) -> Result<(), ActionError> {
    if roles.forced {
        // The order is given, or the Sentinels have begun by themselves: there is nothing to add.
        return Ok(());
    }
    promoted(ctx, cache, roles, Asked::Before).await?;
    tell_sentinel(ctx, cache, roles).await.map(drop)
}

/// When the hand-over was asked for: what a master that is master as before means.
#[derive(Clone, Copy)]
enum Asked {
    /// In this very step.
    Now,
    /// In a step that has ended, or by a console that is no more.
    Before,
}

/// Old and new master at one moment; none that does not answer in time.
struct Pair {
    old: Option<Info>,
    new: Option<Info>,
}

impl Pair {
    async fn look(cache: &Doors<'_>, roles: &Roles) -> Self {
        let glance =
            async |at: &HostPort| timeout(GLANCE, cache.redis.act_member(at)).await.ok().flatten().and_then(|member| member.answer.ok());
        let (old, new) = tokio::join!(glance(&roles.master), glance(&roles.target));
        Self { old, new }
    }

    /// The new one says so, and the old one, if it answers, is none any more.
    fn is_handed_over(&self) -> bool {
        self.new.as_ref().is_some_and(Info::is_master) && !self.old.as_ref().is_some_and(Info::is_master)
    }

    fn state(&self) -> Option<&str> {
        self.old.as_ref()?.text("master_failover_state")
    }

    fn is_untouched(&self) -> bool {
        self.old.as_ref().is_some_and(Info::is_master)
            && self.state() == Some("no-failover")
            && !self.new.as_ref().is_some_and(Info::is_master)
    }
}

/// Waits until the new master is one; aborts a hand-over that is stuck.
async fn promoted(ctx: &RunCtx<'_>, cache: &Doors<'_>, roles: &Roles, asked: Asked) -> Result<(), ActionError> {
    let (old, new) = (&roles.master, &roles.target);
    let began = Instant::now();
    let mut stuck_since: Option<Instant> = None;
    let mut untouched = 0;
    while began.elapsed() < CLEAR {
        let pair = Pair::look(cache, roles).await;
        if pair.is_handed_over() {
            return Ok(());
        }
        // Twice: the two nodes are read a moment apart.
        untouched = if pair.is_untouched() { untouched + 1 } else { 0 };
        if untouched >= 2 {
            return Err(ActionError::Failed(match asked {
                Asked::Now => format!(
                    "{new} did not catch up within {} s, so {old} gave up by itself: it is master as before and takes writes again. Nothing was lost",
                    PATIENCE.as_secs()
                ),
                Asked::Before => format!("{old} is master, and {new} is not: the hand-over came to nothing, or was turned about since"),
            }));
        }
        match pair.state() {
            Some("failover-in-progress") => {
                let since = *stuck_since.get_or_insert_with(Instant::now);
                ctx.progress.report(format!("{old} takes no writes and waits for {new} to take over"), None);
                if since.elapsed() >= STUCK || ctx.progress.cancelled() {
                    return abort(ctx, cache, roles).await;
                }
            }
            Some("waiting-for-sync") => {
                ctx.progress.report(format!("{old} has paused writes until {new} has every byte"), None);
                if ctx.progress.cancelled() {
                    return abort(ctx, cache, roles).await;
                }
            }
            Some(_) | None => {}
        }
        sleep(LOOK).await;
    }
    Err(unclear(cache, roles).await)
}

/// Frees a master whose hand-over is stuck. When it ended after all meanwhile, that counts.
async fn abort(ctx: &RunCtx<'_>, cache: &Doors<'_>, roles: &Roles) -> Result<(), ActionError> {
    let (old, new) = (&roles.master, &roles.target);
    let why = if ctx.progress.cancelled() {
        "it was asked to stop".to_owned()
    } else {
        format!("{new} did not take over for {} s", STUCK.as_secs())
    };
    let began = Instant::now();
    while began.elapsed() < CLEAR {
        // That there is none to abort (any more) is as good.
        let freed = matches!(cache.redis.abort_failover(old).await, Ok(()) | Err(NotTold::Refused(_)));
        if freed {
            ctx.progress.line(format!("{old}: FAILOVER ABORT"));
        }
        let pair = Pair::look(cache, roles).await;
        if pair.is_handed_over() {
            return Ok(());
        }
        if pair.is_untouched() {
            return Err(ActionError::Failed(format!(
                "The hand-over was aborted, since {why}: {old} is master as before and takes writes again. Nothing was lost"
            )));
        }
        sleep(LOOK).await;
    }
    Err(unclear(cache, roles).await)
}

/// Who is master when it did not become clear by itself.
async fn unclear(cache: &Doors<'_>, roles: &Roles) -> ActionError {
    let members = cache.redis.act_members().await.unwrap_or_default();
    let masters: Vec<_> = members.iter().filter(|member| member.is_master()).map(|member| &member.at).collect();
    match masters.as_slice() {
        [] => ActionError::Unknown(format!("No node says that it is master {} s after the hand-over began", CLEAR.as_secs())),
        [one] if **one == roles.target => ActionError::Unknown(format!("{one} is master since a moment ago")),
        [one] if **one == roles.master => ActionError::Failed(format!(
            "{one} is still master, and its hand-over neither ended nor can be aborted: try FAILOVER ABORT by hand"
        )),
        [one] => ActionError::Elsewhere(format!("{one} is master now, not {}: the Sentinels promoted it", roles.target)),
        _ => {
            let names: Vec<_> = masters.iter().map(ToString::to_string).collect();
            ActionError::Failed(format!(
                "{} call themselves master at once; Sentinel demotes the one that it does not name. Look at the cache's page",
                names.join(" and ")
            ))
        }
    }
}

/// What the Sentinels say together.
enum Mood<'v> {
    /// All that answer send clients to the new master.
    There,
    /// Some do, or one is failing over now: an order more would turn it about.
    UnderWay(&'v HostPort),
    /// None does.
    Not,
    /// None answers.
    Silent,
}

fn mood<'v>(views: &[(&'v HostPort, &SentinelView)], there: impl Fn(&SentinelView) -> bool) -> Mood<'v> {
    if views.is_empty() {
        return Mood::Silent;
    }
    if views.iter().all(|(_, view)| there(view) && !view.failing_over) {
        return Mood::There;
    }
    match views.iter().find(|(_, view)| there(view) || view.failing_over) {
        Some((at, _)) => Mood::UnderWay(at),
        None => Mood::Not,
    }
}

/// Tells one Sentinel, unless they know or are finding out. Which one is noted, so that after a crash the same is asked: it refuses a second order
/// while the first is carried out.
async fn tell_sentinel(ctx: &RunCtx<'_>, cache: &Doors<'_>, roles: &Roles) -> Result<String, ActionError> {
    let (old, new) = (&roles.master, &roles.target);
    let still = format!(
        "{new} is master and {old} follows it, but clients that ask Sentinel are sent to {old}, which takes no writes, until the Sentinels find out by themselves: usually within 30 s"
    );
    let mut noted = ctx.notes.kept(TOLD).await?;
    let mut settle = noted.is_some();
    let began = Instant::now();
    let mut last = String::from("no Sentinel answers");
    while began.elapsed() < TELL {
        let target = cache.redis.act_member(new).await;
        let views = cache.sentinel.act_views().await.unwrap_or_default();
        let answering: Vec<_> = views.iter().filter_map(|(at, view)| Some((at, view.as_ref().ok()?))).collect();
        match mood(&answering, |view| points_at(view, target.as_ref(), new)) {
            Mood::There => return Ok("the Sentinels know".to_owned()),
            Mood::UnderWay(at) => return Ok(format!("Sentinel {at} is at it")),
            Mood::Silent => {}
            Mood::Not if !target.as_ref().is_some_and(Member::is_master) => {
                return Err(ActionError::Failed(format!("{new} was master and is none any more: Sentinel, or somebody, turned it about")));
            }
            Mood::Not if std::mem::take(&mut settle) => {
                sleep(SETTLE).await;
                continue;
            }
            Mood::Not => {
                let same = answering.iter().find(|(at, _)| noted.as_deref() == Some(at.to_string().as_str()));
                let Some((at, _)) = same.or(answering.first()) else { continue };
                if noted.as_deref() != Some(at.to_string().as_str()) {
                    ctx.notes.keep(TOLD, &at.to_string()).await?;
                    noted = Some(at.to_string());
                }
                match cache.sentinel.fail_over(at).await {
                    Ok(()) => {
                        ctx.progress.line(format!("{at}: SENTINEL FAILOVER {}", cache.config.master));
                        return Ok(format!("Sentinel {at} was told"));
                    }
                    Err(NotTold::Refused(words)) if words.starts_with("INPROG") => return Ok(format!("Sentinel {at} is at it")),
                    // It may come to see a good one: it looks every second.
                    Err(NotTold::Refused(words)) if words.starts_with("NOGOODSLAVE") => last = format!("Sentinel {at} refuses: {words}"),
                    Err(NotTold::Refused(words)) => return Err(ActionError::Failed(format!("Sentinel {at} refused: {words}. {still}"))),
                    Err(NotTold::NotSent(failure)) => last = format!("Sentinel {at} {failure}"),
                    // Whether it took the order shows in what it does.
                    Err(NotTold::Unanswered(failure)) => {
                        last = format!("Sentinel {at} {failure}");
                        settle = true;
                    }
                }
            }
        }
        sleep(5 * LOOK).await;
    }
    Err(ActionError::Failed(format!("{last}. {still}")))
}

/// Whether a Sentinel sends clients to this node.
pub(super) fn points_at(view: &SentinelView, member: Option<&Member>, at: &HostPort) -> bool {
    view.master.as_ref().is_some_and(|master| master == at || member.is_some_and(|member| member.is_at(&master.host, master.port)))
}

/// The forced way: one order to one Sentinel, unless it is not needed any more.
async fn force(ctx: &RunCtx<'_>, cache: &Doors<'_>, roles: &Roles) -> Result<String, ActionError> {
    let scene = cache.scene().await?;
    if let Some(master) = scene.masters().next() {
        return Err(match master.at == roles.master {
            true => ActionError::Refused(format!("{} answers again and is master. Nothing was changed", master.at)),
            false => ActionError::Elsewhere(format!(
                "The Sentinels made {} master by themselves, before they were asked; nothing more was asked",
                master.at
            )),
        });
    }
    let answering: Vec<_> = scene.views().collect();
    if let Some((at, _)) = answering.iter().find(|(_, view)| view.failing_over) {
        return Ok(format!("Sentinel {at} is failing over by itself already; nothing more was asked"));
    }
    let noted = ctx.notes.kept(TOLD).await?;
    let same = answering.iter().find(|(at, _)| noted.as_deref() == Some(at.to_string().as_str()));
    let (at, _) = same.or(answering.first()).ok_or_else(|| ActionError::NotDone("No Sentinel answers".to_owned()))?;
    ctx.notes.keep(TOLD, &at.to_string()).await?;
    match cache.sentinel.fail_over(at).await {
        Ok(()) => {
            ctx.progress.line(format!("{at}: SENTINEL FAILOVER {}", cache.config.master));
            Ok(format!("Sentinel {at} was told to promote {}", roles.target))
        }
        Err(NotTold::Refused(words)) if words.starts_with("INPROG") => {
            Ok(format!("Sentinel {at} is failing over already; nothing more was asked"))
        }
        Err(not) => Err(not_told(at, not)),
    }
}

/// Whether the first step's order was given, by what nodes and Sentinels show.
pub(super) async fn observe(ctx: &RunCtx<'_>, cache: &Doors<'_>, roles: &Roles) -> Observation {
    let note = if roles.forced { TOLD } else { ASKED };
    match ctx.notes.kept(note).await {
        Err(err) => Observation::CannotTell(err.to_string()),
        // The note is durable before anything is sent.
        Ok(None) => Observation::NotApplied,
        Ok(Some(_)) if roles.forced => forced(cache, roles).await,
        Ok(Some(calls)) => asked(cache, roles, calls.parse().unwrap_or_default()).await,
    }
}

/// `FAILOVER` leaves its trace in the roles, in the master's state, or in how often it was called.
async fn asked(cache: &Doors<'_>, roles: &Roles, before: u64) -> Observation {
    let pair = Pair::look(cache, roles).await;
    if pair.new.as_ref().is_some_and(Info::is_master) {
        return Observation::Applied;
    }
    let Some(old) = &pair.old else { return Observation::CannotTell(format!("{} does not answer", roles.master)) };
    if !old.is_master() || pair.state().is_some_and(|state| state != "no-failover") {
        return Observation::Applied;
    }
    // A server that was restarted has forgotten whatever it was asked.
    let same_life = old.text("run_id") == Some(&roles.master_run);
    match old.calls("failover") {
        Some(calls) if same_life && calls > before => Observation::Applied,
        Some(calls) if same_life && calls < before => {
            Observation::CannotTell(format!("the statistics of {} were reset meanwhile", roles.master))
        }
        Some(_) | None => Observation::NotApplied,
    }
}

async fn forced(cache: &Doors<'_>, roles: &Roles) -> Observation {
    for pause in [None, Some(SETTLE)] {
        OptionFuture::from(pause.map(sleep)).await;
        let views = cache.sentinel.act_views().await.unwrap_or_default();
        let answering: Vec<_> = views.iter().filter_map(|(at, view)| Some((at, view.as_ref().ok()?))).collect();
        let members = cache.redis.act_members().await.unwrap_or_default();
        let old = members.iter().find(|member| member.at == roles.master);
        if members.iter().any(|member| member.is_master() && member.at != roles.master) {
            return Observation::Applied;
        }
        match mood(&answering, |view| view.master.is_some() && !points_at(view, old, &roles.master)) {
            Mood::There | Mood::UnderWay(_) => return Observation::Applied,
            Mood::Silent => return Observation::CannotTell("no Sentinel answers".to_owned()),
            Mood::Not => {}
        }
    }
    Observation::NotApplied
}

/// The nodes and the Sentinels once, whatever is missing of them.
pub(super) async fn look(cache: &Doors<'_>) -> Scene {
    let (members, views) = tokio::join!(cache.redis.act_members(), cache.sentinel.act_views());
    Scene::new(cache.config, members.unwrap_or_default(), views.unwrap_or_default(), &cache.redis.last())
}

#[cfg(test)]
mod tests {
    use super::{
        super::scene::samples::{MASTER, REPLICA, at, view},
        *,
    };

    fn pair(old: Option<&str>, new: Option<&str>) -> Pair {
        let info = |text: &str| Info::parse(&text.replace(' ', "\n"));
        Pair { old: old.map(info), new: new.map(info) }
    }

    #[test]
    fn handed_over_is_what_both_say() {
        assert!(pair(Some(REPLICA), Some(MASTER)).is_handed_over());
        assert!(pair(None, Some(MASTER)).is_handed_over(), "the old one died after it handed over");
        assert!(!pair(Some(MASTER), Some(MASTER)).is_handed_over(), "one of them lies, or Sentinel promoted it past the master");
        assert!(!pair(Some(REPLICA), Some(REPLICA)).is_handed_over() && !pair(Some(REPLICA), None).is_handed_over());
    }

    #[test]
    fn untouched_is_a_master_that_hands_over_to_nobody() {
        assert!(pair(Some(MASTER), Some(REPLICA)).is_untouched() && pair(Some(MASTER), None).is_untouched());
        let waiting = MASTER.replace("no-failover", "waiting-for-sync");
        assert!(!pair(Some(&waiting), Some(REPLICA)).is_untouched());
        assert!(!pair(Some(MASTER), Some(MASTER)).is_untouched() && !pair(None, Some(REPLICA)).is_untouched());
    }

    #[test]
    fn a_second_order_is_never_given_while_one_is_carried_out() {
        let failing = SentinelView { failing_over: true, ..view(1) };
        let (a, b) = (at(7_001), at(7_002));
        let there = |view: &SentinelView| view.master.as_ref().is_some_and(|master| master.port == 2);
        let (old, new) = (view(1), view(2));
        assert!(matches!(mood(&[], there), Mood::Silent));
        assert!(matches!(mood(&[(&a, &old), (&b, &old)], there), Mood::Not));
        assert!(matches!(mood(&[(&a, &old), (&b, &failing)], there), Mood::UnderWay(at) if *at == b));
        assert!(matches!(mood(&[(&a, &new), (&b, &old)], there), Mood::UnderWay(at) if *at == a));
        assert!(matches!(mood(&[(&a, &new), (&b, &new)], there), Mood::There));
    }
}
