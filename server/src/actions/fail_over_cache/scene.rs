//! What a failover rests on, as it was read at one moment: nodes, Sentinels, and who could take over. Pure.

use std::{cmp::Reverse, time::Duration};

use crate::{
    adapters::{
        redis::{Attached, Info, Known, Member},
        sentinel::{KnownReplica, SentinelView, Views},
    },
    config::{Cache, HostPort, Limit},
};

/// Everything that was read.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The data nodes, as the estate file lists them.
    pub members: Vec<Member>,
    /// The Sentinels, as the estate file lists them.
    pub sentinels: Views,
    /// How far a replica may be behind, in bytes.
    pub gap: Limit<u64>,
    /// The last offset that each node told, and how long ago: what is known of a master that is gone.
    pub offsets: Vec<(HostPort, u64, Duration)>,
}

/// Which of the two ways there is.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    /// The master answers, and hands over by itself.
    Planned(&'a Member),
    /// It is gone, and the Sentinels promote a replica without it.
    Forced(&'a Member),
}

/// A node that could become master.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The node.
    pub member: &'a Member,
    /// How many bytes it lacks, by the newest offsets; none where one of the two is not known.
    pub gap: Option<u64>,
    /// Its priority: the lowest that a Sentinel or itself tells. 0 is never promoted.
    pub priority: Option<u64>,
    /// Whether the stream from the master flows.
    pub linked: bool,
}

impl Scene {
    /// A scene from what was read just now.
    #[must_use]
    pub fn new(cache: &Cache, members: Vec<Member>, sentinels: Views, known: &Known) -> Self {
        let offset = |info: &Info| info.number("master_repl_offset");
        let offsets = known.good.iter().filter_map(|(at, (when, info))| Some((at.clone(), offset(info)?, when.elapsed()))).collect();
        Self { members, sentinels, gap: cache.limits.replica_lag_bytes, offsets }
    }

    /// The views of the Sentinels that answered.
    pub fn views(&self) -> impl Iterator<Item = (&HostPort, &SentinelView)> {
        self.sentinels.iter().filter_map(|(at, view)| Some((at, view.as_ref().ok()?)))
    }

    /// The node that `at` means, as a Sentinel or another node writes it.
    #[must_use]
    pub fn member(&self, at: &HostPort) -> Option<&Member> {
        self.members.iter().find(|member| member.is_at(&at.host, at.port))
    }

