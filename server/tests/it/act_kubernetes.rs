//! Workloads are restarted and scaled: as planned, once, and in a way that anyone can find again.

use std::{sync::atomic::Ordering, time::Duration};

use app::model::CheckOutcome;
use server::actions::{
    Action, ActionError, Observation, restart_workload::RestartWorkload, scale_workload::ScaleWorkload,
    set_autoscaler_bounds::SetAutoscalerBounds,
};

use crate::kubernetes::{Console, How, NAMESPACE, Reports, Wire, Workload, bed, kubectl};

fn run() -> i64 {
    i64::from(rand::random::<u32>())
}

async fn console_on(wire: &Wire, folder: &tempfile::TempDir) -> Console {
    Console::with(bed("WATCH_KUBECONFIG").into(), wire.kubeconfig(&bed("ACT_KUBECONFIG"), folder))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_replaces_every_pod_with_one_request() {
    let (console, workload, run) = (Console::new(), Workload::create("restart", 4, "{}").await, run());
    let before = workload.pods().await;
    let plan = console.plan(&RestartWorkload, &workload.system, &[]).await.unwrap();
    assert_eq!(plan.forbidden_by(), None);
    assert_eq!(plan.title, format!("Restart {}", workload.name));
    assert_eq!(console.observe(&RestartWorkload, &plan, run, 0).await, Observation::NotApplied);

    let reports = Reports::default();
    for step in 0..plan.steps.len() {
        console.apply_watched(&RestartWorkload, &plan, run, step, &reports).await.unwrap();
    }
    let after = workload.pods().await;
    assert!(after.len() == 4 && after.iter().all(|pod| !before.contains(pod)), "{before:?} {after:?}");
    let said = reports.said.lock().unwrap().join("\n");
    assert!(said.contains("of 4 pods are new and available Some(("), "{said}");
    assert_eq!(console.observe(&RestartWorkload, &plan, run, 0).await, Observation::Applied);
    assert_eq!(console.observe(&RestartWorkload, &plan, run + 1, 0).await, Observation::NotApplied);
    assert_eq!(console.apply(&RestartWorkload, &plan, run, 0).await.ok().as_deref(), Some("The restart annotation is set"));
    assert_eq!(workload.changes_in_the_clusters_audit(), [200], "one change, by the acting account, however often it is asked for");

    // What the console has forgotten, the cluster still knows, also after somebody rolled on.
    kubectl(&["-n", NAMESPACE, "set", "image", &format!("deployment/{}", workload.name), "app=registry.example/app:1.1"]).await;
    workload.kubectl(&["rollout", "undo", "--to-revision=1"]).await;
    assert_eq!(console.observe(&RestartWorkload, &plan, run, 0).await, Observation::Applied);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_since_the_plan_is_refused_and_nothing_is_done() {
    let (console, workload) = (Console::new(), Workload::create("moved", 1, "{}").await);
    let restart = console.plan(&RestartWorkload, &workload.system, &[]).await.unwrap();
    let scale = console.plan(&ScaleWorkload, &workload.system, &[("replicas", 3)]).await.unwrap();

    // Its replicas do not matter to a restart; to scaling, they do.
    workload.kubectl(&["scale", "--replicas=2"]).await;
    let refused = console.apply(&ScaleWorkload, &scale, run(), 0).await.unwrap_err();
    assert!(
        matches!(&refused, ActionError::Refused(text) if text.contains("replicas was 1 when the plan was made and is 2 now")),
        "{refused:?}"
    );
    let again = console.plan(&RestartWorkload, &workload.system, &[]).await.unwrap();
    assert_eq!(again.basis, restart.basis);

    kubectl(&["-n", NAMESPACE, "set", "image", &format!("deployment/{}", workload.name), "app=registry.example/app:1.1"]).await;
    let refused = console.apply(&RestartWorkload, &restart, run(), 0).await.unwrap_err();
    assert!(matches!(&refused, ActionError::Refused(text) if text.contains("pod template was")), "{refused:?}");
    assert_eq!(workload.changes_in_the_clusters_audit(), Vec::<u64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_rests_on_what_was_read_and_on_nothing_newer() {
    let (console, workload) = (Console::new(), Workload::create("stale", 1, "{}").await);
    let act = console.act.adapters.kube.act(crate::kubernetes::CLUSTER).unwrap();
    let live = act.deployment(NAMESPACE, &workload.name).await.unwrap();
    kubectl(&["-n", NAMESPACE, "annotate", "deployment", &workload.name, "somebody=else"]).await;
    let fault = act.scale(&live, 5, "1/1").await.unwrap_err();
    assert!(matches!(fault, server::adapters::kube::WriteFault::Conflict(_)), "{fault:?}");
    assert_eq!(workload.field("{.spec.replicas}").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_without_an_autoscaler_is_scaled_up_and_back() {
    let (console, workload) = (Console::new(), Workload::create("scale", 1, "{}").await);
    for (replicas, run) in [(4, run()), (2, run())] {
        let plan = console.plan(&ScaleWorkload, &workload.system, &[("replicas", replicas)]).await.unwrap();
        assert_eq!(plan.forbidden_by(), None);
        for step in 0..plan.steps.len() {
            console.apply(&ScaleWorkload, &plan, run, step).await.unwrap();
        }
        assert_eq!(workload.field("{.spec.replicas} {.status.readyReplicas}").await, format!("{replicas} {replicas}"));
        assert_eq!(workload.field(r"{.metadata.annotations.quarterdeck\.dev/run}").await, format!("{run}/1"));
        assert_eq!(console.observe(&ScaleWorkload, &plan, run, 0).await, Observation::Applied);
    }
    assert_eq!(workload.changes_in_the_clusters_audit(), [200, 200]);

    let same = console.plan(&ScaleWorkload, &workload.system, &[("replicas", 2)]).await.unwrap();
    assert_eq!(same.forbidden_by().map(|check| check.rule.as_str()), Some("changes-something"));
}

#[tokio::test(flavor = "multi_thread")]
async fn past_an_autoscaler_its_bounds_are_offered_and_moving_them_lasts() {
    let (console, workload, run) = (Console::new(), Workload::create("hpa", 2, "{}").await, run());
    kubectl(&["-n", NAMESPACE, "autoscale", "deployment", &workload.name, "--min=2", "--max=3", "--cpu=70%"]).await;
    let plan = console.plan(&ScaleWorkload, &workload.system, &[("replicas", 5)]).await.unwrap();
    assert_eq!(plan.forbidden_by().map(|check| (check.rule.as_str(), check.outcome)), Some(("hpa-owns-replicas", CheckOutcome::Fail)));
    let instead = plan.instead.expect("something better is offered");
    assert_eq!((instead.runbook.as_str(), instead.title), ("set-autoscaler-bounds", format!("Raise bounds of {} to 5", workload.name)));
    assert_eq!(instead.parameters, [("min".to_owned(), "5".to_owned()), ("max".to_owned(), "5".to_owned())]);

    let plan = console.plan(&SetAutoscalerBounds, &workload.system, &[("min", 4), ("max", 5)]).await.unwrap();
    assert_eq!(plan.forbidden_by(), None);
    for step in 0..plan.steps.len() {
        console.apply(&SetAutoscalerBounds, &plan, run, step).await.unwrap();
    }
    assert_eq!(workload.field("{.spec.replicas} {.status.readyReplicas}").await, "4 4");
    assert_eq!(console.observe(&SetAutoscalerBounds, &plan, run, 0).await, Observation::Applied);

    let wrong = console.plan(&SetAutoscalerBounds, &workload.system, &[("min", 4), ("max", 3)]).await.unwrap_err();
    assert!(matches!(&wrong, ActionError::Parameter(name, _) if name == "max"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_unknown_and_the_cluster_tells_whether_it_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let wire = Wire::beside(&bed("ACT_KUBECONFIG")).await;
    let (console, workload, run) = (console_on(&wire, &folder).await, Workload::create("lost", 1, "{}").await, run());
    let act = console.act.adapters.kube.act(crate::kubernetes::CLUSTER).unwrap();
    let plan = console.plan(&ScaleWorkload, &workload.system, &[("replicas", 2)]).await.unwrap();

    let live = act.deployment(NAMESPACE, &workload.name).await.unwrap();
    wire.set(How::LosesAnswers);
    let fault = act.scale(&live, 2, &server::adapters::kube::marker(&run.to_string(), 0)).await.unwrap_err();
    assert!(matches!(fault, server::adapters::kube::WriteFault::Unknown(_)), "{fault:?}");
    let unseen = console.observe(&ScaleWorkload, &plan, run, 0).await;
    assert!(matches!(unseen, Observation::CannotTell(_)), "{unseen:?}");
    wire.set(How::Passes);
    assert_eq!(console.observe(&ScaleWorkload, &plan, run, 0).await, Observation::Applied);
    assert_eq!(workload.changes_in_the_clusters_audit().len(), 1, "sent once, however it ended");

    wire.set(How::Down);
    let plan = console.plan(&RestartWorkload, &workload.system, &[]).await.unwrap_err();
    assert!(matches!(plan, ActionError::NotDone(_)), "{plan:?}");
    let fault = act.scale(&live, 3, "1/1").await.unwrap_err();
    assert!(matches!(fault, server::adapters::kube::WriteFault::NotDone(_) | server::adapters::kube::WriteFault::Unknown(_)), "{fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_waits_stops_when_it_is_told_to_and_says_what_goes_on() {
    let slow = r#"{"testbed.quarterdeck.dev/ready-after":"30s"}"#;
    let (console, workload, run) = (Console::new(), Workload::create("cancel", 0, slow).await, run());
    let plan = console.plan(&ScaleWorkload, &workload.system, &[("replicas", 1)]).await.unwrap();
    console.apply(&ScaleWorkload, &plan, run, 0).await.unwrap();
    let reports = Reports::default();
    reports.cancel.store(true, Ordering::SeqCst);
    let stopped =
        tokio::time::timeout(Duration::from_secs(5), console.apply_watched(&ScaleWorkload, &plan, run, 1, &reports)).await.unwrap();
    assert!(matches!(&stopped, Err(ActionError::Failed(text)) if text.contains("goes on with it by itself")), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_somebody_takes_back_is_said_to_be() {
    let (console, workload, run) = (Console::new(), Workload::create("taken", 1, "{}").await, run());
    let plan = console.plan(&RestartWorkload, &workload.system, &[]).await.unwrap();
    console.apply(&RestartWorkload, &plan, run, 0).await.unwrap();
    workload.kubectl(&["rollout", "undo"]).await;
    let ending = console.apply(&RestartWorkload, &plan, run, 1).await.unwrap_err();
    assert!(matches!(&ending, ActionError::Failed(text) if text.contains("Somebody changed the pod template")), "{ending:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_acting_account_may_not_do_is_not_done_and_said() {
    let console = Console::new();
    let elsewhere = "deployment/aia-production-eu/aia-monitoring/grafana".parse().unwrap();
    let refused = console.plan(&RestartWorkload as &dyn Action, &elsewhere, &[]).await.unwrap_err();
    assert!(matches!(&refused, ActionError::NotDone(text) if text.contains("it forbids us that (403)")), "{refused:?}");
    let nowhere = "deployment/aia-production-eu/aia-production/no-such".parse().unwrap();
    let refused = console.plan(&RestartWorkload, &nowhere, &[]).await.unwrap_err();
    assert!(
        matches!(&refused, ActionError::Refused(text) if text.starts_with("There is no Deployment aia-production/no-such")),
        "{refused:?}"
    );
}
