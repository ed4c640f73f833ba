//! `/plans/ID`: what would happen now, and the button that makes it happen.

use leptos::prelude::*;

use crate::{
    components::{
        LINE, ago, cell, cell_wide, checks, code, counted, crumbs, empty, figure_of, head, hidden_fields, line, notice, panel, plan_steps,
        reason_field, row, sentence, shown, table, text_field, time_of_day, with_target, words,
    },
    model::{Change, Check, CheckOutcome, Health, Instead, Moved, PlanBody, PlanView, Risk},
    render::Page,
};

impl Page for PlanView {
    fn view(&self) -> AnyView {
        let body = &self.body;
        let runbook = format!("/runbooks/{}", body.action);
        view! {
            {crumbs(&[("Runbooks", "/runbooks"), (&*self.runbook_title, &*runbook)], "Plan")}
            {head("plan-head", line(&body.title), &verdict(self), Some(change_link(self)))}
            {self.moved.as_ref().map(moved)}
            {body.instead.as_ref().map(|offer| instead(offer, body))}
            {summary(self)}
            <div class="split" data-split="wide">{changes_panel(&body.changes)}{radius_panel(&body.blast_radius)}</div>
            {checks_panel(&body.checks)}
            <div class="split" data-split="halves">
                {panel("steps", "Steps", counted(body.steps.len(), "step", "steps"), plan_steps(&body.steps))}
                {by_hand(self)}
            </div>
            {confirm(self)}
        }
        .into_any()
    }
}

/// The one line: whether it can run, and if not, why.
fn verdict(plan: &PlanView) -> String {
    if let Some(run) = plan.run {
        return format!("It was run: run {run}. A plan runs once; make a new one to do it again.");
    }
    match (&plan.refused, plan.body.forbidden_by()) {
        (Some(why), _) => format!("It cannot run. {why}"),
        (None, Some(check)) => format!("It cannot run. {}", forbids(check)),
        (None, None) => "Nothing has happened yet. This is what would happen, read from the systems alone.".into(),
    }
}

/// Why a precondition forbids the run: it does not hold, or nobody can tell.
fn forbids(check: &Check) -> String {
    let how = if check.outcome == CheckOutcome::Unknown { "is not known" } else { "does not hold" };
    format!("“{}” {how}: {}.", check.title, check.value)
}

fn change_link(plan: &PlanView) -> AnyView {
    view! { <div class="btns"><a class="btn" href=format!("/runbooks/{}?target={}", plan.body.action, plan.body.target)>"Change parameters"</a></div> }
        .into_any()
}

fn moved(moved: &Moved) -> AnyView {
    let text = view! {
        "Nothing was done. " {counted(moved.differs.len(), "fact differs", "facts differ")}" from when this plan was made; the new plan says what would happen now."
    };
    let rows = moved.differs.iter().map(change_row).collect();
    let columns = [words("What"), words("When planned"), words("Now")];
    view! {
        {notice(Health::Degraded, "The plan has moved", "The world moved since this plan was made".into_any(), text.into_any())}
        {panel("differs", "What differs", "so the run was refused", view! {
            {table("Table of what differs", &columns, rows)}
            <div class="pad btns"><a class="btn" data-kind="primary" href=format!("/plans/{}", moved.plan)>"Look at the new plan"</a></div>
        })}
    }
    .into_any()
}

/// What would be better, as a form of its own.
fn instead(instead: &Instead, body: &PlanBody) -> AnyView {
    view! {
        <form class="panel pad instead" method="post" action=format!("/runbooks/{}/plan", instead.runbook) aria-label="What would be better" novalidate>
            {hidden_fields(&with_target(&instead.parameters, &body.target))}
            <p><b>"There is a better way. "</b>{sentence(&instead.why)}</p>
            <button class="btn" data-kind="primary">{shown(&instead.title, 160)}</button>
        </form>
    }
    .into_any()
}

fn summary(plan: &PlanView) -> AnyView {
    let body = &plan.body;
    let passed = body.checks.iter().filter(|check| check.outcome == CheckOutcome::Pass).count();
    let usual: Option<u64> = body.steps.iter().map(|step| step.usual_s).sum();
    let limit: u64 = body.steps.iter().map(|step| step.limit_s).sum();
    let takes = match usual {
        Some(usual) => figure_of(&usual.to_string(), "s, usually"),
        None => figure_of("unknown", "never run here"),
    };
    let undo = if body.undo.is_some() { "yes" } else { "no" };
    let undo_note = match &body.undo {
        Some(undo) if undo.runbook.is_some() => "offered when the run has ended",
        Some(_) => "by hand, see below",
        None => "it cannot be taken back",
    };
    let parameters: Vec<_> =
        body.parameters.iter().map(|(name, value)| view! { <dt>{shown(name, 80)}</dt><dd>{line(value)}</dd> }).collect();
    let note =
        view! { "made " {ago(&plan.made)}" ago by " {line(&plan.owner)}", fingerprint " <code>{shown(&plan.fingerprint, 32)}</code> };
    panel(
        "plan",
        "Plan",
        note,
        view! {
            <dl class="counts">
                <div><dt>"Preconditions"</dt><dd>{figure_of(&format!("{passed}/{}", body.checks.len()), "pass")}<small>{check_note(&body.checks)}</small></dd></div>
                <div><dt>"Takes"</dt><dd>{takes}<small>{format!("given up after {limit} s")}</small></dd></div>
                <div><dt>"Risk"</dt><dd>{figure_of(plan.risk.word(), "")}<small>{format!("needs {}", plan.role.word())}</small></dd></div>
                <div><dt>"Undo"</dt><dd>{figure_of(undo, "")}<small>{undo_note}</small></dd></div>
            </dl>
            <dl class="facts pad">
                <dt>"Target"</dt><dd><a href=body.target.href()>{line(body.target.as_str())}</a></dd>
                {parameters}
                <dt>"Can be run until"</dt><dd>{time_of_day(plan.expires_at)}" UTC"</dd>
            </dl>
        },
    )
}

