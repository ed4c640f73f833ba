//! Switches a database over: the leader stops, and the member that was chosen takes over from where it stopped.

use std::collections::BTreeMap;

use app::model::{Kind, PlanBody, Risk, Role, SystemId};
use futures::future::BoxFuture;

use super::{
    ActCtx, Action, ActionError, ActionSpec, Observation, Offer, ParameterKind, ParameterSpec, Parameters, RunCtx,
    leadership::{self, CANDIDATE, Target, Underway},
};
use crate::adapters::patroni::Verb;

/// Hands the lead of a healthy database over.
#[derive(Default)]
pub struct SwitchOverDatabase {
    underway: Underway,
}

impl Action for SwitchOverDatabase {
    fn spec(&self) -> ActionSpec {
        ActionSpec {
            id: "switch-over-database",
            title: "Switch over database",
            verb: "Switch over",
            purpose: "Hands the lead of a healthy PostgreSQL cluster to another member, without losing a commit. Writes are refused for seconds.",
            kind: Kind::Database,
            floor: Role::Operator,
            risk: Risk::Medium,
            parameters: &[ParameterSpec {
                name: CANDIDATE,
                label: "New leader",
                hint: "who shall lead; the best stands first",
                kind: ParameterKind::Choice,
            }],
            help: &[
                "The leader is named in the request, so that Patroni refuses when another one leads by then.",
                "An answer of Patroni, and none, is not taken for what is so: the run ends by what the cluster itself says.",
                "When nobody leads, or the leader is broken, use fail over: it is the other runbook on purpose.",
            ],
        }
    }

    fn offers<'a>(&'a self, ctx: &'a ActCtx, target: &'a SystemId) -> BoxFuture<'a, BTreeMap<String, Offer>> {
        Box::pin(async move {
            match Target::of(ctx, target, Verb::SwitchOver) {
                Ok(target) => target.offers().await,
                Err(_) => BTreeMap::new(),
            }
        })
    }

    fn plan<'a>(
        &'a self,
        ctx: &'a ActCtx,
        target: &'a SystemId,
        parameters: &'a Parameters,
    ) -> BoxFuture<'a, Result<PlanBody, ActionError>> {
        Box::pin(async move { Target::of(ctx, target, Verb::SwitchOver)?.plan(target, parameters).await })
    }

    fn apply<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Result<String, ActionError>> {
        Box::pin(async move { leadership::apply(&ctx, Verb::SwitchOver, &self.underway).await })
    }

    fn observe<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Observation> {
        Box::pin(async move { leadership::observe(&ctx, Verb::SwitchOver, &self.underway).await })
    }
}
