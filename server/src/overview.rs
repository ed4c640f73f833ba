//! Sums the world up into what screens show. Pure: values in, values out.

use app::model::{
    Health, Hop, HopNode, Kind, Layer, Moment, Overview, Path, PathFigure, Problem, ReadingView, Relation, RunbookLink, Seen, Spark,
    StateChange, SystemId, SystemRow, SystemView, Tile, Value,
};
use chrono::{DateTime, Utc};

use crate::{
    clock::Stamp,
    config::Estate,
    monitor::{Instance, World},
};

/// How ages are written into a view.
#[derive(Clone, Copy, Debug)]
pub enum Ages {
    /// As they are at this instant: for what is sent.
    At(Stamp),
    /// Only whether they are past their deadline: for telling whether anything *else* changed.
    Frozen(Stamp),
}

impl Ages {
    /// The instant.
    #[must_use]
    pub const fn now(self) -> Stamp {
        match self {
            Self::At(now) | Self::Frozen(now) => now,
        }
    }

    /// The age of one probe's data.
    #[must_use]
    pub fn seen(self, instance: &Instance) -> Option<Seen> {
        let seen = instance.seen(self.now())?;
        Some(match self {
            Self::At(_) => seen,
            Self::Frozen(_) => Seen {
                // A stale tile says since when there is no data, so its instant counts as content; a fresh one's does not.
                at: if seen.is_stale() { seen.at } else { DateTime::UNIX_EPOCH },
                age_ms: if seen.is_stale() { seen.deadline_ms + 1 } else { 0 },
                ..seen
            },
        })
    }

    /// A moment with its age by the wall clock; never negative.
    #[must_use]
    pub fn moment(self, at: DateTime<Utc>) -> Moment {
        match self {
            Self::At(now) => Moment { at, ago_ms: u64::try_from((now.wall - at).num_milliseconds()).unwrap_or(0) },
            Self::Frozen(_) => Moment { at, ago_ms: 0 },
        }
    }
}

/// Which runbooks this estate offers on a system.
pub trait Offers {
    /// The buttons, most helpful first.
    fn offers(&self, system: &SystemId) -> Vec<RunbookLink>;
}

/// At most so many problems are listed; a sentence counts the rest. A screen's bytes do not grow with the estate.
const PROBLEMS: usize = 20;
/// At most so many tiles in one layer; the systems list has them all.
const TILES: usize = 24;

/// The overview.
#[must_use]
pub fn overview(estate: &Estate, world: &World, offers: &dyn Offers, ages: Ages) -> Overview {
    let cut = cut(estate, world, ages.now());
    let path = path(estate, world, cut.as_ref(), ages);
    let problems = problems(estate, world, cut.as_ref(), offers, ages);
    let verdict = verdict(world, cut.as_ref(), &path, ages.now());
    Overview { verdict, path, problems, layers: layers(estate, world, ages) }
}

/// The instances of one system, in the probes' order.
fn of<'a>(world: &'a World, system: &'a SystemId) -> impl Iterator<Item = &'a Instance> {
    world.instances.iter().map(AsRef::as_ref).filter(move |instance| instance.system == *system)
}

/// What is known now: a reading past its deadline says nothing about now.
fn current(instance: &Instance, now: Stamp) -> Health {
    match instance.seen(now) {
        Some(seen) if !seen.is_stale() => instance.health(),
        Some(_) | None => match instance.health() {
            // "It does not answer" is itself what is known now.
            Health::Down => Health::Down,
            Health::Ok | Health::Unknown | Health::Degraded => Health::Unknown,
        },
    }
}

/// The system's health now: the worst that its probes say; unknown when none looks at it.
#[must_use]
pub fn health_of(world: &World, system: &SystemId, now: Stamp) -> Health {
    of(world, system).map(|instance| current(instance, now)).max().unwrap_or(Health::Unknown)
}

