//! What must hold before a cache fails over, each with what was measured. Pure: a page shows the same list from what it remembers.

use app::model::{Check, CheckOutcome, Value};

use super::{
    super::check,
    scene::{Scene, Way},
};
use crate::adapters::redis::{Info, Member};

use CheckOutcome::{Fail, Pass, Unknown, Warn};

/// A link over which nothing came for this long, in seconds: the master pings its replicas every 10.
const QUIET_S: u64 = 15;

/// Every check of the way that there is, for the node that is to take over.
#[must_use]
pub fn checks(scene: &Scene, way: Way<'_>, target: &Member) -> Vec<Check> {
    match way {
        Way::Planned(master) => {
            let mut checks = vec![master_answers(master), one_master(scene, master)];
            checks.extend([quorum(scene), agree(scene, master), follows(master, target)]);
            checks.extend([link(target), no_full_sync(master, target), gap(scene, master, target), no_disk_work(master, target)]);
            checks.extend([no_failover(scene, Some(master)), choice(scene, way, target)]);
            checks
        }
        Way::Forced(lost) => vec![
            master_gone(scene, lost),
            quorum(scene),
            agree(scene, lost),
            followed(lost, target),
            no_failover(scene, None),
            choice(scene, way, target),
            loss(scene, lost, target),
        ],
    }
}

fn size(bytes: u64) -> String {
    Value::Bytes(bytes).text()
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Whether a version such as `7.0.15` has FAILOVER, which came with 6.2; one that cannot be read may have it.
fn has_failover(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= (6, 2),
        _ => true,
    }
}

fn master_answers(master: &Member) -> Check {
    let title = format!("The master, {}, answers", master.at);
    let Some(info) = master.info() else { return check("master-answers", title, Fail, "it does not answer") };
    let version = info.text("redis_version").unwrap_or("version not told");
    if !has_failover(version) {
        return check("master-answers", title, Fail, format!("Redis {version} cannot hand over: FAILOVER came with 6.2"));
    }
    let up = info.number("uptime_in_seconds").map(|up| format!(", up {}", Value::Duration(up as f64).text())).unwrap_or_default();
    check("master-answers", title, Pass, format!("Redis {version}{up}"))
}

fn one_master(scene: &Scene, master: &Member) -> Check {
    let masters: Vec<_> = scene.masters().map(|member| member.at.to_string()).collect();
    let title = "Exactly one node calls itself master";
    match masters.len() {
        1 => check("one-master", title, Pass, format!("{} alone", master.at)),
        _ => {
            let value = format!("{} do: wait until Sentinel has demoted the wrong one, or demote it with REPLICAOF", list(&masters));
            check("one-master", title, Fail, value)
        }
    }
}

/// Whether enough Sentinels are there, by the word of each that answers.
fn quorum(scene: &Scene) -> Check {
    let title = "The Sentinels have their quorum";
    let all = scene.sentinels.len();
    let answering = scene.views().count();
    let silent: Vec<_> = scene.sentinels.iter().filter_map(|(at, view)| Some(format!("{at} {}", view.as_ref().err()?))).collect();
    if answering == 0 {
        return check("sentinel-quorum", title, Unknown, format!("no Sentinel answers: {}", silent.join("; ")));
    }
    if let Some((at, why)) = scene.views().find_map(|(at, view)| Some((at, view.quorum.as_ref().err()?))) {
        return check("sentinel-quorum", title, Fail, format!("{answering} of {all} answer; {at} says: {why}"));
    }
    let needed = scene.views().filter_map(|(_, view)| view.needed).max();
    let needed = needed.map(|needed| format!(", {needed} must agree")).unwrap_or_default();
    if silent.is_empty() {
        check("sentinel-quorum", title, Pass, format!("{answering} of {all} answer{needed}"))
    } else {
        check("sentinel-quorum", title, Warn, format!("{answering} of {all} answer{needed}; {}", silent.join("; ")))
    }
}

fn agree(scene: &Scene, master: &Member) -> Check {
    let title = "Every Sentinel that answers sends clients to the same master";
    let others: Vec<_> = scene
        .views()
        .filter(|(_, view)| !view.master.as_ref().is_some_and(|at| master.is_at(&at.host, at.port)))
        .map(|(at, view)| match &view.master {
            Some(other) => format!("{at} says {other}"),
            None => format!("{at} knows none"),
        })
        .collect();
    match (scene.views().count(), others.as_slice()) {
        (0, _) => check("sentinels-agree", title, Unknown, "no Sentinel answers"),
        (count, []) => check("sentinels-agree", title, Pass, format!("{count} say {}", master.at)),
        (_, others) => check("sentinels-agree", title, Fail, format!("{}, but the master is {}", others.join("; "), master.at)),
    }
}

