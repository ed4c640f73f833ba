//! Whether Patroni could fail over: its members, its leader, one timeline, no pause, and whether it agrees with what the servers say.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{list, member_name, not_configured, size},
};
use crate::{
    adapters::{
        Failure,
        patroni::{ClusterView, MemberView, OwnView},
        postgres::MemberRole,
    },
    config::Estate,
};

pub(super) struct Patroni;

impl Probe for Patroni {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec { id: "patroni", title: "Patroni", kind: Kind::Database, every: Duration::from_secs(3), timeout: Duration::from_secs(3) }
    }

    fn applies(&self, estate: &Estate, system: &SystemId) -> bool {
        estate.databases.get(system.name()).is_some_and(|database| !database.patroni.is_empty())
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let name = system.name();
            let patroni = ctx.adapters.patroni.get(name).ok_or_else(not_configured)?;
            let postgres = ctx.adapters.postgres.get(name).ok_or_else(not_configured)?;
            let (cluster, own, states) = tokio::join!(patroni.cluster(), patroni.own(), postgres.states());
            let primaries =
                states.into_iter().filter(|(_, state)| matches!(state, Ok(state) if matches!(state.role, MemberRole::Primary { .. })));
            let primaries: Vec<_> = primaries.map(|(at, _)| member_name(ctx, name, &at)).collect();
            judge(cluster, &own, &primaries)
        })
    }
}

fn judge(
    cluster: Result<ClusterView, Failure>,
    own: &[(String, Result<OwnView, Failure>)],
    primaries: &[String],
) -> Result<Reading, ProbeError> {
    let silent: Vec<_> = own.iter().filter_map(|(at, answer)| answer.as_ref().err().map(|failure| (at, failure))).collect();
    let answering = own.len() - silent.len();
    let cluster = match cluster {
        Ok(cluster) => cluster,
        Err(_) if answering > 0 => {
            return Ok(Reading::new(Health::Degraded, "Patroni runs but cannot tell its cluster: no failover is possible")
                .cause("Patroni does not reach its store (etcd, Consul, ZooKeeper)")
                .figure(Value::Text("no store".into())));
        }
        Err(failure) if failure.means_down() => {
            return Ok(Reading::new(
                Health::Degraded,
                format!("no Patroni answers: the last one asked {failure}; no failover is possible"),
            )
            .figure(Value::Of(0, own.len() as u64, "answer".into())));
        }
        Err(failure) => return Err(ProbeError(format!("Patroni {failure}"))),
    };
    let leader = cluster.members.iter().find(|member| member.leads());
    let mut wrong: Vec<(Health, String, Option<&str>)> = Vec::new();
    match leader {
        None => wrong.push((
            Health::Down,
            "no member leads".into(),
            Some("Patroni is electing a leader, or has no candidate that it may promote"),
        )),
        Some(leader) => {
            let others: Vec<_> = primaries.iter().filter(|name| **name != leader.name).collect();
            if !others.is_empty() {
                let says = format!("Patroni says that {} leads, but {} takes writes", leader.name, list(&others));
                wrong.push((Health::Degraded, says, Some("a switchover is under way, or a former primary has not been stopped")));
            }
            let behind = cluster.members.iter().filter(|member| member.timeline.is_some() && member.timeline != leader.timeline);
            let behind: Vec<_> = behind.map(|member| member.name.as_str()).collect();
            if !behind.is_empty() {
                let says = format!("{} is not on {}'s timeline", list(&behind), leader.name);
                wrong.push((
                    Health::Degraded,
                    says,
                    Some("it has not followed the last promotion yet; if it stays so, it has to be rewound or made anew"),
                ));
            }
        }
    }
    let unwell: Vec<_> = cluster.members.iter().filter(|member| !runs(member)).collect();
    for member in &unwell {
        wrong.push((Health::Degraded, format!("{} is {}", member.name, member.state), None));
    }
    if cluster.members.len() < own.len() {
        wrong.push((Health::Degraded, format!("{} of {} members are registered", cluster.members.len(), own.len()), None));
    }
    for (at, failure) in &silent {
        wrong.push((Health::Degraded, format!("Patroni at {at} {failure}"), None));
    }
    if cluster.pause {
        wrong.push((
            Health::Degraded,
            "Patroni is paused: it will not fail over".into(),
            Some("somebody paused it, usually for maintenance"),
        ));
    }
    let running = cluster.members.len() - unwell.len();
    let leads = leader.map_or_else(|| "no leader".to_owned(), |leader| format!("{} leads", leader.name));
    let timeline = leader.and_then(|leader| leader.timeline).map(|timeline| format!("timeline {timeline}, ")).unwrap_or_default();
    let health = wrong.iter().map(|(health, ..)| *health).max().unwrap_or(Health::Ok);
    let summary = if wrong.is_empty() {
        format!("{leads}, all members run")
    } else {
        wrong.iter().map(|(_, says, _)| says.as_str()).collect::<Vec<_>>().join("; ")
    };
    let mut reading = Reading::new(health, summary)
        .figure(Value::Of(running as u64, own.len().max(cluster.members.len()) as u64, "running".into()))
        .note(format!("{timeline}{leads}"));
    wrong.sort_by_key(|(health, ..)| std::cmp::Reverse(*health));
    reading.cause = wrong.iter().find_map(|(_, _, cause)| *cause).map(str::to_owned);
    reading.facts.push(Fact::new("paused", Value::Text(if cluster.pause { "yes" } else { "no" }.into())));
    reading.facts.extend(cluster.members.iter().map(|member| Fact::new(&member.name, Value::Text(told(member)))));
    Ok(reading)
}

