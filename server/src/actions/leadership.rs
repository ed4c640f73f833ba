//! What moving the lead of a database shares, whichever way it is moved: the plan, the one request, and what is waited for afterwards. No action
//! itself.
//!
//! What Patroni answers is never taken for what is so: after each answer, and after none, the cluster itself is looked at until it can be told.

mod steps;

use std::{collections::BTreeMap, time::Duration};

use app::model::{Change, PlanBody, PlanStep, SystemId};

pub(super) use self::steps::{Underway, apply, observe};
use super::{ActCtx, ActionError, Offer, Parameters, Value, workload::basis};
use crate::{
    adapters::{
        database::{DatabaseLook, Member},
        patroni::{Patroni, PatroniAct, Verb},
        postgres::{MemberRole, Postgres},
    },
    config::{Database, DatabaseLimits, HostPort},
    leadership::{Before, Loss, Sight, Sighted, candidates, checks, sight},
};

/// The name of the parameter.
pub(super) const CANDIDATE: &str = "candidate";
/// How long the canary gets to have its first write acknowledged, before the request is sent all the same.
const FIRST_WRITE: Duration = Duration::from_secs(2);
/// Beside Patroni's own time for an answer.
const SPARE_S: u64 = 5;
/// How long the new leader may take to take writes once Patroni has answered, in seconds: a long replay is the candidate's own check.
const ARRIVE_LIMIT_S: u64 = 60;
/// How long the old leader may take to come back, in seconds: repmgr's `standby_reconnect_timeout` is 60, and a rewind comes before it.
const RETURN_LIMIT_S: u64 = 180;

/// A database and the doors to it.
pub(super) struct Target<'a> {
    pub verb: Verb,
    pub name: &'a str,
    ctx: &'a ActCtx,
    database: &'a Database,
    patroni: &'a Patroni,
    act: &'a PatroniAct,
    postgres: &'a Postgres,
}

/// The words of each verb.
struct Words {
    verb: &'static str,
    action: &'static str,
    asks: &'static str,
}

const fn words(verb: Verb) -> Words {
    match verb {
        Verb::SwitchOver => Words { verb: "Switch over", action: "switch-over-database", asks: "switchover" },
        Verb::FailOver => Words { verb: "Fail over", action: "fail-over-database", asks: "failover" },
    }
}

impl<'a> Target<'a> {
    /// The target of an action.
    pub(super) fn of(ctx: &'a ActCtx, system: &'a SystemId, verb: Verb) -> Result<Self, ActionError> {
        let name = system.name();
        let adapters = &ctx.adapters;
        let (Some(database), Some(postgres)) = (ctx.estate.databases.get(name), adapters.postgres.get(name)) else {
            return Err(ActionError::Refused(format!("{system} is no database of this estate")));
        };
        let Some(patroni) = adapters.patroni.get(name) else {
            return Err(ActionError::Refused(format!("{name} is not kept by Patroni: its lead is moved by hand")));
        };
        let Some(act) = adapters.patroni_act.get(name) else {
            return Err(ActionError::Refused(format!(
                "The console has no user to act as at the Patroni of {name}: give it databases.{name}.patroni.act in the estate file"
            )));
        };
        Ok(Self { verb, name, ctx, database, patroni, act, postgres })
    }

    const fn limits(&self) -> &DatabaseLimits {
        &self.database.limits
    }

    async fn look(&self) -> Result<std::sync::Arc<DatabaseLook>, ActionError> {
        Box::pin(self.ctx.adapters.look_at(self.name))
            .await
            .ok_or_else(|| ActionError::Refused(format!("{} is no database of this estate", self.name)))
    }

