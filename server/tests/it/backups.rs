//! A database is backed up: into the store in parts, read back, and restored by somebody who knows nothing of the console.

use app::model::{CheckOutcome, Health};
use server::{
    actions::{Action, ActionError, Observation, back_up_database::BackUpDatabase, verify_backup::VerifyBackup},
    adapters::backups::Standing,
};
use sha2::{Digest, Sha256};

use crate::shop::{Shop, listed, parts, restored, s3};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_listed_and_restored_by_an_independent_client() {
    let shop = Shop::new(600_000).await;
    let console = shop.console();
    let none = console.age().await;
    assert_eq!(none.health, Health::Down, "{}", none.summary);
    assert!(none.cause.as_deref().is_some_and(|cause| cause.contains("run “Back up database”")), "{none:?}");

    let plan = console.plan(&BackUpDatabase, None).await.unwrap();
    assert!(plan.checks.iter().all(|check| check.outcome == CheckOutcome::Pass), "{:?}", plan.checks);
    assert!(!format!("{plan:?}").contains(&std::fs::read_to_string(shop.folder.path().join("pg")).unwrap()), "no password in a plan");
    assert_eq!(console.observe(&BackUpDatabase, &plan, 0, "7-a").await, Observation::NotApplied);
    let mut said = Vec::new();
    for step in 0..plan.steps.len() {
        said.push(console.apply(&BackUpDatabase, &plan, step, "7-a").await.unwrap());
        let seen = console.observe(&BackUpDatabase, &plan, step, "7-a").await;
        assert_eq!(seen, if step == 1 { Observation::NotApplied } else { Observation::Applied }, "step {step}");
    }
    println!("{}", said.join("\n"));
    let reports = console.reports.said.lock().unwrap().join("\n");
    assert!(reports.contains("MB/s"), "{reports}");

    // By its own client: what is there, and that it is what the manifest says.
    let found = listed(&format!("{}/", shop.name)).await;
    let [(dump, bytes), (manifest, _)] = &found[..] else { panic!("a dump and its manifest: {found:?}") };
    assert!(dump.ends_with("-run-7-a.dump") && manifest.ends_with("-run-7-a.json"), "{found:?}");
    assert!(*bytes > 16 << 20, "it came in more than two parts: {bytes}");
    let (_, manifest) = s3("GET", manifest, &[]).await;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let (status, content) = s3("GET", dump, &[]).await;
    assert_eq!((status, content.len() as u64), (200, *bytes));
    assert_eq!(manifest["sha256"], hex::encode(Sha256::digest(&content)));
    assert_eq!((&manifest["database"], &manifest["by"], &manifest["run"]), (&shop.name.as_str().into(), &"olga".into(), &"7-a".into()));
    assert_eq!((&manifest["tables"], &manifest["role"]), (&2.into(), &"leader".into()), "{manifest}");
    let file = shop.folder.path().join("fetched.dump");
    std::fs::write(&file, content).unwrap();
    assert_eq!(restored(&shop, &file).await, shop.rows().await);
    assert_eq!(parts(dump, &console.notes.all()["upload"]).await, 0, "no part is left behind");

    // From the store alone, by a console that knows nothing of the run.
    let reading = shop.console().age().await;
    assert_eq!(reading.health, Health::Ok, "{}", reading.summary);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_finds_what_is_spoilt_and_it_no_longer_counts() {
    let shop = Shop::new(2_000).await;
    let console = shop.console();
    console.back_up("1-a").await;
    let catalog = console.act.adapters.backups[&shop.name].read(chrono::Utc::now()).await.unwrap();
    let [backup] = &catalog.backups[..] else { panic!("{catalog:?}") };
    let offers = VerifyBackup.offers(&console.act, &shop.system).await;
    assert_eq!(offers["backup"].choices.len(), 1);
    assert_eq!(offers["backup"].value, backup.name);

    let good = shop.console();
    let plan = good.plan(&VerifyBackup, Some(&backup.name)).await.unwrap();
    assert_eq!(plan.forbidden_by(), None);
    for step in 0..2 {
        let said = good.apply(&VerifyBackup, &plan, step, "2-b").await.unwrap();
        assert!(said.contains("the checksum is the manifest's"), "{said}");
    }
    assert_eq!(good.observe(&VerifyBackup, &plan, 1, "2-b").await, Observation::Applied);

    // One byte in the middle, by somebody else; the size stays.
    let (_, mut content) = s3("GET", &backup.object, &[]).await;
    let middle = content.len() / 2;
    content[middle] ^= 1;
    assert_eq!(s3("PUT", &backup.object, &content).await.0, 200);
    let spoilt = shop.console();
    let found = spoilt.apply(&VerifyBackup, &plan, 0, "3-c").await.unwrap();
    assert!(found.contains("It is spoilt: its SHA-256 is"), "{found}");
    let ending = spoilt.apply(&VerifyBackup, &plan, 1, "3-c").await.unwrap_err();
    assert!(matches!(&ending, ActionError::Failed(why) if why.contains("no longer counts as a backup")), "{ending:?}");
    let seen = spoilt.observe(&VerifyBackup, &plan, 1, "3-c").await;
    assert_eq!(seen, Observation::NotApplied, "the run would end as succeeded");
    let reading = shop.console().age().await;
    assert_eq!(reading.health, Health::Down, "{}", reading.summary);
    let catalog = console.act.adapters.backups[&shop.name].read(chrono::Utc::now()).await.unwrap();
    assert!(matches!(&catalog.backups[0].standing, Standing::Spoilt { verified, .. } if verified.run == "3-c"), "{catalog:?}");

    // A new one takes its place.
    let console = shop.console();
    console.back_up("4-d").await;
    assert_eq!(console.age().await.health, Health::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_listed_can_be_verified() {
    let shop = Shop::new(100).await;
    let console = shop.console();
    for typed in ["../../etc/passwd", "nothing", "<script>alert(1)</script>"] {
        let refused = console.plan(&VerifyBackup, Some(typed)).await.unwrap_err();
        assert!(
            matches!(&refused, ActionError::Parameter(name, why) if name == "backup" && why.contains("choose one of the list")),
            "{refused:?}"
        );
    }
}
