//! Who gets in, who does not, and when a session ends.

use std::{net::IpAddr, sync::Arc, time::Duration};

use app::model::Role;
use axum::{
    Router,
    body::Body,
    extract::{Query, State},
    http::{Request, Response, StatusCode, header},
    routing::{get, post},
};
use server::{
    audit::Actor,
    clock::SystemClock,
    config::{Listen, Secret, Tls},
    identity::{Caller, Identity, SetUpRefused, SignInRefused, hash_password, same_origin},
    store::{AuditQuery, NewAccount, Store},
};
use sqlx::Executor;
use tower::ServiceExt;
use tower_sessions::Session;
use url::Url;

use crate::{freezable::Freezable, store::TestStore};

const PASSWORD: &str = "correct horse battery";

/// A console that has nothing but people.
struct Door {
    identity: Identity,
    router: Router,
}

#[derive(serde::Deserialize)]
struct Typed {
    name: String,
    password: String,
    #[serde(default)]
    token: String,
    from: Option<IpAddr>,
}

impl Door {
    fn to(store: &Store, tls: Tls) -> Self {
        let listen = Listen { address: ([127, 0, 0, 1], 8080).into(), tls };
        let identity = Identity::new(store.clone(), Arc::new(SystemClock), &listen, None).unwrap();
        let router = Router::new()
            .route("/sign-in", post(sign_in))
            .route("/set-up", post(set_up))
            .route("/sign-out", post(sign_out))
            .route("/me", get(me))
            .layer(identity.layer())
            .layer(axum::middleware::from_fn(same_origin))
            .with_state(identity.clone());
        Self { identity, router }
    }

    async fn ask(&self, method: &str, path: &str, cookie: Option<&str>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).header("sec-fetch-site", "same-origin");
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// Signs in and returns the cookie.
    async fn sign_in(&self, name: &str) -> String {
        let response = self.ask("POST", &typed(name, PASSWORD), None).await;
        assert_eq!(response.status(), StatusCode::OK, "{}", text(response).await);
        cookie(&response).expect("a cookie")
    }

    async fn me(&self, cookie: &str) -> String {
        text(self.ask("GET", "/me", Some(cookie)).await).await
    }
}

fn typed(name: &str, password: &str) -> String {
    format!("/sign-in?name={name}&password={}", password.replace(' ', "%20"))
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(axum::body::to_bytes(response.into_body(), 65_536).await.unwrap().to_vec()).unwrap()
}

fn cookie(response: &Response<Body>) -> Option<String> {
    Some(response.headers().get(header::SET_COOKIE)?.to_str().unwrap().split(';').next()?.to_owned())
}

async fn sign_in(State(identity): State<Identity>, session: Session, Query(typed): Query<Typed>) -> (StatusCode, String) {
    let from = typed.from.unwrap_or([192, 0, 2, 1].into());
    match identity.sign_in(&session, from, "", &typed.name, Secret::new(typed.password)).await {
        Ok(caller) => (StatusCode::OK, caller.name),
        Err(refused) => (StatusCode::from_u16(refused.code().status()).unwrap(), refused.to_string()),
    }
}

async fn set_up(State(identity): State<Identity>, session: Session, Query(typed): Query<Typed>) -> (StatusCode, String) {
    match identity.set_up(&session, [192, 0, 2, 1].into(), "", &typed.token, &typed.name, Secret::new(typed.password)).await {
        Ok(caller) => (StatusCode::OK, caller.role.word().to_owned()),
        Err(SetUpRefused::Fields(faults)) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{faults:?}")),
        Err(SetUpRefused::LinkSpent) => (StatusCode::GONE, String::new()),
        Err(SetUpRefused::NotSignedIn(refused)) => (StatusCode::SERVICE_UNAVAILABLE, refused.to_string()),
    }
}

async fn caller(identity: &Identity, session: &Session) -> Option<Caller> {
    identity.caller(Some(session)).await
}

async fn me(State(identity): State<Identity>, session: Session) -> String {
    match caller(&identity, &session).await {
        Some(caller) => format!("{} {} {}", caller.name, caller.role.word(), if caller.fresh { "fresh" } else { "remembered" }),
        None => "nobody".to_owned(),
    }
}

async fn sign_out(State(identity): State<Identity>, session: Session) -> String {
    match caller(&identity, &session).await {
        Some(caller) => identity.sign_out(&session, &caller).await.map_or_else(|refused| refused.to_string(), |()| "out".to_owned()),
        None => "nobody".to_owned(),
    }
}

