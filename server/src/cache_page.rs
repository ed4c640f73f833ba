//! What the page of a cache shows, from what the adapters remember of the probes' last look: nothing here waits.
//!
//! Whether it could fail over is judged by the action's own checks, so that the page and the plan cannot disagree.

use app::model::{
    CacheMemory, CacheView, CountCell, Fact, FailOverView, Health, Moment, RunbookLink, Seen, SentinelRow, SlowLog, SlowRow, Spark,
    SystemView, Topology, TopologyNode, TopologyStream, Value,
};
use chrono::DateTime;

use crate::{
    actions::fail_over_cache::{Scene, Way, checks},
    adapters::{
        one_line,
        redis::{Info, Known, Member},
        sentinel::Views,
    },
    cluster_pages::Moments,
    config::Cache,
};

/// At most so many nodes and Sentinels stand on the page.
const MAX_ROWS: usize = 50;

/// What is known beside the nodes' own answers.
pub struct Beside<'a> {
    /// The page that every system has: health, verdict, changes, buttons.
    pub base: SystemView,
    /// The hit rate of the last minute and its course.
    pub hit_rate: (Option<Value>, Option<Spark>),
    /// Evictions a second.
    pub evictions: Option<Value>,
    /// The age of the nodes' answers.
    pub seen: Option<Seen>,
    /// The age of the Sentinels' answers.
    pub sentinels_seen: Option<Seen>,
    /// Turns an instant into what a page shows of it.
    pub moments: Moments<'a>,
}

/// The page.
#[must_use]
pub fn cache_view(cache: &Cache, known: &Known, sentinels: &Views, beside: Beside<'_>) -> CacheView {
    let scene = Scene::new(cache, known.members.clone(), sentinels.clone(), known);
    let way = scene.way();
    // Whose figures are shown: the one that takes writes.
    let master = match way {
        Some(Way::Planned(master)) => master.info(),
        Some(Way::Forced(_)) | None => None,
    };
    let counts = master.map_or_else(Vec::new, |info| counts(info, &beside, cache));
    CacheView {
        verdict: verdict(&scene, master, &beside.base),
        health: beside.base.health,
        since: beside.base.since,
        topology: topology(&scene, way, cache),
        seen: beside.seen,
        sentinels: sentinel_rows(&scene),
        sentinels_note: sentinels_note(&scene),
        sentinels_seen: beside.sentinels_seen,
        counts,
        memory: master.and_then(|info| memory(info, cache)),
        persistence: master.map_or_else(Vec::new, |info| persistence(info, beside.moments)),
        slow: slow(known, beside.moments),
        fail_over: way.and_then(|way| fail_over(&scene, way, &beside.base.runbooks)),
        changes: beside.base.changes,
        runbooks: beside.base.runbooks,
        system: beside.base.system,
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("one {one}") } else { format!("{count} {many}") }
}

fn verdict(scene: &Scene, master: Option<&Info>, base: &SystemView) -> String {
    let (nodes, sentinels) = (scene.members.len(), scene.sentinels.len());
    let Some(info) = master else { return base.verdict.clone() };
    let version = one_line(info.text("redis_version").unwrap_or_default());
    let behind = if sentinels == 0 { String::new() } else { format!(" behind {}", counted(sentinels, "Sentinel", "Sentinels")) };
    let replicas = counted(nodes.saturating_sub(1), "replica", "replicas");
    format!("Redis {version}, one master and {replicas}{behind}. {}", base.verdict)
}

fn number(info: &Info, name: &str) -> Option<i64> {
    info.number(name).and_then(|number| i64::try_from(number).ok())
}

fn topology(scene: &Scene, way: Option<Way<'_>>, cache: &Cache) -> Topology {
    let master = match way {
        Some(Way::Planned(master)) => Some(master),
        Some(Way::Forced(_)) | None => None,
    };
    let others = scene.members.iter().filter(|member| master.is_none_or(|master| master.at != member.at)).take(MAX_ROWS);
    Topology {
        leader: master.map(|master| TopologyNode {
            name: format!("{}, master", master.at),
            health: Health::Ok,
            state: "takes writes".to_owned(),
            notes: notes(master, master.info().and_then(|info| info.number("instantaneous_ops_per_sec"))),
        }),
        others: others.map(|member| other(master, member, cache)).collect(),
    }
}

