//! `/systems/KIND/NAME`: one system with everything its probes say.

use leptos::prelude::*;

use crate::{
    components::{
        age, ago, cell, cell_figure, cell_wide, counted, crumbs, empty, facts, figure, figures, fresh_class, head, health, line,
        no_data_since, panel, row, runbook_links, sentence, shown, spark, stale, table, when, words,
    },
    model::{Health, ReadingView, Seen, StateChange, SystemView},
    render::{LivePage, Page, Part},
};

impl Page for SystemView {
    fn view(&self) -> AnyView {
        let readings: Vec<_> = self.readings.iter().map(reading).collect();
        let readings = if readings.is_empty() {
            panel("readings", "Readings", "none", empty("No probe has read it yet. The first reading comes within its period."))
        } else {
            view! { <div class="split" data-split="halves">{readings}</div> }.into_any()
        };
        view! {
            {crumbs(&[("Systems", "/systems")], self.system.name())}
            {title(self)}
            {readings}
            {changes_panel(&self.changes)}
        }
        .into_any()
    }
}

impl LivePage for SystemView {
    fn parts(&self) -> Vec<Part> {
        let readings = self.readings.iter().map(|shown| Part::new(reading_id(shown), reading(shown)));
        std::iter::once(Part::new("system-head", title(self)))
            .chain(readings)
            .chain(std::iter::once(Part::new("changes", changes_panel(&self.changes))))
            .collect()
    }
}

pub(super) fn title(system: &SystemView) -> AnyView {
    let since = system.since.as_ref().map(|since| view! { <small>"since " {when(since)}", " {ago(since)}</small> });
    let kind = view! { <small>{system.system.kind().word()}</small> };
    let name = view! { {line(system.system.name())}" "{health(system.health)}{kind}{since} };
    head("system-head", name, &system.verdict, runbook_links(&system.runbooks, system.health > Health::Unknown))
}

pub(super) fn reading_id(reading: &ReadingView) -> String {
    format!("reading-{}", reading.tile.key)
}

/// What one probe says: figure, sentence, likely cause, every fact. Once stale, only since when there is no data.
pub(super) fn reading(reading: &ReadingView) -> AnyView {
    let tile = &reading.tile;
    let seen = tile.seen.as_ref();
    let known = if seen.is_none() { Health::Unknown } else { tile.health };
    let id = reading_id(reading);
    let fresh = !seen.is_some_and(Seen::is_stale);
    let content = fresh.then(|| {
        let cause = reading.cause.as_ref().map(|cause| view! { <p>"Likely cause: " {sentence(cause)}</p> });
        let facts = (!reading.facts.is_empty()).then(|| facts(&reading.facts));
        view! { <div class="if-fresh stack">{tile.figure.as_ref().map(figure)}<p>{sentence(&reading.summary)}</p>{cause}{facts}{tile.spark.as_ref().map(spark)}</div> }
    });
    view! {
        <section class=fresh_class("panel", seen) id=id.clone() data-stale=stale(seen) aria-labelledby=format!("h-{id}")>
            <header><h2 id=format!("h-{id}")>{shown(&tile.title, 160)}</h2><span>{health(known)}" "<small>{seen.map(age)}</small></span></header>
            <div class="pad stack">
                {content}
                {seen.map(no_data_since)}
            </div>
        </section>
    }
    .into_any()
}

pub(super) fn changes_panel(changes: &[StateChange]) -> AnyView {
    if changes.is_empty() {
        let text = "Nothing has changed since the console keeps its history. Changes of health would be listed here, newest first.";
        return panel("changes", "Changes of health", "none", empty(text));
    }
    let columns = [words("When"), words("What"), words("Before"), words("After"), words("What was said"), figures("Ago")];
    let rows = changes.iter().map(change).collect();
    let note = format!("{}, newest first", counted(changes.len(), "change", "changes"));
    panel("changes", "Changes of health", note, table("Table of changes of health", &columns, rows))
}

fn change(change: &StateChange) -> AnyView {
    row(view! {
        {cell("When", when(&change.at))}
        {cell("What", line(&change.title))}
        {cell("Before", health(change.from))}
        {cell("After", health(change.to))}
        {cell_wide("What was said", sentence(&change.summary))}
        {cell_figure("Ago", ago(&change.at))}
    })
}
