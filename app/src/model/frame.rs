//! What frames every page.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Kind, Place, Role, Seen, Spot, Topic, places};

/// Everything around a page's own content.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The environment, as the estate file names it ("production").
    pub environment: String,
    /// Whose estate it is ("AIA").
    pub estate: String,
    /// Who is signed in; nobody on the sign-in page.
    pub me: Option<Me>,
    /// The theme that this person chose.
    pub theme: Theme,
    /// The runs that are under way now, for the top strip.
    pub running: Running,
    /// The oldest-arriving source still in time, for "live, 1 s"; none before the first reading.
    pub data: Option<Seen>,
    /// The place in the rail that is lit.
    pub place: Place,
    /// Whether single letters are keys in this browser.
    pub keys: bool,
    /// The kinds of system that this estate has: places for others are not there.
    pub kinds: Vec<Kind>,
    /// What stands in `<title>` before the environment.
    pub title: String,
    /// The live view that this page follows, and the sequence number that it was drawn from.
    pub live: Option<(Topic, u64)>,
    /// Where the browser's files are; none when the binary was built without them.
    pub assets: Assets,
    /// The nonce of this response's script tag.
    pub nonce: String,
    /// The id to quote when something failed.
    pub request_id: String,
    /// The console's version.
    pub version: &'static str,
    /// A sentence about the console itself, such as "The store does not answer: actions are refused"; drawn above every page.
    pub notice: Option<String>,
}

impl Frame {
    /// The places that are there for whoever is signed in.
    pub fn places(&self) -> impl Iterator<Item = &'static Spot> + '_ {
        self.me.iter().flat_map(|me| places(me.role, &self.kinds))
    }
}

/// Paths of the browser's files, with content hashes in their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assets {
    /// The style sheet.
    pub css: String,
    /// The module that loads the WebAssembly; empty when the binary was built without it.
    pub loader: String,
}

/// The person who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Me {
    /// The account's name.
    pub name: String,
    /// Its role.
    pub role: Role,
}

/// The runs that are under way, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Newest first.
    pub runs: Vec<RunningRun>,
    /// Since when that has not been known, while the store does not say.
    pub lost: Option<DateTime<Utc>>,
}

impl From<Vec<RunningRun>> for Running {
    fn from(runs: Vec<RunningRun>) -> Self {
        Self { runs, lost: None }
    }
}

/// One run in the top strip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningRun {
    /// The run's number.
    pub id: i64,
    /// What it does ("Restart aia-backend-simple").
    pub title: String,
    /// How long it has been running, in milliseconds.
    pub elapsed_ms: u64,
}

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The word in the cookie, the form and `data-theme`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}
