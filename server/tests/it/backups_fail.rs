//! A backup that does not come to its end says what was done and what not, and leaves no part of itself in the store.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use app::model::CheckOutcome;
use server::actions::{ActionError, Observation, back_up_database::BackUpDatabase};
use tokio::sync::Mutex;

use crate::{
    bed::{fault, variable},
    kubernetes::{How, Wire},
    shop::{Console, Shop, listed, parts, s3},
};

/// The bed's store is full for everybody at once.
static STORE: Mutex<()> = Mutex::const_new(());

/// More than one part, so that some is in the store before the rest comes.
const PARTED: u32 = 400_000;
/// After so many bytes a dump is held: one part is on its way.
const HELD_AT: u64 = 9_000_000;

async fn wait_for(file: &Path) {
    let began = Instant::now();
    while !file.exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "{} does not come to be", file.display());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nothing of the run is in the store, whatever the run did.
async fn nothing_is_left(shop: &Shop, console: &Console) {
    let found = listed(&format!("{}/", shop.name)).await;
    assert!(found.is_empty(), "{found:?}");
    let object = console.notes.all().get("object").cloned().unwrap_or_default();
    for upload in console.notes.every("upload") {
        if !upload.is_empty() {
            assert_eq!(parts(&object, &upload).await, 0, "parts of {upload} are left");
        }
    }
}

