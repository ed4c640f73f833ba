//! Icons of the rail: 16 by 16, drawn in the color of the text beside them.

use leptos::prelude::*;

use crate::model::Place;

/// The icon of a place in the rail.
#[must_use]
pub fn icon(place: Place) -> AnyView {
    let d = match place {
        Place::Overview => "M2 8a2 2 0 1 0 4 0a2 2 0 1 0-4 0M10 8a2 2 0 1 0 4 0a2 2 0 1 0-4 0M6 8h4M1 8h1M14 8h1",
        Place::Clusters => "M8 1.500 13.800 4.800v6.400L8 14.500 2.200 11.200V4.800zM2.200 4.800 8 8l5.800-3.200M8 8v6.500",
        Place::Systems => {
            "M2.500 3.800a5.500 2 0 1 0 11 0a5.500 2 0 1 0-11 0v8.400c0 1.100 2.500 2 5.500 2s5.500-.9 5.500-2V3.800M2.500 8c0 1.100 2.500 2 5.500 2s5.500-.9 5.500-2"
        }
        Place::Runbooks => "M3 1.500h10v13H3zM6.500 5.300v5.400l4-2.700z",
        Place::Runs => "M1.500 8a6.500 6.500 0 1 0 13 0a6.500 6.500 0 1 0-13 0M8 4v4l2.500 2",
        Place::Audit => "M2 3.500h2M2 8h2M2 12.500h2M6.500 3.500H14M6.500 8H14M6.500 12.500H14",
        Place::Outside => "M3 8h.1M8 8h.1M13 8h.1",
    };
    view! { <svg viewBox="0 0 16 16" aria-hidden="true"><path d=d></path></svg> }.into_any()
}
