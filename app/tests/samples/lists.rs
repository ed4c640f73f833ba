//! Lists with their filters, what was found, and the help.

use super::*;

pub fn runs() -> RunList {
    RunList {
        filter: filter("/runs", &[("q", "Words", ""), ("state", "State", ""), ("who", "Asked by", "")]),
        rows: vec![
            run_row(1482, RunState::Running, "3 of 5 pods replaced.", 34),
            run_row(1481, RunState::Unknown, "The API server stopped answering; looking again every 2 s.", 820),
            run_row(1480, RunState::SucceededElsewhere, "6 pods are ready: somebody scaled it meanwhile.", 4_000),
            run_row(1479, RunState::Failed, "No progress for 10 min; 4 pods of revision 41 still serve.", 7_100),
            run_row(1478, RunState::Refused, "The plan moved: replicas 5 to 6. Nothing was done.", 9_000),
            run_row(1477, RunState::Cancelled, "Stopped after step 1 by nora.", 90_000),
            run_row(1371, RunState::Succeeded, "5 of 5 pods are ready on revision 41.", 172_800),
        ],
        older: Some(1371),
    }
}

pub fn runs_none_matches() -> RunList {
    RunList { filter: filter("/runs", &[("state", "State", "failed"), ("who", "Asked by", "<b>nora")]), ..RunList::default() }
}

pub fn runs_bad_filter() -> RunList {
    let mut list = RunList { filter: filter("/runs", &[("since", "Since, UTC", "soon")]), ..RunList::default() };
    list.filter.fields[0].fault = Some("“soon” is no time: type 2026-11-27.".into());
    list
}

pub fn audit() -> AuditView {
    let row = |seq, ago, actor: &str, kind: &str, sentence: &str, run, target: Option<&str>, detail: &[(&str, &str)]| AuditRow {
        seq,
        at: moment(ago),
        actor: actor.into(),
        kind: kind.into(),
        outcome: match kind {
            "sign_in_failed" => "failed",
            "permission_denied" => "denied",
            _ => "done",
        }
        .into(),
        sentence: sentence.into(),
        run,
        target: target.map(Into::into),
        detail: detail.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        hash: "c41d7ae09b21".into(),
    };
    AuditView {
        rows: vec![
            row(184_306, 20, "console", "step", "step 2 began: wait for 5 pods", Some(1482), Some(BACKEND), &[("pods", "5")]),
            row(
                184_305,
                34,
                "nora",
                "started",
                "started Restart aia-backend-simple",
                Some(1482),
                Some(BACKEND),
                &[("fingerprint", "7f3a 91c2"), ("reason", "memory grows since noon, OPS-2214")],
            ),
            row(
                184_304,
                160,
                "vera",
                "permission_denied",
                "was denied: Restart workload needs responder",
                None,
                Some(BACKEND),
                &[("role", "viewer"), ("needed", "responder")],
            ),
            row(184_303, 2_100, "nora", "signed_in", "signed in", None, None, &[("address", "10.4.1.20")]),
            row(184_302, 2_130, "nobody", "sign_in_failed", "sign-in failed", None, None, &[("name", "nora"), ("address", "10.4.1.20")]),
            row(184_301, 90_000, "console", "config_loaded", "loaded the estate file", None, None, &[("sha256", "88e1 02fb")]),
        ],
        filter: filter("/audit", &[("actor", "Who", ""), ("kind", "Kind of event", ""), ("run", "Run", "")]),
        story: None,
        older: Some(184_301),
        all: Some((184_306, now())),
        verified: Some(Verification {
            intact: true,
            sentence: "184303 events up to 184303, every link holds".into(),
            at: moment(180),
            by: "arno".into(),
            head: Some("c41d7ae09b21".into()),
            newer: 3,
        }),
        may_export: true,
    }
}

pub fn audit_story() -> AuditView {
    let mut audit = audit();
    audit.rows.retain(|row| row.run == Some(1482));
    audit.rows.reverse();
    audit.filter.fields[2].value = "1482".into();
    audit.story = Some(1482);
    audit.older = None;
    audit.may_export = false;
    audit.verified = Some(Verification {
        intact: false,
        sentence: "broken at event 184212: it does not match its hash".into(),
        at: moment(12),
        by: "arno".into(),
        head: None,
        newer: 0,
    });
    audit
}

pub fn found() -> Found {
    let row =
        |title: &str, note: &str, href: &str| FoundRow { title: title.into(), note: note.into(), href: href.into(), ..FoundRow::default() };
    Found {
        words: "back".into(),
        groups: vec![
            FoundGroup { title: "Pages", rows: vec![FoundRow { key: Some('k'), ..row("Backups", "", "/backups") }], more: 0 },
            FoundGroup {
                title: "Systems",
                rows: vec![FoundRow {
                    health: Some(Health::Degraded),
                    ..row("aia-backend-simple", "deployment, aia-production-eu / aia-production", "/workloads/a/b/c")
                }],
                more: 4,
            },
            FoundGroup {
                title: "Runs",
                rows: vec![FoundRow {
                    state: Some(RunState::Unknown),
                    ..row("Restart aia-backend-simple", "run 1481, by nora", "/runs/1481")
                }],
                more: 0,
            },
        ],
        notes: vec!["Runs cannot be looked through: the console's own store does not answer.".into()],
    }
}

pub fn found_nothing() -> Found {
    Found { words: "<script>x".into(), ..Found::default() }
}

pub fn help() -> Help {
    Help { places: places(Role::Operator, &Kind::ALL).collect(), me: Some(Me { name: "nora".into(), role: Role::Operator }), keys: true }
}

/// A filter with what was typed into each of its fields: name, label, value.
pub fn filter(path: &'static str, typed: &[(&str, &str, &str)]) -> Filter {
    let field = |(name, label, value): &(&str, &str, &str)| FormField {
        name: (*name).into(),
        label: (*label).into(),
        hint: String::new(),
        value: (*value).into(),
        input: FieldInput::Text,
        fault: None,
    };
    Filter { path, fields: typed.iter().map(field).collect() }
}
