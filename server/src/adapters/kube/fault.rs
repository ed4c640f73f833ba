//! What went wrong with a request, in words for people.

use std::error::Error as _;

use kube::Error;

use super::text::clip;

/// A sentence without the client's type names: what the server said, or that it did not answer and how.
pub(super) fn words(err: &Error) -> String {
    match err {
        Error::Api(status) => {
            let message = clip(&status.message, 200);
            match status.code {
                401 => "it does not accept our credential (401)".into(),
                403 => format!("it forbids us that (403): {message}"),
                0 => message,
                code if message.is_empty() => format!("it answered {code}"),
                code => format!("it answered {code}: {message}"),
            }
        }
        Error::SerdeError(err) => format!("its answer cannot be read: {}", clip(&err.to_string(), 120)),
        other => connection_words(other),
    }
}

/// The innermost cause says most: "connection refused", "certificate has expired".
fn connection_words(err: &Error) -> String {
    let mut innermost = err.to_string();
    let mut source = err.source();
    while let Some(err) = source {
        innermost = err.to_string();
        source = err.source();
    }
    let lower = innermost.to_ascii_lowercase();
    if lower.contains("connection refused") {
        "it refuses connections".into()
    } else if lower.contains("timed out") || lower.contains("deadline") {
        "it does not accept the connection in time".into()
    } else {
        format!("the connection failed: {}", clip(&innermost, 160))
    }
}

/// The HTTP status of an answer; none when there was no answer.
pub(super) const fn code(err: &Error) -> Option<u16> {
    match err {
        Error::Api(status) => Some(status.code),
        _ => None,
    }
}
