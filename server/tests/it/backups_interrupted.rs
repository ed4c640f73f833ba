//! A console that is killed in the middle of a backup: after its return the run has ended truthfully or visibly goes on, there is one backup and
//! no part of another.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use app::model::{RunState, StepState};

use crate::{
    bed::variable,
    console::{Process, Visitor, ended, free_port, people, words},
    gates::{Before, Gates},
    shop::{Shop, listed, parts},
    store::TestStore,
};

/// Within this after its return, a run has ended or is visibly continuing.
const RETURN: Duration = Duration::from_secs(10);
/// Longer than a small dump takes on a machine that is busy.
const BACKUP: Duration = Duration::from_secs(120);

/// Where a run is held while the console is killed. The dump is in the store after the third.
const POINTS: [(&str, Before); 8] = [
    ("accepted", Before::Run("running")),
    ("before the dump's intent", Before::Step(0, "running")),
    ("dumped, unrecorded", Before::Step(0, "done")),
    ("before reading back", Before::Step(1, "running")),
    ("read back, unrecorded", Before::Step(1, "done")),
    ("before the manifest", Before::Step(2, "running")),
    ("manifest written, unrecorded", Before::Step(2, "done")),
    ("before the ending", Before::Run("succeeded")),
];

struct Bed {
    it: TestStore,
    shop: Shop,
    folder: tempfile::TempDir,
    port: u16,
    estate: String,
}

impl Bed {
    async fn new(orders: u32, more: impl FnOnce(&Shop) -> String) -> Self {
        let (it, shop) = (TestStore::new().await, Shop::new(orders).await);
        people(&it.store).await;
        let estate = shop.estate(&variable("S3_URL"), &more(&shop));
        Self { it, shop, folder: tempfile::tempdir().unwrap(), port: free_port(), estate }
    }

    async fn start(&self) -> Process {
        let path = PathBuf::from(std::env::var_os("PATH").unwrap_or_default());
        Process::over(self.folder.path(), &self.it.url, self.port, &self.estate, &[("PATH", &path)]).await
    }

