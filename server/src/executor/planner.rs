//! Makes plans, and tells whether the world has moved since.

use std::{collections::BTreeMap, time::Duration};

use app::model::{Change, PlanBody, Role, SystemId};
use sha2::{Digest, Sha256};

use super::Executor;
use crate::{
    actions::{ActionError, CHOICE_LONGEST, ParameterKind, ParameterSpec, Parameters, Value},
    audit::{Actor, Event, Record},
    config::Approved,
    executor::Barred,
    store::{AccountId, NewPlan, PlanId, StoreError},
};

/// How long a plan may be run. Long enough to read it and to ask somebody; the world seldom stands still for longer.
pub const PLAN_LIVES: Duration = Duration::from_secs(15 * 60);

/// How long the reads of a plan may take.
const READS: Duration = Duration::from_secs(8);

/// Who asks for something.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Its role, as read for this request.
    pub role: Role,
}

/// Why no plan was made.
#[derive(Debug, thiserror::Error)]
pub enum NoPlan {
    /// It may not be run there, or not by this person. Recorded.
    #[error("it may not be run")]
    Barred(Barred),
    /// What was typed is wrong, by field.
    #[error("what was typed is wrong")]
    Fields(BTreeMap<String, String>),
    /// It cannot be said what would happen.
    #[error("{0}")]
    Action(#[from] ActionError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The fingerprint of a plan: SHA-256 over what must not have changed when it runs: the basis, which the action chooses, and not the words
/// around it (a restart is the same restart when an autoscaler has added a pod meanwhile). Each text with its length before it, so that nothing can move
/// from one into the next.
#[must_use]
pub fn fingerprint(body: &PlanBody) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    text(&body.action);
    text(body.target.as_str());
    for (name, value) in body.parameters.iter().chain(&body.basis) {
        text(name);
        text(value);
    }
    for step in &body.steps {
        text(&step.title);
    }
    hash.finalize().into()
}

/// What differs between a plan and the same plan made later; empty when they are the same.
#[must_use]
pub fn differs(then: &PlanBody, now: &PlanBody) -> Vec<Change> {
    let mut differs: Vec<Change> = Vec::new();
    let values = |body: &PlanBody| -> BTreeMap<String, String> { body.basis.iter().cloned().collect() };
    let (before, after) = (values(then), values(now));
    for what in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
        let value = |side: &BTreeMap<String, String>| side.get(what).cloned().unwrap_or_else(|| "none".into());
        if before.get(what) != after.get(what) {
            differs.push(Change { what: what.clone(), before: value(&before), after: value(&after) });
        }
    }
    if differs.is_empty() && fingerprint(then) != fingerprint(now) {
        let steps = |body: &PlanBody| body.steps.iter().map(|step| step.title.clone()).collect::<Vec<_>>().join("; ");
        differs.push(Change { what: "steps".into(), before: steps(then), after: steps(now) });
    }
    differs
}

/// Reads typed parameters. Every fault at once, by field, with the value and the bounds.
///
/// # Errors
/// The faults.
pub fn parse(
    specs: &[ParameterSpec],
    approved: &Approved,
    typed: &BTreeMap<String, String>,
) -> Result<Parameters, BTreeMap<String, String>> {
    let mut parameters = Parameters::new();
    let mut faults = BTreeMap::new();
    for spec in specs {
        let text = typed.get(spec.name).map_or("", |text| text.trim());
        let read = match spec.kind {
            ParameterKind::Number { min, max } => {
                number(text, min, approved.max.get(spec.name).copied().map_or(max, |limit| limit.min(max))).map(Value::Number)
            }
            ParameterKind::Choice => choice(text).map(Value::Choice),
        };
        match read {
            Ok(value) => drop(parameters.insert(spec.name.to_owned(), value)),
            Err(fault) => drop(faults.insert(spec.name.to_owned(), fault)),
        }
    }
    if faults.is_empty() { Ok(parameters) } else { Err(faults) }
}

