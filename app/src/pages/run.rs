//! `/runs/ID`: the steps as a vertical line, what it does now, and what comes next.

use leptos::prelude::*;

use crate::{
    components::{
        clock, crumbs, earlier_row, figure_of, figures, growing, head, line, number, panel, post_button, run_state, run_step, sentence,
        shown, step_id, system_name, table, when, with_target, words,
    },
    model::{RunState, RunView, StepState, SystemId, Undo, clock_words},
    render::{LivePage, Page, Part},
};

impl Page for RunView {
    fn view(&self) -> AnyView {
        let steps: Vec<_> = self.steps.iter().enumerate().map(|(at, step)| run_step(at, step)).collect();
        let note = "each step is written down before its effect";
        let here = format!("Run {}", self.id);
        view! {
            {crumbs(&[("Runs", "/runs")], &here)}
            {title(self)}
            <div class="split" data-split="aside">
                <div class="stack">
                    {panel("steps", "Steps", note, view! { <ol class="steps">{steps}</ol> })}
                    {earlier(self)}
                </div>
                {side(self)}
            </div>
        }
        .into_any()
    }
}

impl LivePage for RunView {
    fn parts(&self) -> Vec<Part> {
        let steps = self.steps.iter().enumerate().map(|(at, step)| Part::new(step_id(at), run_step(at, step)));
        std::iter::once(Part::new("run-head", title(self))).chain(steps).chain(std::iter::once(Part::new("run-side", side(self)))).collect()
    }
}

fn title(run: &RunView) -> AnyView {
    let stop = (run.may_cancel && matches!(run.state, RunState::Queued | RunState::Running)).then(|| {
        view! {
            <form class="btns" method="post" action=format!("/runs/{}/cancel", run.id) novalidate>
                <button class="btn" id="stop">"Stop after this step"</button>
            </form>
        }
        .into_any()
    });
    head("run-head", view! { {line(&run.title)}" "{run_state(run.state)} }, &run.sentence, stop)
}

/// Everything beside the steps.
fn side(run: &RunView) -> AnyView {
    view! { <div class="stack" id="run-side">{now(run)}{about(run)}{next(run)}</div> }.into_any()
}

fn now(run: &RunView) -> AnyView {
    let done = run.steps.iter().filter(|step| matches!(step.state, StepState::Done | StepState::Skipped)).count();
    let usual: Option<u64> = run.steps.iter().map(|step| step.usual_s).sum();
    let usual = match usual {
        Some(seconds) if !run.steps.is_empty() => format!("usually {}", clock_words(seconds * 1000)),
        _ => "not known how long it takes".to_owned(),
    };
    let ended = run.state.has_ended();
    let elapsed = if ended {
        let words = clock_words(run.elapsed_ms);
        let (figure, unit) =
            words.split_once(' ').map(|(figure, unit)| (figure.to_owned(), unit.to_owned())).unwrap_or((words.clone(), String::new()));
        figure_of(&figure, &unit)
    } else {
        view! { <span class="fig">{clock(run.elapsed_ms, true)}</span> }.into_any()
    };
    let label = if ended { "Took" } else { "Elapsed" };
    panel(
        "now",
        if ended { "Ended" } else { "Now" },
        "",
        view! {
            <dl class="counts">
                <div><dt>{label}</dt><dd>{elapsed}<small>{usual}</small></dd></div>
                <div><dt>"Steps"</dt><dd>{figure_of(&format!("{done}/{}", run.steps.len()), "done")}<small>{run_state(run.state)}</small></dd></div>
            </dl>
        },
    )
}

fn about(run: &RunView) -> AnyView {
    let executor = run.executor.as_ref().map(|(name, ago_ms)| {
        view! { <dt>"Executed by"</dt><dd>{line(name)}", heard of " {growing(*ago_ms)}" ago"</dd> }
    });
    let audit = run.audit.map(|(first, last)| {
        let text = if first == last { format!("event {}", number(first)) } else { format!("events {} to {}", number(first), number(last)) };
        view! { <dt>"Audit"</dt><dd><a href=format!("/audit?run={}", run.id)>{text}</a></dd> }
    });
    let reason = if run.reason.is_empty() { "none given".into_any() } else { sentence(&run.reason) };
    panel(
        "about",
        "Run",
        format!("run {}", run.id),
        view! {
            <dl class="facts pad">
                <dt>"Target"</dt><dd><a href=run.target.href()>{system_name(&run.target)}</a></dd>
                <dt>"Asked by"</dt><dd>{line(&run.asked_by)}", " {when(&run.asked)}</dd>
                <dt>"Reason"</dt><dd>{reason}</dd>
                {executor}
                <dt>"Plan"</dt><dd><code>{shown(&run.fingerprint, 32)}</code>", "<a href=format!("/plans/{}", run.plan)>"as confirmed"</a></dd>
                {audit}
            </dl>
        },
    )
}

fn next(run: &RunView) -> AnyView {
    let ended = run.state.has_ended();
    let undo = match &run.undo {
        None if !ended => view! { <p>"An undo, where there is one, is offered here."</p> }.into_any(),
        None => view! { <p>"There is nothing to undo."</p> }.into_any(),
        Some(undo) => offer(undo, ended, &run.target),
    };
    let note = if ended { "" } else { "open when it has ended" };
    panel(
        "next",
        "Next",
        note,
        view! { <div class="pad stack">{undo}<p><a href=format!("/runbooks/{}", run.runbook)>"Plan it again"</a></p></div> },
    )
}

/// The undo: a plan of its own, which is looked at before it runs.
fn offer(undo: &Undo, ended: bool, target: &SystemId) -> AnyView {
    let text = view! { <p>{sentence(&undo.text)}</p> };
    let button = undo.runbook.as_ref().map(|(id, fields)| {
        if ended {
            post_button(&format!("/runbooks/{id}/plan"), &with_target(fields, target), None, "Plan the undo")
        } else {
            view! {
                <button class="btn" type="button" aria-disabled="true" aria-describedby="undo-why">"Plan the undo"</button>
                <p class="why" id="undo-why">"Open when the run has ended."</p>
            }
            .into_any()
        }
    });
    view! { {text}{button} }.into_any()
}

fn earlier(run: &RunView) -> Option<AnyView> {
    if run.earlier.is_empty() {
        return None;
    }
    let columns = [words("When"), words("State"), words("Ending"), figures("Took")];
    let rows = run.earlier.iter().map(earlier_row).collect();
    let succeeded = run.earlier.iter().filter(|run| run.state == RunState::Succeeded).count();
    let note = format!("{succeeded} of {} succeeded", run.earlier.len());
    Some(panel("earlier", "How the last runs ended", note, table("Table of earlier runs", &columns, rows)))
}