/// By the word of both: a node that only claims to follow is none that can take over.
fn follows(master: &Member, target: &Member) -> Check {
    let title = format!("{} follows the master", target.at);
    let (told, known) = match (&target.answer, master.info()) {
        (Err(failure), _) => return check("target-follows", title, Fail, failure.to_string()),
        (Ok(told), known) => (told, known),
    };
    if !Scene::follows(told, master) {
        let role = told.text("role").unwrap_or("no role");
        let whom =
            told.text("master_host").map(|host| format!(" of {host}:{}", told.text("master_port").unwrap_or("?"))).unwrap_or_default();
        return check("target-follows", title, Fail, format!("it calls itself {role}{whom}"));
    }
    match known.and_then(|known| Scene::attached(known, target)) {
        Some(attached) => {
            check("target-follows", title, Pass, format!("both say so; the master knows it as {}:{}", attached.host, attached.port))
        }
        None => check("target-follows", title, Fail, "it says so, but the master does not list it among its replicas"),
    }
}

fn followed(lost: &Member, target: &Member) -> Check {
    let title = format!("{} answers and was a replica of {}", target.at, lost.at);
    match &target.answer {
        Err(failure) => check("target-follows", title, Fail, failure.to_string()),
        Ok(told) if Scene::follows(told, lost) => check("target-follows", title, Pass, "it answers and waits for that master"),
        Ok(told) => check("target-follows", title, Fail, format!("it calls itself {} of another", told.text("role").unwrap_or("no role"))),
    }
}

fn link(target: &Member) -> Check {
    let title = "Its link to the master is up";
    let Some(info) = target.info() else { return check("link-up", title, Unknown, "it does not answer") };
    let quiet = info.number("master_last_io_seconds_ago");
    match (info.text("master_link_status"), quiet) {
        (Some("up"), Some(quiet)) if quiet > QUIET_S => {
            check("link-up", title, Warn, format!("up, but nothing came for {quiet} s; the master pings every 10 s"))
        }
        (Some("up"), Some(_)) => check("link-up", title, Pass, format!("up, heard of within {QUIET_S} s")),
        (Some("up"), None) => check("link-up", title, Pass, "up"),
        (Some(status), _) => {
            let since = info.number("master_link_down_since_seconds").map(|since| format!(" for {since} s")).unwrap_or_default();
            check("link-up", title, Fail, format!("{}{since}", if status == "down" { "down" } else { "not told" }))
        }
        (None, _) => check("link-up", title, Unknown, "it does not tell"),
    }
}

fn no_full_sync(master: &Member, target: &Member) -> Check {
    let title = "No replica is being copied everything";
    let mut copied: Vec<_> = master
        .info()
        .map(Info::replicas)
        .unwrap_or_default()
        .into_iter()
        .filter(|attached| !attached.online)
        .map(|attached| format!("{}:{}", attached.host, attached.port))
        .collect();
    if copied.is_empty() && target.info().and_then(|info| info.number("master_sync_in_progress")) == Some(1) {
        copied.push(target.at.to_string());
    }
    if copied.is_empty() {
        check("no-full-sync", title, Pass, "none")
    } else {
        check("no-full-sync", title, Fail, format!("{}: wait until it follows", list(&copied)))
    }
}

fn gap(scene: &Scene, master: &Member, target: &Member) -> Check {
    let limit = scene.gap.degraded;
    let title = format!("{} is at most {} behind", target.at, size(limit));
    let offset = |member: &Member, field: &str| member.info().and_then(|info| info.number(field));
    match offset(master, "master_repl_offset").zip(offset(target, "slave_repl_offset")) {
        None => check("offset-gap", title, Unknown, "an offset is not told"),
        Some((newest, offset)) => {
            let gap = newest.saturating_sub(offset);
            let outcome = if gap <= limit { Pass } else { Fail };
            check("offset-gap", title, outcome, format!("{} behind, limit {}", size(gap), size(limit)))
        }
    }
}

