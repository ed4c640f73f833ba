//! `/workloads/CLUSTER/NAMESPACE/NAME`: counts first, why pods are not well, events folded, revisions with what changed.

use leptos::prelude::*;

use crate::{
    components::{
        age, ago, cell, cell_figure, cell_name, cell_wide, counted, counts, crumbs, empty, figures, fresh_class, head, health, health_as,
        line, no_counts, reading_panel, row, runbook_links, sentence, shown, stale, table, words,
    },
    model::{AutoscalerView, EventRow, Fact, Health, PodRow, RevisionRow, Value, WorkloadView},
    render::{LivePage, Page, Part},
};

impl Page for WorkloadView {
    fn view(&self) -> AnyView {
        let cluster = self.system.cluster().unwrap_or_default();
        let way = [("Clusters", "/clusters"), (cluster, &*format!("/clusters/{cluster}"))];
        view! {
            {crumbs(&way, self.system.name())}
            {title(self)}
            {count_panel(self)}
            {pods_panel(self)}
            <div class="split" data-split="wide">{events_panel(self)}{revisions_panel(self)}</div>
        }
        .into_any()
    }
}

impl LivePage for WorkloadView {
    fn parts(&self) -> Vec<Part> {
        vec![
            Part::new("workload-head", title(self)),
            Part::new("counts", count_panel(self)),
            Part::new("pods", pods_panel(self)),
            Part::new("events", events_panel(self)),
            Part::new("revisions", revisions_panel(self)),
        ]
    }
}

fn title(workload: &WorkloadView) -> AnyView {
    let namespace = workload.system.namespace().map(|namespace| view! { <small>"namespace " {shown(namespace, 80)}</small> });
    let name = view! { {line(workload.system.name())}" "{health(workload.health)}{namespace} };
    head("workload-head", name, &workload.verdict, runbook_links(&workload.runbooks, workload.health > Health::Unknown))
}

fn count_panel(workload: &WorkloadView) -> AnyView {
    let seen = Some(&workload.seen);
    let mut cells: Vec<Fact> = workload.counts.clone();
    if let Some(scaler) = &workload.autoscaler {
        let bounds = format!("of {} to {}", scaler.min, scaler.max);
        cells.push(Fact::new("Autoscaler wants", Value::Count(i64::from(scaler.desired), bounds)));
    }
    let images: Vec<_> = workload
        .images
        .iter()
        .map(|(container, image)| view! { <dt>"Image of " {shown(container, 80)}</dt><dd class="mono">{line(image)}</dd> })
        .collect();
    view! {
        <section class=fresh_class("panel", seen) id="counts" data-stale=stale(seen) aria-label="Counts">
            {no_counts(&workload.seen)}
            {counts(&cells, Some(view! { {age(&workload.seen)}" ago" }.into_any()))}
            <dl class="facts pad">{images}{workload.autoscaler.as_ref().map(autoscaler)}</dl>
        </section>
    }
    .into_any()
}

fn autoscaler(scaler: &AutoscalerView) -> AnyView {
    let metrics = if scaler.metrics.is_empty() { "no metric".to_owned() } else { scaler.metrics.join(", ") };
    view! {
        <dt>"Autoscaler"</dt>
        <dd><span class="mono">{line(&scaler.name)}</span>" owns the replicas: " {sentence(&metrics)}</dd>
    }
    .into_any()
}

fn pods_panel(workload: &WorkloadView) -> AnyView {
    if workload.pods.is_empty() {
        return reading_panel(
            "pods",
            "Pods",
            "none",
            &workload.seen,
            empty("It has no pods: it is scaled to nought, or none could be made. The events say which."),
        );
    }
    let columns = [words("Pod"), words("State"), words("Reason"), figures("Restarts"), figures("Since"), words("Node"), words("Revision")];
    let rows = workload.pods.iter().map(pod).collect();
    let shown_pods = workload.pods.len();
    let note = match workload.more_pods {
        0 => counted(shown_pods, "pod", "pods"),
        more => format!("{shown_pods} of {} shown, not well first", shown_pods + more),
    };
    reading_panel("pods", "Pods", &note, &workload.seen, table("Table of pods", &columns, rows))
}

fn pod(pod: &PodRow) -> AnyView {
    row(view! {
        {cell_name(view! { <span class="mono">{line(&pod.name)}</span> })}
        {cell("State", health_as(pod.health, line(&pod.state)))}
        {cell_wide("Reason", pod.reason.as_deref().map(sentence))}
        {cell_figure("Restarts", pod.restarts)}
        {cell_figure("Since", pod.since.as_ref().map(ago))}
        {cell("Node", pod.node.as_deref().map(|node| view! { <span class="mono">{line(node)}</span> }))}
        {cell("Revision", pod.revision.as_deref().map(|revision| view! { <span class="mono">{line(revision)}</span> }))}
    })
}

fn events_panel(workload: &WorkloadView) -> AnyView {
    if workload.events.is_empty() {
        let text = "Kubernetes kept no events about it. It forgets them after an hour.";
        return reading_panel("events", "Events, folded by reason", "none", &workload.seen, empty(text));
    }
    let columns = [words("Reason"), words("What it says"), figures("Times"), figures("Last")];
    let rows = workload.events.iter().map(event).collect();
    reading_panel("events", "Events, folded by reason", "warnings in bold", &workload.seen, table("Table of events", &columns, rows))
}

fn event(event: &EventRow) -> AnyView {
    let reason = if event.warning { view! { <b>{line(&event.reason)}</b> }.into_any() } else { line(&event.reason) };
    row(view! {
        {cell("Reason", reason)}
        {cell_wide("What it says", sentence(&event.message))}
        {cell_figure("Times", event.count)}
        {cell_figure("Last", ago(&event.last))}
    })
}

fn revisions_panel(workload: &WorkloadView) -> AnyView {
    if workload.revisions.is_empty() {
        return reading_panel(
            "revisions",
            "Revisions",
            "none kept",
            &workload.seen,
            empty("Earlier revisions would be listed here with what changed in each."),
        );
    }
    let columns = [figures("Revision"), words("What changed"), figures("Pods"), figures("Age")];
    let rows = workload.revisions.iter().map(revision).collect();
    reading_panel(
        "revisions",
        "Revisions",
        &format!("{} kept", workload.revisions.len()),
        &workload.seen,
        table("Table of revisions", &columns, rows),
    )
}

fn revision(revision: &RevisionRow) -> AnyView {
    let changed = if revision.changed.is_empty() { "nothing that is told apart".to_owned() } else { revision.changed.join(", ") };
    row(view! {
        {cell_figure("Revision", revision.number)}
        {cell_wide("What changed", sentence(&changed))}
        {cell_figure("Pods", revision.pods)}
        {cell_figure("Age", ago(&revision.made))}
    })
}
