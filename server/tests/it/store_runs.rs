//! A plan becomes a run once, a target has one run, and only the newest claim may write.

use std::time::Duration;

use app::model::{Role, RunState, StepState};
use server::store::{Accepted, Cancel, Runs, StoreError};

use crate::store::{TestStore, ask, key};

const CART: &str = "deployment/eu/shop/cart";

#[tokio::test]
async fn a_double_click_is_one_run() {
    let it = TestStore::new().await;
    let anna = it.account("anna", Role::Operator).await;
    let plan = it.plan(anna, CART).await;
    let key = key("0123456789abcdef");
    let (one, two) = tokio::join!(it.store.accept(ask(&plan, anna, &key)), it.store.accept(ask(&plan, anna, &key)));
    let mut answers = [one.unwrap(), two.unwrap()];
    answers.sort_by_key(|answer| matches!(answer, Accepted::Repeated { .. }));
    let [Accepted::Started { run, .. }, Accepted::Repeated { run: again }] = answers else { panic!("{answers:?}") };
    assert_eq!(run, again);
    assert_eq!(it.kinds(run).await, ["requested"]);
}

#[tokio::test]
async fn a_plan_runs_once_and_by_its_owner_and_in_its_time() {
    let it = TestStore::new().await;
    let (anna, ben) = (it.account("anna", Role::Operator).await, it.account("ben", Role::Operator).await);
    let plan = it.plan(anna, CART).await;
    assert_eq!(it.store.accept(ask(&plan, ben, &key("bens-key-0123456"))).await.unwrap(), Accepted::NotYours { owner: "anna".to_owned() });
    let Accepted::Started { run, fence } = it.store.accept(ask(&plan, anna, &key("annas-key-012345"))).await.unwrap() else { panic!() };
    assert_eq!(it.store.accept(ask(&plan, anna, &key("another-key-0123"))).await.unwrap(), Accepted::Used { run });
    it.store.end_run(run, fence, RunState::Succeeded, "done").await.unwrap();

    let next = it.plan(anna, CART).await;
    assert_eq!(it.store.accept(ask(&next, anna, &key("annas-key-012345"))).await.unwrap(), Accepted::KeyTaken);
    let short = it.plan_that_lives(anna, CART, Duration::from_millis(1)).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(matches!(it.store.accept(ask(&short, anna, &key("short-key-012345"))).await.unwrap(), Accepted::Expired { .. }));
    assert_eq!(it.store.accept(ask(&server::store::PlanId::random(), anna, &key("no-plan-01234567"))).await.unwrap(), Accepted::NoSuchPlan);
}

#[tokio::test]
async fn of_two_people_on_one_target_one_is_told_who_holds_it() {
    let it = TestStore::new().await;
    let (anna, ben) = (it.account("anna", Role::Operator).await, it.account("ben", Role::Operator).await);
    let (hers, his) = (it.plan(anna, CART).await, it.plan(ben, CART).await);
    let (her_key, his_key) = (key(hers.as_str()), key(his.as_str()));
    let (one, two) = tokio::join!(it.store.accept(ask(&hers, anna, &her_key)), it.store.accept(ask(&his, ben, &his_key)));
    let mut answers = [one.unwrap(), two.unwrap()];
    answers.sort_by_key(|answer| matches!(answer, Accepted::Held { .. }));
    let [Accepted::Started { run, fence }, Accepted::Held { run: holder, title, .. }] = &answers else { panic!("{answers:?}") };
    assert_eq!((run, title.as_str()), (holder, "Restart cart"));
    let runs = it.store.runs(&Runs::default(), 10).await.unwrap();
    assert_eq!(runs.len(), 1, "nothing half done: {runs:?}");

    it.store.end_run(*run, *fence, RunState::Failed, "no").await.unwrap();
    let again = it.plan(ben, CART).await;
    assert!(
        matches!(it.store.accept(ask(&again, ben, &key(again.as_str()))).await.unwrap(), Accepted::Started { .. }),
        "the target is free again"
    );
}