/// A fork doubles memory under writes and makes a hand-over slow; a node that loads answers nobody.
fn no_disk_work(master: &Member, target: &Member) -> Check {
    const WORK: [(&str, &str); 4] = [
        ("rdb_bgsave_in_progress", "saves to disk"),
        ("aof_rewrite_in_progress", "rewrites its append-only file"),
        ("loading", "loads from disk"),
        ("async_loading", "loads from disk"),
    ];
    let title = "Neither of the two saves, rewrites or loads its data";
    let busy: Vec<_> = [master, target]
        .into_iter()
        .filter_map(|member| Some((member, member.info()?)))
        .flat_map(|(member, info)| {
            WORK.into_iter().filter(|(field, _)| info.number(field) == Some(1)).map(move |(_, does)| format!("{} {does}", member.at))
        })
        .collect();
    if busy.is_empty() {
        check("no-disk-work", title, Pass, "neither")
    } else {
        check("no-disk-work", title, Fail, format!("{}: wait for its end", busy.join("; ")))
    }
}

fn no_failover(scene: &Scene, master: Option<&Member>) -> Check {
    let title = "No failover is under way";
    let state = master.and_then(Member::info).and_then(|info| info.text("master_failover_state"));
    if let (Some(master), Some(state)) = (master, state.filter(|state| *state != "no-failover")) {
        let value = format!("{} says {state}: wait for its end, or free it with FAILOVER ABORT", master.at);
        return check("no-failover-under-way", title, Fail, value);
    }
    let failing: Vec<_> = scene.views().filter(|(_, view)| view.failing_over).map(|(at, _)| at.to_string()).collect();
    if failing.is_empty() {
        return check("no-failover-under-way", title, Pass, "none");
    }
    check("no-failover-under-way", title, Fail, format!("Sentinel {} is failing over already: wait for its end", list(&failing)))
}

/// Sentinel chooses by itself whom it makes master; told of two ways, it must not choose another than was handed over to.
fn choice(scene: &Scene, way: Way<'_>, target: &Member) -> Check {
    let rule = "sentinel-choice";
    let title = format!("Sentinel would choose {}", target.at);
    if scene.views().next().is_none() {
        return check(rule, title, Unknown, "no Sentinel answers");
    }
    let candidates = scene.candidates(way);
    let own = candidates.iter().find(|candidate| candidate.member.at == target.at);
    let Some(priority) = own.and_then(|own| own.priority) else { return check(rule, title, Unknown, "its replica-priority is not told") };
    if priority == 0 {
        return check(
            rule,
            title,
            Fail,
            "its replica-priority is 0, so Sentinel never promotes it: `CONFIG SET replica-priority 100` on it first",
        );
    }
    for (at, view) in scene.views() {
        match (&view.known, Scene::known_by(view, target)) {
            (None, _) => return check(rule, title, Unknown, format!("Sentinel {at} does not let the console list its replicas")),
            (Some(_), None) => return check(rule, title, Fail, format!("Sentinel {at} does not know it as a replica")),
            (Some(_), Some(known)) if known.down => {
                return check(rule, title, Fail, format!("Sentinel {at} finds it down, or is not connected to it"));
            }
            (Some(_), Some(_)) => {}
        }
    }
    // A replica of the same priority may be chosen by an offset that the Sentinels read up to ten seconds ago.
    let rivals: Vec<_> = candidates
        .iter()
        .filter(|rival| rival.member.at != target.at && rival.member.info().is_some())
        .filter(|rival| rival.priority.is_none_or(|rival| rival != 0 && rival <= priority))
        .map(|rival| rival.member.at.to_string())
        .collect();
    if !rivals.is_empty() {
        let value = format!("it may choose {} instead: give {} a lower replica-priority than {priority} first", list(&rivals), target.at);
        return check(rule, title, Fail, value);
    }
    let told = scene.views().filter_map(|(_, view)| Scene::known_by(view, target)?.told_ms).max();
    // They ask every 10 s; only what is older is worth a word.
    let told =
        told.filter(|ms| *ms > QUIET_S * 1_000).map(|ms| format!(", as the Sentinels read {} s ago", ms / 1_000)).unwrap_or_default();
    check(rule, title, Pass, format!("replica-priority {priority}{told}"))
}

