//! Panels and the tables in them.

use leptos::prelude::*;

use super::{aged, fresh_class, no_data_since, stale};
use crate::model::Seen;

/// A surface with a heading row. `id` names the heading; a panel is never put into another one.
#[must_use]
pub fn panel(id: &str, title: &str, note: impl IntoAny, body: impl IntoAny) -> AnyView {
    let heading = format!("h-{id}");
    view! {
        <section class="panel" id=id.to_owned() aria-labelledby=heading.clone()>
            <header><h2 id=heading.clone()>{title.to_owned()}</h2><small>{note.into_any()}</small></header>
            {body.into_any()}
        </section>
    }
    .into_any()
}

/// A panel that shows one reading: hatched as a whole once that is stale, and its heading says since when nothing was read.
#[must_use]
pub fn reading_panel(id: &str, title: &str, note: &str, seen: &Seen, body: impl IntoAny) -> AnyView {
    let heading = format!("h-{id}");
    view! {
        <section class=fresh_class("panel", Some(seen)) id=id.to_owned() data-stale=stale(Some(seen)) aria-labelledby=heading.clone()>
            <header>
                <h2 id=heading.clone()>{title.to_owned()}</h2>
                <small><span class="if-fresh">{note.to_owned()}</span>{no_data_since(seen)}{aged(seen)}</small>
            </header>
            {body.into_any()}
        </section>
    }
    .into_any()
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Whether it holds figures, which end on the right.
    pub figures: bool,
}

/// A column of words.
#[must_use]
pub const fn words(title: &'static str) -> Column {
    Column { title, figures: false }
}

/// A column of figures.
#[must_use]
pub const fn figures(title: &'static str) -> Column {
    Column { title, figures: true }
}

/// A table that scrolls in its own box and stacks its rows where the screen is narrow.
/// Roles are written out, since stacking takes a table's own away.
#[must_use]
pub fn table(label: &str, columns: &[Column], rows: Vec<AnyView>) -> AnyView {
    let heads: Vec<_> = columns
        .iter()
        .map(|column| {
            let class = column.figures.then_some("num");
            if column.title.is_empty() {
                view! { <th role="columnheader" class=class><span class="sr">"Action"</span></th> }.into_any()
            } else {
                view! { <th role="columnheader" class=class>{column.title}</th> }.into_any()
            }
        })
        .collect();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=label.to_owned()>
            <table class="list" role="table">
                <thead role="rowgroup"><tr role="row">{heads}</tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// One row of a table.
#[must_use]
pub fn row(cells: impl IntoAny) -> AnyView {
    view! { <tr role="row">{cells.into_any()}</tr> }.into_any()
}

/// A cell of one or two words; `label` stands over it where rows are stacked.
#[must_use]
pub fn cell(label: &'static str, content: impl IntoAny) -> AnyView {
    view! { <td role="cell" class="short" data-label=label>{content.into_any()}</td> }.into_any()
}

/// A cell of a figure.
#[must_use]
pub fn cell_figure(label: &'static str, content: impl IntoAny) -> AnyView {
    view! { <td role="cell" class="num" data-label=label>{content.into_any()}</td> }.into_any()
}

/// The cell that names the row; it takes the whole width where rows are stacked.
#[must_use]
pub fn cell_name(content: impl IntoAny) -> AnyView {
    view! { <td role="cell" data-wide="true">{content.into_any()}</td> }.into_any()
}

/// A cell of sentences, which also takes the whole width.
#[must_use]
pub fn cell_wide(label: &'static str, content: impl IntoAny) -> AnyView {
    view! { <td role="cell" data-wide="true" data-label=label>{content.into_any()}</td> }.into_any()
}

/// What stands where there is nothing: what would be here, and how it gets there.
#[must_use]
pub fn empty(text: impl IntoAny) -> AnyView {
    view! { <p class="pad empty">{text.into_any()}</p> }.into_any()
}

/// A row that shows a reading: hatched as a whole once it is stale, its old values gone.
#[must_use]
pub fn stale_row(seen: Option<&Seen>, cells: impl IntoAny) -> AnyView {
    view! { <tr role="row" class=fresh_class("reading-row", seen) data-stale=stale(seen)>{cells.into_any()}</tr> }.into_any()
}
