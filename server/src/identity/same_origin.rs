//! A change that carries a session must say where it came from.
//!
//! tower-http's CSRF layer judges the origin that a browser names. It lets pass what names none, since that is no browser; but a request
//! with a session's cookie *is* from a browser, or pretends to be.

use axum::{
    extract::Request,
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Cookie;

/// Refuses a request that could change something, carries a session cookie, and has neither `Origin` nor `Sec-Fetch-Site`.
pub async fn same_origin(request: Request, next: Next) -> Response {
    if unsourced(&request) {
        let words = "This request carries a session but does not say from which page it comes. Nothing was changed. Use the console's own pages, \
                     in a browser that sends Origin or Sec-Fetch-Site.\n";
        return (StatusCode::FORBIDDEN, words).into_response();
    }
    next.run(request).await
}

fn unsourced(request: &Request) -> bool {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let sourced = request.headers().contains_key(header::ORIGIN) || request.headers().contains_key("sec-fetch-site");
    !safe && !sourced && carries_session(request)
}

fn carries_session(request: &Request) -> bool {
    request
        .headers()
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| pair.split(|byte| *byte == b'=').next())
        .any(|name| Cookie::NAMES.iter().any(|known| name.trim_ascii() == known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn judged(method: &str, headers: &[(&str, &str)]) -> bool {
        let request =
            headers.iter().fold(axum::http::Request::builder().method(method), |request, (name, value)| request.header(*name, *value));
        unsourced(&request.body(Body::empty()).unwrap_or_default())
    }

    #[test]
    fn a_session_without_an_origin_changes_nothing() {
        let session = ("cookie", "theme=dark; __Host-quarterdeck=abc");
        assert!(judged("POST", &[session]));
        assert!(judged("DELETE", &[("cookie", "quarterdeck=abc")]));
        assert!(!judged("POST", &[session, ("origin", "https://ops.example.org")]));
        assert!(!judged("POST", &[session, ("sec-fetch-site", "same-origin")]));
        assert!(!judged("GET", &[session]));
        assert!(!judged("POST", &[("cookie", "quarterdeck2=abc")]), "no session: nothing to borrow");
    }
}
