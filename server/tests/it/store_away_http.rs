//! Without a store that answers nothing is done, and what is shown goes on.

use std::time::{Duration, Instant};

use app::model::Role;
use reqwest::Method;
use server::router::doors;

use crate::{
    console::{TestConsole, words},
    freezable::Freezable,
    kubernetes::Workload,
    store::TestStore,
};

const KEY: &str = "0123456789abcdef";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actions_are_refused_while_the_store_is_away() {
    let store = TestStore::new().await;
    let way = Freezable::before(&store.url).await;
    let it = TestConsole::over(store, way.url.clone()).await;
    let workload = Workload::create("away", 1, "{}").await;
    let mut admin = it.signed_in_as(Role::Admin).await;
    let plan = admin.plan("restart-workload", &workload, &[]).await;
    let mut stream = admin.request(Method::GET, "/live?topic=overview").timeout(Duration::from_secs(300)).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    tokio::time::timeout(Duration::from_secs(5), stream.chunk()).await.expect("the stream begins").unwrap().unwrap();

    admin.impatient = true;
    way.freeze();
    let mut slowest = Duration::ZERO;
    let fields = [("target", workload.system.as_str()), ("request_key", KEY), ("reason", "the store is frozen"), ("name", "ada")];
    // What the browser alone keeps needs no store.
    let kept_there = ["/theme", "/keys"];
    for door in doors().into_iter().filter(|door| door.method == Method::POST && !kept_there.contains(&door.path)) {
        let address = match door.path {
            path if path.starts_with("/runbooks/") => path.replace("{id}", "restart-workload"),
            path if path.starts_with("/plans/") => path.replace("{id}", &plan),
            path => path.replace("{id}", "1"),
        };
        let fields = [&fields[..], &[("password", "a long enough password"), ("token", "x")]].concat();
        let answer = admin.post(&address, &fields).await;
        answer.says(503, &["store does not answer"]);
        let is_of_a_runbook = door.path.starts_with("/runbooks/") || door.path.starts_with("/plans/");
        assert!(!is_of_a_runbook || answer.text.contains("the store is frozen"), "what was typed is lost at {}", door.path);
        assert!(is_of_a_runbook || door.path.starts_with("/runs/") || !answer.text.contains("a long enough password"), "{}", door.path);
        slowest = slowest.max(answer.took);
    }
    assert!(slowest < Duration::from_secs(1), "the slowest refusal took {slowest:?}");

    let mut shown = Duration::ZERO;
    for address in
        ["/", "/systems", "/clusters/aia-production-eu", "/runbooks", "/runbooks/restart-workload", workload.system.href().as_str()]
    {
        let page = admin.get(address).await;
        page.says(200, &["actions are refused until it does"]);
        shown = shown.max(page.took);
    }
    assert!(shown < Duration::from_secs(1), "the slowest page took {shown:?}");
    // What only the store knows says so, as quickly.
    for address in ["/runs", "/audit", &format!("/plans/{plan}")] {
        let page = admin.get(address).await;
        page.says(503, &["store does not answer"]);
        assert!(page.took < Duration::from_secs(1), "{address}: {:?}", page.took);
    }
    assert_eq!(it.nobody().get("/").await.status, 303, "a stranger is still led to the sign-in");
    // Ages come every other second; what came before the freeze was read at its beginning at the latest.
    while let Ok(Ok(Some(_))) = tokio::time::timeout(Duration::from_millis(1), stream.chunk()).await {}
    let told = tokio::time::timeout(Duration::from_secs(6), stream.chunk()).await.expect("the live stream goes on");
    assert!(told.is_ok_and(|told| told.is_some()), "and does not end");

    way.thaw();
    let mended = Instant::now();
    loop {
        let answer = admin.post("/runbooks/restart-workload/plan", &[("target", workload.system.as_str())]).await;
        if answer.status == 303 {
            break;
        }
        assert!(mended.elapsed() < Duration::from_secs(2), "still {}: {}", answer.status, words(&answer.text));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("store away: slowest refusal {slowest:?}, slowest page {shown:?}, back {:?} after the mending", mended.elapsed());
    let kinds: Vec<String> =
        sqlx::query_scalar("select kind from audit_events order by seq").fetch_all(&mut it.it.run_time().await).await.unwrap();
    assert!(!kinds.iter().any(|kind| kind == "requested"), "what was refused is not done later: {kinds:?}");
}
