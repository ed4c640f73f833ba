//! Changes of health on their way to the store.

use std::collections::VecDeque;

use app::model::{Health, SystemId};
use chrono::{DateTime, Utc};
use tokio::sync::mpsc::{self, error::TrySendError};

/// A probe found a system in another state than before.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthChange {
    /// The probe's id.
    pub probe: &'static str,
    /// Which system.
    pub system: SystemId,
    /// Before; *unknown* when it was never read.
    pub from: Health,
    /// After.
    pub to: Health,
    /// What the probe said.
    pub summary: String,
    /// When it was read.
    pub at: DateTime<Utc>,
}

/// Sends changes without ever waiting. While the receiver lags, it keeps one change per instance, so memory stays bounded by what is watched.
pub(super) struct Changes {
    sender: mpsc::Sender<HealthChange>,
    waiting: VecDeque<HealthChange>,
}

impl Changes {
    pub(super) fn new(sender: mpsc::Sender<HealthChange>) -> Self {
        Self { sender, waiting: VecDeque::new() }
    }

    /// Sends `change`, or keeps it: merged with an older one of the same instance, that tells the whole way from the oldest state to the newest.
    pub(super) fn push(&mut self, mut change: HealthChange) {
        if self.waiting.is_empty() {
            match self.sender.try_send(change) {
                Ok(()) | Err(TrySendError::Closed(_)) => return,
                Err(TrySendError::Full(unsent)) => change = unsent,
            }
        }
        let older = self.waiting.iter().position(|old| old.probe == change.probe && old.system == change.system);
        if let Some(old) = older.and_then(|at| self.waiting.remove(at)) {
            change.from = old.from;
        }
        if change.from != change.to {
            self.waiting.push_back(change);
        }
    }

    /// Whether something waits for room.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Waits for room and sends the oldest. Safe to drop: what is not sent stays.
    pub(super) async fn send_oldest(&mut self) {
        match self.sender.reserve().await {
            Ok(room) => {
                if let Some(change) = self.waiting.pop_front() {
                    room.send(change);
                }
            }
            // Nobody takes changes any more.
            Err(_) => self.waiting.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, from: Health, to: Health) -> HealthChange {
        let system = SystemId::new(app::model::Kind::Cache, &[name]).unwrap();
        HealthChange { probe: "p", system, from, to, summary: String::new(), at: DateTime::UNIX_EPOCH }
    }

    #[tokio::test]
    async fn a_full_channel_keeps_the_newest_of_each_instance_and_loses_no_instance() {
        let (sender, mut taken) = mpsc::channel(1);
        let mut changes = Changes::new(sender);
        changes.push(change("a", Health::Unknown, Health::Ok));
        changes.push(change("b", Health::Unknown, Health::Ok));
        changes.push(change("b", Health::Ok, Health::Down));
        changes.push(change("c", Health::Ok, Health::Down));
        changes.push(change("c", Health::Down, Health::Ok));
        let mut seen = Vec::new();
        while let Ok(next) = taken.try_recv() {
            seen.push((next.system.name().to_owned(), next.from, next.to));
            if changes.is_waiting() {
                changes.send_oldest().await;
            }
        }
        // `c` went down and came back while nobody listened: for the store nothing has changed.
        assert_eq!(seen, [("a".to_owned(), Health::Unknown, Health::Ok), ("b".to_owned(), Health::Unknown, Health::Down)]);
    }
}
