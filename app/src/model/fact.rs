//! Figures with their units.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A measured value. The type carries the unit, so that every screen writes it the same way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A length of time in seconds.
    Duration(f64),
    /// A size in bytes; written in powers of ten (1 MB = 10^6 bytes).
    Bytes(u64),
    /// A share of one; written in percent.
    Ratio(f64),
    /// A number of things; the word says of what ("connected", "pods").
    Count(i64, String),
    /// So many of so many ("4/5 ready").
    Of(u64, u64, String),
    /// Events a second; the word says of what ("tx/s").
    Rate(f64, String),
    /// A moment.
    Instant(DateTime<Utc>),
    /// Words.
    Text(String),
}

impl Value {
    /// The figure and its unit, apart, as a screen sets them: `("84", "ms")`.
    #[must_use]
    pub fn figure(&self) -> (String, String) {
        match self {
            Self::Duration(seconds) => duration(*seconds),
            Self::Bytes(bytes) => scaled(*bytes as f64, &[("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)]),
            Self::Ratio(ratio) => (number(ratio * 100.0), "%".into()),
            Self::Count(count, word) => (grouped(*count), word.clone()),
            Self::Of(some, all, word) => (format!("{some}/{all}"), word.clone()),
            Self::Rate(rate, word) => (number(*rate), word.clone()),
            Self::Instant(at) => (at.format("%H:%M:%S").to_string(), "UTC".into()),
            Self::Text(text) => (text.clone(), String::new()),
        }
    }

    /// Figure and unit in one text: `84 ms`.
    #[must_use]
    pub fn text(&self) -> String {
        let (figure, unit) = self.figure();
        if unit.is_empty() { figure } else { format!("{figure} {unit}") }
    }

    /// The number that a sparkline draws, where there is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Duration(value) | Self::Ratio(value) | Self::Rate(value, _) => Some(*value),
            Self::Bytes(bytes) => Some(*bytes as f64),
            Self::Count(count, _) => Some(*count as f64),
            Self::Of(some, _, _) => Some(*some as f64),
            Self::Instant(_) | Self::Text(_) => None,
        }
    }
}

fn scaled(value: f64, units: &[(&str, f64)]) -> (String, String) {
    let (unit, size) = units.iter().rev().find(|(_, size)| value.abs() >= *size).unwrap_or(&units[0]);
    (number(value / size), (*unit).into())
}

fn duration(seconds: f64) -> (String, String) {
    if seconds < 0.000_5 {
        return ("0".into(), "ms".into());
    }
    if seconds < 1.0 {
        return (number(seconds * 1e3), "ms".into());
    }
    // Two minutes read better than 120 s, 119 s better than 1.98 min: a unit starts at twice its size.
    scaled_from(seconds, &[("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)])
}

fn scaled_from(value: f64, units: &[(&str, f64)]) -> (String, String) {
    let (unit, size) = units.iter().rev().find(|(_, size)| value >= 2.0 * *size).unwrap_or(&units[0]);
    (number(value / size), (*unit).into())
}

/// Three significant figures at most: 1 240, 84, 8.4, 0.84.
fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 {
        grouped(value.round() as i64)
    } else if size >= 10.0 || value.fract() == 0.0 {
        trimmed(format!("{value:.1}"))
    } else {
        trimmed(format!("{value:.2}"))
    }
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Groups of three, parted by a no-break space.
fn grouped(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if count < 0 {
        out.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{a0}');
        }
        out.push(digit);
    }
    out
}

/// One named figure of a reading, with the limit that it is judged by where there is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is, in words ("replay lag").
    pub name: String,
    /// How much.
    pub value: Value,
    /// Where it starts to be degraded.
    pub limit: Option<Value>,
}

impl Fact {
    /// A fact without a limit.
    #[must_use]
    pub fn new(name: impl Into<String>, value: Value) -> Self {
        Self { name: name.into(), value, limit: None }
    }

    /// The same fact, judged by `limit`.
    #[must_use]
    pub fn limit(mut self, limit: Value) -> Self {
        self.limit = Some(limit);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_carry_their_unit() {
        for (value, text) in [
            (Value::Duration(0.084), "84 ms"),
            (Value::Duration(119.0), "119 s"),
            (Value::Duration(180.0), "3 min"),
            (Value::Duration(9.0 * 86_400.0), "9 d"),
            (Value::Bytes(16_000), "16 kB"),
            (Value::Bytes(181_400_000), "181 MB"),
            (Value::Ratio(0.972), "97.2 %"),
            (Value::Count(1_240, "tx".into()), "1\u{a0}240 tx"),
            (Value::Of(4, 5, "ready".into()), "4/5 ready"),
            (Value::Rate(0.02, "req/s".into()), "0.02 req/s"),
        ] {
            assert_eq!(value.text(), text);
        }
    }
}
