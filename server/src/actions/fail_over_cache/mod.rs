//! Hands a cache's mastership to a replica: planned while the master answers, forced through Sentinel when it is gone.
//!
//! The order that loses nothing: `FAILOVER TO` on the master, which pauses writes until the replica has every byte; then, once the replica is
//! master, `SENTINEL FAILOVER` on one Sentinel, so that clients are sent there. `SENTINEL FAILOVER` alone leaves the old master taking writes
//! for seconds, and those are lost; `FAILOVER` alone leaves Sentinel pointing at a node that takes none.

mod checks;
mod hand_over;
mod scene;
mod verify;

use std::collections::BTreeMap;

use app::model::{Change, Kind, PlanBody, PlanStep, Risk, Role, SystemId, Undo, Value as Figure};
use futures::future::BoxFuture;

#[cfg(test)]
pub(crate) use self::scene::samples;
pub use self::{
    checks::checks,
    scene::{Candidate, Scene, Way},
};
use super::{
    ActCtx, Action, ActionError, ActionSpec, Observation, Offer, ParameterKind, ParameterSpec, Parameters, RunCtx, Value, workload::basis,
};
use crate::{
    adapters::{
        Failure,
        redis::{Member, NotTold, Redis},
        sentinel::Sentinel,
    },
    config::{Cache, HostPort},
};

/// The one parameter: `target` is the system's own field in every form.
const CANDIDATE: &str = "candidate";

/// How long the first step may take, in seconds: the master's own patience, one abort, and Sentinel's answer.
const HAND_OVER_LIMIT_S: u64 = 30;
/// How long until all agree, in seconds: Sentinel needs 1 to 2, its own tries after a refusal 10 more.
const AGREE_LIMIT_S: u64 = 60;

/// Makes a replica of a cache its master.
pub struct FailOverCache;

impl Action for FailOverCache {
    fn spec(&self) -> ActionSpec {
        ActionSpec {
            id: "fail-over-cache",
            title: "Fail over cache",
            verb: "Fail over",
            purpose: "Makes a replica of a Redis cache its master: without loss while the master answers, through Sentinel when it is gone.",
            kind: Kind::Cache,
            floor: Role::Operator,
            risk: Risk::High,
            parameters: &[ParameterSpec {
                name: CANDIDATE,
                label: "New master",
                hint: "the replica that takes over",
                kind: ParameterKind::Choice,
            }],
            help: &[
                "The guide fails over by `SENTINEL FAILOVER`. The old master then takes writes for about ten seconds more, and loses them. This lets the master hand over first, and tells Sentinel after that.",
                "When the master is gone, Sentinel usually promotes a replica by itself within seconds. This is for when it does not.",
            ],
        }
    }

    fn offers<'a>(&'a self, ctx: &'a ActCtx, system: &'a SystemId) -> BoxFuture<'a, BTreeMap<String, Offer>> {
        Box::pin(async move {
            let Ok(cache) = Doors::of(ctx, system) else { return BTreeMap::new() };
            // What the probes read a moment ago; before their first time, a read of our own.
            let known = cache.redis.last();
            let members = if known.members.is_empty() { cache.redis.members().await } else { known.members.clone() };
            let scene = Scene::new(cache.config, members, cache.sentinel.last(), &known);
            let Some(way) = scene.way() else { return BTreeMap::new() };
            let choices: Vec<_> =
                scene.candidates(way).iter().map(|candidate| (candidate.member.at.to_string(), described(candidate))).collect();
            let now = match way {
                Way::Planned(master) => format!("{} is master now", master.at),
                Way::Forced(lost) => format!("{} is master and does not answer", lost.at),
            };
            let value = choices.first().map(|(value, _)| value.clone()).unwrap_or_default();
            BTreeMap::from([(CANDIDATE.to_owned(), Offer { value, now, choices })])
        })
    }

    fn plan<'a>(
        &'a self,
        ctx: &'a ActCtx,
        system: &'a SystemId,
        parameters: &'a Parameters,
    ) -> BoxFuture<'a, Result<PlanBody, ActionError>> {
        Box::pin(async move {
            let cache = Doors::of(ctx, system)?;
            let scene = cache.scene().await?;
            let way = scene.way().ok_or_else(|| no_way(&scene))?;
            let target = chosen(&scene, way, parameters, system)?;
            Ok(body(system, &cache, &scene, way, &target))
        })
    }

    fn apply<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Result<String, ActionError>> {
        Box::pin(async move {
            let cache = Doors::of(ctx.act, &ctx.plan.target)?;
            let roles = Roles::of(ctx.plan)?;
            match ctx.step {
                0 => hand_over::hand_over(&ctx, &cache, &roles).await,
                _ => verify::see_through(&ctx, &cache, &roles).await,
            }
        })
    }

    fn observe<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Observation> {
        Box::pin(async move {
            let doors = Doors::of(ctx.act, &ctx.plan.target).and_then(|cache| Ok((cache, Roles::of(ctx.plan)?)));
            match doors {
                Err(err) => Observation::CannotTell(err.to_string()),
                Ok((cache, roles)) if ctx.step == 0 => hand_over::observe(&ctx, &cache, &roles).await,
                Ok((cache, roles)) => verify::observe(&cache, &roles).await,
            }
        })
    }
}