/// The instance that decides the system's health: the first of the worst.
fn worst<'a>(world: &'a World, system: &'a SystemId, now: Stamp) -> Option<&'a Instance> {
    of(world, system).fold(None, |worst: Option<&Instance>, next| match worst {
        Some(worst) if current(next, now) <= current(worst, now) => Some(worst),
        Some(_) | None => Some(next),
    })
}

/// Where the path is cut.
struct Cut {
    hop: usize,
    /// The systems that are down there.
    systems: Vec<SystemId>,
    since: Option<DateTime<Utc>>,
}

/// Requests depend on every later hop, so of several broken hops the last one is the cause and those before it may only be affected by it.
fn cut(estate: &Estate, world: &World, now: Stamp) -> Option<Cut> {
    estate.path.iter().enumerate().rev().find_map(|(at, hop)| {
        let systems: Vec<_> = hop.systems.iter().filter(|system| health_of(world, system, now) == Health::Down).cloned().collect();
        let since = systems.iter().filter_map(|system| worst(world, system, now)?.since).min();
        (!systems.is_empty()).then_some(Cut { hop: at, systems, since })
    })
}

/// Whether a kind of system can be affected by what stands behind it: a name resolves and a certificate runs out by themselves.
const fn depends_on_later_hops(kind: Kind) -> bool {
    match kind {
        Kind::Dns | Kind::Certificate | Kind::Cluster | Kind::Backup => false,
        Kind::Endpoint | Kind::Ingress | Kind::Deployment | Kind::Database | Kind::Cache | Kind::Metric => true,
    }
}

fn relation(cut: Option<&Cut>, hop: usize, system: &SystemId) -> Relation {
    match cut {
        Some(cut) if cut.hop == hop && cut.systems.contains(system) => Relation::Cut,
        Some(cut) if hop < cut.hop && depends_on_later_hops(system.kind()) => Relation::Affected,
        Some(_) | None => Relation::Itself,
    }
}

fn path(estate: &Estate, world: &World, cut: Option<&Cut>, ages: Ages) -> Path {
    let now = ages.now();
    let hops: Vec<Hop> = estate
        .path
        .iter()
        .enumerate()
        .map(|(at, hop)| Hop {
            name: capitalised(&hop.name),
            nodes: hop
                .systems
                .iter()
                .map(|system| {
                    let instance = worst(world, system, now);
                    HopNode {
                        system: system.clone(),
                        title: node_title(system, hop.systems.len() > 1, &hop.name),
                        what: instance.and_then(|instance| instance.reading.as_ref()).map_or_else(
                            || system.name().to_owned(),
                            |reading| match reading.health {
                                Health::Ok => format!("{}, {}", system.name(), note(reading)),
                                Health::Unknown | Health::Degraded | Health::Down => format!("{}: {}", system.name(), reading.summary),
                            },
                        ),
                        health: health_of(world, system, now),
                        figure: instance.and_then(|instance| instance.reading.as_ref()?.figure.clone()),
                        relation: relation(cut, at, system),
                        seen: instance.and_then(|instance| ages.seen(instance)),
                    }
                })
                .collect(),
        })
        .collect();
    let verdict = match cut {
        Some(cut) => {
            let names = joined(cut.systems.iter().map(|system| node_title(system, true, "")));
            match cut.since {
                Some(since) => format!("Cut at {names} since {}", since.format("%H:%M:%S UTC")),
                None => format!("Cut at {names}"),
            }
        }
        None => {
            let at = |wanted: Health| {
                hops.iter().filter(move |hop| hop.nodes.iter().any(|node| node.health == wanted)).map(|hop| hop.name.clone())
            };
            match (at(Health::Degraded).count(), at(Health::Unknown).count()) {
                (0, 0) if hops.is_empty() => "No request path is configured: list its hops under `path` in the estate file".into(),
                (0, 0) => "Requests pass".into(),
                (0, _) => format!("Not known at {}", joined(at(Health::Unknown))),
                (_, 0) => format!("Requests pass, degraded at {}", joined(at(Health::Degraded))),
                (_, _) => format!("Degraded at {}, not known at {}", joined(at(Health::Degraded)), joined(at(Health::Unknown))),
            }
        }
    };
    let figures = world
        .instances
        .iter()
        .filter(|instance| instance.system.kind() == Kind::Metric)
        .filter_map(|instance| {
            let value = instance.reading.as_ref()?.figure.clone()?;
            Some(PathFigure { title: title(estate, instance), value, spark: spark(estate, instance), seen: ages.seen(instance)? })
        })
        .take(3)
        .collect();
    Path { hops, verdict, figures }
}

