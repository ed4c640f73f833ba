//! The screen on the wall, and the page by which it is paired.

use chrono::{DateTime, Utc};

use super::{Health, Path, Problem, Running, Seen};

/// Everything that a wall shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Wall {
    /// Whose estate it is ("AIA").
    pub estate: String,
    /// The environment ("production").
    pub environment: String,
    /// The worst that is wrong; ok when nothing is.
    pub health: Health,
    /// What is wrong, counted ("1 down, 2 degraded"); none when nothing is.
    pub tally: Option<String>,
    /// The time of day. Drawn to the minute where only content is compared, so that each minute corrects the browsers' own counting.
    pub clock: DateTime<Utc>,
    /// The request path.
    pub path: Path,
    /// The first problems, worst and newest first.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
    /// One tile for each layer.
    pub tiles: Vec<WallTile>,
    /// The runs that are under way.
    pub running: Running,
    /// The newest data; none before the first reading.
    pub data: Option<Seen>,
}

/// One layer in a glance.
#[derive(Clone, Debug, PartialEq)]
pub struct WallTile {
    /// The layer's name ("Databases").
    pub name: String,
    /// The worst in it.
    pub health: Health,
    /// How many of its probes are ok, and of how many.
    pub ok: (usize, usize),
    /// What is worst in it ("degraded: Replica lag"); empty when all is ok.
    pub note: String,
    /// Of its sources the one that is, or will be first, out of date: with it the whole tile is.
    pub seen: Option<Seen>,
}

/// What a screen shows until it is paired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairing {
    /// The code, in two groups; none when none could be given.
    pub code: Option<String>,
    /// How long it can be confirmed, in seconds.
    pub left_s: u64,
    /// The address at which an administrator confirms it.
    pub at: String,
    /// What else is to be said ("“Hall” was revoked at 14:03:22 UTC.").
    pub why: Option<String>,
}
