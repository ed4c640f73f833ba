//! The filter above a list: a plain form that asks for the same page with what was typed in its address.

use leptos::prelude::*;

use super::{empty, sentence, shown, text::SENTENCE};
use crate::model::{FieldInput, Filter, FormField};

/// The form. `label` says what it filters ("Filter runs") and stands on its button.
#[must_use]
pub fn filter_form(filter: &Filter, label: &'static str) -> AnyView {
    let fields: Vec<_> = filter.fields.iter().map(field).collect();
    let all = filter.is_set().then(|| view! { <a class="tool-all" href=filter.path>"Clear the filter"</a> });
    view! {
        <form class="tools" method="get" action=filter.path role="search" aria-label=label novalidate>
            {fields}
            <button class="btn">{label}</button>
            {all}
        </form>
    }
    .into_any()
}

fn field(field: &FormField) -> AnyView {
    let id = format!("f-{}", field.name);
    let fault = field.fault.as_ref().map(|fault| view! { <small class="fault" id=format!("{id}-fault")>{sentence(fault)}</small> });
    let described = field.fault.is_some().then(|| format!("{id}-fault"));
    let invalid = field.fault.is_some().then_some("true");
    let control = match &field.input {
        FieldInput::Choice(choices) => choice(&id, field, choices, described, invalid),
        FieldInput::Text | FieldInput::Number => view! {
            <input
                id=id.clone()
                name=field.name.clone()
                value=field.value.clone()
                placeholder=(!field.hint.is_empty()).then(|| shown(&field.hint, SENTENCE))
                inputmode=(field.input == FieldInput::Number).then_some("numeric")
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=described
                aria-invalid=invalid
            />
        }
        .into_any(),
    };
    view! { <div class="tool"><label for=id>{shown(&field.label, SENTENCE)}</label>{control}{fault}</div> }.into_any()
}

/// A choice; the first means "not filtered by this". What stands in the address and is not offered is kept, so that its fault can be read.
fn choice(id: &str, field: &FormField, choices: &[(String, String)], described: Option<String>, invalid: Option<&'static str>) -> AnyView {
    let strange = !field.value.is_empty() && choices.iter().all(|(value, _)| *value != field.value);
    let strange = strange.then(|| view! { <option value=field.value.clone() selected=true>{shown(&field.value, 80)}</option> });
    let options: Vec<_> = choices
        .iter()
        .map(|(value, label)| {
            let chosen = *value == field.value;
            view! { <option value=value.clone() selected=chosen>{shown(label, 80)}</option> }
        })
        .collect();
    view! {
        <select id=id.to_owned() name=field.name.clone() aria-describedby=described aria-invalid=invalid>
            <option value="">{shown(&field.hint, 80)}</option>
            {strange}
            {options}
        </select>
    }
    .into_any()
}

/// What stands in place of rows that a filter left none of; `one` is what is listed ("run").
#[must_use]
pub fn none_matches(filter: &Filter, one: &str) -> AnyView {
    if filter.has_fault() {
        let text = format!("No {one} was looked for: the filter holds something that cannot be one. Correct it above, or ");
        return empty(view! { {text}<a href=filter.path>"clear the filter"</a>"." });
    }
    let text = format!("No {one} matches {}. ", shown(&filter.words(), SENTENCE));
    empty(view! { {text}<a href=filter.path>"Clear the filter"</a>" to see all." })
}

/// The way to the next page, with the filter kept.
#[must_use]
pub fn older(filter: &Filter, before: Option<i64>, label: &'static str) -> Option<AnyView> {
    before.map(|before| view! { <div class="tools"><a class="btn" href=filter.href(Some(("before", before)))>{label}</a></div> }.into_any())
}
