//! Screens on a wall: paired by a code or a link, shown the wall and nothing else, dark within a second of being revoked.

use std::time::{Duration, Instant};

use app::model::Role;
use reqwest::{Method, Response};

use crate::{
    console::{Answer, TestConsole, Visitor, value_of, words},
    freezable::Freezable,
    store::TestStore,
};

/// A screen: it keeps what its cookie says, as a browser does.
struct Screen(Visitor);

impl Screen {
    fn new(it: &TestConsole) -> Self {
        Self(it.nobody())
    }

    async fn open(&mut self, path: &str) -> Answer {
        let answer = self.0.get(path).await;
        if let Some(cookie) = answer.header("set-cookie").split(';').next().filter(|cookie| cookie.starts_with("quarterdeck-wall=")) {
            self.0.cookie = Some(cookie.to_owned());
        }
        answer
    }

    async fn look(&mut self) -> Answer {
        self.open("/wall").await
    }

    /// The code that it shows.
    async fn code(&mut self) -> String {
        let page = self.look().await;
        page.says(200, &["Pair this screen"]);
        code_in(&page.text).unwrap_or_else(|| panic!("no code: {}", words(&page.text))).to_owned()
    }

    async fn follow(&self) -> Response {
        self.0.request(Method::GET, "/live?topic=wall").timeout(Duration::from_secs(300)).send().await.unwrap()
    }
}

fn code_in(html: &str) -> Option<&str> {
    html.split_once("class=\"pairing-code\">")?.1.split('<').next()
}

fn shows_the_wall(answer: &Answer) -> bool {
    answer.status == 200 && answer.text.contains("data-topic=\"wall\"") && answer.text.contains("id=\"wall-state\"")
}

async fn pair(admin: &Visitor, code: &str, name: &str) -> Answer {
    admin.post("/settings/screens", &[("code", code), ("name", name)]).await
}

