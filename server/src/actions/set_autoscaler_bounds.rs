//! Moves the bounds of the autoscaler that owns a Deployment's replicas.

use std::collections::BTreeMap;

use app::model::{Change, CheckOutcome, Kind, PlanBody, PlanStep, Risk, Role, SystemId, Undo};
use futures::future::BoxFuture;

use super::{
    ActCtx, Action, ActionError, ActionSpec, Observation, Offer, ParameterKind, ParameterSpec, Parameters, RunCtx, check,
    workload::{
        Look, Target, basis, change_step, not_read, not_written, number, observe, parameter, ready_check, same_basis, verify, verify_step,
        wait,
    },
};
use crate::adapters::kube::{LiveAutoscaler, LiveDeployment, Watch, WriteFault, marker, text::counted};

/// The autoscaler looks every 15 s by default (`--horizontal-pod-autoscaler-sync-period`); then pods start.
const USUAL_S: u64 = 35;
/// Scaling down waits for the stabilization window, 300 s by default, but a lower maximum is obeyed at once.
const LIMIT_S: u64 = 300;

/// Sets the fewest and the most pods that an autoscaler keeps.
pub struct SetAutoscalerBounds;

impl Action for SetAutoscalerBounds {
    fn spec(&self) -> ActionSpec {
        ActionSpec {
            id: "set-autoscaler-bounds",
            title: "Set autoscaler bounds",
            verb: "Set bounds of",
            purpose: "Sets the fewest and the most pods that the autoscaler of a Deployment keeps.",
            kind: Kind::Deployment,
            floor: Role::Responder,
            risk: Risk::Medium,
            parameters: &[
                ParameterSpec {
                    name: "min",
                    label: "Fewest pods",
                    hint: "it never has fewer",
                    kind: ParameterKind::Number { min: 1, max: 1_000 },
                },
                ParameterSpec {
                    name: "max",
                    label: "Most pods",
                    hint: "it never has more",
                    kind: ParameterKind::Number { min: 1, max: 1_000 },
                },
            ],
            help: &[
                "The guide scales the Deployment itself, which its autoscaler takes back within seconds. Moving the bounds is what lasts, and the autoscaler goes on with its work between them.",
            ],
        }
    }

    fn offers<'a>(&'a self, ctx: &'a ActCtx, target: &'a SystemId) -> BoxFuture<'a, BTreeMap<String, Offer>> {
        Box::pin(async move {
            let namespace = target.namespace().unwrap_or_default();
            let Ok(watch) = ctx.adapters.kube.of(target) else { return BTreeMap::new() };
            let Ok(look) = watch.look(&[Watch::Deployments, Watch::Autoscalers], Some(namespace)) else { return BTreeMap::new() };
            let Some((_, owner)) = look.state.autoscalers.owned_by(namespace, target.name()).next() else { return BTreeMap::new() };
            let now = look.state.deployments.get(namespace, target.name()).map_or(owner.desired, |deployment| deployment.wanted);
            BTreeMap::from([("min".to_owned(), offer(owner.min, now)), ("max".to_owned(), offer(owner.max, now))])
        })
    }

    fn plan<'a>(
        &'a self,
        ctx: &'a ActCtx,
        system: &'a SystemId,
        parameters: &'a Parameters,
    ) -> BoxFuture<'a, Result<PlanBody, ActionError>> {
        Box::pin(async move {
            let (min, max) = (parameter(parameters, "min")?, parameter(parameters, "max")?);
            if min == 0 {
                return Err(ActionError::Parameter(
                    "min".to_owned(),
                    "Type 1 or more: an autoscaler with no pods has nothing to measure".to_owned(),
                ));
            }
            if min > max {
                return Err(ActionError::Parameter("max".to_owned(), format!("Type {min} or more: the most cannot be below the fewest")));
            }
            let target = Target::of(ctx, system)?;
            let live = target.deployment().await?;
            let owner = owner(&target).await?;
            Ok(body(system, &target, &live, &owner, (min, max)))
        })
    }

    fn apply<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Result<String, ActionError>> {
        Box::pin(async move {
            let target = Target::of(ctx.act, &ctx.plan.target)?;
            let (min, max) = (number(ctx.plan, "min")?, number(ctx.plan, "max")?);
            match ctx.step {
                0 => set(&ctx, &target, min, max).await,
                1 => wait(&ctx, &target, |live| within(live, min, max)).await,
                _ => {
                    let wrong = |live: &LiveDeployment| {
                        let wanted = live.record.wanted;
                        (wanted < min || wanted > max).then(|| {
                            format!(
                                "It wants {}, outside {min} to {max}: somebody moved the bounds meanwhile",
                                counted(wanted.into(), "pod")
                            )
                        })
                    };
                    verify(&ctx, &target, wrong).await
                }
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
            observe(|| async move {
                let owner = target.act.autoscaler_of(target.namespace, target.name).await?;
                let gone = || crate::adapters::kube::ReadFault::NotFound(format!("No autoscaler owns {} any more", target.name));
                Ok(owner.ok_or_else(gone)?.marker.as_deref() == Some(marker))
            })
            .await
        })
    }
}

async fn owner(target: &Target<'_>) -> Result<LiveAutoscaler, ActionError> {
    target.act.autoscaler_of(target.namespace, target.name).await.map_err(not_read)?.ok_or_else(|| {
        ActionError::Refused(format!("No autoscaler owns the pods of {} in {}: scale the workload itself", target.name, target.cluster))
    })
}