/// Only what the Sentinels find down, too, is gone: else it is the console that does not reach it, and clients go on writing there.
fn master_gone(scene: &Scene, lost: &Member) -> Check {
    let title = format!("The master, {}, is gone", lost.at);
    let Err(failure) = &lost.answer else { return check("master-gone", title, Fail, "it answers") };
    let (down, all) = (scene.views().filter(|(_, view)| view.master_down).count(), scene.views().count());
    let needed = scene.views().filter_map(|(_, view)| view.needed).max().unwrap_or(u64::MAX);
    let value = format!("it {failure}; {down} of {all} Sentinels find it down");
    if !failure.means_down() {
        return check("master-gone", title, Unknown, value);
    }
    if (down as u64) < needed {
        return check("master-gone", title, Fail, format!("{value}, {needed} must: until then clients may still write to it"));
    }
    check("master-gone", title, Pass, value)
}

fn loss(scene: &Scene, lost: &Member, target: &Member) -> Check {
    let title = format!("What {} lacks is lost", target.at);
    let told = target.info().and_then(|info| info.number("slave_repl_offset"));
    let ago = scene.told_ago(lost).map(|ago| Value::Duration(ago.as_secs_f64()).text());
    match scene.offset(lost).zip(told).zip(ago) {
        Some(((newest, offset), ago)) => {
            let gap = size(newest.saturating_sub(offset));
            check("loss", title, Warn, format!("{gap} by what {} last told, {ago} ago, and whatever it took after that", lost.at))
        }
        None => check("loss", title, Warn, format!("how much is not known: this console has not read {} since it started", lost.at)),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::scene::samples::{MASTER, REPLICA, at, gone, lost, node, replica, scene, view},
        *,
    };
    use crate::adapters::Failure;

    fn forbidding(scene: &Scene) -> Vec<(String, String)> {
        let way = scene.way().unwrap();
        let target = scene.candidates(way)[0].member;
        checks(scene, way, target).into_iter().filter(Check::forbids).map(|check| (check.rule, check.value)).collect()
    }

    fn refused_by(change: impl FnOnce(&mut Scene), rule: &str, says: &str) {
        let mut changed = scene();
        change(&mut changed);
        let found = forbidding(&changed);
        assert!(found.iter().any(|(known, value)| known == rule && value.contains(says)), "{rule} should say “{says}”: {found:?}");
    }

    fn nodes(master: &str, replica: &str) -> Vec<Member> {
        vec![node(1, master), node(2, replica)]
    }

    #[test]
    fn a_sound_cache_may_fail_over() {
        assert_eq!(forbidding(&scene()), []);
        let sound = checks(&scene(), scene().way().unwrap(), &scene().members[1]);
        assert!(sound.iter().all(|check| check.outcome == Pass), "{sound:?}");
        assert!(sound.iter().all(|check| !check.value.is_empty()), "each with its value");
    }

    #[test]
    fn each_precondition_forbids_by_its_own_rule() {
        refused_by(|s| s.members = nodes(&MASTER.replace("7.0.15", "6.0.16"), REPLICA), "master-answers", "6.2");
        refused_by(|s| s.members.push(node(3, MASTER)), "one-master", "h:1 and h:3");
        refused_by(|s| s.members[1] = gone(2), "target-follows", "refuses connections");
        refused_by(
            |s| s.members = nodes(MASTER, &REPLICA.replace("master_port:1", "master_port:9")),
            "target-follows",
            "slave of 10.0.0.1:9",
        );
        refused_by(|s| s.members = nodes(&MASTER.replace("port=2", "port=9"), REPLICA), "target-follows", "does not list it");
        refused_by(|s| s.members = nodes(MASTER, &REPLICA.replace("status:up", "status:down")), "link-up", "down");
        refused_by(|s| s.members = nodes(&MASTER.replace("state=online", "state=wait_bgsave"), REPLICA), "no-full-sync", "10.0.0.1:2");
        refused_by(|s| s.members = nodes(MASTER, &REPLICA.replace("sync_in_progress:0", "sync_in_progress:1")), "no-full-sync", "h:2");
        refused_by(
            |s| s.members = nodes(&MASTER.replace("offset:5000", "offset:9000"), REPLICA),
            "offset-gap",
            "4.1 kB behind, limit 1 kB",
        );
        refused_by(
            |s| s.members = nodes(&MASTER.replace("bgsave_in_progress:0", "bgsave_in_progress:1"), REPLICA),
            "no-disk-work",
            "h:1 saves",
        );
        refused_by(
            |s| s.members = nodes(MASTER, &REPLICA.replace("rewrite_in_progress:0", "rewrite_in_progress:1")),
            "no-disk-work",
            "h:2 rewrites",
        );
        refused_by(|s| s.members = nodes(&MASTER.replace("no-failover", "waiting-for-sync"), REPLICA), "no-failover-under-way", "ABORT");
    }

    #[test]
    fn sentinels_that_are_too_few_or_of_another_mind_forbid() {
        let gone = || Err(Failure::Refused);
        refused_by(|s| s.sentinels.iter_mut().for_each(|(_, view)| *view = gone()), "sentinel-quorum", "no Sentinel answers");
        refused_by(
            |s| {
                s.sentinels[1].1 = gone();
                s.sentinels[2].1 = gone();
                s.sentinels[0].1.as_mut().unwrap().quorum = Err("NOQUORUM 1 usable Sentinels".into());
            },
            "sentinel-quorum",
            "1 of 3 answer; h:7001 says: NOQUORUM",
        );
        refused_by(|s| s.sentinels[2].1 = Ok(view(2)), "sentinels-agree", "h:7003 says 10.0.0.1:2");
        refused_by(|s| s.sentinels[1].1.as_mut().unwrap().failing_over = true, "no-failover-under-way", "h:7002");
        let mut one_less = scene();
        one_less.sentinels[2].1 = gone();
        assert_eq!(forbidding(&one_less), [], "two of three are enough; the third is told of");
        let told = checks(&one_less, one_less.way().unwrap(), &one_less.members[1]);
        assert!(told.iter().any(|check| check.outcome == Warn && check.value.contains("h:7003 refuses")), "{told:?}");
    }

    #[test]
    fn sentinel_must_choose_the_same_node() {
        let known = |replicas: &[(u16, u64)]| Some(replicas.iter().map(|(port, priority)| replica(*port, *priority)).collect::<Vec<_>>());
        refused_by(|s| s.sentinels[1].1.as_mut().unwrap().known = known(&[(2, 0)]), "sentinel-choice", "never promotes");
        refused_by(|s| s.sentinels[1].1.as_mut().unwrap().known = known(&[]), "sentinel-choice", "h:7002 does not know it");
        refused_by(|s| s.sentinels[1].1.as_mut().unwrap().known = None, "sentinel-choice", "does not let");
        refused_by(|s| s.sentinels[0].1.as_mut().unwrap().known.as_mut().unwrap()[0].down = true, "sentinel-choice", "finds it down");
        let several = |priority: u64| {
            let mut scene = scene();
            let master = MASTER.replace("connected_slaves:1", "connected_slaves:2 slave1:ip=10.0.0.1,port=3,state=online");
            scene.members = vec![node(1, &master), node(2, REPLICA), node(3, REPLICA)];
            scene.sentinels.iter_mut().for_each(|(_, view)| view.as_mut().unwrap().known = known(&[(2, priority), (3, 100)]));
            forbidding(&scene)
        };
        assert!(several(100).iter().any(|(rule, value)| rule == "sentinel-choice" && value.contains("lower replica-priority")));
        assert_eq!(several(10), [], "with the lowest priority there is no doubt");
    }

    #[test]
    fn a_forced_failover_needs_a_master_that_is_gone_for_all() {
        assert_eq!(forbidding(&lost()), []);
        let told = checks(&lost(), lost().way().unwrap(), &lost().members[1]);
        let loss = told.iter().find(|check| check.rule == "loss").unwrap();
        assert!(loss.outcome == Warn && loss.value.starts_with("100 B by what h:1 last told, 4 s ago"), "{loss:?}");
        let mut only_we = lost();
        only_we.sentinels.iter_mut().skip(1).for_each(|(_, view)| view.as_mut().unwrap().master_down = false);
        assert!(forbidding(&only_we).iter().any(|(rule, value)| rule == "master-gone" && value.contains("1 of 3")));
        let mut unreachable = lost();
        unreachable.members[0].answer = Err(Failure::Unreachable("no route".into()));
        assert!(forbidding(&unreachable).iter().any(|(rule, _)| rule == "master-gone"));
        let mut never_read = lost();
        never_read.offsets.clear();
        let told = checks(&never_read, never_read.way().unwrap(), &never_read.members[1]);
        assert!(told.iter().any(|check| check.rule == "loss" && check.value.contains("not known")));
        assert_eq!(at(1).to_string(), "h:1");
    }

    #[test]
    fn failover_came_with_redis_6_2() {
        assert_eq!(["6.0.16", "6.2.0", "7.0.15", "255.255.255", "unstable"].map(has_failover), [false, true, true, true, true]);
    }
}
