//! `/backups`, and `/backups/NAME`: what may be restored from, how old it is, and what proves it.

use leptos::prelude::*;

use super::system::changes_panel;
use crate::{
    components::{
        age, ago, cell, cell_figure, cell_name, cell_wide, counted, counts, crumbs, empty, figures, fresh_class, head, health, health_as,
        line, no_data_since, panel, reading_panel, row, runbook_links, sentence, shown, stale, stale_row, table, when, words,
    },
    model::{BackupList, BackupRow, BackupsView, Health, Proof, Seen, SystemRow},
    render::{LivePage, Page, Part},
};

impl Page for BackupList {
    fn view(&self) -> AnyView {
        let unwell = self.rows.iter().filter(|row| row.health > Health::Ok || row.seen.as_ref().is_some_and(Seen::is_stale)).count();
        let line = match (self.rows.len(), unwell) {
            (0, _) => "Nothing is backed up by this console.".to_owned(),
            (all, 0) => format!("{} backed up, each within its limit.", counted(all, "database", "databases")),
            (all, unwell) => format!("{unwell} of {all} not within their limits."),
        };
        view! { {head("backups-head", "Backups", &line, None)}{databases(&self.rows)} }.into_any()
    }
}

fn databases(rows: &[SystemRow]) -> AnyView {
    if rows.is_empty() {
        let text = "Backups would be listed here. Name a store under `stores` and a database under `backups` in the estate file.";
        return panel("backups", "Databases", "none", empty(text));
    }
    let columns = [words("Database"), words("Health"), figures("Newest"), words("What is so"), figures("Read")];
    let list = rows.iter().map(database).collect();
    panel("backups", "Databases", "open one for its backups", table("Table of databases that are backed up", &columns, list))
}

fn database(of: &SystemRow) -> AnyView {
    let seen = of.seen.as_ref();
    let fresh = !seen.is_some_and(Seen::is_stale);
    let known = if seen.is_none() { Health::Unknown } else { of.health };
    let figure = of.figure.as_ref().filter(|_| fresh).map(|value| view! { <span class="if-fresh">{shown(&value.text(), 80)}</span> });
    let summary = fresh.then(|| view! { <span class="if-fresh">{sentence(&of.summary)}</span> });
    stale_row(
        seen,
        view! {
            {cell_name(view! { <b><a href=of.system.href()>{line(of.system.name())}</a></b> })}
            {cell("Health", health(known))}
            {cell_figure("Newest", figure)}
            {cell_wide("What is so", view! { {summary}{seen.map(no_data_since)} })}
            {cell_figure("Read", seen.map(age))}
        },
    )
}

impl Page for BackupsView {
    fn view(&self) -> AnyView {
        view! {
            {crumbs(&[("Backups", "/backups")], self.system.name())}
            {title(self)}
            {count_panel(self)}
            {catalog(self)}
            {changes_panel(&self.changes)}
        }
        .into_any()
    }
}

impl LivePage for BackupsView {
    fn parts(&self) -> Vec<Part> {
        vec![
            Part::new("backups-head", title(self)),
            Part::new("counts", count_panel(self)),
            Part::new("catalog", catalog(self)),
            Part::new("changes", changes_panel(&self.changes)),
        ]
    }
}

fn title(backups: &BackupsView) -> AnyView {
    let since = backups.since.as_ref().map(|since| view! { <small>"since " {when(since)}", " {ago(since)}</small> });
    let known = if backups.seen.is_none() { Health::Unknown } else { backups.health };
    let name = view! { "Backups of " {line(backups.system.name())}" "{health(known)}{since} };
    head("backups-head", name, &backups.verdict, runbook_links(&backups.runbooks, known > Health::Unknown))
}

fn count_panel(backups: &BackupsView) -> AnyView {
    let Some(seen) = &backups.seen else {
        let text = "The store has not been read yet. What it holds comes within seconds, or why it cannot be read.";
        return view! { <section class="panel" id="counts" aria-label="Counts">{empty(text)}</section> }.into_any();
    };
    view! {
        <section class=fresh_class("panel", Some(seen)) id="counts" data-stale=stale(Some(seen)) aria-label="Counts">
            <p class="pad if-stale">{no_data_since(seen)}": the store does not answer. What follows is from then."</p>
            {counts(&backups.counts, None)}
        </section>
    }
    .into_any()
}

fn catalog(backups: &BackupsView) -> AnyView {
    let place = format!("in {}", backups.place);
    let Some(seen) = &backups.seen else {
        return panel(
            "catalog",
            "Catalog",
            place,
            empty("Backups will be listed here, newest first, read from the manifests in the store."),
        );
    };
    let left_out: Vec<_> = backups.left_out.iter().map(|text| view! { <p class="pad more-line">{sentence(text)}</p> }).collect();
    if backups.rows.is_empty() {
        let text = "Backups would be listed here, read from the manifests in the store. “Back up” above makes the first.";
        return reading_panel("catalog", "Catalog", &place, seen, view! { {empty(text)}{left_out} });
    }
    let columns =
        [words("Restores to, UTC"), words("Proof"), figures("Size"), figures("Took"), words("What was dumped"), words("Run"), words("")];
    let rows = backups.rows.iter().map(backup).collect();
    let note = format!("newest first, read from the manifests {place}");
    reading_panel("catalog", "Catalog", &note, seen, view! { {table("Table of backups", &columns, rows)}{left_out} })
}

fn backup(backup: &BackupRow) -> AnyView {
    let run = |run: Option<i64>| run.map(|run| view! { <a href=format!("/runs/{run}")>"run " {run}</a> });
    let by = |by: &Option<i64>| by.map(|by| view! { ", "{run(Some(by))} });
    let (word, why) = match &backup.proof {
        Proof::Read(at, later) => ("read to its end", view! { {when(at)}{by(later)} }.into_any()),
        Proof::Spoilt(what, later) => ("spoilt", view! { {sentence(what)}{by(later)} }.into_any()),
        Proof::Distrusted(why) => ("not counted", view! { "its manifest " {sentence(why)} }.into_any()),
    };
    let told = backup.told.as_ref();
    let dumped = match told {
        Some(told) => view! { {line(&told.contents)}<br/><small>{line(&told.source)}</small> }.into_any(),
        None => line(&backup.name),
    };
    let made = told.map(|told| view! { {run(told.run)}<br/><small>"by " {line(&told.by)}</small> });
    let verify = backup.verify.as_ref().map(|href| {
        view! { <a class="btn" href=href.clone()>"Verify"<span class="sr">" the backup " {shown(&backup.name, 80)}</span></a> }
    });
    row(view! {
        {cell_name(view! { {when(&backup.at)}<br/><small>{ago(&backup.at)}" ago"</small> })}
        {cell_wide("Proof", view! { {health_as(backup.proof.health(), word.into_any())}<br/><small>{why}</small> })}
        {cell_figure("Size", told.map(|told| shown(&told.size.text(), 40)))}
        {cell_figure("Took", told.map(|told| shown(&told.took.text(), 40)))}
        {cell_wide("What was dumped", dumped)}
        {cell("Run", made)}
        {cell("", verify)}
    })
}
