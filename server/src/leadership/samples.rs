//! A healthy pair, for tests that break it.

use std::time::Instant;

use chrono::DateTime;

use crate::{
    adapters::{
        Failure,
        database::{Agent, DatabaseLook, Known, Member},
        patroni::{ClusterView, Identity, MemberView, OwnView, Settings},
        postgres::{Activity, MemberLook, MemberRole, MemberState, Receiver, Replica, Standing, Stream},
    },
    clock::Stamp,
    config::{DatabaseLimits, HostPort, Limit},
};

/// How far the leader has written.
pub const WRITTEN: u64 = 1_000_000_000;

pub fn limits() -> DatabaseLimits {
    use std::time::Duration;
    DatabaseLimits {
        replica_lag: Limit { degraded: Duration::from_secs(10), down: Duration::from_secs(60) },
        replica_lag_bytes: Limit { degraded: 50 << 20, down: 100 << 20 },
        connections: Limit { degraded: 0.75, down: 0.9 },
        longest_transaction: Limit { degraded: Duration::from_secs(1_800), down: Duration::from_secs(3_600) },
    }
}

fn agent(place: &str, role: &str) -> Agent {
    let patroni = Identity { version: "3.0.2".into(), scope: Some("aia".into()), name: None };
    let own = OwnView {
        state: "running".into(),
        role: Some(role.into()),
        timeline: Some(7),
        dcs_last_seen: Some(0),
        watchdog_failed: false,
        patroni,
    };
    Agent { place: place.into(), own: Ok(own), leader: Ok(Some("pg1".into())) }
}

fn member(name: &str, leads: bool, port: u16) -> Member {
    let role = if leads {
        MemberRole::Primary { timeline: 7, written: WRITTEN }
    } else {
        MemberRole::Replica(Replica {
            timeline: Some(7),
            received: Some(WRITTEN),
            replayed: Some(WRITTEN),
            since_replayed_commit: Some(0.1),
            replay_paused: false,
            receiver: Receiver::Connected { status: "streaming".into() },
        })
    };
    let streams = if leads {
        vec![Stream {
            application: "pg2".into(),
            state: Some("streaming".into()),
            sync_state: Some("async".into()),
            replay_lag: Some(0.04),
            ..Stream::default()
        }]
    } else {
        Vec::new()
    };
    let standing = Standing {
        up: 3_600.0,
        archives: true,
        archive_waits: 1,
        can_rewind: true,
        since_checkpoint: leads.then_some(1_000_000),
        ..Standing::default()
    };
    let view = MemberView {
        name: name.into(),
        role: if leads { "leader" } else { "replica" }.into(),
        state: "running".into(),
        host: Some("h".into()),
        port: Some(port),
        timeline: Some(7),
        ..MemberView::default()
    };
    Member {
        name: name.into(),
        at: HostPort { host: "h".into(), port },
        registered: Some(view),
        agent: Some(agent(&format!("h:{}", port + 10), if leads { "master" } else { "replica" })),
        look: Ok(MemberLook {
            state: MemberState { version: "15.6".into(), role },
            streams: Ok(streams),
            standing: Ok(standing),
            activity: Ok(Activity::default()),
        }),
    }
}

/// pg1 leads, pg2 streams and lacks nothing.
pub fn pair() -> DatabaseLook {
    let members = vec![member("pg1", true, 1), member("pg2", false, 2)];
    let views = members.iter().filter_map(|member| member.registered.clone()).collect();
    let settings: Settings = serde_json::from_str(r#"{"loop_wait":1,"postgresql":{"use_pg_rewind":true}}"#).unwrap();
    DatabaseLook {
        at: Stamp { wall: DateTime::UNIX_EPOCH, mono: Instant::now() + std::time::Duration::from_secs(1_000) },
        cluster: Ok(ClusterView { members: views, ..ClusterView::default() }),
        settings: Some(settings),
        history: Some(Vec::new()),
        members,
        known: Known::default(),
    }
}

/// A third member that streams like the second.
pub fn three() -> DatabaseLook {
    let mut look = pair();
    let third = member("pg3", false, 3);
    look.cluster.as_mut().unwrap().members.extend(third.registered.clone());
    look.members.push(third);
    if let Ok(streams) = &mut look.members[0].look.as_mut().unwrap().streams {
        let second = streams[0].clone();
        streams.push(Stream { application: "pg3".into(), ..second });
    }
    look
}

pub fn of<'a>(look: &'a mut DatabaseLook, name: &str) -> &'a mut Member {
    look.members.iter_mut().find(|member| member.name == name).unwrap()
}

pub fn replica<'a>(look: &'a mut DatabaseLook, name: &str) -> &'a mut Replica {
    match &mut of(look, name).look.as_mut().unwrap().state.role {
        MemberRole::Replica(replica) => replica,
        MemberRole::Primary { .. } => panic!("{name} leads"),
    }
}

/// Moves the leader on.
pub fn primary(look: &mut DatabaseLook, name: &str, timeline: u32, written: u64) {
    of(look, name).look.as_mut().unwrap().state.role = MemberRole::Primary { timeline, written };
}

pub fn standing<'a>(look: &'a mut DatabaseLook, name: &str) -> &'a mut Standing {
    of(look, name).look.as_mut().unwrap().standing.as_mut().unwrap()
}

/// The member's machine is gone, and its lease has run out.
pub fn kill(look: &mut DatabaseLook, name: &str, failure: Failure) {
    let member = of(look, name);
    member.registered = None;
    member.look = Err(failure.clone());
    if let Some(agent) = &mut member.agent {
        agent.own = Err(failure.clone());
        agent.leader = Err(failure);
    }
    if let Ok(cluster) = &mut look.cluster {
        cluster.members.retain(|view| view.name != name);
    }
    for member in &mut look.members {
        if let Some(agent) = &mut member.agent
            && agent.leader.as_ref().is_ok_and(|leader| leader.as_deref() == Some(name))
        {
            agent.leader = Ok(None);
        }
        if let Ok(MemberLook { state: MemberState { role: MemberRole::Replica(replica), .. }, .. }) = &mut member.look {
            replica.receiver = Receiver::Disconnected;
            replica.timeline = None;
        }
    }
}
