//! Scales a Deployment to a number of pods, unless an autoscaler owns that number.

use std::collections::BTreeMap;

use app::model::{Change, Check, CheckOutcome, Instead, Kind, PlanBody, PlanStep, Risk, Role, SystemId, Undo};
use futures::future::BoxFuture;

use super::{
    ActCtx, Action, ActionError, ActionSpec, Observation, Offer, ParameterKind, ParameterSpec, Parameters, RunCtx, check,
    workload::{
        Look, ROLLOUT_LIMIT_S, Target, basis, change_step, not_written, number, observe, parameter, ready_check, rollout_check, same_basis,
        verify, verify_step, wait,
    },
};
use crate::adapters::kube::{
    LiveAutoscaler, LiveDeployment, Watch, WriteFault, marker,
    quantity::{cpu_words, memory_words},
    text::counted,
};

/// How long new pods usually take, in seconds: they start side by side.
const POD_S: u64 = 20;

/// Sets how many pods a Deployment wants.
pub struct ScaleWorkload;

impl Action for ScaleWorkload {
    fn spec(&self) -> ActionSpec {
        ActionSpec {
            id: "scale-workload",
            title: "Scale workload",
            verb: "Scale",
            purpose: "Sets how many pods a Deployment wants.",
            kind: Kind::Deployment,
            floor: Role::Responder,
            risk: Risk::Medium,
            parameters: &[ParameterSpec {
                name: "replicas",
                label: "Pods",
                hint: "how many pods it shall have",
                kind: ParameterKind::Number { min: 1, max: 1_000 },
            }],
            help: &[
                "The guide scales by `kubectl scale` also where an autoscaler owns the Deployment, which takes it back within seconds. This sees the autoscaler and offers to move its bounds instead.",
                "To switch a workload off (0 pods) is no scaling: it is not offered here.",
            ],
        }
    }

    fn offers<'a>(&'a self, ctx: &'a ActCtx, target: &'a SystemId) -> BoxFuture<'a, BTreeMap<String, Offer>> {
        Box::pin(async move {
            let namespace = target.namespace().unwrap_or_default();
            let Ok(watch) = ctx.adapters.kube.of(target) else { return BTreeMap::new() };
            let Ok(look) = watch.look(&[Watch::Deployments, Watch::Autoscalers], Some(namespace)) else { return BTreeMap::new() };
            let Some(deployment) = look.state.deployments.get(namespace, target.name()) else { return BTreeMap::new() };
            let owner = look.state.autoscalers.owned_by(namespace, target.name()).next();
            let owner =
                owner.map_or_else(String::new, |(key, owner)| format!("; {} scales it from {} to {}", key.name, owner.min, owner.max));
            let hint = format!("now {}, {} ready{owner}", deployment.wanted, deployment.ready);
            BTreeMap::from([("replicas".to_owned(), Offer { value: deployment.wanted.to_string(), now: hint, ..Offer::default() })])
        })
    }

    fn plan<'a>(
        &'a self,
        ctx: &'a ActCtx,
        system: &'a SystemId,
        parameters: &'a Parameters,
    ) -> BoxFuture<'a, Result<PlanBody, ActionError>> {
        Box::pin(async move {
            let replicas = parameter(parameters, "replicas")?;
            if replicas == 0 {
                return Err(ActionError::Parameter(
                    "replicas".to_owned(),
                    "Type 1 or more: to switch a workload off is not offered here".to_owned(),
                ));
            }
            let target = Target::of(ctx, system)?;
            let live = target.deployment().await?;
            let owner = target.autoscaler().await?;
            let room = room_check(ctx, system, &live, replicas);
            Ok(body(system, &target, &live, owner.as_ref(), replicas, room))
        })
    }

    fn apply<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Result<String, ActionError>> {
        Box::pin(async move {
            let target = Target::of(ctx.act, &ctx.plan.target)?;
            let replicas = number(ctx.plan, "replicas")?;
            let marker = marker(ctx.run, 0);
            match ctx.step {
                0 => set(&ctx, &target, replicas, &marker).await,
                1 => wait(&ctx, &target, |live| taken_back(live, replicas).map_or_else(|| scaled(live, replicas), Look::Never)).await,
                _ => verify(&ctx, &target, |live| taken_back(live, replicas).map(|err| err.to_string())).await,
            }
        })
    }

    fn observe<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Observation> {
        Box::pin(async move {
            if ctx.step != 0 {
                return Observation::NotApplied;
            }
            let target = match Target::of(ctx.act, &ctx.plan.target) {
                Ok(target) => target,
                Err(err) => return Observation::CannotTell(err.to_string()),
            };
            let (target, marker) = (&target, &marker(ctx.run, 0));
            observe(|| async move { Ok(target.act.deployment(target.namespace, target.name).await?.marker.as_deref() == Some(marker)) })
                .await
        })
    }
}

