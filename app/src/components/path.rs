//! The request path: a line with stations, from the name in the DNS to the data.
//!
//! The first broken hop is drawn as cut; what depends on it as affected, not as broken. Of several systems in one hop, the worst
//! speaks for the hop and the others are named under it; the systems of the last hop stand side by side, each on its own branch.

use leptos::prelude::*;

use super::{age, aged, figure, fresh_class, hidden_word, mark, no_data_since, shown, spark_part, stale, text::LINE};
use crate::model::{Health, Hop, HopNode, Path, PathFigure, Relation, Seen};

/// The whole path, as an ordered list for whoever cannot see the line.
#[must_use]
pub fn path(path: &Path) -> AnyView {
    drawn(path, true)
}

/// The path where nobody can follow a link: on a wall.
#[must_use]
pub fn path_on_a_wall(path: &Path) -> AnyView {
    drawn(path, false)
}

fn drawn(path: &Path, links: bool) -> AnyView {
    let last = path.hops.len().saturating_sub(1);
    let fans_out = path.hops.last().is_some_and(|hop| hop.nodes.len() > 1);
    let stations: Vec<_> = path
        .hops
        .iter()
        .enumerate()
        .flat_map(|(at, hop)| {
            if at == last && fans_out {
                hop.nodes.iter().enumerate().map(|(branch, node)| leaf(node, branch, links)).collect()
            } else {
                station(hop, links).into_iter().collect::<Vec<_>>()
            }
        })
        .collect();
    view! {
        <ol class="path" data-cols=path.hops.len().clamp(2, 9).to_string() data-fan=fans_out.then_some("true")>
            {stations}
            <li class="path-verdict">
                {verdict(path)}
                {path.figures.iter().enumerate().map(|(at, part)| path_figure(at, part)).collect::<Vec<_>>()}
            </li>
        </ol>
    }
    .into_any()
}

/// The verdict is as old as what it rests on: the system where the path is cut, or else the first one to become stale.
fn verdict(path: &Path) -> AnyView {
    let nodes = || path.hops.iter().flat_map(|hop| &hop.nodes);
    let cut = nodes().find(|node| node.relation == Relation::Cut);
    let seen = cut.or_else(|| nodes().filter(|node| node.seen.is_some()).min_by_key(|node| node.seen.map(|seen| seen.left_ms())));
    let seen = seen.and_then(|node| node.seen.as_ref());
    let gone = seen.map(|seen| view! { {no_data_since(seen)}<span class="sr">{age(seen)}</span> });
    view! {
        <p class=fresh_class("path-word", seen) data-stale=stale(seen)><b class="if-fresh">{shown(&path.verdict, LINE)}</b>{gone}</p>
    }
    .into_any()
}

/// One system of the last hop, on its own branch.
fn leaf(node: &HopNode, branch: usize, links: bool) -> AnyView {
    hop(node, &node.title, &node.what, Some(if branch == 0 { "first" } else { "next" }), None, links)
}

/// A hop as one station, spoken for by the worst of its systems; the others are named under it.
fn station(hop_: &Hop, links: bool) -> Option<AnyView> {
    let rank = |node: &&HopNode| (node.relation == Relation::Cut, shown_health(node));
    // `max_by_key` takes the last of equals; the estate file names the most telling system first.
    let speaker = hop_.nodes.iter().rev().max_by_key(rank)?;
    let others: Vec<_> = hop_
        .nodes
        .iter()
        .filter(|node| links && node.system != speaker.system)
        .map(|node| {
            view! { <a href=node.system.href()>{mark(shown_health(node))}{shown(&node.title, LINE)}{hidden_word(shown_health(node))}</a> }
        })
        .collect();
    let others = (!others.is_empty()).then(|| view! { <span class="hop-others">{others}</span> }.into_any());
    let what = if speaker.what.is_empty() || hop_.nodes.len() > 1 { &speaker.title } else { &speaker.what };
    Some(hop(speaker, &hop_.name, what, None, others, links))
}

fn hop(node: &HopNode, name: &str, what: &str, leaf: Option<&'static str>, others: Option<AnyView>, links: bool) -> AnyView {
    let seen = node.seen.as_ref();
    let health = shown_health(node);
    let cut = node.relation == Relation::Cut;
    let affected = node.relation == Relation::Affected;
    let called = if links {
        view! { <a class="hop-name" href=node.system.href()>{shown(name, LINE)}</a> }.into_any()
    } else {
        view! { <span class="hop-name">{shown(name, LINE)}</span> }.into_any()
    };
    let cut_mark = cut.then(|| view! { <i class="hop-cut" aria-hidden="true"></i><span class="cut-word">"cut"</span> });
    view! {
        <li
            class=fresh_class("hop", seen)
            data-health=health.word()
            data-relation=affected.then_some("affected")
            data-cut=cut.then_some("true")
            data-leaf=leaf
            data-stale=stale(seen)
        >
            {cut_mark}
            <i class="mark" aria-hidden="true"></i>
            <div class="hop-body">
                {called}
                <span class="hop-what if-fresh">{shown(what, LINE)}</span>
                {value(node)}
                <span class="hop-state">{state(health, affected)}{seen.map(aged)}</span>
                {others}
            </div>
        </li>
    }
    .into_any()
}

/// The key figure, or since when there is none.
fn value(node: &HopNode) -> AnyView {
    let gone = node.seen.as_ref().map(no_data_since);
    if node.seen.as_ref().is_some_and(Seen::is_stale) {
        return gone.into_any();
    }
    let value = node.figure.as_ref().map_or_else(|| view! { <span class="fig">"–"</span> }.into_any(), figure);
    let id = format!("v-{}", node.system);
    view! { <span class="reading"><span class="if-fresh" id=id data-part="">{value}</span>{gone}</span> }.into_any()
}

fn state(health: Health, affected: bool) -> AnyView {
    let own = view! { <span class="if-fresh">{health.word()}</span><span class="if-stale">"stale"</span> };
    if affected { view! { <b>"affected"</b>", itself " {own} }.into_any() } else { view! { <b>{own}</b> }.into_any() }
}

/// A system without a reading is unknown, whatever its health says.
fn shown_health(node: &HopNode) -> Health {
    if node.seen.is_none() { Health::Unknown } else { node.health }
}

/// A figure of the whole path, beside its verdict.
fn path_figure(at: usize, part: &PathFigure) -> AnyView {
    let seen = Some(&part.seen);
    let (number, unit) = part.value.figure();
    let unit = if unit.is_empty() { part.title.clone() } else { format!("{unit} {}", part.title) };
    view! {
        <div class=fresh_class("path-figure", seen) data-stale=stale(seen)>
            <span class="if-fresh" id=format!("figure-{at}-v") data-part="">{super::figure_of(&number, &unit)}</span>
            {no_data_since(&part.seen)}
            {part.spark.as_ref().map(|course| spark_part(format!("figure-{at}-s"), course))}
            <small class="sr">{age(&part.seen)}</small>
        </div>
    }
    .into_any()
}