/// Version 3 says "running" of replicas too, version 4 "streaming"; "in archive recovery" is a replica that is fed from the archive.
fn runs(member: &MemberView) -> bool {
    matches!(member.state.as_str(), "running" | "streaming" | "in archive recovery")
}

fn told(member: &MemberView) -> String {
    let timeline = member.timeline.map(|timeline| format!(", timeline {timeline}")).unwrap_or_default();
    let lag = match member.lag {
        Some(lag) => format!(", {} behind when last reported", size(lag)),
        None => String::new(),
    };
    let restart = if member.pending_restart { ", a setting waits for a restart" } else { "" };
    format!("{}, {}{timeline}{lag}{restart}", member.role, member.state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::patroni::Identity;

    fn member(name: &str, role: &str, state: &str, timeline: u32) -> MemberView {
        MemberView { name: name.into(), role: role.into(), state: state.into(), timeline: Some(timeline), ..MemberView::default() }
    }

    fn own(answer: Result<(), Failure>) -> (String, Result<OwnView, Failure>) {
        let patroni = Identity { version: "3.0.2".into(), scope: None, name: None };
        (
            "h:8008".into(),
            answer.map(|()| OwnView {
                state: "running".into(),
                role: None,
                timeline: None,
                dcs_last_seen: None,
                watchdog_failed: false,
                patroni,
            }),
        )
    }

    #[test]
    fn a_failover_must_be_possible() {
        let pg1 = || member("pg1", "leader", "running", 7);
        let pg2 = || member("pg2", "replica", "running", 7);
        let silent = || Err(Failure::Silent(Duration::from_secs(2)));
        let cluster = |members, pause| Ok(ClusterView { members, pause, scheduled_switchover: None });
        let both = || vec![own(Ok(())), own(Ok(()))];
        for (view, own, primaries, health, says) in [
            (cluster(vec![pg1(), pg2()], false), both(), vec!["pg1"], Health::Ok, "pg1 leads, all members run"),
            (cluster(vec![pg1(), pg2()], true), both(), vec!["pg1"], Health::Degraded, "paused"),
            (
                cluster(vec![pg1(), pg2()], false),
                both(),
                vec!["pg2"],
                Health::Degraded,
                "Patroni says that pg1 leads, but pg2 takes writes",
            ),
            (cluster(vec![pg1(), member("pg2", "replica", "starting", 7)], false), both(), vec![], Health::Degraded, "pg2 is starting"),
            (
                cluster(vec![pg1(), member("pg2", "replica", "streaming", 6)], false),
                both(),
                vec![],
                Health::Degraded,
                "pg2 is not on pg1's timeline",
            ),
            (cluster(vec![pg1()], false), both(), vec![], Health::Degraded, "1 of 2 members are registered"),
            (cluster(vec![pg2()], false), both(), vec![], Health::Down, "no member leads"),
            (cluster(vec![pg1(), pg2()], false), vec![own(Ok(())), own(Err(Failure::Refused))], vec![], Health::Degraded, "h:8008 refuses"),
            (silent(), both(), vec![], Health::Degraded, "cannot tell its cluster"),
            (Err(Failure::Refused), vec![own(Err(Failure::Refused))], vec![], Health::Degraded, "no Patroni answers"),
        ] {
            let primaries: Vec<_> = primaries.into_iter().map(str::to_owned).collect();
            let reading = judge(view, &own, &primaries).unwrap();
            assert_eq!(reading.health, health, "{}", reading.summary);
            assert!(reading.summary.contains(says), "{} should say: {says}", reading.summary);
        }
        assert!(judge(Err(Failure::Unreachable("no route".into())), &[own(Err(Failure::Refused))], &[]).is_err());
    }
}
