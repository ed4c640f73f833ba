//! What a response knows about its request: who asks, in which theme, under which id.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use app::model::{Code, Refusal, Role, Theme};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::header,
    middleware::Next,
    response::Response,
};

use tower_sessions::Session;

use crate::{
    console::{Asked, Console, Instead},
    headers::{Nonce, RequestId},
    identity::{Caller, Screen},
    router::{WALL, WALL_LINK},
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

    /// Who asks, where only an administrator may: what is done behind the door asks again.
    pub fn admin(&self, console: &Console) -> Result<&Caller, Instead> {
        let caller = self.me(console)?;
        if caller.role == Role::Admin {
            return Ok(caller);
        }
        Err(Instead(Box::new(console.refuse(
            self,
            &Refusal {
                code: Code::Forbidden,
                what: format!("Your role, {}, may not keep accounts and screens.", caller.role.word()),
                not_done: "Nothing was changed.".into(),
                next: "Ask an administrator.".into(),
            },
        ))))
    }

    /// From where the request came.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

/// The theme's cookie. It says nothing about anybody, so scripts may read it.
pub const THEME_COOKIE: &str = "theme";
/// The cookie of whoever switched single-letter keys off. It says nothing about anybody either.
pub const KEYS_COOKIE: &str = "keys";

/// Finds out who asks, once for each request.
pub async fn ask(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let text = |value: Option<String>| value.unwrap_or_default();
    let cookies: Vec<String> =
        request.headers().get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
    let cookie = |wanted: &str| {
        let mut pairs = cookies.iter().flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == wanted).map(|(_, word)| word)
    };
    let theme = cookie(THEME_COOKIE)
        .and_then(|word| [Theme::Light, Theme::Dark].into_iter().find(|theme| theme.word() == word))
        .unwrap_or_default();
    let session = request.extensions().get::<Session>().cloned();
    let caller = console.identity.caller(session.as_ref()).await;
    let path = request.uri().path();
    let screen = match &caller {
        Some(_) if path != WALL => Screen::None,
        // Files are anybody's; a link is looked at by itself.
        _ if path.starts_with("/pkg/") || path.starts_with(WALL_LINK) => Screen::None,
        _ => console.identity.screen(request.headers()).await,
    };
    let address = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| console.identity.address(peer.ip(), request.headers()));
    let asked = Asked {
        caller,
        screen,
        address,
        theme,
        keys_off: cookie(KEYS_COOKIE) == Some("off"),
        nonce: text(request.extensions().get::<Nonce>().map(|nonce| nonce.0.clone())),
        request_id: text(request.extensions().get::<RequestId>().map(|id| id.0.clone())),
    };
    request.extensions_mut().insert(asked);
    next.run(request).await
}
