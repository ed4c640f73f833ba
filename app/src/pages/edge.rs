//! `/edge`: endpoints with the phases of their answers, certificates with the time they have left, names with what each resolver says.

use leptos::prelude::*;

use crate::{
    components::{
        LINE, age, cell, cell_figure, cell_name, cell_wide, count_cells, counted, crumbs, empty, figures, fresh_class, head, health,
        health_as, history, line, meter_with_limit, no_data_since, panel, phases, sentence, shown, stale, stale_row, table, words,
    },
    model::{CertificateRow, EdgeView, EndpointRow, Health, NameRow, Seen, Value},
    render::{LivePage, Page, Part},
};

impl Page for EdgeView {
    fn view(&self) -> AnyView {
        view! {
            {crumbs(&[], "Edge")}
            {title(self)}
            {counts_panel(self)}
            {endpoints_panel(self)}
            {certificates_panel(self)}
            {names_panel(self)}
        }
        .into_any()
    }
}

impl LivePage for EdgeView {
    fn parts(&self) -> Vec<Part> {
        vec![
            Part::new("edge-head", title(self)),
            Part::new("counts", counts_panel(self)),
            Part::new("endpoints", endpoints_panel(self)),
            Part::new("certificates", certificates_panel(self)),
            Part::new("names", names_panel(self)),
        ]
    }
}

fn title(edge: &EdgeView) -> AnyView {
    head("edge-head", view! { "Edge "{health(edge.health)} }, &edge.verdict, None)
}

fn counts_panel(edge: &EdgeView) -> AnyView {
    let seen = edge.seen.as_ref();
    view! {
        <section class=fresh_class("panel", seen) id="counts" data-stale=stale(seen) aria-label="Counts">
            {seen.map(|seen| view! { <p class="pad if-stale">{no_data_since(seen)}</p> })}
            {count_cells(&edge.counts)}
        </section>
    }
    .into_any()
}

/// A value that gives way once it is stale; beside it, since when nothing was read.
fn fresh(seen: Option<&Seen>, content: impl IntoAny) -> AnyView {
    view! { <span class="if-fresh">{content.into_any()}</span>{seen.map(no_data_since)} }.into_any()
}

/// A further value of such a row: gone once it is stale.
fn gone(content: impl IntoAny) -> AnyView {
    view! { <span class="if-fresh">{content.into_any()}</span> }.into_any()
}

fn aged(seen: Option<&Seen>) -> AnyView {
    seen.map_or_else(|| "not read yet".into_any(), age)
}

fn text(value: Option<&Value>) -> AnyView {
    gone(value.map(|value| shown(&value.text(), LINE)))
}

fn endpoints_panel(edge: &EdgeView) -> AnyView {
    if edge.endpoints.is_empty() {
        return panel(
            "endpoints",
            "Endpoints",
            "none",
            empty("URLs would be asked from here as a new visitor does. Name them under `endpoints` in the estate file."),
        );
    }
    let columns = [
        words("Endpoint"),
        words("Status"),
        figures("p50"),
        figures("p95"),
        words("Phases, in this order"),
        figures("DNS"),
        figures("Connect"),
        figures("TLS"),
        figures("Wait"),
        figures("Body"),
        words("60 min"),
        figures("Age"),
    ];
    let rows = edge.endpoints.iter().map(|row| endpoint(row, edge.scale_s)).collect();
    let scale = Value::Duration(edge.scale_s).text();
    let note =
        format!("phases of the last answer, the bar ends at {scale}; strip: low and amber past the limit, hollow where nothing was read");
    panel("endpoints", "Endpoints", note, table("Table of endpoints", &columns, rows))
}

const PHASES: [&str; 5] = ["DNS", "Connect", "TLS", "Wait", "Body"];

