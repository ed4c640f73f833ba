//! The page of a database: its last look in the probe's own age, judged by the functions that plans judge by.

use std::collections::{BTreeMap, BTreeSet};

use app::model::{
    ConnectionRow, ConnectionTable, DatabaseStanding, DatabaseView, Fact, Health, LockWait, MemberNode, MemberRole, Readiness, ReplicaLag,
    Seen, SystemId, TransactionRow, Value, clock_words,
};

use super::Drawing;
use crate::{
    adapters::{
        database::{DatabaseLook, Member},
        patroni::Verb,
        postgres::{Activity, LockSide, Receiver},
    },
    config::DatabaseLimits,
    leadership::{candidates, checks},
    overview::Ages,
};

/// At most so many applications stand in the table of connections.
const APPLICATIONS: usize = 12;
/// At most so many open transactions.
const TRANSACTIONS: usize = 10;
/// Chains of waits are followed so deep.
const DEPTH: usize = 8;

impl Drawing {
    /// One database's page; `None` when there is no such database.
    pub(super) async fn database(&self, system: &SystemId, ages: Ages) -> Option<DatabaseView> {
        let view = self.system(system, ages).await?;
        let seen = {
            let world = self.world.borrow();
            world.of(system).find(|instance| instance.spec.id == "postgres_leadership").and_then(|instance| ages.seen(instance))
        };
        let look = self.adapters.databases.get(system.name()).and_then(crate::adapters::database::Watched::last);
        let limits = &self.estate.databases.get(system.name())?.limits;
        let standing = seen.zip(look).map(|(seen, look)| standing(&look, limits, seen));
        Some(DatabaseView { system: view, standing })
    }
}

fn standing(look: &DatabaseLook, limits: &DatabaseLimits, seen: Seen) -> DatabaseStanding {
    let mut members: Vec<_> = look.members.iter().map(|member| node(look, member)).collect();
    members.sort_by_key(|member| member.role != MemberRole::Primary);
    let activity = |member: &Member| member.look.as_ref().ok()?.activity.as_ref().ok().cloned();
    let leader =
        look.leader().filter(|leader| leader.primary().is_some()).or_else(|| look.members.iter().find(|member| member.primary().is_some()));
    let lags = look.members.iter().filter(|member| member.replica().is_some()).map(|member| lag(look, member, limits)).collect();
    let mut transactions: Vec<_> = look
        .members
        .iter()
        .filter_map(|member| Some((member, activity(member)?)))
        .flat_map(|(member, activity)| {
            let of = member.name.clone();
            activity.transactions.into_iter().map(move |open| TransactionRow {
                member: of.clone(),
                pid: open.pid.into(),
                user: open.user_name,
                application: if open.application.is_empty() { "unnamed".into() } else { open.application },
                seconds: open.seconds,
                state: if open.state == "active" && !open.command.is_empty() { format!("active: {}", open.command) } else { open.state },
                waits_for: open.waits_for,
            })
        })
        .collect();
    transactions.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    transactions.truncate(TRANSACTIONS);
    DatabaseStanding {
        seen,
        products: products(look),
        note: note(look),
        members,
        lags,
        connections: leader.and_then(|leader| Some(connections(&leader.name, &activity(leader)?))),
        transactions,
        locks: leader.and_then(activity).map(|activity| waits(&activity.locks)).unwrap_or_default(),
        switchover: look.cluster.is_ok().then(|| readiness(look, limits)),
    }
}

fn products(look: &DatabaseLook) -> String {
    let postgres = look.members.iter().find_map(|member| Some(member.look.as_ref().ok()?.state.version.clone()));
    let patroni = look.members.iter().find_map(|member| Some(member.agent.as_ref()?.own.as_ref().ok()?.patroni.version.clone()));
    match (postgres, patroni) {
        (Some(postgres), Some(patroni)) => format!("PostgreSQL {postgres} under Patroni {}", crate::adapters::one_line(&patroni)),
        (Some(postgres), None) => format!("PostgreSQL {postgres}"),
        (None, _) => String::new(),
    }
}

fn note(look: &DatabaseLook) -> String {
    let mut parts = Vec::new();
    if let Some(timeline) = look.members.iter().filter_map(Member::timeline).max() {
        // When the timeline began; the day is enough for what lasts for months.
        let since = look
            .history
            .iter()
            .flatten()
            .rev()
            .find(|turn| turn.timeline.checked_add(1) == Some(timeline))
            .and_then(|turn| turn.at.clone());
        let since =
            since.and_then(|at| chrono::DateTime::parse_from_rfc3339(&at).ok()).map(|at| at.format(" since %-d %b, %H:%M").to_string());
        parts.push(format!("timeline {timeline}{}", since.unwrap_or_default()));
    }
    let agents: Vec<_> = look.members.iter().filter_map(|member| member.agent.as_ref()).collect();
    if !agents.is_empty() {
        let reads = agents.iter().filter(|agent| agent.leader.is_ok()).count();
        parts.push(format!("{reads} of {} reach the lock store", agents.len()));
    }
    parts.join("; ")
}

