//! A console that is killed, or told to end, in the middle of runs: after its return each has ended truthfully or visibly goes on, and the
//! cluster was asked once.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use app::model::{RunState, StepState};
use futures::{StreamExt, stream};

use crate::{
    console::{Process, Visitor, changes, ended, free_port, people},
    freezable::Freezable,
    gates::{Before, Gates},
    kubernetes::{How, NAMESPACE, Wire, Workload, bed, kubectl},
    store::TestStore,
};

/// Within this after its return, each run has ended or is visibly continuing.
const RETURN: Duration = Duration::from_secs(10);
/// Longer than a rollout of one pod takes on a machine that is busy.
const ROLLOUT: Duration = Duration::from_secs(90);

/// The points at which a run is held while the console is killed, in the order in which a run comes to them. The effect is made after the second.
const POINTS: [(&str, Before); 8] = [
    ("accepted", Before::Run("running")),
    ("before-intent", Before::Step(0, "running")),
    ("effect-unrecorded", Before::Step(0, "done")),
    ("between-steps", Before::Step(1, "running")),
    ("waited-unrecorded", Before::Step(1, "done")),
    ("before-verify", Before::Step(2, "running")),
    ("verified-unrecorded", Before::Step(2, "done")),
    ("before-ending", Before::Run("succeeded")),
];

/// A process over a store of its own.
struct Bed {
    it: TestStore,
    folder: tempfile::TempDir,
    port: u16,
    act: PathBuf,
}

impl Bed {
    async fn new(act: Option<PathBuf>) -> Self {
        let it = TestStore::new().await;
        people(&it.store).await;
        let act = act.unwrap_or_else(|| bed("ACT_KUBECONFIG").into());
        Self { it, folder: tempfile::tempdir().unwrap(), port: free_port(), act }
    }

    async fn start(&self) -> Process {
        Process::start(self.folder.path(), &self.it.url, self.port, &self.act).await
    }
}

/// A run that is interrupted.
struct Interrupted {
    point: String,
    workload: Workload,
    run: i64,
}

const RUNBOOKS: [&str; 2] = ["restart-workload", "scale-workload"];

fn fields(runbook: &str) -> &'static [(&'static str, &'static str)] {
    if runbook == "scale-workload" { &[("replicas", "2")] } else { &[] }
}

async fn begin(point: &str, runbook: &str, workload: Workload, rosa: &Visitor) -> Interrupted {
    let run = rosa.run(runbook, &workload, fields(runbook)).await;
    Interrupted { point: format!("{runbook} {point}"), workload, run }
}

/// After the return: within ten seconds ended or heard of within three; then succeeded, by one change.
async fn carried_on(it: &TestStore, interrupted: &Interrupted, returned: Instant) -> String {
    let Interrupted { point, workload, run } = interrupted;
    let seen = loop {
        let now = it.store.run(*run).await;
        if let Ok(Some(run)) = &now {
            let heard = run.executor.as_ref().is_some_and(|executor| run.now - executor.heard_at < chrono::TimeDelta::seconds(3));
            // The dead one looks heard of for a while; only a new claim continues anything.
            let continues = run.state == RunState::Running && heard && is_adopted(it, run.id).await;
            if run.state.has_ended() || continues {
                break returned.elapsed();
            }
        }
        assert!(returned.elapsed() < RETURN, "{point}: nothing is seen of it: {now:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let end = ended(&it.store, *run, ROLLOUT).await;
    let (took, sentence) = (returned.elapsed(), &end.sentence);
    let made = changes(workload);
    if end.state == RunState::Failed && sentence.starts_with("Nothing was done") {
        // It was killed before its effect, and could not tell at once whether it had been made: that is an ending, too, if it is true.
        assert_eq!(made, 0, "{point}: {end:?}");
    } else {
        assert_eq!(end.state, RunState::Succeeded, "{point}: {end:?}");
        assert!(end.steps.iter().all(|step| step.state == StepState::Done), "{point}: {end:?}");
        assert_eq!(made, 1, "{point}: the cluster was asked once");
    }
    let kinds = it.kinds(*run).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "ended").count(), 1, "{point}: {kinds:?}");
    format!("{point:<40} seen {:>4.1} s, ended {:>4.1} s after the return: {sentence}", seen.as_secs_f64(), took.as_secs_f64())
}

