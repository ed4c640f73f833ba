//! Quantities as people write them: `10s`, `75%`, `256MB`. MB is 10^6 bytes, MiB is 2^20.

use std::time::Duration;

/// Splits `21d` into its number and its unit.
fn split(text: &str) -> Option<(f64, &str)> {
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let number: f64 = text[..at].parse().ok()?;
    Some((number, text[at..].trim_start()))
}

/// A length of time: `500ms`, `10s`, `5m` or `5min`, `26h`, `21d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * seconds).ok().filter(|length| !length.is_zero())
}

/// A share: `75%` is 0.75. From 0 to 100 %.
pub(super) fn percent(text: &str) -> Option<f64> {
    let (number, unit) = split(text)?;
    (unit == "%" && number <= 100.0).then_some(number / 100.0)
}

/// A number of bytes: `64MiB`, `256MB`, `1kB`, `512B`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let size = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = number * size;
    // Whole numbers up to 2^53 are exact in a float; no limit needs more.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within 1 and 2^53")]
    (1.0..=9_007_199_254_740_992.0).contains(&bytes).then_some(bytes as u64)
}

/// A plain number.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_with_their_units() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("21d"), Some(Duration::from_secs(21 * 86_400)));
        assert_eq!(duration("1.5h"), Some(Duration::from_secs(5_400)));
        assert_eq!(percent("75%"), Some(0.75));
        assert_eq!(bytes("256MB"), Some(256_000_000));
        assert_eq!(bytes("64 MiB"), Some(67_108_864));
    }

    #[test]
    fn what_has_no_unit_or_no_sense_is_refused() {
        for text in ["10", "s", "", "-1s", "1e3s", "10 parsecs", "0s", "1..2s", "999999999999999999999d"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["0.75", "175%", "%", "-1%"] {
            assert_eq!(percent(text), None, "{text}");
        }
        for text in ["256", "1Mb", "0B", "99999999TB", "1K"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
