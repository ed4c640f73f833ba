//! `/audit`: what was done, tried and refused. One run's whole story reads from its beginning.

use leptos::prelude::*;

use crate::{
    components::{
        ago, cell, cell_figure, cell_wide, counted, crumbs, empty, figures, head, line, notice, number, panel, post_button, row, sentence,
        shown, table, when, words,
    },
    model::{AuditFilter, AuditRow, AuditView, Health, Verification},
    render::Page,
};

impl Page for AuditView {
    fn view(&self) -> AnyView {
        let verify = view! { <div class="btns">{post_button("/audit/verify", &[], None, "Verify the audit")}</div> }.into_any();
        let text = "Every change and every attempt, in one chain. Nothing here can be changed or deleted.";
        let (title, way) = match self.filter.run {
            Some(run) => (format!("Audit of run {run}"), crumbs(&[("Audit", "/audit")], &format!("Run {run}")).into()),
            None => ("Audit".to_owned(), None),
        };
        view! { {way}{head("audit-head", title, text, Some(verify))}{self.verified.as_ref().map(verified)}{events(self)} }.into_any()
    }
}

fn verified(verified: &Verification) -> AnyView {
    let (health, title) = if verified.intact { (Health::Ok, "Chain unbroken") } else { (Health::Down, "Chain broken") };
    let text = view! { {sentence(&verified.sentence)}" Verified " {ago(&verified.at)}" ago." };
    notice(health, "Result of the last verification", title.into_any(), text.into_any())
}

fn events(audit: &AuditView) -> AnyView {
    let story = audit.filter.run.is_some();
    let note = if story { "the whole story of one run, from its beginning" } else { "newest first" };
    let list = if audit.rows.is_empty() {
        empty("No event matches. Take words out of the filter to see more.")
    } else {
        let columns = [figures("Event"), words("UTC"), words("Who"), words("What"), words("Target"), words("Detail"), words("Run")];
        table("Table of events", &columns, audit.rows.iter().map(event).collect())
    };
    let older = audit.older.map(|older| {
        view! { <div class="tools"><a class="btn" href=older_href(&audit.filter, older)>"Show older events"</a></div> }
    });
    let count = counted(audit.rows.len(), "event", "events");
    panel("events", "Events", format!("{count}, {note}"), view! { {filter(audit)}{list}{older} })
}

fn filter(audit: &AuditView) -> AnyView {
    let filter = &audit.filter;
    let field = |name: &'static str, label: &'static str, value: String| {
        view! { <label class="tool">{label}<input name=name value=value autocomplete="off" spellcheck="false"/></label> }
    };
    let run = filter.run.map(|run| run.to_string()).unwrap_or_default();
    let set = *filter != AuditFilter::default();
    let fault = audit.fault.as_ref().map(|fault| view! { <p class="fault" role="alert">{sentence(fault)}</p> });
    view! {
        <form class="tools" method="get" action="/audit" role="search" aria-label="Filter events" novalidate>
            {field("actor", "Who", filter.actor.clone())}
            {field("kind", "Kind of event", filter.kind.clone())}
            {field("target", "Target", filter.target.clone())}
            {field("run", "Run", run)}
            <button class="btn">"Filter events"</button>
            {set.then(|| view! { <a href="/audit">"Show all"</a> })}
            {fault}
        </form>
    }
    .into_any()
}

fn event(event: &AuditRow) -> AnyView {
    let pairs: Vec<_> = event
        .detail
        .iter()
        .map(|(name, value)| view! { <span class="pair"><span class="dim">{shown(name, 80)}</span>" " {line(value)}</span> })
        .collect();
    let run = event.run.map(|run| view! { <a href=format!("/audit?run={run}")>"run " {run}</a> });
    let number = view! { <span class="mono" title=format!("hash begins {}", shown(&event.hash, 16))>{number(event.seq)}</span> };
    let target = event.target.as_deref().map(|target| line(target.rsplit('/').next().unwrap_or(target)));
    row(view! {
        {cell_figure("Event", number)}
        {cell("UTC", when(&event.at))}
        {cell("Who", line(&event.actor))}
        {cell_wide("What", sentence(&event.sentence))}
        {cell("Target", target)}
        {cell_wide("Detail", view! { <small class="pairs">{pairs}</small> })}
        {cell("Run", run)}
    })
}

/// The address of the next page, with the filter kept.
fn older_href(filter: &AuditFilter, older: i64) -> String {
    let mut href = format!("/audit?before={older}");
    for (name, value) in [("actor", &filter.actor), ("kind", &filter.kind), ("target", &filter.target)] {
        if !value.is_empty() {
            href.push_str(&format!("&{name}={}", encoded(value)));
        }
    }
    if let Some(run) = filter.run {
        href.push_str(&format!("&run={run}"));
    }
    href
}

/// A value for a query: everything but letters and digits as `%XX`.
fn encoded(value: &str) -> String {
    value.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_filter() {
        let filter = AuditFilter { actor: "a&b".into(), target: "deployment/eu/shop/cart".into(), ..AuditFilter::default() };
        assert_eq!(older_href(&filter, 7), "/audit?before=7&actor=a%26b&target=deployment%2Feu%2Fshop%2Fcart");
    }
}
