//! The few parts that live in the browser. Everything else is HTML from the server and works without them.

#[cfg(any(test, feature = "hydrate"))]
mod ages;
#[cfg(any(test, feature = "hydrate"))]
mod backoff;
#[cfg(feature = "hydrate")]
mod keys;
#[cfg(feature = "hydrate")]
mod page;
#[cfg(feature = "hydrate")]
mod stream;

use leptos::prelude::*;

/// Follows the page's live view: replaces what changed, keeps ages true, hatches what is stale, and says once what has changed to
/// whoever listens instead of looking. One a page; it holds the tab's only `EventSource`.
#[island]
pub fn Live() -> impl IntoView {
    let voice = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    stream::follow(page::Page::here(voice));
    view! { <span class="sr" aria-live="polite">{move || voice.get()}</span> }
}

/// Hears the keys, and opens the palette over the page. One a page; what it opens stands in the page already, closed.
#[island]
pub fn Keys() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    keys::listen();
    view! { <i hidden></i> }
}