    /// The nodes that call themselves master.
    pub fn masters(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_master())
    }

    /// Whom most Sentinels send clients to; of a tie, the first.
    #[must_use]
    pub fn favourite(&self) -> Option<&HostPort> {
        let mut votes: Vec<(&HostPort, usize)> = Vec::new();
        for master in self.views().filter_map(|(_, view)| view.master.as_ref()) {
            match votes.iter_mut().find(|(known, _)| *known == master) {
                Some((_, votes)) => *votes += 1,
                None => votes.push((master, 1)),
            }
        }
        votes.into_iter().rev().max_by_key(|(_, votes)| *votes).map(|(master, _)| master)
    }

    /// Which way there is; none while no node is master and the one that the Sentinels name answers, or is none of ours.
    #[must_use]
    pub fn way(&self) -> Option<Way<'_>> {
        let named = self.favourite().and_then(|at| self.member(at));
        // Of several, the one that clients are sent to; that there are several is a check's to tell.
        if let Some(master) = named.filter(|member| member.is_master()).or_else(|| self.masters().next()) {
            return Some(Way::Planned(master));
        }
        named.filter(|member| member.answer.is_err()).map(Way::Forced)
    }

    /// How a Sentinel knows a node.
    #[must_use]
    pub fn known_by<'v>(view: &'v SentinelView, member: &Member) -> Option<&'v KnownReplica> {
        view.known.as_ref()?.iter().find(|replica| member.is_at(&replica.at.host, replica.at.port))
    }

    /// The nodes that could become master, the best first: what Sentinel itself would choose.
    #[must_use]
    pub fn candidates(&self, way: Way<'_>) -> Vec<Candidate<'_>> {
        let old = way.old();
        let newest = self.offset(old);
        let mut found: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.at != old.at && !member.is_master())
            .map(|member| {
                let info = member.info();
                let told = self.views().filter_map(|(_, view)| Self::known_by(view, member)?.priority);
                let own = info.and_then(|info| info.number("slave_priority"));
                let offset = info.and_then(|info| info.number("slave_repl_offset"));
                Candidate {
                    member,
                    gap: newest.zip(offset).map(|(newest, offset)| newest.saturating_sub(offset)),
                    priority: told.chain(own).min(),
                    linked: info.is_some_and(|info| info.text("master_link_status") == Some("up")),
                }
            })
            .collect();
        found.sort_by_key(|candidate| {
            let info = candidate.member.info();
            let offset = info.and_then(|info| info.number("slave_repl_offset"));
            let run_id = info.and_then(|info| info.text("run_id")).unwrap_or_default().to_owned();
            let may = info.is_some() && candidate.priority != Some(0);
            (!may, !candidate.linked && matches!(way, Way::Planned(_)), candidate.priority, Reverse(offset), run_id)
        });
        found
    }

    /// The offset of a master: from its answer, else the last that it told.
    #[must_use]
    pub fn offset(&self, master: &Member) -> Option<u64> {
        let told = || self.offsets.iter().find(|(at, ..)| *at == master.at).map(|(_, offset, _)| *offset);
        master.info().and_then(|info| info.number("master_repl_offset")).or_else(told)
    }

    /// How long ago a node that is gone last told its offset.
    #[must_use]
    pub fn told_ago(&self, master: &Member) -> Option<Duration> {
        self.offsets.iter().find(|(at, ..)| *at == master.at).map(|(.., ago)| *ago)
    }

    /// How the master writes a replica; none when it does not know it.
    #[must_use]
    pub fn attached(master: &Info, replica: &Member) -> Option<Attached> {
        master.replicas().into_iter().find(|attached| replica.is_at(&attached.host, attached.port))
    }

    /// Whether a node follows another, by its own word.
    #[must_use]
    pub fn follows(replica: &Info, master: &Member) -> bool {
        let port = replica.number("master_port").and_then(|port| u16::try_from(port).ok());
        replica.text("role") == Some("slave") && replica.text("master_host").zip(port).is_some_and(|(host, port)| master.is_at(host, port))
    }
}

impl<'a> Way<'a> {
    /// The master before.
    #[must_use]
    pub const fn old(self) -> &'a Member {
        match self {
            Self::Planned(member) | Self::Forced(member) => member,
        }
    }

    /// The word in a plan's basis.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned(_) => "planned",
            Self::Forced(_) => "forced",
        }
    }
}

/// Scenes for tests, of text such as a node's own.
#[cfg(test)]
pub mod samples {
    use super::*;
    use crate::adapters::Failure;

    pub fn at(port: u16) -> HostPort {
        HostPort { host: "h".into(), port }
    }

    pub fn node(port: u16, text: &str) -> Member {
        Member { at: at(port), peer: Some(([10, 0, 0, 1], port).into()), answer: Ok(Info::parse(&text.replace(' ', "\n"))) }
    }

    pub fn gone(port: u16) -> Member {
        Member { at: at(port), peer: None, answer: Err(Failure::Refused) }
    }

    pub const MASTER: &str = "redis_version:7.0.15 role:master run_id:aa master_replid:rr master_repl_offset:5000 connected_slaves:1 \
        slave0:ip=10.0.0.1,port=2,state=online,offset=4900,lag=0 master_failover_state:no-failover rdb_bgsave_in_progress:0 \
        aof_rewrite_in_progress:0 loading:0 uptime_in_seconds:9000 cmdstat_failover:calls=3";
    pub const REPLICA: &str = "redis_version:7.0.15 role:slave run_id:bb master_host:10.0.0.1 master_port:1 master_link_status:up \
        master_last_io_seconds_ago:0 master_sync_in_progress:0 slave_repl_offset:4900 slave_priority:100 rdb_bgsave_in_progress:0 \
        aof_rewrite_in_progress:0 loading:0 master_repl_offset:4900";