    /// Waits until the run has ended or was taken up again; then for its end.
    async fn carried_on(&self, point: &str, run: i64) -> server::store::Run {
        let returned = Instant::now();
        loop {
            let adopted = self.it.store.story(run).await.is_ok_and(|(_, events)| events.iter().any(|event| event.kind == "adopted"));
            let now = self.it.store.run(run).await.ok().flatten();
            if adopted || now.as_ref().is_some_and(|run| run.state.has_ended()) {
                break;
            }
            assert!(returned.elapsed() < RETURN, "{point}: nothing is seen of it: {now:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let seen = returned.elapsed();
        let end = ended(&self.it.store, run, BACKUP).await;
        println!(
            "{point:<30} seen {:>4.1} s, ended {:>4.1} s after the return: {}",
            seen.as_secs_f64(),
            returned.elapsed().as_secs_f64(),
            end.sentence
        );
        end
    }

    async fn note(&self, run: i64, name: &str) -> Option<String> {
        sqlx::query_scalar("select value from run_notes where run_id = $1 and name = $2")
            .bind(run)
            .bind(name)
            .fetch_optional(&mut self.it.owner().await)
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_step_of_a_backup_leaves_one_backup_or_none_and_says_which() {
    let bed = Bed::new(2_000, |_| String::new()).await;
    let mut gates = Gates::new(&bed.it).await;
    for (no, (point, before)) in POINTS.into_iter().enumerate() {
        let console = bed.start().await;
        let otto = Visitor::nobody(&console.base).sign_in("otto").await;
        let gate = gates.close_on(bed.shop.system.as_str(), before).await;
        let run = otto.run_on("back-up-database", &bed.shop.system, &[]).await;
        gates.reached(gate).await;
        console.kill().await;
        gates.open().await;
        let console = bed.start().await;
        let end = bed.carried_on(point, run).await;
        assert_eq!(end.state, RunState::Succeeded, "{point}: {end:?}");
        assert!(end.steps.iter().all(|step| step.state == StepState::Done), "{point}: {end:?}");
        let kinds = bed.it.kinds(run).await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "ended").count(), 1, "{point}: {kinds:?}");
        let found = listed(&format!("{}/", bed.shop.name)).await;
        assert_eq!(found.len(), 2 * (no + 1), "{point}: one dump and one manifest each: {found:?}");
        console.kill().await;
    }
    let chain = server::audit::verify(&bed.it.store, 1, None).await.unwrap();
    assert!(chain.broken.is_none(), "{}", chain.sentence());
}

async fn wait_for(file: &Path) {
    let began = Instant::now();
    while !file.exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "{} does not come to be", file.display());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_parts_are_in_the_store_leaves_none_of_them() {
    let bed = Bed::new(500_000, |shop| format!(", programs: {}", shop.held_programs(18_000_000).display())).await;
    let programs = bed.shop.folder.path().join("programs");
    let console = bed.start().await;
    let otto = Visitor::nobody(&console.base).sign_in("otto").await;
    let run = otto.run_on("back-up-database", &bed.shop.system, &[]).await;
    wait_for(&programs.join("reached")).await;
    let (object, upload) = (bed.note(run, "object").await.unwrap(), bed.note(run, "upload").await.unwrap());
    let began = Instant::now();
    while parts(&object, &upload).await < 2 {
        assert!(began.elapsed() < Duration::from_secs(30), "two parts do not arrive");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    console.kill().await;
    // Nobody writes for a dump whose reader is gone.
    std::fs::write(programs.join("go"), "").unwrap();
    let console = bed.start().await;
    let end = bed.carried_on("parts in the store", run).await;
    assert_eq!(end.state, RunState::Succeeded, "{end:?}");
    assert_ne!(bed.note(run, "upload").await.as_deref(), Some(upload.as_str()), "it was begun again");
    assert_eq!(parts(&object, &upload).await, 0, "no part of the first try is left");
    assert_eq!(listed(&format!("{}/", bed.shop.name)).await.len(), 2);
    console.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_end_it_hands_its_backup_over_and_the_dump_ends_with_it() {
    let bed = Bed::new(500_000, |shop| format!(", programs: {}", shop.held_programs(9_000_000).display())).await;
    let programs = bed.shop.folder.path().join("programs");
    let console = bed.start().await;
    let otto = Visitor::nobody(&console.base).sign_in("otto").await;
    let run = otto.run_on("back-up-database", &bed.shop.system, &[]).await;
    wait_for(&programs.join("reached")).await;
    let took = console.terminate().await;
    assert!(took < Duration::from_secs(10), "it ended after {took:?}");
    std::fs::write(programs.join("go"), "").unwrap();
    let upload = bed.note(run, "upload").await.unwrap();
    let console = bed.start().await;
    let end = bed.carried_on("handed over", run).await;
    assert_eq!(end.state, RunState::Succeeded, "{end:?}");
    assert_eq!(parts(&bed.note(run, "object").await.unwrap(), &upload).await, 0);
    console.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_back_up_is_refused_by_page_and_by_forged_form() {
    let bed = Bed::new(100, |_| String::new()).await;
    let console = bed.start().await;
    let target = bed.shop.system.as_str();
    for name in ["vera", "arno", "rosa"] {
        let somebody = Visitor::nobody(&console.base).sign_in(name).await;
        let page = somebody.get(&format!("/runbooks/back-up-database?target={target}")).await;
        assert_eq!(page.status, 200, "{}", words(&page.text));
        let forged = somebody.post("/runbooks/back-up-database/plan", &[("target", target)]).await;
        assert_eq!(forged.status, 403, "{name}: {}", words(&forged.text));
    }
    let denied: i64 = sqlx::query_scalar("select count(*) from audit_events where kind = 'permission_denied'")
        .fetch_one(&mut bed.it.run_time().await)
        .await
        .unwrap();
    assert_eq!(denied, 3, "each attempt is recorded");
    assert!(listed(&format!("{}/", bed.shop.name)).await.is_empty());
    let otto = Visitor::nobody(&console.base).sign_in("otto").await;
    let forged = otto.post("/runbooks/verify-backup/plan", &[("target", target), ("backup", "../x")]).await;
    forged.says(422, &["There is no backup “../x”"]);
    console.kill().await;
}
