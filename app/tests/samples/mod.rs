//! One estate in words: values as the server would hand them over, healthy and broken. Shared by the tests and the gallery.
#![allow(dead_code, unused_imports, missing_docs, clippy::too_many_arguments, clippy::expect_used)]

mod backups;
mod cache;
mod database;
mod edge;
mod entry;
mod lists;
mod settings;

use app::model::*;
use chrono::{DateTime, TimeDelta, Utc};

pub use self::{cache::*, edge::*};
pub use backups::*;
pub use database::{database, database_stale};
pub use entry::*;
pub use lists::*;
pub use settings::*;

/// The moment at which every sample was written.
pub fn now() -> DateTime<Utc> {
    "2026-11-24T14:08:35Z".parse().expect("a moment")
}

pub fn seen(source: u32, age_s: u64, deadline_s: u64) -> Seen {
    let at = now() - TimeDelta::seconds(age_s as i64);
    Seen { source, at, age_ms: age_s * 1000, deadline_ms: deadline_s * 1000 }
}

pub fn moment(ago_s: u64) -> Moment {
    Moment { at: now() - TimeDelta::seconds(ago_s as i64), ago_ms: ago_s * 1000 }
}

pub fn id(text: &str) -> SystemId {
    text.parse().expect("a system id")
}

const BACKEND: &str = "deployment/aia-production-eu/aia-production/aia-backend-simple";
const FRONTEND: &str = "deployment/aia-production-eu/aia-production/aia-frontend";
const INGRESS: &str = "ingress/aia-production-eu/aia-production/aia";

pub fn frame(place: Place, title: &str) -> Frame {
    Frame {
        environment: "production".into(),
        estate: "AIA".into(),
        me: Some(Me { name: "nora".into(), role: Role::Operator }),
        theme: Theme::System,
        running: Running::default(),
        data: Some(seen(1, 1, 15)),
        place,
        keys: true,
        kinds: Kind::ALL.to_vec(),
        title: title.into(),
        live: None,
        assets: Assets { css: "quarterdeck.css".into(), loader: String::new() },
        nonce: "bm9uY2U".into(),
        request_id: "0193-5b1e-77aa".into(),
        version: "0.1.0",
        notice: None,
    }
}

pub fn door(title: &str) -> Frame {
    Frame { me: None, data: None, ..frame(Place::Outside, title) }
}

/// A course of 60 points around `base`, with a jump to `then` for the last `tail` of them.
fn course(label: &str, base: f64, then: f64, tail: usize, limit: Option<f64>) -> Option<Spark> {
    let points = (0..60)
        .map(|at| {
            let wave = ((at * 37 % 17) as f64 / 17.0 - 0.5) * 0.18 + ((at * 11 % 7) as f64 / 7.0 - 0.5) * 0.1;
            let centre = if at >= 60 - tail { then } else { base };
            Some((centre * (1.0 + wave)).max(0.0))
        })
        .collect();
    Some(Spark { label: label.into(), points, limit })
}

fn node(system: &str, title: &str, what: &str, health: Health, figure: Option<Value>, relation: Relation, age_s: u64) -> HopNode {
    HopNode {
        system: id(system),
        title: title.into(),
        what: what.into(),
        health,
        figure,
        relation,
        seen: Some(seen(system.len() as u32, age_s, 15)),
    }
}

fn days(days: f64) -> Option<Value> {
    Some(Value::Duration(days * 86_400.0))
}

fn hop(name: &str, nodes: Vec<HopNode>) -> Hop {
    Hop { name: name.into(), nodes }
}

fn tile(key: &str, system: &str, title: &str, health: Health, figure: Value, note: &str, spark: Option<Spark>, age_s: u64) -> Tile {
    Tile {
        key: format!("tile-{key}"),
        system: id(system),
        title: title.into(),
        health,
        figure: Some(figure),
        note: note.into(),
        spark,
        seen: Some(seen(key.len() as u32, age_s, 15)),
    }
}

fn of(some: u64, all: u64) -> Value {
    Value::Of(some, all, "ready".into())
}

