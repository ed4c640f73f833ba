//! The second step: what is missing is completed, and then nodes and Sentinels must say the same, several times in a row.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    AGREE_LIMIT_S, Doors, Roles,
    hand_over::{complete, look, points_at},
    scene::Scene,
};
use crate::{
    actions::{ActionError, Observation, RunCtx},
    adapters::redis::Member,
    config::HostPort,
};

/// How often in a row all must be well: a second Sentinel that turned it about would show within this.
pub(super) const IN_A_ROW: u64 = 4;
/// How far apart these looks are.
const LOOK: Duration = Duration::from_millis(700);

/// Completes and verifies.
pub(super) async fn see_through(ctx: &RunCtx<'_>, cache: &Doors<'_>, roles: &Roles) -> Result<String, ActionError> {
    complete(ctx, cache, roles).await?;
    let began = Instant::now();
    let mut seen = 0;
    let mut other = None;
    loop {
        let scene = look(cache).await;
        let wrong = wrong(&scene, roles);
        // Twice: nodes and Sentinels are read a moment apart.
        let again = other.is_some() && other.as_ref() == wrong.other();
        other = wrong.other().cloned();
        let wrong = match wrong {
            Wrong::Nothing => {
                seen += 1;
                if seen >= IN_A_ROW {
                    return Ok(sentence(&scene, roles));
                }
                ctx.progress.report(format!("all agree, {seen} of {IN_A_ROW} times"), Some((seen, IN_A_ROW)));
                None
            }
            Wrong::Yet(what) => {
                seen = 0;
                ctx.progress.report(what.clone(), Some((0, IN_A_ROW)));
                Some(ActionError::Failed(format!("Not all agree after {AGREE_LIMIT_S} s: {what}")))
            }
            Wrong::Other(master) if roles.forced && again => return Err(ActionError::Elsewhere(elsewhere(&master, roles))),
            Wrong::Other(master) => {
                seen = 0;
                Some(ActionError::Failed(format!("{master} is master, not {}: Sentinel, or somebody, turned it about", roles.target)))
            }
            Wrong::Unseen(what) => {
                seen = 0;
                ctx.progress.report(what.clone(), None);
                Some(ActionError::Unknown(format!("How it ended is not known after {AGREE_LIMIT_S} s: {what}")))
            }
        };
        if ctx.progress.cancelled() {
            return Err(ActionError::Failed(format!("Stopped verifying. What was done stays done: {}", told(&scene))));
        }
        if let Some(wrong) = wrong
            && began.elapsed() >= Duration::from_secs(AGREE_LIMIT_S)
        {
            return Err(wrong);
        }
        sleep(LOOK).await;
    }
}

/// For an ending that was not known: whether all is as it shall be now.
pub(super) async fn observe(cache: &Doors<'_>, roles: &Roles) -> Observation {
    match wrong(&look(cache).await, roles) {
        Wrong::Nothing => Observation::Applied,
        Wrong::Yet(_) | Wrong::Other(_) => Observation::NotApplied,
        Wrong::Unseen(what) => Observation::CannotTell(what),
    }
}

/// What is not as it shall be.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// It will be so, or it will not: time tells.
    Yet(String),
    /// Another node is master.
    Other(HostPort),
    /// It cannot be seen.
    Unseen(String),
}

impl Wrong {
    fn other(&self) -> Option<&HostPort> {
        match self {
            Self::Other(master) => Some(master),
            Self::Nothing | Self::Yet(_) | Self::Unseen(_) => None,
        }
    }
}

fn wrong(scene: &Scene, roles: &Roles) -> Wrong {
    let target = scene.members.iter().find(|member| member.at == roles.target);
    let masters: Vec<_> = scene.masters().map(|member| &member.at).collect();
    match masters.as_slice() {
        [] => return Wrong::Unseen("no node says that it is master".to_owned()),
        [one] if **one == roles.target => {}
        // The lost master answers again while the Sentinels go on with the order: they make it follow.
        [one] if roles.forced && **one == roles.master => {
            return Wrong::Yet(format!("{one} answers again and calls itself master, and {} is none yet", roles.target));
        }
        [one] => {
            return match scene.views().find(|(_, view)| view.failing_over) {
                Some((at, _)) if roles.forced => Wrong::Yet(format!("{one} is master, and Sentinel {at} is still failing over")),
                Some(_) | None => Wrong::Other((*one).clone()),
            };
        }
        several => {
            let names: Vec<_> = several.iter().map(ToString::to_string).collect();
            return Wrong::Yet(format!("{} call themselves master at once", names.join(" and ")));
        }
    }
    let Some(target) = target else { return Wrong::Unseen(format!("{} is no member any more", roles.target)) };
    for member in scene.members.iter().filter(|member| member.at != roles.target) {
        match &member.answer {
            Err(failure) if member.at == roles.master && !roles.forced => return Wrong::Yet(format!("{} {failure}", member.at)),
            // A node that was away before stays so; it is none of this failover's.
            Err(_) => {}
            Ok(info) if !Scene::follows(info, target) => return Wrong::Yet(format!("{} does not follow {} yet", member.at, roles.target)),
            Ok(info) if info.text("master_link_status") != Some("up") => {
                return Wrong::Yet(format!("the link of {} is not up yet", member.at));
            }
            Ok(_) => {}
        }
    }
    let answering = scene.views().count();
    let needed = scene.views().filter_map(|(_, view)| view.needed).max().unwrap_or(1);
    if (answering as u64) < needed {
        return Wrong::Unseen(format!("{answering} of {} Sentinels answer", scene.sentinels.len()));
    }
    for (at, view) in scene.views() {
        if !points_at(view, Some(target), &roles.target) {
            let says = view.master.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
            return Wrong::Yet(format!("Sentinel {at} sends clients to {says}"));
        }
        if view.failing_over {
            return Wrong::Yet(format!("Sentinel {at} is still failing over"));
        }
    }
    Wrong::Nothing
}

