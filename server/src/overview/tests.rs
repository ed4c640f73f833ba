//! Rules of the overview: cut and affected, stale and unknown, order of problems.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use app::model::{Health, Kind, Relation, RunbookLink, SystemId, Value};

use super::*;
use crate::{
    clock::{Clock, SystemClock},
    config::{Environment, PathHop},
    probes::{ProbeSpec, Reading},
};

struct Nothing;

impl Offers for Nothing {
    fn offers(&self, _system: &SystemId) -> Vec<RunbookLink> {
        Vec::new()
    }
}

fn id(text: &str) -> SystemId {
    text.parse().unwrap_or_else(|err| panic!("{err}"))
}

fn estate(hops: &[(&str, &[&str])]) -> Estate {
    Estate {
        environment: Environment { name: "production".into(), estate: "AIA".into(), public_url: None },
        path: hops
            .iter()
            .map(|(name, systems)| PathHop { name: (*name).into(), systems: systems.iter().map(|text| id(text)).collect() })
            .collect(),
        clusters: BTreeMap::new(),
        databases: BTreeMap::new(),
        caches: BTreeMap::new(),
        endpoints: BTreeMap::new(),
        certificates: BTreeMap::new(),
        dns: BTreeMap::new(),
        stores: BTreeMap::new(),
        backups: BTreeMap::new(),
        metrics: BTreeMap::new(),
        runbooks: Vec::new(),
        hash: String::new(),
    }
}

fn instance(source: u32, system: &str, health: Health, age: Duration, now: Stamp) -> Arc<Instance> {
    let good = Stamp { wall: now.wall - age, mono: now.mono.checked_sub(age).unwrap_or(now.mono) };
    Arc::new(Instance {
        source,
        spec: ProbeSpec { id: "p", title: "{}", kind: id(system).kind(), every: Duration::from_secs(5), timeout: Duration::from_secs(3) },
        system: id(system),
        reading: Some(Arc::new(Reading::new(health, format!("it is {}", health.word())).figure(Value::Count(1, "x".into())))),
        failed: false,
        read_at: Some(good),
        tried_at: Some(good),
        since: Some(good.wall),
        recent: Arc::new([]),
        deadline: Duration::from_secs(10),
    })
}

const PATH: [(&str, &[&str]); 4] = [
    ("dns", &["dns/site"]),
    ("edge", &["endpoint/site"]),
    ("backend", &["deployment/eu/shop/cart"]),
    ("data", &["database/shop", "cache/sessions"]),
];

fn world(now: Stamp, healths: [(Health, u64); 5]) -> World {
    let names = ["dns/site", "endpoint/site", "deployment/eu/shop/cart", "database/shop", "cache/sessions"];
    World {
        sequence: 1,
        instances: names
            .iter()
            .zip(healths)
            .enumerate()
            .map(|(at, (name, (health, age)))| instance(u32::try_from(at).unwrap_or(0), name, health, Duration::from_secs(age), now))
            .collect(),
    }
}

fn now() -> Stamp {
    // An hour from the machine's start, so that ages can be subtracted.
    let now = SystemClock.now();
    Stamp { mono: now.mono + Duration::from_secs(3600), ..now }
}

#[test]
fn the_deepest_broken_hop_is_the_cut_and_what_depends_on_it_is_affected() {
    let now = now();
    let view = overview(
        &estate(&PATH),
        &world(now, [(Health::Ok, 1), (Health::Down, 1), (Health::Degraded, 1), (Health::Down, 1), (Health::Ok, 1)]),
        &Nothing,
        Ages::At(now),
    );
    let relations: Vec<_> = view.path.hops.iter().flat_map(|hop| hop.nodes.iter().map(|node| node.relation)).collect();
    assert_eq!(relations, [Relation::Itself, Relation::Affected, Relation::Affected, Relation::Cut, Relation::Itself]);
    assert!(view.path.verdict.starts_with("Cut at PostgreSQL since "), "{}", view.path.verdict);
    assert_eq!(view.problems.first().map(|problem| problem.system.as_str()), Some("database/shop"), "the cause stands first");
    assert_eq!(view.problems.iter().filter(|problem| problem.affected_by.is_some()).count(), 2);
}

#[test]
fn what_is_stale_is_never_counted_as_healthy() {
    let now = now();
    let world = world(now, [(Health::Ok, 60), (Health::Ok, 1), (Health::Ok, 1), (Health::Ok, 1), (Health::Ok, 1)]);
    assert_eq!(health_of(&world, &id("dns/site"), now), Health::Unknown);
    let view = overview(&estate(&PATH), &world, &Nothing, Ages::At(now));
    assert_eq!(view.path.verdict, "Not known at DNS");
    assert!(view.verdict.contains("1 is unknown"), "{}", view.verdict);
}

#[test]
fn a_system_without_a_probe_is_unknown() {
    let now = now();
    let view = overview(&estate(&[("edge", &["endpoint/api"])]), &World::default(), &Nothing, Ages::At(now));
    assert_eq!(view.path.hops[0].nodes[0].health, Health::Unknown);
}

#[test]
fn frozen_ages_change_only_when_something_else_does() {
    let now = now();
    let later = Stamp { wall: now.wall + Duration::from_secs(3), mono: now.mono + Duration::from_secs(3) };
    let much_later = Stamp { wall: now.wall + Duration::from_secs(30), mono: now.mono + Duration::from_secs(30) };
    let world = world(now, [(Health::Ok, 1); 5]);
    let at = |stamp| overview(&estate(&PATH), &world, &Nothing, Ages::Frozen(stamp));
    assert_eq!(at(now), at(later));
    assert_ne!(at(now), at(much_later), "what became stale is drawn so");
}

#[test]
fn every_kind_has_a_layer() {
    for kind in Kind::ALL {
        assert!(LAYERS.iter().any(|(_, kinds)| kinds.contains(&kind)), "{}", kind.word());
    }
}
