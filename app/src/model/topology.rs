//! Who leads and who follows, as databases and caches are drawn.

use super::Health;

/// A leader and what follows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// The one that takes writes; none while none does.
    pub leader: Option<TopologyNode>,
    /// The others, each with the stream that leads to it.
    pub others: Vec<(TopologyStream, TopologyNode)>,
}

/// One server.
#[derive(Clone, Debug, PartialEq)]
pub struct TopologyNode {
    /// "10.4.1.21:6379, master".
    pub name: String,
    /// How well.
    pub health: Health,
    /// In a word or two: "takes writes", "link up", "refuses connections".
    pub state: String,
    /// Smaller lines: "Redis 7.0.15, up 41 d".
    pub notes: Vec<String>,
}

/// The stream from the leader.
#[derive(Clone, Debug, PartialEq)]
pub struct TopologyStream {
    /// Whether it flows.
    pub flows: bool,
    /// Above the line: "asynchronous".
    pub kind: String,
    /// Under it: "212 B behind".
    pub behind: String,
}
