//! A console that is killed at each point of a cache's failover: after its return the run has ended truthfully or visibly goes on, the
//! master has moved once, and nothing was asked for twice.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use app::model::RunState;

use crate::{
    cache_bed::{ESTATE, SYSTEM, Witness, Writer, fail_over},
    console::{Process, Visitor, ended, free_port, people},
    gates::{Before, Gates},
    store::TestStore,
};

/// Within this after its return, the run has ended or is visibly continuing.
const RETURN: Duration = Duration::from_secs(10);
/// Longer than such a run takes on a machine that is busy.
const RUN: Duration = Duration::from_secs(90);

/// The points at which a run is held while the console is killed, in the order in which a run comes to them.
const POINTS: [(&str, Before); 8] = [
    ("accepted", Before::Run("running")),
    ("before the intent", Before::Step(0, "running")),
    ("before FAILOVER", Before::Note("asked")),
    ("handed over, Sentinel not told", Before::Note("sentinel")),
    ("all done, unrecorded", Before::Step(0, "done")),
    ("between the steps", Before::Step(1, "running")),
    ("verified, unrecorded", Before::Step(1, "done")),
    ("before the ending", Before::Run("succeeded")),
];

async fn is_adopted(it: &TestStore, run: i64) -> bool {
    it.store.story(run).await.is_ok_and(|(_, events)| events.iter().any(|event| event.kind == "adopted"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_point_loses_no_failover_and_doubles_none() {
    let witness = Witness::new().await;
    let it = TestStore::new().await;
    people(&it.store).await;
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let mut gates = Gates::new(&it).await;
    // It has no cluster, so nothing to act on one by.
    let start = || Process::of_estate(folder.path(), &it.url, port, Path::new(""), ESTATE);
    let mut console = start().await;
    for (point, before) in POINTS {
        let to = 1 - witness.master().await.unwrap();
        let orders = witness.orders().await;
        let writer = Writer::start(&witness).begun(&witness).await;
        let gate = gates.close_on(SYSTEM, before).await;
        let otto = Visitor::nobody(&console.base).sign_in("otto").await;
        let run = fail_over(&otto, &witness.nodes[to].at).await;
        gates.reached(gate).await;
        console.kill().await;
        gates.open().await;
        console = start().await;
        let returned = Instant::now();
        let seen = loop {
            let now = it.store.run(run).await;
            if let Ok(Some(run)) = &now {
                let heard = run.executor.as_ref().is_some_and(|executor| run.now - executor.heard_at < chrono::TimeDelta::seconds(3));
                if run.state.has_ended() || (run.state == RunState::Running && heard && is_adopted(&it, run.id).await) {
                    break returned.elapsed();
                }
            }
            assert!(returned.elapsed() < RETURN, "{point}: nothing is seen of it: {now:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let end = ended(&it.store, run, RUN).await;
        let took = returned.elapsed();
        assert_eq!(end.state, RunState::Succeeded, "{point}: {end:?}");
        witness.settled().await;
        assert_eq!(witness.master().await, Some(to), "{point}");
        let now = witness.orders().await;
        assert_eq!((now.0 - orders.0, now.1 - orders.1), (1, 1), "{point}: one FAILOVER and one failover of Sentinel's");
        let (written, lost) = writer.lost(&witness.nodes[to]).await;
        assert_eq!(lost, Vec::<u64>::new(), "{point}: of {} acknowledged", written.acknowledged.len());
        let kinds = it.kinds(run).await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "ended").count(), 1, "{point}: {kinds:?}");
        println!(
            "{point:<32} seen {:>4.1} s, ended {:>4.1} s after the return, {} acknowledged, 0 lost: {}",
            seen.as_secs_f64(),
            took.as_secs_f64(),
            written.acknowledged.len(),
            end.sentence
        );
    }
    console.kill().await;
}
