//! Plans and runs as people make them: by forms, on a real control plane.

use std::time::{Duration, Instant};

use app::model::{Role, RunState, StepState};

use crate::{
    console::{TestConsole, changes, ended, succeeded, value_of, words},
    gates::{Before, Gates},
    kubernetes::{NAMESPACE, Workload, kubectl},
};

/// Longer than a rollout of two pods takes on a machine that is busy.
const ROLLOUT: Duration = Duration::from_secs(60);
const KEY: &str = "0123456789abcdef";
const RESTART: &str = "restart-workload";
const SCALE: &str = "scale-workload";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_click_is_one_run() {
    let it = TestConsole::start().await;
    let workload = Workload::create("click", 2, "{}").await;
    let rosa = it.signed_in_as(Role::Responder).await;
    let plan = rosa.plan(RESTART, &workload, &[]).await;
    let page = rosa.get(&format!("/plans/{plan}")).await;
    page.says(200, &["Nothing has happened yet", "kubectl -n aia-production rollout restart"]);
    let key = value_of(&page.text, "request_key").unwrap();
    let reason = "stuck <script>alert(1)</script> & “quoted”";

    let (one, two) = tokio::join!(rosa.press(&plan, key, reason), rosa.press(&plan, key, reason));
    assert_eq!(one.leads_to("/runs/"), two.leads_to("/runs/"));
    let run: i64 = one.leads_to("/runs/").parse().unwrap();
    let ended = succeeded(&it.it.store, run, ROLLOUT).await;
    assert_eq!(changes(&workload), 1, "the cluster was asked once");
    assert_eq!((ended.asked_by.as_str(), ended.reason.as_str()), ("rosa", reason));
    assert_eq!(rosa.press(&plan, key, reason).await.leads_to("/runs/"), run.to_string(), "also much later");
    rosa.press(&plan, "another-key-0123456", reason).await.says(409, &[&format!("It was run: run {run}")]);
    assert_eq!(changes(&workload), 1);

    let kinds = it.it.kinds(run).await;
    assert_eq!(kinds, ["requested", "started", "step", "step", "step", "step", "step", "step", "ended"]);
    let admin = it.signed_in_as(Role::Admin).await;
    for path in [format!("/runs/{run}"), "/runs".to_owned(), format!("/audit?run={run}"), format!("/plans/{plan}")] {
        let page = admin.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains("<script>alert"), "{path}: what was typed is text");
    }
    admin.get(&format!("/audit?run={run}")).await.says(200, &["Asked for: Restart", "stuck", "rosa"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_whose_world_moved_does_not_run() {
    let it = TestConsole::start().await;
    let (restarted, scaled) = tokio::join!(Workload::create("moved-r", 1, "{}"), Workload::create("moved-s", 1, "{}"));
    let rosa = it.signed_in_as(Role::Responder).await;
    let restart = rosa.plan(RESTART, &restarted, &[]).await;
    let scale = rosa.plan(SCALE, &scaled, &[("replicas", "2")]).await;
    // Each is moved by what its plan states, and by what it does not.
    kubectl(&["-n", NAMESPACE, "set", "env", &format!("deployment/{}", restarted.name), "VERSION=2"]).await;
    scaled.kubectl(&["scale", "--replicas=3"]).await;
    for (plan, differs) in [(&restart, "pod template"), (&scale, "replicas")] {
        let moved = rosa.confirm(plan, "as it was planned").await;
        moved.says(409, &["The world has moved since this plan was made", "Nothing was started", differs, "as it was planned"]);
        let new = moved.text.split("href=\"/plans/").nth(1).and_then(|rest| rest.split('"').next()).expect("the new plan is offered");
        assert_ne!(new, plan);
        rosa.get(&format!("/plans/{new}")).await.says(200, &["Nothing has happened yet"]);
    }
    assert_eq!((changes(&restarted), changes(&scaled)), (0, 0), "nothing was changed");
    assert_eq!(it.count("requested").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_its_owner_runs_a_plan_and_only_in_its_time() {
    let it = TestConsole::start().await;
    let workload = Workload::create("owner", 1, "{}").await;
    let (rosa, otto) = (it.signed_in_as(Role::Responder).await, it.signed_in_as(Role::Operator).await);
    let plan = rosa.plan(RESTART, &workload, &[]).await;
    otto.press(&plan, KEY, "somebody else's").await.says(403, &["rosa's plan", "Nothing was started", "somebody else's"]);
    otto.get(&format!("/plans/{plan}")).await.says(200, &["rosa's plan"]);

    it.change("update plans set created_at = now() - interval '1 hour', expires_at = now() - interval '1 minute'").await;
    rosa.press(&plan, KEY, "long after lunch").await.says(410, &["It expired at", "Nothing was started", "long after lunch"]);

    for forged in ["fedcba9876543210fedcba9876543210", "1", "%00", "..%2F..", "<script>"] {
        let answer = rosa.press(forged, KEY, "a guess").await;
        assert_eq!(answer.status, 404, "{forged}: {}", words(&answer.text));
    }
    assert_eq!((it.count("requested").await, changes(&workload)), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_or_an_account_that_was_taken_meanwhile_counts() {
    let it = TestConsole::start().await;
    let workload = Workload::create("taken", 1, "{}").await;
    let mut gates = Gates::new(&it.it).await;
    let rosa = it.signed_in_as(Role::Responder).await;
    let rolf = it.nobody().sign_in("rolf").await;

    let lowered = rolf.plan(RESTART, &workload, &[]).await;
    it.change("update accounts set role = 'viewer' where name = 'rolf'").await;
    rolf.press(&lowered, KEY, "while I still could").await.says(403, &["viewer"]);
    assert_eq!(it.count("permission_denied").await, 1);

    // Accepted, and disabled before the first step: the last look is after the target was locked.
    let gate = gates.close(&workload, Before::Run("running")).await;
    let run = rosa.run(RESTART, &workload, &[]).await;
    gates.reached(gate).await;
    it.change("update accounts set disabled_at = now() where name = 'rosa'").await;
    gates.open().await;
    let refused = ended(&it.it.store, run, ROLLOUT).await;
    assert_eq!(refused.state, RunState::Refused, "{refused:?}");
    assert!(refused.sentence.contains("no longer an account that may sign in. Nothing was done"), "{}", refused.sentence);
    let plan = rosa.post(&format!("/runbooks/{RESTART}/plan"), &[("target", workload.system.as_str())]).await;
    plan.says(401, &["Nothing was changed"]);
    assert_eq!(changes(&workload), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_on_one_target() {
    let it = TestConsole::start().await;
    let workload = Workload::create("two", 1, "{}").await;
    let mut gates = Gates::new(&it.it).await;
    let (rosa, otto) = (it.signed_in_as(Role::Responder).await, it.signed_in_as(Role::Operator).await);
    let hers = rosa.plan(SCALE, &workload, &[("replicas", "2")]).await;
    let his = otto.plan(RESTART, &workload, &[]).await;
    let gate = gates.close(&workload, Before::Step(0, "running")).await;
    let run: i64 = rosa.confirm(&hers, "more load than usual").await.leads_to("/runs/").parse().unwrap();
    gates.reached(gate).await;
    let number = format!("(run {run})");
    otto.press(&his, KEY, "it is stuck").await.says(409, &["Scale", "by rosa, since", &number, "Nothing was started", "it is stuck"]);
    otto.get(&format!("/plans/{his}")).await.says(200, &[&format!("Run {run} is under way")]);
    gates.open().await;
    succeeded(&it.it.store, run, ROLLOUT).await;
    assert_eq!(changes(&workload), 1);
    // The target is free again.
    let next = otto.run(RESTART, &workload, &[]).await;
    succeeded(&it.it.store, next, ROLLOUT).await;
    assert_eq!(changes(&workload), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_stops_where_somebody_stops_it() {
    let it = TestConsole::start().await;
    let (early, late) = tokio::join!(Workload::create("early", 1, "{}"), Workload::create("late", 1, "{}"));
    let mut gates = Gates::new(&it.it).await;
    let (rosa, otto, viewer) =
        (it.signed_in_as(Role::Responder).await, it.signed_in_as(Role::Operator).await, it.signed_in_as(Role::Viewer).await);
    let before = gates.close(&early, Before::Run("running")).await;
    let between = gates.close(&late, Before::Step(0, "done")).await;
    let (first, second) = (rosa.run(RESTART, &early, &[]).await, rosa.run(RESTART, &late, &[]).await);
    gates.reached(before).await;
    gates.reached(between).await;
    for run in [first, second] {
        let address = format!("/runs/{run}/cancel");
        viewer.post(&address, &[]).await.says(403, &["viewer"]);
        assert_eq!(otto.post(&address, &[]).await.leads_to("/runs/"), run.to_string());
        assert_eq!(otto.post(&address, &[]).await.leads_to("/runs/"), run.to_string(), "a second press is no fault");
    }
    gates.open().await;
    let (first, second) = (ended(&it.it.store, first, ROLLOUT).await, ended(&it.it.store, second, ROLLOUT).await);
    assert_eq!((first.state, second.state), (RunState::Cancelled, RunState::Cancelled), "{first:?} {second:?}");
    assert!(first.sentence.contains("nothing was done"), "{}", first.sentence);
    assert!(second.sentence.contains("stays"), "what was changed is not denied: {}", second.sentence);
    assert_eq!((changes(&early), changes(&late)), (0, 1));
    otto.post("/runs/9999999/cancel", &[]).await.says(404, &["There is no run 9999999"]);
    otto.post("/runs/abc/cancel", &[]).await.says(404, &["A run has a number"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_its_autoscaler_the_bounds_are_offered() {
    let it = TestConsole::start().await;
    let workload = Workload::create("hpa", 2, "{}").await;
    workload.kubectl(&["autoscale", "--min=2", "--max=4", "--cpu-percent=70"]).await;
    let rosa = it.signed_in_as(Role::Responder).await;
    let plan = rosa.plan(SCALE, &workload, &[("replicas", "6")]).await;
    let page = rosa.get(&format!("/plans/{plan}")).await;
    page.says(200, &["It cannot run", "scales it from 2 to 4", "There is a better way"]);
    assert_eq!(value_of(&page.text, "request_key"), None, "there is nothing to press");
    rosa.press(&plan, KEY, "pressed all the same").await.says(422, &["scales it from 2 to 4", "Nothing was started"]);
    assert_eq!((it.count("refused").await, it.count("requested").await), (1, 0));

    let offered = page.text.split("action=\"/runbooks/set-autoscaler-bounds/plan\"").nth(1).expect("the bounds are offered");
    let (min, max) = (value_of(offered, "min").unwrap(), value_of(offered, "max").unwrap());
    assert_eq!((min, max), ("6", "6"));
    assert_eq!(value_of(offered, "target"), Some(workload.system.as_str()), "the offer names its target");
    let bounds = rosa.plan("set-autoscaler-bounds", &workload, &[("min", min), ("max", max)]).await;
    let run: i64 = rosa.confirm(&bounds, "a campaign begins").await.leads_to("/runs/").parse().unwrap();
    let began = Instant::now();
    while it.it.store.run(run).await.ok().flatten().is_none_or(|run| run.steps[0].state != StepState::Done) {
        assert!(began.elapsed() < ROLLOUT, "the bounds are not set");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let now = kubectl(&["-n", NAMESPACE, "get", "hpa", &workload.name, "-o", "jsonpath={.spec.minReplicas} {.spec.maxReplicas}"]).await;
    assert_eq!(now, "6 6");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_wrong_is_told_and_kept() {
    let it = TestConsole::start().await;
    let workload = Workload::create("typed", 1, "{}").await;
    let rosa = it.signed_in_as(Role::Responder).await;
    let target = workload.system.as_str();
    for (typed, why) in [
        ("-1", "-1 is not allowed here: type a whole number from 1 to 15"),
        ("1000000000", "1000000000 is not allowed here"),
        ("abc", "“abc” is no whole number"),
        ("", "Type a whole number from 1 to 15"),
        ("2.5", "no whole number"),
        ("99999999999999999999999999", "no whole number that fits"),
    ] {
        let answer = rosa.post(&format!("/runbooks/{SCALE}/plan"), &[("target", target), ("replicas", typed)]).await;
        answer.says(422, &[why]);
        assert_eq!(value_of(&answer.text, "replicas").unwrap_or_default(), typed, "what was typed is kept");
    }
    for (target, status, why) in [
        ("", 422, "Choose what it shall be done to"),
        ("<script>alert(1)</script>", 422, "Nothing was started"),
        ("deployment/aia-production-eu/aia-production/aia-frontend", 422, "does not approve this runbook"),
        ("deployment/elsewhere/aia-production/it-x", 422, "Nothing was started"),
        ("deployment/aia-production-eu/aia-production/it-there-is-none", 422, "Nothing was started"),
        ("database/aia_production", 422, "does not approve this runbook"),
    ] {
        let answer = rosa.post(&format!("/runbooks/{RESTART}/plan"), &[("target", target)]).await;
        answer.says(status, &[why]);
        assert!(!answer.text.contains("<script>alert"), "{target}");
    }
    rosa.post("/runbooks/rm-rf/plan", &[("target", target)]).await.says(404, &["There is no such runbook"]);

    let plan = rosa.plan(SCALE, &workload, &[("replicas", "2")]).await;
    let (long, wide, large) = ("x".repeat(1_001), "\u{1f600}".repeat(900), "y".repeat(1_000_000));
    for (reason, status, why) in [
        ("", 422, "Say why"),
        ("x", 422, "Say why"),
        ("a\u{0}b of control\u{1b}[31m", 422, "control character"),
        (long.as_str(), 422, "this has 1001"),
        (wide.as_str(), 422, "At most"),
        (large.as_str(), 413, "larger than 64 KiB"),
    ] {
        let answer = rosa.press(&plan, KEY, reason).await;
        answer.says(status, &[why]);
        let kept =
            reason.len() > 5_000 || answer.text.contains(&reason.replace(['\u{0}', '\u{1b}'], "\u{fffd}")) || answer.text.contains(reason);
        assert!(kept, "{:.20} is kept", reason);
    }
    rosa.press(&plan, "short", "a good reason").await.says(422, &["no request key", "Nothing was started"]);
    assert_eq!((it.count("requested").await, changes(&workload)), (0, 0), "nothing was half done");
    let admin = it.signed_in_as(Role::Admin).await;
    for address in
        ["/audit?actor=%00", "/audit?target=%00&kind=%00", "/audit?run=abc", "/runs?before=abc", "/systems/endpoint/%00", "/runs/%00"]
    {
        let answer = admin.get(address).await;
        assert!(answer.status < 500, "{address}: {} {}", answer.status, words(&answer.text));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_is_refused_by_page_and_by_forged_form() {
    let it = TestConsole::start().await;
    let workload = Workload::create("viewer", 1, "{}").await;
    let (rosa, viewer, auditor) =
        (it.signed_in_as(Role::Responder).await, it.signed_in_as(Role::Viewer).await, it.signed_in_as(Role::Auditor).await);
    let plan = rosa.plan(RESTART, &workload, &[]).await;
    for who in [&viewer, &auditor] {
        // "It needs", or "On … it needs" as soon as the one target is known and chosen.
        who.get(&format!("/runbooks/{RESTART}")).await.says(200, &["t needs the role responder"]);
        who.post(&format!("/runbooks/{RESTART}/plan"), &[("target", workload.system.as_str())]).await.says(403, &["may not run runbooks"]);
        who.press(&plan, KEY, "a forged form").await.says(403, &["The attempt was recorded"]);
    }
    assert_eq!(it.count("permission_denied").await, 4);
    auditor
        .get("/audit?kind=permission_denied")
        .await
        .says(200, &["May not POST /runbooks/restart-workload/plan: viewer does not reach responder"]);
    assert_eq!((it.count("requested").await, changes(&workload)), (0, 0));
}
