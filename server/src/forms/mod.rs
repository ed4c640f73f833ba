//! POST handlers of the plain forms: 303 on success, the page again with every typed value on refusal.

mod account;
mod audit;
mod runs;
mod screens;
mod settings;

use std::collections::BTreeMap;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use futures::StreamExt;

pub use account::{keys, set_up, sign_in, sign_out, theme};
pub use audit::{export, verify};
pub use runs::{cancel, plan, run};
pub use screens::{pair_screen, revoke_screen};
pub use settings::{
    change_role, create_account, disable_account, enable_account, end_session, end_sessions, password, password_by_link, reset_password,
};

use crate::console::{Asked, Console};

/// The fields of a form, by name. A name that comes twice keeps its last value, as a browser's own form would send one.
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    fn take(&mut self, name: &str) -> String {
        self.0.remove(name).unwrap_or_default()
    }

    fn rest(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// The field that tells a second press from the first; nobody typed it.
pub(crate) const REQUEST_KEY: &str = "request_key";

/// The largest form: a reason of a thousand characters, percent-encoded, and room.
const LARGEST: usize = 64 * 1024;
/// More than [`LARGEST`] is read and forgotten up to here: a browser shows no answer that comes before it has sent its form.
const READ: usize = 4 * 1024 * 1024;

/// The form's bytes; `None` when it is too large, or ends too early.
async fn read(body: Body) -> Option<Vec<u8>> {
    let mut form = Vec::new();
    let mut length = 0_usize;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.ok()?;
        length = length.saturating_add(chunk.len());
        if length > READ {
            return None;
        }
        if length <= LARGEST {
            form.extend_from_slice(&chunk);
        }
    }
    (length <= LARGEST).then_some(form)
}

/// What somebody typed into a form that is refused unread, to be shown to them once more; nothing where it cannot be read.
pub(crate) async fn typed(request: Request) -> Vec<(String, String)> {
    let (parts, body) = request.into_parts();
    let Some(form) = read(body).await else { return Vec::new() };
    let request = Request::from_parts(parts, Body::from(form));
    axum::Form::<Vec<(String, String)>>::from_request(request, &()).await.map(|axum::Form(fields)| fields).unwrap_or_default()
}

impl FromRequest<Console> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Response> {
        let asked = request.extensions().get::<Asked>().cloned().unwrap_or_default();
        let (parts, body) = request.into_parts();
        let Some(form) = read(body).await else {
            let mut response = console.bad(&asked, format!("The form is larger than {} KiB, or did not arrive whole.", LARGEST / 1024));
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(response);
        };
        let request = Request::from_parts(parts, Body::from(form));
        match axum::Form::<Vec<(String, String)>>::from_request(request, console).await {
            Ok(axum::Form(fields)) => Ok(Self(fields.into_iter().collect())),
            Err(err) => Err(console.bad(&asked, format!("The form could not be read: {}", err.body_text()))),
        }
    }
}

/// Sends the browser on with GET.
fn see(address: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
}
