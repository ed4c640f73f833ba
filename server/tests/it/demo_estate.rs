//! The demo's estate file is one that this version accepts, over a bed with a cluster and over one without.

use server::{actions, config::Estate};

const TEMPLATE: &str = include_str!("../../../end2end/demo/estate.yaml");

/// What the test bed would say for each name in the file; files are made in `folder`.
fn variable(folder: &std::path::Path, name: &str) -> Option<String> {
    let value = match name {
        "PG_DATABASE" | "PG_WATCH_USER" | "PG_BACKUP_USER" | "PATRONI_USER" | "REDIS_WATCH_USER" | "REDIS_ACT_USER"
        | "REDIS_MASTER_NAME" | "S3_BUCKET" => "word".to_owned(),
        "PATRONI1" | "PATRONI2" | "PROMETHEUS" | "SITE_URL" | "API_URL" | "S3_URL" => format!("http://{}/", name.to_lowercase()),
        "DNS_NAME" => "site.example".to_owned(),
        "DNS_WANT" => "192.0.2.1".to_owned(),
        "PG1" | "REDIS1" | "SENTINEL1" | "SITE_ADDR" | "API_ADDR" | "RESOLVER" => "127.0.0.1:4001".to_owned(),
        "PG2" | "REDIS2" | "SENTINEL2" => "127.0.0.1:4002".to_owned(),
        "SENTINEL3" => "127.0.0.1:4003".to_owned(),
        file if file.ends_with("_FILE") || file.ends_with("KUBECONFIG") => {
            let path = folder.join(file);
            std::fs::write(&path, "something\n").unwrap();
            path.display().to_string()
        }
        _ => return None,
    };
    Some(value)
}

fn read(text: &str) -> Estate {
    let folder = tempfile::tempdir().unwrap();
    let specs: Vec<_> = actions::all().iter().map(|action| action.spec()).collect();
    Estate::from_text(text, folder.path(), &|name| variable(folder.path(), name), &specs)
        .unwrap_or_else(|faults| panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// `cargo xtask demo` leaves these lines out where the bed has no cluster.
fn without_cluster() -> String {
    let mut inside = false;
    let mut text = String::new();
    for line in TEMPLATE.lines() {
        inside = (inside || line.trim() == "#if cluster") && line.trim() != "#end";
        if !inside {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[test]
fn with_a_cluster_its_workloads_have_runbooks_too() {
    let estate = read(TEMPLATE);
    assert_eq!(estate.clusters.len(), 1);
    assert_eq!(estate.runbooks.len(), 8);
    assert_eq!(estate.path.len(), 6);
    assert_eq!(estate.backups["aia_production"].store, "main");
}

#[test]
fn without_one_the_rest_is_watched_and_its_runbooks_stay() {
    let estate = read(&without_cluster());
    assert!(estate.clusters.is_empty());
    assert_eq!(estate.runbooks.len(), 5);
    assert_eq!(estate.path.len(), 3);
    assert_eq!(estate.databases.len() + estate.caches.len() + estate.endpoints.len(), 4);
}