fn notes(member: &Member, commands: Option<u64>) -> Vec<String> {
    let Some(info) = member.info() else { return Vec::new() };
    let version = one_line(info.text("redis_version").unwrap_or("version not told"));
    let up = info.number("uptime_in_seconds").map(|up| format!(", up {}", Value::Duration(up as f64).text())).unwrap_or_default();
    let clients = number(info, "connected_clients").map(|clients| Value::Count(clients, "clients".into()).text());
    let commands = commands.map(|rate| Value::Rate(rate as f64, "commands/s".into()).text());
    let busy: Vec<_> = [commands, clients].into_iter().flatten().collect();
    let mut notes = vec![format!("Redis {version}{up}")];
    if !busy.is_empty() {
        notes.push(busy.join(", "));
    }
    notes
}

fn other(master: Option<&Member>, member: &Member, cache: &Cache) -> (TopologyStream, TopologyNode) {
    let none = |behind: &str| TopologyStream { flows: false, kind: "no stream".to_owned(), behind: behind.to_owned() };
    let node = |role: &str, health: Health, state: String, notes: Vec<String>| TopologyNode {
        name: format!("{}, {role}", member.at),
        health,
        state,
        notes,
    };
    let info = match &member.answer {
        Err(failure) => {
            let health = if failure.means_down() { Health::Down } else { Health::Unknown };
            return (none(""), node("not seen", health, failure.to_string(), Vec::new()));
        }
        Ok(info) => info,
    };
    if info.is_master() {
        let state = "calls itself master, too; the Sentinels do not name it".to_owned();
        return (none("follows nobody"), node("second master", Health::Degraded, state, notes(member, None)));
    }
    let mut lines = notes(member, None);
    lines.extend(info.number("slave_priority").map(|priority| match priority {
        0 => "priority 0: never promoted".to_owned(),
        priority => format!("priority {priority}"),
    }));
    if info.text("slave_read_only") == Some("0") {
        lines.push("takes writes of its own, which are lost when it follows anew".to_owned());
    }
    let newest = master.and_then(Member::info).and_then(|info| info.number("master_repl_offset"));
    let gap = newest.zip(info.number("slave_repl_offset")).map(|(newest, offset)| newest.saturating_sub(offset));
    let behind = gap.map(|gap| format!("{} behind", Value::Bytes(gap).text()));
    match info.text("master_link_status") {
        Some("up") => {
            let late = gap.is_some_and(|gap| gap >= cache.limits.replica_lag_bytes.degraded);
            let (health, state) = if late { (Health::Degraded, "link up, behind its limit") } else { (Health::Ok, "link up, read only") };
            let stream = TopologyStream { flows: true, kind: "asynchronous".to_owned(), behind: behind.unwrap_or_default() };
            (stream, node("replica", health, state.to_owned(), lines))
        }
        _ if info.number("master_sync_in_progress") == Some(1) => {
            let stream = TopologyStream { flows: true, kind: "full copy".to_owned(), behind: "under way".to_owned() };
            (stream, node("replica", Health::Degraded, "is being copied everything".to_owned(), lines))
        }
        _ => {
            let since = info.number("master_link_down_since_seconds").map(|since| format!(" for {since} s")).unwrap_or_default();
            (none(behind.as_deref().unwrap_or_default()), node("replica", Health::Degraded, format!("link down{since}"), lines))
        }
    }
}

fn sentinel_rows(scene: &Scene) -> Vec<SentinelRow> {
    let favourite = scene.favourite();
    let rows = scene.sentinels.iter().take(MAX_ROWS).map(|(at, view)| match view {
        Err(failure) => SentinelRow {
            at: at.to_string(),
            health: if failure.means_down() { Health::Down } else { Health::Unknown },
            state: failure.to_string(),
            master: None,
            answered_ms: None,
        },
        Ok(view) => {
            let agrees = view.master.as_ref() == favourite;
            let (health, state) = match &view.quorum {
                Err(why) => (Health::Degraded, format!("no quorum: {why}")),
                Ok(()) if view.failing_over => (Health::Degraded, "is failing over".to_owned()),
                Ok(()) if view.master_down => (Health::Degraded, "finds the master down".to_owned()),
                Ok(()) if !agrees => (Health::Degraded, "names another master than most".to_owned()),
                Ok(()) => (Health::Ok, "quorum reached".to_owned()),
            };
            SentinelRow {
                at: at.to_string(),
                health,
                state,
                master: view.master.as_ref().map(ToString::to_string),
                answered_ms: view.master_answered_ms,
            }
        }
    });
    rows.collect()
}