    /// Who may take over, with reasons. A look of the last few seconds will do.
    pub(super) async fn offers(&self) -> BTreeMap<String, Offer> {
        let recent = self.ctx.adapters.databases.get(self.name).and_then(crate::adapters::database::Watched::last);
        let recent = recent.filter(|look| self.ctx.clock.now().since(look.at) < Duration::from_secs(8));
        let look = match recent {
            Some(look) => look,
            None => match self.look().await {
                Ok(look) => look,
                Err(_) => return BTreeMap::new(),
            },
        };
        let found = candidates(self.verb, &look, self.limits());
        let best = found.first().filter(|best| best.fit);
        let choices = found.iter().map(|candidate| {
            let is_best = best.is_some_and(|best| best.name == candidate.name) && found.len() > 1;
            let word = if !candidate.fit {
                "cannot: "
            } else if is_best {
                "the best: "
            } else {
                ""
            };
            (candidate.name.clone(), format!("{}, {word}{}", candidate.name, candidate.why))
        });
        let now = look.leader().map_or_else(|| "no member leads now".to_owned(), |leader| format!("{} leads now", leader.name));
        let offer = Offer { value: best.map(|best| best.name.clone()).unwrap_or_default(), now, choices: choices.collect() };
        [(CANDIDATE.to_owned(), offer)].into()
    }

    /// What would happen now.
    pub(super) async fn plan(&self, system: &SystemId, parameters: &Parameters) -> Result<PlanBody, ActionError> {
        let Some(Value::Choice(candidate)) = parameters.get(CANDIDATE) else {
            return Err(ActionError::Parameter(CANDIDATE.to_owned(), "Choose who shall lead".to_owned()));
        };
        let look = self.look().await?;
        if let Err(failure) = &look.cluster {
            return Err(ActionError::NotDone(format!("It cannot be told who leads {}: Patroni {failure}", self.name)));
        }
        if look.member(candidate).is_none() {
            let others: Vec<_> = candidates(self.verb, &look, self.limits()).into_iter().map(|candidate| candidate.name).collect();
            let others = if others.is_empty() { "there is nobody else now".to_owned() } else { format!("choose {}", others.join(" or ")) };
            return Err(ActionError::Parameter(CANDIDATE.to_owned(), format!("“{candidate}” is no member of {}: {others}.", self.name)));
        }
        Ok(self.body(system, &look, candidate))
    }

    fn body(&self, system: &SystemId, look: &DatabaseLook, candidate: &str) -> PlanBody {
        let Words { verb, action, .. } = words(self.verb);
        let leader = look.leader().map(|leader| leader.name.clone());
        let from = leader.as_deref().unwrap_or("nobody");
        let before = before(look, candidate);
        let checks = checks(self.verb, look, candidate, self.limits());
        PlanBody {
            action: action.to_owned(),
            target: system.clone(),
            parameters: vec![(CANDIDATE.to_owned(), candidate.to_owned())],
            title: format!("{verb} {} to {candidate}", self.name),
            steps: self.steps(look, leader.as_deref(), candidate),
            changes: self.changes(look, &before),
            blast_radius: self.blast_radius(look),
            checks,
            by_hand: self.by_hand(look, leader.as_deref(), candidate),
            undo: self.undo(look, leader.as_deref()),
            basis: vec![basis("leader", from), basis("timeline", before.timeline), basis("candidate", candidate)],
            instead: self.instead(look, candidate),
        }
    }

    fn steps(&self, look: &DatabaseLook, leader: Option<&str>, candidate: &str) -> Vec<PlanStep> {
        let answer_s = self.answer_within(look).as_secs();
        let asks = words(self.verb).asks;
        let from = leader.map_or_else(String::new, |leader| format!(" from {leader}"));
        let mut steps = vec![
            PlanStep {
                title: format!("Ask Patroni for the {asks}{from} to {candidate}"),
                detail: "one request; no answer, or one that is not clear, counts as unknown and is looked into".into(),
                usual_s: Some(3),
                limit_s: answer_s + FIRST_WRITE.as_secs() + 10,
            },
            PlanStep {
                title: format!("Wait until {candidate} takes writes"),
                detail: "and nobody else does, on a new timeline; the time without writes is measured by a writer of the console's own"
                    .into(),
                usual_s: Some(1),
                limit_s: ARRIVE_LIMIT_S,
            },
        ];
        steps.push(match self.verb {
            Verb::SwitchOver => PlanStep {
                title: format!("Wait until {} follows", leader.unwrap_or("the old leader")),
                detail: format!("until it streams from {candidate}"),
                usual_s: Some(3),
                limit_s: RETURN_LIMIT_S,
            },
            Verb::FailOver => PlanStep {
                title: "See what became of the old leader".into(),
                detail: "it is waited for only while its Patroni answers".into(),
                usual_s: Some(3),
                limit_s: RETURN_LIMIT_S,
            },
        });
        steps
    }

