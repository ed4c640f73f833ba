//! An event.

use super::super::{
    names::{Name, Names},
    table::Record,
    text::clip,
    wire,
};

/// What is kept of an event. Kubernetes itself folds repeats of one event into its count.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The kind of object that it is about.
    pub kind: Name,
    /// The object's name.
    pub object: Name,
    /// "FailedScheduling".
    pub reason: Name,
    /// What it says, at most 300 characters.
    pub message: Box<str>,
    /// Whether Kubernetes calls it a warning.
    pub warning: bool,
    /// How often.
    pub count: u32,
    /// The last time, in seconds since 1970.
    pub last: i64,
}

impl Record for Event {}

impl Event {
    /// From the API's form.
    pub(in super::super) fn from_wire(event: wire::Event, names: &mut Names) -> Self {
        let series = event.series.unwrap_or_default();
        let last =
            [series.last_observed_time, event.last_timestamp, event.event_time, event.first_timestamp, event.metadata.creation_timestamp];
        Self {
            kind: names.intern(&clip(&event.involved_object.kind, 63)),
            object: names.intern(&clip(&event.involved_object.name, 253)),
            reason: names.intern(&clip(&event.reason, 80)),
            message: clip(&event.message, 300).into(),
            warning: event.kind == "Warning",
            count: event.count.max(series.count).max(1),
            last: wire::seconds(last.into_iter().flatten().max()),
        }
    }
}
