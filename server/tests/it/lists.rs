//! Lists and their filters: what is asked for is found, each row stands on one page, and what cannot be looked for is told and kept.

use std::collections::BTreeSet;

use app::model::Role;
use sqlx::AssertSqlSafe;

use crate::console::{TestConsole, Visitor, words};

/// Adds ended runs `from..=to`, all of them a minute old, run `n` on target `tN`.
async fn add(it: &TestConsole, from: i64, to: i64) {
    let mut owner = it.it.owner().await;
    let sql = format!(
        "insert into plans (id, account_id, runbook, target, body, fingerprint, expires_at)
         select md5(n::text), (select id from accounts where name = 'rosa'), 'restart-workload', 'deployment/eu/shop/t' || n, '{{}}',
                sha256(n::text::bytea), now() + interval '1 day'
         from generate_series({from}, {to}) n;
         insert into runs (plan_id, request_key, runbook, title, target, state, sentence, account_id, asked_by, reason, created_at, ended_at)
         select id, id, runbook, 'Restart ' || target, target, 'succeeded', 'All pods are ready.', account_id, 'rosa', 'stuck',
                now() - interval '1 minute', now()
         from plans where id in (select md5(n::text) from generate_series({from}, {to}) n)
         order by substr(target, length('deployment/eu/shop/t') + 1)::int"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
}

/// Changes runs behind the console's back.
async fn change(it: &TestConsole, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut it.it.owner().await).await.unwrap();
}

/// The numbers after `before` in a page's content, in the page's order.
fn numbers(html: &str, before: &str) -> Vec<i64> {
    let main = html.split_once("<main").unwrap().1;
    main.split(before).skip(1).filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
}

fn runs(html: &str) -> Vec<i64> {
    numbers(html, "<a href=\"/runs/")
}

