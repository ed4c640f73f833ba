//! The cluster of a bed: one plane is started, looked at, broken, mended and taken down.
//!
//! One test, for a plane is dear and its faults would disturb each other; each rule has a function of its own below.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

use serde_json::Value;
use testbed::{
    faults::Fault as _,
    kubernetes::{Binaries, Component, Fault, Identity, Kubectl, Plane, cri_line},
    layout::Layout,
    process,
};
use time::OffsetDateTime;

const BASE: u16 = 24_000;
const PRODUCTION: [&str; 2] = ["-n", "aia-production"];

#[tokio::test]
async fn a_plane_lives_breaks_mends_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(BASE, folder.path()).unwrap();
    layout.create().unwrap();
    let binaries = tokio::task::spawn_blocking(|| Binaries::find_or_build(|line| eprintln!("{line}")))
        .await
        .unwrap()
        .unwrap_or_else(|missing| panic!("{missing}"));
    let plane = Plane::new(&layout, binaries);

    // A panic below must not leave a plane behind.
    let life = tokio::task::LocalSet::new();
    let whole = life.run_until(async move { tokio::task::spawn_local(async move { whole_life(&plane).await }).await }).await;
    Plane::down(&layout).await.unwrap();
    if let Err(panic) = whole {
        std::panic::resume_unwind(panic.into_panic());
    }
    nothing_is_left(&layout);
}

async fn whole_life(plane: &Plane) {
    let began = Instant::now();
    plane.up().await.unwrap();
    eprintln!("up after {:.1} s", began.elapsed().as_secs_f32());

    let admin = plane.kubectl(Identity::Admin);
    every_workload_has_its_replicas(&admin).await;
    the_backend_has_a_history(&admin).await;
    containers_have_logs_that_can_be_added_to(plane, &admin).await;
    watch_reads_what_screens_show_and_nothing_else(plane).await;
    act_changes_workloads_of_production_alone(plane).await;
    a_restart_replaces_pods_over_seconds_and_is_audited_once(plane).await;
    usage_arrives_and_autoscalers_read_it(&admin).await;
    an_autoscaler_takes_its_replicas_back(&admin).await;
    for fault in Fault::ALL {
        a_fault_shows_and_is_mended(plane, fault).await;
    }
    a_restart_mends_a_crashing_pod(plane).await;
}

async fn every_workload_has_its_replicas(admin: &Kubectl) {
    let deployments = admin.json(&["get", "deployments", "-A"]).await.unwrap();
    let ready: Vec<String> = items(&deployments)
        .iter()
        .map(|it| {
            format!(
                "{}/{} {}/{}",
                text(&it["metadata"]["namespace"]),
                text(&it["metadata"]["name"]),
                it["status"]["readyReplicas"],
                it["spec"]["replicas"]
            )
        })
        .collect();
    assert_eq!(
        ready,
        [
            "aia-monitoring/grafana 1/1",
            "aia-production/aia-backend-simple 5/5",
            "aia-production/aia-frontend 3/3",
            "ingress-nginx/ingress-nginx-controller 2/2",
        ]
    );
    let ingress = admin.json(&["get", "ingress", "aia", "-n", "aia-production"]).await.unwrap();
    assert_eq!(ingress["spec"]["ingressClassName"], "nginx");
    let slices = admin
        .json(&["get", "endpointslices", "-n", "aia-production", "-l", "kubernetes.io/service-name=aia-backend-service-simple"])
        .await
        .unwrap();
    assert_eq!(items(&items(&slices)[0]["endpoints"]).len(), 5);
}

async fn the_backend_has_a_history(admin: &Kubectl) {
    let history = admin.run(&["rollout", "history", "deployment/aia-backend-simple", "-n", "aia-production"]).await.unwrap();
    let causes: Vec<&str> = history.lines().filter(|line| line.contains("deploy 2.1")).collect();
    assert_eq!(causes.len(), 3, "{history}");
}