fn check_note(checks: &[Check]) -> String {
    let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
    let parts: Vec<_> = [(CheckOutcome::Fail, "fail"), (CheckOutcome::Unknown, "unknown"), (CheckOutcome::Warn, "to know")]
        .into_iter()
        .map(|(outcome, word)| (count(outcome), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() { "checked again just before it runs".into() } else { parts.join(", ") }
}

fn changes_panel(changes: &[Change]) -> AnyView {
    let body = if changes.is_empty() {
        empty("Nothing that can be told apart would change.")
    } else {
        let columns = [words("What"), words("Before"), words("After")];
        table("Table of what changes", &columns, changes.iter().map(change_row).collect())
    };
    panel("changes", "Before and after", "", body)
}

fn change_row(change: &Change) -> AnyView {
    row(view! {
        {cell("What", line(&change.what))}
        {cell_wide("Before", sentence(&change.before))}
        {cell_wide("After", view! { <b>{sentence(&change.after)}</b> })}
    })
}

fn radius_panel(radius: &[String]) -> AnyView {
    let body = if radius.is_empty() {
        empty("Nobody, as far as the console can tell.")
    } else {
        let lines: Vec<_> = radius.iter().map(|line| view! { <li>{sentence(line)}</li> }).collect();
        view! { <ul class="pad bullets">{lines}</ul> }.into_any()
    };
    panel("radius", "Who feels it", "", body)
}

/// What does not pass comes first.
fn checks_panel(list: &[Check]) -> AnyView {
    if list.is_empty() {
        return panel("checks", "Preconditions", "none", empty("This action asks for nothing beforehand."));
    }
    let note = "what does not pass comes first; all checked again just before it runs";
    panel("checks", "Preconditions", note, checks("Table of preconditions", list))
}

fn by_hand(plan: &PlanView) -> AnyView {
    let body = &plan.body;
    let lines = if body.by_hand.is_empty() {
        view! { <p>"There is no way by hand."</p> }.into_any()
    } else {
        code(&body.by_hand, "The same by hand")
    };
    let undo = match &body.undo {
        Some(undo) => view! { <p><b>"Undo: "</b>{sentence(&undo.text)}</p> }.into_any(),
        None => view! { <p><b>"Undo: "</b>"there is none."</p> }.into_any(),
    };
    panel("by-hand", "The same by hand, and undo", "", view! { <div class="pad stack">{lines}{undo}</div> })
}

/// The bar that makes it happen. A button that may not be pressed stays, with the sentence why.
fn confirm(plan: &PlanView) -> AnyView {
    if let Some(run) = plan.run {
        return view! {
            <section class="panel pad confirm" aria-label="Its run">
                <div class="btns"><a class="btn" data-kind="primary" href=format!("/runs/{run}")>"Follow run " {run}</a></div>
            </section>
        }
        .into_any();
    }
    let fault = |name: &str| plan.faults.iter().find(|(field, _)| field == name).map(|(_, fault)| fault.as_str());
    let why = plan.refused.clone().or_else(|| plan.body.forbidden_by().map(forbids));
    let kind = if plan.risk == Risk::High { "danger" } else { "primary" };
    let typed = (plan.risk == Risk::High).then(|| {
        let label = format!("Type {}", plan.body.target.name());
        text_field("target", &label, "since it may lose data or take the service down", &plan.typed_target, "text", "off", fault("target"))
    });
    let title = shown(&plan.body.title, LINE);
    if let Some(why) = why {
        // What was typed is kept on the page, so that it can be copied into the next plan.
        let reason = (!plan.reason.is_empty()).then(|| view! { <p class="why"><b>"Your reason: "</b>{sentence(&plan.reason)}</p> });
        return view! {
            <form class="panel pad confirm" method="post" action=format!("/plans/{}/run", plan.id) aria-label="Confirm" novalidate>
                <div class="btns">
                    <button class="btn" type="button" aria-disabled="true" aria-describedby="why-not">{title}</button>
                    <p class="why" id="why-not">{sentence(&why)}</p>
                    {reason}
                </div>
            </form>
        }
        .into_any();
    }
    let others: Vec<_> = plan
        .faults
        .iter()
        .filter(|(field, _)| !matches!(field.as_str(), "reason" | "target"))
        .map(|(_, fault)| view! { <p class="fault" role="alert">{sentence(fault)}</p> })
        .collect();
    view! {
        <form class="panel pad confirm" method="post" action=format!("/plans/{}/run", plan.id) aria-label="Confirm" novalidate>
            <input type="hidden" name="request_key" value=plan.request_key.clone()/>
            {others}
            {reason_field(&plan.reason, fault("reason"))}
            {typed}
            <div class="btns"><button class="btn" data-kind=kind>{title}</button></div>
        </form>
    }
    .into_any()
}
