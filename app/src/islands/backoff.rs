//! How long to wait before the stream is opened again: for ever, slower, never all screens at once.

/// The first wait, in milliseconds.
const FIRST_MS: f64 = 500.0;
/// The longest: a console that comes back is seen within half a minute.
const LONGEST_MS: f64 = 15_000.0;

/// Counts the tries since the stream last said something.
#[derive(Debug, Default)]
pub struct Backoff {
    tries: i32,
}

impl Backoff {
    /// The stream said something.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// The next wait in milliseconds; `chance` between 0 and 1 spreads it over its upper half.
    pub fn next(&mut self, chance: f64) -> i32 {
        let whole = (FIRST_MS * 2_f64.powi(self.tries)).min(LONGEST_MS);
        self.tries = (self.tries + 1).min(16);
        (whole / 2.0 + whole / 2.0 * chance) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..7).map(|_| backoff.next(1.0)).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
        assert!((0..1_000).all(|_| backoff.next(0.0) == 7_500));
        backoff.reset();
        assert_eq!(backoff.next(0.0), 250);
    }
}