/// A store where somebody called `name` has [`PASSWORD`].
async fn with(people: &[(&str, Role)]) -> TestStore {
    let it = TestStore::new().await;
    let hash = hash_password(&Secret::new(PASSWORD)).unwrap();
    for (name, role) in people {
        it.store.create_account(&NewAccount { name, password_hash: &hash, role: *role }, Actor::Console).await.unwrap().unwrap();
    }
    it
}

/// Kind and sentence of every event after the accounts were made.
async fn audit(it: &TestStore) -> Vec<String> {
    let (now, mut events) = it.store.audit_page(&AuditQuery::default(), 100).await.unwrap();
    events.reverse();
    let rows = events.iter().map(|event| event.row(now));
    rows.filter(|row| row.kind != "account_created").map(|row| format!("{}: {}", row.actor, row.sentence)).collect()
}

#[tokio::test]
async fn a_session_begins_at_sign_in_and_ends_at_sign_out() {
    let it = with(&[("anna", Role::Operator)]).await;
    let door = Door::to(&it.store, Tls::Loopback);
    assert_eq!(door.me("quarterdeck=AAAAAAAAAAAAAAAAAAAAAA").await, "nobody");
    assert_eq!(door.me("quarterdeck=%00%ff<script>").await, "nobody");
    let cookie = door.sign_in("Anna").await;
    assert_eq!(door.me(&cookie).await, "anna operator fresh");
    assert_eq!(text(door.ask("POST", "/sign-out", Some(&cookie)).await).await, "out");
    assert_eq!(door.me(&cookie).await, "nobody");
    assert_eq!(audit(&it).await, ["anna: Signed in from 192.0.2.1", "anna: Signed out"]);
}

#[tokio::test]
async fn the_cookie_is_bound_to_how_people_reach_the_console() {
    let it = with(&[("anna", Role::Viewer)]).await;
    let plain = Door::to(&it.store, Tls::Loopback).ask("POST", &typed("anna", PASSWORD), None).await;
    let plain = plain.headers()[header::SET_COOKIE].to_str().unwrap();
    let proxied = Door::to(&it.store, Tls::Proxy([10, 0, 0, 7].into())).ask("POST", &typed("anna", PASSWORD), None).await;
    let proxied = proxied.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(plain.starts_with("quarterdeck=") && !plain.contains("Secure"), "{plain}");
    assert!(proxied.starts_with("__Host-quarterdeck=") && proxied.contains("Secure") && !proxied.contains("Domain"), "{proxied}");
    for cookie in [plain, proxied] {
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
        let age: u64 = cookie.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
        assert!((43_100..=43_200).contains(&age), "{cookie}");
    }
}

#[tokio::test]
async fn signing_in_again_is_a_new_session_and_the_old_one_ends() {
    let it = with(&[("anna", Role::Viewer), ("ben", Role::Admin)]).await;
    let door = Door::to(&it.store, Tls::Loopback);
    let first = door.sign_in("anna").await;
    let response = door.ask("POST", &typed("ben", PASSWORD), Some(&first)).await;
    let second = cookie(&response).unwrap();
    assert_ne!(first, second);
    assert_eq!(door.me(&first).await, "nobody");
    assert_eq!(door.me(&second).await, "ben admin fresh");
}

