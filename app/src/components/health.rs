//! Health as a shape with a word. The shape has the color, the word stays ink; *stale* takes both over (see `stale.css`).

use leptos::prelude::*;

use crate::model::{CheckOutcome, Health, RunState};

/// Shape and word: `● ok`.
#[must_use]
pub fn health(health: Health) -> AnyView {
    view! { <span class="health" data-health=health.word()>{word(health)}</span> }.into_any()
}

/// The shape with a text of its own beside it: `▲ CrashLoopBackOff`.
#[must_use]
pub fn health_as(health: Health, text: AnyView) -> AnyView {
    view! { <span class="health" data-health=health.word()>{text}</span> }.into_any()
}

/// The shape alone. Its word must stand beside it, see [`hidden_word`].
#[must_use]
pub fn mark(health: Health) -> AnyView {
    view! { <i class="mark" data-health=health.word() aria-hidden="true"></i> }.into_any()
}

/// The word for whoever cannot see the shape: ", degraded".
#[must_use]
pub fn hidden_word(health: Health) -> AnyView {
    view! { <span class="sr">", " {word(health)}</span> }.into_any()
}

/// The word, which gives way to "stale" once the reading around it is.
fn word(health: Health) -> AnyView {
    view! {
        <span class="if-fresh">{health.word()}</span>
        <span class="if-stale">"stale"</span>
    }
    .into_any()
}

/// How a run stands, as shape and word. What has not ended is never drawn as an ending, and an unknown one never as failed or done.
#[must_use]
pub fn run_state(state: RunState) -> AnyView {
    let word = state.label();
    let shape = match state {
        RunState::Unknown => Some(Health::Unknown),
        RunState::Succeeded => Some(Health::Ok),
        RunState::SucceededElsewhere => Some(Health::Degraded),
        RunState::Failed => Some(Health::Down),
        RunState::Queued | RunState::Running | RunState::Cancelling | RunState::Cancelled | RunState::Refused => None,
    };
    match shape {
        Some(shape) => view! { <span class="health" data-health=shape.word()>{word}</span> }.into_any(),
        None => view! { <span class="nowrap">{word}</span> }.into_any(),
    }
}

/// Whether a precondition holds, as shape and word.
#[must_use]
pub fn outcome(outcome: CheckOutcome) -> AnyView {
    let shape = match outcome {
        CheckOutcome::Pass => Health::Ok,
        CheckOutcome::Warn => Health::Degraded,
        CheckOutcome::Fail => Health::Down,
        CheckOutcome::Unknown => Health::Unknown,
    };
    view! { <span class="health" data-health=shape.word()>{outcome.word()}</span> }.into_any()
}
