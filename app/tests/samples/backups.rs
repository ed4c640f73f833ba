//! Backups, well and not.

use app::model::*;

use super::{id, moment, seen};

pub fn backups() -> BackupsView {
    let told = |size: u64, took: f64, run: i64| BackupTold {
        size: Value::Bytes(size),
        took: Value::Duration(took),
        source: "replica 10.0.0.2:5432, version 15.6".into(),
        contents: "12 tables of 41 objects".into(),
        run: Some(run),
        by: "olga".into(),
    };
    let row = |name: &str, ago_s: u64, proof: Proof, told: Option<BackupTold>| BackupRow {
        name: name.into(),
        at: moment(ago_s),
        proof,
        verify: told.is_some().then(|| format!("/runbooks/verify-backup?target=backup/aia_production&backup={name}")),
        told,
    };
    BackupsView {
        system: id("backup/aia_production"),
        health: Health::Ok,
        verdict: "It can be restored to 24 Nov 02:00:04 UTC.".into(),
        since: Some(moment(90_000)),
        seen: Some(seen(9, 2, 11)),
        place: "main (aia-backups at s3.example.org)".into(),
        counts: vec![
            Fact::new("Newest restorable point", Value::Duration(27_660.0)).limit(Value::Duration(93_600.0)),
            Fact::new("Oldest restorable point", Value::Text("25 Oct".into())),
            Fact::new("Restorable", Value::Count(2, "".into())),
            Fact::new("Newest dump", Value::Bytes(1_900_000_000)),
            Fact::new("It took", Value::Duration(887.0)),
            Fact::new("In the store", Value::Bytes(61_400_000_000)),
        ],
        rows: vec![
            row("20261124T020004Z-run-91-ab", 27_660, Proof::Read(moment(26_000), None), Some(told(1_900_000_000, 887.0, 91))),
            row(
                "20261123T020005Z-run-84-cd",
                114_000,
                Proof::Spoilt("its SHA-256 is 0102… where 0a0b… was written".into(), Some(92)),
                Some(told(1_890_000_000, 871.0, 84)),
            ),
            row("20261122T020004Z-run-80-ef", 200_000, Proof::Read(moment(3_600), Some(93)), Some(told(1_880_000_000, 866.0, 80))),
            row("older", 9_000_000, Proof::Distrusted("has format version 0, and this console reads version 1".into()), None),
        ],
        left_out: vec![
            "1 dump without a manifest (41 MB): of runs under way, or of runs that ended before their manifest. They are not backups."
                .into(),
        ],
        changes: vec![StateChange {
            at: moment(90_000),
            title: "Backup of aia_production".into(),
            from: Health::Degraded,
            to: Health::Ok,
            summary: "the newest backup of aia_production is 2 s old".into(),
        }],
        runbooks: vec![
            RunbookLink { title: "Back up aia_production".into(), href: "/runbooks/back-up-database?target=backup/aia_production".into() },
            RunbookLink {
                title: "Verify a backup of aia_production".into(),
                href: "/runbooks/verify-backup?target=backup/aia_production".into(),
            },
        ],
    }
}

pub fn backups_none() -> BackupsView {
    BackupsView {
        health: Health::Down,
        verdict: "The store main has no backup of aia_production that may be restored from.".into(),
        counts: vec![Fact::new("Newest restorable point", Value::Text("none".into())), Fact::new("Restorable", Value::Count(0, "".into()))],
        rows: vec![],
        left_out: vec![],
        ..backups()
    }
}

pub fn backups_stale() -> BackupsView {
    BackupsView {
        health: Health::Unknown,
        verdict: "The object store main (aia-backups at s3.example.org) did not answer within 3 s.".into(),
        seen: Some(seen(9, 40, 11)),
        ..backups()
    }
}

pub fn backups_unread() -> BackupsView {
    BackupsView {
        seen: None,
        rows: vec![],
        counts: vec![],
        left_out: vec![],
        changes: vec![],
        verdict: "The store has not been read yet.".into(),
        ..backups()
    }
}