/// What people call a system on the path: by its product where that says more than its name.
fn node_title(system: &SystemId, several: bool, hop: &str) -> String {
    match system.kind() {
        Kind::Database | Kind::Cache if several => system.kind().product().into(),
        Kind::Dns if several => format!("DNS {}", system.name()),
        Kind::Certificate if several => format!("Certificate {}", system.name()),
        Kind::Backup if several => format!("Backups {}", system.name()),
        Kind::Endpoint if several => format!("Endpoint {}", system.name()),
        Kind::Cluster | Kind::Ingress | Kind::Deployment | Kind::Metric if several => system.name().to_owned(),
        Kind::Dns => "DNS".into(),
        Kind::Cluster
        | Kind::Ingress
        | Kind::Deployment
        | Kind::Metric
        | Kind::Database
        | Kind::Cache
        | Kind::Backup
        | Kind::Certificate
        | Kind::Endpoint => capitalised(hop),
    }
}

fn problems(estate: &Estate, world: &World, cut: Option<&Cut>, offers: &dyn Offers, ages: Ages) -> Vec<Problem> {
    let now = ages.now();
    let mut seen = std::collections::HashSet::new();
    let mut problems: Vec<Problem> = Vec::new();
    for system in world.instances.iter().map(|instance| &instance.system).filter(|system| seen.insert(*system)) {
        let Some(instance) = worst(world, system, now) else { continue };
        let Some(reading) = &instance.reading else { continue };
        // A watched thing whose source went silent is drawn stale; the silent source itself is the problem, and stands here by its own probe.
        let health = if instance.health() == Health::Ok { continue } else { current(instance, now) };
        let hop = estate.path.iter().position(|hop| hop.systems.contains(system));
        let affected_by = match (cut, hop) {
            (Some(cut), Some(hop)) if relation(Some(cut), hop, system) == Relation::Affected => cut.systems.first().cloned(),
            _ => None,
        };
        problems.push(Problem {
            system: system.clone(),
            health,
            what: reading.summary.clone(),
            cause: reading.cause.clone(),
            since: ages.moment(instance.since.unwrap_or(now.wall)),
            // Restarting what is only affected would not help.
            runbooks: if affected_by.is_some() { Vec::new() } else { offers.offers(system) },
            affected_by,
            seen: ages.seen(instance).unwrap_or(Seen {
                source: instance.source,
                at: DateTime::UNIX_EPOCH,
                age_ms: 0,
                deadline_ms: u64::try_from(instance.deadline.as_millis()).unwrap_or(u64::MAX),
            }),
        });
    }
    problems.sort_by(|a, b| {
        (b.health, a.affected_by.is_some(), b.since.at, &a.system).cmp(&(a.health, b.affected_by.is_some(), a.since.at, &b.system))
    });
    problems.truncate(PROBLEMS);
    problems
}

