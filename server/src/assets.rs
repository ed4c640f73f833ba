//! What browsers load besides pages: embedded at compile time, served under names that carry a hash of the content.
//!
//! A name never changes its content, so a browser may keep it for a year without asking again, and each upgrade asks
//! for new names. Everything was compressed at build time; a request only chooses among three byte strings.

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY,
};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;

/// One embedded file.
struct Embedded {
    /// Its name without the hash: `quarterdeck.css`.
    name: &'static str,
    /// Its name with the hash: unique for this content, so it is the entity tag too.
    file: &'static str,
    url: &'static str,
    identity: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

static EMBEDDED: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The command that fills in what is missing when [`url`] knows nothing.
pub const BUILT_BY: &str = "cargo xtask build";

/// Where a browser finds the file of this name, without hash: `quarterdeck.js`, `quarterdeck.css`, `quarterdeck.wasm`, or one
/// of `style/static`. `None` when this server was compiled without a site.
pub fn url(name: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|file| file.name == name).map(|file| file.url)
}

/// `GET /pkg/{file}`.
pub async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response<Body> {
    match EMBEDDED.iter().find(|embedded| embedded.file == file) {
        Some(embedded) => answer(embedded, &headers),
        None if EMBEDDED.is_empty() => {
            (StatusCode::NOT_FOUND, format!("this server was compiled without its browser half; `{BUILT_BY}` adds it\n")).into_response()
        }
        // A page from before an upgrade asks for a name of before: it must not be kept as missing.
        None => (StatusCode::NOT_FOUND, [(CACHE_CONTROL, "no-store")], "no such file\n").into_response(),
    }
}

fn answer(file: &'static Embedded, headers: &HeaderMap) -> Response<Body> {
    let (encoding, bytes) = match preferred(headers) {
        Encoding::Brotli => (Some("br"), file.brotli),
        Encoding::Gzip => (Some("gzip"), file.gzip),
        Encoding::Identity => (None, file.identity),
    };
    // The forms are different byte strings, so each has a tag of its own.
    let tag = format!("\"{}{}\"", file.file, encoding.map(|name| format!("-{name}")).unwrap_or_default());
    let known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().trim_start_matches("W/") == tag || value.trim() == "*");

    let mut response = Response::new(if known { Body::empty() } else { Body::from(bytes) });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let out = response.headers_mut();
    out.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    out.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(ETAG, tag);
    }
    if !known {
        out.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(file.file)));
        if let Some(encoding) = encoding {
            out.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    response
}

#[derive(Debug, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

/// Brotli before gzip before nothing, of what the request accepts (RFC 9110, 12.5.3: a weight of zero refuses).
fn preferred(headers: &HeaderMap) -> Encoding {
    let accepts = |wanted: &str| {
        headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            let refused = parts
                .filter_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
                .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight == 0.0));
            named && !refused
        })
    };
    if accepts("br") {
        Encoding::Brotli
    } else if accepts("gzip") {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// By extension; a browser compiles a module while it arrives only if the type is exactly this.
fn content_type(file: &str) -> &'static str {
    match file.rsplit_once('.').map(|(_, extension)| extension) {
        Some("wasm") => "application/wasm",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json" | "webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SHEET: Embedded = Embedded {
        name: "quarterdeck.css",
        file: "quarterdeck.0011.css",
        url: "/pkg/quarterdeck.0011.css",
        identity: b"plain",
        brotli: b"br",
        gzip: b"gz",
    };

    fn headers(pairs: &[(axum::http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_smallest_accepted_form_is_chosen() {
        let chosen = |accept: &'static str| preferred(&headers(&[(ACCEPT_ENCODING, accept)]));
        assert_eq!(chosen("gzip, deflate, br"), Encoding::Brotli);
        assert_eq!(chosen("gzip, br;q=0"), Encoding::Gzip);
        assert_eq!(chosen("GZIP;q=0.5"), Encoding::Gzip);
        assert_eq!(chosen("deflate"), Encoding::Identity);
        assert_eq!(chosen("bro"), Encoding::Identity);
        assert_eq!(preferred(&HeaderMap::new()), Encoding::Identity);
    }

    #[tokio::test]
    async fn an_answer_may_be_kept_for_ever_and_says_what_it_is() {
        let response = answer(&SHEET, &headers(&[(ACCEPT_ENCODING, "br")]));
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/css; charset=utf-8");
        assert_eq!(response.headers()[CONTENT_ENCODING], "br");
        assert_eq!(response.headers()[VARY], "accept-encoding");
        assert!(response.headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(&body[..], b"br");
    }

    #[tokio::test]
    async fn a_browser_that_has_it_gets_304_for_the_same_form_only() {
        let tag = answer(&SHEET, &headers(&[(ACCEPT_ENCODING, "br")])).headers()[ETAG].clone();
        let again = |accept: &'static str| {
            let mut request = headers(&[(ACCEPT_ENCODING, accept)]);
            request.insert(IF_NONE_MATCH, tag.clone());
            answer(&SHEET, &request).status()
        };
        assert_eq!(again("br"), StatusCode::NOT_MODIFIED);
        assert_eq!(again("gzip"), StatusCode::OK);
    }

    #[tokio::test]
    async fn an_unknown_name_is_not_found() {
        let response = serve(Path("quarterdeck.old.css".to_owned()), HeaderMap::new()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
