//! `/systems`: everything that is watched, by kind.

use leptos::prelude::*;

use crate::{
    components::{
        age, ago, cell, cell_figure, cell_name, cell_wide, counted, empty, figures, head, health, line, panel, sentence, shown, stale_row,
        table, words,
    },
    model::{Health, Kind, Seen, SystemList, SystemRow},
    render::Page,
};

impl Page for SystemList {
    fn view(&self) -> AnyView {
        let rows = || self.groups.iter().flat_map(|(_, rows)| rows);
        let unwell = rows().filter(|row| known(row) > Health::Ok || row.seen.as_ref().is_some_and(Seen::is_stale)).count();
        let line = match (rows().count(), unwell) {
            (0, _) => "Nothing is watched.".to_owned(),
            (all, 0) => format!("{all} watched, nothing is past its limit."),
            (all, unwell) => format!("{unwell} of {all} not well."),
        };
        view! { {head("systems-head", "Systems", &line, None)}{body(self)} }.into_any()
    }
}

fn body(list: &SystemList) -> AnyView {
    if list.groups.iter().all(|(_, rows)| rows.is_empty()) {
        let text = "Databases, caches, endpoints, certificates and names would be listed here. Add them to the estate file.";
        return panel("systems", "Systems", "none", empty(text));
    }
    let columns = [words("System"), words("Health"), figures("Figure"), words("What is so"), figures("Since"), figures("Age")];
    let rows = list
        .groups
        .iter()
        .filter(|(_, rows)| !rows.is_empty())
        .flat_map(|(kind, rows)| std::iter::once(group(*kind)).chain(rows.iter().map(row)))
        .collect();
    let count: usize = list.groups.iter().map(|(_, rows)| rows.len()).sum();
    panel("systems", "Systems", format!("{}, by kind", counted(count, "system", "systems")), table("Table of systems", &columns, rows))
}

fn group(kind: Kind) -> AnyView {
    view! { <tr role="row" class="group"><td role="cell" colspan="6">{kind.plural()}</td></tr> }.into_any()
}

/// A system without a reading is unknown, whatever its health says.
const fn known(row: &SystemRow) -> Health {
    if row.seen.is_none() { Health::Unknown } else { row.health }
}

fn row(row: &SystemRow) -> AnyView {
    let seen = row.seen.as_ref();
    let fresh = !seen.is_some_and(Seen::is_stale);
    let figure = row.figure.as_ref().filter(|_| fresh).map(|value| view! { <span class="if-fresh">{shown(&value.text(), 80)}</span> });
    let summary = fresh.then(|| view! { <span class="if-fresh">{sentence(&row.summary)}</span> });
    stale_row(
        seen,
        view! {
            {cell_name(view! { <b><a href=row.system.href()>{line(row.system.name())}</a></b> })}
            {cell("Health", health(known(row)))}
            {cell_figure("Figure", figure)}
            {cell_wide("What is so", view! { {summary}{seen.map(crate::components::no_data_since)} })}
            {cell_figure("Since", row.since.as_ref().map(ago))}
            {cell_figure("Age", seen.map(age))}
        },
    )
}