/// The doors to one cache.
struct Doors<'a> {
    name: &'a str,
    config: &'a Cache,
    redis: &'a Redis,
    sentinel: &'a Sentinel,
}

impl<'a> Doors<'a> {
    fn of(ctx: &'a ActCtx, system: &'a SystemId) -> Result<Self, ActionError> {
        let name = system.name();
        let lacks = |what: &str| {
            ActionError::Refused(format!("Nothing can be done on {name}: give it `{what}` under caches.{name} in the estate file"))
        };
        let config = ctx.estate.caches.get(name).ok_or_else(|| ActionError::Refused(format!("{system} is no cache of this estate")))?;
        if let Some(missing) = config.lacks_to_act() {
            return Err(lacks(missing));
        }
        let redis = ctx.adapters.redis.get(name).ok_or_else(|| lacks("members"))?;
        let sentinel = ctx.adapters.sentinel.get(name).ok_or_else(|| lacks("sentinels"))?;
        Ok(Self { name, config, redis, sentinel })
    }

    /// Everything as it is now, asked under the login that acts: what a plan says must be what the run will meet.
    async fn scene(&self) -> Result<Scene, ActionError> {
        let (members, views) = tokio::join!(self.redis.act_members(), self.sentinel.act_views());
        let (members, views) = (members.unwrap_or_default(), views.unwrap_or_default());
        let denied = |key: &str, at: &HostPort, failure: &Failure| {
            ActionError::Refused(format!("{at} {failure}. Give caches.{}.{key} in the estate file a login that it accepts", self.name))
        };
        for member in &members {
            if let Err(failure @ Failure::Denied(_)) = &member.answer {
                return Err(denied("act", &member.at, failure));
            }
        }
        for (at, view) in &views {
            if let Err(failure @ Failure::Denied(_)) = view {
                return Err(denied("act_sentinels", at, failure));
            }
        }
        Ok(Scene::new(self.config, members, views, &self.redis.last()))
    }
}

/// Why there is neither way.
fn no_way(scene: &Scene) -> ActionError {
    let silent: Vec<_> =
        scene.members.iter().filter_map(|member| Some(format!("{} {}", member.at, member.answer.as_ref().err()?))).collect();
    match scene.favourite() {
        Some(named) if scene.member(named).is_none() => ActionError::Refused(format!(
            "No node of the estate file is master, and the Sentinels name {named}, which is none of them: add it to `members`"
        )),
        Some(named) => ActionError::NotDone(format!(
            "No node is master now, and {named}, which the Sentinels name, answers: a failover is under way. Look again in a few seconds"
        )),
        None => ActionError::NotDone(format!("No master is seen, and no Sentinel names one: {}", silent.join("; "))),
    }
}

/// What stands beside a candidate in the form.
fn described(candidate: &Candidate<'_>) -> String {
    let mut words = vec![candidate.member.at.to_string()];
    match &candidate.member.answer {
        Err(failure) => words.push(failure.to_string()),
        Ok(_) => {
            words.extend(candidate.gap.map(|gap| format!("{} behind", Figure::Bytes(gap).text())));
            if !candidate.linked {
                words.push("link down".to_owned());
            }
            words.extend(candidate.priority.map(|priority| format!("priority {priority}")));
        }
    }
    words.join(", ")
}