#[tokio::test]
async fn a_run_tells_its_whole_story_in_order() {
    let it = TestStore::new().await;
    let anna = it.account("anna", Role::Operator).await;
    let (run, fence) = it.run(anna, CART).await;
    it.store.begin_run(run, fence, "here", "Patching").await.unwrap();
    it.store.begin_run(run, fence, "here", "Patching").await.unwrap();
    it.store.step_starts(run, fence, 0).await.unwrap();
    it.store.step_starts(run, fence, 0).await.unwrap();
    it.store.step_ends(run, fence, 0, StepState::Done, "patched").await.unwrap();
    it.store.step_starts(run, fence, 1).await.unwrap();
    it.store.step_progress(run, fence, 1, "3 of 5 pods", Some((3, 5))).await.unwrap();
    it.store.step_output(run, fence, 1, &["pod \u{0}a ready".to_owned()]).await.unwrap();
    it.store.run_unknown(run, fence, "no answer").await.unwrap();
    it.store.run_resumes(run, fence, "seen").await.unwrap();
    it.store.end_run(run, fence, RunState::Succeeded, "5 pods replaced").await.unwrap();
    it.store.end_run(run, fence, RunState::Succeeded, "5 pods replaced").await.unwrap();
    assert_eq!(it.kinds(run).await, ["requested", "started", "step", "step", "step", "unknown", "resumed", "ended"]);

    let run = it.store.run(run).await.unwrap().unwrap();
    assert_eq!((run.state, run.sentence.as_str(), run.executor.is_none()), (RunState::Succeeded, "5 pods replaced", true));
    assert_eq!(run.audit.map(|(first, last)| last - first), Some(7));
    let [patch, wait] = &run.steps[..] else { panic!("{:?}", run.steps) };
    assert_eq!((patch.state, patch.detail.as_str()), (StepState::Done, "patched"));
    assert_eq!((wait.progress, wait.output.lines()), (Some((3, 5)), vec!["pod  a ready".to_owned()]));
}

#[tokio::test]
async fn what_was_not_begun_is_skipped_when_the_run_ends() {
    let it = TestStore::new().await;
    let anna = it.account("anna", Role::Operator).await;
    let (run, fence) = it.run(anna, CART).await;
    it.store.end_run(run, fence, RunState::Refused, "the world moved").await.unwrap();
    let steps = it.store.run(run).await.unwrap().unwrap().steps;
    assert!(steps.iter().all(|step| step.state == StepState::Skipped), "{steps:?}");
}

#[tokio::test]
async fn an_ending_must_be_an_ending() {
    let it = TestStore::new().await;
    let anna = it.account("anna", Role::Operator).await;
    let (run, fence) = it.run(anna, CART).await;
    assert!(matches!(it.store.end_run(run, fence, RunState::Unknown, "?").await, Err(StoreError::Unreadable(_))));
}

#[tokio::test]
async fn a_run_that_was_left_is_adopted_once_and_its_first_executor_can_write_no_more() {
    let it = TestStore::new().await;
    let anna = it.account("anna", Role::Operator).await;
    let (run, fence) = it.run(anna, CART).await;
    assert_eq!(it.store.adopt("there", Duration::from_secs(5)).await.unwrap(), vec![], "its lease is good");
    it.store.keep_note(run, fence, "upload", "u1").await.unwrap();
    it.store.keep_note(run, fence, "upload", "u2").await.unwrap();
    it.store.hand_over(run, fence).await.unwrap();
    let (one, two) = tokio::join!(it.store.adopt("there", Duration::from_secs(5)), it.store.adopt("elsewhere", Duration::from_secs(5)));
    let adopted: Vec<_> = one.unwrap().into_iter().chain(two.unwrap()).collect();
    let [adopted] = &adopted[..] else { panic!("{adopted:?}") };
    assert_eq!(adopted.run, run);

    let moved = |answer: Result<(), StoreError>| assert!(matches!(answer, Err(StoreError::FenceMoved(_))), "{answer:?}");
    let old = &it.store;
    moved(old.begin_run(run, fence, "here", "x").await);
    moved(old.say(run, fence, "x").await);
    moved(old.step_starts(run, fence, 0).await);
    moved(old.step_ends(run, fence, 0, StepState::Done, "x").await);
    moved(old.step_progress(run, fence, 0, "x", None).await);
    moved(old.step_output(run, fence, 0, &["x".to_owned()]).await);
    moved(old.keep_note(run, fence, "upload", "u3").await);
    moved(old.run_unknown(run, fence, "x").await);
    moved(old.run_resumes(run, fence, "x").await);
    moved(old.end_run(run, fence, RunState::Failed, "x").await);
    moved(old.renew(run, fence, Duration::from_secs(5)).await.map(|_| ()));
    assert_eq!(it.kinds(run).await, ["requested", "adopted"]);
    assert_eq!(it.store.note(run, "upload").await.unwrap().as_deref(), Some("u2"), "what the first one knew, the next one knows");
    assert_eq!(it.store.note(run, "other").await.unwrap(), None);
    it.store.end_run(run, adopted.fence, RunState::Succeeded, "done").await.unwrap();
}

