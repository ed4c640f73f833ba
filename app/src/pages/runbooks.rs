//! `/runbooks`: what may be run here; what may not be run by the reader stays, with the reason.

use leptos::prelude::*;

use crate::{
    components::{cell, cell_name, cell_wide, counted, empty, head, line, panel, row, sentence, shown, table, words},
    model::RunbookCard,
    render::Page,
};

impl Page for [RunbookCard] {
    fn view(&self) -> AnyView {
        let mine = self.iter().filter(|card| card.refused.is_none()).count();
        let line = format!(
            "{} approved in the estate file; you may plan {mine}. A button opens the form and its plan; nothing runs before you confirm.",
            counted(self.len(), "runbook", "runbooks")
        );
        view! { {head("runbooks-head", "Runbooks", &line, None)}{body(self)} }.into_any()
    }
}

fn body(cards: &[RunbookCard]) -> AnyView {
    if cards.is_empty() {
        let text =
            "Approved runbooks would be listed here. Approve one under `runbooks` in the estate file, with the systems it may touch.";
        return panel("catalog", "Catalog", "none", empty(text));
    }
    let columns = [words("Runbook"), words("Risk"), words("Role"), words("Targets"), words("")];
    panel("catalog", "Catalog", "approved ones only", table("Table of runbooks", &columns, cards.iter().map(card).collect()))
}

fn card(card: &RunbookCard) -> AnyView {
    let href = format!("/runbooks/{}", card.id);
    let plan = format!("Plan: {}", card.title);
    let button = match &card.refused {
        None => view! { <a class="btn" href=href.clone()>{shown(&plan, 80)}</a> }.into_any(),
        Some(why) => {
            let id = format!("why-{}", card.id);
            view! {
                <a class="btn" role="link" aria-disabled="true" aria-describedby=id.clone()>{shown(&plan, 80)}</a>
                <small class="why" id=id>{sentence(why)}</small>
            }
            .into_any()
        }
    };
    row(view! {
        {cell_name(view! { <b><a href=href>{line(&card.title)}</a></b><br/><span class="dim">{sentence(&card.purpose)}</span> })}
        {cell("Risk", card.risk.word())}
        {cell("Role", card.role.word())}
        {cell("Targets", targets(card))}
        {cell_wide("", button)}
    })
}

/// Up to three by name, more by number.
fn targets(card: &RunbookCard) -> AnyView {
    match card.targets.as_slice() {
        [] => view! { <span class="dim">"none in this estate"</span> }.into_any(),
        few if few.len() <= 3 => few
            .iter()
            .map(|target| view! { <span class="target"><a href=target.href()>{line(target.name())}</a></span> })
            .collect::<Vec<_>>()
            .into_any(),
        many => format!("{} systems", many.len()).into_any(),
    }
}
