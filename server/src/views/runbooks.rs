//! Runbooks, their forms, and plans as pages show them.

use std::collections::BTreeMap;

use app::model::{FieldInput, FormField, LastRun, Moved, PlanView, Role, RunbookCard, RunbookCatalog, RunbookForm, SystemId};

use super::{Drawing, runs::short};
use crate::{
    actions::ParameterKind,
    executor::Barred,
    filters,
    store::{Plan, StoreError},
};

/// How long a form waits for the target's present values; without them it has its plain hints.
const DEFAULTS: std::time::Duration = std::time::Duration::from_secs(2);

/// What was typed into a plan's confirmation, and what was wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// The reason.
    pub reason: String,
    /// The target's name.
    pub target: String,
    /// Faults by field.
    pub faults: Vec<(String, String)>,
    /// Why it was refused as a whole.
    pub refused: Option<String>,
    /// The world moved.
    pub moved: Option<Moved>,
    /// The request key of the form that was sent; a new form gets a new one.
    pub request_key: Option<String>,
}

impl Drawing {
    /// The list of runbooks as somebody of `role` sees it.
    #[must_use]
    pub fn cards(&self, role: Role) -> Vec<RunbookCard> {
        self.executor.catalog().cards(role, &self.systems())
    }

    /// The catalog as somebody of `role` sees it, narrowed by what was typed. While the store is away it says nothing of earlier runs.
    pub async fn runbooks(&self, role: Role, typed: impl IntoIterator<Item = (String, String)>) -> RunbookCatalog {
        let mut cards = self.cards(role);
        let mut kinds: Vec<_> = cards.iter().map(|card| card.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let (filter, wanted) = filters::runbooks(typed, &kinds);
        let (all, mine) = (cards.len(), cards.iter().filter(|card| card.refused.is_none()).count());
        cards.retain(|card| !filter.has_fault() && wanted.admits(card));
        let ids: Vec<_> = cards.iter().map(|card| card.id.clone()).collect();
        for (run, usual_ms) in self.store.last_runs(&ids).await.unwrap_or_default() {
            if let Some(card) = cards.iter_mut().find(|card| card.id == run.runbook) {
                card.last = Some(LastRun { run: run.id, state: run.state, asked: run.moment(run.created_at), usual_ms });
            }
        }
        let of = |kind| cards.iter().filter(|card| card.kind == kind).cloned().collect::<Vec<_>>();
        let groups = kinds.into_iter().map(|kind| (kind, of(kind))).filter(|(_, cards)| !cards.is_empty()).collect();
        RunbookCatalog { filter, groups, all, mine }
    }

    /// A runbook's form; `None` when there is no such runbook.
    pub async fn form(
        &self,
        runbook: &str,
        role: Role,
        target: Option<SystemId>,
        typed: &BTreeMap<String, String>,
        faults: &BTreeMap<String, String>,
        refused: Option<String>,
    ) -> Option<RunbookForm> {
        let action = self.executor.catalog().action(runbook)?;
        let spec = action.spec();
        let mut card = self.executor.catalog().card(&spec, role, &self.systems());
        // One target alone needs no choice.
        let target = target.or_else(|| if card.targets.len() == 1 { card.targets.first().cloned() } else { None });
        if let Some(target) = &target {
            match self.executor.catalog().permit(role, runbook, target) {
                Ok(_) => {}
                Err(Barred::Role(needed)) => {
                    card.refused = Some(format!("On {} it needs the role {}; you are {}.", target.name(), needed.word(), role.word()))
                }
                Err(Barred::NotApproved | Barred::NoSuchRunbook) => {
                    card.refused = Some(format!("The estate file does not approve it on {target}."))
                }
            }
        }
        let mut offers = match &target {
            Some(target) => tokio::time::timeout(DEFAULTS, action.offers(self.executor.ctx(), target)).await.unwrap_or_default(),
            None => BTreeMap::new(),
        };
        let max_of = |name: &str| target.as_ref().and_then(|target| self.estate.approval(runbook, target)?.max.get(name).copied());
        let fields = spec
            .parameters
            .iter()
            .map(|parameter| {
                let offer = offers.remove(parameter.name).unwrap_or_default();
                let (bounds, input) = match parameter.kind {
                    ParameterKind::Number { min, max } => {
                        let max = max_of(parameter.name).map_or(max, |limit| limit.min(max));
                        (format!("{min} to {max}"), FieldInput::Number)
                    }
                    // Without a target, or without its answer, there is nothing to choose from; the name may still be typed.
                    ParameterKind::Choice if offer.choices.is_empty() => (String::new(), FieldInput::Text),
                    ParameterKind::Choice => (String::new(), FieldInput::Choice(offer.choices)),
                };
                let hint = [parameter.hint.to_owned(), offer.now, bounds]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join("; ");
                FormField {
                    name: parameter.name.into(),
                    label: parameter.label.into(),
                    hint,
                    value: typed.get(parameter.name).cloned().unwrap_or(offer.value),
                    input,
                    fault: faults.get(parameter.name).cloned(),
                }
            })
            .collect();
        Some(RunbookForm { card, target, fields, help: spec.help.iter().map(|line| (*line).to_owned()).collect(), refused })
    }

    /// A plan's page, with what was typed.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn plan(&self, plan: Plan, me: (&str, Role), typed: Typed) -> Result<PlanView, StoreError> {
        let (name, role) = me;
        let catalog = self.executor.catalog();
        let spec = catalog.action(&plan.runbook).map(crate::actions::Action::spec);
        let target = &plan.body.target;
        let refused = if typed.refused.is_some() {
            typed.refused
        } else if plan.run.is_some() {
            Some("It has been run; make a new plan to run it again.".to_owned())
        } else if plan.expired {
            Some("It has expired; make a new plan.".to_owned())
        } else if plan.owner_name != name {
            Some(format!("It is {}'s plan; make your own to run it.", plan.owner_name))
        } else {
            match catalog.permit(role, &plan.runbook, target) {
                Err(Barred::Role(needed)) => Some(format!("It needs the role {}; you are {}.", needed.word(), role.word())),
                Err(Barred::NotApproved | Barred::NoSuchRunbook) => Some(format!("The estate file does not approve it on {target}.")),
                Ok(_) => match (plan.body.forbidden_by(), self.store.run_holding(target).await?) {
                    (Some(check), _) => Some(format!("{}: {}", check.title, check.value)),
                    (None, Some(run)) => Some(format!("Run {run} is under way on {}; wait for its end.", target.name())),
                    (None, None) => None,
                },
            }
        };
        Ok(PlanView {
            id: plan.id.to_string(),
            runbook_title: spec.map_or_else(|| plan.runbook.clone(), |spec| spec.title.to_owned()),
            fingerprint: short(&plan.fingerprint),
            made: app::model::Moment {
                at: plan.created_at,
                ago_ms: u64::try_from((plan.now - plan.created_at).num_milliseconds()).unwrap_or(0),
            },
            expires_at: plan.expires_at,
            owner: plan.owner_name,
            role: catalog.needed(&plan.runbook, target).unwrap_or(Role::Admin),
            risk: spec.map_or(app::model::Risk::High, |spec| spec.risk),
            refused,
            run: plan.run,
            request_key: typed.request_key.unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string()),
            reason: typed.reason,
            typed_target: typed.target,
            faults: typed.faults,
            moved: typed.moved,
            body: plan.body,
        })
    }
}
