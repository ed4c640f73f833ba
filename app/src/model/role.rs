//! What a person may do.

use serde::{Deserialize, Serialize};

/// The role that an account holds. Viewer < responder < operator < admin; auditor stands beside: it reads the audit and runs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads health.
    Viewer,
    /// Reads health and the audit; runs nothing.
    Auditor,
    /// Runs runbooks that need a responder.
    Responder,
    /// Runs runbooks that need an operator.
    Operator,
    /// Runs every enabled runbook and keeps the accounts.
    Admin,
}

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Auditor, Self::Responder, Self::Operator, Self::Admin];

    /// The word used in the estate file, the store and the pages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Responder => "responder",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Reads a word written by [`Role::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether this role may do what needs `needed`.
    #[must_use]
    pub fn reaches(self, needed: Self) -> bool {
        match needed {
            Self::Auditor => matches!(self, Self::Auditor | Self::Admin),
            _ => self.rank() >= needed.rank(),
        }
    }

    /// Whether this role may read the audit: whoever may act sees what was done, and so does the auditor.
    #[must_use]
    pub const fn reads_audit(self) -> bool {
        !matches!(self, Self::Viewer)
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Viewer | Self::Auditor => 0,
            Self::Responder => 1,
            Self::Operator => 2,
            Self::Admin => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn an_auditor_reaches_nothing_that_acts() {
        assert!(!Role::Auditor.reaches(Role::Responder));
        assert!(Role::Auditor.reaches(Role::Viewer));
        assert!(Role::Admin.reaches(Role::Operator));
        assert!(!Role::Responder.reaches(Role::Operator));
        assert!(!Role::Operator.reaches(Role::Auditor));
    }
}
