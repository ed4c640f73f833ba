//! How often something may happen: at once after a pause, a few times in quick succession, and for long no oftener than its rate.

use std::time::Duration;

use tokio::time::Instant;

/// Keeps a burst, a rate and a least distance (the generic cell rate algorithm, ITU-T I.371, beside a gap).
///
/// What is told of a change at its first sign is seen without delay; a storm of changes is told of at the rate.
#[derive(Clone, Debug)]
pub struct Pace {
    gap: Duration,
    every: Duration,
    tolerance: Duration,
    last: Option<Instant>,
    /// When the burst would be whole again.
    whole_at: Option<Instant>,
}

impl Pace {
    /// `burst` times in a row, each at least `gap` after the one before; then once in `every`.
    #[must_use]
    pub fn new(gap: Duration, burst: u32, every: Duration) -> Self {
        Self { gap, every, tolerance: every * burst.saturating_sub(1), last: None, whole_at: None }
    }

    /// From when on it may happen again; none when it may at once, whenever that is.
    #[must_use]
    pub fn ready_at(&self) -> Option<Instant> {
        let after_gap = self.last? + self.gap;
        // A burst that is longer than the machine has been up is whole.
        let in_burst = self.whole_at.and_then(|whole| whole.checked_sub(self.tolerance));
        Some(in_burst.map_or(after_gap, |in_burst| in_burst.max(after_gap)))
    }

    /// Notes that it happened.
    pub fn happened(&mut self, at: Instant) {
        self.last = Some(at);
        self.whole_at = Some(self.whole_at.map_or(at, |whole| whole.max(at)) + self.every);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_a_storm_by_the_rate() {
        let (gap, every) = (Duration::from_millis(10), Duration::from_millis(250));
        let mut pace = Pace::new(gap, 4, every);
        let began = Instant::now();
        let mut times = Vec::new();
        for _ in 0..6 {
            if let Some(ready) = pace.ready_at() {
                tokio::time::sleep_until(ready).await;
            }
            pace.happened(Instant::now());
            times.push(began.elapsed().as_millis());
        }
        assert_eq!(times, [0, 10, 20, 30, 250, 500]);
        tokio::time::sleep(every * 4).await;
        assert!(pace.ready_at().is_some_and(|ready| ready <= Instant::now()), "a pause makes the burst whole");
    }
}