/// The node that was chosen, which must be one that is offered.
fn chosen<'s>(scene: &'s Scene, way: Way<'s>, parameters: &Parameters, system: &SystemId) -> Result<Candidate<'s>, ActionError> {
    let Some(Value::Choice(typed)) = parameters.get(CANDIDATE) else {
        return Err(ActionError::Parameter(CANDIDATE.to_owned(), "Choose the replica that takes over".to_owned()));
    };
    let candidates = scene.candidates(way);
    let names: Vec<_> = candidates.iter().map(|candidate| candidate.member.at.to_string()).collect();
    if way.old().at.to_string() == *typed {
        let others = if names.is_empty() { "it has no replica".to_owned() } else { format!("choose {}", names.join(" or ")) };
        return Err(ActionError::Parameter(CANDIDATE.to_owned(), format!("{typed} is the master already; {others}.")));
    }
    candidates.into_iter().find(|candidate| candidate.member.at.to_string() == *typed).ok_or_else(|| {
        let shown: String = typed.chars().take(80).collect();
        let others = if names.is_empty() { "it has none now".to_owned() } else { format!("choose {}", names.join(" or ")) };
        ActionError::Parameter(CANDIDATE.to_owned(), format!("“{shown}” is no replica of {}; {others}.", system.name()))
    })
}

/// Who is who in a stored plan.
struct Roles {
    forced: bool,
    master: HostPort,
    /// The old master's `run_id`: a server that was restarted is another.
    master_run: String,
    target: HostPort,
    /// The target's address as the master knows it.
    address: (String, u16),
}

const WAY: &str = "way";
const MASTER: &str = "master";
const MASTER_RUN: &str = "run id of the master";
const REPLICATION: &str = "replication id";
const TARGET: &str = "new master";
const TARGET_RUN: &str = "run id of the new master";
const ADDRESS: &str = "address of the new master";

impl Roles {
    fn of(plan: &PlanBody) -> Result<Self, ActionError> {
        let text = |name: &str| plan.basis.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let at = |name: &str| {
            let (host, port) = text(name)?.rsplit_once(':')?;
            Some(HostPort { host: host.trim_matches(['[', ']']).to_owned(), port: port.parse().ok()? })
        };
        let read = || {
            let address = at(ADDRESS)?;
            Some(Self {
                forced: text(WAY)? == "forced",
                master: at(MASTER)?,
                master_run: text(MASTER_RUN)?.to_owned(),
                target: at(TARGET)?,
                address: (address.host, address.port),
            })
        };
        // Only a plan of another version could lack one.
        read().ok_or_else(|| ActionError::Refused("The plan does not name who is who; make a new one".to_owned()))
    }
}

fn body(system: &SystemId, cache: &Doors<'_>, scene: &Scene, way: Way<'_>, target: &Candidate<'_>) -> PlanBody {
    let (old, new) = (way.old(), target.member);
    let name = system.name();
    let text = |member: &Member, field: &str| member.info().and_then(|info| info.text(field)).unwrap_or("not told").to_owned();
    let attached = old.info().and_then(|info| Scene::attached(info, new));
    let address = attached.map_or_else(|| new.at.clone(), |attached| HostPort { host: attached.host, port: attached.port });
    let old_after = match way {
        Way::Planned(_) => "replica",
        Way::Forced(_) => "gone; a replica when it returns",
    };
    PlanBody {
        action: "fail-over-cache".to_owned(),
        target: system.clone(),
        parameters: vec![(CANDIDATE.to_owned(), new.at.to_string())],
        title: format!("Fail over {name} to {}", new.at),
        steps: steps(way, new),
        changes: vec![
            Change { what: format!("{}", new.at), before: "replica".to_owned(), after: "master".to_owned() },
            Change {
                what: format!("{}", old.at),
                before: if matches!(way, Way::Planned(_)) { "master" } else { "master, gone" }.to_owned(),
                after: old_after.to_owned(),
            },
            Change { what: "Sentinels send clients to".to_owned(), before: old.at.to_string(), after: new.at.to_string() },
        ],
        blast_radius: blast_radius(way, target),
        checks: checks(scene, way, new),
        by_hand: by_hand(cache, way, new, &address),
        undo: Some(Undo {
            text: format!("Failing over again, to {}, once it follows.", old.at),
            runbook: Some(("fail-over-cache".to_owned(), vec![(CANDIDATE.to_owned(), old.at.to_string())])),
        }),
        basis: vec![
            basis(WAY, way.word()),
            basis(MASTER, &old.at),
            basis(MASTER_RUN, text(old, "run_id")),
            basis(REPLICATION, text(old, "master_replid")),
            basis(TARGET, &new.at),
            basis(TARGET_RUN, text(new, "run_id")),
            basis(ADDRESS, address),
        ],
        instead: None,
    }
}