fn node(look: &DatabaseLook, member: &Member) -> MemberNode {
    let leads = look.leader().is_some_and(|leader| leader.name == member.name);
    let (role, health, state) = match &member.look {
        Err(failure) if failure.means_down() => (MemberRole::Unknown, Health::Down, failure.to_string()),
        Err(failure) => (MemberRole::Unknown, Health::Unknown, failure.to_string()),
        Ok(_) => match member.replica() {
            None if leads || look.cluster.is_err() => (MemberRole::Primary, Health::Ok, "takes writes".to_owned()),
            None => (MemberRole::Primary, Health::Degraded, "takes writes, and Patroni does not say that it leads".to_owned()),
            Some(replica) => match &replica.receiver {
                _ if leads => (MemberRole::Replica, Health::Degraded, "holds the lead and takes no writes".to_owned()),
                _ if replica.replay_paused => (MemberRole::Replica, Health::Degraded, "its replay is paused".to_owned()),
                Receiver::Disconnected => (MemberRole::Replica, Health::Degraded, "cut off from its primary".to_owned()),
                Receiver::Connected { status } => (MemberRole::Replica, Health::Ok, status.clone()),
                Receiver::NotSeen => (MemberRole::Replica, Health::Unknown, "follows; how may not be seen".to_owned()),
            },
        },
    };
    let mut lines = vec![member.at.to_string()];
    let mut second = Vec::new();
    if let Ok(looked) = &member.look {
        if let Ok(standing) = &looked.standing {
            // Whole minutes, so that a page does not change with each second.
            let minutes = (standing.up / 60.0) as u64;
            second.push(if minutes == 0 { "up less than 1 min".to_owned() } else { format!("up {}", clock_words(minutes * 60_000)) });
        }
        if let Ok(activity) = &looked.activity {
            let used: i64 = activity.connections.iter().map(|row| row.n).sum();
            second.push(format!("{used} of {} connections", activity.max_connections));
        }
    }
    if let Some(timeline) = member.timeline() {
        second.push(format!("timeline {timeline}"));
    }
    lines.extend((!second.is_empty()).then(|| second.join(", ")));
    match member.agent.as_ref().map(|agent| &agent.own) {
        Some(Err(failure)) => lines.push(format!("its Patroni {failure}")),
        Some(Ok(own)) if own.state != "running" => {
            lines.push(format!("its Patroni says that it is {}", crate::adapters::one_line(&own.state)))
        }
        Some(Ok(_)) | None => {}
    }
    let view = member.registered.as_ref();
    for (tag, words) in [("nofailover", "may not lead (nofailover)"), ("noloadbalance", "takes no reads (noloadbalance)")] {
        lines.extend(view.filter(|view| view.is_marked(tag)).map(|_| words.to_owned()));
    }
    if view.is_some_and(|view| view.pending_restart) {
        lines.push("a setting waits for a restart".into());
    }
    let wire = match look.stream_to(&member.name).and_then(|stream| stream.sync_state.clone()) {
        Some(state) => match state.as_str() {
            "async" => "asynchronous".into(),
            "sync" => "synchronous".into(),
            other => crate::adapters::one_line(other),
        },
        None => "no stream".to_owned(),
    };
    MemberNode { name: member.name.clone(), role, health, state, lines, wire }
}

fn lag(look: &DatabaseLook, member: &Member, limits: &DatabaseLimits) -> ReplicaLag {
    let mut ways = Vec::new();
    let replica = member.replica();
    let written = look.members.iter().filter_map(Member::primary).map(|(_, written)| written).max();
    let most = look.settings.map_or(1 << 20, |settings| settings.longest_lag());
    if let (Some(replica), Some(written)) = (replica, written) {
        let lacks = |position: Option<u64>| position.map(|position| Value::Bytes(written.saturating_sub(position)));
        ways.extend(lacks(replica.received).map(|value| Fact::new("Not yet received", value).limit(Value::Bytes(most))));
        ways.extend(
            lacks(replica.replayed)
                .map(|value| Fact::new("Not yet replayed", value).limit(Value::Bytes(limits.replica_lag_bytes.degraded))),
        );
    }
    if let Some(stream) = look.stream_to(&member.name) {
        for (name, lag) in [("Written after", stream.write_lag), ("Flushed after", stream.flush_lag), ("Replayed after", stream.replay_lag)]
        {
            // An idle replica has none, which is not zero.
            let value = lag.map_or_else(|| Value::Text("idle".into()), Value::Duration);
            ways.push(Fact::new(name, value).limit(Value::Duration(limits.replica_lag.degraded.as_secs_f64())));
        }
    }
    let (receiver, receives) = match replica.map(|replica| &replica.receiver) {
        Some(Receiver::Connected { status }) => (format!("receiver {status}"), status == "streaming"),
        Some(Receiver::NotSeen) => ("whether its receiver runs may not be seen".to_owned(), look.stream_to(&member.name).is_some()),
        Some(Receiver::Disconnected) | None => ("its receiver does not run: what stands here grows".to_owned(), false),
    };
    ReplicaLag { name: member.name.clone(), receiver, receives, ways }
}

