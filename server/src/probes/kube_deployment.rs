//! Whether a Deployment has the pods that it wants, and if not, why.

use std::{collections::BTreeMap, time::Duration};

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Probe, ProbeCtx, ProbeError, ProbeSpec, Reading, cluster_news};
use crate::adapters::kube::{Deployment, Standing, State, Trouble, Watch, text::counted};

/// Ready of wanted.
pub struct KubeDeployment;

/// The watches that the judgment rests on.
pub const NEEDS: [Watch; 4] = [Watch::Deployments, Watch::ReplicaSets, Watch::Pods, Watch::Nodes];

/// A Deployment that was made so few seconds ago has not failed yet: the time that one new pod gets, too.
const NEW_S: i64 = 60;

impl Probe for KubeDeployment {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec {
            id: "kube_deployment",
            title: "{}",
            kind: Kind::Deployment,
            every: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
        }
    }

    fn news(&self, ctx: &ProbeCtx, system: &SystemId) -> Option<watch::Receiver<u64>> {
        cluster_news(ctx, system)
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let namespace = system.namespace().unwrap_or_default();
            let look = ctx.adapters.kube.of(system)?.look(&NEEDS, Some(namespace))?;
            let Some(deployment) = look.state.deployments.get(namespace, system.name()) else {
                return Ok(Reading::new(Health::Down, format!("There is no such Deployment in {namespace}")).age(look.age));
            };
            let pods = pods_of(&look.state, namespace, system.name(), deployment, look.now);
            let verdict = judge(deployment, &pods, look.now);
            let restarts: u64 = look.state.pods_of(namespace, system.name()).map(|(_, pod)| u64::from(pod.restarts)).sum();
            Ok(reading(deployment, verdict, restarts).age(look.age))
        })
    }
}

/// A pod of a Deployment, as far as the judgment asks.
#[derive(Clone, Debug)]
pub struct JudgedPod<'a> {
    /// How it stands.
    pub standing: Standing<'a>,
    /// Whether it is of the newest revision.
    pub is_newest: bool,
}

/// The pods of a Deployment with how they stand.
#[must_use]
pub fn pods_of<'a>(state: &'a State, namespace: &'a str, name: &'a str, deployment: &Deployment, now: i64) -> Vec<JudgedPod<'a>> {
    let newest =
        state.replica_sets.owned_by(namespace, name).find(|(_, set)| set.revision == deployment.revision).map(|(key, _)| &key.name);
    let pods = state.pods_of(namespace, name);
    pods.map(|(_, pod)| JudgedPod {
        standing: pod.standing(now, state.node_ready(pod.node.as_deref())),
        is_newest: newest.is_some() && pod.replica_set.as_ref() == newest,
    })
    .collect()
}

/// What is judged of a Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How well.
    pub health: Health,
    /// One line.
    pub summary: String,
    /// The revision, and how far its rollout is.
    pub note: String,
    /// The likely cause.
    pub cause: Option<String>,
    /// Pods that take requests.
    pub ready: u32,
}

