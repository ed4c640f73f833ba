//! `/`: the request path, problems first, then tiles by layer.

use leptos::prelude::*;

use crate::{
    components::{empty, head, layer, panel, path, problems, tally, tile},
    model::{Layer, Overview},
    render::{LivePage, Page, Part},
};

impl Page for Overview {
    fn view(&self) -> AnyView {
        view! { {title(self)}{path_panel(self)}{problems_panel(self)}{layers(&self.layers)} }.into_any()
    }
}

impl LivePage for Overview {
    fn parts(&self) -> Vec<Part> {
        let tiles = self.layers.iter().flat_map(|layer| &layer.tiles);
        [Part::new("verdict", title(self)), Part::new("path", path_panel(self)), Part::new("problems", problems_panel(self))]
            .into_iter()
            .chain(tiles.map(|shown| Part::new(shown.key.clone(), tile(shown))))
            .collect()
    }
}

fn title(overview: &Overview) -> AnyView {
    head("verdict", "Overview", &overview.verdict, None)
}

fn path_panel(overview: &Overview) -> AnyView {
    let body = if overview.path.hops.is_empty() {
        empty("The way of a request would be drawn here. Name its hops under `path` in the estate file.")
    } else {
        path(&overview.path)
    };
    panel("path", "Request path", "the first broken hop is cut; what waits for it is affected", body)
}

fn problems_panel(overview: &Overview) -> AnyView {
    let body = if overview.problems.is_empty() {
        empty("Nothing is past its limit. What is wrong would be listed here with its likely cause and the runbook that helps.")
    } else {
        problems(&overview.problems)
    };
    panel("problems", "Problems", tally(&overview.problems), body)
}

fn layers(layers: &[Layer]) -> AnyView {
    let body = if layers.is_empty() {
        empty("Nothing is watched yet. Add clusters, databases, caches or endpoints to the estate file.")
    } else {
        layers.iter().map(layer).collect::<Vec<_>>().into_any()
    };
    panel("layers", "Systems by layer", "recent course; the dashed line is the limit", body)
}
