//! Why an object store did not do what it was asked, in words that follow its name.

use std::{error::Error, time::Duration};

use object_store::client::{HttpError, HttpErrorKind};

use crate::adapters::{Failure, one_line};

/// Why it was not done. `Display` follows the store's name: "the object store main has no space left". No secrets, no addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// There is no such object, or no such upload.
    #[error("has nothing of that name")]
    Missing,
    /// Its disks or the bucket's quota are full.
    #[error("has no space left ({0})")]
    Full(String),
    /// It does not take the key, or the key may not do this.
    #[error("does not let the console in: {0}")]
    Denied(String),
    /// It answered and does not do it.
    #[error("refuses: {0}")]
    Refused(String),
    /// It gave no answer.
    #[error(transparent)]
    Unanswered(#[from] Failure),
}

impl StoreFault {
    /// Whether the request may have been carried out all the same.
    #[must_use]
    pub const fn may_have_been_done(&self) -> bool {
        matches!(self, Self::Unanswered(Failure::Silent(_) | Failure::HungUp | Failure::Garbled(_)))
    }

    /// What a person does about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "look into the bucket for who removed it",
            Self::Full(_) => "make room in the store",
            Self::Denied(_) => "check the store's credentials in the estate file, and what the key may do in the bucket",
            Self::Refused(_) => "look into the store's own log",
            Self::Unanswered(_) => "see that the store runs and can be reached from the console",
        }
    }
}

/// What an error of the library means; `wait` is how long it was waited for.
pub(super) fn fault(error: &object_store::Error, wait: Duration) -> StoreFault {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut met = None;
    while let Some(inner) = cause {
        if let Some(http) = inner.downcast_ref::<HttpError>() {
            met = Some(http.kind());
        }
        if met.is_some()
            && let Some(io) = inner.downcast_ref::<std::io::Error>()
        {
            return StoreFault::Unanswered(match io.kind() {
                std::io::ErrorKind::TimedOut => Failure::Silent(wait),
                _ => Failure::from_io(io),
            });
        }
        cause = inner.source();
    }
    match met {
        Some(HttpErrorKind::Timeout) => return StoreFault::Unanswered(Failure::Silent(wait)),
        Some(HttpErrorKind::Connect) => return StoreFault::Unanswered(Failure::Unreachable("no connection comes about".into())),
        Some(_) => return StoreFault::Unanswered(Failure::HungUp),
        None => {}
    }
    let text = error.to_string();
    match error {
        object_store::Error::NotFound { .. } => StoreFault::Missing,
        object_store::Error::PermissionDenied { .. } => of_answer(403, &text),
        object_store::Error::Unauthenticated { .. } => of_answer(401, &text),
        _ => of_answer(status(&text).unwrap_or(0), &text),
    }
}

/// What an answer's status and body mean.
pub(super) fn of_answer(status: u16, body: &str) -> StoreFault {
    let code = element(body, "Code").unwrap_or_default();
    let message = element(body, "Message").unwrap_or_default();
    let says = match (code, message) {
        ("", "") if status == 0 => "its answer is not understood".to_owned(),
        ("", "") => format!("status {status}"),
        (code, "") => one_line(code),
        ("", message) => one_line(message),
        (code, message) => one_line(&format!("{code}: {message}")),
    };
    match (status, code) {
        (507, _) | (_, "XMinioStorageFull" | "QuotaExceeded" | "InsufficientCapacity" | "XAmzQuotaExceeded") => StoreFault::Full(says),
        (404, "NoSuchBucket") => StoreFault::Refused(says),
        (404, _) => StoreFault::Missing,
        (401 | 403, _) => StoreFault::Denied(says),
        _ => StoreFault::Refused(says),
    }
}

/// The status in the library's words.
fn status(text: &str) -> Option<u16> {
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

/// The text of the first element of that name, in an answer of a few lines.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = body.split_once(&format!("<{name}>"))?;
    after.split_once(&format!("</{name}>")).map(|(text, _)| text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_from_its_status_and_its_code() {
        let full = "<Error><Code>XMinioStorageFull</Code><Message>Storage backend has\nno room.</Message></Error>";
        assert_eq!(of_answer(507, full), StoreFault::Full("XMinioStorageFull: Storage backend has no room.".into()));
        assert_eq!(of_answer(403, "<Code>SignatureDoesNotMatch</Code>"), StoreFault::Denied("SignatureDoesNotMatch".into()));
        assert_eq!(of_answer(404, "<Code>NoSuchKey</Code>"), StoreFault::Missing);
        assert!(matches!(of_answer(404, "<Code>NoSuchBucket</Code>"), StoreFault::Refused(_)));
        assert_eq!(of_answer(418, ""), StoreFault::Refused("status 418".into()));
        assert_eq!(of_answer(0, "<html>"), StoreFault::Refused("its answer is not understood".into()));
    }

    #[test]
    fn the_library_s_words_give_their_status() {
        assert_eq!(status("… - Server returned non-2xx status code: 507 Insufficient Storage: <?xml"), Some(507));
        assert_eq!(status("no such words"), None);
    }

    #[test]
    fn only_a_lost_answer_leaves_it_open() {
        assert!(StoreFault::Unanswered(Failure::Silent(Duration::from_secs(3))).may_have_been_done());
        assert!(!StoreFault::Unanswered(Failure::Refused).may_have_been_done());
        assert!(!StoreFault::Full("x".into()).may_have_been_done());
    }
}
