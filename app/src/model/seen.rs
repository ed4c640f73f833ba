//! When something was last read, and until when that is good.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The age of what a screen shows. The browser never compares clocks: it takes `age_ms` as it was when this was written and adds its own monotonic time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Which source this came from: the number that heartbeats name (`data-seen`).
    pub source: u32,
    /// When it was read, by the server's clock.
    pub at: DateTime<Utc>,
    /// How old it was when this was written, in milliseconds of monotonic time.
    pub age_ms: u64,
    /// After how many milliseconds it must be drawn as stale.
    pub deadline_ms: u64,
}

impl Seen {
    /// Whether it is past its deadline.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        self.age_ms > self.deadline_ms
    }

    /// How long it stays good, in milliseconds; zero once it is stale.
    #[must_use]
    pub const fn left_ms(&self) -> u64 {
        self.deadline_ms.saturating_sub(self.age_ms)
    }

    /// The age as a person says it: `8 s`, `3 min`.
    #[must_use]
    pub fn age(&self) -> String {
        age_words(self.age_ms)
    }
}

/// A length of time in the words that ages use: whole seconds, then minutes, hours, days.
#[must_use]
pub fn age_words(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A length of time in the words that clocks use: `0.2 s`, `48 s`, `1 min 40 s`, `2 h 5 min`. Steps and runs are timed with it.
#[must_use]
pub fn clock_words(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, ms % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A moment with its age, for "since" and for lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The moment.
    pub at: DateTime<Utc>,
    /// How long ago that was when this was written, in milliseconds.
    pub ago_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_counts_whole_units() {
        for (ms, age, clock) in [
            (0, "0 s", "0.0 s"),
            (8_240, "8 s", "8.2 s"),
            (119_999, "119 s", "1 min 59 s"),
            (120_000, "2 min", "2 min 0 s"),
            (7_200_000, "2 h", "2 h 0 min"),
            (432_000_000, "5 d", "5 d 0 h"),
        ] {
            assert_eq!((age_words(ms), clock_words(ms)), (age.to_owned(), clock.to_owned()));
        }
    }
}
