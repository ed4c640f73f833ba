//! Keeping accounts: made, changed, disabled, and never so that nobody could keep them any more.

use std::time::{Duration, Instant};

use app::model::Role;
use reqwest::Method;

use crate::console::{Answer, PASSWORD, TestConsole, Visitor, value_of, words};

const NEW: &str = "quite another few words";

/// The number of an account.
async fn number(it: &TestConsole, name: &str) -> i64 {
    sqlx::query_scalar("select id from accounts where name = $1").bind(name).fetch_one(&mut it.it.run_time().await).await.unwrap()
}

/// The link that a page shows once, as a path.
fn link(answer: &Answer) -> String {
    let (_, rest) = answer.text.split_once("<code class=\"once\">").unwrap_or_else(|| panic!("no link: {}", words(&answer.text)));
    let href = rest.split_once('<').unwrap().0;
    href[href.find("/password").unwrap()..].to_owned()
}

async fn set_password(visitor: &Visitor, link: &str, password: &str, again: &str) -> Answer {
    let token = link.split_once("token=").unwrap().1;
    visitor.post("/password", &[("token", token), ("password", password), ("again", again)]).await
}

async fn signs_in(it: &TestConsole, name: &str, password: &str) -> bool {
    it.nobody().post("/sign-in", &[("name", name), ("password", password)]).await.status == 303
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_made_and_its_owner_sets_the_password_once() {
    let it = TestConsole::start().await;
    let admin = it.signed_in_as(Role::Admin).await;
    let refused = admin.post("/settings/accounts", &[("name", "No Name!"), ("role", "operator")]).await;
    refused.says(422, &["Write lower case letters"]);
    assert_eq!(value_of(&refused.text, "name"), Some("No Name!"));
    assert!(refused.text.contains("value=\"operator\" selected"), "the role stays chosen");
    admin.post("/settings/accounts", &[("name", "nina"), ("role", "root")]).await.says(422, &["Choose a role"]);
    admin.post("/settings/accounts", &[("name", "vera"), ("role", "viewer")]).await.says(422, &["There is an account vera already"]);

    let made = admin.post("/settings/accounts", &[("name", "Nina"), ("role", "operator")]).await;
    made.says(200, &["The account was made", "no password yet", "shown this once"]);
    let link = link(&made);
    assert!(!admin.get("/settings/accounts").await.text.contains("token="), "it is shown nowhere else");
    assert!(!signs_in(&it, "nina", "").await);
    let nobody = it.nobody();
    nobody.get(&link).await.says(200, &["Set the password of nina"]);
    set_password(&nobody, &link, "short", "short").await.says(422, &["at least 12 characters"]);
    set_password(&nobody, &link, NEW, "something else").await.says(422, &["not the same password"]);
    assert_eq!(set_password(&nobody, &link, NEW, NEW).await.leads_to("/"), "sign-in");
    assert!(signs_in(&it, "nina", NEW).await);
    set_password(&nobody, &link, PASSWORD, PASSWORD).await.says(410, &["This link sets no password"]);
    nobody.get(&link).await.says(410, &["It was used, is too old"]);
    let recorded = [it.count("account_created").await - 6, it.count("password_link_made").await, it.count("password_set").await];
    assert_eq!(recorded, [1, 1, 1]);

    let id = number(&it, "nina").await;
    let first = self::link(&admin.post(&format!("/settings/accounts/{id}/reset"), &[]).await);
    let second = self::link(&admin.post(&format!("/settings/accounts/{id}/reset"), &[]).await);
    assert!(signs_in(&it, "nina", NEW).await, "the old password works until the link is used");
    nobody.get(&first).await.says(410, &["another one was made after it"]);
    it.change("update password_links set expires_at = now() - interval '1 second'").await;
    set_password(&nobody, &second, PASSWORD, PASSWORD).await.says(410, &["too old"]);
    assert!(signs_in(&it, "nina", NEW).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_an_account_holds_at_once_in_open_pages_too() {
    let it = TestConsole::start().await;
    let admin = it.signed_in_as(Role::Admin).await;
    let vera = it.signed_in_as(Role::Viewer).await;
    let id = number(&it, "vera").await;
    let change = |what: &'static str, fields: &'static [(&'static str, &'static str)]| {
        let admin = admin.clone();
        async move { admin.post(&format!("/settings/accounts/{id}/{what}"), fields).await }
    };
    let follow = || vera.request(Method::GET, "/live?topic=overview").timeout(Duration::from_secs(300)).send();
    let mut stream = follow().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    change("role", &[("role", "operator")]).await.leads_to("/settings/accounts/");
    let changed = Instant::now();
    while stream.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
    assert!(changed.elapsed() < Duration::from_secs(1), "{:?}", changed.elapsed());
    vera.get("/audit").await.says(200, &["Audit"]);
    change("role", &[("role", "root")]).await.says(400, &["“root” is no role"]);

    let mut stream = follow().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    let made = change("reset", &[]).await;
    change("disable", &[]).await.leads_to("/settings/accounts/");
    let changed = Instant::now();
    while stream.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
    assert!(changed.elapsed() < Duration::from_secs(1), "{:?}", changed.elapsed());
    assert_eq!(vera.get("/").await.status, 303, "signed out");
    assert!(!signs_in(&it, "vera", PASSWORD).await);
    it.nobody().get(&link(&made)).await.says(410, &["sets no password"]);
    change("reset", &[]).await.says(404, &["disabled"]);
    change("enable", &[]).await.leads_to("/settings/accounts/");
    assert_eq!(vera.get("/").await.status, 303, "its old session stays ended");
    assert!(signs_in(&it, "vera", PASSWORD).await);
    let kinds = ["role_changed", "account_disabled", "account_enabled"];
    for kind in kinds {
        assert_eq!(it.count(kind).await, 1, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_administrator_stays_one() {
    let it = TestConsole::start().await;
    let admin = it.signed_in_as(Role::Admin).await;
    let (ada, otto) = (number(&it, "ada").await, number(&it, "otto").await);
    let lose = async |by: &Visitor, id: i64| {
        let role = by.post(&format!("/settings/accounts/{id}/role"), &[("role", "viewer")]).await;
        let disabled = by.post(&format!("/settings/accounts/{id}/disable"), &[]).await;
        (role, disabled)
    };
    let (role, disabled) = lose(&admin, ada).await;
    role.says(409, &["ada is the last administrator", "Nothing was changed"]);
    disabled.says(409, &["ada is the last administrator"]);
    // Somebody who never set a password could not undo it.
    let made = admin.post("/settings/accounts", &[("name", "nina"), ("role", "admin")]).await;
    lose(&admin, ada).await.0.says(409, &["the last administrator who can sign in"]);
    set_password(&it.nobody(), &link(&made), NEW, NEW).await.leads_to("/sign-in");

    // Two who take each other's role away at once: one of them is too late.
    admin.post(&format!("/settings/accounts/{otto}/role"), &[("role", "viewer")]).await.leads_to("/settings/accounts/");
    let mut nina = it.nobody();
    let answer = nina.post("/sign-in", &[("name", "nina"), ("password", NEW)]).await;
    nina.cookie = Some(answer.header("set-cookie").split(';').next().unwrap().to_owned());
    let id = number(&it, "nina").await;
    let paths = [format!("/settings/accounts/{id}/disable"), format!("/settings/accounts/{ada}/disable")];
    let (one, two) = tokio::join!(admin.post(&paths[0], &[]), nina.post(&paths[1], &[]));
    let left: i64 = sqlx::query_scalar("select count(*) from accounts where role = 'admin' and disabled_at is null")
        .fetch_one(&mut it.it.run_time().await)
        .await
        .unwrap();
    assert_eq!(left, 1, "{} and {}", one.status, two.status);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_changes_one_s_own_password_and_ends_one_s_own_sessions() {
    let it = TestConsole::start().await;
    let (one, other) = (it.signed_in_as(Role::Viewer).await, it.signed_in_as(Role::Viewer).await);
    let admin = it.signed_in_as(Role::Admin).await;
    one.get("/settings").await.says(200, &["You are signed in as vera, viewer", "127.0.0.1", "this one", "Change password"]);
    assert!(!one.get("/settings").await.text.contains("/settings/accounts"), "what is for administrators is not shown to others");
    let change = async |current: &str, password: &str, again: &str| {
        one.post("/settings/password", &[("current", current), ("password", password), ("again", again)]).await
    };
    change(PASSWORD, "short", "short").await.says(422, &["at least 12 characters"]);
    change(PASSWORD, NEW, PASSWORD).await.says(422, &["not the same password"]);
    change("not it at all", NEW, NEW).await.says(422, &["not your current password"]);
    assert_eq!(it.count("sign_in_failed").await, 1, "whoever found an open browser may not guess on");
    assert_eq!(other.get("/").await.status, 200);
    change(PASSWORD, NEW, NEW).await.leads_to("/settings?done=password");
    assert_eq!((one.get("/").await.status, other.get("/").await.status), (200, 303), "the others are ended");
    assert!(signs_in(&it, "vera", NEW).await && !signs_in(&it, "vera", PASSWORD).await);

    let sessions: Vec<(i64, String)> =
        sqlx::query_as("select s.no, a.name from sessions s join accounts a on a.id = s.account_id order by s.no")
            .fetch_all(&mut it.it.run_time().await)
            .await
            .unwrap();
    let of = |name: &str| sessions.iter().find(|(_, owner)| owner == name).unwrap().0;
    let (foreign, own) = (of("ada"), sessions.iter().rfind(|(_, owner)| owner == "vera").unwrap().0);
    one.post(&format!("/settings/sessions/{foreign}/end"), &[]).await.says(404, &["no such session of yours"]);
    assert_eq!(admin.get("/").await.status, 200, "another's session is not ended by a forged form");
    one.post(&format!("/settings/sessions/{own}/end"), &[]).await.leads_to("/settings?done=session");
    admin.get("/settings/sessions").await.says(200, &["ada", "vera"]);
    let mine =
        sqlx::query_scalar::<_, i64>("select min(s.no) from sessions s join accounts a on a.id = s.account_id where a.name = 'vera'")
            .fetch_one(&mut it.it.run_time().await)
            .await
            .unwrap();
    let ended = admin.post(&format!("/settings/sessions/{mine}/end"), &[("from", "all")]).await;
    assert_eq!(ended.leads_to("/settings/"), "sessions");
    assert_eq!(one.get("/").await.status, 303);
    assert_eq!(it.count("sessions_ended").await, 2);
}