async fn containers_have_logs_that_can_be_added_to(plane: &Plane, admin: &Kubectl) {
    let tail = ["logs", "deployment/aia-backend-simple", "-n", "aia-production", "--tail=3"];
    assert_eq!(admin.run(&tail).await.unwrap().lines().count(), 3);
    let line = cri_line(OffsetDateTime::now_utc(), "stderr", "<script>alert(1)</script>").unwrap();
    let file = plane.container_log("aia-api");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, before + &line).unwrap();
    assert!(admin.run(&tail).await.unwrap().ends_with("<script>alert(1)</script>\n"));
    let previous = admin.run(&["logs", "deployment/aia-backend-simple", "-n", "aia-production", "--previous"]).await.unwrap();
    assert!(previous.contains("KeyError"), "{previous}");
}

async fn watch_reads_what_screens_show_and_nothing_else(plane: &Plane) {
    let watch = plane.kubectl(Identity::Watch);
    eventually("readiness that watch may read", 10, async || watch.is_ready().await).await;
    for kind in [
        "nodes",
        "namespaces",
        "pods",
        "deployments",
        "replicasets",
        "statefulsets",
        "daemonsets",
        "horizontalpodautoscalers",
        "services",
        "endpointslices",
        "ingresses",
        "events",
    ] {
        watch.run(&["get", kind, "-A"]).await.unwrap_or_else(|error| panic!("watch may not read {kind}: {error}"));
    }
    watch.run(&["logs", "deployment/aia-frontend", "-n", "aia-production", "--tail=1"]).await.unwrap();
    for forbidden in [
        &["get", "secrets", "-n", "aia-production"][..],
        &["get", "configmaps", "-n", "aia-production"],
        &["scale", "deployment/aia-frontend", "--replicas=1", "-n", "aia-production"],
        &["annotate", "deployment/aia-frontend", "a=b", "-n", "aia-production"],
        &["delete", "pod", "--all", "-n", "aia-production"],
        &["exec", "deployment/aia-frontend", "-n", "aia-production", "--", "true"],
    ] {
        refused(&watch, forbidden).await;
    }
}

