//! `/systems/cache/NAME`: who leads, what the Sentinels say, how full it is, and whether it could fail over now.

use leptos::prelude::*;

use super::system;
use crate::{
    components::{
        LINE, ago, cell, cell_figure, cell_name, checks, count_cells, counted, crumbs, empty, facts, figures, fresh_class, head, health,
        health_as, line, meter_with_limit, no_data_since, panel, reading_panel, row, runbook_links, sentence, shown, stale, table,
        topology, when, words,
    },
    model::{CacheMemory, CacheView, CheckOutcome, FailOverView, Health, Seen, SentinelRow, SlowLog, SlowRow, age_words},
    render::{LivePage, Page, Part},
};

impl Page for CacheView {
    fn view(&self) -> AnyView {
        view! {
            {crumbs(&[("Systems", "/systems")], self.system.name())}
            {title(self)}
            <div class="split" data-split="wide">{topology_panel(self)}{sentinels_panel(self)}</div>
            {counts_panel(self)}
            <div class="split" data-split="halves">{memory_panel(self)}{persistence_panel(self)}</div>
            {fail_over_panel(self)}
            {slow_panel(self)}
            {system::changes_panel(&self.changes)}
        }
        .into_any()
    }
}

impl LivePage for CacheView {
    fn parts(&self) -> Vec<Part> {
        vec![
            Part::new("cache-head", title(self)),
            Part::new("topology", topology_panel(self)),
            Part::new("sentinels", sentinels_panel(self)),
            Part::new("counts", counts_panel(self)),
            Part::new("memory", memory_panel(self)),
            Part::new("persistence", persistence_panel(self)),
            Part::new("fail-over", fail_over_panel(self)),
            Part::new("slow-log", slow_panel(self)),
            Part::new("changes", system::changes_panel(&self.changes)),
        ]
    }
}

fn title(cache: &CacheView) -> AnyView {
    let since = cache.since.as_ref().map(|since| view! { <small>"since " {when(since)}", " {ago(since)}</small> });
    let name = view! { {line(cache.system.name())}" "{health(cache.health)}<small>"cache"</small>{since} };
    head("cache-head", name, &cache.verdict, runbook_links(&cache.runbooks, cache.health > Health::Unknown))
}

/// A panel of one reading; before the first it says what it waits for.
fn read(id: &str, title: &str, note: &str, seen: Option<&Seen>, body: impl FnOnce() -> AnyView) -> AnyView {
    match seen {
        Some(seen) => reading_panel(id, title, note, seen, view! { <div class="if-fresh">{body()}</div> }),
        None => panel(id, title, "not read yet", empty("The first reading comes within its period.")),
    }
}

fn topology_panel(cache: &CacheView) -> AnyView {
    let nodes = usize::from(cache.topology.leader.is_some()) + cache.topology.others.len();
    let note = format!("{}, role asked of each", counted(nodes, "node", "nodes"));
    read("topology", "Topology", &note, cache.seen.as_ref(), || topology(&cache.topology))
}

fn sentinels_panel(cache: &CacheView) -> AnyView {
    if cache.sentinels.is_empty() && cache.sentinels_seen.is_none() {
        let text =
            "No Sentinel watches this cache, so nobody fails over when its master is gone. Name them under `sentinels` in the estate file.";
        return panel("sentinels", "Sentinels", "none", empty(text));
    }
    read("sentinels", "Sentinels", &cache.sentinels_note, cache.sentinels_seen.as_ref(), || {
        let columns = [words("Sentinel"), words("State"), words("Sends clients to"), figures("Answered")];
        table("Table of Sentinels", &columns, cache.sentinels.iter().map(sentinel).collect())
    })
}

fn sentinel(sentinel: &SentinelRow) -> AnyView {
    let answered = sentinel.answered_ms.map(|ms| if ms < 1_000 { "within 1 s".to_owned() } else { format!("{} ago", age_words(ms)) });
    row(view! {
        {cell_name(view! { <span class="mono">{line(&sentinel.at)}</span> })}
        {cell_name(health_as(sentinel.health, sentence(&sentinel.state)))}
        {cell("Sends clients to", sentinel.master.as_deref().map(line))}
        {cell_figure("Answered", answered)}
    })
}

