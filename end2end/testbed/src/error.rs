//! What can go wrong with a test bed, each told with its remedy.

use std::{io, path::PathBuf, time::Duration};

/// A fault of the test bed itself, in words for the person who started it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that a part needs is nowhere on this machine.
    #[error("{program} is not installed; on Debian or Ubuntu: apt-get install {package}")]
    NotInstalled {
        /// The program's name.
        program: String,
        /// The Debian package that brings it.
        package: String,
    },
    /// Another program listens where a part of this bed would.
    #[error("port {port} ({purpose}) is taken by another program; free it or choose another base with --base")]
    PortTaken {
        /// The port on 127.0.0.1.
        port: u16,
        /// Which part of the bed wanted it.
        purpose: String,
    },
    /// A base from which not every port can be derived.
    #[error("base {base} is out of range: use {min} to {max}, below the range that systems hand out by themselves")]
    BaseOutOfRange {
        /// The base that was given.
        base: u16,
        /// Lowest base.
        min: u16,
        /// Highest base.
        max: u16,
    },
    /// A part did not become ready, or did not reach a state, in time.
    #[error("{what} did not happen within {} s; last answer: {last}; logs: {}", .within.as_secs_f32(), .logs.display())]
    TooLate {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
        /// What the last look said.
        last: String,
        /// Where to read on.
        logs: PathBuf,
    },
    /// A process ended although it should have stayed.
    #[error("{name} ended by itself; its last words in {}: {tail}", .log.display())]
    Ended {
        /// The process's name in the bed.
        name: String,
        /// Its log file.
        log: PathBuf,
        /// The end of that log.
        tail: String,
    },
    /// A file, folder or process could not be worked with.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done, with the path.
        doing: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A part of the bed answered, but not as it should.
    #[error("{part}: {reason}")]
    Part {
        /// Which part.
        part: &'static str,
        /// What it said.
        reason: String,
    },
    /// A command asks for something that does not exist or cannot be now.
    #[error("{0}")]
    Refused(String),
}

/// Result of the test bed's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names what was being done when the system refused.
pub trait Doing<T> {
    /// Turns an I/O error into [`Error::Io`] with these words: "cannot {doing}: ...".
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Io { doing: doing(), source })
    }
}

/// Names the part of the bed that gave an error of its own kind.
pub trait Of<T> {
    /// Turns any displayable error into [`Error::Part`].
    fn of(self, part: &'static str) -> Result<T>;
}

impl<T, E: std::fmt::Display> Of<T> for std::result::Result<T, E> {
    fn of(self, part: &'static str) -> Result<T> {
        self.map_err(|error| Error::Part { part, reason: error.to_string() })
    }
}
