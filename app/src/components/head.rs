//! The beginning of each page: breadcrumb, title, and the one line that says what is wrong here.

use leptos::prelude::*;

use super::{sentence, shown, text::LINE};

/// The way here: names with their addresses; the last is this page.
#[must_use]
pub fn crumbs(way: &[(&str, &str)], here: &str) -> AnyView {
    let way: Vec<_> = way.iter().map(|(name, href)| view! { <li><a href=(*href).to_owned()>{shown(name, LINE)}</a></li> }).collect();
    view! {
        <nav aria-label="Breadcrumb"><ol class="crumbs">{way}<li aria-current="page">{shown(here, LINE)}</li></ol></nav>
    }
    .into_any()
}

/// Title, line and buttons. What the line says is announced when it changes (`data-voice`), once and politely.
#[must_use]
pub fn head(id: &str, title: impl IntoAny, line: &str, buttons: Option<AnyView>) -> AnyView {
    view! {
        <div class="head" id=id.to_owned() data-voice=shown(line, LINE)>
            <div><h1>{title.into_any()}</h1><p>{sentence(line)}</p></div>
            {buttons}
        </div>
    }
    .into_any()
}
