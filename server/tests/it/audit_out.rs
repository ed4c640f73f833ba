//! The audit as people look into it and take it out: filters, pages, verification, export.

use app::model::{Role, RunState, StepState};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use server::{
    audit::{Actor, Event, Exported, Outcome, Record, SignInFault, export},
    store::AuditQuery,
};
use sqlx::Executor;

use crate::{
    console::{TestConsole, Visitor, words},
    store::TestStore,
};

fn text() -> String {
    r#"a "state":"failed", \"intact\":false"#.to_owned()
}

/// An event of each way in which something can come out, and of each kind that could be taken for another.
fn every_outcome() -> Vec<(Event, Outcome)> {
    let ended = |state| Event::Ended { state, sentence: text(), took_ms: 1 };
    let step = |state| Event::Step { no: 0, title: text(), state, detail: text() };
    let mut all = vec![
        (Event::SignedIn { address: text() }, Outcome::Done),
        (Event::SignInFailed { account: None, why: SignInFault::WrongPassword, address: text() }, Outcome::Failed),
        (Event::PermissionDenied { tried: text(), role: None, needed: Role::Admin }, Outcome::Denied),
        (Event::Refused { runbook: text(), rule: text(), why: text() }, Outcome::Refused),
        (Event::Unknown { why: text() }, Outcome::Unknown),
        (Event::Resumed { sentence: text() }, Outcome::Done),
        (Event::Verified { intact: true, sentence: text(), head: None }, Outcome::Done),
        (Event::Verified { intact: false, sentence: text(), head: None }, Outcome::Failed),
    ];
    for state in RunState::ALL.into_iter().filter(|state| state.has_ended()) {
        let outcome = match state {
            RunState::Failed => Outcome::Failed,
            RunState::Refused => Outcome::Refused,
            RunState::Cancelled => Outcome::Stopped,
            _ => Outcome::Done,
        };
        all.push((ended(state), outcome));
    }
    for state in StepState::ALL {
        let outcome = match state {
            StepState::Failed => Outcome::Failed,
            StepState::Unknown => Outcome::Unknown,
            _ => Outcome::Done,
        };
        all.push((step(state), outcome));
    }
    all
}

async fn record(it: &TestStore, actor: &str, event: Event) -> i64 {
    it.store.record(&Record::new(Actor::Account(actor.to_owned()), event)).await.unwrap()
}

#[tokio::test]
async fn the_store_and_the_console_agree_on_how_each_event_came_out() {
    let it = TestStore::new().await;
    for (event, _) in every_outcome() {
        record(&it, "anna", event).await;
    }
    let (_, events) = it.store.audit_page(&AuditQuery::default(), 100).await.unwrap();
    let wanted: Vec<_> = every_outcome().into_iter().map(|(_, outcome)| outcome).rev().collect();
    assert_eq!(events.iter().map(server::audit::Sealed::outcome).collect::<Vec<_>>(), wanted);
    let theirs: Vec<String> = sqlx::query_scalar("select audit_outcome(kind, detail) from audit_events order by seq desc")
        .fetch_all(&mut it.run_time().await)
        .await
        .unwrap();
    assert_eq!(theirs, wanted.iter().map(|outcome| outcome.word()).collect::<Vec<_>>());
    for outcome in Outcome::ALL {
        let query = AuditQuery { outcome: Some(outcome.word().to_owned()), ..AuditQuery::default() };
        let found = it.store.audit_page(&query, 100).await.unwrap().1.len();
        assert_eq!(found, wanted.iter().filter(|known| **known == outcome).count(), "{outcome:?}");
        assert!(found > 0, "{outcome:?} is tried");
    }
}