async fn act_changes_workloads_of_production_alone(plane: &Plane) {
    let act = plane.kubectl(Identity::Act);
    eventually("readiness that act may read", 10, async || act.is_ready().await).await;
    act.run(&["get", "hpa", "aia-backend-hpa", "-n", "aia-production"]).await.unwrap();
    act.run(&["get", "deployment/aia-frontend", "--subresource=scale", "-n", "aia-production"]).await.unwrap();
    act.run(&["scale", "deployment/aia-frontend", "--replicas=3", "-n", "aia-production"]).await.unwrap();
    act.run(&["patch", "hpa", "aia-frontend-hpa", "-n", "aia-production", "-p", r#"{"spec":{"minReplicas":2}}"#]).await.unwrap();
    for forbidden in [
        &["rollout", "restart", "deployment/grafana", "-n", "aia-monitoring"][..],
        &["patch", "deployment/grafana", "-n", "aia-monitoring", "-p", r#"{"spec":{"paused":true}}"#],
        &["get", "secrets", "-n", "aia-production"],
        &["get", "nodes"],
        &["delete", "pod", "--all", "-n", "aia-production"],
        &["create", "deployment", "own", "--image=x", "-n", "aia-production"],
        &["patch", "service", "aia-frontend-service", "-n", "aia-production", "-p", r#"{"spec":{"selector":{"app":"x"}}}"#],
    ] {
        refused(&act, forbidden).await;
    }
}

async fn a_restart_replaces_pods_over_seconds_and_is_audited_once(plane: &Plane) {
    let admin = plane.kubectl(Identity::Admin);
    let before = backend_pods(&admin).await;
    let began = Instant::now();
    let act = plane.kubectl(Identity::Act);
    act.run(&["rollout", "restart", "deployment/aia-backend-simple", "-n", "aia-production"]).await.unwrap();
    backend_is_whole(&admin).await;
    let took = began.elapsed();
    eprintln!("a rolling restart took {:.1} s", took.as_secs_f32());
    assert!(took > Duration::from_secs(5), "pods that are replaced in {took:?} show nobody a rollout");
    let after = backend_pods(&admin).await;
    assert!(after.iter().all(|pod| !before.contains(pod)), "{before:?} became {after:?}");

    let audit = std::fs::read_to_string(plane.audit_log()).unwrap();
    let restarts: Vec<Value> = audit
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &Value| event["user"]["username"] == "quarterdeck-act" && event["verb"] == "patch")
        .filter(|event| event["objectRef"]["name"] == "aia-backend-simple")
        .collect();
    assert_eq!(restarts.len(), 1, "{restarts:#?}");
    let annotations = &restarts[0]["requestObject"]["spec"]["template"]["metadata"]["annotations"];
    assert!(annotations["kubectl.kubernetes.io/restartedAt"].is_string(), "{annotations}");
    assert_eq!(restarts[0]["responseStatus"]["code"], 200);
    let refusals = audit.lines().filter(|line| line.contains(r#""quarterdeck-watch""#) && line.contains(r#""code":403"#)).count();
    assert!(refusals >= 3, "{refusals} refusals of the watching account are in the audit log");
}

async fn usage_arrives_and_autoscalers_read_it(admin: &Kubectl) {
    let began = Instant::now();
    eventually("an autoscaler that reads both targets", 90, async || {
        let top =
            admin.run(&["top", "pods", "-n", "aia-production", "-l", "app=aia-backend-simple", "--no-headers"]).await.unwrap_or_default();
        let hpa = admin.json(&["get", "hpa", "aia-backend-hpa", "-n", "aia-production"]).await.unwrap();
        let read = items(&hpa["status"]["currentMetrics"])
            .iter()
            .filter(|metric| metric["resource"]["current"]["averageUtilization"].is_u64())
            .count();
        (top.lines().count() == 5 && read == 2).then_some(()).ok_or(format!("{top}\n{}", hpa["status"]))
    })
    .await;
    eprintln!("usage after another {:.1} s", began.elapsed().as_secs_f32());
    assert_eq!(admin.run(&["top", "nodes", "--no-headers"]).await.unwrap().lines().count(), 5);
}

async fn an_autoscaler_takes_its_replicas_back(admin: &Kubectl) {
    let replicas =
        async || admin.json(&["get", "deployment", "aia-frontend", "-n", "aia-production"]).await.unwrap()["spec"]["replicas"].clone();
    admin.run(&["scale", "deployment/aia-frontend", "--replicas=1", "-n", "aia-production"]).await.unwrap();
    eventually("the autoscaler's least number of replicas", 40, async || {
        let now = replicas().await;
        if now == 2 { Ok(()) } else { Err(now.to_string()) }
    })
    .await;
    admin.run(&["scale", "deployment/aia-frontend", "--replicas=3", "-n", "aia-production"]).await.unwrap();
    admin.run(&["rollout", "status", "deployment/aia-frontend", "-n", "aia-production", "--timeout=25s"]).await.unwrap();
}

async fn a_fault_shows_and_is_mended(plane: &Plane, fault: Fault) {
    let admin = plane.kubectl(Identity::Admin);
    let began = Instant::now();
    let hit = fault.strike_at(plane).await.unwrap_or_else(|error| panic!("{}: {error}", fault.name()));
    let struck = began.elapsed();
    match fault {
        Fault::CrashPods => pod_shows(&admin, &hit, "Error", 1).await,
        Fault::OomPods => pod_shows(&admin, &hit, "OOMKilled", 137).await,
        Fault::ImagePull => some_pod_waits(&admin, "ImagePullBackOff").await,
        Fault::Unschedulable => {
            let events =
                admin.run(&["get", "events", "-n", "aia-production", "--field-selector", "reason=FailedScheduling"]).await.unwrap();
            assert!(events.contains("Insufficient cpu"), "{events}");
        }
        Fault::NodeNotReady => {
            let node = admin.run(&["get", "node", &hit, "--no-headers"]).await.unwrap();
            assert!(node.contains("NotReady"), "{node}");
        }
        Fault::PlaneFrozen | Fault::PlaneDown => assert!(admin.is_ready().await.is_err()),
    }
    if !matches!(fault, Fault::PlaneFrozen | Fault::PlaneDown) {
        eventually("a backend with four of five", 15, async || {
            let ready =
                admin.json(&["get", "deployment", "aia-backend-simple", "-n", "aia-production"]).await.unwrap()["status"]["readyReplicas"]
                    .clone();
            if ready == 4 { Ok(()) } else { Err(ready.to_string()) }
        })
        .await;
    }
    let began = Instant::now();
    fault.mend_at(plane, &hit).await.unwrap_or_else(|error| panic!("{}: {error}", fault.name()));
    eprintln!("{}: shows after {:.1} s, mended after {:.1} s", fault.name(), struck.as_secs_f32(), began.elapsed().as_secs_f32());
    eventually("an API server that is ready", 10, async || admin.is_ready().await).await;
    backend_is_whole(&admin).await;
    let nodes = admin.run(&["get", "nodes", "--no-headers"]).await.unwrap();
    assert!(!nodes.contains("NotReady"), "{nodes}");
    for pod in items(&backend(&admin).await) {
        let container = &pod["status"]["containerStatuses"][0];
        assert!(container["state"]["running"].is_object() && container["restartCount"] == 0, "{}: {container}", fault.name());
    }
}

async fn a_restart_mends_a_crashing_pod(plane: &Plane) {
    let admin = plane.kubectl(Identity::Admin);
    let hit = Fault::CrashPods.strike_at(plane).await.unwrap();
    admin.run(&["rollout", "restart", "deployment/aia-backend-simple", "-n", "aia-production"]).await.unwrap();
    backend_is_whole(&admin).await;
    assert!(!backend_pods(&admin).await.contains(&hit));
    Fault::CrashPods.mend_at(plane, &hit).await.unwrap();
}

fn nothing_is_left(layout: &Layout) {
    assert!(process::below_root(layout).is_empty());
    assert!(!layout.kubernetes().exists());
    for component in Component::ALL {
        let port = component.port(layout);
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .unwrap_or_else(|error| panic!("{} still has port {port}: {error}", component.name()));
    }
}

async fn refused(kubectl: &Kubectl, args: &[&str]) {
    match kubectl.run(args).await {
        Ok(answer) => panic!("{args:?} was allowed: {answer}"),
        Err(error) => assert!(error.to_string().contains("orbidden"), "{args:?}: {error}"),
    }
}

async fn pod_shows(admin: &Kubectl, pod: &str, reason: &str, code: u64) {
    let pod = admin.json(&["get", "pod", pod, "-n", "aia-production"]).await.unwrap();
    let container = &pod["status"]["containerStatuses"][0];
    assert_eq!(container["state"]["waiting"]["reason"], "CrashLoopBackOff", "{container}");
    let last = &container["lastState"]["terminated"];
    assert_eq!((text(&last["reason"]), last["exitCode"].as_u64()), (reason, Some(code)), "{container}");
}

async fn some_pod_waits(admin: &Kubectl, reason: &str) {
    let pods = backend(admin).await;
    assert!(items(&pods).iter().any(|pod| pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == reason), "{pods}");
}

async fn backend(admin: &Kubectl) -> Value {
    let mut pods = admin.json(&["get", "pods", "-n", "aia-production", "-l", "app=aia-backend-simple"]).await.unwrap()["items"].take();
    pods.as_array_mut().unwrap().retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    pods
}

async fn backend_pods(admin: &Kubectl) -> Vec<String> {
    items(&backend(admin).await).iter().map(|pod| text(&pod["metadata"]["name"]).to_owned()).collect()
}

async fn backend_is_whole(admin: &Kubectl) {
    let patient = admin.clone().within(Duration::from_secs(70));
    patient.run(&[&["rollout", "status", "deployment/aia-backend-simple", "--timeout=60s"], &PRODUCTION[..]].concat()).await.unwrap();
    let deployment = admin.json(&["get", "deployment", "aia-backend-simple", "-n", "aia-production"]).await.unwrap();
    assert_eq!((deployment["status"]["readyReplicas"].as_u64(), deployment["spec"]["replicas"].as_u64()), (Some(5), Some(5)));
}

async fn eventually(what: &str, seconds: u64, mut holds: impl AsyncFnMut() -> Result<(), String>) {
    let began = Instant::now();
    while let Err(last) = holds().await {
        assert!(began.elapsed() < Duration::from_secs(seconds), "{what} did not come within {seconds} s: {last}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().or_else(|| value["items"].as_array()).map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
