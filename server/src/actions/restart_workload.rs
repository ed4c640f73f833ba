//! Restarts a Deployment: its pods are replaced, a few at a time.

use app::model::{Change, CheckOutcome, Kind, PlanBody, PlanStep, Risk, Role, SystemId, Undo};
use futures::future::BoxFuture;

use super::{
    ActCtx, Action, ActionError, ActionSpec, Observation, Parameters, RunCtx, check,
    workload::{
        ROLLOUT_LIMIT_S, Target, basis, change_step, not_written, observe, ready_check, rolled_out, rollout_check, same_basis, verify,
        verify_step, wait,
    },
};
use crate::adapters::kube::{LiveDeployment, WriteFault, marker, text::counted};

/// How long one pod usually takes to start and become ready, in seconds: what a rollout is said to take, times its rounds.
const POD_S: u64 = 15;

/// Replaces all pods of a Deployment.
pub struct RestartWorkload;

impl Action for RestartWorkload {
    fn spec(&self) -> ActionSpec {
        ActionSpec {
            id: "restart-workload",
            title: "Restart workload",
            verb: "Restart",
            purpose: "Replaces all pods of a Deployment, a few at a time, with pods of the same template.",
            kind: Kind::Deployment,
            floor: Role::Responder,
            risk: Risk::Low,
            parameters: &[],
            help: &[
                "The guide verifies by `sleep 30; curl`, which passes by luck. This waits until every pod is new and available, and then finds the workload well several times in a row.",
                "A restart does not help a pod that fails by its image or its configuration: undoing the rollout does.",
            ],
        }
    }

    fn plan<'a>(
        &'a self,
        ctx: &'a ActCtx,
        system: &'a SystemId,
        _parameters: &'a Parameters,
    ) -> BoxFuture<'a, Result<PlanBody, ActionError>> {
        Box::pin(async move {
            let target = Target::of(ctx, system)?;
            let live = target.deployment().await?;
            Ok(body(system, &target, &live))
        })
    }

    fn apply<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Result<String, ActionError>> {
        Box::pin(async move {
            let target = Target::of(ctx.act, &ctx.plan.target)?;
            let marker = marker(ctx.run, 0);
            match ctx.step {
                0 => ask(&ctx, &target, &marker).await,
                1 => wait(&ctx, &target, |live| superseded(live, &marker).unwrap_or_else(|| rolled_out(live))).await,
                _ => verify(&ctx, &target, |_| None).await,
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
                let live = target.act.deployment(target.namespace, target.name).await?;
                // A later rollout takes the marker from the template; the revision that bore it stays.
                Ok(live.template_marker.as_deref() == Some(marker) || target.act.has_revision_marked(&live, marker).await?)
            })
            .await
        })
    }
}

/// Sets the annotation, once: a Deployment that bears the run's marker already is left alone.
async fn ask(ctx: &RunCtx<'_>, target: &Target<'_>, marker: &str) -> Result<String, ActionError> {
    let at = ctx.act.clock.now().wall;
    for is_last in [false, true] {
        let live = target.deployment().await?;
        if live.template_marker.as_deref() == Some(marker) {
            return Ok("The restart annotation is set".to_owned());
        }
        same_basis(ctx.plan, &basis_of(&live))?;
        match target.act.restart(&live, at, marker).await {
            // A status moved on between the read and the change; what the plan rests on may have, too: it is read again, once.
            Err(WriteFault::Conflict(_)) if !is_last => {}
            Err(fault) => return Err(not_written(fault)),
            Ok(()) => break,
        }
    }
    Ok(format!("The restart annotation is set to {}", at.format("%Y-%m-%dT%H:%M:%SZ")))
}

/// What the plan rests on: the same Deployment with the same template. Its generation moves with its replicas, which a restart does not mind.
fn basis_of(live: &LiveDeployment) -> Vec<(String, String)> {
    vec![basis("uid", &live.record.uid), basis("pod template", &live.template_hash)]
}

/// Whether somebody rolled out something else while this waited.
fn superseded(live: &LiveDeployment, marker: &str) -> Option<super::workload::Look> {
    (live.template_marker.as_deref() != Some(marker)).then(|| {
        super::workload::Look::Never(ActionError::Failed(format!(
            "Somebody changed the pod template while this waited: revision {} takes the restart's place",
            live.record.revision
        )))
    })
}

