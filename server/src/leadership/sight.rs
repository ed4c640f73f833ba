//! What has come of a request to move the lead, told from what is so and not from what was answered.

use crate::adapters::{
    patroni::{ClusterView, Turn},
    postgres::Checkpoint,
};

/// What was so before the request was sent: what is seen later is told apart by it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Before {
    /// Who led; nobody, none.
    pub leader: Option<String>,
    /// The timeline.
    pub timeline: u32,
    /// Who shall lead.
    pub candidate: String,
}

/// What is so now.
#[derive(Clone, Copy, Debug)]
pub struct Sighted<'a> {
    /// The cluster as the lock store has it, or why nobody reads it.
    pub cluster: Result<&'a ClusterView, &'a str>,
    /// Members whose PostgreSQL takes writes by its own word, with their timelines.
    pub primaries: &'a [(String, u32)],
    /// Members whose PostgreSQL could not be asked.
    pub silent: &'a [String],
    /// The changes of the lead, oldest first; empty where nobody tells.
    pub history: &'a [Turn],
    /// Members that were asked for a checkpoint and make it, and those of which that cannot be seen.
    pub checkpoints: &'a [(String, Checkpoint)],
}

/// What has come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The candidate leads and takes writes, and nobody else does.
    Arrived {
        /// Its timeline.
        timeline: u32,
    },
    /// All is as it was before.
    Still,
    /// All is as it was before, so far as the console may see: the leader may be making the checkpoint with which it begins to stop.
    StillSoFar,
    /// Another member leads and takes writes, or the candidate did and no longer does.
    Elsewhere(String),
    /// On the way: what is so now.
    Between(String),
    /// It cannot be told.
    CannotTell(String),
}

impl Sight {
    /// Whether nothing is seen to have come of it.
    #[must_use]
    pub const fn is_still(&self) -> bool {
        matches!(self, Self::Still | Self::StillSoFar)
    }
}