fn verdict(world: &World, cut: Option<&Cut>, path: &Path, now: Stamp) -> String {
    let mut systems: Vec<_> = world.instances.iter().map(|instance| &instance.system).collect();
    systems.sort_unstable();
    systems.dedup();
    if systems.is_empty() {
        return "Nothing is watched yet: name systems in the estate file.".into();
    }
    let count = |wanted: Health| systems.iter().filter(|system| health_of(world, system, now) == wanted).count();
    let (down, degraded, unknown) = (count(Health::Down), count(Health::Degraded), count(Health::Unknown));
    let affected: Vec<_> = path
        .hops
        .iter()
        .filter(|hop| hop.nodes.iter().any(|node| node.relation == Relation::Affected))
        .map(|hop| hop.name.clone())
        .collect();
    let mut text = match cut {
        Some(cut) => {
            let what = cut.systems.first().and_then(|system| Some((system, worst(world, system, now)?.reading.as_ref()?)));
            let mut text = what.map_or_else(String::new, |(system, reading)| format!("{}: {}.", system.name(), reading.summary));
            if !affected.is_empty() {
                let verb = if affected.len() == 1 { "is" } else { "are" };
                text.push_str(&format!(" {} {verb} affected by it.", joined(affected.into_iter())));
            }
            text.push(' ');
            text
        }
        None => String::new(),
    };
    text.push_str(&match (down, degraded, unknown) {
        (0, 0, 0) => format!("Nothing is wrong. All {} systems answered within their deadline.", systems.len()),
        _ => {
            let parts: Vec<_> = [(down, "down"), (degraded, "degraded"), (unknown, "unknown")]
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, word)| format!("{count} {} {word}", if count == 1 { "is" } else { "are" }))
                .collect();
            format!("Of {} systems, {}.", systems.len(), joined(parts.into_iter()))
        }
    });
    text
}

/// The layers, in the order in which a request meets them.
const LAYERS: [(&str, &[Kind]); 6] = [
    ("Traffic", &[Kind::Metric]),
    ("Edge", &[Kind::Endpoint, Kind::Certificate, Kind::Dns]),
    ("Clusters", &[Kind::Cluster, Kind::Ingress, Kind::Deployment]),
    ("Databases", &[Kind::Database]),
    ("Caches", &[Kind::Cache]),
    ("Backups", &[Kind::Backup]),
];

fn layers(estate: &Estate, world: &World, ages: Ages) -> Vec<Layer> {
    LAYERS
        .iter()
        .map(|(name, kinds)| {
            let mut tiles: Vec<_> = world
                .instances
                .iter()
                .filter(|instance| kinds.contains(&instance.system.kind()))
                .map(|instance| (kinds.iter().position(|kind| *kind == instance.system.kind()), instance))
                .collect();
            tiles.sort_by_key(|(kind, _)| *kind);
            if tiles.len() > TILES {
                // What is not well must be among those shown.
                tiles.sort_by_key(|(kind, instance)| (instance.health() == Health::Ok, *kind));
                tiles.truncate(TILES);
            }
            Layer { name: (*name).into(), tiles: tiles.into_iter().map(|(_, instance)| tile(estate, instance, ages)).collect() }
        })
        .filter(|layer| !layer.tiles.is_empty())
        .collect()
}

fn tile(estate: &Estate, instance: &Instance, ages: Ages) -> Tile {
    let reading = instance.reading.as_deref();
    Tile {
        key: format!("t{}", instance.source),
        system: instance.system.clone(),
        title: title(estate, instance),
        health: instance.health(),
        figure: reading.and_then(|reading| reading.figure.clone()),
        note: reading.map_or_else(|| "not read yet".into(), |reading| note(reading).to_owned()),
        spark: spark(estate, instance),
        seen: ages.seen(instance),
    }
}

/// What a tile is called: by what people type or read elsewhere where the estate file knows it, else by the probe's own title.
fn title(estate: &Estate, instance: &Instance) -> String {
    let name = instance.system.name();
    match instance.system.kind() {
        Kind::Metric => estate.metrics.get(name).map(|metric| metric.title.clone()),
        Kind::Endpoint => estate.endpoints.get(name).and_then(|endpoint| endpoint.url.host_str().map(str::to_owned)),
        Kind::Dns => estate.dns.get(name).map(|dns| format!("{} {}", dns.record, dns.name)),
        Kind::Certificate | Kind::Cluster | Kind::Ingress | Kind::Deployment | Kind::Database | Kind::Cache | Kind::Backup => None,
    }
    .unwrap_or_else(|| instance.title())
}