/// A screen that is paired, with the number by which it is revoked.
async fn paired(it: &TestConsole, admin: &Visitor, name: &str) -> (Screen, String) {
    let mut screen = Screen::new(it);
    let code = screen.code().await;
    pair(admin, &code, name).await.leads_to("/settings/screens");
    assert!(shows_the_wall(&screen.look().await));
    let list = admin.get("/settings/screens").await;
    let (before, _) = list.text.split_once(&format!("Revoke {name}")).unwrap();
    let (_, path) = before.rsplit_once("/settings/screens/").unwrap();
    let id = path.split_once('/').unwrap().0.to_owned();
    (screen, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_confirms_the_code_and_the_screen_shows_the_wall() {
    let it = TestConsole::start().await;
    let admin = it.signed_in_as(Role::Admin).await;
    let mut screen = Screen::new(&it);
    let first = screen.look().await;
    let cookie = first.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/;"), "{cookie}");
    assert_eq!(first.header("refresh"), "3", "it looks again by itself, with scripts or without");
    assert!(!first.text.contains("<script"), "nothing on the page needs one");
    let code = screen.code().await;
    assert_eq!(code_in(&first.text), Some(code.as_str()), "it shows the same code until it ends");
    assert_eq!((code.len(), code.chars().filter(|c| "01258BILOSUZ".contains(*c)).count()), (9, 0), "{code}");

    let wrong = pair(&admin, "AAAA-AAAA", "Ops room").await;
    wrong.says(422, &["No screen that waits shows this code"]);
    assert_eq!((value_of(&wrong.text, "code"), value_of(&wrong.text, "name")), (Some("AAAA-AAAA"), Some("Ops room")), "typed values stay");
    pair(&admin, "7KQ4", "Ops room").await.says(422, &["This is no code"]);
    pair(&admin, &code, " ").await.says(422, &["Say where the screen hangs"]);
    assert_eq!(it.count("pairing_refused").await, 1, "a code that could be one and is none is recorded");
    assert_eq!(code, screen.code().await, "it still waits");

    pair(&admin, &code.to_lowercase().replace('-', " "), "  Ops  room ").await.leads_to("/settings/screens?done=paired");
    let wall = screen.look().await;
    assert!(shows_the_wall(&wall), "{}", words(&wall.text));
    wall.says(200, &["AIA test", "UTC", "Runs"]);
    assert!(wall.header("set-cookie").contains("Max-Age=34560000"), "each look renews the cookie: {}", wall.header("set-cookie"));
    assert!(wall.text.contains("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>"), "without scripts it looks again");
    assert!(!wall.text.contains("href=\"/systems"), "nothing leads to where the screen may not go");
    admin.get("/settings/screens").await.says(200, &["Ops room", "live", "127.0.0.1", "ada"]);
    assert_eq!(it.count("screen_paired").await, 1);

    pair(&admin, &code, "Hall").await.says(422, &["work once"]);
    let mut second = Screen::new(&it);
    let code = second.code().await;
    pair(&admin, &code, "OPS ROOM").await.says(422, &["A screen of this name is paired already"]);
    pair(&admin, &code, "Hall").await.leads_to("/settings/screens?done=paired");
    assert!(shows_the_wall(&second.look().await), "the code was not spent on a name that was taken");
    let token = second.0.cookie.unwrap().split_once('=').unwrap().1.to_owned();
    let kept: Vec<Vec<u8>> = sqlx::query_scalar("select token_hash from devices").fetch_all(&mut it.it.run_time().await).await.unwrap();
    assert!(kept.iter().all(|hash| hash.len() == 32 && hex::encode(hash) != token), "the store holds no token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_ends_and_guessing_is_slow() {
    let it = TestConsole::start().await;
    let admin = it.signed_in_as(Role::Admin).await;
    let mut screen = Screen::new(&it);
    let code = screen.code().await;
    it.change("update device_codes set expires_at = now() - interval '1 second'").await;
    pair(&admin, &code, "Late").await.says(422, &["Codes end after 10 minutes"]);
    assert_ne!(screen.code().await, code, "a new one comes by itself");

    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(pair(&admin, "AAAA-AAAA", "Guessed").await.status);
    }
    assert!(statuses.starts_with(&[422]) && statuses.ends_with(&[429]), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 422).count() <= 20, "{statuses:?}");
    let code = screen.code().await;
    pair(&admin, &code, "Right at last").await.says(429, &["Too many codes were typed"]);
    assert_eq!(it.count("screen_paired").await, 0);

    let mut given = 0;
    for _ in 0..30 {
        // Each is another screen: none keeps a cookie.
        let answer = it.nobody().get("/wall").await;
        assert!(matches!(answer.status, 200 | 429), "{}: {}", answer.status, words(&answer.text));
        given += usize::from(code_in(&answer.text).is_some());
    }
    assert!((1..30).contains(&given), "{given} codes were given to one address");
    let refused = it.nobody().get("/wall").await;
    refused.says(429, &["Too many screens ask for a code"]);
    assert!(!refused.header("refresh").is_empty(), "it asks again by itself");
    assert_eq!(code_in(&screen.look().await.text), Some(code.as_str()), "a screen that waits is not disturbed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_follows_the_wall_and_no_other_view() {
    let it = TestConsole::start().await;
    let admin = it.signed_in_as(Role::Admin).await;
    let (screen, _) = paired(&it, &admin, "Ops room").await;
    let mut stream = screen.follow().await;
    assert_eq!(stream.status(), 200);
    assert!(stream.chunk().await.unwrap().is_some());
    for topic in ["overview", "strip", "run:1", "system:endpoint/none"] {
        screen.0.get(&format!("/live?topic={topic}")).await.says(401, &["may show the wall and nothing else"]);
    }
    assert_eq!(it.count("screen_refused").await, 4);
    // Another kind of cookie in its place is no token.
    let mut forged = it.nobody();
    let token = screen.0.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    forged.cookie = Some(format!("quarterdeck={token}"));
    assert_eq!(forged.get("/live?topic=wall").await.status, 401);
    forged.cookie = Some(format!("quarterdeck-wall={}", token.replace(|c| c != '0', "0")));
    assert_eq!(forged.get("/live?topic=wall").await.status, 401);
    assert!(code_in(&forged.get("/wall").await.text).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_screen_is_dark_within_a_second() {
    let it = TestConsole::start().await;
    let admin = it.signed_in_as(Role::Admin).await;
    let (mut screen, id) = paired(&it, &admin, "Ops room").await;
    let (other, _) = paired(&it, &admin, "Hall").await;
    let (mut stream, mut others) = (screen.follow().await, other.follow().await);
    assert!(stream.chunk().await.unwrap().is_some() && others.chunk().await.unwrap().is_some());

    admin.post(&format!("/settings/screens/{id}/revoke"), &[]).await.leads_to("/settings/screens?done=revoked");
    let revoked = Instant::now();
    let mut last = String::new();
    while let Some(chunk) = stream.chunk().await.unwrap() {
        last = String::from_utf8_lossy(&chunk).into_owned();
    }
    let took = revoked.elapsed();
    println!("a revoked screen's stream ended after {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(last.contains("event: reload"), "its page asks why: {last}");
    screen.0.get("/live?topic=wall").await.says(401, &["was the screen “Ops room”, which was revoked"]);
    for _ in 0..3 {
        screen.0.get("/runs").await.says(401, &["was revoked"]);
    }
    assert_eq!(it.count("screen_refused").await, 1, "it tries for ever; the audit need not");
    let page = screen.look().await;
    page.says(200, &["“Ops room” was revoked", "Pair this screen"]);
    assert!(code_in(&page.text).is_some() && !shows_the_wall(&page));
    assert_eq!(it.count("screen_revoked").await, 1);
    assert!(tokio::time::timeout(Duration::from_secs(30), others.chunk()).await.unwrap().unwrap().is_some(), "the other goes on");
    assert_eq!(admin.post(&format!("/settings/screens/{id}/revoke"), &[]).await.status, 404, "it was revoked already");
    // It can be paired again, under the same name.
    let code = screen.code().await;
    pair(&admin, &code, "Ops room").await.leads_to("/settings/screens?done=paired");
    assert!(shows_the_wall(&screen.look().await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_screen_looks_on_while_the_store_is_away() {
    let store = TestStore::new().await;
    let way = Freezable::before(&store.url).await;
    let it = TestConsole::over(store, way.url.clone()).await;
    let admin = it.signed_in_as(Role::Admin).await;
    let (mut screen, _) = paired(&it, &admin, "Ops room").await;
    let mut stream = screen.follow().await;
    assert!(stream.chunk().await.unwrap().is_some());
    screen.0.impatient = true;
    way.freeze();
    let wall = screen.look().await;
    assert!(shows_the_wall(&wall) && wall.took < Duration::from_secs(2), "{:?}: {}", wall.took, words(&wall.text));
    let mut again = screen.follow().await;
    assert_eq!(again.status(), 200);
    assert!(again.chunk().await.unwrap().is_some());
    let mut stranger = it.nobody();
    stranger.impatient = true;
    stranger.cookie = Some(format!("quarterdeck-wall={}", "0".repeat(64)));
    let page = stranger.get("/wall").await;
    page.says(503, &["store does not answer"]);
    assert!(page.header("set-cookie").is_empty(), "its cookie may well be good");
    way.thaw();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_from_the_command_line_opens_its_screen_until_it_ends() {
    let it = TestConsole::start().await;
    let env = [("DATABASE_URL", it.it.url.reveal())];
    let create = |name: &str| crate::command_line::quarterdeck(&["admin", "device", "create", name], &env, "");
    let (code, said, faults) = create("Ops room");
    assert_eq!(code, Some(0), "{faults}");
    let link = said.lines().last().unwrap().to_owned();
    assert!(link.starts_with("/wall/pair/"), "{said}");
    let (code, _, faults) = create("ops room");
    assert!(code == Some(1) && faults.contains("there is a screen ops room already"), "{faults}");

    let mut screen = Screen::new(&it);
    let opened = screen.open(&link).await;
    assert_eq!((opened.status, opened.location()), (303, "/wall"));
    assert!(shows_the_wall(&screen.look().await));
    let mut again = Screen::new(&it);
    again.open(&link).await;
    assert!(shows_the_wall(&again.look().await), "an answer that was lost can be asked for again");
    assert_eq!(it.count("screen_opened").await, 2);
    it.nobody().get("/wall/pair/nonsense").await.says(410, &["opens no wall"]);
    it.change("update devices set link_expires_at = now() - interval '1 second'").await;
    it.nobody().get(&link).await.says(410, &["too old"]);
    assert!(shows_the_wall(&screen.look().await), "the screen goes on");

    let (code, said, _) = crate::command_line::quarterdeck(&["admin", "device", "list"], &env, "");
    assert!(code == Some(0) && said.contains("Ops room") && said.contains("last looked"), "{said}");
    let (code, said, _) = crate::command_line::quarterdeck(&["admin", "device", "revoke", "ops ROOM"], &env, "");
    assert!(code == Some(0) && said.contains("Screen Ops room is revoked"), "{said}");
    let (code, _, faults) = crate::command_line::quarterdeck(&["admin", "device", "revoke", "Ops room"], &env, "");
    assert!(code == Some(1) && faults.contains("there is no screen"), "{faults}");
    assert!(code_in(&screen.look().await.text).is_some());
}