fn connections(of: &str, activity: &Activity) -> ConnectionTable {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let mut by_application: BTreeMap<&str, ConnectionRow> = BTreeMap::new();
    for row in &activity.connections {
        let name = if row.application.is_empty() { "unnamed" } else { &row.application };
        let entry =
            by_application.entry(name).or_insert_with(|| ConnectionRow { application: name.to_owned(), ..ConnectionRow::default() });
        let n = count(row.n);
        entry.all += n;
        match row.state.as_str() {
            "active" => entry.active += n,
            "idle" => entry.idle += n,
            state if state.starts_with("idle in transaction") => entry.in_transaction += n,
            _ => {}
        }
    }
    let mut rows: Vec<_> = by_application.into_values().collect();
    rows.sort_by(|a, b| b.all.cmp(&a.all).then_with(|| a.application.cmp(&b.application)));
    let used = rows.iter().map(|row| row.all).sum();
    let others = rows.iter().skip(APPLICATIONS).map(|row| row.all).sum();
    rows.truncate(APPLICATIONS);
    ConnectionTable { of: of.to_owned(), used, max: count(activity.max_connections), reserved: count(activity.reserved), rows, others }
}

/// Who waits for whom, as trees; whoever waits for nobody is a root.
fn waits(locks: &[LockSide]) -> Vec<LockWait> {
    let roots: Vec<_> = locks.iter().filter(|side| side.blocked_by.is_empty()).collect();
    // Two that wait for each other have no root until the server breaks their deadlock; the first of them stands for both.
    let roots = if roots.is_empty() { locks.first().into_iter().collect() } else { roots };
    let mut told = BTreeSet::new();
    roots.into_iter().map(|root| wait(root, locks, &mut told, 0)).collect()
}

fn wait(side: &LockSide, locks: &[LockSide], told: &mut BTreeSet<i32>, depth: usize) -> LockWait {
    told.insert(side.pid);
    let mut blocks = Vec::new();
    if depth < DEPTH {
        for other in locks {
            if other.blocked_by.contains(&side.pid) && !told.contains(&other.pid) {
                blocks.push(wait(other, locks, told, depth + 1));
            }
        }
    }
    let whole = clock_words((side.seconds.max(0.0) as u64) * 1_000);
    let application = if side.application.is_empty() { "unnamed" } else { &side.application };
    let says = if side.blocked_by.is_empty() {
        format!(
            "{application}, {} for {whole}{}",
            side.state,
            if side.command.is_empty() { String::new() } else { format!(", last {}", side.command) }
        )
    } else {
        format!("{application} waits with {} for {whole}", if side.command.is_empty() { "a statement" } else { &side.command })
    };
    LockWait { pid: side.pid.into(), says, blocks }
}

fn readiness(look: &DatabaseLook, limits: &DatabaseLimits) -> Readiness {
    let found = candidates(Verb::SwitchOver, look, limits);
    let candidate = found.first().map(|best| best.name.clone());
    let checks = candidate.as_deref().map(|candidate| checks(Verb::SwitchOver, look, candidate, limits)).unwrap_or_default();
    Readiness { candidate, candidates: found.into_iter().map(|one| (one.name, one.fit, one.why)).collect(), checks }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leadership::samples;

    fn side(pid: i32, blocked_by: &[i32]) -> LockSide {
        LockSide {
            pid,
            blocked_by: blocked_by.to_vec(),
            application: "shop".into(),
            state: "active".into(),
            command: "UPDATE".into(),
            seconds: 3.0,
        }
    }

    #[test]
    fn waits_become_trees_and_a_circle_ends() {
        let trees = waits(&[side(1, &[]), side(2, &[1]), side(3, &[2, 1]), side(4, &[])]);
        assert_eq!(trees.iter().map(|tree| tree.pid).collect::<Vec<_>>(), [1, 4]);
        assert_eq!((trees[0].blocks[0].pid, trees[0].blocks[0].blocks[0].pid), (2, 3));
        let circle = waits(&[side(1, &[2]), side(2, &[1])]);
        assert_eq!((circle.len(), circle[0].blocks.len()), (1, 1));
    }

    #[test]
    fn a_healthy_pair_is_drawn_with_its_leader_first_and_could_switch_over() {
        let seen = Seen { source: 1, at: chrono::DateTime::UNIX_EPOCH, age_ms: 0, deadline_ms: 9_000 };
        let mut look = samples::pair();
        look.members.reverse();
        let drawn = standing(&look, &samples::limits(), seen);
        assert_eq!(
            drawn.members.iter().map(|member| (member.name.as_str(), member.role)).collect::<Vec<_>>(),
            [("pg1", MemberRole::Primary), ("pg2", MemberRole::Replica)]
        );
        assert_eq!((drawn.members[1].wire.as_str(), drawn.lags.len()), ("asynchronous", 1));
        assert!(drawn.switchover.is_some_and(|readiness| readiness.is_possible() && readiness.checks.len() == 17));
        assert_eq!(drawn.products, "PostgreSQL 15.6 under Patroni 3.0.2");
    }
}