/// A good day with two degraded things.
pub fn overview() -> Overview {
    use Health::{Degraded, Ok};
    use Relation::Itself;
    Overview {
        verdict: "Two things are degraded, nothing is down.".into(),
        path: Path {
            hops: vec![
                hop("DNS", vec![node("dns/site", "013a.tech", "4 of 4 resolvers agree", Ok, Some(Value::Duration(0.011)), Itself, 12)]),
                hop(
                    "Edge",
                    vec![
                        node("endpoint/site", "013a.tech", "200", Ok, Some(Value::Duration(0.084)), Itself, 3),
                        node("certificate/site", "certificate", "expires 3 December", Degraded, days(9.0), Itself, 11),
                    ],
                ),
                hop("Ingress", vec![node(INGRESS, "aia", "2 addresses", Ok, Some(Value::Of(2, 2, "backends ready".into())), Itself, 2)]),
                hop("Frontend", vec![node(FRONTEND, "aia-frontend", "", Ok, Some(of(3, 3)), Itself, 1)]),
                hop(
                    "Backend",
                    vec![
                        node(BACKEND, "aia-backend-simple", "1 of 5 pods does not start", Degraded, Some(of(4, 5)), Itself, 1),
                        node("endpoint/api", "api.013a.tech", "200", Ok, Some(Value::Duration(0.061)), Itself, 3),
                    ],
                ),
                hop(
                    "Data",
                    vec![
                        node(
                            "database/aia_production",
                            "PostgreSQL",
                            "aia_production, pg1 leads",
                            Ok,
                            Some(Value::Duration(0.04)),
                            Itself,
                            2,
                        ),
                        node("cache/sessions", "Redis", "sessions, 3 Sentinels", Ok, Some(Value::Ratio(0.972)), Itself, 3),
                    ],
                ),
            ],
            verdict: "Requests pass".into(),
            figures: figures(412.0, 0.084, 0.0002),
        },
        problems: vec![
            Problem {
                system: id(BACKEND),
                health: Degraded,
                what: "1 of 5 pods does not start".into(),
                cause: Some("container `app` ends with exit code 1 after 2 s (CrashLoopBackOff), 8 times; revision 42 is new".into()),
                affected_by: None,
                since: moment(1_120),
                runbooks: vec![RunbookLink {
                    title: "Restart aia-backend-simple".into(),
                    href: "/runbooks/restart-workload?target=deployment/aia-production-eu/aia-production/aia-backend-simple".into(),
                }],
                seen: seen(4, 1, 15),
            },
            Problem {
                system: id("certificate/site"),
                health: Degraded,
                what: "9 days left, limit 21 days".into(),
                cause: None,
                affected_by: None,
                since: moment(5 * 86_400),
                runbooks: vec![],
                seen: seen(5, 11, 90),
            },
        ],
        layers: layers(false),
    }
}

fn figures(requests: f64, p95: f64, errors: f64) -> Vec<PathFigure> {
    vec![
        PathFigure {
            title: "".into(),
            value: Value::Rate(requests, "requests/s".into()),
            spark: course("requests a second, 60 min", 412.0, requests, 6, None),
            seen: seen(9, 4, 30),
        },
        PathFigure {
            title: "p95".into(),
            value: Value::Duration(p95),
            spark: course("p95, 60 min", 0.084, p95, 6, Some(0.18)),
            seen: seen(9, 4, 30),
        },
        PathFigure {
            title: "errors in 5 min".into(),
            value: Value::Ratio(errors),
            spark: course("errors, 60 min", 0.0002, errors, 6, Some(0.01)),
            seen: seen(9, 4, 30),
        },
    ]
}

fn layers(cut: bool) -> Vec<Layer> {
    use Health::{Degraded, Down, Ok};
    let db = "database/aia_production";
    vec![
        Layer {
            name: "Workloads".into(),
            tiles: vec![
                tile(
                    "backend",
                    BACKEND,
                    "aia-backend-simple",
                    Degraded,
                    of(if cut { 0 } else { 4 }, 5),
                    "revision 42 stuck",
                    course("ready pods, 60 min", 5.0, if cut { 0.0 } else { 4.0 }, 19, Some(5.0)),
                    1,
                ),
                tile("frontend", FRONTEND, "aia-frontend", Ok, of(3, 3), "revision 17", course("ready pods, 60 min", 3.0, 3.0, 0, None), 1),
                tile(
                    "nodes",
                    "cluster/aia-production-eu",
                    "Nodes",
                    Ok,
                    of(6, 6),
                    "CPU 41 %, memory 63 %",
                    course("ready nodes", 6.0, 6.0, 0, None),
                    2,
                ),
                tile("ingress", INGRESS, "Ingress aia", Ok, Value::Of(2, 2, "backends".into()), "2 addresses", None, 2),
            ],
        },
        Layer {
            name: "Databases".into(),
            tiles: vec![
                tile(
                    "db",
                    db,
                    "aia_production",
                    if cut { Down } else { Ok },
                    Value::Rate(if cut { 0.0 } else { 1240.0 }, "tx/s".into()),
                    if cut { "no primary, timeline 7" } else { "timeline 7, pg1 leads" },
                    course("transactions a second, 60 min", 1240.0, if cut { 0.0 } else { 1240.0 }, 6, None),
                    2,
                ),
                tile(
                    "lag",
                    db,
                    "Replica lag of pg2",
                    if cut { Degraded } else { Ok },
                    if cut { Value::Bytes(48_000_000) } else { Value::Duration(0.04) },
                    if cut { "receiver off" } else { "streaming, 16 kB behind" },
                    course("replay lag, 60 min", 0.04, if cut { 31.0 } else { 0.04 }, 6, Some(10.0)),
                    2,
                ),
                tile(
                    "connections",
                    db,
                    "Connections",
                    Ok,
                    Value::Of(87, 200, "".into()),
                    "65 of aia-backend-simple",
                    course("connections", 87.0, 87.0, 0, Some(150.0)),
                    2,
                ),
                tile(
                    "volume",
                    db,
                    "Volume of pg1",
                    Degraded,
                    Value::Ratio(1.0),
                    "of 100 GB",
                    course("use of the volume", 0.7, 1.0, 20, Some(0.85)),
                    if cut { 115 } else { 4 },
                ),
            ],
        },
        Layer {
            name: "Caches".into(),
            tiles: vec![
                tile(
                    "hits",
                    "cache/sessions",
                    "Hit rate of sessions",
                    Ok,
                    Value::Ratio(0.972),
                    "256 MB, allkeys-lru",
                    course("hit rate", 0.972, 0.972, 0, Some(0.8)),
                    3,
                ),
                tile(
                    "memory",
                    "cache/sessions",
                    "Memory of sessions",
                    Ok,
                    Value::Bytes(181_400_000),
                    "of 256 MB",
                    course("memory", 181.0, 181.0, 0, Some(230.0)),
                    3,
                ),
                Tile {
                    key: "tile-sentinel".into(),
                    system: id("cache/sessions"),
                    title: "Sentinel quorum".into(),
                    health: Ok,
                    figure: None,
                    note: "never answered since start".into(),
                    spark: None,
                    seen: None,
                },
            ],
        },
        Layer {
            name: "Edge".into(),
            tiles: vec![
                tile(
                    "api",
                    "endpoint/api",
                    "api.013a.tech",
                    if cut { Down } else { Ok },
                    Value::Duration(if cut { 5.0 } else { 0.061 }),
                    if cut { "503, affected" } else { "200, TLS 18 ms" },
                    course("p95, 60 min", 0.061, if cut { 5.0 } else { 0.061 }, 6, Some(0.5)),
                    3,
                ),
                tile(
                    "site",
                    "endpoint/site",
                    "013a.tech",
                    Ok,
                    Value::Duration(0.084),
                    "200, TLS 22 ms",
                    course("p95, 60 min", 0.084, 0.084, 0, Some(2.0)),
                    3,
                ),
                tile(
                    "certificate",
                    "certificate/site",
                    "Certificate of 013a.tech",
                    Degraded,
                    Value::Duration(9.0 * 86_400.0),
                    "left, limit 21 d",
                    None,
                    11,
                ),
                tile(
                    "dns",
                    "dns/site",
                    "013a.tech",
                    Ok,
                    Value::Duration(0.011),
                    "34.118.226.10 as wanted",
                    course("resolution time", 0.011, 0.011, 0, Some(0.1)),
                    12,
                ),
            ],
        },
    ]
}