    pub fn replica(port: u16, priority: u64) -> KnownReplica {
        KnownReplica { at: HostPort { host: "10.0.0.1".into(), port }, priority: Some(priority), down: false, told_ms: Some(1_000) }
    }

    pub fn view(master: u16) -> SentinelView {
        SentinelView {
            quorum: Ok(()),
            master: Some(HostPort { host: "10.0.0.1".into(), port: master }),
            master_down: false,
            failing_over: false,
            needed: Some(2),
            replicas: Some(1),
            master_answered_ms: Some(10),
            known: Some(vec![replica(2, 100)]),
        }
    }

    /// A master, a replica that follows it, three Sentinels that agree.
    pub fn scene() -> Scene {
        Scene {
            members: vec![node(1, MASTER), node(2, REPLICA)],
            sentinels: (1..=3).map(|n| (at(7_000 + n), Ok(view(1)))).collect(),
            gap: Limit { degraded: 1_000, down: 1_000_000 },
            offsets: Vec::new(),
        }
    }

    /// The same with the master gone, as every Sentinel finds.
    pub fn lost() -> Scene {
        let mut scene = scene();
        scene.members[0] = Member { peer: Some(([10, 0, 0, 1], 1).into()), ..gone(1) };
        scene.members[1] = node(2, &REPLICA.replace("master_link_status:up", "master_link_status:down"));
        scene.offsets = vec![(at(1), 5_000, Duration::from_secs(4))];
        for (_, view) in &mut scene.sentinels {
            if let Ok(view) = view {
                view.master_down = true;
            }
        }
        scene
    }
}

#[cfg(test)]
mod tests {
    use super::{
        samples::{MASTER, REPLICA, lost, node, replica, scene},
        *,
    };

    #[test]
    fn the_way_depends_on_whether_the_master_answers() {
        assert!(matches!(scene().way(), Some(Way::Planned(old)) if old.at.port == 1));
        assert!(matches!(lost().way(), Some(Way::Forced(old)) if old.at.port == 1));
        let mut electing = scene();
        electing.members[0] = node(1, REPLICA);
        assert!(electing.way().is_none(), "the named master answers and is none");
        let mut moved = scene();
        (moved.members[0], moved.members[1]) = (node(1, REPLICA), node(2, MASTER));
        assert!(matches!(moved.way(), Some(Way::Planned(old)) if old.at.port == 2), "Sentinel is behind");
    }

    #[test]
    fn the_best_candidate_is_the_one_that_sentinel_would_choose() {
        let mut scene = scene();
        scene.members.push(node(3, &REPLICA.replace("4900", "4990").replace("run_id:bb", "run_id:ab")));
        scene.members.push(node(4, &REPLICA.replace("slave_priority:100", "slave_priority:0")));
        scene.members.push(node(5, &REPLICA.replace("master_link_status:up", "master_link_status:down")));
        let order =
            |scene: &Scene| scene.candidates(scene.way().unwrap()).iter().map(|candidate| candidate.member.at.port).collect::<Vec<_>>();
        assert_eq!(order(&scene), [3, 2, 5, 4], "the larger offset of the same priority, then what is not linked, then what must not");
        if let Ok(view) = &mut scene.sentinels[0].1 {
            view.known = Some(vec![replica(2, 10)]);
        }
        assert_eq!(order(&scene)[0], 2, "a lower priority comes first, whoever tells it");
        let candidates = scene.candidates(scene.way().unwrap());
        assert_eq!((candidates[0].gap, candidates[1].gap), (Some(100), Some(10)));
    }

    #[test]
    fn what_a_lost_master_had_is_what_it_told_last() {
        let scene = lost();
        let way = scene.way().unwrap();
        assert_eq!(scene.offset(way.old()), Some(5_000));
        assert_eq!(scene.candidates(way)[0].gap, Some(100));
        assert_eq!(scene.told_ago(way.old()), Some(Duration::from_secs(4)));
    }
}