async fn not_done(shop: &Shop, console: &Console, says: &[&str]) {
    let plan = console.plan(&BackUpDatabase, None).await.unwrap();
    let ending = console.apply(&BackUpDatabase, &plan, 0, "1-a").await.unwrap_err();
    let ActionError::NotDone(why) = &ending else { panic!("{ending:?}") };
    println!("{why}");
    for part in says {
        assert!(why.contains(part), "“{part}” in: {why}");
    }
    nothing_is_left(shop, console).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_is_told_and_nothing_is_left() {
    let shop = Shop::new(1_000).await;
    let console = shop.console();
    let _alone = STORE.lock().await;
    fault("object-store-full", false).await;
    let plan = console.plan(&BackUpDatabase, None).await.unwrap();
    let ending = console.apply(&BackUpDatabase, &plan, 0, "1-a").await;
    fault("object-store-full", true).await;
    let Err(ActionError::NotDone(why)) = &ending else { panic!("{ending:?}") };
    println!("{why}");
    for part in ["has no space left (XMinioStorageFull", "make room in the store", "nothing is left in the store"] {
        assert!(why.contains(part), "“{part}” in: {why}");
    }
    nothing_is_left(&shop, &console).await;
    drop(_alone);
    // And when there is room again, the same estate backs up.
    shop.console().back_up("2-b").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_dies_is_told_and_nothing_is_left() {
    let shop = Shop::new(PARTED).await;
    let folder = shop.programs(&format!("$real \"$@\" | head -c {HELD_AT}; echo 'pg_dump: error: the disk is on fire' >&2; exit 3\n"));
    let console = shop.console_with(&variable("S3_URL"), &format!(", programs: {}", folder.display()));
    not_done(&shop, &console, &["pg_dump failed with code 3: the disk is on fire", "nothing is left in the store"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_cut_off_and_says_it_ended_well_is_found_out() {
    let shop = Shop::new(5_000).await;
    let folder = shop.programs("$real \"$@\" | head -c 100000\n");
    let console = shop.console_with(&variable("S3_URL"), &format!(", programs: {}", folder.display()));
    let plan = console.plan(&BackUpDatabase, None).await.unwrap();
    console.apply(&BackUpDatabase, &plan, 0, "1-a").await.unwrap();
    let ending = console.apply(&BackUpDatabase, &plan, 1, "1-a").await.unwrap_err();
    let ActionError::Failed(why) = &ending else { panic!("{ending:?}") };
    println!("{why}");
    assert!(why.contains("spoilt: it does not decode to its end") && why.contains("It was removed: nothing is left"), "{why}");
    nothing_is_left(&shop, &console).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_reader_is_killed_is_neither_removed_nor_called_spoilt() {
    let shop = Shop::new(5_000).await;
    let folder = shop.programs("exec $real \"$@\"\n");
    let restore = folder.join("pg_restore");
    let whole = std::fs::read_to_string(&restore).unwrap();
    let console = shop.console_with(&variable("S3_URL"), &format!(", programs: {}", folder.display()));
    let plan = console.plan(&BackUpDatabase, None).await.unwrap();
    console.apply(&BackUpDatabase, &plan, 0, "1-a").await.unwrap();
    let killed = whole.replace("exec $real \"$@\"", "head -c 5000 >/dev/null; kill -9 $$");
    std::fs::write(&restore, killed).unwrap();
    let ending = console.apply(&BackUpDatabase, &plan, 1, "1-a").await.unwrap_err();
    let ActionError::Failed(why) = &ending else { panic!("{ending:?}") };
    println!("{why}");
    assert!(why.contains("was ended by signal 9") && why.contains("Nothing was found against it"), "{why}");
    assert!(!why.contains("spoilt"), "{why}");
    // It is there still, and is proven as soon as it can be.
    std::fs::write(&restore, whole).unwrap();
    let said = console.apply(&BackUpDatabase, &plan, 1, "1-a").await.unwrap();
    assert!(said.contains("the checksum is equal"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_in_the_store_is_found_before_it_counts() {
    let shop = Shop::new(5_000).await;
    let console = shop.console();
    let plan = console.plan(&BackUpDatabase, None).await.unwrap();
    console.apply(&BackUpDatabase, &plan, 0, "1-a").await.unwrap();
    let object = console.notes.all()["object"].clone();
    let (_, mut content) = s3("GET", &object, &[]).await;
    let middle = content.len() / 2;
    content[middle] ^= 0x10;
    assert_eq!(s3("PUT", &object, &content).await.0, 200);
    let ending = console.apply(&BackUpDatabase, &plan, 1, "1-a").await.unwrap_err();
    assert!(matches!(&ending, ActionError::Failed(why) if why.contains("spoilt: its SHA-256 is")), "{ending:?}");
    nothing_is_left(&shop, &console).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_stopped_leaves_nothing() {
    let shop = Shop::new(PARTED).await;
    let folder = shop.held_programs(HELD_AT);
    let console = shop.console_with(&variable("S3_URL"), &format!(", programs: {}", folder.display()));
    let plan = console.plan(&BackUpDatabase, None).await.unwrap();
    let stopping = async {
        wait_for(&folder.join("reached")).await;
        console.reports.cancel.store(true, std::sync::atomic::Ordering::SeqCst);
        Instant::now()
    };
    let (ending, asked) = tokio::join!(console.apply(&BackUpDatabase, &plan, 0, "1-a"), stopping);
    assert!(
        matches!(&ending, Err(ActionError::NotDone(why)) if why.contains("stopped after") && why.contains("nothing is left")),
        "{ending:?}"
    );
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    nothing_is_left(&shop, &console).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_told_by_the_plan_and_by_the_step() {
    let shop = Shop::new(100).await;
    std::fs::write(shop.folder.path().join("secret"), "not-the-secret").unwrap();
    let console = shop.console();
    let plan = console.plan(&BackUpDatabase, None).await.unwrap();
    let forbidden = plan.forbidden_by().expect("it must not run");
    assert_eq!((forbidden.rule.as_str(), forbidden.outcome), ("store-answers", CheckOutcome::Fail));
    assert!(forbidden.value.contains("does not let the console in: SignatureDoesNotMatch"), "{}", forbidden.value);
    not_done(&shop, &console, &["does not let the console in", "check the store's credentials"]).await;
    let unread = server::probes::all().into_iter().find(|probe| probe.spec().id == "backup_age").unwrap();
    let unknown = unread.read(&console.probe, &shop.system).await.unwrap_err().to_string();
    assert!(unknown.contains("does not let the console in") && !unknown.contains("not-the-secret"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_are_not_there_are_told_by_the_plan() {
    let shop = Shop::new(100).await;
    let folder = shop.programs("exit 1\n");
    let console = shop.console_with(&variable("S3_URL"), &format!(", programs: {}", folder.display()));
    std::fs::remove_file(folder.join("pg_dump")).unwrap();
    let plan = console.plan(&BackUpDatabase, None).await.unwrap();
    let forbidden = plan.forbidden_by().expect("it must not run");
    assert!(forbidden.rule == "programs" && forbidden.value.contains("has no pg_dump"), "{forbidden:?}");
}

/// Cuts or freezes the way to the store while a part is on it. The ending is not told until nothing is left there.
async fn lost(how: How) {
    let shop = Shop::new(PARTED).await;
    let folder = shop.held_programs(HELD_AT);
    let wire = Wire::to(variable("S3_URL").trim_start_matches("http://").to_owned()).await;
    let store = format!("http://127.0.0.1:{}", wire.port());
    let console = shop.console_with(&store, &format!(", programs: {}", folder.display()));
    let plan = console.plan(&BackUpDatabase, None).await.unwrap();
    let cutting = async {
        wait_for(&folder.join("reached")).await;
        wire.set(how);
        if how == How::Down {
            wire.lose_open_connections();
        }
        std::fs::write(folder.join("go"), "").unwrap();
    };
    let (ending, ()) = tokio::join!(console.apply(&BackUpDatabase, &plan, 0, "1-a"), cutting);
    let Err(ActionError::Unknown(why)) = &ending else { panic!("{ending:?}") };
    println!("{why}");
    assert!(why.contains("is asked to drop upload"), "{why}");
    assert!(matches!(console.observe(&BackUpDatabase, &plan, 0, "1-a").await, Observation::CannotTell(_)));
    wire.set(How::Passes);
    assert_eq!(console.observe(&BackUpDatabase, &plan, 0, "1-a").await, Observation::NotApplied);
    nothing_is_left(&shop, &console).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_lost_leaves_the_ending_open_until_nothing_is_left() {
    lost(How::Down).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stands_still_leaves_the_ending_open_until_nothing_is_left() {
    lost(How::Frozen).await;
}
