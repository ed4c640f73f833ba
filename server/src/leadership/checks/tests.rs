//! A healthy pair passes every check; broken in one way, it is refused by that check and by no other.

use app::model::CheckOutcome::{Fail, Pass, Unknown, Warn};

use super::*;
use crate::{
    adapters::{
        Failure,
        patroni::{Scheduled, Settings},
        postgres::MemberRole,
    },
    leadership::samples::{self, kill, limits, of, pair, replica, standing, three},
};

fn found(verb: Verb, look: &DatabaseLook) -> Vec<(String, CheckOutcome, String)> {
    checks(verb, look, "pg2", &limits()).into_iter().map(|check| (check.rule, check.outcome, check.value)).collect()
}

/// What does not pass, by rule.
fn wrong(verb: Verb, look: &DatabaseLook) -> Vec<(String, CheckOutcome)> {
    found(verb, look).into_iter().filter(|(_, outcome, _)| *outcome != Pass).map(|(rule, outcome, _)| (rule, outcome)).collect()
}

fn settings(text: &str) -> Option<Settings> {
    Some(serde_json::from_str(text).unwrap())
}

#[test]
fn seventeen_checks_pass_on_a_healthy_pair() {
    let checks = found(Verb::SwitchOver, &pair());
    assert_eq!(checks.len(), 17);
    assert_eq!(wrong(Verb::SwitchOver, &pair()), [], "{checks:?}");
    assert!(OF_THE_CANDIDATE.iter().all(|rule| checks.iter().any(|(known, ..)| known == rule)));
}

/// Breaks one thing.
type Break = fn(&mut DatabaseLook);

