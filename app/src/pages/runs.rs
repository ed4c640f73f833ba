//! `/runs`: what was run; what has not ended first, then newest first.

use leptos::prelude::*;

use crate::{
    components::{counted, empty, figures, filter_form, head, none_matches, older, panel, run_row, table, words},
    model::RunList,
    render::Page,
};

impl Page for RunList {
    fn view(&self) -> AnyView {
        let open = self.rows.iter().filter(|run| !run.state.has_ended()).count();
        let line = match (open, self.filter.is_set()) {
            (0, false) => "Nothing is running.".to_owned(),
            (0, true) => format!("Those with {}.", self.filter.words()),
            (open, false) => format!("{} not ended.", counted(open, "run has", "runs have")),
            (open, true) => format!("Those with {}; {} not ended.", self.filter.words(), counted(open, "run has", "runs have")),
        };
        view! { {head("runs-head", "Runs", &line, None)}{body(self)} }.into_any()
    }
}

fn body(list: &RunList) -> AnyView {
    let form = filter_form(&list.filter, "Filter runs");
    if list.rows.is_empty() && list.filter.is_set() {
        return panel("runs", "Runs", "none", view! { {form}{none_matches(&list.filter, "run")} });
    }
    if list.rows.is_empty() {
        let text = view! { "Runs would be listed here, newest first, with how they ended. "<a href="/runbooks">"Open a runbook"</a>" to plan the first." };
        return panel("runs", "Runs", "none", empty(text));
    }
    let columns =
        [words("Run"), words("State"), words("What happened"), words("Target"), words("Asked by"), figures("Took"), figures("When, UTC")];
    let rows = list.rows.iter().map(run_row).collect();
    let note = "what has not ended first, then newest first";
    panel(
        "runs",
        "Runs",
        note,
        view! { {form}{table("Table of runs", &columns, rows)}{older(&list.filter, list.older, "Show older runs")} },
    )
}
