//! `/search`: the palette as a page of its own.

use leptos::prelude::*;

use crate::{
    components::{self, find_form, found, head, panel},
    model::Found,
    render::Page,
};

impl Page for Found {
    fn view(&self) -> AnyView {
        let line = if self.words.is_empty() { "Every page and the newest runs; type to find more.".to_owned() } else { self.count() };
        view! {
            {head("search-head", "Find", &line, None)}
            {panel("results", "Found", "", view! { {find_form(&self.words)}{found(self)} })}
        }
        .into_any()
    }
}

/// What the palette shows: the same without the page around it.
#[must_use]
pub fn found_alone(words: &Found) -> String {
    components::found(words).to_html()
}