async fn is_adopted(it: &TestStore, run: i64) -> bool {
    it.store.story(run).await.is_ok_and(|(_, events)| events.iter().any(|event| event.kind == "adopted"))
}

/// A workload each, a few at a time: the machine has other work.
async fn workloads(names: Vec<String>) -> std::vec::IntoIter<Workload> {
    let made = stream::iter(names).map(|name| async move { Workload::create(&name, 1, "{}").await }).buffered(6);
    made.collect::<Vec<_>>().await.into_iter()
}

/// Every run of the list, at once; prints what was measured.
async fn all_carried_on(it: &TestStore, interrupted: &[Interrupted], returned: Instant) {
    let told = futures::future::join_all(interrupted.iter().map(|interrupted| carried_on(it, interrupted, returned))).await;
    println!("{}", told.join("\n"));
    let locks: i64 = sqlx::query_scalar("select count(*) from target_locks").fetch_one(&mut it.owner().await).await.unwrap();
    assert_eq!(locks, 0, "no target stays locked");
    let chain = server::audit::verify(&it.store, 1, None).await.unwrap();
    assert!(chain.broken.is_none(), "{}", chain.sentence());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_step_loses_no_run_and_doubles_none() {
    let bed = Bed::new(None).await;
    let mut gates = Gates::new(&bed.it).await;
    let console = bed.start().await;
    let rosa = Visitor::nobody(&console.base).sign_in("rosa").await;
    let mut interrupted = Vec::new();
    let mut closed = Vec::new();
    let mut made = workloads((0..POINTS.len() * 2).map(|no| format!("kill-{no}")).collect()).await;
    for (point, before) in POINTS {
        for runbook in RUNBOOKS {
            let workload = made.next().unwrap();
            closed.push(gates.close(&workload, before).await);
            interrupted.push(begin(point, runbook, workload, &rosa).await);
        }
    }
    for gate in closed {
        gates.reached(gate).await;
    }
    let held: Vec<_> = interrupted.iter().map(|interrupted| changes(&interrupted.workload)).collect();
    let expected: Vec<_> = POINTS.iter().enumerate().flat_map(|(no, _)| [usize::from(no > 1); 2]).collect();
    assert_eq!(held, expected, "each is held where it shall be");
    console.kill().await;
    gates.open().await;
    let console = bed.start().await;
    all_carried_on(&bed.it, &interrupted, Instant::now()).await;
    console.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_intent_and_effect_is_told_from_one_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let act = bed("ACT_KUBECONFIG");
    let wire = Wire::beside(&act).await;
    let bed = Bed::new(Some(wire.kubeconfig(&act, &folder))).await;
    let mut gates = Gates::new(&bed.it).await;
    let console = bed.start().await;
    let rosa = Visitor::nobody(&console.base).sign_in("rosa").await;
    let mut interrupted = Vec::new();
    let mut closed = Vec::new();
    let mut made = workloads((0..8).map(|no| format!("flight-{no}")).collect()).await;
    for runbook in RUNBOOKS {
        let workload = made.next().unwrap();
        closed.push(gates.close(&workload, Before::Step(0, "running")).await);
        interrupted.push(begin("after the intent, before the request", runbook, workload, &rosa).await);
    }
    for gate in closed {
        gates.reached(gate).await;
    }
    // The intent is written, and the way to the cluster stands still.
    wire.set(How::Frozen);
    gates.open().await;
    for interrupted in &interrupted {
        let began = Instant::now();
        while bed.it.store.run(interrupted.run).await.ok().flatten().is_none_or(|run| run.steps[0].state != StepState::Running) {
            assert!(began.elapsed() < Duration::from_secs(4), "{}: no intent", interrupted.point);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(changes(&interrupted.workload), 0, "{}", interrupted.point);
    }
    console.kill().await;
    wire.lose_open_connections();
    wire.set(How::Passes);
    let console = bed.start().await;
    all_carried_on(&bed.it, &interrupted, Instant::now()).await;

    // And in free flight: wherever the kill finds them, some milliseconds after the first was accepted.
    let rosa = Visitor::nobody(&console.base).sign_in("rosa").await;
    let mut plans = Vec::new();
    for (no, workload) in made.enumerate() {
        let runbook = RUNBOOKS[no % 2];
        plans.push((rosa.plan(runbook, &workload, fields(runbook)).await, runbook, workload));
    }
    let mut interrupted = Vec::new();
    for (plan, runbook, workload) in plans {
        let run = rosa.confirm(&plan, "killed in flight").await.leads_to("/runs/").parse().unwrap();
        interrupted.push(Interrupted { point: format!("{runbook} in flight"), workload, run });
    }
    console.kill().await;
    for interrupted in &mut interrupted {
        let Ok(Some(run)) = bed.it.store.run(interrupted.run).await else { continue };
        let steps: Vec<_> = run.steps.iter().map(|step| step.state.word()).collect();
        interrupted.point = format!("{} ({}, {})", interrupted.point, run.state.word(), steps.join(" "));
    }
    let console = bed.start().await;
    all_carried_on(&bed.it, &interrupted, Instant::now()).await;
    console.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_end_it_hands_its_runs_over() {
    let bed = Bed::new(None).await;
    let mut gates = Gates::new(&bed.it).await;
    let (waiting, held) = tokio::join!(Workload::create("term-w", 1, "{}"), Workload::create("term-h", 1, "{}"));
    // A pod counts as available only so long after it is ready: the second step outlasts the console's patience.
    kubectl(&["-n", NAMESPACE, "patch", "deployment", &waiting.name, "-p", r#"{"spec":{"minReadySeconds":12}}"#]).await;
    let console = bed.start().await;
    let rosa = Visitor::nobody(&console.base).sign_in("rosa").await;
    // A browser that keeps its stream open does not hold the process.
    let stream = rosa.request(reqwest::Method::GET, "/live?topic=overview").send().await.unwrap();
    let gate = gates.close(&held, Before::Step(1, "running")).await;
    let interrupted =
        [begin("while it waits", "restart-workload", waiting, &rosa).await, begin("between steps", "scale-workload", held, &rosa).await];
    gates.reached(gate).await;
    let began = Instant::now();
    while bed.it.store.run(interrupted[0].run).await.ok().flatten().is_none_or(|run| run.steps[1].state != StepState::Running) {
        assert!(began.elapsed() < Duration::from_secs(10), "it does not come to wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = console.terminate().await;
    drop(stream);
    assert!(took < Duration::from_secs(10), "it ended after {took:?}");
    println!("SIGTERM with two runs under way: ended after {:.1} s", took.as_secs_f64());
    let run = bed.it.store.run(interrupted[0].run).await.unwrap().unwrap();
    assert!(run.executor.is_none(), "it was handed over: {run:?}");
    gates.open().await;
    let console = bed.start().await;
    all_carried_on(&bed.it, &interrupted, Instant::now()).await;
    console.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_away_does_not_make_a_console_take_a_run_from_itself() {
    let bed = Bed::new(None).await;
    let workload = Workload::create("away", 1, "{}").await;
    // The second step outlasts the store's absence.
    kubectl(&["-n", NAMESPACE, "patch", "deployment", &workload.name, "-p", r#"{"spec":{"minReadySeconds":25}}"#]).await;
    let freezable = Freezable::before(&bed.it.url).await;
    let console = Process::start(bed.folder.path(), &freezable.url, bed.port, &bed.act).await;
    let rosa = Visitor::nobody(&console.base).sign_in("rosa").await;
    let interrupted = begin("while the store is away", "restart-workload", workload, &rosa).await;
    let began = Instant::now();
    while bed.it.store.run(interrupted.run).await.ok().flatten().is_none_or(|run| run.steps[1].state != StepState::Running) {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not come to wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    freezable.freeze();
    // Longer than a lease.
    tokio::time::sleep(Duration::from_secs(9)).await;
    freezable.thaw();
    let end = ended(&bed.it.store, interrupted.run, ROLLOUT).await;
    assert_eq!(end.state, RunState::Succeeded, "{end:?}");
    assert!(!is_adopted(&bed.it, interrupted.run).await, "it was never left behind: {:?}", bed.it.kinds(interrupted.run).await);
    assert_eq!(changes(&interrupted.workload), 1);
    console.kill().await;
}