fn counts_panel(cache: &CacheView) -> AnyView {
    let seen = cache.seen.as_ref();
    view! {
        <section class=fresh_class("panel", seen) id="counts" data-stale=stale(seen) aria-label="Counts">
            {seen.map(|seen| view! { <p class="pad if-stale">{no_data_since(seen)}": the master does not tell its figures."</p> })}
            {count_cells(&cache.counts)}
        </section>
    }
    .into_any()
}

fn memory_panel(cache: &CacheView) -> AnyView {
    match &cache.memory {
        Some(memory) => read("memory", "Memory", &memory.note, cache.seen.as_ref(), || memory_body(memory)),
        None => panel("memory", "Memory", "not known", empty("No master tells how much it uses.")),
    }
}

fn memory_body(memory: &CacheMemory) -> AnyView {
    let bar = memory.share.map(|(share, limit)| meter_with_limit(share, limit, memory.note.clone()));
    view! { <div class="pad stack">{bar}{facts(&memory.facts)}</div> }.into_any()
}

fn persistence_panel(cache: &CacheView) -> AnyView {
    if cache.persistence.is_empty() {
        return panel("persistence", "Persistence", "not known", empty("No master tells what is on disk."));
    }
    read("persistence", "Persistence", "of the master", cache.seen.as_ref(), || {
        view! { <div class="pad">{facts(&cache.persistence)}</div> }.into_any()
    })
}

fn fail_over_panel(cache: &CacheView) -> AnyView {
    let Some(fail_over) = &cache.fail_over else {
        let text = "There is nothing to fail over to now: no replica is seen, or no Sentinel.";
        return panel("fail-over", "Fail over", "not possible", empty(text));
    };
    let barring = fail_over.checks.iter().filter(|check| check.forbids()).count();
    let warning = fail_over.checks.iter().filter(|check| check.outcome == CheckOutcome::Warn).count();
    let note = match (barring, warning) {
        (0, 0) => format!("all {} preconditions hold", fail_over.checks.len()),
        (0, warning) => format!("it could be done; {warning} to know"),
        (barring, _) => format!("{barring} of {} preconditions forbid it now", fail_over.checks.len()),
    };
    read("fail-over", "Fail over", &note, cache.seen.as_ref(), || fail_over_body(fail_over, barring == 0))
}

fn fail_over_body(fail_over: &FailOverView, may: bool) -> AnyView {
    let button = fail_over.runbook.as_ref().map(|link| {
        let why = (!may).then(|| view! { <small class="why">"Its plan says what forbids it."</small> });
        view! { <div class="btns"><a class="btn" data-kind="danger" href=link.href.clone()>{shown(&link.title, LINE)}</a>{why}</div> }
    });
    view! {
        <div class="pad stack"><p><b>{sentence(&fail_over.title)}</b>". "{sentence(&fail_over.lost)}</p>{button}</div>
        {checks("Table of preconditions of a failover", &fail_over.checks)}
    }
    .into_any()
}

fn slow_panel(cache: &CacheView) -> AnyView {
    let (note, body) = match &cache.slow {
        SlowLog::NotRead => return panel("slow-log", "Slow log", "not read yet", empty("It is read with the next reading of the nodes.")),
        SlowLog::Refused(why) => {
            let text = format!("The master does not tell it: {why}. The account that watches needs `+slowlog|get`.");
            return panel("slow-log", "Slow log", "not told", empty(sentence(&text)));
        }
        SlowLog::Entries(rows) if rows.is_empty() => {
            ("empty".to_owned(), empty("No command took longer than the master's own limit since it started."))
        }
        SlowLog::Entries(rows) => {
            let columns = [words("Command"), words("From"), figures("Took"), figures("When")];
            let table = table("Table of slow commands", &columns, rows.iter().map(slow).collect());
            (format!("the newest {}, values not shown", rows.len()), table)
        }
    };
    read("slow-log", "Slow log", &note, cache.seen.as_ref(), || body)
}

fn slow(slow: &SlowRow) -> AnyView {
    row(view! {
        {cell_name(view! { <span class="mono">{line(&slow.command)}</span> })}
        {cell("From", line(&slow.client))}
        {cell_figure("Took", shown(&slow.took.text(), LINE))}
        {cell_figure("When", slow.at.as_ref().map(|at| view! { {ago(at)}" ago" }))}
    })
}
