//! `/runbooks`: what may be run here, by kind of system; what may not be run by the reader stays, with the reason.

use leptos::prelude::*;

use crate::{
    components::{
        ago, cell, cell_figure, cell_name, cell_wide, counted, empty, figures, filter_form, head, line, none_matches, panel, row,
        run_state, sentence, shown, table, words,
    },
    model::{Kind, RunbookCard, RunbookCatalog, clock_words},
    render::Page,
};

impl Page for RunbookCatalog {
    fn view(&self) -> AnyView {
        let line = format!(
            "{}; you may plan {}. A button opens the form and its plan; nothing runs before you confirm.",
            counted(self.all, "runbook", "runbooks"),
            self.mine
        );
        view! { {head("runbooks-head", "Runbooks", &line, None)}{body(self)} }.into_any()
    }
}

fn body(catalog: &RunbookCatalog) -> AnyView {
    if catalog.all == 0 {
        let text =
            "Approved runbooks would be listed here. Approve one under `runbooks` in the estate file, with the systems it may touch.";
        return panel("catalog", "Catalog", "none", empty(text));
    }
    let form = filter_form(&catalog.filter, "Filter runbooks");
    let shown: usize = catalog.groups.iter().map(|(_, cards)| cards.len()).sum();
    if shown == 0 {
        return panel("catalog", "Catalog", "none", view! { {form}{none_matches(&catalog.filter, "runbook")} });
    }
    let columns = [words("Runbook"), words("Risk"), words("Role"), words("Targets"), words("Last run"), figures("Usually"), words("")];
    let rows = catalog.groups.iter().flat_map(|(kind, cards)| std::iter::once(group(*kind)).chain(cards.iter().map(card))).collect();
    let note = if shown == catalog.all { "by kind of system".to_owned() } else { format!("{shown} of {} shown", catalog.all) };
    panel("catalog", "Catalog", note, view! { {form}{table("Table of runbooks", &columns, rows)} })
}

fn group(kind: Kind) -> AnyView {
    view! { <tr role="row" class="group"><td role="cell" colspan="7">{kind.plural()}</td></tr> }.into_any()
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
    let usual = card.last.as_ref().and_then(|last| last.usual_ms).map(clock_words);
    row(view! {
        {cell_name(view! { <b><a href=href>{line(&card.title)}</a></b><br/><span class="dim">{sentence(&card.purpose)}</span> })}
        {cell("Risk", card.risk.word())}
        {cell("Role", card.role.word())}
        {cell("Targets", targets(card))}
        {cell("Last run", last(card))}
        {cell_figure("Usually", usual)}
        {cell_wide("", button)}
    })
}

/// How and when it was last run.
fn last(card: &RunbookCard) -> AnyView {
    match &card.last {
        None => view! { <span class="dim">"never run"</span> }.into_any(),
        Some(last) => {
            view! { {run_state(last.state)}<br/><small><a href=format!("/runs/{}", last.run)>"run " {last.run}</a>", "{ago(&last.asked)}" ago"</small> }
                .into_any()
        }
    }
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
        many => counted(many.len(), "system", "systems").into_any(),
    }
}
