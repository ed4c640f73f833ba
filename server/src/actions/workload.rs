//! What the actions on workloads share: finding the target, waiting for its pods, verifying them. No action itself.

use std::time::Duration;

use app::model::{Check, CheckOutcome, PlanBody, PlanStep, SystemId};
use tokio::time::{Instant, sleep};

use super::{ActCtx, ActionError, Observation, RunCtx, check};
use crate::adapters::kube::{ClusterAct, LiveAutoscaler, LiveDeployment, ReadFault, WriteFault, text::counted};

/// How often a waiting step looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often in a row the workload must be found well: the guide's `sleep 30; curl` passes by luck.
const IN_A_ROW: u64 = 3;
/// How far apart these looks are.
const VERIFY_EVERY: Duration = Duration::from_secs(2);
/// A request that lost its answer reaches a server that answers again at the latest together with what we ask it then; this much later
/// it is there, or it never comes. If it came later still, its resourceVersion makes it change nothing that moved meanwhile.
const SETTLE: Duration = Duration::from_secs(2);

/// The limit that the operations guide gives a rollout, in seconds.
pub(super) const ROLLOUT_LIMIT_S: u64 = 600;
/// How long a change of the API may take, in seconds: its timeout, once more after a conflict, and the reads between.
pub(super) const PATCH_LIMIT_S: u64 = 45;
/// How long the verification may take, in seconds.
const VERIFY_LIMIT_S: u64 = 60;

/// A Deployment and the door through which it is changed.
pub(super) struct Target<'a> {
    pub act: &'a ClusterAct,
    pub cluster: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
}

impl<'a> Target<'a> {
    /// The target of an action.
    pub(super) fn of(ctx: &'a ActCtx, system: &'a SystemId) -> Result<Self, ActionError> {
        let (Some(cluster), Some(namespace)) = (system.cluster(), system.namespace()) else {
            return Err(ActionError::Refused(format!("{system} is no Deployment")));
        };
        let act = ctx.adapters.kube.act(cluster).ok_or_else(|| {
            ActionError::Refused(format!(
                "The cluster {cluster} has no acting credential: give it `act: {{ kubeconfig: … }}` in the estate file, with the rights of this runbook"
            ))
        })?;
        Ok(Self { act, cluster, namespace, name: system.name() })
    }

    /// The Deployment as it is now.
    pub(super) async fn deployment(&self) -> Result<LiveDeployment, ActionError> {
        self.act.deployment(self.namespace, self.name).await.map_err(not_read)
    }

    /// The autoscaler that owns its replicas.
    pub(super) async fn autoscaler(&self) -> Result<Option<LiveAutoscaler>, ActionError> {
        self.act.autoscaler_of(self.namespace, self.name).await.map_err(not_read)
    }

    /// `kubectl -n NAMESPACE`.
    pub(super) fn kubectl(&self, words: &str) -> String {
        format!("kubectl -n {} {words}", self.namespace)
    }
}

pub(super) fn not_read(fault: ReadFault) -> ActionError {
    match fault {
        ReadFault::NotFound(text) => ActionError::Refused(text),
        ReadFault::Unanswered(text) => ActionError::NotDone(text),
    }
}

pub(super) fn not_written(fault: WriteFault) -> ActionError {
    match fault {
        WriteFault::Conflict(text) => ActionError::Refused(format!("{text}. Nothing was changed; make a new plan")),
        WriteFault::NotDone(text) => ActionError::NotDone(text),
        WriteFault::Unknown(text) => ActionError::Unknown(text),
    }
}

