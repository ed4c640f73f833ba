//! Every door admits whom it says, takes changes from the console's own pages only, and tells the browser its policy.

use std::collections::BTreeSet;

use app::model::Role;
use reqwest::{Method, header};
use server::router::doors;

use crate::console::{Answer, ROLES, TestConsole, Visitor, words};

/// Who may come in: nobody, viewer, auditor, responder, operator, admin; and a paired screen, which sees the wall and what anybody sees. Written by hand, so that a door that opens by mistake is found.
const MATRIX: [(&str, &str, &str); 53] = [
    ("GET", "/", "-varoA"),
    ("GET", "/systems", "-varoA"),
    ("GET", "/systems/{kind}/{*name}", "-varoA"),
    ("GET", "/edge", "-varoA"),
    ("GET", "/clusters", "-varoA"),
    ("GET", "/clusters/{name}", "-varoA"),
    ("GET", "/workloads/{cluster}/{namespace}/{name}", "-varoA"),
    ("GET", "/backups", "-varoA"),
    ("GET", "/backups/{name}", "-varoA"),
    ("GET", "/runbooks", "-varoA"),
    ("GET", "/runbooks/{id}", "-varoA"),
    ("POST", "/runbooks/{id}/plan", "---roA"),
    ("GET", "/plans/{id}", "-varoA"),
    ("POST", "/plans/{id}/run", "---roA"),
    ("GET", "/runs", "-varoA"),
    ("GET", "/runs/{id}", "-varoA"),
    ("POST", "/runs/{id}/cancel", "---roA"),
    ("GET", "/audit", "--aroA"),
    ("POST", "/audit/verify", "--aroA"),
    ("POST", "/audit/export", "--a--A"),
    ("GET", "/search", "-varoA"),
    ("GET", "/help", "-varoA"),
    ("GET", "/live", "-varoAs"),
    ("GET", "/wall", "nvaroAs"),
    ("GET", "/wall/pair/{link}", "nvaroAs"),
    ("GET", "/settings", "-varoA"),
    ("POST", "/settings/password", "-varoA"),
    ("POST", "/settings/sessions/{id}/end", "-varoA"),
    ("GET", "/settings/sessions", "-----A"),
    ("GET", "/settings/accounts", "-----A"),
    ("POST", "/settings/accounts", "-----A"),
    ("GET", "/settings/accounts/{id}", "-----A"),
    ("POST", "/settings/accounts/{id}/role", "-----A"),
    ("POST", "/settings/accounts/{id}/disable", "-----A"),
    ("POST", "/settings/accounts/{id}/enable", "-----A"),
    ("POST", "/settings/accounts/{id}/reset", "-----A"),
    ("POST", "/settings/accounts/{id}/end-sessions", "-----A"),
    ("GET", "/settings/screens", "-----A"),
    ("POST", "/settings/screens", "-----A"),
    ("POST", "/settings/screens/{id}/revoke", "-----A"),
    ("GET", "/password", "nvaroAs"),
    ("POST", "/password", "nvaroAs"),
    ("GET", "/sign-in", "nvaroAs"),
    ("POST", "/sign-in", "nvaroAs"),
    ("POST", "/sign-out", "nvaroAs"),
    ("GET", "/set-up", "nvaroAs"),
    ("POST", "/set-up", "nvaroAs"),
    ("POST", "/theme", "nvaroAs"),
    ("POST", "/keys", "nvaroAs"),
    ("GET", "/pkg/{file}", "nvaroAs"),
    ("GET", "/healthz", "nvaroAs"),
    ("GET", "/readyz", "nvaroAs"),
    ("GET", "/metrics", "nvaroAs"),
];

/// An address behind each door.
fn example(path: &str) -> String {
    let address = match path {
        "/systems/{kind}/{*name}" => "/systems/endpoint/none".to_owned(),
        "/workloads/{cluster}/{namespace}/{name}" => "/workloads/none/none/none".to_owned(),
        "/live" => "/live?topic=overview".to_owned(),
        path if path.starts_with("/runbooks/") => path.replace("{id}", "restart-workload"),
        path if path.starts_with("/plans/") => path.replace("{id}", "0123456789abcdef0123456789abcdef"),
        // Nobody's: what is tried on it finds nothing.
        path if path.starts_with("/settings/") => path.replace("{id}", "999999"),
        path if path.starts_with("/runs/") => path.replace("{id}", "1"),
        path => path.replace("{name}", "none").replace("{file}", "none.js").replace("{link}", "none"),
    };
    assert!(!address.contains('{'), "give {path} an example");
    address
}