#[tokio::test]
async fn a_lease_runs_out_by_the_stores_clock() {
    let it = TestStore::new().await;
    let anna = it.account("anna", Role::Operator).await;
    let (run, fence) = it.run(anna, CART).await;
    it.store.renew(run, fence, Duration::from_millis(50)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert!(it.store.run(run).await.unwrap().unwrap().executor.unwrap().lapsed);
    assert_eq!(it.store.adopt("there", Duration::from_secs(5)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_wish_to_stop_is_seen_at_the_next_renewal() {
    let it = TestStore::new().await;
    let anna = it.account("anna", Role::Operator).await;
    let (run, fence) = it.run(anna, CART).await;
    it.store.begin_run(run, fence, "here", "x").await.unwrap();
    assert_eq!(it.store.renew(run, fence, Duration::from_secs(5)).await.unwrap(), RunState::Running);
    assert_eq!(it.store.request_cancel(run, "ben").await.unwrap(), Cancel::Asked);
    assert_eq!(it.store.renew(run, fence, Duration::from_secs(5)).await.unwrap(), RunState::Cancelling);
    assert_eq!(it.store.request_cancel(run, "ben").await.unwrap(), Cancel::Not(RunState::Cancelling));
    it.store.run_unknown(run, fence, "no answer").await.unwrap();
    it.store.run_resumes(run, fence, "seen").await.unwrap();
    assert_eq!(it.store.run(run).await.unwrap().unwrap().state, RunState::Cancelling, "still to be stopped");
    it.store.end_run(run, fence, RunState::Cancelled, "stopped").await.unwrap();
    assert_eq!(it.store.request_cancel(run, "ben").await.unwrap(), Cancel::Not(RunState::Cancelled));
    assert_eq!(it.store.request_cancel(9_999, "ben").await.unwrap(), Cancel::NoSuchRun);
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_filtered() {
    let it = TestStore::new().await;
    let anna = it.account("anna", Role::Operator).await;
    let mut ids = vec![];
    for target in [CART, "deployment/eu/shop/web", "deployment/eu/shop/api"] {
        ids.push(it.run(anna, target).await);
    }
    it.store.end_run(ids[1].0, ids[1].1, RunState::Failed, "no").await.unwrap();
    let list = async |which: Runs| it.store.runs(&which, 10).await.unwrap().into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(list(Runs::default()).await, [ids[2].0, ids[1].0, ids[0].0]);
    assert_eq!(list(Runs { before: Some(ids[2].0), ..Runs::default() }).await, [ids[1].0, ids[0].0]);
    assert_eq!(list(Runs { open: true, ..Runs::default() }).await, [ids[2].0, ids[0].0]);
    assert_eq!(
        list(Runs { target: Some(CART.to_owned()), runbook: Some("restart-workload".to_owned()), ..Runs::default() }).await,
        [ids[0].0]
    );
    assert_eq!(it.store.run_holding(&CART.parse().unwrap()).await.unwrap(), Some(ids[0].0));
}

#[tokio::test]
async fn the_schema_itself_holds_one_run_per_target_and_per_plan() {
    let it = TestStore::new().await;
    let anna = it.account("anna", Role::Operator).await;
    let (run, _) = it.run(anna, CART).await;
    let mut role = it.run_time().await;
    let second = sqlx::query("insert into target_locks (target, run_id) values ($1, $2)").bind(CART).bind(run).execute(&mut role).await;
    assert_eq!(second.unwrap_err().as_database_error().unwrap().constraint(), Some("target_locks_pkey"));
    let again = sqlx::query(
        "insert into runs (plan_id, request_key, runbook, title, target, sentence, account_id, asked_by, reason)
         select plan_id, 'aaaaaaaaaaaaaaaa', runbook, title, target, sentence, account_id, asked_by, reason from runs where id = $1",
    )
    .bind(run)
    .execute(&mut role)
    .await;
    assert_eq!(again.unwrap_err().as_database_error().unwrap().constraint(), Some("runs_plan_once"));
}