    fn changes(&self, look: &DatabaseLook, before: &Before) -> Vec<Change> {
        let change = |what: &str, from: String, to: String| Change { what: what.to_owned(), before: from, after: to };
        let mut changes = Vec::new();
        if let Some(leader) = &before.leader {
            changes.push(change(leader, "primary, takes writes".into(), format!("replica, follows {}", before.candidate)));
        }
        changes.push(change(&before.candidate, "replica".into(), "primary, takes writes".into()));
        changes.push(change("timeline", before.timeline.to_string(), "a new one".into()));
        if self.verb == Verb::FailOver {
            let loss = Loss::of(look, &before.candidate);
            changes.push(change("commits that were acknowledged", format!("kept ({})", loss.how), format!("lost: {}", loss.words())));
        }
        changes
    }

    fn blast_radius(&self, look: &DatabaseLook) -> Vec<String> {
        let activity = look.leader().and_then(|leader| leader.look.as_ref().ok()?.activity.as_ref().ok());
        let used: Option<i64> = activity.map(|activity| activity.connections.iter().map(|row| row.n).sum());
        let mut lines = Vec::new();
        match (self.verb, used) {
            (Verb::SwitchOver, Some(used)) => {
                lines.push(format!("{used} client connections are cut; clients must connect again and find the new leader."))
            }
            (Verb::SwitchOver, None) => {
                lines.push("Every client connection of the leader is cut; clients must connect again and find the new leader.".into())
            }
            (Verb::FailOver, _) => {
                lines.push("Clients that still hold connections to the old leader must connect again and find the new one.".into())
            }
        }
        lines.push("Writes are refused until the new leader takes them: some seconds, measured and shown on the run's page.".into());
        if self.verb == Verb::FailOver {
            lines.push("What the old leader acknowledged and the new one has not received is lost for good.".into());
        }
        lines
    }

    fn by_hand(&self, look: &DatabaseLook, leader: Option<&str>, candidate: &str) -> Vec<String> {
        let scheme = self.database.patroni.first().map_or("http", |url| url.scheme());
        let place = self.asked_at(look, leader, candidate).unwrap_or_else(|| "HOST:8008".to_owned());
        let user = self.act.user();
        let (path, body) = match (self.verb, leader) {
            (Verb::SwitchOver, Some(leader)) => ("switchover", format!("{{\"leader\":\"{leader}\",\"candidate\":\"{candidate}\"}}")),
            (Verb::SwitchOver, None) | (Verb::FailOver, _) => ("failover", format!("{{\"candidate\":\"{candidate}\"}}")),
        };
        vec![
            format!("curl -sS {scheme}://{place}/cluster"),
            format!("curl -sS -u {user} -H 'Content-Type: application/json' -d '{body}' {scheme}://{place}/{path}"),
            format!("curl -sS {scheme}://{place}/cluster   # until the other one streams"),
        ]
    }

    fn undo(&self, look: &DatabaseLook, leader: Option<&str>) -> Option<app::model::Undo> {
        let back = leader.map(str::to_owned).or_else(|| look.known.leader.as_ref().map(|last| last.name.clone()))?;
        let text = match self.verb {
            Verb::SwitchOver => format!("Switch over back to {back}, once it follows again."),
            Verb::FailOver => format!("What was lost is not brought back. Once {back} follows again, the lead can go back to it."),
        };
        Some(app::model::Undo { text, runbook: Some(("switch-over-database".to_owned(), vec![(CANDIDATE.to_owned(), back)])) })
    }

