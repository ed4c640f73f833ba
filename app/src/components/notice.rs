//! What happened, what was not done, what next.

use leptos::prelude::*;

use crate::model::Health;

/// A line with its health at the left edge. `label` names the landmark.
#[must_use]
pub fn notice(health: Health, label: &str, title: AnyView, text: AnyView) -> AnyView {
    view! {
        <section class="notice" data-health=health.word() aria-label=label.to_owned()>
            <p><b class="health" data-health=health.word()>{title}</b>" "{text}</p>
        </section>
    }
    .into_any()
}
