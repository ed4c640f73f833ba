//! Form fields: label, control, hint, and at the field what is wrong with what was typed.

use leptos::prelude::*;

use super::{sentence, shown, text::SENTENCE};
use crate::model::{FieldInput, FormField, SystemId};

/// The ids of hint and fault, for `aria-describedby`.
fn described(id: &str, hint: bool, fault: bool) -> Option<String> {
    match (hint, fault) {
        (true, true) => Some(format!("{id}-fault {id}-hint")),
        (true, false) => Some(format!("{id}-hint")),
        (false, true) => Some(format!("{id}-fault")),
        (false, false) => None,
    }
}

/// A field around its control.
fn framed(id: &str, label: &str, hint: &str, fault: Option<&str>, control: AnyView) -> AnyView {
    let hint = (!hint.is_empty()).then(|| view! { <small id=format!("{id}-hint")>{shown(hint, SENTENCE)}</small> });
    let fault = fault.map(|fault| view! { <p class="fault" id=format!("{id}-fault")>{sentence(fault)}</p> });
    view! { <div class="field"><label for=id.to_owned()>{shown(label, SENTENCE)}</label>{control}{fault}{hint}</div> }.into_any()
}

/// A parameter of a runbook.
#[must_use]
pub fn parameter(field: &FormField) -> AnyView {
    let id = format!("p-{}", field.name);
    let described = described(&id, !field.hint.is_empty(), field.fault.is_some());
    let invalid = field.fault.is_some().then_some("true");
    let keyboard = match &field.input {
        FieldInput::Text => None,
        FieldInput::Number => Some("numeric"),
        FieldInput::Choice(choices) => {
            let control = choice(&id, field, choices, described, invalid);
            return framed(&id, &field.label, &field.hint, field.fault.as_deref(), control);
        }
    };
    let control = view! {
        <input
            id=id.clone()
            name=field.name.clone()
            value=field.value.clone()
            inputmode=keyboard
            autocomplete="off"
            spellcheck="false"
            aria-describedby=described
            aria-invalid=invalid
        />
    };
    framed(&id, &field.label, &field.hint, field.fault.as_deref(), control.into_any())
}

/// A parameter whose values are listed. What was typed and is not among them stands first, so that nothing typed is lost.
fn choice(id: &str, field: &FormField, choices: &[(String, String)], described: Option<String>, invalid: Option<&'static str>) -> AnyView {
    let other = choices.iter().all(|(value, _)| *value != field.value);
    let other = other.then(|| match field.value.as_str() {
        "" => view! { <option value="">"Choose one"</option> }.into_any(),
        value => {
            view! { <option value=value.to_owned() selected=true>{format!("{} (not offered now)", shown(value, 80))}</option> }.into_any()
        }
    });
    let options: Vec<_> = choices
        .iter()
        .map(|(value, label)| {
            let chosen = *value == field.value;
            view! { <option value=value.clone() selected=chosen>{shown(label, 200)}</option> }
        })
        .collect();
    view! {
        <select id=id.to_owned() name=field.name.clone() aria-describedby=described aria-invalid=invalid>{other}{options}</select>
    }
    .into_any()
}

/// The name first, since a narrow screen cuts the rest: `cart, namespace shop, cluster eu`.
fn place(target: &SystemId) -> String {
    match (target.namespace(), target.cluster()) {
        (Some(namespace), Some(cluster)) => format!("{}, namespace {namespace}, cluster {cluster}", target.name()),
        _ => format!("{}, {}", target.name(), target.kind().word()),
    }
}

/// The choice of a target among those that the estate allows.
#[must_use]
pub fn target_choice(targets: &[SystemId], chosen: Option<&SystemId>, fault: Option<&str>) -> AnyView {
    let first = chosen.is_none().then(|| view! { <option value="">"Choose a target"</option> });
    let options: Vec<_> = targets
        .iter()
        .map(|target| {
            let chosen = chosen == Some(target);
            view! { <option value=target.as_str().to_owned() selected=chosen>{place(target)}</option> }
        })
        .collect();
    let invalid = fault.is_some().then_some("true");
    let described = described("p-target", false, fault.is_some());
    let control = view! {
        <select id="p-target" name="target" aria-describedby=described aria-invalid=invalid>{first}{options}</select>
    };
    framed("p-target", "Target", "", fault, control.into_any())
}

/// A line of text: `kind` is the input's type, `autocomplete` what a password store may fill in.
#[must_use]
pub fn text_field(
    name: &str,
    label: &str,
    hint: &str,
    value: &str,
    kind: &'static str,
    autocomplete: &'static str,
    fault: Option<&str>,
) -> AnyView {
    let described = described(name, !hint.is_empty(), fault.is_some());
    let invalid = fault.is_some().then_some("true");
    let control = view! {
        <input
            id=name.to_owned()
            name=name.to_owned()
            type=kind
            value=value.to_owned()
            autocomplete=autocomplete
            autocapitalize="none"
            spellcheck="false"
            aria-describedby=described
            aria-invalid=invalid
        />
    };
    framed(name, label, hint, fault, control.into_any())
}

/// A text as it stands in a `<textarea>`, whose content is the one that the renderer writes as it is.
#[must_use]
pub fn in_textarea(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The reason for a run: kept in the audit, so it is asked for in sentences.
#[must_use]
pub fn reason_field(value: &str, fault: Option<&str>) -> AnyView {
    let described = described("reason", true, fault.is_some());
    let invalid = fault.is_some().then_some("true");
    let control = view! {
        <textarea id="reason" name="reason" rows="2" required aria-describedby=described aria-invalid=invalid>{in_textarea(value)}</textarea>
    };
    framed("reason", "Reason", "kept in the audit; a ticket number helps", fault, control.into_any())
}