    /// The other verb, where it is the right one.
    fn instead(&self, look: &DatabaseLook, candidate: &str) -> Option<app::model::Instead> {
        let leads = look.leader().is_some_and(|leader| leader.primary().is_some());
        let (why, verb) = match (self.verb, leads) {
            (Verb::FailOver, true) => ("The leader is well. A switchover stops it first, so that nothing is lost.", Verb::SwitchOver),
            (Verb::SwitchOver, false) if look.leader().is_none() => {
                ("Nobody leads, so there is nobody to switch over from.", Verb::FailOver)
            }
            (Verb::SwitchOver | Verb::FailOver, _) => return None,
        };
        let Words { verb, action, .. } = words(verb);
        Some(app::model::Instead {
            why: why.to_owned(),
            title: format!("{verb} {} to {candidate}", self.name),
            runbook: action.to_owned(),
            parameters: vec![(CANDIDATE.to_owned(), candidate.to_owned())],
        })
    }

    /// The Patroni that is asked: the leader's own, which stops it itself; else the candidate's; else any that reads the cluster.
    fn asked_at(&self, look: &DatabaseLook, leader: Option<&str>, candidate: &str) -> Option<String> {
        let reads = |member: &Member| member.agent.as_ref().is_some_and(|agent| agent.leader.is_ok());
        let place = |member: &Member| member.agent.as_ref().map(|agent| agent.place.clone());
        let named = [leader, Some(candidate)].into_iter().flatten().filter_map(|name| look.member(name));
        named.chain(&look.members).filter(|member| reads(member)).find_map(place).or_else(|| self.patroni.places().into_iter().next())
    }

    /// How long Patroni may take to answer: it looks for twice ten seconds or twice its loop, whichever is longer.
    fn answer_within(&self, look: &DatabaseLook) -> Duration {
        let loop_wait = look.settings.unwrap_or_default().loop_wait();
        2 * loop_wait.max(Duration::from_secs(10)) + Duration::from_secs(SPARE_S)
    }

    /// What has come of the request.
    async fn see(&self, before: &Before) -> Sight {
        let asked = Box::pin(async {
            tokio::join!(self.patroni.cluster(), self.postgres.states(), self.patroni.history(), self.postgres.checkpoints())
        });
        let (cluster, states, history, checkpoints) = asked.await;
        let name = |at: &HostPort| self.patroni.name_of(at).unwrap_or_else(|| at.to_string());
        let (mut primaries, mut silent) = (Vec::new(), Vec::new());
        for (at, state) in &states {
            match state.as_ref().map(|state| &state.role) {
                Ok(MemberRole::Primary { timeline, .. }) => primaries.push((name(at), *timeline)),
                Ok(MemberRole::Replica(_)) => {}
                Err(_) => silent.push(name(at)),
            }
        }
        let checkpoints: Vec<_> = checkpoints.iter().filter_map(|(at, answer)| Some((name(at), *answer.as_ref().ok()?))).collect();
        let history = history.unwrap_or_default();
        let why = cluster.as_ref().err().map(|failure| format!("Patroni {failure}"));
        let cluster = cluster.as_ref().map_err(|_| why.as_deref().unwrap_or_default());
        sight(before, Sighted { cluster, primaries: &primaries, silent: &silent, history: &history, checkpoints: &checkpoints })
    }
}

/// What is so before the request.
fn before(look: &DatabaseLook, candidate: &str) -> Before {
    let timeline = look.leader().and_then(Member::primary).map(|(timeline, _)| timeline);
    let newest = look.members.iter().filter_map(Member::timeline).max();
    Before {
        leader: look.leader().map(|leader| leader.name.clone()),
        timeline: timeline.or(newest).unwrap_or(0),
        candidate: candidate.to_owned(),
    }
}
