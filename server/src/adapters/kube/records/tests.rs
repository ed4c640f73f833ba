//! Objects as the API writes them, and what is made of them.

use serde_json::{Value, json};

use super::{super::wire, *};
use crate::adapters::kube::names::Names;

const NOW: i64 = 1_800_000_000;

fn at(seconds_ago: i64) -> String {
    chrono::DateTime::from_timestamp(NOW - seconds_ago, 0).map(|at| at.to_rfc3339()).unwrap_or_default()
}

fn pod(status: Value) -> Pod {
    let wire = json!({
        "metadata": {
            "name": "cart-5b8c6d-x2kqp", "namespace": "shop", "creationTimestamp": at(300),
            "labels": { "pod-template-hash": "5b8c6d", "app": "cart" },
            "ownerReferences": [{ "kind": "ReplicaSet", "name": "cart-5b8c6d", "uid": "u", "controller": true }],
            "managedFields": [{ "manager": "kubelet" }],
        },
        "spec": {
            "nodeName": "node-1",
            "containers": [{
                "name": "app", "image": "registry/cart:9",
                "resources": { "requests": { "cpu": "500m", "memory": "512Mi" }, "limits": { "memory": "512Mi" } },
            }],
        },
        "status": status,
    });
    let wire: wire::Pod = serde_json::from_value(wire).unwrap_or_else(|err| panic!("{err}"));
    Pod::from_wire(wire, &mut Names::default(), None)
}

fn container(ready: bool, restarts: u32, state: Value, last: Value) -> Value {
    json!([{ "name": "app", "image": "registry/cart:9", "ready": ready, "restartCount": restarts, "state": state, "lastState": last }])
}

fn running(ready: &str, changed: i64, containers: Value) -> Value {
    json!({
        "phase": "Running", "containerStatuses": containers,
        "conditions": [
            { "type": "PodScheduled", "status": "True" },
            { "type": "Ready", "status": ready, "lastTransitionTime": at(changed) },
        ],
    })
}

#[test]
fn a_pods_status_is_said_in_kubectls_word_and_in_plain_words() {
    let waits = |reason: &str, message: &str| json!({ "waiting": { "reason": reason, "message": message } });
    let ended = |code: i32, reason: &str| json!({ "terminated": { "exitCode": code, "reason": reason } });
    let up = || json!({ "running": { "startedAt": at(10) } });
    for (status, word, reason) in [
        (running("True", 200, container(true, 0, up(), json!({}))), "Running", None),
        (
            running("False", 5, container(false, 8, waits("CrashLoopBackOff", "back-off 5m0s"), ended(1, "Error"))),
            "CrashLoopBackOff",
            Some("The container `app` ended with exit code 1, 8 times; Kubernetes waits before it starts it again (CrashLoopBackOff)"),
        ),
        (
            running("False", 5, container(false, 2, ended(137, "OOMKilled"), json!({}))),
            "OOMKilled",
            Some("The container `app` was killed for using more than its limit of 512 MiB (OOMKilled), twice"),
        ),
        (
            running("False", 5, container(false, 3, up(), ended(2, "Error"))),
            "Running",
            Some("The container `app` ended with exit code 2, 3 times"),
        ),
        // Up and ready again: a crash of before is history.
        (running("True", 5, container(true, 3, up(), ended(2, "Error"))), "Running", None),
        (
            running(
                "False",
                5,
                container(false, 0, waits("ImagePullBackOff", "Back-off pulling image: ErrImagePull: not found"), json!({})),
            ),
            "ImagePullBackOff",
            Some("The image `registry/cart:9` cannot be pulled: the registry has no such image or tag (ImagePullBackOff)"),
        ),
        (
            running("False", 5, container(false, 0, waits("CreateContainerConfigError", "secret \"cart\" not found"), json!({}))),
            "CreateContainerConfigError",
            Some("The container `app` cannot be set up: secret \"cart\" not found (CreateContainerConfigError)"),
        ),
        (running("False", 5, container(false, 0, up(), json!({}))), "Running", Some("Its containers run, and its readiness check fails")),
        (
            json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/3 nodes are available: 3 Insufficient cpu." }] }),
            "Pending",
            Some("No node takes it: of 3 nodes, 3 have too little CPU free"),
        ),
        (
            json!({ "phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory. " }),
            "Evicted",
            Some("It was ended: The node was low on resource: memory. (Evicted)"),
        ),
        (json!({ "phase": "Succeeded", "containerStatuses": container(false, 0, ended(0, "Completed"), json!({})) }), "Completed", None),
    ] {
        let pod = pod(status.clone());
        assert_eq!((&*pod.word, pod.standing(NOW, Some(true)).reason().as_deref()), (word, reason), "{status}");
    }
}