fn sentinels_note(scene: &Scene) -> String {
    let favourite = scene.favourite();
    let agreeing = scene.views().filter(|(_, view)| view.master.is_some() && view.master.as_ref() == favourite).count();
    let needed = scene.views().filter_map(|(_, view)| view.needed).max();
    let needed = needed.map(|needed| format!("; {needed} must")).unwrap_or_default();
    format!("{agreeing} of {} agree{needed}", scene.sentinels.len())
}

fn counts(info: &Info, beside: &Beside<'_>, cache: &Cache) -> Vec<CountCell> {
    let count = |title: &str, value: Option<Value>, note: String| CountCell { title: title.to_owned(), value, note, spark: None };
    let (hit_rate, spark) = beside.hit_rate.clone();
    let of_most = number(info, "maxclients").map(|most| format!("of {}, ", Value::Count(most, String::new()).text())).unwrap_or_default();
    let blocked = number(info, "blocked_clients").unwrap_or_default();
    let keys = keys(info);
    let expiring = if keys.0 > 0 { format!("{} expire", Value::Ratio(keys.1 as f64 / keys.0 as f64).text()) } else { String::new() };
    vec![
        CountCell { spark, ..count("Hit rate", hit_rate, format!("limit {}, last minute", Value::Ratio(cache.limits.hit_rate).text())) },
        count("Evictions", beside.evictions.clone(), format!("{} since it started", told(info, "evicted_keys"))),
        count("Clients", number(info, "connected_clients").map(plain), format!("{of_most}{blocked} blocked")),
        count(
            "Commands",
            info.number("instantaneous_ops_per_sec").map(|rate| Value::Rate(rate as f64, "/s".into())),
            format!("{} turned away", told(info, "rejected_connections")),
        ),
        count("Keys", Some(plain(i64::try_from(keys.0).unwrap_or(i64::MAX))), expiring),
    ]
}

fn plain(count: i64) -> Value {
    Value::Count(count, String::new())
}

/// A count as it was told, in words.
fn told(info: &Info, field: &str) -> String {
    number(info, field).map_or_else(|| "unknown".to_owned(), |count| plain(count).text())
}

/// Keys of all databases, and how many of them expire.
fn keys(info: &Info) -> (u64, u64) {
    // Redis has 16 databases unless it is told otherwise; more than 64 are not counted.
    (0..64).filter_map(|n| info.text(&format!("db{n}"))).fold((0, 0), |(keys, expiring), text| {
        let field = |name: &str| text.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
        (keys + field("keys").unwrap_or(0), expiring + field("expires").unwrap_or(0))
    })
}

fn memory(info: &Info, cache: &Cache) -> Option<CacheMemory> {
    let used = info.number("used_memory")?;
    let most = info.number("maxmemory").filter(|most| *most > 0);
    let size = |bytes: u64| Value::Bytes(bytes).text();
    let policy = one_line(info.text("maxmemory_policy").unwrap_or("not told"));
    let mut facts = vec![Fact::new("policy", Value::Text(format!("{policy}: {}", policy_words(&policy))))];
    for (name, field) in [
        ("keys", "used_memory_dataset"),
        ("overhead", "used_memory_overhead"),
        ("resident", "used_memory_rss"),
        ("highest", "used_memory_peak"),
    ] {
        facts.extend(info.number(field).map(|bytes| Fact::new(name, Value::Bytes(bytes))));
    }
    let fragmentation = info.text("mem_fragmentation_ratio").and_then(|ratio| ratio.parse::<f64>().ok());
    // Below a few megabytes it says nothing: the allocator's own pages are the most of it.
    facts.extend(fragmentation.filter(|_| used > 16_000_000).map(|ratio| Fact::new("fragmentation", Value::Text(format!("{ratio:.2}")))));
    Some(CacheMemory {
        note: match most {
            Some(most) => format!("{} of {}", size(used), size(most)),
            None => format!("{}, no limit is set", size(used)),
        },
        share: most.map(|most| (used as f64 / most as f64, cache.limits.memory.degraded)),
        facts,
    })
}

/// What happens when it is full.
fn policy_words(policy: &str) -> &'static str {
    match policy {
        "noeviction" => "when full, writes are refused",
        "allkeys-lru" => "when full, what was unused for longest goes",
        "allkeys-lfu" => "when full, what is used least often goes",
        "allkeys-random" => "when full, any key may go",
        "volatile-lru" => "when full, of the keys that expire those unused for longest go",
        "volatile-lfu" => "when full, of the keys that expire those used least often go",
        "volatile-random" => "when full, any key that expires may go",
        "volatile-ttl" => "when full, the keys that expire next go",
        _ => "what happens when it is full is not known here",
    }
}

