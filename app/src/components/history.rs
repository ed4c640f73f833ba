//! How something went: a strip of the last hour, and the phases of one answer as a bar.

use leptos::prelude::*;

use crate::model::Health;

/// A strip, oldest first: a full cell was well, a low one past its limit, a hollow one was not read.
#[must_use]
pub fn history(points: &[Health], label: String) -> AnyView {
    let cells: Vec<_> = points.iter().map(|point| view! { <i data-health=point.word()></i> }).collect();
    view! { <span class="history" role="img" aria-label=label>{cells}</span> }.into_any()
}

/// Phases one after the other on a bar that ends at `scale` seconds.
#[must_use]
pub fn phases(phases: &[(&'static str, Option<f64>)], scale: f64) -> AnyView {
    let whole: f64 = phases.iter().filter_map(|(_, took)| *took).sum();
    if !(scale > 0.0 && scale.is_finite() && whole.is_finite()) {
        return ().into_any();
    }
    let mut at = 0.0;
    let bars: Vec<_> = phases
        .iter()
        .filter_map(|(_, took)| *took)
        .map(|took| {
            let (from, width) = (at / scale * 100.0, took / scale * 100.0);
            at += took;
            // What is shorter than a hair is still there.
            view! { <rect x=format!("{:.1}", from.min(100.0)) width=format!("{:.1}", (width - 0.6).clamp(0.6, (100.0 - from).max(0.6))) height="8"></rect> }
        })
        .collect();
    let label = format!("{:.0} ms of {:.0} ms", whole * 1e3, scale * 1e3);
    view! { <svg class="meter phases" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=label>{bars}</svg> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_stand_one_after_the_other_and_stay_on_the_bar() {
        let html = phases(&[("DNS", Some(0.01)), ("TLS", None), ("Wait", Some(0.04)), ("Body", Some(9.0))], 0.1).to_html();
        for part in ["x=\"0.0\" width=\"9.4\"", "x=\"10.0\" width=\"39.4\"", "x=\"50.0\" width=\"50.0\""] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!phases(&[("DNS", Some(f64::NAN))], 0.1).to_html().contains("svg"));
        assert!(!phases(&[("DNS", Some(1.0))], 0.0).to_html().contains("svg"));
    }
}
