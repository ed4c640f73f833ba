//! A cache in its states.

use super::*;

fn topology_node(name: &str, health: Health, state: &str, notes: &[&str]) -> TopologyNode {
    TopologyNode { name: name.into(), health, state: state.into(), notes: notes.iter().map(|note| (*note).into()).collect() }
}

fn sentinel(at: &str, health: Health, state: &str, master: Option<&str>) -> SentinelRow {
    SentinelRow { at: at.into(), health, state: state.into(), master: master.map(Into::into), answered_ms: master.map(|_| 412) }
}

pub fn cache() -> CacheView {
    let count =
        |title: &str, value: Value, note: &str| CountCell { title: title.into(), value: Some(value), note: note.into(), spark: None };
    let text = |text: &str| Value::Text(text.into());
    CacheView {
        system: id("cache/sessions"),
        health: Health::Ok,
        verdict: "Redis 7.0.15, one master and one replica behind 3 Sentinels. Nothing is wrong here.".into(),
        since: Some(moment(90_000)),
        runbooks: vec![RunbookLink { title: "Fail over sessions".into(), href: "/runbooks/fail-over-cache?target=cache/sessions".into() }],
        topology: Topology {
            leader: Some(topology_node(
                "10.4.1.21:6379, master",
                Health::Ok,
                "takes writes",
                &["Redis 7.0.15, up 41 d", "3 180 commands/s, 143 clients"],
            )),
            others: vec![(
                TopologyStream { flows: true, kind: "asynchronous".into(), behind: "212 B behind".into() },
                topology_node("10.4.2.22:6379, replica", Health::Ok, "link up, read only", &["Redis 7.0.15, up 12 d", "priority 100"]),
            )],
        },
        seen: Some(seen(31, 2, 12)),
        sentinels: (1..=3).map(|n| sentinel(&format!("10.4.{n}.9:26379"), Health::Ok, "quorum reached", Some("10.4.1.21:6379"))).collect(),
        sentinels_note: "3 of 3 agree; 2 must".into(),
        sentinels_seen: Some(seen(34, 2, 12)),
        counts: vec![
            CountCell {
                spark: course("hit rate, last 60 min", 0.97, 0.972, 8, Some(0.9)),
                ..count("Hit rate", Value::Ratio(0.972), "limit 90 %, last minute")
            },
            count("Evictions", Value::Rate(0.0, "/s".into()), "0 since it started"),
            count("Clients", Value::Count(143, String::new()), "of 10 000, 0 blocked"),
            count("Commands", Value::Rate(3_180.0, "/s".into()), "0 turned away"),
            count("Keys", Value::Count(184_220, String::new()), "99.8 % expire"),
        ],
        memory: Some(CacheMemory {
            note: "214 MB of 256 MB".into(),
            share: Some((0.836, 0.9)),
            facts: vec![
                Fact::new("policy", text("allkeys-lru: when full, what was unused for longest goes")),
                Fact::new("highest", Value::Bytes(221_000_000)),
                Fact::new("fragmentation", text("1.08")),
            ],
        }),
        persistence: vec![
            Fact::new("snapshot", text("2026-11-24 09:22:54 UTC")),
            Fact::new("append-only file", text("off: what is newer than the snapshot is only on the replicas")),
        ],
        slow: SlowLog::Entries(vec![SlowRow {
            command: "KEYS session:*".into(),
            client: "10.4.1.77:50112".into(),
            took: Value::Duration(0.212),
            at: Some(moment(8_100)),
        }]),
        fail_over: Some(FailOverView {
            title: "Planned: 10.4.1.21:6379 hands over to 10.4.2.22:6379".into(),
            lost: "It pauses writes until the replica has every byte, so nothing that was acknowledged is lost.".into(),
            checks: vec![
                check("sentinel-quorum", "The Sentinels have their quorum", CheckOutcome::Pass, "3 of 3 answer, 2 must agree"),
                check("offset-gap", "10.4.2.22:6379 is at most 1.05 MB behind", CheckOutcome::Pass, "212 B behind, limit 1.05 MB"),
            ],
            runbook: Some(RunbookLink {
                title: "Fail over sessions to 10.4.2.22:6379".into(),
                href: "/runbooks/fail-over-cache?target=cache/sessions&candidate=10.4.2.22:6379".into(),
            }),
        }),
        changes: vec![StateChange {
            at: moment(90_000),
            title: "Sentinels".into(),
            from: Health::Degraded,
            to: Health::Ok,
            summary: "all 3 agree: master 10.4.1.21:6379".into(),
        }],
    }
}

/// Its master is gone, and so is a Sentinel.
pub fn cache_lost() -> CacheView {
    let sound = cache();
    CacheView {
        health: Health::Down,
        verdict: "No node is master: 10.4.2.22:6379 only follows; 10.4.1.21:6379 refuses connections.".into(),
        topology: Topology {
            leader: None,
            others: vec![
                (
                    TopologyStream { flows: false, kind: "no stream".into(), behind: String::new() },
                    topology_node("10.4.1.21:6379, not seen", Health::Down, "refuses connections", &[]),
                ),
                (
                    TopologyStream { flows: false, kind: "no stream".into(), behind: "212 B behind".into() },
                    topology_node("10.4.2.22:6379, replica", Health::Degraded, "link down for 4 s", &["Redis 7.0.15, up 12 d"]),
                ),
            ],
        },
        sentinels: vec![
            sentinel("10.4.1.9:26379", Health::Degraded, "finds the master down", Some("10.4.1.21:6379")),
            sentinel("10.4.2.9:26379", Health::Down, "did not answer within 2 s", None),
        ],
        sentinels_note: "1 of 2 agree; 2 must".into(),
        counts: Vec::new(),
        memory: None,
        persistence: Vec::new(),
        slow: SlowLog::Refused("it does not let the console in: no permission".into()),
        fail_over: sound.fail_over.clone().map(|fail_over| FailOverView {
            title: "Forced: the Sentinels promote 10.4.2.22:6379 without 10.4.1.21:6379".into(),
            lost: "What the replica lacks is lost: 212 B as last told.".into(),
            checks: vec![
                check(
                    "sentinel-quorum",
                    "The Sentinels have their quorum",
                    CheckOutcome::Fail,
                    "1 of 2 answer; NOQUORUM 1 usable Sentinels",
                ),
                check("loss", "What 10.4.2.22:6379 lacks is lost", CheckOutcome::Warn, "212 B by what it last told, 4 s ago"),
            ],
            ..fail_over
        }),
        ..sound
    }
}

pub fn cache_stale() -> CacheView {
    CacheView { seen: Some(seen(31, 60, 12)), sentinels_seen: Some(seen(34, 60, 12)), ..cache() }
}

/// Before anything was read.
pub fn cache_unread() -> CacheView {
    CacheView {
        health: Health::Unknown,
        verdict: "Not read yet.".into(),
        topology: Topology::default(),
        seen: None,
        sentinels: Vec::new(),
        sentinels_note: String::new(),
        sentinels_seen: None,
        counts: Vec::new(),
        memory: None,
        persistence: Vec::new(),
        slow: SlowLog::NotRead,
        fail_over: None,
        changes: Vec::new(),
        ..cache()
    }
}