/// Tells what has come of a request.
#[must_use]
pub fn sight(before: &Before, now: Sighted<'_>) -> Sight {
    let cluster = match now.cluster {
        Ok(cluster) => cluster,
        Err(why) => return Sight::CannotTell(why.to_owned()),
    };
    let writes = |name: &str| now.primaries.iter().find(|(primary, _)| primary == name).map(|(_, timeline)| *timeline);
    let candidate = &before.candidate;
    let Some(leader) = cluster.members.iter().find(|member| member.leads()).map(|member| member.name.as_str()) else {
        return match before.leader {
            None if now.primaries.is_empty() => Sight::Still,
            Some(_) | None => Sight::Between("no member leads now".into()),
        };
    };
    let Some(timeline) = writes(leader) else {
        let says = if now.silent.iter().any(|silent| silent == leader) { "does not answer" } else { "takes no writes yet" };
        return Sight::Between(format!("{leader} holds the lead and {says}"));
    };
    if let Some((other, _)) = now.primaries.iter().find(|(name, _)| name != leader) {
        return Sight::Between(format!("{leader} leads, and {other} takes writes, too"));
    }
    if leader == candidate {
        return if timeline > before.timeline {
            Sight::Arrived { timeline }
        } else {
            Sight::Between(format!("{leader} leads on timeline {timeline}, which is not a new one"))
        };
    }
    if before.leader.as_deref() != Some(leader) {
        return Sight::Elsewhere(format!("{leader} leads instead of {candidate}, on timeline {timeline}"));
    }
    // A timeline's last row names who leads the next one.
    let turned = now.history.iter().find(|turn| turn.timeline >= before.timeline && turn.leader.as_deref() == Some(candidate));
    match turned {
        Some(turn) => Sight::Elsewhere(format!(
            "{candidate} took over on timeline {}, and {leader} leads again on timeline {timeline}",
            turn.timeline.saturating_add(1)
        )),
        // A leader that is to hand over makes a checkpoint first, however long that takes, and leads and takes writes meanwhile.
        None => match now.checkpoints.iter().find(|(name, _)| name == leader).map(|(_, checkpoint)| *checkpoint) {
            Some(Checkpoint::None) => Sight::Still,
            Some(Checkpoint::Made) => Sight::Between(format!("{leader} still leads and makes a checkpoint, as it does before it stops")),
            Some(Checkpoint::NotSeen) | None => Sight::StillSoFar,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::patroni::MemberView;

    fn cluster(leader: Option<&str>) -> ClusterView {
        let member = |name: &str| MemberView {
            name: name.into(),
            role: if leader == Some(name) { "leader" } else { "replica" }.into(),
            state: "running".into(),
            ..MemberView::default()
        };
        ClusterView { members: ["pg1", "pg2", "pg3"].map(member).to_vec(), ..ClusterView::default() }
    }

    fn seen(leader: Option<&str>, primaries: &[(&str, u32)], turns: &[(u32, &str)]) -> Sight {
        seen_by(Some("pg1"), leader, primaries, turns)
    }

    fn seen_by(before: Option<&str>, leader: Option<&str>, primaries: &[(&str, u32)], turns: &[(u32, &str)]) -> Sight {
        let before = Before { leader: before.map(str::to_owned), timeline: 7, candidate: "pg2".into() };
        let primaries: Vec<_> = primaries.iter().map(|(name, timeline)| ((*name).to_owned(), *timeline)).collect();
        let history: Vec<_> =
            turns.iter().map(|(timeline, leader)| Turn { timeline: *timeline, at: None, leader: Some((*leader).to_owned()) }).collect();
        let cluster = cluster(leader);
        let checkpoints = [("pg1".to_owned(), Checkpoint::None)];
        let silent = ["pg3".to_owned()];
        sight(
            &before,
            Sighted { cluster: Ok(&cluster), primaries: &primaries, silent: &silent, history: &history, checkpoints: &checkpoints },
        )
    }

    #[test]
    fn a_leader_that_makes_a_checkpoint_is_on_its_way() {
        let before = Before { leader: Some("pg1".into()), timeline: 7, candidate: "pg2".into() };
        let (cluster, primaries) = (cluster(Some("pg1")), [("pg1".to_owned(), 7)]);
        let seen = |checkpoints: &[(&str, Checkpoint)]| {
            let checkpoints: Vec<_> = checkpoints.iter().map(|(name, checkpoint)| ((*name).to_owned(), *checkpoint)).collect();
            let now = Sighted { cluster: Ok(&cluster), primaries: &primaries, silent: &[], history: &[], checkpoints: &checkpoints };
            sight(&before, now)
        };
        assert_eq!(seen(&[("pg1", Checkpoint::None), ("pg2", Checkpoint::Made)]), Sight::Still);
        assert!(matches!(seen(&[("pg1", Checkpoint::Made)]), Sight::Between(says) if says.contains("makes a checkpoint")));
        assert_eq!(seen(&[("pg1", Checkpoint::NotSeen)]), Sight::StillSoFar);
        assert_eq!(seen(&[]), Sight::StillSoFar, "it was not asked, or did not answer");
    }

    #[test]
    fn only_a_candidate_that_leads_alone_on_a_new_timeline_has_arrived() {
        assert_eq!(seen(Some("pg2"), &[("pg2", 8)], &[(7, "pg2")]), Sight::Arrived { timeline: 8 });
        assert!(matches!(seen(Some("pg2"), &[("pg2", 7)], &[]), Sight::Between(_)), "a member that lies about its role");
        assert!(matches!(seen(Some("pg2"), &[], &[]), Sight::Between(says) if says.contains("takes no writes yet")));
        assert!(
            matches!(seen(Some("pg2"), &[("pg2", 8), ("pg1", 7)], &[]), Sight::Between(says) if says.contains("pg1 takes writes, too"))
        );
        assert!(matches!(seen(Some("pg3"), &[], &[]), Sight::Between(says) if says.contains("does not answer")));
    }

    #[test]
    fn what_is_as_before_is_told_from_what_came_back() {
        assert_eq!(seen(Some("pg1"), &[("pg1", 7)], &[(6, "pg1")]), Sight::Still);
        assert_eq!(
            seen(Some("pg1"), &[("pg1", 8)], &[(6, "pg2"), (7, "pg1")]),
            Sight::Still,
            "it lost the lead for a while and has it again"
        );
        let back = seen(Some("pg1"), &[("pg1", 9)], &[(7, "pg2"), (8, "pg1")]);
        assert_eq!(back, Sight::Elsewhere("pg2 took over on timeline 8, and pg1 leads again on timeline 9".into()));
        assert_eq!(seen(Some("pg3"), &[("pg3", 8)], &[]), Sight::Elsewhere("pg3 leads instead of pg2, on timeline 8".into()));
        assert!(matches!(seen(None, &[], &[]), Sight::Between(_)));
        assert_eq!(seen_by(None, None, &[], &[]), Sight::Still, "nobody led before");
        assert!(matches!(seen_by(None, None, &[("pg1", 7)], &[]), Sight::Between(_)));
        assert_eq!(seen_by(None, Some("pg1"), &[("pg1", 8)], &[]), Sight::Elsewhere("pg1 leads instead of pg2, on timeline 8".into()));
    }

    #[test]
    fn without_the_lock_store_nothing_is_told() {
        let before = Before { leader: Some("pg1".into()), timeline: 7, candidate: "pg2".into() };
        let now = Sighted { cluster: Err("Patroni did not answer"), primaries: &[], silent: &[], history: &[], checkpoints: &[] };
        assert_eq!(sight(&before, now), Sight::CannotTell("Patroni did not answer".into()));
    }
}
