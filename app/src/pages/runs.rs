//! `/runs`: what was run, newest first.

use leptos::prelude::*;

use crate::{
    components::{counted, empty, figures, head, panel, run_row, table, words},
    model::RunList,
    render::Page,
};

impl Page for RunList {
    fn view(&self) -> AnyView {
        let open = self.rows.iter().filter(|run| !run.state.has_ended()).count();
        let line = match open {
            0 => "Nothing is running.".to_owned(),
            open => format!("{} not ended.", counted(open, "run has", "runs have")),
        };
        view! { {head("runs-head", "Runs", &line, None)}{body(self)} }.into_any()
    }
}

fn body(list: &RunList) -> AnyView {
    if list.rows.is_empty() {
        let text = view! { "Runs would be listed here, newest first, with how they ended. "<a href="/runbooks">"Open a runbook"</a>" to plan the first." };
        return panel("runs", "Runs", "none", empty(text));
    }
    let columns =
        [words("Run"), words("State"), words("What happened"), words("Target"), words("Asked by"), figures("Took"), figures("When, UTC")];
    let rows = list.rows.iter().map(run_row).collect();
    let older = list.older.map(|older| {
        view! { <div class="tools"><a class="btn" href=format!("/runs?before={older}")>"Show older runs"</a></div> }
    });
    panel("runs", "Runs", "newest first", view! { {table("Table of runs", &columns, rows)}{older} })
}