/// The primary is gone: the path is cut there, what waits for it is affected, one tile is stale.
pub fn overview_cut() -> Overview {
    use Health::{Degraded, Down};
    let mut overview = overview();
    overview.verdict = "aia_production takes no writes. Backend, frontend and edge are affected by it; they are not broken.".into();
    overview.path.verdict = "Cut at PostgreSQL since 14:02:11".into();
    overview.path.figures = figures(158.0, 5.0, 0.61);
    for hop in &mut overview.path.hops[1..5] {
        for node in &mut hop.nodes {
            node.relation = Relation::Affected;
        }
    }
    overview.path.hops[4].nodes[0].figure = Some(of(0, 5));
    overview.path.hops[4].nodes[1].health = Down;
    overview.path.hops[5].nodes[0] = node(
        "database/aia_production",
        "PostgreSQL",
        "aia_production, pg1 led",
        Down,
        Some(Value::Of(0, 2, "take writes".into())),
        Relation::Cut,
        2,
    );
    overview.problems = vec![
        Problem {
            system: id("database/aia_production"),
            health: Down,
            what: "no primary".into(),
            cause: Some("the data volume of pg1 filled up at 14:02:09 (No space left on device); pg2 is 48 MB behind, limit 1 MB".into()),
            affected_by: None,
            since: moment(384),
            runbooks: vec![],
            seen: seen(7, 2, 15),
        },
        Problem {
            system: id(BACKEND),
            health: Degraded,
            what: "0 of 5 pods ready".into(),
            cause: Some("/health answers 503 because it asks the database; a restart would not help".into()),
            affected_by: Some(id("database/aia_production")),
            since: moment(364),
            runbooks: vec![RunbookLink { title: "Restart aia-backend-simple".into(), href: "/runbooks/restart-workload".into() }],
            seen: seen(4, 1, 15),
        },
        Problem {
            system: id("certificate/site"),
            health: Degraded,
            what: "9 days left, limit 21 days".into(),
            cause: None,
            affected_by: None,
            since: moment(5 * 86_400),
            runbooks: vec![],
            seen: seen(5, 11, 90),
        },
    ];
    overview.layers = layers(true);
    overview
}

/// The cut is in the middle of the line: the frontend has no pod.
pub fn overview_cut_middle() -> Overview {
    let mut overview = overview();
    overview.verdict = "aia-frontend has no ready pod. Ingress and edge are affected by it; they are not broken.".into();
    overview.path.verdict = "Cut at Frontend since 14:02:11".into();
    for node in overview.path.hops[1..3].iter_mut().flat_map(|hop| &mut hop.nodes) {
        node.relation = Relation::Affected;
    }
    let frontend = &mut overview.path.hops[3].nodes[0];
    frontend.relation = Relation::Cut;
    frontend.health = Health::Down;
    frontend.figure = Some(of(0, 3));
    overview
}

/// Three branches at the end, the second of them cut.
pub fn overview_cut_branch() -> Overview {
    let mut overview = overview();
    overview.path.verdict = "Cut at Redis since 14:02:11".into();
    for node in overview.path.hops[1..5].iter_mut().flat_map(|hop| &mut hop.nodes) {
        node.relation = Relation::Affected;
    }
    let data = &mut overview.path.hops[5].nodes;
    data[1].relation = Relation::Cut;
    data[1].health = Health::Down;
    data[1].figure = Some(Value::Of(0, 2, "masters".into()));
    data.push(node("cache/pages", "Pages", "cached pages", Health::Unknown, None, Relation::Itself, 3));
    overview
}

