//! A database with one replica that is well, one that is gone, and somebody who holds others up.

use app::model::*;

use super::{check, seen, system};

pub fn database() -> DatabaseView {
    let member = |name: &str, role, health, state: &str, lines: &[&str], wire: &str| MemberNode {
        name: name.into(),
        role,
        health,
        state: state.into(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        wire: wire.into(),
    };
    let transaction = |application: &str, seconds, state: &str, waits_for: &str| TransactionRow {
        member: "pg1".into(),
        pid: 48_213,
        user: "aia_user".into(),
        application: application.into(),
        seconds,
        state: state.into(),
        waits_for: waits_for.into(),
    };
    let row = |application: &str, active, idle, in_transaction| ConnectionRow {
        application: application.into(),
        active,
        idle,
        in_transaction,
        all: active + idle + in_transaction,
    };
    let waits = |pid, says: &str, blocks| LockWait { pid, says: says.into(), blocks };
    let bytes = |name: &str, bytes, limit| Fact::new(name, Value::Bytes(bytes)).limit(Value::Bytes(limit));
    let standing = DatabaseStanding {
        seen: seen(7, 2, 9),
        products: "PostgreSQL 15.18 under Patroni 3.0.2".into(),
        note: "timeline 7 since 25 Oct, 02:00; 3 of 3 reach the lock store".into(),
        members: vec![
            member(
                "pg1",
                MemberRole::Primary,
                Health::Ok,
                "takes writes",
                &["10.4.1.11:5432", "up 30 d 2 h, 87 of 200 connections, timeline 7"],
                "",
            ),
            member("pg2", MemberRole::Replica, Health::Ok, "streaming", &["10.4.2.12:5432", "up 12 d 4 h, timeline 7"], "asynchronous"),
            member(
                "pg3",
                MemberRole::Unknown,
                Health::Down,
                "refuses connections",
                &["10.4.3.13:5432", "its Patroni refuses connections"],
                "no stream",
            ),
        ],
        lags: vec![ReplicaLag {
            name: "pg2".into(),
            receiver: "receiver streaming".into(),
            receives: true,
            ways: vec![
                bytes("Not yet received", 0, 1_048_576),
                bytes("Not yet replayed", 16_000, 52_428_800),
                Fact::new("Replayed after", Value::Duration(0.04)).limit(Value::Duration(10.0)),
            ],
        }],
        connections: Some(ConnectionTable {
            of: "pg1".into(),
            used: 75,
            max: 200,
            reserved: 3,
            rows: vec![row("aia-backend-simple", 11, 52, 2), row("import worker <script>", 2, 6, 1)],
            others: 1,
        }),
        transactions: vec![
            transaction("import worker", 51.0, "idle in transaction", ""),
            transaction("aia-backend-simple", 48.0, "active: UPDATE", "Lock: transactionid"),
        ],
        locks: vec![waits(
            48_213,
            "import worker, idle in transaction for 51 s",
            vec![waits(
                48_377,
                "aia-backend-simple waits with UPDATE for 48 s",
                vec![waits(48_391, "aia-backend-simple waits with SELECT for 31 s", vec![])],
            )],
        )],
        switchover: Some(Readiness {
            candidate: Some("pg2".into()),
            candidates: vec![
                ("pg2".into(), true, "asynchronous, 0 B to receive, 16 kB to replay".into()),
                ("pg3".into(), false, "its Patroni refuses connections".into()),
            ],
            checks: vec![
                check("leader", "pg1 leads and takes writes", CheckOutcome::Pass, "by Patroni and by itself, on timeline 7"),
                check("candidate", "pg2 may lead and answers", CheckOutcome::Pass, "its Patroni and its PostgreSQL answer"),
                check("one-primary", "Nobody else takes writes", CheckOutcome::Unknown, "pg3 did not answer within 2 s"),
                check("not-paused", "Patroni is not paused", CheckOutcome::Fail, "somebody paused it and may be at work"),
            ],
        }),
    };
    DatabaseView { system: system(), standing: Some(standing) }
}

pub fn database_stale() -> DatabaseView {
    let mut view = database();
    if let Some(standing) = &mut view.standing {
        standing.seen = seen(7, 40, 9);
    }
    view
}