fn sentence(scene: &Scene, roles: &Roles) -> String {
    let following: Vec<_> = scene
        .members
        .iter()
        .filter(|member| member.at != roles.target && member.info().is_some())
        .map(|member| member.at.to_string())
        .collect();
    let following = match following.as_slice() {
        [] => String::new(),
        [one] => format!("; {one} follows it"),
        several => format!("; {} follow it", several.join(" and ")),
    };
    let (answering, all) = (scene.views().count(), scene.sentinels.len());
    let agree =
        if answering == all { format!("all {all} Sentinels agree") } else { format!("{answering} of {all} Sentinels answer, and agree") };
    let way = if roles.forced { ", forced" } else { "" };
    format!("{} is master{way}{following}; {agree}", roles.target)
}

fn elsewhere(master: &HostPort, roles: &Roles) -> String {
    format!("{master} is master now, not {}: Sentinel chose it", roles.target)
}

/// How it stands, in a sentence.
fn told(scene: &Scene) -> String {
    let masters: Vec<_> = scene.masters().map(|member: &Member| member.at.to_string()).collect();
    match masters.as_slice() {
        [] => "no node says that it is master".to_owned(),
        [one] => format!("{one} is master"),
        several => format!("{} call themselves master", several.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::scene::samples::{MASTER, REPLICA, at, gone, node, scene, view},
        *,
    };
    use crate::adapters::Failure;

    fn roles(forced: bool) -> Roles {
        Roles { forced, master: at(1), master_run: "aa".into(), target: at(2), address: ("10.0.0.1".into(), 2) }
    }

    /// The sample's cache after 1 handed over to 2.
    fn after() -> Scene {
        let mut scene = scene();
        scene.members = vec![node(1, &REPLICA.replace("master_port:1", "master_port:2")), node(2, MASTER)];
        scene.sentinels.iter_mut().for_each(|(_, known)| *known = Ok(view(2)));
        scene
    }

    #[test]
    fn all_must_say_the_same() {
        assert_eq!(wrong(&after(), &roles(false)), Wrong::Nothing);
        assert_eq!(sentence(&after(), &roles(false)), "h:2 is master; h:1 follows it; all 3 Sentinels agree");
        let changed = |change: &dyn Fn(&mut Scene)| {
            let mut scene = after();
            change(&mut scene);
            wrong(&scene, &roles(false))
        };
        let yet = |words: &str| Wrong::Yet(words.to_owned());
        assert_eq!(changed(&|s| s.members[0] = gone(1)), yet("h:1 refuses connections"));
        assert_eq!(changed(&|s| s.members[0] = node(1, MASTER)), yet("h:1 and h:2 call themselves master at once"));
        assert_eq!(changed(&|s| s.members[0] = node(1, REPLICA)), yet("h:1 does not follow h:2 yet"));
        assert_eq!(changed(&|s| s.sentinels[1].1 = Ok(view(1))), yet("Sentinel h:7002 sends clients to 10.0.0.1:1"));
        assert_eq!(changed(&|s| s.sentinels[1].1.as_mut().unwrap().failing_over = true), yet("Sentinel h:7002 is still failing over"));
        let unheard = Wrong::Unseen("1 of 3 Sentinels answer".to_owned());
        assert_eq!(changed(&|s| s.sentinels.iter_mut().skip(1).for_each(|(_, view)| *view = Err(Failure::Refused))), unheard);
        assert!(matches!(changed(&|s| s.members[1] = gone(2)), Wrong::Unseen(_)), "nobody is master: not known, not failed");
    }

    #[test]
    fn that_another_became_master_is_told_by_its_name() {
        assert_eq!(wrong(&scene(), &roles(false)), Wrong::Other(at(1)));
        let mut forced = after();
        forced.members[0] = gone(1);
        assert_eq!(wrong(&forced, &roles(true)), Wrong::Nothing, "the lost master is not waited for");
        assert_eq!(sentence(&forced, &roles(true)), "h:2 is master, forced; all 3 Sentinels agree");
    }

    #[test]
    fn a_lost_master_that_comes_back_is_not_the_sentinels_choice() {
        assert!(matches!(wrong(&scene(), &roles(true)), Wrong::Yet(says) if says.contains("h:1 answers again")));
        let mut third = scene();
        third.members[0] = gone(1);
        third.members.push(node(3, MASTER));
        assert_eq!(wrong(&third, &roles(true)), Wrong::Other(at(3)));
        third.sentinels[1].1.as_mut().unwrap().failing_over = true;
        assert!(matches!(wrong(&third, &roles(true)), Wrong::Yet(says) if says.contains("h:7002 is still failing over")));
    }
}
