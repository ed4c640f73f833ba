//! Steps as a vertical line: of a plan, of a run.

use leptos::prelude::*;

use super::{clock, code, counted, mark, progress, sentence};
use crate::model::{Health, PlanStep, RunStep, StepState, clock_words};

/// Output of more lines than this is folded, also while its step runs.
const OPEN_LINES: usize = 12;

/// The steps of a plan, none begun.
#[must_use]
pub fn plan_steps(steps: &[PlanStep]) -> AnyView {
    let steps: Vec<_> = steps
        .iter()
        .map(|step| {
            let detail = (!step.detail.is_empty()).then(|| view! { <p>{sentence(&step.detail)}</p> });
            let usual = step.usual_s.map(|usual| view! { "~ " {seconds(usual)}<br/> });
            view! {
                <li>
                    <span class="dot"></span>
                    <div><b>{sentence(&step.title)}</b>{detail}</div>
                    <span class="num">{usual}<small>"at most " {seconds(step.limit_s)}</small></span>
                </li>
            }
        })
        .collect();
    view! { <ol class="steps">{steps}</ol> }.into_any()
}

/// The id of a run's step, counted from nought.
#[must_use]
pub fn step_id(at: usize) -> String {
    format!("step-{at}")
}

/// One step of a run; the unit in which the run page is replaced live.
#[must_use]
pub fn run_step(at: usize, step: &RunStep) -> AnyView {
    let detail = (!step.detail.is_empty()).then(|| view! { <p>{sentence(&step.detail)}</p> });
    let runs = matches!(step.state, StepState::Running | StepState::Unknown);
    let output = (!step.output.is_empty()).then(|| {
        let open = step.state == StepState::Failed || (runs && step.output.len() <= OPEN_LINES);
        view! {
            <details class="fold" id=format!("output-{at}") open=open>
                <summary>"Output, " {counted(step.output.len(), "line", "lines")}{runs.then_some(", live")}</summary>
                {code(&step.output, &format!("Output of step {}", at + 1))}
            </details>
        }
    });
    view! {
        <li id=step_id(at) data-state=step.state.word() aria-current=runs.then_some("step")>
            {dot(step.state)}
            <div><b>{sentence(&step.title)}</b><span class="sr">", " {step.state.word()}</span>{detail}{runs.then(|| bar(step))}{output}</div>
            <span class="num">{time(step)}</span>
        </li>
    }
    .into_any()
}

/// The station on the line: a shape for what went wrong or is not known, so that color is never alone.
fn dot(state: StepState) -> AnyView {
    match state {
        StepState::Failed => view! { <span class="dot">{mark(Health::Down)}</span> }.into_any(),
        StepState::Unknown => view! { <span class="dot">{mark(Health::Unknown)}</span> }.into_any(),
        StepState::Waiting | StepState::Running | StepState::Done | StepState::Skipped => view! { <span class="dot"></span> }.into_any(),
    }
}

/// How far the running step has come: by what it counts where it counts, else by its time against its limit.
fn bar(step: &RunStep) -> AnyView {
    let elapsed = step.elapsed_ms.unwrap_or_default();
    let limit_ms = step.limit_s.saturating_mul(1000).max(1);
    let usual = step.usual_s.map(|usual| format!(" of usually {}", seconds(usual))).unwrap_or_default();
    let limit = seconds(step.limit_s);
    match step.progress {
        Some((done, all)) if all > 0 => {
            let label = format!("{done} of {all}");
            view! {
                {progress(done as f64 / all as f64, None, label.clone())}
                <small>{label}", " {clock(elapsed, true)}{usual}"; given up after " {limit}</small>
            }
            .into_any()
        }
        _ => {
            let tick = step.usual_s.map(|usual| usual.saturating_mul(1000) as f64 / limit_ms as f64);
            view! {
                {progress(elapsed as f64 / limit_ms as f64, tick, format!("time against the limit of {limit}"))}
                <small>{clock(elapsed, true)}{usual}"; the end of the bar is the limit of " {limit}</small>
            }
            .into_any()
        }
    }
}

/// What stands at the right: how long it took, takes, or usually takes.
fn time(step: &RunStep) -> AnyView {
    match (step.state, step.elapsed_ms) {
        (StepState::Skipped, _) => "not run".into_any(),
        (StepState::Failed, Some(ms)) => view! { <b>"failed"</b>" after " {clock_words(ms)} }.into_any(),
        (StepState::Failed, None) => view! { <b>"failed"</b> }.into_any(),
        (StepState::Unknown, _) => view! { <b>"unknown"</b> }.into_any(),
        (StepState::Running, Some(ms)) => clock(ms, true),
        (_, Some(ms)) => clock_words(ms).into_any(),
        (_, None) => step.usual_s.map(|usual| format!("~ {}", seconds(usual))).into_any(),
    }
}

/// Whole seconds in words: `40 s`, `10 min`.
fn seconds(seconds: u64) -> String {
    if seconds >= 60 && seconds.is_multiple_of(60) && seconds < 7_200 {
        return format!("{} min", seconds / 60);
    }
    if seconds < 60 { format!("{seconds} s") } else { clock_words(seconds.saturating_mul(1000)) }
}