/// A fact of a plan's basis.
pub(super) fn basis(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// Refuses when a fact that the plan rests on is no longer so.
pub(super) fn same_basis(plan: &PlanBody, now: &[(String, String)]) -> Result<(), ActionError> {
    for (name, then) in &plan.basis {
        match now.iter().find(|(known, _)| known == name) {
            Some((_, value)) if value == then => {}
            found => {
                let value = found.map_or("nothing", |(_, value)| value);
                return Err(ActionError::Refused(format!(
                    "{name} was {then} when the plan was made and is {value} now. Nothing was changed; make a new plan"
                )));
            }
        }
    }
    Ok(())
}

/// Refuses a parameter of a stored plan that cannot be read: only a plan of another version could have one.
pub(super) fn number(plan: &PlanBody, name: &str) -> Result<u32, ActionError> {
    let text = plan.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| ActionError::Parameter(name.to_owned(), format!("The plan names no number for {name}; make a new plan")))
}

/// The number of a checked parameter.
pub(super) fn parameter(parameters: &super::Parameters, name: &str) -> Result<u32, ActionError> {
    let Some(super::Value::Number(value)) = parameters.get(name) else {
        return Err(ActionError::Parameter(name.to_owned(), "Type a whole number".to_owned()));
    };
    u32::try_from(*value).map_err(|_| ActionError::Parameter(name.to_owned(), format!("{value} is no number of pods")))
}

/// The step that changes something.
pub(super) fn change_step(title: String, detail: String) -> PlanStep {
    PlanStep { title, detail, usual_s: Some(1), limit_s: PATCH_LIMIT_S }
}

/// The step that verifies.
pub(super) fn verify_step(detail: String) -> PlanStep {
    let usual_s = Some((IN_A_ROW - 1) * VERIFY_EVERY.as_secs());
    PlanStep { title: format!("Verify: well {IN_A_ROW} times in a row"), detail, usual_s, limit_s: VERIFY_LIMIT_S }
}

/// Whether the pods are there that must be: "4 of 5 ready".
pub(super) fn ready_check(deployment: &LiveDeployment) -> Check {
    let record = &deployment.record;
    let value = format!("{} of {} ready", record.ready, counted(record.wanted.into(), "pod"));
    check("deployment-exists", "The Deployment exists", CheckOutcome::Pass, value)
}

/// Whether another rollout is under way.
pub(super) fn rollout_check(deployment: &LiveDeployment) -> Check {
    let record = &deployment.record;
    let title = "No rollout is under way";
    if let Some((reason, _)) = record.stuck.as_ref().filter(|_| record.is_rolling()) {
        let value = format!("the rollout of revision {} is stuck ({reason}): undoing it may help more", record.revision);
        return check("no-rollout-under-way", title, CheckOutcome::Warn, value);
    }
    if !record.is_rolling() {
        return check("no-rollout-under-way", title, CheckOutcome::Pass, format!("revision {} is rolled out", record.revision));
    }
    let value = format!("revision {}: {} of {} pods are new", record.revision, record.updated, record.wanted);
    check("no-rollout-under-way", title, CheckOutcome::Warn, value)
}

/// How the pods stand while one waits.
pub(super) enum Look {
    /// What was waited for is so.
    There(String),
    /// Not yet: what is missing, and how much is done of all.
    Not(String, (u64, u64)),
    /// It will not be so.
    Never(ActionError),
}

