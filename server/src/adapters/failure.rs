//! Why an outside system gave no answer, in words that follow its name.

use std::{io, time::Duration};

/// Why there is no answer. `Display` is the second half of a sentence whose first is the system: "127.0.0.1:6379 refuses connections". No secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing listens there.
    #[error("refuses connections")]
    Refused,
    /// It took the connection or the request, and then nothing came.
    #[error("did not answer within {} s", .0.as_secs_f64())]
    Silent(Duration),
    /// It closed the connection instead of answering.
    #[error("closed the connection without an answer")]
    HungUp,
    /// It takes no more clients.
    #[error("has no free connection: {0}")]
    Full(String),
    /// It runs, and says itself that it does not serve yet.
    #[error("is not ready: {0}")]
    NotReady(String),
    /// Its certificate is not one that a client accepts.
    #[error("presents a certificate that {0}")]
    Untrusted(String),
    /// It does not accept the console's credential, or the credential may not look.
    #[error("does not let the console in: {0}")]
    Denied(String),
    /// No way leads there from here; says nothing about the system itself.
    #[error("cannot be reached from here: {0}")]
    Unreachable(String),
    /// It answered, and not what was asked.
    #[error("answered what the console does not understand: {0}")]
    Garbled(String),
}

impl Failure {
    /// Whether it says that the other side does not serve its clients, rather than that only the console could not look.
    #[must_use]
    pub const fn means_down(&self) -> bool {
        match self {
            Self::Refused | Self::Silent(_) | Self::HungUp | Self::Full(_) | Self::NotReady(_) | Self::Untrusted(_) => true,
            Self::Denied(_) | Self::Unreachable(_) | Self::Garbled(_) => false,
        }
    }

    /// What an input or output error means.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::HungUp,
            _ => Self::Unreachable(one_line(&error.to_string())),
        }
    }
}

/// The most that is shown of a text that an outside system chose.
const SHOWN: usize = 200;

/// A foreign text as it may be shown: one line, no control characters, at most 200 characters.
#[must_use]
pub fn one_line(text: &str) -> String {
    // Four times as much is looked at: enough after white space is dropped, and no megabyte is walked.
    let words = text.chars().take(4 * SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN { line } else { line.chars().take(SHOWN - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_is_shown_as_one_short_line() {
        assert_eq!(one_line("a\u{1b}[31m\n\tb\u{0}c  "), "a [31m b c");
        assert_eq!(one_line(&"x".repeat(1_000_000)).chars().count(), SHOWN);
    }

    #[test]
    fn only_what_clients_would_meet_too_means_down() {
        assert!(Failure::Silent(Duration::from_secs(2)).means_down());
        assert!(!Failure::Denied("wrong password".into()).means_down());
        assert_eq!(Failure::Silent(Duration::from_millis(2_500)).to_string(), "did not answer within 2.5 s");
    }
}