#[tokio::test]
async fn the_store_holds_nothing_that_opens_a_session() {
    let it = with(&[("anna", Role::Viewer)]).await;
    let door = Door::to(&it.store, Tls::Loopback);
    let cookie = door.sign_in("anna").await;
    let kept: String =
        sqlx::query_scalar("select string_agg(s::text, '|') from sessions s").fetch_one(&mut it.owner().await).await.unwrap();
    assert!(!kept.contains(cookie.split_once('=').unwrap().1), "{kept}");
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_are_told_the_same_and_recorded_apart() {
    let it = with(&[("anna", Role::Viewer)]).await;
    it.owner().await.execute("update accounts set disabled_at = now() where name = 'anna'").await.unwrap();
    let door = Door::to(&it.store, Tls::Loopback);
    for (name, password) in [("hunter2", "wrong password"), ("anna", "wrong password"), ("anna", PASSWORD), ("%00%0A", "x")] {
        let response = door.ask("POST", &typed(name, password), None).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(cookie(&response), None);
        assert_eq!(text(response).await, SignInRefused::Wrong.to_string());
    }
    let audit = audit(&it).await;
    assert_eq!(
        audit,
        [
            "nobody: Sign-in from 192.0.2.1 failed: no such account",
            "nobody: Sign-in as anna from 192.0.2.1 failed: the account is disabled",
            "nobody: Sign-in as anna from 192.0.2.1 failed: the account is disabled",
            "nobody: Sign-in from 192.0.2.1 failed: no such account",
        ],
        "a password in the wrong field is not kept"
    );
}

#[tokio::test]
async fn guessing_is_stopped_for_the_account_and_for_the_address() {
    let it = with(&[("anna", Role::Viewer), ("ben", Role::Viewer)]).await;
    let door = Door::to(&it.store, Tls::Loopback);
    let from = |name: &str, password: &str, from: &str| format!("{}&from={from}", typed(name, password));
    let mut statuses = vec![];
    for n in 0..12 {
        statuses.push(door.ask("POST", &from("anna", "wrong password", &format!("192.0.2.{n}")), None).await.status().as_u16());
    }
    assert_eq!(statuses, [vec![422; 10], vec![429; 2]].concat());
    let right = door.ask("POST", &from("anna", PASSWORD, "198.51.100.1"), None).await;
    assert_eq!(right.status(), StatusCode::TOO_MANY_REQUESTS, "also the right password, from elsewhere");
    assert_eq!(door.ask("POST", &from("ben", PASSWORD, "198.51.100.1"), None).await.status(), StatusCode::OK, "others are not held up");
    let too_many = audit(&it).await.into_iter().filter(|line| line.contains("too many tries")).count();
    assert_eq!(too_many, 1, "a flood is recorded once, not by its size");

    it.owner().await.execute("update sign_in_failures set failed_at = failed_at - interval '15 minutes'").await.unwrap();
    assert_eq!(door.ask("POST", &from("anna", PASSWORD, "198.51.100.1"), None).await.status(), StatusCode::OK, "after the window");
}

#[tokio::test]
async fn many_guesses_at_once_are_not_let_through_by_one_count() {
    let it = with(&[("anna", Role::Viewer)]).await;
    let door = Arc::new(Door::to(&it.store, Tls::Loopback));
    let guesses = (0..30).map(|_| {
        let door = door.clone();
        tokio::spawn(async move { door.ask("POST", &typed("anna", "wrong password"), None).await.status() })
    });
    let looked_at = futures::future::join_all(guesses)
        .await
        .into_iter()
        .filter(|status| matches!(status, Ok(StatusCode::UNPROCESSABLE_ENTITY)))
        .count();
    assert!((10..=11).contains(&looked_at), "{looked_at}");
}

#[tokio::test]
async fn what_happens_to_a_session_is_seen_at_the_next_request_and_by_open_streams_within_a_second() {
    let it = with(&[("anna", Role::Operator), ("ben", Role::Operator), ("cleo", Role::Operator)]).await;
    let door = Door::to(&it.store, Tls::Loopback);
    let mut owner = it.owner().await;
    for (name, change, after) in [
        ("anna", "update accounts set disabled_at = now() where name = 'anna'", "nobody"),
        ("ben", "update accounts set role = 'viewer' where name = 'ben'", "ben viewer fresh"),
        ("cleo", "update sessions set expires_at = now() - interval '1 second'", "nobody"),
    ] {
        let cookie = door.sign_in(name).await;
        let caller = caller_of(&door, &cookie).await;
        let looking = door.identity.looks(&caller);
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(!looking.ended.is_cancelled(), "{name}: a good session is not ended");
        owner.execute(change).await.unwrap();
        assert_eq!(door.me(&cookie).await, after);
        tokio::time::timeout(Duration::from_secs(1), looking.ended.cancelled()).await.unwrap_or_else(|_| panic!("{name}'s streams go on"));
    }
}

#[tokio::test]
async fn a_sign_in_under_way_does_not_outlive_a_change_of_the_account() {
    let it = with(&[("anna", Role::Operator), ("ben", Role::Operator)]).await;
    let door = Door::to(&it.store, Tls::Loopback);
    let mut owner = it.owner().await;
    // The account changes after the password was checked, at the very last moment.
    let change = "create function change() returns trigger language plpgsql security definer as $$ begin
            update accounts set disabled_at = case when name = 'ben' then now() end,
                password_hash = password_hash || case when name = 'ben' then '' else 'x' end where id = new.account_id;
            return null; end $$";
    owner.execute(change).await.unwrap();
    owner.execute("create constraint trigger change after insert on sessions deferrable initially deferred for each row execute function change()").await.unwrap();
    for name in ["anna", "ben"] {
        let refused = door.ask("POST", &typed(name, PASSWORD), None).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{name}: {}", text(refused).await);
    }
    let sessions: i64 = sqlx::query_scalar("select count(*) from sessions").fetch_one(&mut owner).await.unwrap();
    assert_eq!(sessions, 0, "no session is left behind");
}

async fn caller_of(door: &Door, cookie: &str) -> Caller {
    let (sender, receiver) = std::sync::mpsc::channel();
    let identity = door.identity.clone();
    let keep = move |session: Session| {
        let (identity, sender) = (identity.clone(), sender.clone());
        async move { sender.send(caller(&identity, &session).await.unwrap()).unwrap() }
    };
    let router: Router = Router::new().route("/", get(keep)).layer(door.identity.layer());
    router.oneshot(Request::builder().uri("/").header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await.unwrap();
    receiver.recv().unwrap()
}

#[tokio::test]
async fn while_the_store_is_frozen_the_known_may_read_and_nobody_gets_in() {
    let it = with(&[("anna", Role::Operator)]).await;
    let freezable = Freezable::before(&it.url).await;
    let store = Store::connect(&freezable.url).unwrap();
    let door = Door::to(&store, Tls::Loopback);
    let cookie = door.sign_in("anna").await;
    freezable.freeze();
    assert_eq!(door.me(&cookie).await, "anna operator remembered");
    assert_eq!(door.me("quarterdeck=AAAAAAAAAAAAAAAAAAAAAA").await, "nobody");
    let refused = door.ask("POST", &typed("anna", PASSWORD), None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "{}", text(refused).await);
    let stays = text(door.ask("POST", "/sign-out", Some(&cookie)).await).await;
    assert_eq!(stays, SignInRefused::StoreAway.to_string());
    freezable.thaw();
    tokio::time::timeout(Duration::from_secs(3), store.reachable().wait_for(|there| *there)).await.unwrap().unwrap();
    assert_eq!(door.me(&cookie).await, "anna operator fresh");
}

#[tokio::test]
async fn a_change_that_carries_a_session_must_say_where_it_comes_from() {
    let it = with(&[("anna", Role::Operator)]).await;
    let door = Door::to(&it.store, Tls::Loopback);
    let cookie = door.sign_in("anna").await;
    let request = Request::post("/sign-out").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    assert_eq!(door.router.clone().oneshot(request).await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(door.me(&cookie).await, "anna operator fresh");
}

#[tokio::test]
async fn the_set_up_link_makes_one_administrator_once() {
    let it = with(&[]).await;
    let door = Door::to(&it.store, Tls::Loopback);
    let base: Url = "https://ops.example.org/".parse().unwrap();
    let stale = door.identity.set_up_link(&base).await.unwrap().unwrap();
    let link = door.identity.set_up_link(&base).await.unwrap().unwrap();
    assert!(link.as_str().starts_with("https://ops.example.org/set-up?token="), "{link}");
    let ask = |link: &Url, name: &str, password: &str| {
        format!("/set-up?{}&name={name}&password={}", link.query().unwrap(), password.replace(' ', "%20"))
    };

    let weak = door.ask("POST", &ask(&link, "x%20y", "short"), None).await;
    assert_eq!(weak.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let faults = text(weak).await;
    assert!(faults.contains("\"name\"") && faults.contains("\"password\""), "{faults}");
    assert_eq!(door.ask("POST", &ask(&stale, "anna", PASSWORD), None).await.status(), StatusCode::GONE, "a newer link was printed");

    let (anna, ben) = (ask(&link, "anna", PASSWORD), ask(&link, "ben", PASSWORD));
    let (one, two) = tokio::join!(door.ask("POST", &anna, None), door.ask("POST", &ben, None));
    let mut statuses = [one.status(), two.status()];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::GONE]);
    let cookie = cookie(&one).or(cookie(&two)).expect("signed in at once");
    assert!(door.me(&cookie).await.ends_with("admin fresh"));
    assert_eq!(door.identity.set_up_link(&base).await.unwrap(), None, "somebody has an account");
    assert!(!door.identity.set_up_works(link.query().unwrap().trim_start_matches("token=")).await.unwrap());
}
