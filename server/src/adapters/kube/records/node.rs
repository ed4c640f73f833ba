//! A node.

use super::{
    super::{
        names::{Name, Names},
        table::Record,
        text::clip,
        wire,
    },
    Amounts,
};

/// What is kept of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Whether its kubelet says that it is ready.
    pub ready: bool,
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// Why it is not ready ("Kubelet stopped posting node status.").
    pub reason: Option<Box<str>>,
    /// What it runs short of: "memory", "disk", "process ids".
    pub pressure: Vec<&'static str>,
    /// Whether new pods are kept away (cordoned).
    pub cordoned: bool,
    /// What pods may use of it.
    pub allocatable: Amounts,
    /// What they use, where metrics-server says.
    pub used: Option<Amounts>,
    /// Its name.
    pub name: Name,
}

impl Record for Node {}

impl Node {
    /// From the API's form.
    pub(in super::super) fn from_wire(node: wire::Node, names: &mut Names, old: Option<&Self>) -> Self {
        let ready = wire::condition(&node.status.conditions, "Ready");
        let is_ready = ready.is_some_and(|condition| condition.status == "True");
        let says = |condition: &wire::Condition| {
            let text = condition.message.as_deref().filter(|message| !message.is_empty()).or(condition.reason.as_deref());
            text.map(|text| clip(text, 200).into_boxed_str())
        };
        let pressure = [("MemoryPressure", "memory"), ("DiskPressure", "disk"), ("PIDPressure", "process ids")]
            .into_iter()
            .filter(|(kind, _)| wire::condition(&node.status.conditions, kind).is_some_and(|condition| condition.status == "True"))
            .map(|(_, word)| word)
            .collect();
        Self {
            ready: is_ready,
            since: wire::seconds(ready.and_then(|condition| condition.last_transition_time)),
            reason: ready.filter(|_| !is_ready).and_then(says),
            pressure,
            cordoned: node.spec.unschedulable,
            allocatable: Amounts::from_wire(&node.status.allocatable),
            used: old.and_then(|old| old.used),
            name: names.intern(&node.metadata.name),
        }
    }
}
