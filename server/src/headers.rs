//! What every response tells the browser about itself.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use crate::router::REQUEST_ID;

/// The nonce of one response, for its one script tag.
#[derive(Clone, Debug)]
pub struct Nonce(pub String);

/// The id of one request, to quote.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// 128 random bits, in the alphabet of addresses.
fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Gives each request an id and a nonce, and each response its policy.
pub async fn tell(mut request: Request, next: Next) -> Response {
    let (nonce, id) = (random(), random());
    request.extensions_mut().insert(Nonce(nonce.clone()));
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    // No inline script or style anywhere; WebAssembly needs its own word. Forms go nowhere else, and nobody frames us.
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

const FIXED: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];
