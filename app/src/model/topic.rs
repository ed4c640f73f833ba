//! What a screen can follow.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::SystemId;

/// One live view. Each has a snapshot with a sequence number; a reader that lags gets what changed since its number, never a gap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Topic {
    /// What the top strip says, for pages that follow nothing else.
    Strip,
    /// The overview.
    Overview,
    /// The wall: the overview for a screen that is read from five metres.
    Wall,
    /// The page of the edge.
    Edge,
    /// One system's page.
    System(SystemId),
    /// One run's page.
    Run(i64),
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strip => f.write_str("strip"),
            Self::Overview => f.write_str("overview"),
            Self::Wall => f.write_str("wall"),
            Self::Edge => f.write_str("edge"),
            Self::System(id) => write!(f, "system:{id}"),
            Self::Run(run) => write!(f, "run:{run}"),
        }
    }
}

impl FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "strip" => Ok(Self::Strip),
            None if text == "overview" => Ok(Self::Overview),
            None if text == "wall" => Ok(Self::Wall),
            None if text == "edge" => Ok(Self::Edge),
            Some(("system", id)) => id.parse().map(Self::System).map_err(|err: super::NotASystem| err.to_string()),
            Some(("run", run)) => run.parse().map(Self::Run).map_err(|_| format!("`{run}` is no run number")),
            _ => Err(format!("`{text}` is no topic: strip, overview, wall, edge, system:KIND/NAME or run:NUMBER")),
        }
    }
}

impl TryFrom<String> for Topic {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        topic.to_string()
    }
}
