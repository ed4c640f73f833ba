//! Which runbooks there are, on what they may be run, and by whom.

use std::sync::Arc;

use app::model::{Role, RunbookCard, RunbookLink, SystemId};

use crate::{
    actions::{Action, ActionSpec},
    config::{Approved, Estate},
    overview::Offers,
};

/// The actions, and the estate file that approves them. Every action is a one-step runbook of the same id.
pub struct Catalog {
    actions: Vec<Box<dyn Action>>,
    estate: Arc<Estate>,
}

/// Why a runbook may not be run on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barred {
    /// There is no such runbook.
    NoSuchRunbook,
    /// The estate file does not approve it on this target.
    NotApproved,
    /// The role does not reach: this one is needed.
    Role(Role),
}

impl Catalog {
    /// The catalog of this estate.
    #[must_use]
    pub fn new(actions: Vec<Box<dyn Action>>, estate: Arc<Estate>) -> Self {
        Self { actions, estate }
    }

    /// Every action's spec, in the list's order.
    pub fn specs(&self) -> impl Iterator<Item = ActionSpec> + '_ {
        self.actions.iter().map(|action| action.spec())
    }

    /// The action of that id.
    #[must_use]
    pub fn action(&self, id: &str) -> Option<&dyn Action> {
        self.actions.iter().find(|action| action.spec().id == id).map(AsRef::as_ref)
    }

    /// The role that `runbook` needs on `target`: the higher of the action's floor and the estate file's.
    ///
    /// # Errors
    /// When it may be run there by nobody.
    pub fn needed(&self, runbook: &str, target: &SystemId) -> Result<Role, Barred> {
        let action = self.action(runbook).ok_or(Barred::NoSuchRunbook)?;
        let approved = self.estate.approval(runbook, target).ok_or(Barred::NotApproved)?;
        Ok(higher(action.spec().floor, approved.role))
    }

    /// Whether somebody of `role` may run `runbook` on `target`; the approval if so.
    ///
    /// # Errors
    /// When not, and why.
    pub fn permit(&self, role: Role, runbook: &str, target: &SystemId) -> Result<&Approved, Barred> {
        let needed = self.needed(runbook, target)?;
        if !role.reaches(needed) {
            return Err(Barred::Role(needed));
        }
        self.estate.approval(runbook, target).ok_or(Barred::NotApproved)
    }

    /// The lowest role that may run `runbook` anywhere in this estate; the action's floor where it is not approved at all.
    #[must_use]
    pub fn lowest(&self, spec: &ActionSpec) -> Role {
        let roles =
            self.estate.runbooks.iter().filter(|approved| approved.runbook == spec.id).map(|approved| higher(spec.floor, approved.role));
        roles.reduce(|a, b| if a.reaches(b) { b } else { a }).unwrap_or(spec.floor)
    }

    /// The list of runbooks as somebody of `role` sees it; `systems` are all that exist.
    #[must_use]
    pub fn cards(&self, role: Role, systems: &[SystemId]) -> Vec<RunbookCard> {
        self.specs().map(|spec| self.card(&spec, role, systems)).collect()
    }

    /// One row of the list of runbooks.
    #[must_use]
    pub fn card(&self, spec: &ActionSpec, role: Role, systems: &[SystemId]) -> RunbookCard {
        let targets: Vec<_> = systems.iter().filter(|system| self.estate.approval(spec.id, system).is_some()).cloned().collect();
        let needed = self.lowest(spec);
        let approved = self.estate.runbooks.iter().any(|approved| approved.runbook == spec.id);
        let refused = if !approved {
            Some("The estate file does not approve it: add it under `runbooks` to enable it.".to_owned())
        } else if !role.reaches(needed) {
            Some(format!("It needs the role {}; you are {}.", needed.word(), role.word()))
        } else if targets.is_empty() {
            Some("None of the systems that it is approved for is there now.".to_owned())
        } else {
            None
        };
        RunbookCard {
            id: spec.id.to_owned(),
            title: spec.title.to_owned(),
            purpose: spec.purpose.to_owned(),
            role: needed,
            risk: spec.risk,
            kind: spec.kind,
            targets,
            refused,
            last: None,
        }
    }
}

fn higher(a: Role, b: Role) -> Role {
    if a.reaches(b) { a } else { b }
}

impl Offers for Catalog {
    fn offers(&self, system: &SystemId) -> Vec<RunbookLink> {
        self.specs()
            .filter(|spec| spec.kind == system.kind() && self.estate.approval(spec.id, system).is_some())
            .map(|spec| RunbookLink {
                title: format!("{} {}", spec.verb, system.name()),
                href: format!("/runbooks/{}?target={system}", spec.id),
            })
            .collect()
    }
}
