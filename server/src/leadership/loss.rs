//! What may be lost when the lead goes to a member that cannot ask the old leader for the rest.

use app::model::Value;

use crate::adapters::database::DatabaseLook;

/// A bound of what may be lost: what the console cannot rule out.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// Bytes of log; none where nobody can say.
    pub bytes: Option<u64>,
    /// The commits of how many seconds; none where nobody can say.
    pub seconds: Option<f64>,
    /// How that was found, in a sentence.
    pub how: String,
}

impl Loss {
    /// What `candidate` may lack.
    #[must_use]
    pub fn of(look: &DatabaseLook, candidate: &str) -> Self {
        let unknown = |how: &str| Self { bytes: None, seconds: None, how: how.to_owned() };
        let member = look.member(candidate);
        let Some(received) = member.and_then(|member| member.replica()).and_then(|replica| replica.received.max(replica.replayed)) else {
            return unknown("the candidate does not say how far it is");
        };
        let whole = look.known.whole.get(candidate).copied();
        if let Some((leader, (_, written))) = look.leader().and_then(|leader| Some((leader, leader.primary()?))) {
            let bytes = written.saturating_sub(received);
            let seconds = if bytes == 0 { Some(0.0) } else { whole.map(|whole| look.at.since(whole).as_secs_f64()) };
            return Self { bytes: Some(bytes), seconds, how: format!("{} answers, so its position is known", leader.name) };
        }
        let Some(last) = &look.known.leader else {
            return unknown("the console has not seen a leader since it was started");
        };
        let gone = last.gone.unwrap_or(look.at);
        let lacking = last.written.saturating_sub(received);
        // What it wrote after it was last seen nobody measured; by its own pace it is this much.
        let unseen = last.rate.map_or(0.0, |rate| rate * gone.since(last.seen).as_secs_f64());
        let seconds = whole.map(|whole| gone.since(whole).as_secs_f64());
        let how = format!(
            "{} was last seen to write at {}, {} before it was missed; it wrote about {}/s then",
            last.name,
            last.seen.wall.format("%H:%M:%S UTC"),
            Value::Duration(gone.since(last.seen).as_secs_f64()).text(),
            last.rate.map_or_else(|| "an unknown number of bytes".to_owned(), |rate| Value::Bytes(rate as u64).text()),
        );
        Self { bytes: Some(lacking.saturating_add(unseen as u64)), seconds, how }
    }

    /// The bound in a sentence without its end: "at most 16 kB, the commits of 2.1 s".
    #[must_use]
    pub fn words(&self) -> String {
        match (self.bytes, self.seconds) {
            (Some(0), Some(0.0)) => "nothing, as far as is known".into(),
            (Some(bytes), Some(seconds)) => {
                format!("at most about {}, the commits of {}", Value::Bytes(bytes).text(), Value::Duration(seconds).text())
            }
            (Some(bytes), None) => format!("about {}, over a time that is not known", Value::Bytes(bytes).text()),
            (None, Some(seconds)) => format!("the commits of {}", Value::Duration(seconds).text()),
            (None, None) => format!("not known: {}", self.how),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        adapters::{Failure, database::LastLeader},
        clock::Stamp,
        leadership::samples,
    };

    #[test]
    fn a_leader_that_answers_leaves_no_doubt() {
        let loss = Loss::of(&samples::pair(), "pg2");
        assert_eq!((loss.bytes, loss.seconds), (Some(0), Some(0.0)));
        let mut look = samples::pair();
        samples::replica(&mut look, "pg2").received = Some(samples::WRITTEN - 1_000);
        samples::replica(&mut look, "pg2").replayed = Some(samples::WRITTEN - 2_000);
        let loss = Loss::of(&look, "pg2");
        assert_eq!((loss.bytes, loss.seconds), (Some(1_000), None), "it was never seen to have everything");
    }

    #[test]
    fn a_dead_leader_bounds_it_by_when_it_was_last_seen() {
        let mut look = samples::pair();
        samples::kill(&mut look, "pg1", Failure::Refused);
        assert_eq!(Loss::of(&look, "pg2").bytes, None, "never seen alive");
        let back = |seconds: u64| Stamp {
            mono: look.at.mono.checked_sub(Duration::from_secs(seconds)).unwrap(),
            wall: look.at.wall - chrono::TimeDelta::seconds(seconds.try_into().unwrap()),
        };
        let last = LastLeader {
            name: "pg1".into(),
            timeline: 7,
            written: samples::WRITTEN + 5_000,
            seen: back(12),
            gone: Some(back(10)),
            rate: Some(100.0),
        };
        let whole = back(13);
        look.known.leader = Some(last);
        look.known.whole.insert("pg2".into(), whole);
        let loss = Loss::of(&look, "pg2");
        assert_eq!((loss.bytes, loss.seconds), (Some(5_200), Some(3.0)), "{}", loss.how);
        assert!(loss.words().contains("5.2 kB, the commits of 3 s"), "{}", loss.words());
    }
}
