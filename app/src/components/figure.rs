//! Figures: value, unit, in that order; the age stands beside them.

use leptos::prelude::*;

use super::{no_data_since, shown, spark, text::LINE};
use crate::model::{CountCell, Fact, Seen, Value};

/// A figure with its unit: `84 ms`.
#[must_use]
pub fn figure(value: &Value) -> AnyView {
    let (figure, unit) = value.figure();
    figure_of(&figure, &unit)
}

/// A figure from its two halves.
#[must_use]
pub fn figure_of(figure: &str, unit: &str) -> AnyView {
    let unit = (!unit.is_empty()).then(|| view! { <i>{shown(unit, LINE)}</i> });
    view! { <span class="fig">{shown(figure, LINE)}{unit}</span> }.into_any()
}

/// What stands in place of the counts once they are stale.
#[must_use]
pub fn no_counts(seen: &Seen) -> AnyView {
    view! { <p class="pad if-stale">{no_data_since(seen)}": the API server does not answer. What follows is from then."</p> }.into_any()
}

/// Facts as cells across: name, figure, limit. `first` is a note under the first cell, such as the age.
#[must_use]
pub fn counts(facts: &[Fact], note: Option<AnyView>) -> AnyView {
    let mut note = note;
    let cells: Vec<_> = facts
        .iter()
        .map(|fact| {
            let limit = fact.limit.as_ref().map(|limit| view! { <small>"limit " {shown(&limit.text(), LINE)}</small> }.into_any());
            let under = limit.or_else(|| note.take().map(|note| view! { <small>{note}</small> }.into_any()));
            view! { <div><dt>{shown(&fact.name, LINE)}</dt><dd>{figure(&fact.value)}{under}</dd></div> }
        })
        .collect();
    view! { <dl class="counts if-fresh">{cells}</dl> }.into_any()
}

/// Cells across, each with its course and its own smaller line.
#[must_use]
pub fn count_cells(cells: &[CountCell]) -> AnyView {
    let cells: Vec<_> = cells
        .iter()
        .map(|cell| {
            let value = cell.value.as_ref().map_or_else(|| figure_of("unknown", ""), figure);
            let note = (!cell.note.is_empty()).then(|| view! { <small>{shown(&cell.note, LINE)}</small> });
            view! { <div><dt>{shown(&cell.title, LINE)}</dt><dd>{value}{cell.spark.as_ref().map(spark)}{note}</dd></div> }
        })
        .collect();
    view! { <dl class="counts if-fresh">{cells}</dl> }.into_any()
}

/// Facts as pairs down: name, value with its limit.
#[must_use]
pub fn facts(facts: &[Fact]) -> AnyView {
    let pairs: Vec<_> = facts
        .iter()
        .map(|fact| {
            let limit = fact.limit.as_ref().map(|limit| view! { <small>" limit " {shown(&limit.text(), LINE)}</small> });
            view! { <dt>{shown(&fact.name, LINE)}</dt><dd>{shown(&fact.value.text(), LINE)}{limit}</dd> }
        })
        .collect();
    view! { <dl class="facts">{pairs}</dl> }.into_any()
}
