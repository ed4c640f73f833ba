//! What several probes judge alike. Pure.

use std::time::Duration;

use app::model::{Health, Value};

use super::{ProbeCtx, ProbeError};
use crate::{
    adapters::Failure,
    config::{HostPort, Limit},
};

/// Judges a value that should stay small.
pub(super) fn below<T: PartialOrd>(value: &T, limit: &Limit<T>) -> Health {
    if *value >= limit.down {
        Health::Down
    } else if *value >= limit.degraded {
        Health::Degraded
    } else {
        Health::Ok
    }
}

/// Judges a value that should stay large.
pub(super) fn above<T: PartialOrd>(value: &T, limit: &Limit<T>) -> Health {
    if *value < limit.down {
        Health::Down
    } else if *value < limit.degraded {
        Health::Degraded
    } else {
        Health::Ok
    }
}

/// A length of time as people say it ("40 ms", "9 d").
pub(super) fn words(duration: Duration) -> String {
    Value::Duration(duration.as_secs_f64()).text()
}

/// A size as people say it.
pub(super) fn size(bytes: u64) -> String {
    Value::Bytes(bytes).text()
}

/// `a`, `a and b`, `a, b and c`; at most four, then a count.
pub(super) fn list<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= 4 => format!("{} and {last}", first.join(", ")),
        many => format!("{}, {}, {} and {} more", many[0], many[1], many[2], many.len() - 3),
    }
}

/// What Patroni calls a database's member where it is known, else its address.
pub(super) fn member_name(ctx: &ProbeCtx, database: &str, at: &HostPort) -> String {
    ctx.adapters.patroni.get(database).and_then(|patroni| patroni.name_of(at)).unwrap_or_else(|| at.to_string())
}

/// The answers of those that answered; an error when none did, telling what the first one said.
pub(super) fn answered<T>(answers: Vec<(String, Result<T, Failure>)>) -> Result<Vec<(String, T)>, ProbeError> {
    let mut good = Vec::new();
    let mut first = None;
    for (name, answer) in answers {
        match answer {
            Ok(answer) => good.push((name, answer)),
            Err(failure) => {
                first.get_or_insert_with(|| format!("{name} {failure}"));
            }
        }
    }
    match first {
        Some(why) if good.is_empty() => Err(ProbeError(why)),
        _ => Ok(good),
    }
}

/// The system stands in no section of the estate file that this probe could read its address from.
pub(super) fn not_configured() -> ProbeError {
    ProbeError("the estate file has no entry of this name".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_from_its_own_value_on() {
        let limit = Limit { degraded: 10, down: 20 };
        assert_eq!([9, 10, 19, 20].map(|value| below(&value, &limit)), [Health::Ok, Health::Degraded, Health::Degraded, Health::Down]);
        let left = Limit { degraded: 21, down: 3 };
        assert_eq!([21, 20, 3, 2].map(|value| above(&value, &left)), [Health::Ok, Health::Degraded, Health::Degraded, Health::Down]);
    }

    #[test]
    fn a_list_reads_as_a_sentence() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
