//! A cluster is watched: faults show with their reason, an API server that is away ages what is shown, and its return is noticed.

use std::time::Duration;

use app::model::{Health, Kind, SystemId};
use tokio::time::sleep;

use crate::kubernetes::{CLUSTER, Console, How, NAMESPACE, Wire, Workload, bed, kubectl};

/// What the issue promises for each fault.
const SHOWN: Duration = Duration::from_secs(10);

fn cluster() -> SystemId {
    SystemId::new(Kind::Cluster, &[CLUSTER]).unwrap()
}

fn ok(reading: &server::probes::Reading) -> bool {
    reading.health == Health::Ok && reading.age < Duration::from_secs(8)
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_are_found_and_judged_within_seconds_of_the_start() {
    let workload = Workload::create("found", 2, "{}").await;
    let console = Console::new();
    let (reading, _) = console.until("kube_deployment", &workload.system, SHOWN, ok).await;
    assert_eq!((reading.summary.as_str(), reading.note.as_str()), ("2 of 2 pods ready", "revision 1"));
    let found = console.act.adapters.kube.watch(CLUSTER).unwrap().discovered();
    assert!(found.borrow().contains(&workload.system));
    console.until("kube_cluster", &cluster(), SHOWN, |reading| reading.age < Duration::from_secs(8)).await;

    let mut found = found;
    let system = workload.system.clone();
    drop(workload);
    tokio::time::timeout(SHOWN, found.wait_for(|found| !found.contains(&system)))
        .await
        .expect("a deleted workload is no longer listed")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_fails_says_why_in_plain_words() {
    let console = Console::new();
    for (fault, cause) in [
        (r#"{"testbed.quarterdeck.dev/fault":"crash"}"#, "The container `app` ended with exit code 1"),
        (
            r#"{"testbed.quarterdeck.dev/fault":"oom"}"#,
            "The container `app` was killed for using more than its limit of 64 MiB (OOMKilled)",
        ),
    ] {
        let workload = Workload::create("fails", 1, fault).await;
        let (reading, took) =
            console.until("kube_deployment", &workload.system, Duration::from_secs(20), |reading| reading.cause.is_some()).await;
        assert_eq!(reading.health, Health::Down, "{took:?}");
        assert!(reading.cause.as_deref().unwrap_or_default().starts_with(cause), "{reading:?}");
    }

    let workload = Workload::create("image", 2, "{}").await;
    console.until("kube_deployment", &workload.system, SHOWN, ok).await;
    kubectl(&["-n", NAMESPACE, "set", "image", &format!("deployment/{}", workload.name), "app=registry.example/app:2.0-missing"]).await;
    let (reading, _) = console.until("kube_deployment", &workload.system, SHOWN, |reading| reading.cause.is_some()).await;
    assert_eq!(reading.health, Health::Degraded);
    let cause = reading.cause.unwrap_or_default();
    assert!(cause.contains("`registry.example/app:2.0-missing` cannot be pulled: the registry has no such image or tag"), "{cause}");
    assert!(cause.contains("It came with revision 2"), "{cause}");
    workload.kubectl(&["rollout", "undo"]).await;
    console.until("kube_deployment", &workload.system, SHOWN, ok).await;

    let patch = r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{"requests":{"cpu":"5000"}}}]}}}}"#;
    workload.kubectl(&["patch", "-p", patch]).await;
    let (reading, _) = console.until("kube_deployment", &workload.system, SHOWN, |reading| reading.cause.is_some()).await;
    assert!(reading.cause.as_deref().unwrap_or_default().contains("too little CPU free"), "{reading:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_api_server_is_down_and_ages_what_is_shown_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let wire = Wire::beside(&bed("WATCH_KUBECONFIG")).await;
    let console = Console::with(wire.kubeconfig(&bed("WATCH_KUBECONFIG"), &folder), bed("ACT_KUBECONFIG").into());
    let workload = Workload::create("frozen", 2, "{}").await;
    console.until("kube_deployment", &workload.system, SHOWN, ok).await;

    wire.set(How::Frozen);
    let (reading, _) = console.until("kube_cluster", &cluster(), SHOWN, |reading| reading.health == Health::Down).await;
    assert_eq!(reading.summary, "The API server does not answer within 1.5 s");
    let (shown, _) =
        console.until("kube_deployment", &workload.system, Duration::from_secs(20), |reading| reading.age > Duration::from_secs(12)).await;
    assert_eq!((shown.health, shown.summary.as_str()), (Health::Ok, "2 of 2 pods ready"), "what was seen last stays, and is old");
    workload.kubectl(&["scale", "--replicas=3"]).await;

    wire.set(How::Passes);
    console.until("kube_deployment", &workload.system, Duration::from_secs(8), |reading| reading.age < Duration::from_secs(4)).await;
    console.until("kube_deployment", &workload.system, SHOWN, |reading| ok(reading) && reading.summary == "3 of 3 pods ready").await;
    console.until("kube_cluster", &cluster(), SHOWN, |reading| reading.health != Health::Down).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_whose_other_end_is_lost_is_begun_again_with_the_heartbeat() {
    let folder = tempfile::tempdir().unwrap();
    let wire = Wire::beside(&bed("WATCH_KUBECONFIG")).await;
    let console = Console::with(wire.kubeconfig(&bed("WATCH_KUBECONFIG"), &folder), bed("ACT_KUBECONFIG").into());
    let (gone, stays) = (Workload::create("gone", 1, "{}").await, Workload::create("stays", 1, "{}").await);
    console.until("kube_deployment", &stays.system, SHOWN, ok).await;
    console.until("kube_deployment", &gone.system, SHOWN, ok).await;

    // Frozen long enough to be found away; what was open then never speaks again.
    wire.set(How::Frozen);
    wire.lose_open_connections();
    console.until("kube_cluster", &cluster(), SHOWN, |reading| reading.health == Health::Down).await;
    let gone_system = gone.system.clone();
    drop(gone);
    stays.kubectl(&["scale", "--replicas=2"]).await;
    wire.set(How::Passes);
    console.until("kube_deployment", &stays.system, SHOWN, |reading| ok(reading) && reading.summary == "2 of 2 pods ready").await;
    let (reading, _) = console.until("kube_deployment", &gone_system, SHOWN, |reading| reading.health == Health::Down).await;
    assert!(reading.summary.starts_with("There is no such Deployment"), "{reading:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_never_answered_is_down_and_its_workloads_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let wire = Wire::beside(&bed("WATCH_KUBECONFIG")).await;
    wire.set(How::Down);
    let console = Console::with(wire.kubeconfig(&bed("WATCH_KUBECONFIG"), &folder), bed("ACT_KUBECONFIG").into());
    console.until("kube_cluster", &cluster(), SHOWN, |reading| reading.health == Health::Down).await;
    let system = SystemId::new(Kind::Deployment, &[CLUSTER, NAMESPACE, "aia-frontend"]).unwrap();
    let unknown = console.read("kube_deployment", &system).await.unwrap_err();
    assert!(unknown.to_string().contains("does not answer"), "{unknown}");

    wire.set(How::Passes);
    console.until("kube_deployment", &system, SHOWN, |reading| reading.age < Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_cannot_be_read_is_named_and_taken_up_when_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.kubeconfig");
    let console = Console::with(path.clone(), bed("ACT_KUBECONFIG").into());
    let (reading, _) = console.until("kube_cluster", &cluster(), SHOWN, |reading| reading.health == Health::Down).await;
    assert!(reading.summary.contains("late.kubeconfig"), "{reading:?}");
    std::fs::copy(bed("WATCH_KUBECONFIG"), &path).unwrap();
    console.until("kube_cluster", &cluster(), Duration::from_secs(30), |reading| reading.health != Health::Down).await;
    sleep(Duration::from_millis(10)).await;
}