/// Everything is out of date: the console has read nothing for a minute.
pub fn overview_stale() -> Overview {
    let mut overview = overview();
    overview.verdict = "Nothing was read for 60 s. What is shown is from 14:07:35 UTC.".into();
    let old = Some(seen(1, 60, 15));
    for node in overview.path.hops.iter_mut().flat_map(|hop| &mut hop.nodes) {
        node.seen = old;
    }
    for figure in &mut overview.path.figures {
        figure.seen = seen(1, 60, 15);
    }
    for tile in overview.layers.iter_mut().flat_map(|layer| &mut layer.tiles) {
        tile.seen = old;
    }
    overview
}

/// Before the first reading.
pub fn overview_empty() -> Overview {
    Overview {
        verdict: "Nothing is watched yet.".into(),
        path: Path { hops: vec![], verdict: String::new(), figures: vec![] },
        problems: vec![],
        layers: vec![],
    }
}

pub fn clusters() -> Vec<ClusterRow> {
    vec![
        ClusterRow {
            system: id("cluster/aia-production-eu"),
            health: Health::Degraded,
            summary: "1 workload is not well: aia-backend-simple 4 of 5 ready".into(),
            nodes: Value::Of(6, 6, "ready".into()),
            pods: Value::Of(41, 42, "ready".into()),
            seen: seen(4, 1, 15),
        },
        ClusterRow {
            system: id("cluster/aia-staging-eu"),
            health: Health::Ok,
            summary: "everything is ready".into(),
            nodes: Value::Of(3, 3, "ready".into()),
            pods: Value::Of(19, 19, "ready".into()),
            seen: seen(5, 48, 15),
        },
    ]
}

pub fn hostile_pod() -> PodRow {
    PodRow {
        name: "<script>alert(1)</script>\u{1b}[31m\u{202e}dop".into(),
        namespace: "aia-production".into(),
        health: Health::Degraded,
        state: "CrashLoopBackOff".into(),
        reason: Some("x".repeat(1_000_000)),
        restarts: 8,
        since: Some(moment(1_080)),
        node: Some("eu-node-4".into()),
        revision: Some("7d9f4c".into()),
    }
}

fn pod(name: &str, health: Health, state: &str, reason: Option<&str>, restarts: u64, ago: u64, revision: &str) -> PodRow {
    PodRow {
        name: name.into(),
        namespace: "aia-production".into(),
        health,
        state: state.into(),
        reason: reason.map(Into::into),
        restarts,
        since: Some(moment(ago)),
        node: Some(format!("eu-node-{}", name.len() % 6 + 1)),
        revision: Some(revision.into()),
    }
}

fn unwell() -> Vec<PodRow> {
    vec![
        pod(
            "aia-backend-simple-7d9f4c-x2kqp",
            Health::Down,
            "CrashLoopBackOff",
            Some("The container `app` ended with exit code 1 after 2 s, 8 times; Kubernetes waits 2 min 12 s before it tries again"),
            8,
            1_080,
            "7d9f4c",
        ),
        pod(
            "aia-worker-66c9d-lq8mz",
            Health::Down,
            "OOMKilled",
            Some("The container `worker` was killed for using more than its limit of 512 MiB (OOMKilled), 4 times"),
            4,
            320,
            "66c9d",
        ),
        pod(
            "aia-import-5c7b9-2hxzv",
            Health::Degraded,
            "Pending",
            Some("No node has room: 6 nodes lack memory for a request of 4 GiB (unschedulable)"),
            0,
            96,
            "5c7b9",
        ),
    ]
}

pub fn cluster() -> ClusterView {
    let node =
        |name: &str, health, state: &str, pods, cpu, memory| NodeRow { name: name.into(), health, state: state.into(), pods, cpu, memory };
    let row = |name: &str, health, some, all, summary: &str| WorkloadRow {
        system: id(&format!("deployment/aia-production-eu/aia-production/{name}")),
        health,
        ready: of(some, all),
        summary: summary.into(),
    };
    ClusterView {
        system: id("cluster/aia-production-eu"),
        health: Health::Degraded,
        verdict: "3 pods are not well, 1 of 6 nodes is not ready. The API server answers in 6 ms.".into(),
        version: Some("1.37.2".into()),
        counts: vec![
            Fact::new("Nodes", of(5, 6)),
            Fact::new("Pods", of(39, 42)),
            Fact::new("Workloads", of(5, 8)),
            Fact::new("CPU used", Value::Ratio(0.41)).limit(Value::Ratio(0.8)),
            Fact::new("Memory used", Value::Ratio(0.63)).limit(Value::Ratio(0.8)),
            Fact::new("Pods pending", Value::Count(1, "unschedulable".into())),
        ],
        nodes: vec![
            node("eu-node-4", Health::Down, "not ready since 14:02: kubelet stopped posting", 7, None, None),
            node("eu-node-1", Health::Ok, "ready", 8, Some(0.44), Some(0.71)),
            node("eu-node-2", Health::Ok, "ready", 7, Some(0.38), Some(0.66)),
            node("eu-node-3", Health::Ok, "ready", 7, Some(0.52), Some(0.58)),
        ],
        more_nodes: 2,
        workloads: vec![
            row("aia-backend-simple", Health::Degraded, 4, 5, "revision 42, rolling out 1 of 5"),
            row("aia-worker", Health::Down, 0, 1, "revision 9, no pod is ready"),
            row("aia-import", Health::Degraded, 0, 1, "revision 3, 1 pod pending"),
            row("aia-frontend", Health::Ok, 3, 3, "revision 17"),
        ],
        more_workloads: 4,
        pods: unwell(),
        more_pods: 0,
        seen: seen(4, 1, 15),
    }
}