/// Sets the number, once: a Deployment that bears the run's marker already is left alone.
async fn set(ctx: &RunCtx<'_>, target: &Target<'_>, replicas: u32, marker: &str) -> Result<String, ActionError> {
    for is_last in [false, true] {
        let live = target.deployment().await?;
        if live.marker.as_deref() == Some(marker) {
            break;
        }
        same_basis(ctx.plan, &basis_of(&live, target.autoscaler().await?.as_ref()))?;
        match target.act.scale(&live, replicas, marker).await {
            // A status moved on between the read and the change; what the plan rests on may have, too: it is read again, once.
            Err(WriteFault::Conflict(_)) if !is_last => {}
            Err(fault) => return Err(not_written(fault)),
            Ok(()) => break,
        }
    }
    Ok(format!("{} wants {} now", target.name, counted(replicas.into(), "pod")))
}

/// What the plan rests on: the same Deployment, as many pods wanted as then, and nobody else who owns that number.
fn basis_of(live: &LiveDeployment, owner: Option<&LiveAutoscaler>) -> Vec<(String, String)> {
    vec![
        basis("uid", &live.record.uid),
        basis("replicas", live.record.wanted),
        basis("autoscaler", owner.map_or("none", |owner| &owner.name)),
    ]
}

fn taken_back(live: &LiveDeployment, replicas: u32) -> Option<ActionError> {
    (live.record.wanted != replicas).then(|| {
        ActionError::Failed(format!(
            "Somebody else set it to {} meanwhile: an autoscaler, a deployment pipeline or a person",
            counted(live.record.wanted.into(), "pod")
        ))
    })
}

fn scaled(live: &LiveDeployment, replicas: u32) -> Look {
    let record = &live.record;
    if let Some(refused) = &record.refused {
        return Look::Never(ActionError::Failed(format!("The cluster refuses to make pods: {refused}")));
    }
    if record.observed && record.replicas == replicas && record.ready == replicas {
        return Look::There(format!("{} of {} ready", record.ready, counted(replicas.into(), "pod")));
    }
    if record.replicas > replicas {
        let text = format!("{} still to end", counted((record.replicas - replicas).into(), "pod"));
        return Look::Not(text, (replicas.into(), record.replicas.into()));
    }
    Look::Not(
        format!("{} of {} ready", record.ready, counted(replicas.into(), "pod")),
        (record.ready.min(replicas).into(), replicas.into()),
    )
}

fn body(
    system: &SystemId,
    target: &Target<'_>,
    live: &LiveDeployment,
    owner: Option<&LiveAutoscaler>,
    replicas: u32,
    room: Option<Check>,
) -> PlanBody {
    let record = &live.record;
    let name = target.name;
    let before = record.wanted;
    let mut checks = vec![ready_check(live), owner_check(owner)];
    checks.push(if replicas == before {
        check(
            "changes-something",
            "It changes something",
            CheckOutcome::Fail,
            format!("it wants {} already", counted(before.into(), "pod")),
        )
    } else {
        check("changes-something", "It changes something", CheckOutcome::Pass, format!("{before} to {replicas}"))
    });
    checks.push(rollout_check(live));
    checks.extend(room);
    let blast_radius = if replicas > before {
        vec![
            format!("{} started beside the {before} that run; none is replaced.", are(replicas - before)),
            "Each opens connections of its own to the database and the cache: see that their limits have room.".to_owned(),
        ]
    } else {
        vec![
            format!("{} ended; the {replicas} that stay take their share of the load.", are(before - replicas)),
            format!("A request under way on a pod that ends has up to {} s to end; what the pod holds in memory is lost.", live.grace_s),
        ]
    };
    PlanBody {
        action: "scale-workload".to_owned(),
        target: system.clone(),
        parameters: vec![("replicas".to_owned(), replicas.to_string())],
        title: format!("Scale {name} to {replicas}"),
        steps: vec![
            change_step(format!("Set the pods wanted to {replicas}"), format!("changes spec.replicas of {name} from {before}")),
            PlanStep {
                title: "Wait for the pods".to_owned(),
                detail: if replicas > before { format!("until {replicas} are ready") } else { format!("until {replicas} are left") },
                usual_s: Some(if replicas > before { POD_S } else { 5 }),
                limit_s: ROLLOUT_LIMIT_S,
            },
            verify_step(format!("{} ready, and still wanted", counted(replicas.into(), "pod"))),
        ],
        changes: vec![Change { what: "pods wanted".to_owned(), before: before.to_string(), after: replicas.to_string() }],
        blast_radius,
        checks,
        by_hand: vec![
            target.kubectl(&format!("scale deployment/{name} --current-replicas={before} --replicas={replicas}")),
            target.kubectl(&format!("rollout status deployment/{name} --timeout={ROLLOUT_LIMIT_S}s")),
        ],
        undo: Some(Undo {
            text: format!("Scale {name} back to {before}."),
            runbook: (before > 0).then(|| ("scale-workload".to_owned(), vec![("replicas".to_owned(), before.to_string())])),
        }),
        basis: basis_of(live, owner),
        instead: owner.map(|owner| instead(target, owner, replicas)),
    }
}