async fn found(who: &Visitor, query: &str) -> Vec<i64> {
    let page = who.get(&format!("/runs?{query}")).await;
    assert_eq!(page.status, 200, "{query}: {}", words(&page.text));
    runs(&page.text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_stands_on_one_page_though_more_are_added_meanwhile() {
    let it = TestConsole::small().await;
    add(&it, 1, 120).await;
    let viewer = it.signed_in_as(Role::Viewer).await;
    let (mut seen, mut address, mut next) = (Vec::new(), Some("/runs?who=rosa".to_owned()), 121);
    while let Some(at) = address {
        let page = viewer.get(&at).await;
        seen.extend(runs(&page.text));
        address = page.older();
        assert!(address.as_ref().is_none_or(|address| address.contains("who=rosa")), "the filter is kept: {address:?}");
        add(&it, next, next + 9).await;
        next += 10;
    }
    assert_eq!(seen, (1..=120).rev().collect::<Vec<_>>(), "newest first, each once, none left out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_ended_stands_first_and_only_there() {
    let it = TestConsole::small().await;
    add(&it, 1, 60).await;
    // Held by a replica that is elsewhere, so that this one leaves it alone.
    let open = "state = 'running', ended_at = null, lease_holder = 'elsewhere', lease_until = now() + interval '1 hour', heard_at = now()";
    change(&it, &format!("update runs set {open} where id = 3")).await;
    let viewer = it.signed_in_as(Role::Viewer).await;
    let first = viewer.get("/runs").await;
    first.says(200, &["1 run has not ended."]);
    assert_eq!(runs(&first.text)[..3], [3, 60, 59]);
    let second = viewer.get(&first.older().unwrap()).await;
    assert_eq!(runs(&second.text), (1..=10).rev().filter(|run| *run != 3).collect::<Vec<_>>());
    assert_eq!(found(&viewer, "state=open").await, [3]);
    assert_eq!(found(&viewer, "state=running").await, [3]);
    assert_eq!(found(&viewer, "state=succeeded&q=t3").await, (30..40).rev().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_found_by_what_is_asked_for() {
    let it = TestConsole::small().await;
    add(&it, 1, 6).await;
    change(
        &it,
        "update runs set state = 'failed', sentence = 'No progress: 100% of pods wait' where id = 2;
         update runs set asked_by = 'otto' where id = 3;
         update runs set runbook = 'scale-workload' where id = 4;
         update runs set created_at = now() - interval '3 days' where id = 5;
         update runs set reason = 'Ärger mit <b>Größe</b>' where id = 6",
    )
    .await;
    let viewer = it.signed_in_as(Role::Viewer).await;
    for (query, wanted) in [
        ("", vec![6, 5, 4, 3, 2, 1]),
        ("state=failed", vec![2]),
        ("who=otto", vec![3]),
        ("who=Otto", vec![]),
        ("runbook=scale-workload", vec![4]),
        ("target=deployment%2Feu%2Fshop%2Ft1", vec![1]),
        ("target=t1", vec![]),
        ("since=2+d", vec![6, 4, 3, 2, 1]),
        ("since=2000-01-01", vec![6, 5, 4, 3, 2, 1]),
        ("since=2200-01-01", vec![]),
        ("q=PROGRESS", vec![2]),
        ("q=100%25", vec![2]),
        ("q=%25", vec![2]),
        ("q=_", vec![]),
        ("q=gr%C3%B6%C3%9Fe", vec![6]),
        ("q=%3Cb%3E", vec![6]),
        ("q=x%27%20or%20%27%27%3D%27", vec![]),
        ("who=rosa&state=succeeded&runbook=restart-workload&since=1+h&q=t1", vec![1]),
        ("who=otto&who=rosa&q=t3", vec![]),
        ("unheard-of=1&who=otto", vec![3]),
        ("before=4", vec![3, 2, 1]),
        ("before=x", vec![6, 5, 4, 3, 2, 1]),
    ] {
        assert_eq!(found(&viewer, query).await, wanted, "{query}");
    }
    viewer.get("/runs?state=failed&who=otto").await.says(200, &["No run matches state “failed”, asked by “otto”.", "Clear the filter"]);
    viewer.get("/runs?q=x%27%3B+drop+table+runs%3B+--").await.says(200, &["No run matches"]);
    assert_eq!(found(&viewer, "").await.len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_looked_for_is_told_by_field_and_value_and_kept() {
    let it = TestConsole::small().await;
    add(&it, 1, 2).await;
    let admin = it.signed_in_as(Role::Admin).await;
    let long = "ü".repeat(900);
    for (address, says, kept) in [
        ("/runs?state=exploded", "“exploded” is not one of those offered", "exploded"),
        ("/runs?since=soon", "“soon” is no time", "soon"),
        ("/runs?since=99999-01-01", "is no time", "99999-01-01"),
        ("/runs?who=a%00b", "control character", "a\u{fffd}b"),
        ("/runs?q=%1b%5b31m", "control character", "\u{fffd}[31m"),
        ("/runs?runbook=%27+or+1%3D1+--", "is not one of those offered", "&#x27; or 1=1 --"),
        (&format!("/runs?target={long}"), "is longer than 800 characters", &long),
        ("/runs?who=%ff%fe%00", "control character", "\u{fffd}\u{fffd}"),
        ("/audit?kind=nonsense", "“nonsense” is not one of those offered", "nonsense"),
        ("/audit?outcome=splendid", "is not one of those offered", "splendid"),
        ("/audit?run=abc", "“abc” is no number", "abc"),
        ("/audit?run=-1", "is no number", "-1"),
        ("/audit?run=99999999999999999999", "is no number", "99999999999999999999"),
        ("/audit?from=yesterday", "is no time", "yesterday"),
        ("/audit?to=2026-02-30", "is no time", "2026-02-30"),
        ("/audit?actor=%00", "control character", "\u{fffd}"),
        ("/runbooks?kind=toaster", "is not one of those offered", "toaster"),
    ] {
        let page = admin.get(address).await;
        page.says(400, &[says, "was looked for"]);
        let said = page.text.replace("&#39;", "&#x27;");
        assert!(said.contains(kept) || said.contains(&kept.replace("&#x27;", "'")), "{address}: {kept} is kept: {}", page.text);
        assert!(!page.text.contains("<table"), "{address}: nothing is listed as if it had matched");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_runbooks_tells_of_the_last_run_and_the_usual_time() {
    let it = TestConsole::small().await;
    add(&it, 1, 5).await;
    change(
        &it,
        "update runs set created_at = ended_at - make_interval(secs => id * 10) where id < 5;
         update runs set state = 'failed' where id = 5",
    )
    .await;
    let viewer = it.signed_in_as(Role::Viewer).await;
    let page = viewer.get("/runbooks").await;
    // The newest is a failed one; of 10, 20, 30 and 40 s, the lower of the two in the middle.
    page.says(200, &["Workloads", "failed", "run 5", "20 s", "never run"]);
    page.says(200, &["The estate file does not approve it"]);
    viewer.get("/runbooks?q=scale").await.says(200, &["Scale workload"]);
    assert!(!words(&viewer.get("/runbooks?q=scale").await.text).contains("Restart workload"));
    viewer
        .get("/runbooks?q=%3Cscript%3E")
        .await
        .says(200, &["No runbook matches words “<script>”.".replace('<', "&lt;").replace('>', "&gt;").as_str()]);
    viewer.get("/runbooks?may=me").await.says(200, &["No runbook matches planned by “me”."]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_letter_keys_are_switched_off_and_on_in_one_browser() {
    let it = TestConsole::small().await;
    let mut viewer = it.signed_in_as(Role::Viewer).await;
    viewer.get("/help").await.says(200, &["Switch off single-letter keys", "never draws unknown as healthy"]);
    let off = viewer.post("/keys", &[("keys", "off")]).await;
    assert_eq!(off.status, 303);
    let cookie = off.header("set-cookie").to_owned();
    assert!(cookie.starts_with("keys=off;") && cookie.contains("Max-Age=31536000"), "{cookie}");
    viewer.cookie = viewer.cookie.map(|session| format!("{session}; keys=off"));
    let help = viewer.get("/help").await;
    help.says(200, &["Switch on single-letter keys"]);
    assert!(help.text.contains("data-keys=\"off\""));
    assert!(viewer.post("/keys", &[("keys", "on")]).await.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rail_has_no_place_for_what_the_estate_has_not() {
    let it = TestConsole::small().await;
    let admin = it.signed_in_as(Role::Admin).await;
    let page = admin.get("/runs").await;
    let places: BTreeSet<_> = page.text.split("data-key=\"").skip(1).filter_map(|rest| rest.chars().next()).collect();
    assert!(places.contains(&'o') && places.contains(&'u') && !places.contains(&'c'), "{places:?}");
}