/// Names and messages that nobody honest would choose.
pub fn cluster_hostile() -> ClusterView {
    let mut cluster = cluster();
    cluster.pods.insert(0, hostile_pod());
    cluster.pods.push(PodRow { name: "a".repeat(253), namespace: "n".repeat(63), state: "S".repeat(300), ..hostile_pod() });
    cluster.workloads[0].system = id(&format!("deployment/aia-production-eu/{}/{}", "n".repeat(63), "w".repeat(253)));
    cluster.nodes[0].name = "node.".repeat(50);
    cluster.verdict = "<b>v</b> ".repeat(400);
    cluster
}

pub fn cluster_stale() -> ClusterView {
    ClusterView { health: Health::Unknown, verdict: "The API server has not answered for 48 s.".into(), seen: seen(4, 48, 15), ..cluster() }
}

pub fn workload() -> WorkloadView {
    let event = |reason: &str, warning, count, message: &str, ago| EventRow {
        reason: reason.into(),
        warning,
        count,
        message: message.into(),
        last: moment(ago),
    };
    let revision = |number, pods, ago, changed: &[&str]| RevisionRow {
        number,
        pods,
        made: moment(ago),
        changed: changed.iter().map(|text| (*text).to_owned()).collect(),
    };
    WorkloadView {
        system: id(BACKEND),
        health: Health::Degraded,
        verdict: "1 of 5 pods does not start since 13:50:30. Users see no errors: 4 pods of revision 41 serve.".into(),
        counts: vec![
            Fact::new("Ready", of(4, 5)),
            Fact::new("Updated", Value::Of(1, 5, "".into())),
            Fact::new("Restarts", Value::Count(8, "in 1 h".into())),
            Fact::new("CPU", Value::Ratio(0.58)).limit(Value::Ratio(0.7)),
            Fact::new("Memory", Value::Ratio(0.63)).limit(Value::Ratio(0.8)),
        ],
        autoscaler: Some(AutoscalerView {
            name: "aia-backend-simple".into(),
            min: 2,
            max: 10,
            desired: 5,
            metrics: vec!["cpu 58 % of 70 %".into(), "memory 63 % of 80 %".into()],
        }),
        images: vec![("app".into(), "registry.013a.tech/aia/backend-simple:2.15.0".into())],
        pods: vec![
            unwell().swap_remove(0),
            pod("aia-backend-simple-5b8c6d-4tnwz", Health::Ok, "Running", None, 0, 525_600, "5b8c6d"),
            pod("aia-backend-simple-5b8c6d-9hfrj", Health::Ok, "Running", None, 0, 525_600, "5b8c6d"),
            pod("aia-backend-simple-5b8c6d-m6lvc", Health::Ok, "Running", None, 0, 525_600, "5b8c6d"),
            pod("aia-backend-simple-5b8c6d-qz8sd", Health::Ok, "Running", None, 1, 525_600, "5b8c6d"),
        ],
        more_pods: 0,
        events: vec![
            event("BackOff", true, 38, "Back-off restarting failed container app in pod aia-backend-simple-7d9f4c-x2kqp", 12),
            event("Unhealthy", true, 6, "Readiness probe failed: connect: connection refused, port 8000", 130),
            event("ScalingReplicaSet", false, 2, "Scaled up replica set aia-backend-simple-7d9f4c to 1", 1_120),
        ],
        revisions: vec![
            revision(42, 1, 1_120, &["image of app: 2.14.0 → 2.15.0"]),
            revision(41, 4, 525_600, &["memory limit of app: 384 MiB → 512 MiB"]),
            revision(40, 0, 1_130_000, &["restarted"]),
        ],
        runbooks: vec![
            RunbookLink { title: "Restart aia-backend-simple".into(), href: "/runbooks/restart-workload".into() },
            RunbookLink { title: "Scale aia-backend-simple".into(), href: "/runbooks/scale-workload".into() },
        ],
        seen: seen(4, 1, 15),
    }
}

pub fn workload_stale() -> WorkloadView {
    WorkloadView { health: Health::Unknown, verdict: "Its cluster has not answered for 48 s.".into(), seen: seen(4, 48, 15), ..workload() }
}

