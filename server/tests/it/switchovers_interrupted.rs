//! A console that is killed in the middle of a switchover: after its return the run has ended truthfully or visibly goes on, and the lead was moved
//! once or not at all.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use app::model::{RunState, StepState};
use tokio::time::sleep;

use crate::{
    console::{Process, Visitor, ended, free_port, people, value_of},
    database::{DATABASE, ESTATE, alone, cluster, roles, whole},
    gates::{Before, Gates},
    store::TestStore,
};

/// Within this after its return, a run has ended or is visibly continuing.
const RETURN: Duration = Duration::from_secs(10);
/// Longer than the rest of a switchover takes on a machine that is busy.
const REST: Duration = Duration::from_secs(150);

/// Where the run is held while the console is killed, in the order in which it comes there; the lead moves between the second and the third.
const POINTS: [(&str, Before); 7] = [
    ("accepted", Before::Run("running")),
    ("before-intent", Before::Step(0, "running")),
    ("asked-unrecorded", Before::Step(0, "done")),
    ("between-steps", Before::Step(1, "running")),
    ("arrived-unrecorded", Before::Step(1, "done")),
    ("returned-unrecorded", Before::Step(2, "done")),
    ("before-ending", Before::Run("succeeded")),
];

async fn timeline() -> u64 {
    let cluster = cluster().await.expect("a Patroni answers");
    cluster["members"].as_array().unwrap().iter().filter_map(|member| member["timeline"].as_u64()).max().unwrap()
}

async fn begin(otto: &Visitor, candidate: &str) -> i64 {
    let planned = otto.post("/runbooks/switch-over-database/plan", &[("target", DATABASE), ("candidate", candidate)]).await;
    let plan = planned.leads_to("/plans/");
    let page = otto.get(&format!("/plans/{plan}")).await;
    let key = value_of(&page.text, "request_key").expect("a form to press in");
    otto.press(plan, key, "to be interrupted").await.leads_to("/runs/").parse().unwrap()
}

/// After the return: seen within ten seconds; then ended, with the lead moved once if it says so and not at all if it does not.
async fn carried_on(it: &TestStore, point: &str, run: i64, before: (&str, &str, u64), returned: Instant) {
    let (leader, replica, was) = before;
    let seen = loop {
        if let Ok(Some(now)) = it.store.run(run).await {
            let adopted = it.store.story(run).await.is_ok_and(|(_, events)| events.iter().any(|event| event.kind == "adopted"));
            let heard = now.executor.as_ref().is_some_and(|executor| now.now - executor.heard_at < chrono::TimeDelta::seconds(3));
            if now.state.has_ended() || (adopted && heard) {
                break returned.elapsed();
            }
        }
        assert!(returned.elapsed() < RETURN, "{point}: nothing is seen of it");
        sleep(Duration::from_millis(200)).await;
    };
    let end = ended(&it.store, run, REST).await;
    whole().await;
    let (now, moved) = (roles().await, timeline().await - was);
    println!(
        "{point:<22} seen {:>4.1} s, ended {:>4.1} s after the return: {}",
        seen.as_secs_f64(),
        returned.elapsed().as_secs_f64(),
        end.sentence
    );
    if end.state == RunState::Failed && end.sentence.starts_with("Nothing was done") {
        assert_eq!((now.0.as_str(), moved), (leader, 0), "{point}: {end:?}");
    } else {
        assert_eq!(end.state, RunState::Succeeded, "{point}: {end:?}");
        assert!(end.steps.iter().all(|step| step.state == StepState::Done), "{point}: {end:?}");
        assert_eq!((now.0.as_str(), moved), (replica, 1), "{point}: moved once");
    }
    let kinds = it.kinds(run).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "ended").count(), 1, "{point}: {kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_step_of_a_switchover_moves_the_lead_once_or_not_at_all() {
    let _alone = alone().await;
    let it = TestStore::new().await;
    people(&it.store).await;
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let start = async || Process::of_estate(folder.path(), &it.url, port, Path::new("/nowhere"), ESTATE).await;
    let mut gates = Gates::new(&it).await;
    let mut console = start().await;
    for (point, before) in POINTS {
        whole().await;
        let ((leader, replica), was) = (roles().await, timeline().await);
        let otto = Visitor::nobody(&console.base).sign_in("otto").await;
        let gate = gates.close_on(DATABASE, before).await;
        let run = begin(&otto, &replica).await;
        gates.reached(gate).await;
        console.kill().await;
        gates.open().await;
        console = start().await;
        carried_on(&it, point, run, (&leader, &replica, was), Instant::now()).await;
    }
    // And in free flight: some milliseconds after the intent was written, wherever that finds it.
    for after in [30, 400, 1_200] {
        whole().await;
        let ((leader, replica), was) = (roles().await, timeline().await);
        let otto = Visitor::nobody(&console.base).sign_in("otto").await;
        let run = begin(&otto, &replica).await;
        let began = Instant::now();
        while it.store.run(run).await.ok().flatten().is_none_or(|run| run.steps[0].state == StepState::Waiting) {
            assert!(began.elapsed() < Duration::from_secs(20), "no intent");
            sleep(Duration::from_millis(5)).await;
        }
        sleep(Duration::from_millis(after)).await;
        console.kill().await;
        console = start().await;
        carried_on(&it, &format!("in flight, {after} ms"), run, (&leader, &replica, was), Instant::now()).await;
    }
    let locks: i64 = sqlx::query_scalar("select count(*) from target_locks").fetch_one(&mut it.owner().await).await.unwrap();
    assert_eq!(locks, 0, "the target stays locked");
    console.kill().await;
}
