//! Bars: how much of a limit is used, how far something has come.

use leptos::prelude::*;

/// A share of one as a bar; `label` says of what.
#[must_use]
pub fn meter(share: f64, label: String) -> AnyView {
    let width = percent(share);
    view! {
        <svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=label>
            <rect width=width.to_string() height="8"></rect>
        </svg>
    }
    .into_any()
}

/// The same with a tick at its limit.
#[must_use]
pub fn meter_with_limit(share: f64, limit: f64, label: String) -> AnyView {
    let width = percent(share);
    view! {
        <svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=label>
            <rect width=width.to_string() height="8"></rect>
            <path d=format!("M{}-3v14", percent(limit))></path>
        </svg>
    }
    .into_any()
}

/// Progress as a bar with an optional tick (where it usually ends).
#[must_use]
pub fn progress(share: f64, tick: Option<f64>, label: String) -> AnyView {
    let width = percent(share);
    let tick = tick.map(|tick| view! { <path d=format!("M{}-3v14", percent(tick))></path> });
    view! {
        <svg
            class="progress"
            viewBox="0 0 100 8"
            preserveAspectRatio="none"
            role="progressbar"
            aria-valuenow=width.to_string()
            aria-valuemin="0"
            aria-valuemax="100"
            aria-label=label
        >
            <rect width=width.to_string() height="8"></rect>
            {tick}
        </svg>
    }
    .into_any()
}

/// Whole percent between 0 and 100.
fn percent(share: f64) -> u64 {
    if share.is_finite() { (share.clamp(0.0, 1.0) * 100.0).round() as u64 } else { 0 }
}