pub fn systems() -> SystemList {
    let row = |system: &str, health, figure, summary: &str, since, age| SystemRow {
        system: id(system),
        health,
        figure: Some(figure),
        summary: summary.into(),
        since: Some(moment(since)),
        seen: Some(seen(3, age, 15)),
    };
    SystemList {
        filter: Filter { path: "/systems", fields: Vec::new() },
        all: 6,
        unwell: 4,
        groups: vec![
            (Some(Kind::Dns), vec![row("dns/site", Health::Ok, Value::Duration(0.011), "34.118.226.10 as wanted", 400_000, 12)]),
            (
                Some(Kind::Certificate),
                vec![row("certificate/site", Health::Degraded, Value::Duration(777_600.0), "9 days left, limit 21 days", 432_000, 11)],
            ),
            (
                Some(Kind::Endpoint),
                vec![
                    row("endpoint/api", Health::Ok, Value::Duration(0.061), "200 in 61 ms", 86_000, 3),
                    row("endpoint/site", Health::Ok, Value::Duration(0.084), "200 in 84 ms", 86_000, 33),
                ],
            ),
            (
                Some(Kind::Database),
                vec![row("database/aia_production", Health::Down, Value::Of(0, 2, "take writes".into()), "no primary, pg1 led", 384, 2)],
            ),
            (
                Some(Kind::Cache),
                vec![SystemRow {
                    system: id("cache/sessions"),
                    health: Health::Ok,
                    figure: None,
                    summary: "never answered since start".into(),
                    since: None,
                    seen: None,
                }],
            ),
        ],
    }
}

pub fn system() -> SystemView {
    let tiles = layers(true).swap_remove(1).tiles;
    let reading = |tile: &Tile, summary: &str, cause: Option<&str>, facts: Vec<Fact>| ReadingView {
        tile: tile.clone(),
        summary: summary.into(),
        cause: cause.map(Into::into),
        facts,
    };
    SystemView {
        system: id("database/aia_production"),
        health: Health::Down,
        verdict: "No member takes writes. pg1 led until 14:02:11; pg2 is 48 MB behind and was not promoted.".into(),
        since: Some(moment(384)),
        readings: vec![
            reading(
                &tiles[0],
                "No member says that it is the primary.",
                Some("the data volume of pg1 filled up (No space left on device)"),
                vec![
                    Fact::new("members that answer", Value::Of(1, 2, "".into())),
                    Fact::new("timeline", Value::Count(7, "".into())),
                    Fact::new("led last", Value::Text("pg1".into())),
                ],
            ),
            reading(
                &tiles[1],
                "pg2 has 48 MB of WAL less than pg1 had; its receiver is off.",
                None,
                vec![
                    Fact::new("not yet sent", Value::Bytes(48_000_000)).limit(Value::Bytes(1_000_000)),
                    Fact::new("not yet replayed", Value::Bytes(0)),
                    Fact::new("in time", Value::Duration(31.0)).limit(Value::Duration(10.0)),
                ],
            ),
            reading(
                &tiles[2],
                "87 of 200 are taken.",
                None,
                vec![
                    Fact::new("aia-backend-simple", Value::Count(65, "".into())),
                    Fact::new("idle in transaction", Value::Count(2, "".into())),
                ],
            ),
            reading(&tiles[3], "The volume is full.", None, vec![Fact::new("used", Value::Ratio(1.0))]),
        ],
        changes: vec![
            StateChange {
                at: moment(384),
                title: "Roles".into(),
                from: Health::Ok,
                to: Health::Down,
                summary: "no member says that it is the primary".into(),
            },
            StateChange {
                at: moment(420),
                title: "Volume of pg1".into(),
                from: Health::Ok,
                to: Health::Degraded,
                summary: "96 % of 100 GB used".into(),
            },
            StateChange {
                at: moment(2_600_000),
                title: "Replica lag of pg2".into(),
                from: Health::Unknown,
                to: Health::Ok,
                summary: "streaming".into(),
            },
        ],
        runbooks: vec![],
    }
}

pub fn restart_card() -> RunbookCard {
    RunbookCard {
        id: "restart-workload".into(),
        title: "Restart workload".into(),
        purpose: "Replaces the pods one by one; the service goes on.".into(),
        role: Role::Responder,
        risk: Risk::Low,
        kind: Kind::Deployment,
        targets: vec![id(BACKEND), id(FRONTEND)],
        refused: None,
        last: Some(LastRun { run: 1371, state: RunState::Succeeded, asked: moment(172_800), usual_ms: Some(70_000) }),
    }
}

pub fn scale_card() -> RunbookCard {
    RunbookCard {
        id: "scale-workload".into(),
        title: "Scale workload".into(),
        purpose: "Sets replicas, or the autoscaler's bounds where one owns them.".into(),
        role: Role::Responder,
        risk: Risk::Medium,
        kind: Kind::Deployment,
        targets: vec![id(BACKEND), id(FRONTEND)],
        refused: None,
        last: Some(LastRun { run: 1371, state: RunState::Succeeded, asked: moment(172_800), usual_ms: Some(70_000) }),
    }
}

pub fn runbooks() -> RunbookCatalog {
    let failover = RunbookCard {
        id: "fail-over-database".into(),
        title: "Fail over PostgreSQL".into(),
        purpose: "Promotes a replica though the leader does not answer; may lose writes.".into(),
        role: Role::Admin,
        risk: Risk::High,
        kind: Kind::Database,
        targets: vec![id("database/aia_production")],
        refused: Some("Needs admin; you are operator.".into()),
        last: None,
    };
    RunbookCatalog {
        filter: filter("/runbooks", &[("q", "Words", ""), ("kind", "Kind", "")]),
        groups: vec![(Kind::Deployment, vec![restart_card(), scale_card()]), (Kind::Database, vec![failover])],
        all: 3,
        mine: 2,
    }
}

