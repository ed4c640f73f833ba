//! `/clusters/NAME`: counts first, then what is not well.

use leptos::prelude::*;

use crate::{
    components::{
        age, ago, cell, cell_figure, cell_name, cell_wide, counted, counts, crumbs, empty, figures, fresh_class, head, health, health_as,
        line, meter, no_counts, reading_panel, row, sentence, shown, stale, table, words,
    },
    model::{ClusterView, NodeRow, PodRow, WorkloadRow},
    render::{LivePage, Page, Part},
};

impl Page for ClusterView {
    fn view(&self) -> AnyView {
        view! {
            {crumbs(&[("Clusters", "/clusters")], self.system.name())}
            {title(self)}
            {count_panel(self)}
            {pods_panel(self)}
            {workloads_panel(self)}
            {nodes_panel(self)}
        }
        .into_any()
    }
}

impl LivePage for ClusterView {
    fn parts(&self) -> Vec<Part> {
        vec![
            Part::new("cluster-head", title(self)),
            Part::new("counts", count_panel(self)),
            Part::new("pods", pods_panel(self)),
            Part::new("workloads", workloads_panel(self)),
            Part::new("nodes", nodes_panel(self)),
        ]
    }
}

fn title(cluster: &ClusterView) -> AnyView {
    let version = cluster.version.as_ref().map(|version| view! { <small>"Kubernetes " {shown(version, 40)}</small> });
    let name = view! { {line(cluster.system.name())}" "{health(cluster.health)}{version} };
    head("cluster-head", name, &cluster.verdict, None)
}

fn count_panel(cluster: &ClusterView) -> AnyView {
    let seen = Some(&cluster.seen);
    view! {
        <section class=fresh_class("panel", seen) id="counts" data-stale=stale(seen) aria-label="Counts">
            {no_counts(&cluster.seen)}
            {counts(&cluster.counts, Some(view! { {age(&cluster.seen)}" ago" }.into_any()))}
        </section>
    }
    .into_any()
}

/// "12 more are not shown", under a list that was cut.
fn more(count: usize, what: &str) -> Option<AnyView> {
    (count > 0).then(|| {
        view! { <p class="pad more-line">{format!("{count} more {what} not shown; those that are not well come first.")}</p> }.into_any()
    })
}

fn pods_panel(cluster: &ClusterView) -> AnyView {
    let all = cluster.pods.len() + cluster.more_pods;
    if all == 0 {
        return reading_panel(
            "pods",
            "Pods that are not well",
            "none",
            &cluster.seen,
            empty("Every pod of the watched namespaces runs and is ready."),
        );
    }
    let columns = [words("Pod"), words("State"), words("Reason"), words("Namespace"), words("Node"), figures("Restarts"), figures("Since")];
    let rows = cluster.pods.iter().map(pod).collect();
    let body = view! { {table("Table of pods that are not well", &columns, rows)}{more(cluster.more_pods, "pods")} };
    reading_panel("pods", "Pods that are not well", &counted(all, "pod", "pods"), &cluster.seen, body)
}

fn pod(pod: &PodRow) -> AnyView {
    row(view! {
        {cell_name(view! { <span class="mono">{line(&pod.name)}</span> })}
        {cell("State", health_as(pod.health, line(&pod.state)))}
        {cell_wide("Reason", pod.reason.as_deref().map(sentence))}
        {cell("Namespace", line(&pod.namespace))}
        {cell("Node", pod.node.as_deref().map(line))}
        {cell_figure("Restarts", pod.restarts)}
        {cell_figure("Since", pod.since.as_ref().map(ago))}
    })
}

fn workloads_panel(cluster: &ClusterView) -> AnyView {
    let all = cluster.workloads.len() + cluster.more_workloads;
    if all == 0 {
        let text = "Deployments would be listed here. Name namespaces to watch under this cluster in the estate file.";
        return reading_panel("workloads", "Workloads", "none", &cluster.seen, empty(text));
    }
    let columns = [words("Workload"), words("Health"), figures("Ready"), words("What is so"), words("Namespace")];
    let rows = cluster.workloads.iter().map(workload).collect();
    let body = view! { {table("Table of workloads", &columns, rows)}{more(cluster.more_workloads, "workloads")} };
    reading_panel("workloads", "Workloads", &format!("{}, not well first", counted(all, "workload", "workloads")), &cluster.seen, body)
}

fn workload(workload: &WorkloadRow) -> AnyView {
    row(view! {
        {cell_name(view! { <b><a href=workload.system.href()>{line(workload.system.name())}</a></b> })}
        {cell("Health", health(workload.health))}
        {cell_figure("Ready", shown(&workload.ready.figure().0, 40))}
        {cell_wide("What is so", sentence(&workload.summary))}
        {cell("Namespace", workload.system.namespace().map(line))}
    })
}

fn nodes_panel(cluster: &ClusterView) -> AnyView {
    let all = cluster.nodes.len() + cluster.more_nodes;
    if all == 0 {
        return reading_panel(
            "nodes",
            "Nodes",
            "none",
            &cluster.seen,
            empty("No node was read. The account that watches needs the right to list nodes."),
        );
    }
    let columns = [
        words("Node"),
        words("State"),
        figures("Pods"),
        words("CPU"),
        figures("of allocatable"),
        words("Memory"),
        figures("of allocatable"),
    ];
    let rows = cluster.nodes.iter().map(node).collect();
    let body = view! { {table("Table of nodes", &columns, rows)}{more(cluster.more_nodes, "nodes")} };
    reading_panel("nodes", "Nodes", &format!("{}, not well first", counted(all, "node", "nodes")), &cluster.seen, body)
}

fn node(node: &NodeRow) -> AnyView {
    row(view! {
        {cell_name(view! { <span class="mono">{line(&node.name)}</span> })}
        {cell_wide("State", health_as(node.health, sentence(&node.state)))}
        {cell_figure("Pods", node.pods)}
        {cell("CPU", node.cpu.map(|share| meter(share, format!("CPU of {}", node.name))))}
        {cell_figure("of allocatable", share(node.cpu))}
        {cell("Memory", node.memory.map(|share| meter(share, format!("Memory of {}", node.name))))}
        {cell_figure("of allocatable", share(node.memory))}
    })
}

/// A share in percent; unknown is not nought.
fn share(share: Option<f64>) -> String {
    share.filter(|share| share.is_finite()).map_or_else(|| "unknown".into(), |share| format!("{:.0} %", share * 100.0))
}