/// The smaller line: the note while all is well, what is wrong otherwise.
fn note(reading: &crate::probes::Reading) -> &str {
    if reading.note.is_empty() || reading.health != Health::Ok { &reading.summary } else { &reading.note }
}

/// Seconds that one point of [`Instance::recent`] stands for.
const POINT_S: usize = 30;

/// The course of a probe's figure.
pub(crate) fn spark(estate: &Estate, instance: &Instance) -> Option<Spark> {
    let points = &instance.recent;
    let unit = instance.reading.as_ref()?.figure.as_ref().map(Value::figure).map(|(_, unit)| unit).unwrap_or_default();
    let minutes = points.len() * POINT_S / 60;
    (points.iter().flatten().count() > 1).then(|| Spark {
        label: format!("{} {unit}, last {} min", title(estate, instance), minutes.max(1)),
        points: points.to_vec(),
        limit: instance.reading.as_ref().and_then(|reading| reading.limit),
    })
}

/// One system's page.
#[must_use]
pub fn system_view(
    estate: &Estate,
    world: &World,
    system: &SystemId,
    changes: Vec<StateChange>,
    offers: &dyn Offers,
    ages: Ages,
) -> Option<SystemView> {
    let now = ages.now();
    let deciding = worst(world, system, now)?;
    let health = health_of(world, system, now);
    let verdict = match (&deciding.reading, health) {
        (None, _) => "Not read yet.".to_owned(),
        (Some(_), Health::Ok) => "Nothing is wrong here.".to_owned(),
        (Some(reading), Health::Unknown | Health::Degraded | Health::Down) => format!("{}.", reading.summary.trim_end_matches('.')),
    };
    Some(SystemView {
        system: system.clone(),
        health,
        verdict,
        since: deciding.since.map(|at| ages.moment(at)),
        readings: of(world, system)
            .map(|instance| ReadingView {
                tile: tile(estate, instance, ages),
                summary: instance.reading.as_ref().map_or_else(|| "not read yet".into(), |reading| reading.summary.clone()),
                cause: instance.reading.as_ref().and_then(|reading| reading.cause.clone()),
                facts: instance.reading.as_ref().map(|reading| reading.facts.clone()).unwrap_or_default(),
            })
            .collect(),
        changes,
        runbooks: offers.offers(system),
    })
}

/// Every system with its health and its one line, in the order of their ids.
#[must_use]
pub fn system_rows(world: &World, ages: Ages) -> Vec<SystemRow> {
    let now = ages.now();
    let mut systems: Vec<_> = world.instances.iter().map(|instance| &instance.system).collect();
    systems.sort_unstable();
    systems.dedup();
    let row = |system: &SystemId| {
        let instance = worst(world, system, now)?;
        Some(SystemRow {
            system: system.clone(),
            health: health_of(world, system, now),
            figure: instance.reading.as_ref().and_then(|reading| reading.figure.clone()),
            summary: instance.reading.as_ref().map_or_else(|| "not read yet".into(), |reading| reading.summary.clone()),
            since: instance.since.map(|at| ages.moment(at)),
            seen: ages.seen(instance),
        })
    };
    systems.into_iter().filter_map(row).collect()
}

fn capitalised(word: &str) -> String {
    if word.eq_ignore_ascii_case("dns") {
        return "DNS".into();
    }
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// "a", "a and b", "a, b and c".
fn joined(parts: impl Iterator<Item = String>) -> String {
    let mut parts: Vec<_> = parts.collect();
    match parts.pop() {
        None => String::new(),
        Some(last) if parts.is_empty() => last,
        Some(last) => format!("{} and {last}", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests;