pub fn runbooks_none_matches() -> RunbookCatalog {
    RunbookCatalog { filter: filter("/runbooks", &[("q", "Words", "drop table")]), groups: vec![], ..runbooks() }
}

pub fn runbook_form() -> RunbookForm {
    RunbookForm {
        card: scale_card(),
        target: Some(id(BACKEND)),
        fields: vec![FormField {
            name: "replicas".into(),
            label: "Replicas".into(),
            hint: "now 5; 1 to 15".into(),
            value: "5".into(),
            input: FieldInput::Number,
            fault: None,
        }],
        help: vec!["The guide scales with `kubectl scale`. Where an autoscaler owns the replicas it would undo that within a minute, so the plan raises its bounds.".into()],
        refused: None,
    }
}

pub fn runbook_form_refused() -> RunbookForm {
    let mut form = runbook_form();
    form.fields[0].value = "10^9".into();
    form.fields[0].fault = Some("`10^9` is no whole number: type a number from 1 to 15.".into());
    form.refused = Some("Nothing was read and nothing was planned. Mend the field below.".into());
    form
}

fn check(rule: &str, title: &str, outcome: CheckOutcome, value: &str) -> Check {
    Check { rule: rule.into(), title: title.into(), outcome, value: value.into() }
}

fn change(what: &str, before: &str, after: &str) -> Change {
    Change { what: what.into(), before: before.into(), after: after.into() }
}

pub fn plan() -> PlanView {
    let step = |title: &str, detail: &str, usual_s, limit_s| PlanStep { title: title.into(), detail: detail.into(), usual_s, limit_s };
    PlanView {
        id: "k3v9".into(),
        body: PlanBody {
            action: "restart-workload".into(),
            target: id(BACKEND),
            parameters: vec![],
            title: "Restart aia-backend-simple".into(),
            steps: vec![
                step("Patch the pod template's restart annotation", "kubectl.kubernetes.io/restartedAt", Some(1), 10),
                step("Wait until every pod is of the new revision and ready", "surge 1, unavailable 0: one at a time", Some(70), 600),
                step("Verify that it stays ready", "5 readings in a row", Some(10), 60),
            ],
            changes: vec![
                change("Pods of revision 41", "5 ready", "0"),
                change("Pods of revision 42", "none", "5 ready"),
                change("Restart annotation", "none", "2026-11-24T14:08:35Z"),
            ],
            blast_radius: vec![
                "Users: none, as long as one pod at a time is replaced (maxUnavailable 0).".into(),
                "Sessions held in a pod's memory are lost; aia keeps them in Redis.".into(),
            ],
            checks: vec![
                check("exists", "The Deployment exists and is not paused", CheckOutcome::Pass, "revision 41, observed"),
                check("rollout", "No rollout is under way", CheckOutcome::Pass, "5 of 5 updated"),
                check("budget", "The disruption budget leaves room", CheckOutcome::Warn, "no budget: nothing is held back"),
                check("room", "A node has room for one more pod", CheckOutcome::Pass, "4 of 6 nodes"),
            ],
            by_hand: vec![
                "kubectl -n aia-production rollout restart deployment/aia-backend-simple".into(),
                "kubectl -n aia-production rollout status deployment/aia-backend-simple --timeout=10m".into(),
            ],
            undo: Some(Undo {
                text: "A restart cannot be taken back; the revision before stays and can be rolled back to.".into(),
                runbook: None,
            }),
            basis: vec![("uid".into(), "9c1e".into())],
            instead: None,
        },
        runbook_title: "Restart workload".into(),
        fingerprint: "7f3a 91c2".into(),
        made: moment(4),
        expires_at: now() + TimeDelta::seconds(596),
        owner: "nora".into(),
        role: Role::Responder,
        risk: Risk::Low,
        refused: None,
        run: None,
        request_key: "0193f".into(),
        reason: String::new(),
        typed_target: String::new(),
        faults: vec![],
        moved: None,
    }
}

/// Scaling what an autoscaler owns: refused, with the better way offered.
pub fn plan_instead() -> PlanView {
    let mut plan = plan();
    plan.body.action = "scale-workload".into();
    plan.body.title = "Scale aia-backend-simple to 8".into();
    plan.body.parameters = vec![("replicas".into(), "8".into())];
    plan.body.changes = vec![change("Replicas", "5", "8")];
    plan.body
        .checks
        .insert(2, check("hpa-owns-replicas", "No autoscaler owns the replicas", CheckOutcome::Fail, "aia-backend-simple, 2 to 10"));
    plan.body.checks.push(check("quota", "The namespace's quota leaves room", CheckOutcome::Unknown, "the API server did not say"));
    plan.body.instead = Some(Instead {
        why: "An autoscaler owns the replicas of aia-backend-simple and would set them back to 5 within a minute. Raising its minimum to 8 holds.".into(),
        title: "Plan: raise the minimum to 8".into(),
        runbook: "scale-workload".into(),
        parameters: vec![("minimum".into(), "8".into())],
    });
    plan.runbook_title = "Scale workload".into();
    plan
}