fn body(system: &SystemId, target: &Target<'_>, live: &LiveDeployment) -> PlanBody {
    let record = &live.record;
    let wanted = u64::from(record.wanted);
    let pods = counted(wanted, "pod");
    let at_once = u64::from(record.max_surge + record.max_unavailable).max(1);
    let usual_s = (wanted.div_ceil(at_once) * POD_S).clamp(POD_S, ROLLOUT_LIMIT_S);
    let name = target.name;
    let containers: Vec<_> = record.template.containers.iter().map(|container| container.image.to_string()).collect();

    let mut checks = vec![ready_check(live)];
    checks.push(if wanted == 0 {
        check("has-pods", "It has pods to replace", CheckOutcome::Fail, "scaled to 0: there is nothing to restart")
    } else {
        check("has-pods", "It has pods to replace", CheckOutcome::Pass, pods.clone())
    });
    checks.push(if record.paused {
        let value =
            format!("paused: a restart would wait for ever; first `{}`", target.kubectl(&format!("rollout resume deployment/{name}")));
        check("not-paused", "Its rollouts are not paused", CheckOutcome::Fail, value)
    } else {
        check("not-paused", "Its rollouts are not paused", CheckOutcome::Pass, "not paused")
    });
    checks.push(rollout_check(live));
    checks.push(gap_check(live));

    PlanBody {
        action: "restart-workload".to_owned(),
        target: system.clone(),
        parameters: Vec::new(),
        title: format!("Restart {name}"),
        steps: vec![
            change_step(
                "Ask for the restart".to_owned(),
                format!("sets the restart annotation in the pod template of {name}, as kubectl does"),
            ),
            PlanStep {
                title: "Wait for the rollout".to_owned(),
                detail: format!("until all {pods} are new and available, and the old ones are gone"),
                usual_s: Some(usual_s),
                limit_s: ROLLOUT_LIMIT_S,
            },
            verify_step(format!("all {pods} ready")),
        ],
        changes: vec![
            Change {
                what: "pods".to_owned(),
                before: format!("{pods} of revision {}", record.revision),
                after: format!("{pods} of a new revision, same template"),
            },
            Change { what: "image".to_owned(), before: containers.join(", "), after: "the same".to_owned() },
        ],
        blast_radius: blast_radius(live, &pods),
        checks,
        by_hand: vec![
            target.kubectl(&format!("rollout restart deployment/{name}")),
            target.kubectl(&format!("rollout status deployment/{name} --timeout={ROLLOUT_LIMIT_S}s")),
            target.kubectl(&format!("get deployment/{name}")),
        ],
        undo: Some(Undo {
            text: format!(
                "Nothing needs to be undone: the new pods have the template of the old ones. `{}` would replace them all once more.",
                target.kubectl(&format!("rollout undo deployment/{name}"))
            ),
            runbook: None,
        }),
        basis: basis_of(live),
        instead: None,
    }
}

fn blast_radius(live: &LiveDeployment, pods: &str) -> Vec<String> {
    let record = &live.record;
    let how = if record.recreates {
        format!("All {pods} end before the first new one starts: the strategy is Recreate.")
    } else {
        let fewer = match record.max_unavailable {
            0 => "never fewer than now".to_owned(),
            some => format!("at times {some} fewer"),
        };
        let more = match record.max_surge {
            0 => "never more".to_owned(),
            some => format!("at times {some} more"),
        };
        format!("All {pods} are replaced, a few at a time: {fewer} and {more} than the {} wanted.", record.wanted)
    };
    vec![
        how,
        format!("A request under way on an old pod has up to {} s to end; what the pod holds in memory is lost.", live.grace_s),
        "Connections to the database and the cache are closed and opened anew.".to_owned(),
    ]
}

/// Whether users may notice: no pod serves for a moment.
fn gap_check(live: &LiveDeployment) -> app::model::Check {
    let record = &live.record;
    let (rule, title) = ("serves-meanwhile", "Pods serve all the while");
    if record.recreates {
        return check(rule, title, CheckOutcome::Warn, "the strategy is Recreate: nothing serves until the first new pod is ready");
    }
    if record.wanted > 0 && record.max_unavailable >= record.wanted {
        let value = format!("maxUnavailable is {} of {}: nothing may serve for a moment", record.max_unavailable, record.wanted);
        return check(rule, title, CheckOutcome::Warn, value);
    }
    if record.ready == 0 && record.wanted > 0 {
        return check(rule, title, CheckOutcome::Warn, "no pod serves now");
    }
    check(
        rule,
        title,
        CheckOutcome::Pass,
        format!("at least {} of {} at any time", record.wanted.saturating_sub(record.max_unavailable), record.wanted),
    )
}