/// "3 pods are".
fn are(count: u32) -> String {
    format!("{} {}", counted(count.into(), "pod"), if count == 1 { "is" } else { "are" })
}

fn owner_check(owner: Option<&LiveAutoscaler>) -> Check {
    let title = "No autoscaler owns the number of pods";
    match owner {
        None => check("hpa-owns-replicas", title, CheckOutcome::Pass, "none"),
        Some(owner) => {
            let value = format!(
                "{} scales it from {} to {}, and would take another number back within seconds",
                owner.name, owner.record.min, owner.record.max
            );
            check("hpa-owns-replicas", title, CheckOutcome::Fail, value)
        }
    }
}

/// The bounds that give the number that was asked for: at least so many, and room for them.
fn instead(target: &Target<'_>, owner: &LiveAutoscaler, replicas: u32) -> Instead {
    let (min, max) = (owner.record.min, owner.record.max);
    let new_max = max.max(replicas);
    let verb = if replicas < min { "Lower minimum" } else { "Raise minimum" };
    let title = if new_max > max {
        format!("Raise bounds of {} to {replicas}", target.name)
    } else {
        format!("{verb} of {} to {replicas}", target.name)
    };
    let why = if replicas < min {
        format!("{} keeps at least {min}. With a minimum of {replicas} it may go down to that when the load allows.", owner.name)
    } else {
        format!(
            "{} owns the number of pods. With a minimum of {replicas} it keeps at least so many, and still scales with the load.",
            owner.name
        )
    };
    Instead {
        why,
        title,
        runbook: "set-autoscaler-bounds".to_owned(),
        parameters: vec![("min".to_owned(), replicas.to_string()), ("max".to_owned(), new_max.to_string())],
    }
}

/// Whether the nodes have room for the new pods, as far as the watched namespaces tell. A hint: other namespaces take room, too.
fn room_check(ctx: &ActCtx, system: &SystemId, live: &LiveDeployment, replicas: u32) -> Option<Check> {
    let more = u64::from(replicas.checked_sub(live.record.wanted).filter(|more| *more > 0)?);
    let (rule, title) = ("nodes-have-room", "The nodes have room for the new pods");
    let namespace = system.namespace().unwrap_or_default();
    let Ok(look) = ctx.adapters.kube.of(system).and_then(|watch| watch.look(&[Watch::Nodes, Watch::Pods, Watch::ReplicaSets], None)) else {
        return Some(check(rule, title, CheckOutcome::Warn, "not known: the cluster's nodes and pods are not read yet"));
    };
    let Some(asks) = look.state.pods_of(namespace, system.name()).map(|(_, pod)| pod.requests).next() else {
        return Some(check(rule, title, CheckOutcome::Warn, "not known: no pod of it runs, so what one asks for is not known"));
    };
    let mut free: BTreeMap<&str, (u64, u64)> = look
        .state
        .nodes
        .iter()
        .filter(|(_, node)| node.ready && !node.cordoned)
        .map(|(key, node)| (&*key.name, (node.allocatable.milli_cpu(), node.allocatable.memory())))
        .collect();
    for (_, pod) in look.state.pods.iter().filter(|(_, pod)| pod.is_active()) {
        if let Some((cpu, memory)) = pod.node.as_deref().and_then(|node| free.get_mut(node)) {
            *cpu = cpu.saturating_sub(pod.requests.milli_cpu());
            *memory = memory.saturating_sub(pod.requests.memory());
        }
    }
    let fit = free.values().map(|(cpu, memory)| {
        let by = |free: u64, asked: u64| free.checked_div(asked).unwrap_or(u64::MAX);
        by(*cpu, asks.milli_cpu()).min(by(*memory, asks.memory())).min(more)
    });
    let fit = fit.fold(0u64, u64::saturating_add);
    let each = format!("{} and {} each", cpu_words(asks.milli_cpu()), memory_words(asks.memory()));
    Some(if fit >= more {
        check(rule, title, CheckOutcome::Pass, format!("room for {more} more of {each}, as far as the watched namespaces tell"))
    } else {
        let value = format!("room for {fit} of {more} more of {each}: the others wait until a node is added");
        check(rule, title, CheckOutcome::Warn, value)
    })
}