/// A dangerous plan that was sent without reason and with a wrong name.
pub fn plan_danger() -> PlanView {
    let mut plan = plan();
    plan.risk = Risk::High;
    plan.role = Role::Admin;
    plan.typed_target = "aia-backend".into();
    plan.faults = vec![
        ("reason".into(), "Say why in a few words: at least 4 characters.".into()),
        ("target".into(), "`aia-backend` is not the target's name: type aia-backend-simple.".into()),
    ];
    plan
}

pub fn plan_moved() -> PlanView {
    let mut plan = plan();
    plan.reason = "memory grows since noon, OPS-2214".into();
    plan.refused = Some("The world moved since this plan was made.".into());
    plan.moved =
        Some(Moved { plan: "m7q2".into(), differs: vec![change("template hash", "5b8c6d", "7d9f4c"), change("replicas", "5", "6")] });
    plan
}

fn run_step(title: &str, detail: &str, state: StepState, elapsed: Option<u64>, usual: u64, limit: u64) -> RunStep {
    RunStep {
        title: title.into(),
        detail: detail.into(),
        state,
        elapsed_ms: elapsed,
        usual_s: Some(usual),
        limit_s: limit,
        progress: None,
        output: vec![],
    }
}

pub fn run() -> RunView {
    let mut patch = run_step("Patch the pod template's restart annotation", "resourceVersion 88 412", StepState::Done, Some(240), 1, 10);
    patch.output = vec!["14:08:01.214 PATCH deployments/aia-backend-simple 200 in 18 ms".into(), "14:08:01.240 revision 42".into()];
    let mut wait = run_step(
        "Wait until every pod is of the new revision and ready",
        "3 of 5 pods replaced",
        StepState::Running,
        Some(34_200),
        70,
        600,
    );
    wait.progress = Some((3, 5));
    wait.output = vec![
        "14:08:09.020 aia-backend-simple-7d9f4c-x2kqp ready".into(),
        "14:08:18.733 aia-backend-simple-7d9f4c-b7wqn ready".into(),
        "14:08:29.002 aia-backend-simple-7d9f4c-<script>alert(1)</script> ready".into(),
    ];
    RunView {
        id: 1482,
        title: "Restart aia-backend-simple".into(),
        runbook: "restart-workload".into(),
        target: id(BACKEND),
        state: RunState::Running,
        sentence: "Step 2 of 3: 3 of 5 pods replaced. Nothing needs you now.".into(),
        steps: vec![patch, wait, run_step("Verify that it stays ready", "5 readings in a row", StepState::Waiting, None, 10, 60)],
        asked_by: "nora".into(),
        reason: "memory grows since noon, OPS-2214".into(),
        asked: moment(34),
        elapsed_ms: 34_440,
        executor: Some(("quarterdeck-1".into(), 1_000)),
        plan: "k3v9".into(),
        fingerprint: "7f3a 91c2".into(),
        audit: Some((184_291, 184_294)),
        undo: Some(Undo {
            text: "Roll back to revision 41.".into(),
            runbook: Some(("undo-rollout".into(), vec![("revision".into(), "41".into())])),
        }),
        may_cancel: true,
        earlier: vec![run_row(1371, RunState::Succeeded, "5 of 5 pods are ready on revision 41.", 172_800)],
    }
}

pub fn run_failed() -> RunView {
    let mut run = run();
    run.state = RunState::Failed;
    run.sentence =
        "It failed: pod aia-backend-simple-7d9f4c-x2kqp does not start (CrashLoopBackOff). 4 pods of revision 41 still serve.".into();
    run.steps[1] = run_step(
        "Wait until every pod is of the new revision and ready",
        "1 of 5 pods replaced, no progress for 10 min",
        StepState::Failed,
        Some(600_000),
        70,
        600,
    );
    run.steps[1].output = vec!["14:18:02.120 ProgressDeadlineExceeded".into()];
    run.steps[2].state = StepState::Skipped;
    run.elapsed_ms = 601_000;
    run.may_cancel = false;
    run
}

pub fn run_unknown() -> RunView {
    let mut run = run();
    run.state = RunState::Unknown;
    run.sentence = "The API server stopped answering after the patch was sent. Looking again every 2 s; the target stays locked.".into();
    run.steps[0].state = StepState::Unknown;
    run.steps[0].detail = "sent at 14:08:01, no answer".into();
    run.steps[1] = run_step("Wait until every pod is of the new revision and ready", "", StepState::Waiting, None, 70, 600);
    run
}

fn run_row(id_: i64, state: RunState, sentence: &str, ago: u64) -> RunRow {
    RunRow {
        id: id_,
        title: "Restart aia-backend-simple".into(),
        target: id(BACKEND),
        state,
        sentence: sentence.into(),
        asked_by: "nora".into(),
        asked: moment(ago),
        elapsed_ms: 71_000,
    }
}

pub fn refusal() -> Refusal {
    Refusal {
        code: Code::StoreUnavailable,
        what: "Actions are refused: the audit cannot be written".into(),
        not_done: "Your restart of aia-backend-simple was not started and nothing was changed. Reading goes on.".into(),
        next: "The console's own database does not answer since 14:07:02 UTC. Bring it back, then press the button again.".into(),
    }
}