/// Down when no pod takes requests. Degraded when a pod is not well, a rollout is stuck, or pods are missing that neither a rollout
/// under way nor a pod that is starting explains.
#[must_use]
pub fn judge(deployment: &Deployment, pods: &[JudgedPod<'_>], now: i64) -> Verdict {
    let wanted = deployment.wanted;
    let n_ready = pods.iter().filter(|pod| pod.standing == Standing::Ready).count();
    // The two come by different watches: a pod that is ready may not be counted yet.
    let ready = deployment.ready.max(u32::try_from(n_ready).unwrap_or(u32::MAX));
    let starting = pods.iter().filter(|pod| pod.standing == Standing::Starting).count();
    let missing = wanted.saturating_sub(ready);
    let stuck = deployment.stuck.as_ref().filter(|_| deployment.is_rolling() || missing > 0);
    let unwell = describe(pods);

    let (health, summary) = if wanted == 0 {
        (Health::Ok, "scaled to 0: it wants no pods".to_owned())
    } else if ready == 0 {
        let is_new = now - deployment.created < NEW_S && unwell.is_none();
        match &unwell {
            _ if is_new => (Health::Degraded, format!("new: 0 of {} ready", counted(wanted.into(), "pod"))),
            Some(unwell) => (Health::Down, unwell.summary.clone()),
            None => (Health::Down, format!("0 of {} ready", counted(wanted.into(), "pod"))),
        }
    } else if let Some(unwell) = &unwell {
        (Health::Degraded, unwell.summary.clone())
    } else if stuck.is_some() {
        (Health::Degraded, stuck_words(deployment))
    } else if missing == 0 || (deployment.is_rolling() && missing <= deployment.max_unavailable) {
        (
            Health::Ok,
            if deployment.is_rolling() { rolling_words(deployment) } else { format!("{ready} of {} ready", counted(wanted.into(), "pod")) },
        )
    } else if starting >= missing as usize {
        (Health::Ok, format!("{ready} of {} ready, {missing} starting", counted(wanted.into(), "pod")))
    } else {
        (Health::Degraded, format!("{ready} of {} ready", counted(wanted.into(), "pod")))
    };

    let cause = match (unwell, stuck) {
        (Some(unwell), _) => Some(unwell.cause(deployment, ready)),
        (None, Some(_)) => deployment.refused.as_deref().map(|refused| format!("The cluster refuses to make its pods: {refused}")),
        (None, None) => None,
    };
    Verdict { health, summary, note: note(deployment, stuck.is_some()), cause: cause.filter(|_| health != Health::Ok), ready }
}

fn note(deployment: &Deployment, is_stuck: bool) -> String {
    let mut note = format!("revision {}", deployment.revision);
    if deployment.paused {
        note.push_str(", paused");
    } else if is_stuck {
        note.push_str(", stuck");
    } else if deployment.wanted > 0 && deployment.is_rolling() {
        note.push_str(", ");
        note.push_str(&rolling_words(deployment));
    }
    note
}

/// "rolling out: 3 of 5".
#[must_use]
pub fn rolling_words(deployment: &Deployment) -> String {
    if !deployment.observed {
        return "rollout begins".to_owned();
    }
    format!("rolling out: {} of {}", deployment.updated.min(deployment.wanted), deployment.wanted)
}

fn stuck_words(deployment: &Deployment) -> String {
    if deployment.refused.is_some() {
        return format!("{} of {} ready: the cluster refuses to make pods", deployment.ready, counted(deployment.wanted.into(), "pod"));
    }
    format!("the rollout of revision {} is stuck: no progress for {} s", deployment.revision, deployment.progress_deadline_s)
}

/// What is wrong with the pods, in a line.
struct Unwell {
    summary: String,
    worst: String,
    /// All of these are of the newest revision.
    only_newest: bool,
}

impl Unwell {
    fn cause(&self, deployment: &Deployment, ready: u32) -> String {
        if self.only_newest && ready > 0 && deployment.is_rolling() {
            format!(
                "{}. It came with revision {}; {} of the revision before serve",
                self.worst,
                deployment.revision,
                counted(ready.into(), "pod")
            )
        } else {
            self.worst.clone()
        }
    }
}

/// The cause that explains most comes first.
fn rank(standing: &Standing<'_>) -> u8 {
    match standing {
        Standing::Troubled(Trouble::OutOfMemory { .. }) => 9,
        Standing::Troubled(Trouble::Crashes { .. }) => 8,
        Standing::Troubled(Trouble::Setup { .. }) => 7,
        Standing::Troubled(Trouble::Image { .. }) => 6,
        Standing::NodeLost(_) => 5,
        Standing::Troubled(Trouble::Unschedulable { .. }) => 4,
        Standing::NotReady { .. } => 3,
        Standing::Slow => 2,
        Standing::Troubled(Trouble::Ended { .. }) | Standing::Stuck => 1,
        Standing::Ready | Standing::Starting | Standing::Ending | Standing::Done => 0,
    }
}

fn describe(pods: &[JudgedPod<'_>]) -> Option<Unwell> {
    // Pods that were ended, or do not end, have been replaced: they are listed, and take nothing from the workload.
    let bad: Vec<_> = pods.iter().filter(|pod| rank(&pod.standing) > 1).collect();
    let worst = bad.iter().max_by_key(|pod| rank(&pod.standing))?;
    let all = pods.iter().filter(|pod| rank(&pod.standing) != 1 && !matches!(pod.standing, Standing::Ending | Standing::Done)).count();
    let mut verbs = BTreeMap::<_, u64>::new();
    for pod in &bad {
        *verbs.entry(pod.standing.verb()).or_default() += 1;
    }
    let noun = if all == 1 { "pod" } else { "pods" };
    let summary = if let (1, Some(((one, many), count))) = (verbs.len(), verbs.iter().next()) {
        format!("{count} of {all} {noun} {}", if *count == 1 { one } else { many })
    } else {
        let parts: Vec<_> = verbs.iter().map(|((one, many), count)| format!("{count} {}", if *count == 1 { one } else { many })).collect();
        format!("{} of {all} {noun} are not well: {}", bad.len(), parts.join(", "))
    };
    Some(Unwell { summary, worst: worst.standing.reason().unwrap_or_default(), only_newest: bad.iter().all(|pod| pod.is_newest) })
}

fn reading(deployment: &Deployment, verdict: Verdict, restarts: u64) -> Reading {
    let wanted = u64::from(deployment.wanted);
    let of = |count: u32| Value::Of(u64::from(count), wanted, String::new());
    let reading = Reading::new(verdict.health, verdict.summary)
        .figure(Value::Of(verdict.ready.into(), wanted, "ready".into()))
        .limit(wanted as f64)
        .note(verdict.note)
        .fact(Fact::new("ready", of(verdict.ready)))
        .fact(Fact::new("of the newest revision", of(deployment.updated)))
        .fact(Fact::new("available", of(deployment.available)))
        .fact(Fact::new("restarts", Value::Count(restarts as i64, String::new())));
    match verdict.cause {
        Some(cause) => reading.cause(cause),
        None => reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::kube::Template;

    const NOW: i64 = 1_000_000;

    fn deployment(wanted: u32, ready: u32) -> Deployment {
        Deployment {
            uid: "u".into(),
            created: 0,
            observed: true,
            wanted,
            replicas: wanted,
            updated: wanted,
            ready,
            available: ready,
            paused: false,
            recreates: false,
            max_surge: 1,
            max_unavailable: 1,
            progress_deadline_s: 600,
            revision: 42,
            stuck: None,
            refused: None,
            available_since: 0,
            template: Template::default(),
        }
    }

    fn pods<'a>(standings: &[(usize, Standing<'a>)]) -> Vec<JudgedPod<'a>> {
        let each = standings.iter().flat_map(|(count, standing)| std::iter::repeat_n(standing.clone(), *count));
        each.map(|standing| JudgedPod { standing, is_newest: false }).collect()
    }

    fn crash() -> Trouble {
        Trouble::Crashes { container: "app".into(), exit_code: 1, restarts: 8, waits: true }
    }

    #[test]
    fn a_deployment_is_judged_by_its_pods() {
        let (crash, image) = (
            crash(),
            Trouble::Image { image: "shop:9".into(), word: "ImagePullBackOff".into(), why: "the registry has no such image or tag".into() },
        );
        let no_node = Trouble::Unschedulable { why: "of 3 nodes, 3 have too little CPU free".into() };
        let node = "node-2".into();
        for (deployment, pods, health, summary) in [
            (deployment(5, 5), pods(&[(5, Standing::Ready)]), Health::Ok, "5 of 5 pods ready"),
            (deployment(5, 4), pods(&[(4, Standing::Ready), (1, Standing::Troubled(&crash))]), Health::Degraded, "1 of 5 pods crashes"),
            (
                deployment(5, 3),
                pods(&[(3, Standing::Ready), (2, Standing::Troubled(&image))]),
                Health::Degraded,
                "2 of 5 pods do not start",
            ),
            (
                deployment(3, 2),
                pods(&[(2, Standing::Ready), (1, Standing::Troubled(&no_node))]),
                Health::Degraded,
                "1 of 3 pods finds no node",
            ),
            (
                deployment(3, 1),
                pods(&[(1, Standing::Ready), (1, Standing::NotReady { since: 0 }), (1, Standing::Troubled(&crash))]),
                Health::Degraded,
                "2 of 3 pods are not well: 1 crashes, 1 is not ready",
            ),
            (
                deployment(3, 3),
                pods(&[(2, Standing::Ready), (1, Standing::NodeLost(&node))]),
                Health::Degraded,
                "1 of 3 pods is on a node that is not ready",
            ),
            (deployment(2, 0), pods(&[(2, Standing::Troubled(&crash))]), Health::Down, "2 of 2 pods crash"),
            (deployment(2, 0), pods(&[]), Health::Down, "0 of 2 pods ready"),
            (deployment(0, 0), pods(&[]), Health::Ok, "scaled to 0: it wants no pods"),
            (deployment(5, 4), pods(&[(4, Standing::Ready), (1, Standing::Starting)]), Health::Ok, "4 of 5 pods ready, 1 starting"),
            (deployment(5, 4), pods(&[(4, Standing::Ready)]), Health::Degraded, "4 of 5 pods ready"),
            (deployment(5, 4), pods(&[(5, Standing::Ready)]), Health::Ok, "5 of 5 pods ready"),
        ] {
            let verdict = judge(&deployment, &pods, NOW);
            assert_eq!((verdict.health, verdict.summary.as_str()), (health, summary));
        }
    }

    #[test]
    fn a_rollout_explains_what_it_may_take_away_and_no_more() {
        let rolling = |ready| Deployment { updated: 3, replicas: 6, ..deployment(5, ready) };
        let verdict = judge(&rolling(4), &pods(&[(4, Standing::Ready)]), NOW);
        assert_eq!((verdict.health, verdict.summary.as_str()), (Health::Ok, "rolling out: 3 of 5"));
        assert_eq!(verdict.note, "revision 42, rolling out: 3 of 5");
        assert_eq!(judge(&rolling(3), &pods(&[(3, Standing::Ready)]), NOW).health, Health::Degraded);
    }

    #[test]
    fn a_stuck_rollout_is_degraded_though_enough_pods_serve() {
        let stuck = Deployment { updated: 1, replicas: 6, stuck: Some(("ProgressDeadlineExceeded".into(), NOW - 60)), ..deployment(5, 5) };
        let verdict = judge(&stuck, &pods(&[(5, Standing::Ready)]), NOW);
        assert_eq!((verdict.health, verdict.note.as_str()), (Health::Degraded, "revision 42, stuck"));
    }

    #[test]
    fn pods_that_came_with_a_rollout_and_fail_name_its_revision() {
        let crash = crash();
        let rolling = Deployment { updated: 1, replicas: 6, ..deployment(5, 5) };
        let mut all = pods(&[(5, Standing::Ready)]);
        all.push(JudgedPod { standing: Standing::Troubled(&crash), is_newest: true });
        let verdict = judge(&rolling, &all, NOW);
        assert_eq!((verdict.health, verdict.summary.as_str()), (Health::Degraded, "1 of 6 pods crashes"));
        let cause = verdict.cause.unwrap_or_default();
        assert!(
            cause.contains("exit code 1, 8 times") && cause.ends_with("It came with revision 42; 5 pods of the revision before serve"),
            "{cause}"
        );
    }

    #[test]
    fn a_new_deployment_gets_time_to_start() {
        let new = Deployment { created: NOW - 5, ..deployment(3, 0) };
        assert_eq!(judge(&new, &pods(&[(3, Standing::Starting)]), NOW).health, Health::Degraded);
        let crash = crash();
        assert_eq!(judge(&new, &pods(&[(3, Standing::Troubled(&crash))]), NOW).health, Health::Down);
    }
}