#[tokio::test]
async fn a_span_of_time_holds_its_beginning_and_not_its_end() {
    let it = TestStore::new().await;
    for n in 0..3 {
        record(&it, "anna", Event::SignedIn { address: n.to_string() }).await;
    }
    let at: Vec<DateTime<Utc>> =
        sqlx::query_scalar("select at from audit_events order by seq").fetch_all(&mut it.run_time().await).await.unwrap();
    let query = AuditQuery { from: Some(at[0]), to: Some(at[2]), ..AuditQuery::default() };
    let found: Vec<_> = it.store.audit_page(&query, 9).await.unwrap().1.into_iter().map(|event| event.seq).collect();
    assert_eq!(found, [2, 1]);
    assert_eq!(it.store.audit_count(&query, 2).await.unwrap(), 2);
    assert_eq!(it.store.audit_count(&query, 1).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_stands_on_one_page_though_more_are_written_meanwhile() {
    let it = TestConsole::small().await;
    for n in 0..120 {
        record(&it.it, "nina", Event::SignedIn { address: format!("mark-{n}.") }).await;
    }
    let auditor = it.signed_in_as(Role::Auditor).await;
    let (mut seen, mut address) = (Vec::new(), Some("/audit?actor=nina&kind=signed_in&outcome=done&from=1+h".to_owned()));
    while let Some(at) = address {
        let page = auditor.get(&at).await;
        page.says(200, &["Events"]);
        let marks = page.text.split("Signed in from mark-").skip(1).filter_map(|rest| rest.split('.').next()?.parse::<u32>().ok());
        seen.extend(marks);
        address = page.older();
        record(&it.it, "nina", Event::SignedIn { address: "later".to_owned() }).await;
    }
    assert_eq!(seen, (0..120).rev().collect::<Vec<_>>());
}

async fn exported(who: &Visitor, fields: &[(&str, &str)]) -> crate::console::Answer {
    who.post("/audit/export", fields).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_holds_what_the_filter_leaves_and_is_in_the_audit_first() {
    let it = TestConsole::small().await;
    for (event, _) in every_outcome() {
        record(&it.it, "=nina", event).await;
    }
    let auditor = it.signed_in_as(Role::Auditor).await;
    let lines = exported(&auditor, &[("format", "jsonl"), ("actor", "=nina")]).await;
    assert_eq!((lines.status, lines.header("content-type")), (200, "application/jsonl; charset=utf-8"));
    assert!(lines.header("content-disposition").starts_with("attachment; filename=\"audit-"), "{:?}", lines.headers);
    let events: Vec<serde_json::Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), every_outcome().len());
    let stored: Vec<(i64, String, Vec<u8>)> =
        sqlx::query_as("select seq, detail, hash from audit_events where actor = '=nina' order by seq")
            .fetch_all(&mut it.it.run_time().await)
            .await
            .unwrap();
    for ((event, (seq, detail, hash)), line) in events.iter().zip(&stored).zip(lines.text.lines()) {
        assert_eq!((event["seq"].as_i64(), event["hash"].as_str()), (Some(*seq), Some(hex::encode(hash).as_str())));
        assert!(line.contains(detail), "the detail stands byte for byte as it was hashed");
    }

    let csv = exported(&auditor, &[("format", "csv"), ("actor", "=nina"), ("outcome", "denied")]).await;
    let rows: Vec<_> = csv.text.split("\r\n").collect();
    assert_eq!((csv.status, rows.len()), (200, 3), "{}", csv.text);
    assert!(
        rows[0].starts_with("seq,at,actor,kind,outcome,") && rows[1].contains(",\"'=nina\",\"permission_denied\",\"denied\","),
        "{rows:?}"
    );

    let (_, told) = it.it.store.audit_page(&AuditQuery { kind: Some("exported".to_owned()), ..AuditQuery::default() }, 9).await.unwrap();
    let told: Vec<_> = told.iter().map(|event| (event.actor.as_str(), Event::read(&event.kind, &event.detail).unwrap())).collect();
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let all = i64::try_from(every_outcome().len()).unwrap();
    let wanted = [
        ("arno", Event::Exported { format: Exported::Csv, n_events: 1, filter: pairs(&[("actor", "=nina"), ("outcome", "denied")]) }),
        ("arno", Event::Exported { format: Exported::JsonLines, n_events: all, filter: pairs(&[("actor", "=nina")]) }),
    ];
    assert_eq!(told, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_take_the_audit_out_gets_nothing_of_it() {
    let it = TestConsole::small().await;
    for role in [Role::Viewer, Role::Responder, Role::Operator] {
        let who = it.signed_in_as(role).await;
        let answer = exported(&who, &[("format", "csv")]).await;
        answer.says(403, &["may not take the audit out", "The attempt was recorded"]);
        assert!(!words(&who.get("/audit").await.text).contains("Export as"), "{role:?} is offered no way");
    }
    let admin = it.signed_in_as(Role::Admin).await;
    admin.get("/audit").await.says(200, &["Export as JSON Lines", "Export as CSV"]);
    exported(&admin, &[("format", "xml")]).await.says(400, &["“xml” is no form of an export"]);
    exported(&admin, &[("format", "csv"), ("from", "soon")]).await.says(422, &["“soon” is no time"]);
    assert_eq!(it.count("exported").await, 0, "nothing was taken, and nothing is said to have been");
    assert_eq!(exported(&admin, &[("format", "csv")]).await.status, 200);
    assert_eq!(it.count("exported").await, 1);
}

#[tokio::test]
async fn an_export_comes_page_by_page_and_ends_where_it_was_counted() {
    let it = TestStore::new().await;
    it.owner()
        .await
        .execute(
            "insert into audit_events (seq, format, at, actor, kind, detail, prev_hash, hash)
             select n, 1, now(), 'anna', 'unknown', '{\"why\":\"' || repeat('x', 2000) || '\"}', sha256(('p' || n)::bytea), sha256(n::text::bytea)
             from generate_series(1, 5000) n",
        )
        .await
        .unwrap();
    let mut pages = Box::pin(export(it.store.clone(), AuditQuery::default(), 4_321, Exported::JsonLines));
    let (mut lines, mut longest) = (0, 0);
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        lines += page.iter().filter(|byte| **byte == b'\n').count();
        longest = longest.max(page.len());
    }
    assert_eq!(lines, 4_321);
    assert!(longest < 600_000, "a page has {longest} bytes at most, of 10 MB in all");
}

#[tokio::test]
async fn an_export_that_loses_the_store_breaks_off_and_does_not_end_as_if_whole() {
    let it = TestStore::new().await;
    for n in 0..3 {
        record(&it, "anna", Event::SignedIn { address: n.to_string() }).await;
    }
    let other = server::store::Store::connect(&it.url).unwrap();
    let mut pages = Box::pin(export(other.clone(), AuditQuery::default(), 3, Exported::Csv));
    assert!(pages.next().await.unwrap().unwrap().starts_with(b"seq,at,"));
    other.close().await;
    assert!(pages.next().await.is_some_and(|page| page.is_err()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_says_how_far_by_whom_and_what_is_newer() {
    let it = TestConsole::small().await;
    for n in 0..3 {
        record(&it.it, "nina", Event::SignedIn { address: n.to_string() }).await;
    }
    let auditor = it.signed_in_as(Role::Auditor).await;
    assert!(!words(&auditor.get("/audit").await.text).contains("Chain unbroken"), "nothing was verified yet");
    assert_eq!(auditor.post("/audit/verify", &[]).await.status, 303);
    auditor.get("/audit").await.says(200, &["Chain unbroken", "every link holds", "Verified by arno", "1 event is newer."]);
    record(&it.it, "nina", Event::SignedOut {}).await;
    auditor.get("/audit").await.says(200, &["2 events are newer."]);
    auditor.post("/audit/verify", &[("from", "newer")]).await;
    auditor.get("/audit").await.says(200, &["Chain unbroken", "2 events up to", "begun at event", "1 event is newer."]);

    // What was verified before is not looked at again; a whole verification finds it.
    it.change("update audit_events set actor = 'ben' where seq = 7").await;
    auditor.post("/audit/verify", &[("from", "newer")]).await;
    auditor.get("/audit").await.says(200, &["Chain unbroken"]);
    auditor.post("/audit/verify", &[]).await;
    auditor.get("/audit").await.says(200, &["Chain broken", "broken at event 7"]);
    // After a broken one, "newer" has nothing that it could begin at, and walks it all.
    auditor.get("/audit?kind=verified&outcome=failed").await.says(200, &["1 event, newest first"]);
}

#[tokio::test]
async fn a_verified_event_that_is_another_one_now_is_found_by_what_comes_after_it() {
    let it = TestStore::new().await;
    for n in 0..4 {
        record(&it, "anna", Event::SignedIn { address: n.to_string() }).await;
    }
    let known = it.store.audit_page(&AuditQuery { before: Some(3), ..AuditQuery::default() }, 1).await.unwrap().1[0].hash.clone();
    let span = server::audit::Span { from: 3, after: Some(known), ..server::audit::Span::default() };
    let good = server::audit::verify_span(&it.store, &span).await.unwrap();
    assert_eq!((good.broken, good.n_events, good.whole), (None, 2, true));
    it.owner().await.execute("update audit_events set hash = sha256('x') where seq = 2").await.unwrap();
    let broken = server::audit::verify_span(&it.store, &span).await.unwrap().broken.unwrap();
    assert_eq!((broken.seq, broken.why.as_str()), (2, "it is no longer the event that was verified before"));
}

#[tokio::test]
async fn a_verification_that_has_no_time_says_that_it_is_not_whole() {
    let it = TestStore::new().await;
    record(&it, "anna", Event::SignedOut {}).await;
    let span = server::audit::Span { from: 1, within: Some(std::time::Duration::ZERO), ..server::audit::Span::default() };
    let chain = server::audit::verify_span(&it.store, &span).await.unwrap();
    assert_eq!((chain.whole, chain.n_events, chain.broken), (false, 1, None));
}
