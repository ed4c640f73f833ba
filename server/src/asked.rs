//! What a response knows about its request: who asks, in which theme, under which id.

use app::model::{Code, Refusal, Theme};
use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::Response,
};

use tower_sessions::Session;

use crate::{
    console::{Asked, Console, Instead},
    headers::{Nonce, RequestId},
    identity::Caller,
};

impl Asked {
    /// Who asks, behind a door that lets only the signed-in pass.
    pub fn me(&self, console: &Console) -> Result<&Caller, Instead> {
        self.caller.as_ref().ok_or_else(|| {
            Instead(Box::new(console.refuse(
                self,
                &Refusal {
                    code: Code::SignedOut,
                    what: "You are not signed in.".into(),
                    not_done: "Nothing was changed.".into(),
                    next: "Sign in and try again.".into(),
                },
            )))
        })
    }
}

/// The theme's cookie. It says nothing about anybody, so scripts may read it.
pub const THEME_COOKIE: &str = "theme";

/// Finds out who asks, once for each request.
pub async fn ask(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let text = |value: Option<String>| value.unwrap_or_default();
    let cookies: Vec<String> =
        request.headers().get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
    let theme = cookies
        .iter()
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == THEME_COOKIE)
        .and_then(|(_, word)| [Theme::Light, Theme::Dark].into_iter().find(|theme| theme.word() == word))
        .unwrap_or_default();
    let session = request.extensions().get::<Session>().cloned();
    let asked = Asked {
        caller: console.identity.caller(session.as_ref()).await,
        theme,
        nonce: text(request.extensions().get::<Nonce>().map(|nonce| nonce.0.clone())),
        request_id: text(request.extensions().get::<RequestId>().map(|id| id.0.clone())),
    };
    request.extensions_mut().insert(asked);
    next.run(request).await
}