fn number(text: &str, min: i64, max: i64) -> Result<i64, String> {
    let shown: String = text.chars().take(40).collect();
    match text.parse::<i64>() {
        _ if text.is_empty() => Err(format!("Type a whole number from {min} to {max}.")),
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        Ok(number) => Err(format!("{number} is not allowed here: type a whole number from {min} to {max}.")),
        Err(_) => Err(format!("“{shown}” is no whole number that fits: type one from {min} to {max}.")),
    }
}

/// Whether it is one of what is offered only the action can tell.
fn choice(text: &str) -> Result<String, String> {
    match text {
        "" => Err("Choose one.".to_owned()),
        text if text.len() > CHOICE_LONGEST => Err(format!("It has {} bytes; none of the choices has over {CHOICE_LONGEST}.", text.len())),
        text if text.chars().any(char::is_control) => Err("It has a control character; choose one of the list.".to_owned()),
        text => Ok(text.to_owned()),
    }
}

impl Executor {
    /// Makes a plan from reads alone and keeps it.
    ///
    /// # Errors
    /// When it may not be made, cannot be made, or cannot be kept. A denial is recorded.
    pub async fn plan(&self, asker: &Asker, runbook: &str, target: &SystemId, typed: &BTreeMap<String, String>) -> Result<PlanId, NoPlan> {
        let action = self.catalog.action(runbook).ok_or(NoPlan::Barred(Barred::NoSuchRunbook))?;
        let approved = match self.catalog.permit(asker.role, runbook, target) {
            Ok(approved) => approved,
            Err(barred) => {
                self.record_denial(asker, runbook, target, &barred).await?;
                return Err(NoPlan::Barred(barred));
            }
        };
        let parameters = parse(action.spec().parameters, approved, typed).map_err(NoPlan::Fields)?;
        let body = self.body(runbook, target, &parameters).await?;
        let (id, fingerprint) = (PlanId::random(), fingerprint(&body));
        let event = Event::Planned { runbook: runbook.to_owned(), plan: id.to_string(), fingerprint: hex::encode(fingerprint) };
        let record = Record::new(Actor::Account(asker.name.clone()), event).on(target.clone());
        self.store
            .insert_plan(NewPlan { id: &id, owner: asker.account, runbook, body: &body, fingerprint, lives: PLAN_LIVES }, &record)
            .await?;
        Ok(id)
    }

    /// What would happen now.
    pub(super) async fn body(&self, runbook: &str, target: &SystemId, parameters: &Parameters) -> Result<PlanBody, ActionError> {
        let action = self.catalog.action(runbook).ok_or_else(|| ActionError::Refused(format!("there is no runbook `{runbook}`")))?;
        let read = tokio::time::timeout(READS, action.plan(&self.act, target, parameters)).await;
        read.unwrap_or_else(|_| Err(ActionError::NotDone(format!("{} did not answer within {} s", target.name(), READS.as_secs()))))
    }

    /// The same plan, made now.
    pub(super) async fn again(&self, body: &PlanBody) -> Result<PlanBody, ActionError> {
        let specs = self.catalog.action(&body.action).map_or(&[][..], |action| action.spec().parameters);
        let value = |name: &str, text: &str| match specs.iter().find(|spec| spec.name == name)?.kind {
            ParameterKind::Number { .. } => text.parse().ok().map(Value::Number),
            ParameterKind::Choice => Some(Value::Choice(text.to_owned())),
        };
        let parameters = body.parameters.iter().filter_map(|(name, text)| Some((name.clone(), value(name, text)?))).collect();
        self.body(&body.action, &body.target, &parameters).await
    }