fn endpoint(row: &EndpointRow, scale_s: f64) -> AnyView {
    let seen = row.seen.as_ref();
    let cells: Vec<_> = PHASES
        .into_iter()
        .zip(row.phases.iter().map(|(_, took)| *took).chain(std::iter::repeat(None)))
        .map(|(name, took)| cell_figure(name, gone(took.map(|took| Value::Duration(took).text()))))
        .collect();
    let past = row.history.iter().filter(|point| **point == Health::Degraded).count();
    let label = format!("last 60 min, {past} of {} past the limit", row.history.len());
    stale_row(
        seen,
        view! {
            {cell_name(view! { <b><a href=row.system.href()>{line(row.system.name())}</a></b><small class="asked">{shown(&row.asked, LINE)}</small> })}
            {cell_name(fresh(seen, health_as(row.health, sentence(&row.status))))}
            {cell_figure("p50", text(row.p50.as_ref()))}
            {cell_figure("p95", text(row.p95.as_ref()))}
            {cell("Phases, in this order", gone(phases(&row.phases, scale_s)))}
            {cells}
            {cell("60 min", history(&row.history, label))}
            {cell_figure("Age", aged(seen))}
        },
    )
}

fn certificates_panel(edge: &EdgeView) -> AnyView {
    if edge.certificates.is_empty() {
        return panel(
            "certificates",
            "Certificates",
            "none",
            empty("Name servers under `certificates` in the estate file to see how long their certificates are good for."),
        );
    }
    let columns = [
        words("Name"),
        words("Health"),
        figures("Left"),
        words("Life used"),
        words("Names on it"),
        words("Signed by"),
        words("Chain"),
        figures("Age"),
    ];
    let rows = edge.certificates.iter().map(certificate).collect();
    panel(
        "certificates",
        counted_title("Certificates", edge.certificates.len()).as_str(),
        "bar from issue to expiry; tick = limit",
        table("Table of certificates", &columns, rows),
    )
}

fn counted_title(title: &str, count: usize) -> String {
    format!("{title}, {count}")
}

fn certificate(row: &CertificateRow) -> AnyView {
    let seen = row.seen.as_ref();
    let bar =
        row.used.map(|(used, limit)| meter_with_limit(used, limit, format!("{:.0} % of the life of {} used", used * 100.0, row.name)));
    stale_row(
        seen,
        view! {
            {cell_name(view! { <b><a href=row.system.href()>{line(&row.name)}</a></b> })}
            {cell("Health", fresh(seen, health(row.health)))}
            {cell_figure("Left", text(row.left.as_ref()))}
            {cell("Life used", gone(bar))}
            {cell_wide("Names on it", gone(line(&row.names)))}
            {cell("Signed by", gone(line(&row.issuer)))}
            {cell_wide("Chain", gone(sentence(&row.chain)))}
            {cell_figure("Age", aged(seen))}
        },
    )
}

fn names_panel(edge: &EdgeView) -> AnyView {
    if edge.names.is_empty() {
        return panel("names", "DNS, wanted and found", "none", empty("Name what resolvers must answer under `dns` in the estate file."));
    }
    let columns = [words("Name"), words("Wanted"), words("Found"), figures("Age")];
    let rows = edge.names.iter().map(name).collect();
    let asked = edge.names.iter().map(|row| row.answers.len()).sum::<usize>();
    let note = format!("{}, {}", counted(edge.names.len(), "name", "names"), counted(asked, "answer", "answers"));
    panel("names", "DNS, wanted and found", note, table("Table of names", &columns, rows))
}

fn name(row: &NameRow) -> AnyView {
    let seen = row.seen.as_ref();
    let answers: Vec<_> = row
        .answers
        .iter()
        .map(
            |answer| view! { <li>{health_as(answer.health, sentence(&answer.says))}" "<small>{shown(&answer.resolver, LINE)}</small></li> },
        )
        .collect();
    stale_row(
        seen,
        view! {
            {cell_name(view! { <b><a href=row.system.href()>{line(&row.name)}</a></b> })}
            {cell("Wanted", view! { <code>{line(&row.wanted)}</code> })}
            {cell_wide("Found", view! { {seen.map(no_data_since)}<ul class="if-fresh">{answers}</ul> })}
            {cell_figure("Age", aged(seen))}
        },
    )
}