fn persistence(info: &Info, moments: Moments<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, text: String| facts.push(Fact::new(name, Value::Text(text)));
    if let Some(saved) = number(info, "rdb_last_save_time").and_then(|at| DateTime::from_timestamp(at, 0)) {
        let moment: Moment = moments(saved);
        let well = if info.text("rdb_last_bgsave_status") == Some("ok") { "" } else { ", the last try failed" };
        fact("snapshot", format!("{}{well}", moment.at.format("%Y-%m-%d %H:%M:%S UTC")));
    }
    if info.number("rdb_bgsave_in_progress") == Some(1) {
        fact("saving", "under way".to_owned());
    }
    if let Some(changed) = number(info, "rdb_changes_since_last_save") {
        fact("changed since", format!("{} keys", plain(changed).text()));
    }
    let written = if info.text("aof_last_write_status").is_none_or(|status| status == "ok") { "written" } else { "the last write failed" };
    match info.number("aof_enabled") {
        Some(1) => fact("append-only file", written.to_owned()),
        Some(_) => fact("append-only file", "off: what is newer than the snapshot is only on the replicas".to_owned()),
        None => {}
    }
    if info.number("aof_rewrite_in_progress") == Some(1) {
        fact("rewriting", "under way".to_owned());
    }
    if let Some(fork) = info.number("latest_fork_usec").filter(|fork| *fork > 0) {
        fact("last fork", Value::Duration(fork as f64 / 1e6).text());
    }
    facts
}

fn slow(known: &Known, moments: Moments<'_>) -> SlowLog {
    match &known.slow {
        None => SlowLog::NotRead,
        Some(Err(failure)) => SlowLog::Refused(format!("it {failure}")),
        Some(Ok(entries)) => SlowLog::Entries(
            entries
                .iter()
                .map(|slow| SlowRow {
                    command: slow.command.clone(),
                    client: slow.client.clone(),
                    took: Value::Duration(slow.took_us as f64 / 1e6),
                    at: DateTime::from_timestamp(slow.at, 0).map(moments),
                })
                .collect(),
        ),
    }
}

