//! Why the store gave no answer.

/// Why the store gave no answer. Its `Display` names no address and no password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is down, frozen, or out of connections. What was asked for may or may not have been done.
    #[error("the console's store does not answer")]
    Unavailable,
    /// Another change of the same thing is under way, or two of them crossed. Nothing was done.
    #[error("another change of the same thing is under way; try again")]
    Busy,
    /// The run was claimed by another executor, or has ended: this one must stop.
    #[error("run {0} is no longer ours: another replica has taken it over, or it has ended")]
    FenceMoved(i64),
    /// A row holds what this version cannot read.
    #[error("the store holds what this version cannot read: {0}")]
    Unreadable(String),
    /// PostgreSQL refused.
    #[error("the console's store refused: {0}")]
    Refused(#[source] sqlx::Error),
}

impl StoreError {
    /// The name of the constraint that was violated, if one was.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Refused(sqlx::Error::Database(err)) => err.constraint(),
            Self::Unavailable | Self::Busy | Self::FenceMoved(_) | Self::Unreadable(_) | Self::Refused(_) => None,
        }
    }

    pub(super) fn unreadable(what: &str, value: impl std::fmt::Display) -> Self {
        Self::Unreadable(format!("{what} `{value}`"))
    }
}

/// SQLSTATEs by which a server says that it cannot serve at all: connection trouble (08), no room for a connection (53), shutting down,
/// starting up, or our own `statement_timeout` (57), and a read-only standby where the leader should be (25006).
fn is_away(code: &str) -> bool {
    code.starts_with("08") || code.starts_with("53") || code.starts_with("57") || code == "25006"
}

/// SQLSTATEs of contention: serialisation failure, deadlock, and our own `lock_timeout`.
fn is_contention(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03")
}

impl From<sqlx::Error> for StoreError {
    fn from(err: sqlx::Error) -> Self {
        match &err {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unavailable
            }
            sqlx::Error::Database(database) if database.code().is_some_and(|code| is_away(&code)) => Self::Unavailable,
            sqlx::Error::Database(database) if database.code().is_some_and(|code| is_contention(&code)) => Self::Busy,
            _ => Self::Refused(err),
        }
    }
}