#[test]
fn each_is_refused_or_warned_of_by_its_own_rule() {
    let cases: [(&str, CheckOutcome, Break); 24] = [
        ("candidate", Fail, |look| {
            of(look, "pg2").registered.as_mut().unwrap().tags.insert("nofailover".into(), true.into());
        }),
        ("candidate", Fail, |look| of(look, "pg2").agent.as_mut().unwrap().own = Err(Failure::Refused)),
        ("candidate", Fail, |look| of(look, "pg2").agent.as_mut().unwrap().own.as_mut().unwrap().watchdog_failed = true),
        ("candidate", Fail, |look| of(look, "pg2").agent.as_mut().unwrap().own.as_mut().unwrap().state = "starting".into()),
        ("candidate", Unknown, |look| of(look, "pg2").agent = None),
        ("lag-bytes", Fail, |look| {
            replica(look, "pg2").received = Some(samples::WRITTEN - (1 << 20) - 1);
            replica(look, "pg2").replayed = Some(samples::WRITTEN - (1 << 20) - 1);
        }),
        ("lag-bytes", Fail, |look| replica(look, "pg2").replayed = Some(samples::WRITTEN - (51 << 20))),
        ("lag-bytes", Pass, |look| replica(look, "pg2").received = Some(samples::WRITTEN - (1 << 20))),
        ("streaming", Fail, |look| replica(look, "pg2").receiver = Receiver::Disconnected),
        ("streaming", Fail, |look| of(look, "pg1").look.as_mut().unwrap().streams = Ok(Vec::new())),
        ("replay", Fail, |look| replica(look, "pg2").replay_paused = true),
        ("timeline", Fail, |look| replica(look, "pg2").timeline = Some(6)),
        ("synchronous", Fail, |look| look.settings = settings(r#"{"synchronous_mode":true,"postgresql":{"use_pg_rewind":true}}"#)),
        ("one-primary", Fail, |look| of(look, "pg2").agent.as_mut().unwrap().own.as_mut().unwrap().role = Some("master".into())),
        ("leader-stops", Fail, |look| of(look, "pg1").agent.as_mut().unwrap().own = Err(Failure::Refused)),
        ("archive", Fail, |look| standing(look, "pg1").archive_waits = 128),
        ("archive", Warn, |look| standing(look, "pg1").archive_waits = 127),
        ("archive", Warn, |look| standing(look, "pg1").archive_fails = true),
        ("base-backup", Fail, |look| standing(look, "pg1").base_backups = 1),
        ("base-backup", Fail, |look| standing(look, "pg2").base_backups = 1),
        ("checkpoint", Warn, |look| standing(look, "pg1").since_checkpoint = Some(1 << 30)),
        ("not-paused", Fail, |look| look.cluster.as_mut().unwrap().pause = true),
        ("no-other", Fail, |look| look.cluster.as_mut().unwrap().scheduled_switchover = Some(Scheduled::default())),
        ("comes-back", Warn, |look| {
            standing(look, "pg1").can_rewind = false;
        }),
    ];
    for (rule, outcome, broken) in cases {
        let mut look = pair();
        broken(&mut look);
        let expected = if outcome == Pass { vec![] } else { vec![(rule.to_owned(), outcome)] };
        assert_eq!(wrong(Verb::SwitchOver, &look), expected, "{rule}: {:?}", found(Verb::SwitchOver, &look));
    }
}

#[test]
fn a_replica_that_stands_still_is_late_whatever_its_leader_last_measured() {
    let mut look = pair();
    replica(&mut look, "pg2").replayed = Some(samples::WRITTEN - (2 << 20));
    replica(&mut look, "pg2").since_replayed_commit = Some(30.0);
    assert_eq!(wrong(Verb::SwitchOver, &look), [("lag-seconds".to_owned(), Fail)]);
    // An idle database's last commit is old, and nobody is late.
    let mut idle = pair();
    replica(&mut idle, "pg2").since_replayed_commit = Some(86_400.0);
    assert_eq!(wrong(Verb::SwitchOver, &idle), []);
}

#[test]
fn a_replica_that_says_it_streams_and_stands_still_is_refused() {
    let mut look = pair();
    let earlier = crate::clock::Stamp { mono: look.at.mono - STANDS_STILL, ..look.at };
    let mut pace = Pace::default();
    pace.received.still_since = Some(earlier);
    look.known.pace.insert("pg2".into(), pace);
    assert_eq!(wrong(Verb::SwitchOver, &look), [("streaming".to_owned(), Fail)]);
    pace.received.still_since = Some(look.at);
    pace.replayed.still_since = Some(earlier);
    look.known.pace.insert("pg2".into(), pace);
    assert_eq!(wrong(Verb::SwitchOver, &look), [("replay".to_owned(), Fail)], "what stands still for a moment may go on");
}

#[test]
fn without_the_lock_store_a_switchover_is_unknown_and_refused() {
    let mut look = pair();
    look.cluster = Err(Failure::HungUp);
    for member in &mut look.members {
        member.registered = None;
        member.agent.as_mut().unwrap().leader = Err(Failure::HungUp);
    }
    let wrong = wrong(Verb::SwitchOver, &look);
    assert!(wrong.contains(&("lock-store".to_owned(), Unknown)) && wrong.contains(&("leader".to_owned(), Unknown)), "{wrong:?}");
    let mut split = pair();
    of(&mut split, "pg2").agent.as_mut().unwrap().leader = Ok(Some("pg2".into()));
    assert_eq!(found(Verb::SwitchOver, &split)[8].1, Fail, "two that read different leaders");
    let mut third = three();
    of(&mut third, "pg3").agent.as_mut().unwrap().leader = Err(Failure::HungUp);
    assert_eq!(found(Verb::SwitchOver, &third)[8].1, Warn, "a third one is not needed");
}

#[test]
fn a_member_that_lies_about_its_role_is_seen() {
    let mut look = pair();
    of(&mut look, "pg1").look.as_mut().unwrap().state.role = MemberRole::Replica(crate::adapters::postgres::Replica {
        timeline: Some(7),
        received: Some(1),
        replayed: Some(1),
        since_replayed_commit: None,
        replay_paused: false,
        receiver: Receiver::Disconnected,
    });
    let leader = found(Verb::SwitchOver, &look)[0].clone();
    assert_eq!((leader.1, leader.2.as_str()), (Fail, "Patroni says that pg1 leads, but it takes no writes"));
    let mut third = three();
    of(&mut third, "pg3").look.as_mut().unwrap().state.role = MemberRole::Primary { timeline: 7, written: 1 };
    assert!(
        found(Verb::SwitchOver, &third)
            .iter()
            .any(|(rule, outcome, value)| { rule == "one-primary" && *outcome == Fail && value == "pg3 takes writes, too" })
    );
}

#[test]
fn a_failover_is_for_when_nobody_leads() {
    let healthy = found(Verb::FailOver, &pair());
    assert_eq!(healthy[0].1, Fail);
    assert!(healthy[0].2.contains("switch over instead"), "{}", healthy[0].2);

    let mut dead = pair();
    kill(&mut dead, "pg1", Failure::Refused);
    dead.cluster.as_mut().unwrap().pause = true;
    let checks = found(Verb::FailOver, &dead);
    assert!(checks.iter().all(|(_, outcome, _)| matches!(outcome, Pass | Warn)), "{checks:?}");
    assert!(checks[2].2.contains("what may be lost: not known"), "{}", checks[2].2);
    assert_eq!(found(Verb::SwitchOver, &dead)[0].1, Fail, "there is nobody to switch over from");

    let mut frozen = pair();
    kill(&mut frozen, "pg1", Failure::Silent(std::time::Duration::from_secs(2)));
    let one_primary = found(Verb::FailOver, &frozen)[9].clone();
    assert_eq!(one_primary.1, Warn, "what hangs may still write: {}", one_primary.2);
}
