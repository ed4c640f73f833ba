//! What others put into a bucket is shown as such, never trusted, and hides nothing.

use app::model::Health;
use server::adapters::backups::Standing;

use crate::shop::{Shop, s3};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_older_and_lying_manifests_are_shown_and_not_trusted() {
    let shop = Shop::new(500).await;
    let console = shop.console();
    console.back_up("1-a").await;
    let backups = &console.act.adapters.backups[&shop.name];
    let good = backups.read(chrono::Utc::now()).await.unwrap().backups[0].clone();
    let (_, true_manifest) = s3("GET", &good.object.replace(".dump", ".json"), &[]).await;
    let true_manifest: serde_json::Value = serde_json::from_slice(&true_manifest).unwrap();
    let (_, dump) = s3("GET", &good.object, &[]).await;

    let put = async |name: &str, content: &[u8]| {
        let (status, body) = s3("PUT", &format!("{}/{name}", shop.name), content).await;
        assert_eq!(status, 200, "{name}: {}", String::from_utf8_lossy(&body));
    };
    let with = |name: &str, field: &str, value: serde_json::Value| {
        let mut manifest = true_manifest.clone();
        manifest["object"] = format!("{}/{name}.dump", shop.name).into();
        manifest[field] = value;
        manifest.to_string().into_bytes()
    };
    let cases: [(&str, Vec<u8>, bool, &str); 8] = [
        ("older", with("older", "version", 0.into()), true, "has format version 0"),
        ("newer", with("newer", "version", 2.into()), true, "has format version 2"),
        ("other", with("other", "database", "<script>alert(1)</script>".into()), true, "is of another database"),
        ("lying", with("lying", "bytes", 1.into()), true, "says 1 bytes, and the dump beside it has"),
        ("alone", with("alone", "version", 1.into()), false, "has no dump beside it"),
        ("copied", true_manifest.to_string().into_bytes(), true, "speaks of another object"),
        ("rubbish", b"\xff\x00 not json".to_vec(), true, "is no JSON"),
        ("huge", vec![b' '; 70_000], true, "cannot be read: it has 70000 bytes"),
    ];
    for (name, manifest, with_dump, _) in &cases {
        if *with_dump {
            put(&format!("{name}.dump"), &dump).await;
        }
        put(&format!("{name}.json"), manifest).await;
    }
    // Odd names: by an address that spells them out.
    for odd in ["a%20b.json", "%3Cscript%3E.json", "%E2%80%AEnosj.json", "sub/deeper.json", "notes.txt"] {
        put(odd, b"{}").await;
    }

    let catalog = backups.read(chrono::Utc::now()).await.unwrap();
    for (name, _, _, says) in &cases {
        let found = catalog.named(name).unwrap_or_else(|| panic!("{name} is not shown: {catalog:?}"));
        assert!(matches!(&found.standing, Standing::Distrusted(why) if why.contains(says)), "{name}: {:?}", found.standing);
    }
    assert_eq!((catalog.backups.len(), catalog.strangers), (cases.len() + 1, 5), "{catalog:?}");
    assert_eq!(catalog.newest().map(|(backup, _)| &backup.object), Some(&good.object));
    let reading = console.age().await;
    assert_eq!(reading.health, Health::Ok, "{}", reading.summary);
}
