//! Preconditions as a table: of a plan, and live on the page of what it would be done to.

use leptos::prelude::*;

use super::{cell, cell_wide, line, outcome, row, sentence, table, words};
use crate::model::{Check, CheckOutcome};

/// The checks; what does not pass comes first.
#[must_use]
pub fn checks(label: &str, checks: &[Check]) -> AnyView {
    let mut checks: Vec<_> = checks.iter().collect();
    checks.sort_by_key(|check| match check.outcome {
        CheckOutcome::Fail => 0,
        CheckOutcome::Unknown => 1,
        CheckOutcome::Warn => 2,
        CheckOutcome::Pass => 3,
    });
    let rows = checks
        .into_iter()
        .map(|check| {
            row(view! {
                {cell_wide("Check", sentence(&check.title))}
                {cell_wide("Measured", line(&check.value))}
                {cell("Result", outcome(check.outcome))}
            })
        })
        .collect();
    table(label, &[words("Check"), words("Measured"), words("Result")], rows)
}
