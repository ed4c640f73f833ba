//! Icons: 16 by 16, drawn in the color of the text beside them.

use leptos::prelude::*;

/// Three dots: there is more.
pub const MORE: &str = "M3 8h.1M8 8h.1M13 8h.1";

/// The drawing of a path. It says nothing by itself: its word stands beside it.
#[must_use]
pub fn icon(d: &'static str) -> AnyView {
    view! { <svg viewBox="0 0 16 16" aria-hidden="true"><path d=d></path></svg> }.into_any()
}