const FIELDS: [(&str, &str); 5] = [
    ("target", "deployment/aia-production-eu/aia-production/aia-frontend"),
    ("request_key", "0123456789abcdef"),
    ("reason", "a forged form"),
    ("name", "somebody"),
    ("password", "not the password"),
];

fn refused(answer: &Answer) -> bool {
    matches!(answer.status, 401 | 403) || (answer.status == 303 && answer.location().starts_with("/sign-in?next="))
}

/// Everybody, with the letter in the matrix.
async fn everybody(it: &TestConsole) -> Vec<(char, Option<Role>, Visitor)> {
    let mut all = vec![('n', None, it.nobody())];
    for (role, name) in ROLES {
        let letter = if role == Role::Admin { 'A' } else { name.chars().next().unwrap() };
        all.push((letter, Some(role), it.signed_in_as(role).await));
    }
    all.push(('s', None, screen(it).await));
    all
}

/// A screen with a token, and nobody signed in on it.
async fn screen(it: &TestConsole) -> Visitor {
    let mut screen = it.nobody();
    let page = screen.get("/wall").await;
    screen.cookie = Some(page.header("set-cookie").split(';').next().unwrap().to_owned());
    let code = page.text.split_once("class=\"pairing-code\">").unwrap().1.split('<').next().unwrap();
    let paired = it.signed_in_as(Role::Admin).await.post("/settings/screens", &[("code", code), ("name", "Ops room")]).await;
    assert_eq!(paired.status, 303, "{}", words(&paired.text));
    screen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_door_admits_whom_it_says() {
    let it = TestConsole::start().await;
    let listed: BTreeSet<_> = MATRIX.iter().map(|(method, path, _)| ((*method).to_owned(), *path)).collect();
    let there: BTreeSet<_> = doors().iter().map(|door| (door.method.to_string(), door.path)).collect();
    assert_eq!(listed, there, "the matrix and the router list the same doors");

    let everybody = everybody(&it).await;
    // Signing out comes last: it ends the session with which the others are tried.
    let (last, first): (Vec<_>, Vec<_>) = doors().into_iter().partition(|door| door.path == "/sign-out");
    for door in first.into_iter().chain(last) {
        let (_, _, who) = MATRIX.iter().find(|(method, path, _)| (*method, *path) == (door.method.as_str(), door.path)).unwrap();
        let address = example(door.path);
        for (letter, role, visitor) in &everybody {
            let may = who.contains(*letter);
            let is_screen = *letter == 's';
            let address = if is_screen && door.path == "/live" { "/live?topic=wall".to_owned() } else { address.clone() };
            let what = format!("{} {address} by {letter}", door.method);
            let admits = if is_screen { door.need.admits_screen() } else { door.need.admits(*role) };
            assert_eq!(admits, may, "{what}: the door's own word");
            let kind = if is_screen { "screen_refused" } else { "permission_denied" };
            let before = it.count(kind).await;
            let answer = if door.method == Method::POST { visitor.post(&address, &FIELDS).await } else { visitor.get(&address).await };
            assert_eq!(!refused(&answer), may, "{what}: {} {}", answer.status, words(&answer.text));
            // Nothing may have been read yet, which is what /readyz is asked for.
            assert!(answer.status < 500 || door.path == "/readyz", "{what}: {} {}", answer.status, words(&answer.text));
            let recorded = it.count(kind).await - before;
            let told = !may && (door.method == Method::POST || role.is_some() || is_screen);
            assert_eq!(recorded, i64::from(told), "{what}: a denied attempt is recorded once, and nothing else is");
            if !may && is_screen {
                answer.says(401, &["may show the wall and nothing else", "The attempt was recorded."]);
            } else if !may && role.is_none() {
                let led = answer.status == 303 && door.method == Method::GET && address != "/live?topic=overview";
                assert!(led || answer.status == 401, "{what}: {}", answer.status);
            } else if !may {
                assert_eq!(answer.status, 403, "{what}");
                answer.says(403, &["Nothing was changed. The attempt was recorded."]);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_says_from_which_page_it_comes() {
    let it = TestConsole::start().await;
    let admin = it.signed_in_as(Role::Admin).await;
    let seq =
        async || -> i64 { sqlx::query_scalar("select max(seq) from audit_events").fetch_one(&mut it.it.run_time().await).await.unwrap() };
    let before = seq().await;
    for door in doors().into_iter().filter(|door| door.method == Method::POST) {
        let address = example(door.path);
        for (name, value) in [
            ("x-nothing", ""),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let answer = admin.send(admin.request(Method::POST, &address).header(name, value).form(&FIELDS)).await;
            assert_eq!(answer.status, 403, "{address} with {name}: {value}: {}", answer.text);
            assert!(!answer.text.trim().is_empty(), "{address} with {name}: {value} is refused in words");
        }
    }
    let stranger = it.nobody();
    let forged = stranger.request(Method::POST, "/sign-in").header(header::ORIGIN, "https://evil.example").form(&FIELDS);
    assert_eq!(stranger.send(forged).await.status, 403, "nobody is signed in from elsewhere");
    assert_eq!(seq().await, before, "nothing happened");
    admin.get("/").await.says(200, &["ada"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_session_has_ended_gets_back_what_they_typed() {
    let it = TestConsole::start().await;
    let typed = [("reason", "INC-1482: <b>memory</b>"), ("request_key", "0123456789abcdef"), ("password", "a long enough password")];
    let answer = it.nobody().post("/plans/x/run", &typed[..2]).await;
    answer.says(401, &["your session has ended", "What you typed"]);
    assert!(answer.text.contains("INC-1482: &lt;b>memory"), "{}", answer.text);
    assert!(!answer.text.contains("0123456789abcdef"), "{}", answer.text);
    let answer = it.nobody().post("/settings/password", &typed).await;
    answer.says(401, &["your session has ended"]);
    assert!(!answer.text.contains("INC-1482") && !answer.text.contains("a long enough password"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_without_a_page_is_no_attempt_to_change() {
    let it = TestConsole::start().await;
    let nobody = it.nobody();
    let answer = nobody.send(nobody.request(Method::HEAD, "/runs")).await;
    assert_eq!((answer.status, answer.location()), (303, "/sign-in?next=%2Fruns"), "as for a page");
    assert_eq!(it.count("permission_denied").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_carries_its_policy() {
    let it = TestConsole::start().await;
    let (admin, nobody) = (it.signed_in_as(Role::Admin).await, it.nobody());
    let large = "x".repeat(1_000_000);
    let answers = [
        admin.get("/").await,
        admin.get("/").await,
        nobody.get("/").await,
        nobody.get("/sign-in").await,
        admin.get("/there-is-no-such-page").await,
        admin.get("/live?topic=overview").await,
        nobody.get("/live?topic=overview").await,
        nobody.get("/healthz").await,
        nobody.get("/pkg/none.js").await,
        admin.send(admin.request(Method::PUT, "/runs").header(header::ORIGIN, &it.base)).await,
        admin.send(admin.request(Method::POST, "/theme")).await,
        admin.post("/runbooks/restart-workload/plan", &[("target", &large)]).await,
    ];
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 303, 200, 404, 200, 401, 200, 404, 405, 403, 413]);
    let mut nonces = BTreeSet::new();
    for answer in &answers {
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("x-request-id").len(), 32);
        let nonce = policy.split_once("'nonce-").unwrap().1.split_once('\'').unwrap().0.to_owned();
        if let Some((_, script)) = answer.text.split_once("<script") {
            assert!(script.contains(&format!("nonce=\"{nonce}\"")), "the page's script has the response's nonce");
        }
        assert!(!answer.text.contains(" style=\"") && !answer.text.contains(" onclick"), "nothing inline");
        nonces.insert(nonce);
    }
    assert_eq!(nonces.len(), answers.len(), "no nonce is used twice");
    answers[11].says(413, &["larger than 64 KiB", "Nothing was changed"]);
}
