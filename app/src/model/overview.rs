//! The overview and the page of one system.

use super::{Fact, Filter, Health, Kind, Moment, Seen, SystemId, Value};

/// The whole overview, summed by the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// The one line under the title that says what is wrong.
    pub verdict: String,
    /// The request path.
    pub path: Path,
    /// What is wrong, worst and newest first.
    pub problems: Vec<Problem>,
    /// Tiles by layer.
    pub layers: Vec<Layer>,
}

/// The way a request takes through the estate.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The hops in order; the last may fan out.
    pub hops: Vec<Hop>,
    /// "Requests pass", or "Cut at PostgreSQL since 14:02:11".
    pub verdict: String,
    /// Figures beside the verdict (requests a second, p95, errors), from the metrics tiles.
    pub figures: Vec<PathFigure>,
}

/// One hop of the path: one or several systems side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// What the estate file calls it, capitalised ("Backend").
    pub name: String,
    /// Its systems; the worst of them is the hop's health.
    pub nodes: Vec<HopNode>,
}

/// One system on the path.
#[derive(Clone, Debug, PartialEq)]
pub struct HopNode {
    /// Which.
    pub system: SystemId,
    /// What people call it.
    pub title: String,
    /// The smaller line ("aia_production, pg1 leads").
    pub what: String,
    /// Its health.
    pub health: Health,
    /// The key figure.
    pub figure: Option<Value>,
    /// How it stands to the cut.
    pub relation: Relation,
    /// Its age.
    pub seen: Option<Seen>,
}

/// How a hop stands to the first broken one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Nothing that it depends on is down.
    Itself,
    /// It is the first broken hop, looking from the data outward: here the path is cut.
    Cut,
    /// It depends on what is cut: affected, whatever its own health.
    Affected,
}

/// A figure beside the path's verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct PathFigure {
    /// What it is ("p95").
    pub title: String,
    /// How much.
    pub value: Value,
    /// Its recent course.
    pub spark: Option<Spark>,
    /// Its age.
    pub seen: Seen,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Which system.
    pub system: SystemId,
    /// How bad.
    pub health: Health,
    /// What is wrong ("1 of 5 pods does not start").
    pub what: String,
    /// The likely cause in a sentence, where the probe knows one.
    pub cause: Option<String>,
    /// What it depends on is down: it is affected, not broken.
    pub affected_by: Option<SystemId>,
    /// Since when.
    pub since: Moment,
    /// The runbooks that help, and that this estate allows on it.
    pub runbooks: Vec<RunbookLink>,
    /// Its age.
    pub seen: Seen,
}

/// A button that opens a runbook with its target filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunbookLink {
    /// Verb and object ("Restart aia-backend-simple").
    pub title: String,
    /// Where it leads.
    pub href: String,
}

/// Tiles of one layer ("Databases").
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Its tiles.
    pub tiles: Vec<Tile>,
}

/// One small multiple: one probe of one system.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// Stable within the page, a valid HTML id.
    pub key: String,
    /// Which system.
    pub system: SystemId,
    /// What it shows ("Replica lag").
    pub title: String,
    /// How well.
    pub health: Health,
    /// The key figure; none before the first reading or when nothing could be read.
    pub figure: Option<Value>,
    /// The smaller line ("timeline 7, pg1 leads").
    pub note: String,
    /// Its recent course.
    pub spark: Option<Spark>,
    /// Its age.
    pub seen: Option<Seen>,
}

/// A sparkline's points, oldest first, and its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Spark {
    /// What it draws and over how long, for a screen reader ("p95, 60 min").
    pub label: String,
    /// The values; a gap where nothing was read.
    pub points: Vec<Option<f64>>,
    /// The dashed line.
    pub limit: Option<f64>,
}

/// One figure of the row of counts.
#[derive(Clone, Debug, PartialEq)]
pub struct CountCell {
    /// What it is.
    pub title: String,
    /// How much; none where it was not told.
    pub value: Option<Value>,
    /// The smaller line: its limit, what it is of.
    pub note: String,
    /// Its recent course.
    pub spark: Option<Spark>,
}

/// One system with everything its probes say: `/systems/KIND/NAME`.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemView {
    /// Which.
    pub system: SystemId,
    /// Its health: the worst of its probes'.
    pub health: Health,
    /// One line that says what is wrong, or that nothing is.
    pub verdict: String,
    /// Since when it has been so.
    pub since: Option<Moment>,
    /// Each probe's reading.
    pub readings: Vec<ReadingView>,
    /// The newest state changes first, at most fifty.
    pub changes: Vec<StateChange>,
    /// The runbooks that this estate allows on it.
    pub runbooks: Vec<RunbookLink>,
}

/// One probe's reading on a system's page.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadingView {
    /// The tile that the overview shows of it.
    pub tile: Tile,
    /// One sentence.
    pub summary: String,
    /// The likely cause.
    pub cause: Option<String>,
    /// Every figure.
    pub facts: Vec<Fact>,
}

/// One stored change of health.
#[derive(Clone, Debug, PartialEq)]
pub struct StateChange {
    /// When.
    pub at: Moment,
    /// Which probe's title.
    pub title: String,
    /// Before.
    pub from: Health,
    /// After.
    pub to: Health,
    /// What the probe said.
    pub summary: String,
}

/// All systems, by layer: `/systems`.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemList {
    /// What it is narrowed by, and its order.
    pub filter: Filter,
    /// How many are watched.
    pub all: usize,
    /// How many of all are not well, or out of date.
    pub unwell: usize,
    /// Kind, and its systems with health and their one line; all in one without a kind, where they are in another order.
    pub groups: Vec<(Option<Kind>, Vec<SystemRow>)>,
}

/// One row of the list of systems.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemRow {
    /// Which.
    pub system: SystemId,
    /// How well.
    pub health: Health,
    /// Its key figure.
    pub figure: Option<Value>,
    /// One line.
    pub summary: String,
    /// Since when.
    pub since: Option<Moment>,
    /// Its age.
    pub seen: Option<Seen>,
}

impl SystemRow {
    /// Its health; without a reading it is unknown, whatever its health says.
    #[must_use]
    pub const fn known(&self) -> Health {
        if self.seen.is_none() { Health::Unknown } else { self.health }
    }

    /// The order of a list: the worst first, then by id.
    #[must_use]
    pub fn worst_first(&self, other: &Self) -> std::cmp::Ordering {
        other.known().cmp(&self.known()).then_with(|| self.system.cmp(&other.system))
    }

    /// Whether somebody should look: it is not well, or nobody knows how it is now.
    #[must_use]
    pub fn is_unwell(&self) -> bool {
        self.known() > Health::Ok || self.seen.as_ref().is_some_and(Seen::is_stale)
    }
}
