//! Rows of runs.

use leptos::prelude::*;

use super::{ago, cell, cell_figure, cell_name, cell_wide, line, row, run_state, sentence, shown, system_name, text::LINE, when};
use crate::model::{RunRow, clock_words};

/// A run in a list with everything that tells it apart.
#[must_use]
pub fn run_row(run: &RunRow) -> AnyView {
    row(view! {
        {cell_name(view! { <a href=format!("/runs/{}", run.id)>{shown(&run.title, LINE)}</a><br/><small>"run " {run.id}</small> })}
        {cell("State", run_state(run.state))}
        {cell_wide("What happened", sentence(&run.sentence))}
        {cell("Target", view! { <a href=run.target.href()>{system_name(&run.target)}</a> })}
        {cell("Asked by", line(&run.asked_by))}
        {cell_figure("Took", took(run))}
        {cell_figure("When", view! { {when(&run.asked)}<br/><small>{ago(&run.asked)}</small> })}
    })
}

/// A run among earlier ones of the same runbook on the same target.
#[must_use]
pub fn earlier_row(run: &RunRow) -> AnyView {
    row(view! {
        {cell("When", view! { <a href=format!("/runs/{}", run.id)>{when(&run.asked)}</a> })}
        {cell("State", run_state(run.state))}
        {cell_wide("Ending", sentence(&run.sentence))}
        {cell_figure("Took", took(run))}
    })
}

/// How long it took; what is under way says so, since its time is not its length.
fn took(run: &RunRow) -> String {
    if run.state.has_ended() { clock_words(run.elapsed_ms) } else { format!("{} so far", clock_words(run.elapsed_ms)) }
}
