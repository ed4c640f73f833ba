//! The recent course of a figure: what a sparkline draws.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

/// One point stands for this long; the last value read within it counts.
const STEP: Duration = Duration::from_secs(30);
/// An hour of points.
const POINTS: usize = 120;

/// The last hour of one figure in at most 120 points.
pub(super) struct Course {
    began: Instant,
    /// The step that the last point stands for.
    step: u64,
    points: VecDeque<Option<f64>>,
}

impl Course {
    /// An empty course that counts its steps from `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, step: 0, points: VecDeque::from([None]) }
    }

    /// Records what was read at `at`; nothing read leaves a gap, unless something else was read within the same step.
    pub(super) fn record(&mut self, at: Instant, value: Option<f64>) {
        let step = at.saturating_duration_since(self.began).as_secs() / STEP.as_secs();
        let missed = step.saturating_sub(self.step).min(POINTS as u64);
        for _ in 0..missed {
            self.points.push_back(None);
            if self.points.len() > POINTS {
                self.points.pop_front();
            }
        }
        self.step = self.step.max(step);
        if let (Some(value), Some(last)) = (value.filter(|value| value.is_finite()), self.points.back_mut()) {
            *last = Some(value);
        }
    }

    /// The points, oldest first; a gap where nothing was read.
    pub(super) fn points(&self) -> Arc<[Option<f64>]> {
        self.points.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_each_half_minute_counts_and_silence_is_a_gap() {
        let t0 = Instant::now();
        let mut course = Course::new(t0);
        for (second, value) in [(0, Some(1.0)), (29, Some(2.0)), (29, None), (31, Some(f64::NAN)), (95, Some(4.0))] {
            course.record(t0 + Duration::from_secs(second), value);
        }
        assert_eq!(*course.points(), [Some(2.0), None, None, Some(4.0)]);
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let t0 = Instant::now();
        let mut course = Course::new(t0);
        for minute in 0..600 {
            course.record(t0 + Duration::from_secs(minute * 60), Some(minute as f64));
        }
        assert_eq!(course.points().len(), POINTS);
        course.record(t0 + Duration::from_secs(1_000_000), Some(7.0));
        assert_eq!(course.points().iter().flatten().count(), 1, "a day of silence leaves nothing of before");
    }
}
