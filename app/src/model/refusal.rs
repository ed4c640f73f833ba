//! What went wrong, by what the reader can do next.

/// A page that could not be given. Causes stay in the server's log; the reader gets what happened, what was not done, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A stable code, shared by pages, forms and audit.
    pub code: Code,
    /// What happened, in a sentence.
    pub what: String,
    /// What was not done ("Nothing was started.").
    pub not_done: String,
    /// What to do next.
    pub next: String,
}

/// The taxonomy of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Sign in first.
    SignedOut,
    /// The role does not reach.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// What was sent cannot be read.
    BadRequest,
    /// A rule of the estate or a precondition forbids it.
    Refused,
    /// It has run already, or something else holds it.
    Conflict,
    /// It has expired.
    Gone,
    /// Too many tries.
    TooMany,
    /// The console's own store does not answer.
    StoreUnavailable,
    /// A watched system does not answer.
    Unreachable,
    /// The fault is ours.
    Internal,
}

impl Code {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::BadRequest => "bad_request",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::TooMany => "too_many_tries",
            Self::StoreUnavailable => "store_unavailable",
            Self::Unreachable => "unreachable",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::SignedOut => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::BadRequest => 400,
            Self::Refused => 422,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::TooMany => 429,
            Self::StoreUnavailable => 503,
            Self::Unreachable => 502,
            Self::Internal => 500,
        }
    }
}
