//! How what an event tells of came out, as one word. The store has the same rule as a function (`audit_outcome`), so that it can be looked for.

use super::Sealed;

/// How it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Done,
    /// It did not work.
    Failed,
    /// A rule forbade it.
    Refused,
    /// The role did not reach.
    Denied,
    /// It was stopped.
    Stopped,
    /// It cannot be told.
    Unknown,
}

impl Outcome {
    /// Every outcome, in the order in which the filter offers them.
    pub const ALL: [Self; 6] = [Self::Done, Self::Failed, Self::Refused, Self::Denied, Self::Stopped, Self::Unknown];

    /// The word in the address, the export, and `audit_outcome`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }

    /// Of an event's kind and its canonical detail. Texts in the detail cannot look like a key: their quotes are escaped.
    #[must_use]
    pub fn of(kind: &str, detail: &str) -> Self {
        let says = |text: &str| detail.contains(text);
        match kind {
            "permission_denied" => Self::Denied,
            "refused" => Self::Refused,
            "sign_in_failed" => Self::Failed,
            "unknown" => Self::Unknown,
            "verified" if says(r#""intact":false"#) => Self::Failed,
            "ended" | "step" if says(r#""state":"failed""#) => Self::Failed,
            "ended" | "step" if says(r#""state":"unknown""#) => Self::Unknown,
            "ended" if says(r#""state":"refused""#) => Self::Refused,
            "ended" if says(r#""state":"cancelled""#) => Self::Stopped,
            _ => Self::Done,
        }
    }
}

impl Sealed {
    /// How what it tells of came out.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome::of(&self.kind, &self.detail)
    }
}

#[cfg(test)]
mod tests {
    use app::model::{RunState, StepState};

    use super::*;
    use crate::audit::Event;

    fn of(event: &Event) -> Outcome {
        Outcome::of(event.kind(), &event.detail())
    }

    #[test]
    fn an_ending_is_told_by_its_state_and_not_by_its_words() {
        let ended = |state, sentence: &str| Event::Ended { state, sentence: sentence.to_owned(), took_ms: 1 };
        assert_eq!(of(&ended(RunState::Succeeded, r#"","state":"failed""#)), Outcome::Done);
        assert_eq!(of(&ended(RunState::SucceededElsewhere, "")), Outcome::Done);
        assert_eq!(of(&ended(RunState::Failed, "")), Outcome::Failed);
        assert_eq!(of(&ended(RunState::Refused, "")), Outcome::Refused);
        assert_eq!(of(&ended(RunState::Cancelled, "")), Outcome::Stopped);
        let step = |state| Event::Step { no: 0, title: String::new(), state, detail: String::new() };
        assert_eq!(of(&step(StepState::Unknown)), Outcome::Unknown);
        assert_eq!(of(&step(StepState::Done)), Outcome::Done);
        assert_eq!(of(&Event::SignedOut {}), Outcome::Done);
    }
}
