//! What the wall shows: the overview, summed once more for a screen that is read from five metres.

use app::{
    components::tally,
    model::{Health, Layer, Overview, Seen, Tile, Wall, WallTile},
};
use chrono::{DateTime, TimeDelta, Utc};

use super::Drawing;
use crate::overview::Ages;

/// So many problems fit between path and tiles; a line counts the rest.
const PROBLEMS: usize = 3;

impl Drawing {
    /// The wall.
    #[must_use]
    pub fn wall(&self, ages: Ages) -> Wall {
        let Overview { path, mut problems, layers, .. } = self.overview(ages);
        let (tally, health) = (tally(&problems), worst(&problems, &layers));
        let more = problems.len().saturating_sub(if problems.len() > PROBLEMS { PROBLEMS - 1 } else { PROBLEMS });
        problems.truncate(problems.len() - more);
        let clock = match ages {
            Ages::At(now) => now.wall,
            Ages::Frozen(now) => to_the_minute(now.wall),
        };
        let mut path = path;
        // A course is too fine for five metres, and would be most of what is sent.
        path.figures.iter_mut().for_each(|figure| figure.spark = None);
        // Of what is well the name is enough; its second figure would be sent each time that it is read.
        for node in path.hops.iter_mut().flat_map(|hop| &mut hop.nodes).filter(|node| node.health == Health::Ok) {
            node.what = node.system.name().to_owned();
        }
        Wall {
            estate: self.estate.environment.estate.clone(),
            environment: self.estate.environment.name.clone(),
            health,
            tally: (!problems.is_empty()).then_some(tally),
            clock,
            path,
            problems,
            more,
            tiles: layers.iter().map(tile).collect(),
            running: self.running(ages),
            data: self.newest(ages),
        }
    }

    /// The newest reading of all, as long in time as the quickest source: when nothing is that new, nothing is seen at all. Compared, it is
    /// always the same while it is in time.
    fn newest(&self, ages: Ages) -> Option<Seen> {
        let (Ages::At(now) | Ages::Frozen(now)) = ages;
        let world = self.world.borrow();
        let read = || world.instances.iter().filter_map(|instance| instance.seen(now));
        let deadline_ms = read().map(|seen| seen.deadline_ms).min()?;
        let newest = Seen { deadline_ms, source: 0, ..read().min_by_key(|seen| seen.age_ms)? };
        Some(match ages {
            Ages::Frozen(_) if newest.is_stale() => Seen { age_ms: deadline_ms + 1, ..newest },
            Ages::Frozen(_) => Seen { age_ms: 0, at: DateTime::UNIX_EPOCH, ..newest },
            Ages::At(_) => newest,
        })
    }
}

fn to_the_minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at - TimeDelta::milliseconds(at.timestamp_millis().rem_euclid(60_000))
}

/// How well the estate is: the worst problem, or unknown where something could not be told.
fn worst(problems: &[app::model::Problem], layers: &[Layer]) -> Health {
    let of_tiles = layers.iter().flat_map(|layer| &layer.tiles).map(health);
    problems.iter().map(|problem| problem.health).chain(of_tiles).max().unwrap_or(Health::Unknown)
}

/// A reading past its deadline says nothing about now.
fn health(tile: &Tile) -> Health {
    match tile.seen {
        Some(seen) if !seen.is_stale() => tile.health,
        Some(_) | None => tile.health.max(Health::Unknown),
    }
}

/// One layer: how many of its probes are ok, and the first of the worst.
fn tile(layer: &Layer) -> WallTile {
    let ok = layer.tiles.iter().filter(|tile| health(tile) == Health::Ok).count();
    let worst = layer.tiles.iter().rev().max_by_key(|tile| health(tile));
    // Figures stand on the path; here they would move without saying more.
    let note = worst.filter(|tile| health(tile) != Health::Ok).map(|tile| format!("{}: {}", health(tile).word(), tile.title));
    WallTile {
        name: layer.name.clone(),
        health: worst.map_or(Health::Unknown, health),
        ok: (ok, layer.tiles.len()),
        note: note.unwrap_or_default(),
        seen: seen(layer),
    }
}

/// The source that is out of date; else the one that would be first if nothing were read any more.
fn seen(layer: &Layer) -> Option<Seen> {
    layer.tiles.iter().filter_map(|tile| tile.seen).min_by_key(|seen| (!seen.is_stale(), seen.deadline_ms, seen.source))
}

#[cfg(test)]
mod tests {
    use app::model::Value;

    use super::*;

    fn probe(title: &str, health: Health, age_s: u64) -> Tile {
        Tile {
            key: title.to_lowercase(),
            system: "cache/sessions".parse().unwrap_or_else(|err| panic!("{err}")),
            title: title.to_owned(),
            health,
            figure: Some(Value::Count(3, "members".into())),
            note: String::new(),
            spark: None,
            seen: Some(Seen { source: 1, at: DateTime::UNIX_EPOCH, age_ms: age_s * 1_000, deadline_ms: 10_000 }),
        }
    }

    fn layer(tiles: Vec<Tile>) -> Layer {
        Layer { name: "Caches".into(), tiles }
    }

    #[test]
    fn a_layer_is_as_well_as_its_worst_probe_and_names_it() {
        let shown = tile(&layer(vec![probe("Quorum", Health::Ok, 1), probe("Memory", Health::Degraded, 2), probe("Roles", Health::Ok, 3)]));
        assert_eq!((shown.health, shown.ok, shown.note.as_str()), (Health::Degraded, (2, 3), "degraded: Memory"));
        let shown = tile(&layer(vec![probe("Quorum", Health::Ok, 1), probe("Memory", Health::Ok, 2)]));
        assert_eq!((shown.health, shown.ok), (Health::Ok, (2, 2)));
        assert_eq!(shown.note, "");
    }

    #[test]
    fn one_lost_source_makes_the_whole_tile_out_of_date() {
        let shown = tile(&layer(vec![probe("Quorum", Health::Ok, 1), probe("Memory", Health::Ok, 11)]));
        assert!(shown.seen.is_some_and(|seen| seen.is_stale()));
        assert_eq!((shown.health, shown.ok), (Health::Unknown, (1, 2)), "and it is not counted as ok");
    }

    #[test]
    fn an_estate_without_readings_is_not_drawn_as_healthy() {
        assert_eq!(worst(&[], &[]), Health::Unknown);
        let unread = Tile { seen: None, ..probe("Quorum", Health::Ok, 0) };
        assert_eq!(worst(&[], &[layer(vec![unread])]), Health::Unknown);
    }
}
