//! `/systems`: everything that is watched, by kind.

use leptos::prelude::*;

use crate::{
    components::{
        age, ago, cell, cell_figure, cell_name, cell_wide, counted, empty, figures, filter_form, head, health, line, none_matches, panel,
        sentence, shown, stale_row, table, words,
    },
    model::{Kind, Seen, SystemList, SystemRow},
    render::Page,
};

impl Page for SystemList {
    fn view(&self) -> AnyView {
        let line = match (self.all, self.unwell) {
            (0, _) => "Nothing is watched.".to_owned(),
            (all, 0) => format!("{all} watched, nothing is past its limit."),
            (all, unwell) => format!("{unwell} of {all} not well."),
        };
        view! { {head("systems-head", "Systems", &line, None)}{body(self)} }.into_any()
    }
}

fn body(list: &SystemList) -> AnyView {
    if list.all == 0 {
        let text = "Databases, caches, endpoints, certificates and names would be listed here. Add them to the estate file.";
        return panel("systems", "Systems", "none", empty(text));
    }
    let form = filter_form(&list.filter, "Filter systems");
    let count: usize = list.groups.iter().map(|(_, rows)| rows.len()).sum();
    if count == 0 {
        return panel("systems", "Systems", "none", view! { {form}{none_matches(&list.filter, "system")} });
    }
    let columns = [words("System"), words("Health"), figures("Figure"), words("What is so"), figures("Since"), figures("Age")];
    let rows = list.groups.iter().flat_map(|(kind, rows)| kind.map(group).into_iter().chain(rows.iter().map(row))).collect();
    let note = if count == list.all { counted(count, "system", "systems") } else { format!("{count} of {} shown", list.all) };
    panel("systems", "Systems", note, view! { {form}{table("Table of systems", &columns, rows)} })
}

fn group(kind: Kind) -> AnyView {
    view! { <tr role="row" class="group"><td role="cell" colspan="6">{kind.plural()}</td></tr> }.into_any()
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
            {cell("Health", health(row.known()))}
            {cell_figure("Figure", figure)}
            {cell_wide("What is so", view! { {summary}{seen.map(crate::components::no_data_since)} })}
            {cell_figure("Since", row.since.as_ref().map(ago))}
            {cell_figure("Age", seen.map(age))}
        },
    )
}