/// Looks until it is so, a person stops it, or the step's limit passes. Reads only.
pub(super) async fn wait(
    ctx: &RunCtx<'_>,
    target: &Target<'_>,
    mut look: impl FnMut(&LiveDeployment) -> Look,
) -> Result<String, ActionError> {
    let limit = Duration::from_secs(ctx.plan.steps.get(ctx.step).map_or(ROLLOUT_LIMIT_S, |step| step.limit_s));
    let began = Instant::now();
    loop {
        let missing = match target.act.deployment(target.namespace, target.name).await {
            Ok(deployment) => match look(&deployment) {
                Look::There(text) => return Ok(text),
                Look::Never(err) => return Err(err),
                Look::Not(text, done_of) => {
                    ctx.progress.report(text.clone(), Some(done_of));
                    ActionError::Failed(format!("{} not within {} s: {text}", ctx.plan.title, limit.as_secs()))
                }
            },
            Err(ReadFault::NotFound(text)) => return Err(ActionError::Failed(format!("{text}: somebody deleted it meanwhile"))),
            Err(ReadFault::Unanswered(text)) => {
                ctx.progress.report(format!("{text}; looking again"), None);
                ActionError::Unknown(format!("How it ended is not known after {} s: {text}", limit.as_secs()))
            }
        };
        if ctx.progress.cancelled() {
            return Err(ActionError::Failed(
                "Stopped waiting. What was changed stays, and Kubernetes goes on with it by itself".to_owned(),
            ));
        }
        if began.elapsed() >= limit {
            return Err(missing);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Whether a rollout is done, as `kubectl rollout status` judges it.
pub(super) fn rolled_out(deployment: &LiveDeployment) -> Look {
    let record = &deployment.record;
    let wanted = u64::from(record.wanted);
    // Of the new pods, those that are not available yet; old pods that still run are available.
    let lacking = record.replicas.saturating_sub(record.available);
    let done = u64::from(record.updated.saturating_sub(lacking)).min(wanted);
    if record.paused {
        return Look::Never(ActionError::Failed("Somebody paused the rollout: `kubectl rollout resume` lets it go on".to_owned()));
    }
    if let Some((reason, _)) = record.stuck.as_ref().filter(|_| record.observed) {
        let text = match &record.refused {
            Some(refused) => format!("The cluster refuses to make pods: {refused}"),
            None => format!("The rollout makes no progress ({reason}): {done} of {wanted} pods are new and available"),
        };
        return Look::Never(ActionError::Failed(text));
    }
    let text = if !record.observed {
        "Kubernetes has not begun yet".to_owned()
    } else if record.updated < record.wanted || record.available < record.wanted {
        format!("{done} of {wanted} pods are new and available")
    } else if record.replicas > record.updated {
        format!("{} of before still to end", counted((record.replicas - record.updated).into(), "pod"))
    } else {
        return Look::There(format!("{wanted} of {wanted} pods are new and available"));
    };
    Look::Not(text, (done, wanted))
}

/// Verifies that the pods are ready several times in a row. `asked` says what else must be so, in words when it is not.
pub(super) async fn verify(
    ctx: &RunCtx<'_>,
    target: &Target<'_>,
    asked: impl Fn(&LiveDeployment) -> Option<String>,
) -> Result<String, ActionError> {
    let mut seen = 0;
    let mut last: Option<Instant> = None;
    wait(ctx, target, |deployment| {
        let record = &deployment.record;
        if let Some(wrong) = asked(deployment) {
            return Look::Never(ActionError::Failed(wrong));
        }
        let is_well =
            record.observed && record.ready >= record.wanted && record.updated >= record.wanted && record.available >= record.wanted;
        if !is_well {
            seen = 0;
            last = None;
            return Look::Not(format!("{} of {} ready", record.ready, counted(record.wanted.into(), "pod")), (0, IN_A_ROW));
        }
        if last.is_none_or(|last| last.elapsed() >= VERIFY_EVERY) {
            seen += 1;
            last = Some(Instant::now());
        }
        if seen >= IN_A_ROW {
            Look::There(format!("{} of {} ready, {IN_A_ROW} times in a row", record.ready, counted(record.wanted.into(), "pod")))
        } else {
            Look::Not(format!("well {seen} of {IN_A_ROW} times"), (seen, IN_A_ROW))
        }
    })
    .await
}

/// Looks twice whether a change was made: at once, and when a request that was still on its way would have arrived.
pub(super) async fn observe<F>(look: impl Fn() -> F) -> Observation
where
    F: Future<Output = Result<bool, ReadFault>>,
{
    for pause in [Duration::ZERO, SETTLE] {
        sleep(pause).await;
        match look().await {
            Ok(true) => return Observation::Applied,
            Ok(false) => {}
            // The object that was changed is gone, and with it every trace of whether it was.
            Err(ReadFault::NotFound(text)) => return Observation::CannotTell(format!("{text}: it was deleted meanwhile")),
            Err(ReadFault::Unanswered(text)) => return Observation::CannotTell(text),
        }
    }
    Observation::NotApplied
}
