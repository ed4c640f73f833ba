//! `/audit`: what was done, tried and refused. One run's whole story reads from its beginning.

use leptos::prelude::*;

use crate::{
    components::{
        ago, cell, cell_figure, cell_wide, counted, crumbs, empty, figures, filter_form, head, health_as, hidden_fields, line,
        none_matches, notice, number, older, panel, post_button, row, sentence, shown, table, when, words,
    },
    model::{AuditRow, AuditView, Health, Verification},
    render::Page,
};

impl Page for AuditView {
    fn view(&self) -> AnyView {
        // From where the last verification ended, if that went well: quick also in a long chain.
        let newer = self.verified.as_ref().filter(|verified| verified.intact && verified.newer > 0);
        let newer = newer.map(|_| post_button("/audit/verify", &[("from".into(), "newer".into())], None, "Verify the newer ones"));
        let verify = view! { <div class="btns">{newer}{post_button("/audit/verify", &[], None, "Verify audit")}</div> }.into_any();
        let text = match &self.all {
            Some((all, since)) => format!(
                "{} since {}, in one chain. Nothing here can be changed or deleted.",
                counted_events(*all),
                since.format("%-d %B %Y")
            ),
            None => "Every change and every attempt, in one chain. Nothing here can be changed or deleted.".to_owned(),
        };
        let (title, way) = match self.story {
            Some(run) => (format!("Audit of run {run}"), crumbs(&[("Audit", "/audit")], &format!("Run {run}")).into()),
            None => ("Audit".to_owned(), None),
        };
        view! { {way}{head("audit-head", title, &text, Some(verify))}{self.verified.as_ref().map(verified)}{events(self)} }.into_any()
    }
}

fn counted_events(n: i64) -> String {
    if n == 1 { "1 event".to_owned() } else { format!("{} events", number(n)) }
}

fn verified(verified: &Verification) -> AnyView {
    let (health, title) = if verified.intact { (Health::Ok, "Chain unbroken") } else { (Health::Down, "Chain broken") };
    let head = verified.head.as_ref().map(|head| view! { ", head "<code>{shown(head, 16)}</code> });
    let newer = match verified.newer {
        ..=0 => String::new(),
        1 => " 1 event is newer.".to_owned(),
        newer => format!(" {} events are newer.", number(newer)),
    };
    let text = view! { {sentence(&verified.sentence)}{head}". Verified by "{line(&verified.by)}", "{ago(&verified.at)}" ago."{newer} };
    notice(health, "Result of the last verification", title.into_any(), text.into_any())
}

fn events(audit: &AuditView) -> AnyView {
    let note = if audit.story.is_some() { "the whole story of one run, from its beginning" } else { "newest first" };
    let list = if audit.rows.is_empty() && audit.filter.is_set() {
        none_matches(&audit.filter, "event")
    } else if audit.rows.is_empty() {
        empty("Events would be listed here: who did what to which system, and how it came out.")
    } else {
        let columns = [figures("Event"), words("UTC"), words("Who"), words("What"), words("Target"), words("Outcome"), words("Run")];
        table("Table of events", &columns, audit.rows.iter().map(event).collect())
    };
    let run = audit.story.map(|run| view! { <p class="pad"><a href=format!("/runs/{run}")>"Open run " {run}</a></p> });
    let count = counted(audit.rows.len(), "event", "events");
    panel(
        "events",
        "Events",
        format!("{count}, {note}"),
        view! {
            {filter_form(&audit.filter, "Filter events")}
            {run}
            {list}
            {older(&audit.filter, audit.older, "Show older events")}
            {(audit.may_export && !audit.filter.has_fault()).then(|| export(audit))}
        },
    )
}

/// The way out of the console: everything that the filter leaves, not only what this page shows.
fn export(audit: &AuditView) -> AnyView {
    let set = audit.filter.fields.iter().filter(|field| !field.value.is_empty());
    let fields: Vec<_> = set.map(|field| (field.name.clone(), field.value.clone())).collect();
    let what = if fields.is_empty() { "All events".to_owned() } else { "All events that match".to_owned() };
    view! {
        <form class="tools" method="post" action="/audit/export" aria-label="Export events" novalidate>
            {hidden_fields(&fields)}
            <button class="btn" name="format" value="jsonl">"Export as JSON Lines"</button>
            <button class="btn" name="format" value="csv">"Export as CSV"</button>
            <small>{what}", oldest first. That you took them is written to the audit."</small>
        </form>
    }
    .into_any()
}

fn event(event: &AuditRow) -> AnyView {
    let pairs: Vec<_> = event
        .detail
        .iter()
        .map(|(name, value)| view! { <span class="pair"><span class="dim">{shown(name, 80)}</span>" " {line(value)}</span> })
        .collect();
    let run = event.run.map(|run| view! { <a href=format!("/audit?run={run}")>"run " {run}</a> });
    let number = view! { <span class="mono" title=format!("hash begins {}", shown(&event.hash, 16))>{number(event.seq)}</span> };
    let target = event.target.as_deref().map(|target| line(target.rsplit('/').next().unwrap_or(target)));
    row(view! {
        {cell_figure("Event", number)}
        {cell("UTC", when(&event.at))}
        {cell("Who", line(&event.actor))}
        {cell_wide("What", view! { {sentence(&event.sentence)}<br/><small class="pairs">{pairs}</small> })}
        {cell("Target", target)}
        {cell("Outcome", outcome(&event.outcome))}
        {cell("Run", run)}
    })
}

/// Only what failed or is not known has a shape: a refusal is the console at work.
fn outcome(word: &str) -> AnyView {
    match word {
        "failed" => health_as(Health::Down, "failed".into_any()),
        "unknown" => health_as(Health::Unknown, "unknown".into_any()),
        other => shown(other, 20).into_any(),
    }
}
