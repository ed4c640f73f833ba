//! Small multiples: one probe of one system each.

use leptos::prelude::*;

use super::{age, figure, fresh_class, hidden_word, mark, no_data_since, shown, spark_part, stale, text::LINE};
use crate::model::{Health, Layer, Seen, Tile};

/// One tile. Its id is its key: the unit in which the overview is replaced live.
///
/// A stale tile says since when nothing was read *in place of* its value: an old figure is never shown as a current one.
#[must_use]
pub fn tile(tile: &Tile) -> AnyView {
    let seen = tile.seen.as_ref();
    view! {
        <li class=fresh_class("tile", seen) id=tile.key.clone() data-stale=stale(seen)>
            <a class="tile-name" href=tile.system.href()>
                {mark(shown_health(tile))}
                <span>{shown(&tile.title, LINE)}</span>
                {hidden_word(shown_health(tile))}
            </a>
            {reading(tile)}
            {tile.spark.as_ref().map_or_else(|| view! { <span></span> }.into_any(), |course| spark_part(format!("{}-s", tile.key), course))}
            <small><span class="if-fresh">{shown(&tile.note, LINE)}</span>{seen.map(age)}</small>
        </li>
    }
    .into_any()
}

/// A tile without a reading is unknown, whatever its health says.
fn shown_health(tile: &Tile) -> Health {
    if tile.seen.is_none() { Health::Unknown } else { tile.health }
}

fn reading(tile: &Tile) -> AnyView {
    let gone = tile.seen.as_ref().map(no_data_since);
    if tile.seen.as_ref().is_some_and(Seen::is_stale) {
        return gone.into_any();
    }
    let value = match &tile.figure {
        Some(value) => figure(value),
        None => view! { <span class="fig">{shown_health(tile).word()}</span> }.into_any(),
    };
    let id = format!("{}-v", tile.key);
    view! { <span class="reading"><span class="if-fresh" id=id data-part="">{value}</span>{gone}</span> }.into_any()
}

/// The tiles of one layer under its name.
#[must_use]
pub fn layer(layer: &Layer) -> AnyView {
    let tiles: Vec<_> = layer.tiles.iter().map(tile).collect();
    view! { <section class="layer"><h3>{shown(&layer.name, LINE)}</h3><ul class="tiles">{tiles}</ul></section> }.into_any()
}
