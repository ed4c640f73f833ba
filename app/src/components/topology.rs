//! A leader on the left, what follows it on the right, and the streams between.

use leptos::prelude::*;

use super::{hidden_word, line, mark, sentence, shown, text::LINE};
use crate::model::{Topology, TopologyNode, TopologyStream};

/// The drawing; its sentence for whoever cannot see it stands in the nodes' own words.
#[must_use]
pub fn topology(drawn: &Topology) -> AnyView {
    let leader = match &drawn.leader {
        Some(leader) => node(leader, true),
        None => view! { <div class="node" data-role="none"><b>"No node takes writes"</b></div> }.into_any(),
    };
    let others: Vec<_> = drawn.others.iter().map(|(stream, other)| view! { <li>{wire(stream)}{node(other, false)}</li> }).collect();
    let others = (!others.is_empty()).then(|| view! { <ul class="followers">{others}</ul> });
    view! { <div class="topo pad"><div class="leaders">{leader}</div>{others}</div> }.into_any()
}

fn node(node: &TopologyNode, leads: bool) -> AnyView {
    let notes: Vec<_> = node.notes.iter().map(|note| view! { <small>{line(note)}</small> }).collect();
    view! {
        <div class="node" data-role=leads.then_some("primary")>
            <b>{mark(node.health)}{line(&node.name)}{hidden_word(node.health)}</b>
            <span>{sentence(&node.state)}</span>
            {notes}
        </div>
    }
    .into_any()
}

fn wire(stream: &TopologyStream) -> AnyView {
    view! {
        <div class="wire" data-broken=(!stream.flows).then_some("true")>
            <small>{shown(&stream.kind, LINE)}</small>
            <svg viewBox="0 0 160 10" preserveAspectRatio="xMaxYMid slice" aria-hidden="true"><path d="M-400 5H158M152 1l6 4-6 4"></path></svg>
            <small>{shown(&stream.behind, LINE)}</small>
        </div>
    }
    .into_any()
}
