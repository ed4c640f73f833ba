//! How well something is.

use serde::{Deserialize, Serialize};

/// How well a system is, as its probe judged it. Ordered from best to worst, so that `max` is the worst;
/// *unknown* stands above *ok* and below *degraded*, since it is never drawn as healthy and never as broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Within every limit.
    Ok,
    /// We could not tell: nothing was read, or we may not look.
    Unknown,
    /// It serves, but a limit is passed.
    Degraded,
    /// It does not serve.
    Down,
}

impl Health {
    /// The word that stands beside the shape, and the value of `data-health`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }

    /// Reads a word written by [`Health::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ok, Self::Unknown, Self::Degraded, Self::Down].into_iter().find(|health| health.word() == word)
    }
}
