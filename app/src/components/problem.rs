//! Problems first: what is wrong, since when, the likely cause, the runbook that helps.

use leptos::prelude::*;

use super::{age, ago, fresh_class, health, no_data_since, runbook_links, sentence, stale, system_name, when};
use crate::model::{Health, Problem};

/// The problems, worst and newest first as the server ordered them.
#[must_use]
pub fn problems(problems: &[Problem]) -> AnyView {
    let worst = problems.iter().position(|problem| problem.affected_by.is_none());
    let list: Vec<_> = problems.iter().enumerate().map(|(at, problem)| item(problem, Some(at) == worst)).collect();
    view! { <div class="problems">{list}</div> }.into_any()
}

/// One problem; only the first that is nobody else's fault has a primary button.
fn item(problem: &Problem, first: bool) -> AnyView {
    let affected = problem.affected_by.as_ref().map(|cause| {
        view! { <p>"Affected by "<a href=cause.href()>{system_name(cause)}</a>": what it waits for is down."</p> }
    });
    let cause = problem.cause.as_ref().map(|cause| view! { <p>"Likely cause: " {sentence(cause)}</p> });
    view! {
        <article class=fresh_class("problem", Some(&problem.seen)) data-stale=stale(Some(&problem.seen)) data-health=problem.health.word()>
            {health(problem.health)}
            <div>
                <h3><a href=problem.system.href()>{system_name(&problem.system)}</a>": " {sentence(&problem.what)}</h3>
                {affected}
                {cause}
                {runbook_links(&problem.runbooks, first)}
            </div>
            <span class="problem-since">
                "since " {when(&problem.since)}<br/>
                <small>{ago(&problem.since)}</small>
                <span class="sr">", read "{age(&problem.seen)}" ago"</span>
                {no_data_since(&problem.seen)}
            </span>
        </article>
    }
    .into_any()
}

/// How many are broken and how many only affected, for the panel's heading.
#[must_use]
pub fn tally(problems: &[Problem]) -> String {
    let own = |health| problems.iter().filter(|problem| problem.affected_by.is_none() && problem.health == health).count();
    let affected = problems.iter().filter(|problem| problem.affected_by.is_some()).count();
    let parts: Vec<_> =
        [(own(Health::Down), "down"), (own(Health::Degraded), "degraded"), (own(Health::Unknown), "unknown"), (affected, "affected")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}