#[test]
fn a_new_pod_gets_time_to_start_and_one_on_a_lost_node_is_lost() {
    let starting = json!({ "phase": "Pending", "containerStatuses": container(false, 0, json!({ "waiting": { "reason": "ContainerCreating" } }), json!({})) });
    let mut pod = pod(starting);
    assert_eq!(pod.standing(NOW, Some(true)), Standing::Slow);
    pod.created = NOW - 10;
    assert_eq!(pod.standing(NOW, Some(true)), Standing::Starting);
    assert_eq!(pod.standing(NOW, None), Standing::Starting, "a node that is not known yet is not lost");
    assert!(matches!(pod.standing(NOW, Some(false)), Standing::NodeLost(node) if **node == *"node-1"));
    pod.ends = NOW - 10;
    assert_eq!(pod.standing(NOW, Some(true)), Standing::Ending);
    assert_eq!(pod.standing(NOW + 60, Some(true)), Standing::Stuck);
}

#[test]
fn texts_of_strangers_stay_short_and_on_one_line() {
    let long = format!("<script>alert(1)</script>\u{1b}[31m\n{}", "x".repeat(1_000_000));
    let pod = pod(running(
        "False",
        5,
        container(false, 0, json!({ "waiting": { "reason": "CreateContainerError", "message": long } }), json!({})),
    ));
    let reason = pod.standing(NOW, Some(true)).reason().unwrap_or_default();
    assert!(reason.len() < 400 && !reason.contains(['\u{1b}', '\n']), "{reason}");
    let word = json!({ "phase": "Running", "containerStatuses": container(false, 0, json!({ "waiting": { "reason": "y".repeat(100_000) } }), json!({})) });
    assert!(self::pod(word).word.len() < 100);
}

#[test]
fn a_pod_is_kept_small() {
    assert!(size_of::<Pod>() <= 240, "{} bytes", size_of::<Pod>());
}

fn template(image: &str, cpu: &str, config: &str, env: &str, restarted: Option<&str>) -> Template {
    let wire = json!({
        "metadata": { "annotations": restarted.map(|at| json!({ "kubectl.kubernetes.io/restartedAt": at })) },
        "spec": { "containers": [{
            "name": "app", "image": image, "resources": { "requests": { "cpu": cpu } },
            "env": [{ "name": "MODE", "value": env }], "envFrom": [{ "configMapRef": { "name": config } }],
        }] },
    });
    Template::from_wire(serde_json::from_value(wire).unwrap_or_else(|err| panic!("{err}")), &mut Names::default())
}

#[test]
fn a_revision_says_what_changed_from_the_one_before() {
    let base = template("registry/cart:1.4.1", "500m", "cart-v41", "a", None);
    for (after, changed) in [
        (template("registry/cart:1.4.2", "500m", "cart-v42", "a", None), vec!["image of app: 1.4.1 → 1.4.2", "config cart-v41 → cart-v42"]),
        (template("registry/cart:1.4.1", "1", "cart-v41", "a", None), vec!["CPU request of app: 500m → 1"]),
        (template("registry/cart:1.4.1", "500m", "cart-v41", "secret", None), vec!["variables of app"]),
        (template("registry/cart:1.4.1", "500m", "cart-v41", "a", Some("2026-11-24T09:00:00Z")), vec!["restarted"]),
        (base.clone(), vec!["pod template"]),
    ] {
        assert_eq!(after.changes(&base), changed);
    }
}

#[test]
fn lists_that_go_writes_as_null_are_empty() {
    let slice =
        json!({ "metadata": { "name": "s", "namespace": "shop", "labels": { "kubernetes.io/service-name": "cart" } }, "endpoints": null });
    let slice: wire::EndpointSlice = serde_json::from_value(slice).unwrap_or_else(|err| panic!("{err}"));
    assert_eq!(Endpoints::from_wire(&slice, &mut Names::default()), Endpoints { service: Some("cart".into()), ready: 0, all: 0 });
    let list: wire::List<wire::Pod> =
        serde_json::from_value(json!({ "metadata": {}, "items": null })).unwrap_or_else(|err| panic!("{err}"));
    assert!(list.items.is_empty());
}

#[test]
fn an_endpoint_without_a_condition_is_ready() {
    let endpoints = json!([
        { "addresses": ["10.0.0.1"], "conditions": { "ready": true } }, { "addresses": ["10.0.0.2"], "conditions": { "ready": false } },
        { "addresses": ["10.0.0.3"] },
    ]);
    let slice = json!({ "metadata": { "name": "s", "namespace": "shop" }, "endpoints": endpoints });
    let slice: wire::EndpointSlice = serde_json::from_value(slice).unwrap_or_else(|err| panic!("{err}"));
    let endpoints = Endpoints::from_wire(&slice, &mut Names::default());
    assert_eq!((endpoints.ready, endpoints.all), (2, 3));
}