/// Sets the bounds, once: an autoscaler that bears the run's marker already is left alone.
async fn set(ctx: &RunCtx<'_>, target: &Target<'_>, min: u32, max: u32) -> Result<String, ActionError> {
    let marker = marker(ctx.run, 0);
    let mut name = String::new();
    for is_last in [false, true] {
        let found = owner(target).await?;
        name.clone_from(&found.name);
        if found.marker.as_ref() == Some(&marker) {
            break;
        }
        same_basis(ctx.plan, &basis_of(&found))?;
        match target.act.set_bounds(&found, min, max, &marker).await {
            // Its status moved on between the read and the change; what the plan rests on may have, too: it is read again, once.
            Err(WriteFault::Conflict(_)) if !is_last => {}
            Err(fault) => return Err(not_written(fault)),
            Ok(()) => break,
        }
    }
    Ok(format!("{name} keeps {min} to {max} now"))
}

/// What the plan rests on: the same autoscaler with the same bounds. Where it stands between them may move.
fn offer(bound: u32, pods: u32) -> Offer {
    Offer { value: bound.to_string(), now: format!("now {bound}; it has {pods}"), ..Offer::default() }
}

fn basis_of(owner: &LiveAutoscaler) -> Vec<(String, String)> {
    vec![basis("autoscaler uid", &owner.uid), basis("min", owner.record.min), basis("max", owner.record.max)]
}

fn within(live: &LiveDeployment, min: u32, max: u32) -> Look {
    let record = &live.record;
    let done = (u64::from(record.ready.min(record.wanted)), u64::from(record.wanted));
    if let Some(refused) = &record.refused {
        return Look::Never(ActionError::Failed(format!("The cluster refuses to make pods: {refused}")));
    }
    if record.wanted < min || record.wanted > max {
        return Look::Not(format!("the autoscaler has not looked yet: it wants {}", counted(record.wanted.into(), "pod")), done);
    }
    if record.observed && record.ready >= record.wanted && record.replicas <= record.wanted {
        return Look::There(format!("{} of {} ready", record.ready, counted(record.wanted.into(), "pod")));
    }
    Look::Not(format!("{} of {} ready", record.ready, counted(record.wanted.into(), "pod")), done)
}

fn body(system: &SystemId, target: &Target<'_>, live: &LiveDeployment, owner: &LiveAutoscaler, (min, max): (u32, u32)) -> PlanBody {
    let (name, now) = (target.name, live.record.wanted);
    let (old_min, old_max) = (owner.record.min, owner.record.max);
    let mut checks = vec![
        ready_check(live),
        check("autoscaler-exists", "An autoscaler owns its pods", CheckOutcome::Pass, format!("{}, {old_min} to {old_max}", owner.name)),
    ];
    checks.push(if (min, max) == (old_min, old_max) {
        check("changes-something", "It changes something", CheckOutcome::Fail, format!("the bounds are {min} to {max} already"))
    } else {
        check("changes-something", "It changes something", CheckOutcome::Pass, format!("{old_min} to {old_max} becomes {min} to {max}"))
    });
    checks.push(match &owner.record.inactive {
        None => check("autoscaler-works", "The autoscaler reads its metrics", CheckOutcome::Pass, "it does"),
        // It obeys its bounds all the same: they need no metrics.
        Some(reason) => check(
            "autoscaler-works",
            "The autoscaler reads its metrics",
            CheckOutcome::Warn,
            format!("it does not ({reason}); it keeps its bounds all the same"),
        ),
    });
    let effect = if now < min {
        format!("It has {}: {} more start.", counted(now.into(), "pod"), min - now)
    } else if now > max {
        format!("It has {}: {} end, though the load may want them.", counted(now.into(), "pod"), now - max)
    } else {
        format!("It has {}, within the new bounds: no pod starts or ends at once.", counted(now.into(), "pod"))
    };
    PlanBody {
        action: "set-autoscaler-bounds".to_owned(),
        target: system.clone(),
        parameters: vec![("min".to_owned(), min.to_string()), ("max".to_owned(), max.to_string())],
        title: format!("Set bounds of {name} to {min} to {max}"),
        steps: vec![
            change_step("Set the bounds".to_owned(), format!("changes minReplicas and maxReplicas of {}", owner.name)),
            PlanStep {
                title: "Wait for the autoscaler".to_owned(),
                detail: format!("until {name} has {min} to {max} pods, all ready; it looks every 15 s"),
                usual_s: Some(if (min..=max).contains(&now) { 1 } else { USUAL_S }),
                limit_s: LIMIT_S,
            },
            verify_step("all pods ready, their number within the bounds".to_owned()),
        ],
        changes: vec![
            Change { what: "fewest pods".to_owned(), before: old_min.to_string(), after: min.to_string() },
            Change { what: "most pods".to_owned(), before: old_max.to_string(), after: max.to_string() },
        ],
        blast_radius: vec![effect, format!("{} goes on scaling with the load between the bounds.", owner.name)],
        checks,
        by_hand: vec![
            target.kubectl(&format!(
                "patch hpa/{} --type=merge -p '{{\"spec\":{{\"minReplicas\":{min},\"maxReplicas\":{max}}}}}'",
                owner.name
            )),
            target.kubectl(&format!("get hpa/{} --watch", owner.name)),
        ],
        undo: Some(Undo {
            text: format!("Set the bounds back to {old_min} to {old_max}."),
            runbook: Some((
                "set-autoscaler-bounds".to_owned(),
                vec![("min".to_owned(), old_min.to_string()), ("max".to_owned(), old_max.to_string())],
            )),
        }),
        basis: basis_of(owner),
        instead: None,
    }
}