fn steps(way: Way<'_>, new: &Member) -> Vec<PlanStep> {
    let first = match way {
        Way::Planned(master) => PlanStep {
            title: format!("{} hands over to {}, and Sentinel is told", master.at, new.at),
            detail: format!(
                "pauses writes until {} has every byte, then swaps the roles; gives up after {} s and changes nothing; one Sentinel is told once it is master",
                new.at,
                hand_over::PATIENCE.as_secs()
            ),
            usual_s: Some(1),
            limit_s: HAND_OVER_LIMIT_S,
        },
        Way::Forced(_) => PlanStep {
            title: format!("One Sentinel is told to promote {}", new.at),
            detail: "SENTINEL FAILOVER, unless the Sentinels have begun by themselves".to_owned(),
            usual_s: Some(1),
            limit_s: HAND_OVER_LIMIT_S,
        },
    };
    let verify = PlanStep {
        title: format!("Verify: {} is master, and all Sentinels agree", new.at),
        detail: format!("roles and links asked of every node, the address of every Sentinel; well {} times in a row", verify::IN_A_ROW),
        usual_s: Some(4),
        limit_s: AGREE_LIMIT_S,
    };
    vec![first, verify]
}

fn blast_radius(way: Way<'_>, target: &Candidate<'_>) -> Vec<String> {
    let new = &target.member.at;
    match way {
        Way::Planned(master) => {
            let clients = master.info().and_then(|info| info.number("connected_clients"));
            let clients = clients.map(|clients| format!(" {clients} clients are connected now.")).unwrap_or_default();
            vec![
                "Nothing that was acknowledged is lost.".to_owned(),
                format!("Writes wait while {new} catches up: usually 0.3 s, at most {} s.", hand_over::PATIENCE.as_secs()),
                format!(
                    "Clients that stay connected to {} get READONLY until they ask Sentinel again, which knows after 1 to 2 s.{clients}",
                    master.at
                ),
            ]
        }
        Way::Forced(lost) => {
            let known = target.gap.map_or_else(
                || format!("How much is not known: this console has not read {} since it started.", lost.at),
                |gap| format!("By what {} last told: {}, and whatever it took after that.", lost.at, Figure::Bytes(gap).text()),
            );
            vec![
                format!("What {new} lacks is lost. {known}"),
                "Writes are refused until the new master is up: usually 1 to 4 s.".to_owned(),
            ]
        }
    }
}

fn by_hand(cache: &Doors<'_>, way: Way<'_>, new: &Member, address: &HostPort) -> Vec<String> {
    let sentinel = cache.config.sentinels.first().map(|at| format!("redis-cli -h {} -p {}", at.host, at.port)).unwrap_or_default();
    let tell = format!("{sentinel} SENTINEL FAILOVER {}", cache.config.master);
    match way {
        Way::Planned(master) => vec![
            format!(
                "redis-cli -h {} -p {} FAILOVER TO {} {} TIMEOUT {}",
                master.at.host,
                master.at.port,
                address.host,
                address.port,
                hand_over::PATIENCE.as_millis()
            ),
            format!("redis-cli -h {} -p {} ROLE   # until it says master, then at once:", new.at.host, new.at.port),
            tell,
        ],
        Way::Forced(_) => vec![tell],
    }
}

/// What a command that was not taken means to a step that has done nothing yet.
fn not_told(at: &HostPort, not: NotTold) -> ActionError {
    match not {
        NotTold::Refused(words) => ActionError::Refused(format!("{at} refused: {words}. Nothing was changed")),
        NotTold::NotSent(failure) => ActionError::NotDone(format!("{at} {failure}")),
        NotTold::Unanswered(failure) => ActionError::Unknown(format!("{at} {failure}")),
    }
}
