//! `/clusters`: one row a cluster.

use leptos::prelude::*;

use crate::{
    components::{
        LINE, SENTENCE, age, cell, cell_figure, cell_name, cell_wide, empty, figures, head, health, line, no_data_since, panel, shown,
        stale_row, table, words,
    },
    model::{ClusterRow, Health},
    render::Page,
};

impl Page for [ClusterRow] {
    fn view(&self) -> AnyView {
        let unwell = self.iter().filter(|row| row.health > Health::Ok || row.seen.is_stale()).count();
        let line = match (self.len(), unwell) {
            (0, _) => "No cluster is watched.".to_owned(),
            (all, 0) => format!("{all} watched, nothing is past its limit."),
            (all, unwell) => format!("{unwell} of {all} not well."),
        };
        view! { {head("clusters-head", "Clusters", &line, None)}{body(self)} }.into_any()
    }
}

fn body(rows: &[ClusterRow]) -> AnyView {
    if rows.is_empty() {
        let text = "Clusters would be listed here with nodes and pods. Add one under `clusters` in the estate file.";
        return panel("clusters", "Clusters", "none", empty(text));
    }
    let columns = [words("Cluster"), words("Health"), words("What is so"), figures("Nodes"), figures("Pods"), figures("Age")];
    let list = rows.iter().map(row).collect();
    panel("clusters", "Clusters", "counts first; open one for what is not well", table("Table of clusters", &columns, list))
}

fn row(row: &ClusterRow) -> AnyView {
    let fresh = |text: String| (!row.seen.is_stale()).then(|| view! { <span class="if-fresh">{text}</span> });
    stale_row(
        Some(&row.seen),
        view! {
            {cell_name(view! { <b><a href=row.system.href()>{line(row.system.name())}</a></b> })}
            {cell("Health", health(row.health))}
            {cell_wide("What is so", view! { {fresh(shown(&row.summary, SENTENCE))}{no_data_since(&row.seen)} })}
            {cell_figure("Nodes", fresh(shown(&row.nodes.text(), LINE)))}
            {cell_figure("Pods", fresh(shown(&row.pods.text(), LINE)))}
            {cell_figure("Age", age(&row.seen))}
        },
    )
}