    /// Records that somebody tried what they may not.
    ///
    /// # Errors
    /// When it is not durable.
    pub async fn record_denial(&self, asker: &Asker, runbook: &str, target: &SystemId, barred: &Barred) -> Result<(), StoreError> {
        let event = match barred {
            Barred::Role(needed) => Event::PermissionDenied { tried: format!("run {runbook}"), role: Some(asker.role), needed: *needed },
            Barred::NotApproved => Event::Refused {
                runbook: runbook.to_owned(),
                rule: "not-approved".into(),
                why: format!("the estate file does not approve it on {target}"),
            },
            Barred::NoSuchRunbook => return Ok(()),
        };
        self.store.record(&Record::new(Actor::Account(asker.name.clone()), event).on(target.clone())).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use app::model::Role;

    use super::*;

    const REPLICAS: [ParameterSpec; 1] =
        [ParameterSpec { name: "replicas", label: "Replicas", hint: "", kind: ParameterKind::Number { min: 1, max: 1000 } }];

    fn approved() -> Approved {
        Approved { runbook: "scale-workload".into(), targets: Vec::new(), role: Role::Responder, max: [("replicas".to_owned(), 15)].into() }
    }

    fn body(replicas: &str) -> PlanBody {
        PlanBody {
            action: "scale-workload".into(),
            target: "deployment/eu/shop/cart".parse().unwrap_or_else(|err| panic!("{err}")),
            parameters: vec![("replicas".into(), "7".into())],
            title: "Scale cart".into(),
            steps: Vec::new(),
            changes: vec![Change { what: "replicas".into(), before: replicas.into(), after: "7".into() }],
            blast_radius: Vec::new(),
            checks: Vec::new(),
            by_hand: Vec::new(),
            undo: None,
            basis: vec![("uid".into(), "u1".into()), ("replicas".into(), replicas.into())],
            instead: None,
        }
    }

    #[test]
    fn a_parameter_out_of_bounds_is_told_with_its_value_and_bounds() {
        for (typed, hint) in [
            ("-1", "-1 is not allowed"),
            ("1000000000", "1 to 15"),
            ("abc", "“abc” is no whole number"),
            ("", "whole number from 1 to 15"),
            ("9999999999999999999999", "no whole number that fits"),
            ("5.5", "no whole number"),
        ] {
            let faults = parse(&REPLICAS, &approved(), &[("replicas".to_owned(), typed.to_owned())].into()).err().unwrap_or_default();
            let fault = faults.get("replicas").cloned().unwrap_or_default();
            assert!(fault.contains(hint), "{typed}: {fault}");
        }
        assert_eq!(
            parse(&REPLICAS, &approved(), &[("replicas".to_owned(), " 15 ".to_owned())].into()),
            Ok([("replicas".to_owned(), Value::Number(15))].into())
        );
    }

    #[test]
    fn a_choice_that_no_list_can_hold_is_told() {
        let spec = [ParameterSpec { name: "candidate", label: "Candidate", hint: "", kind: ParameterKind::Choice }];
        let read = |text: &str| parse(&spec, &approved(), &[("candidate".to_owned(), text.to_owned())].into());
        let fault = |text: &str| read(text).err().unwrap_or_default().remove("candidate").unwrap_or_default();
        assert_eq!(read(" pg2 "), Ok([("candidate".to_owned(), Value::Choice("pg2".into()))].into()));
        assert_eq!(fault("  "), "Choose one.");
        assert!(fault("a\u{7}b").contains("control character"));
        assert!(fault(&"x".repeat(1_025)).contains("1025 bytes"));
    }

    #[test]
    fn the_fingerprint_covers_what_the_plan_states() {
        assert_eq!(fingerprint(&body("5")), fingerprint(&body("5")));
        assert_ne!(fingerprint(&body("5")), fingerprint(&body("6")));
        assert_ne!(
            fingerprint(&body("5")),
            fingerprint(&PlanBody { basis: vec![("uid".into(), "u2".into()), ("replicas".into(), "5".into())], ..body("5") })
        );
        assert_eq!(
            fingerprint(&body("5")),
            fingerprint(&PlanBody { by_hand: vec!["kubectl".into()], ..body("5") }),
            "words around it may change"
        );
    }

    #[test]
    fn what_moved_is_named() {
        assert_eq!(differs(&body("5"), &body("5")), []);
        let moved = differs(&body("5"), &body("6"));
        assert_eq!(moved, [Change { what: "replicas".into(), before: "5".into(), after: "6".into() }]);
    }
}