fn fail_over(scene: &Scene, way: Way<'_>, runbooks: &[RunbookLink]) -> Option<FailOverView> {
    if scene.sentinels.is_empty() {
        return None;
    }
    let candidates = scene.candidates(way);
    let best = candidates.first()?;
    let (old, new) = (&way.old().at, &best.member.at);
    let (title, lost) = match way {
        Way::Planned(_) => (
            format!("Planned: {old} hands over to {new}"),
            "It pauses writes until the replica has every byte, so nothing that was acknowledged is lost.".to_owned(),
        ),
        Way::Forced(_) => {
            let gap =
                best.gap.map_or_else(|| "how much is not known".to_owned(), |gap| format!("{} as last told", Value::Bytes(gap).text()));
            (format!("Forced: the Sentinels promote {new} without {old}"), format!("What the replica lacks is lost: {gap}."))
        }
    };
    let runbook = runbooks
        .iter()
        .find(|link| link.href.starts_with("/runbooks/fail-over-cache?"))
        .map(|link| RunbookLink { title: format!("{} to {new}", link.title), href: format!("{}&candidate={new}", link.href) });
    Some(FailOverView { title, lost, checks: checks(scene, way, best.member), runbook })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use app::model::{CheckOutcome, SystemId};

    use super::*;
    use crate::{
        actions::fail_over_cache::samples::{MASTER, REPLICA, at, gone, lost, scene as sample},
        adapters::{Failure, redis::Slow},
        config::{CacheLimits, Limit},
    };

    fn cache() -> Cache {
        Cache {
            members: vec![at(1), at(2)],
            sentinels: vec![at(7_001), at(7_002), at(7_003)],
            master: "cache".into(),
            watch: None,
            watch_sentinels: None,
            act: None,
            act_sentinels: None,
            limits: CacheLimits {
                memory: Limit { degraded: 0.9, down: 1.0 },
                hit_rate: 0.8,
                replica_lag_bytes: Limit { degraded: 1_000, down: 1_000_000 },
            },
        }
    }

    fn view(change: impl FnOnce(&mut Known, &mut Views)) -> CacheView {
        let scene = sample();
        let (mut known, mut views) = (Known { members: scene.members, ..Known::default() }, scene.sentinels);
        change(&mut known, &mut views);
        let system: SystemId = "cache/sessions".parse().unwrap();
        let link = RunbookLink { title: "Fail over sessions".into(), href: "/runbooks/fail-over-cache?target=cache/sessions".into() };
        let base = SystemView {
            system,
            health: Health::Ok,
            verdict: "Nothing is wrong here.".into(),
            since: None,
            readings: Vec::new(),
            changes: Vec::new(),
            runbooks: vec![link],
        };
        let moments = |at| Moment { at, ago_ms: 0 };
        let beside = Beside { base, hit_rate: (None, None), evictions: None, seen: None, sentinels_seen: None, moments: &moments };
        cache_view(&cache(), &known, &views, beside)
    }

    #[test]
    fn a_sound_cache_is_drawn_with_its_way_to_fail_over() {
        let page = view(|_, _| {});
        assert_eq!(page.verdict, "Redis 7.0.15, one master and one replica behind 3 Sentinels. Nothing is wrong here.");
        assert_eq!(page.topology.leader.as_ref().unwrap().name, "h:1, master");
        let (stream, replica) = &page.topology.others[0];
        assert!(stream.flows && stream.behind == "100 B behind" && replica.health == Health::Ok, "{stream:?} {replica:?}");
        assert_eq!(page.sentinels_note, "3 of 3 agree; 2 must");
        let fail_over = page.fail_over.unwrap();
        assert!(fail_over.checks.iter().all(|check| check.outcome == CheckOutcome::Pass), "{fail_over:?}");
        assert_eq!(fail_over.runbook.unwrap().href, "/runbooks/fail-over-cache?target=cache/sessions&candidate=h:2");
    }

    #[test]
    fn what_does_not_answer_is_no_replica_and_no_master() {
        let page = view(|known, _| known.members[1] = gone(2));
        let (stream, other) = &page.topology.others[0];
        assert!(!stream.flows && other.health == Health::Down && other.state == "refuses connections", "{other:?}");
        assert!(page.fail_over.unwrap().checks.iter().any(|check| check.rule == "target-follows" && check.forbids()));
        let page = view(|known, views| {
            known.members[0] = lost().members[0].clone();
            known.good.insert(at(1), (Instant::now().checked_sub(Duration::from_secs(4)).unwrap(), Info::parse("master_repl_offset:5000")));
            views[0].1 = Err(Failure::Refused);
        });
        assert!(page.topology.leader.is_none() && page.counts.is_empty() && page.memory.is_none());
        let fail_over = page.fail_over.unwrap();
        assert!(fail_over.title.starts_with("Forced") && fail_over.lost.contains("100 B as last told"), "{fail_over:?}");
        assert_eq!(page.sentinels[0].health, Health::Down);
    }

    #[test]
    fn a_second_master_is_shown_as_one() {
        let second = crate::actions::fail_over_cache::samples::node(2, MASTER);
        let page = view(|known, _| known.members[1] = second);
        assert!(page.topology.others[0].1.name.contains("second master"));
        assert!(REPLICA.contains("role:slave"));
    }

    #[test]
    fn memory_persistence_and_slow_log_are_told_as_far_as_they_are_known() {
        let more = "used_memory:214000000 maxmemory:256000000 maxmemory_policy:allkeys-lru aof_enabled:0 rdb_last_save_time:1795457864 \
                    rdb_last_bgsave_status:ok db0:keys=100,expires=90,avg_ttl=1 db1:keys=100,expires=10,avg_ttl=1";
        let page = view(|known, _| {
            known.members[0] = crate::actions::fail_over_cache::samples::node(1, &format!("{MASTER} {more}"));
            let slow = Slow { at: 1_795_457_864, took_us: 212_000, command: "KEYS session:*".into(), client: "10.4.1.77".into() };
            known.slow = Some(Ok(vec![slow]));
        });
        let memory = page.memory.unwrap();
        assert_eq!(memory.note, "214 MB of 256 MB");
        assert!((memory.share.unwrap().0 - 0.836).abs() < 0.001);
        assert!(memory.facts[0].value.text().contains("unused for longest"), "{memory:?}");
        assert!(page.persistence.iter().any(|fact| fact.name == "append-only file" && fact.value.text().starts_with("off")));
        let keys = page.counts.iter().find(|count| count.title == "Keys").unwrap();
        assert_eq!((keys.value.as_ref().unwrap().text().as_str(), keys.note.as_str()), ("200", "50 % expire"));
        assert!(matches!(page.slow, SlowLog::Entries(rows) if rows[0].took.text() == "212 ms"));
        let denied = view(|known, _| known.slow = Some(Err(Failure::Denied("no permission".into()))));
        assert!(matches!(denied.slow, SlowLog::Refused(why) if why.contains("no permission")));
    }
}
