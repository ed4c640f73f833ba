//! Signing in and out, the first administrator, and what a browser remembers: theme and keys.

use std::net::SocketAddr;

use app::model::{Place, SetUp, SignIn, Theme};
use axum::{
    Extension,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use tower_sessions::Session;

use super::{Fields, see};
use crate::{
    asked::{KEYS_COOKIE, THEME_COOKIE},
    config::Secret,
    console::{Asked, Console},
    identity::{self, PASSWORD_HINT, SetUpRefused},
};

/// So much of a typed name is shown again.
const NAME_SHOWN: usize = 200;

/// A typed text as a page shows it again.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(NAME_SHOWN).collect()
}

fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default()
}

/// `POST /sign-in`
pub async fn sign_in(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    session: Session,
    headers: HeaderMap,
    mut fields: Fields,
) -> Response {
    let (name, password, next) = (fields.take("name"), Secret::new(fields.take("password")), fields.take("next"));
    let address = console.identity.address(peer.ip(), &headers);
    match console.identity.sign_in(&session, address, agent(&headers), &name, password).await {
        Ok(_) => see(identity::inside(&next)),
        Err(refused) => {
            let page = SignIn { name: shown(&name), next: identity::inside(&next).to_owned(), refused: Some(refused.to_string()) };
            let status = StatusCode::from_u16(refused.code().status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            console.page(status, console.frame(&asked, Place::Outside, "Sign in"), &page)
        }
    }
}

/// `POST /sign-out`
pub async fn sign_out(State(console): State<Console>, Extension(asked): Extension<Asked>, session: Session) -> Response {
    if let Some(caller) = &asked.caller
        && let Err(refused) = console.identity.sign_out(&session, caller).await
    {
        let page = SignIn { name: caller.name.clone(), next: "/".to_owned(), refused: Some(format!("You are still signed in: {refused}")) };
        let status = StatusCode::from_u16(refused.code().status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        return console.page(status, console.frame(&asked, Place::Outside, "Sign out"), &page);
    }
    see("/sign-in")
}

/// `POST /set-up`
pub async fn set_up(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    session: Session,
    headers: HeaderMap,
    mut fields: Fields,
) -> Response {
    let (token, name, password) = (fields.take("token"), fields.take("name"), Secret::new(fields.take("password")));
    let address = console.identity.address(peer.ip(), &headers);
    let (status, faults) = match console.identity.set_up(&session, address, agent(&headers), &token, &name, password).await {
        Ok(_) => return see("/"),
        Err(SetUpRefused::Fields(faults)) => (422, faults),
        Err(SetUpRefused::LinkSpent) => {
            let text =
                "This link was used, is too old, or somebody has an account already. Start the console again for a new one, or sign in.";
            (410, vec![("token".to_owned(), text.to_owned())])
        }
        Err(SetUpRefused::NotSignedIn(refused)) => (refused.code().status(), vec![("token".to_owned(), refused.to_string())]),
    };
    let page = SetUp { token, name: shown(&name), faults, password_hint: PASSWORD_HINT.to_owned() };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    console.page(status, console.frame(&asked, Place::Outside, "Set up"), &page)
}

/// `POST /theme`: a cookie that says nothing about anybody.
pub async fn theme(headers: HeaderMap, mut fields: Fields) -> Response {
    let word = fields.take("theme");
    let theme = [Theme::Light, Theme::Dark].into_iter().find(|theme| theme.word() == word).unwrap_or_default();
    remembering(back(&headers), THEME_COOKIE, theme.word(), theme != Theme::System)
}

/// `POST /keys`: single-letter keys off, or on again, in this browser.
pub async fn keys(headers: HeaderMap, mut fields: Fields) -> Response {
    remembering(back(&headers), KEYS_COOKIE, "off", fields.take("keys") == "off")
}

/// Where the button was pressed: the browser says so for its own pages.
fn back(headers: &HeaderMap) -> String {
    let page = headers
        .get(header::REFERER)
        .and_then(|referer| referer.to_str().ok())
        .and_then(|referer| url::Url::parse(referer).ok())
        .filter(|referer| {
            headers.get(header::HOST).and_then(|host| host.to_str().ok())
                == Some(&referer[url::Position::BeforeHost..url::Position::AfterPort])
        })
        .map(|referer| referer[url::Position::BeforePath..url::Position::AfterQuery].to_owned());
    identity::inside(page.as_deref().unwrap_or("/")).to_owned()
}

/// Sends the browser back with a cookie for a year, or without it.
fn remembering(back: String, cookie: &str, word: &str, keep: bool) -> Response {
    let age = if keep { 31_536_000 } else { 0 };
    let mut response = see(&back);
    if let Ok(cookie) = HeaderValue::from_str(&format!("{cookie}={word}; Path=/; Max-Age={age}; SameSite=Lax")) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
