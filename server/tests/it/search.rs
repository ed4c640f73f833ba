//! Finding: what whoever asks may open, and nothing else; as a page, and as what the palette shows.

use app::model::{FOUND, Role};

use crate::console::{TestConsole, Visitor, words};

async fn found(who: &Visitor, words: &str) -> String {
    let answer = who.get(&format!("/search?part=found&q={words}")).await;
    assert_eq!(answer.status, 200, "{words}: {}", answer.text);
    assert!(answer.text.contains(FOUND) && !answer.text.contains("<html"), "{words}: only what was found: {}", answer.text);
    answer.text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_found_that_one_may_not_open() {
    let it = TestConsole::small().await;
    let (viewer, auditor) = (it.signed_in_as(Role::Viewer).await, it.signed_in_as(Role::Auditor).await);
    for words in ["", "audit", "u"] {
        assert!(!found(&viewer, words).await.contains("href=\"/audit\""), "{words:?}");
        assert!(found(&auditor, words).await.contains("href=\"/audit\""), "{words:?}");
    }
    // Everything that a viewer is shown opens for a viewer.
    let all = [found(&viewer, "").await, found(&viewer, "a").await, found(&viewer, "s").await].concat();
    let addresses: std::collections::BTreeSet<_> = all.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(addresses.len() > 5, "{addresses:?}");
    for address in addresses {
        let page = viewer.get(&address.replace("&amp;", "&")).await;
        assert_eq!(page.status, 200, "{address}");
    }
    assert!(!found(&viewer, "").await.contains("href=\"/clusters\""), "a place that this estate has not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_systems_runbooks_and_runs_are_found_by_parts_of_their_names() {
    let it = TestConsole::small().await;
    let viewer = it.signed_in_as(Role::Viewer).await;
    let (site, restart) = (found(&viewer, "SIT").await, found(&viewer, "restart+work").await);
    assert!(site.contains("href=\"/systems/endpoint/site\"") && !site.contains("/systems/endpoint/api"), "{site}");
    assert!(restart.contains("href=\"/runbooks/restart-workload\"") && restart.contains("does not approve it"), "{restart}");
    assert!(found(&viewer, "endpoint").await.contains("/systems/endpoint/api"), "also by kind");
    assert!(!found(&viewer, "1482").await.contains("href=\"/runs/"), "there is no such run");

    it.change(
        "insert into plans (id, account_id, runbook, target, body, fingerprint, expires_at)
         select md5('x'), id, 'restart-workload', 'deployment/eu/shop/cart', '{}', sha256('x'), now() + interval '1 day' from accounts where name = 'rosa';
         insert into runs (plan_id, request_key, runbook, title, target, state, sentence, account_id, asked_by, reason, ended_at)
         select id, id, runbook, 'Restart <i>cart</i>', target, 'failed', 'no', account_id, 'rosa', 'stuck', now() from plans",
    )
    .await;
    for words in ["", "1", "run+1", "CART", "rosa"] {
        let run = found(&viewer, words).await;
        assert!(run.contains("href=\"/runs/1\"") && run.contains("Restart &lt;i&gt;cart"), "{words}: {run}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_script_finding_is_a_page_and_hostile_words_are_words() {
    let it = TestConsole::small().await;
    let viewer = it.signed_in_as(Role::Viewer).await;
    let page = viewer.get("/search?q=site").await;
    page.says(200, &["Find", "Systems", "site"]);
    assert!(page.text.contains("value=\"site\"") && page.text.contains("action=\"/search\""), "{}", page.text);
    viewer.get("/search").await.says(200, &["Overview", "Runbooks", "Help"]);
    let long = "x".repeat(5_000);
    for query in ["%3Cscript%3Ealert(1)", "%00", "%1b[31m", "%ff%fe", "%25", "%27%20or%20%27%27=%27", "_", long.as_str()] {
        let page = viewer.get(&format!("/search?q={query}")).await;
        page.says(200, &["Nothing found for"]);
        assert!(!page.text.contains("<script>alert"), "{query}");
        assert!(page.text.len() < 40_000, "{query}: {} bytes", page.text.len());
    }
    let stranger = it.nobody().get("/search?part=found&q=site").await;
    assert_eq!((stranger.status, stranger.location()), (303, "/sign-in?next=%2Fsearch%3Fpart%3Dfound%26q%3Dsite"));
    assert!(!words(&stranger.text).contains("site"));
}
