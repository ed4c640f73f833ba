//! Keys as they stand on a keyboard.

use leptos::prelude::*;

use super::shown;
use crate::model::Stroke;

/// Keys one after the other.
#[must_use]
pub fn keys(names: &[&str]) -> AnyView {
    let names: Vec<_> = names.iter().map(|name| view! { <kbd>{shown(name, 12)}</kbd>" " }).collect();
    view! { <span class="nowrap">{names}</span> }.into_any()
}

/// Keys and what each does.
#[must_use]
pub fn key_list(strokes: impl Iterator<Item = (Vec<String>, String)>) -> AnyView {
    let rows: Vec<_> = strokes
        .map(|(pressed, does)| {
            let pressed: Vec<_> = pressed.iter().map(String::as_str).collect();
            view! { <div><dt>{keys(&pressed)}</dt><dd>{shown(&does, 160)}</dd></div> }
        })
        .collect();
    view! { <dl class="keys">{rows}</dl> }.into_any()
}

/// A list of strokes, as the model has it.
#[must_use]
pub fn strokes(strokes: &[Stroke]) -> AnyView {
    key_list(strokes.iter().map(|stroke| (stroke.keys.iter().map(|key| (*key).to_owned()).collect(), stroke.does.to_owned())))
}
