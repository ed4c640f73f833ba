//! Buttons say verb and object. One that may not be pressed stays, with the reason.

use leptos::prelude::*;

use super::{shown, text::LINE};
use crate::model::{RunbookLink, SystemId};

/// Links that open runbooks; the first is the primary one when `primary`.
#[must_use]
pub fn runbook_links(links: &[RunbookLink], primary: bool) -> Option<AnyView> {
    if links.is_empty() {
        return None;
    }
    let links: Vec<_> = links
        .iter()
        .enumerate()
        .map(|(at, link)| {
            let kind = (primary && at == 0).then_some("primary");
            view! { <a class="btn" data-kind=kind href=link.href.clone()>{shown(&link.title, LINE)}</a> }
        })
        .collect();
    Some(view! { <div class="btns">{links}</div> }.into_any())
}

/// A form of one button: every change is a POST that works without a script. `fields` are sent along, unseen.
#[must_use]
pub fn post_button(action: &str, fields: &[(String, String)], kind: Option<&'static str>, title: &str) -> AnyView {
    view! {
        <form method="post" action=action.to_owned() novalidate>
            {hidden_fields(fields)}
            <button class="btn" data-kind=kind>{shown(title, LINE)}</button>
        </form>
    }
    .into_any()
}

/// Fields that are sent along, unseen.
#[must_use]
pub fn hidden_fields(fields: &[(String, String)]) -> AnyView {
    fields.iter().map(|(name, value)| view! { <input type="hidden" name=name.clone() value=value.clone()/> }).collect::<Vec<_>>().into_any()
}

/// A runbook's parameters with the system that it is run on, as its form sends them.
#[must_use]
pub fn with_target(parameters: &[(String, String)], target: &SystemId) -> Vec<(String, String)> {
    let mut fields = vec![("target".to_owned(), target.to_string())];
    fields.extend_from_slice(parameters);
    fields
}
