//! The one clock: wall time for people, monotonic time for ages.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

/// A moment by both clocks. Ages are differences of `mono`; `wall` is only shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// What a person reads.
    pub wall: DateTime<Utc>,
    /// What ages are counted by.
    pub mono: Instant,
}

impl Stamp {
    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.mono.saturating_duration_since(earlier.mono)
    }
}

/// Tells the time. Tests give one that stands still.
pub trait Clock: std::fmt::Debug + Send + Sync + 'static {
    /// Now, by both clocks.
    fn now(&self) -> Stamp;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        Stamp { wall: Utc::now(), mono: Instant::now() }
    }
}

/// The clock as it is handed around.
pub type SharedClock = Arc<dyn Clock>;
