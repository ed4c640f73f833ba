//! Fails a database over: a member takes over from a leader that cannot be asked any more. The last resort: it may lose commits.

use std::collections::BTreeMap;

use app::model::{Kind, PlanBody, Risk, Role, SystemId};
use futures::future::BoxFuture;

use super::{
    ActCtx, Action, ActionError, ActionSpec, Observation, Offer, ParameterKind, ParameterSpec, Parameters, RunCtx,
    leadership::{self, CANDIDATE, Target, Underway},
};
use crate::adapters::patroni::Verb;

/// Gives the lead of a database that has none to a member.
#[derive(Default)]
pub struct FailOverDatabase {
    underway: Underway,
}

impl Action for FailOverDatabase {
    fn spec(&self) -> ActionSpec {
        ActionSpec {
            id: "fail-over-database",
            title: "Fail over database",
            verb: "Fail over",
            purpose: "Gives the lead of a PostgreSQL cluster whose leader is lost to a member that is named. The last resort: commits may be lost.",
            kind: Kind::Database,
            floor: Role::Admin,
            risk: Risk::High,
            parameters: &[ParameterSpec {
                name: CANDIDATE,
                label: "New leader",
                hint: "who shall lead; the one that has received most stands first",
                kind: ParameterKind::Choice,
            }],
            help: &[
                "Patroni fails over by itself when the leader's lease ends. This is for when it does not: it is paused, or every member lags too far.",
                "The plan names what may be lost, in bytes and in seconds, as far as the console saw the old leader.",
                "While a leader answers, this is refused: a switchover stops it first and loses nothing.",
            ],
        }
    }

    fn offers<'a>(&'a self, ctx: &'a ActCtx, target: &'a SystemId) -> BoxFuture<'a, BTreeMap<String, Offer>> {
        Box::pin(async move {
            match Target::of(ctx, target, Verb::FailOver) {
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
        Box::pin(async move { Target::of(ctx, target, Verb::FailOver)?.plan(target, parameters).await })
    }

    fn apply<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Result<String, ActionError>> {
        Box::pin(async move { leadership::apply(&ctx, Verb::FailOver, &self.underway).await })
    }

    fn observe<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Observation> {
        Box::pin(async move { leadership::observe(&ctx, Verb::FailOver, &self.underway).await })
    }
}
