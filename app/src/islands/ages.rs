//! How old things are, by the server's word plus monotonic time. Wall clocks are never compared.

/// A moment of the page's own clock, in milliseconds since the page began to load.
pub type Now = f64;

/// The page's clock: monotonic, and it also counts the time that a sleeping machine's monotonic clock leaves out.
///
/// The wall clock is used for one thing only: when it ran ahead of the monotonic one since the last look, the difference is added.
/// Somebody who sets the clock forward makes readings look older until the next heartbeat; nothing makes them look younger.
#[derive(Debug)]
pub struct Clock {
    ahead: f64,
    slept: f64,
}

/// Below this, the two clocks differ by rounding and slewing only.
const DRIFT_MS: f64 = 1_500.0;

impl Clock {
    /// A clock that starts at `monotonic` with the wall clock at `wall`.
    pub fn new(monotonic: f64, wall: f64) -> Self {
        Self { ahead: wall - monotonic, slept: 0.0 }
    }

    /// The moment at which the two clocks read so.
    pub fn now(&mut self, monotonic: f64, wall: f64) -> Now {
        let ahead = wall - monotonic;
        if ahead - self.ahead > DRIFT_MS {
            self.slept += ahead - self.ahead;
        }
        self.ahead = ahead;
        monotonic + self.slept
    }
}

/// What no heartbeat named for so long is forgotten: systems come and go, and a screen hangs for months.
const FORGET_MS: f64 = 3_600_000.0;

/// What the heartbeats said last about each source.
#[derive(Debug, Default)]
pub struct Ages {
    known: Vec<(u32, f64, Now)>,
}

impl Ages {
    /// A heartbeat said that `source` was read `age_ms` ago.
    pub fn heard(&mut self, source: u32, age_ms: f64, now: Now) {
        match self.known.iter_mut().find(|(known, ..)| *known == source) {
            Some(entry) => *entry = (source, age_ms, now),
            None => self.known.push((source, age_ms, now)),
        }
    }

    /// Forgets sources that are no longer named.
    pub fn tidy(&mut self, now: Now) {
        self.known.retain(|(_, _, at)| now - at < FORGET_MS);
    }

    /// How old `source` is now; none when no heartbeat named it.
    pub fn of(&self, source: u32, now: Now) -> Option<f64> {
        self.known.iter().find(|(known, ..)| *known == source).map(|(_, age, at)| age + (now - at))
    }

    /// How old the newest reading of any source is.
    pub fn newest(&self, now: Now) -> Option<f64> {
        self.known.iter().map(|(_, age, at)| age + (now - at)).reduce(f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_grows_with_the_page_s_own_clock() {
        let mut ages = Ages::default();
        ages.heard(1, 2_000.0, 10_000.0);
        ages.heard(2, 400.0, 10_000.0);
        assert_eq!(ages.of(1, 13_000.0), Some(5_000.0));
        assert_eq!(ages.newest(13_000.0), Some(3_400.0));
        assert_eq!(ages.of(3, 13_000.0), None);
    }

    #[test]
    fn what_is_said_of_no_row_counts_for_the_strip_alone() {
        let mut ages = Ages::default();
        ages.heard(u32::MAX, 1_000.0, 10_000.0);
        assert_eq!((ages.newest(12_000.0), ages.of(0, 12_000.0)), (Some(3_000.0), None));
    }

    #[test]
    fn sources_that_are_gone_are_forgotten() {
        let mut ages = Ages::default();
        (0..1_000).for_each(|source| ages.heard(source, 0.0, f64::from(source) * 10_000.0));
        ages.tidy(10_000_000.0);
        assert_eq!((ages.of(0, 10_000_000.0), ages.known.len()), (None, 359));
    }

    #[test]
    fn sleep_counts_though_the_monotonic_clock_stood_still() {
        let mut clock = Clock::new(0.0, 1_000_000.0);
        assert_eq!(clock.now(1_000.0, 1_001_000.0), 1_000.0);
        assert_eq!(clock.now(2_000.0, 1_602_000.0), 602_000.0);
    }

    #[test]
    fn a_wall_clock_set_back_makes_nothing_younger() {
        let mut clock = Clock::new(0.0, 1_000_000.0);
        assert_eq!(clock.now(2_000.0, 400_000.0), 2_000.0);
        assert_eq!(clock.now(3_000.0, 401_000.0), 3_000.0);
    }
}
