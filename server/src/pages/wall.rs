//! The wall: for a paired screen what it hangs there for, for any other a code.

use app::{
    model::{Frame, Pairing, Place, Topic},
    render::{main_of, wall_document},
};
use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    console::{Asked, Console, html},
    identity::{Screen, ScreenCaller, SignInRefused},
    overview::Ages,
    router::WALL,
};

/// Tells the browser to ask again: with or without scripts, and not by an element of the page.
const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// How often a screen that waits looks whether its code was confirmed, in seconds.
const LOOK_AGAIN_S: u64 = 3;

/// How often a screen looks again that was given no code, or is to be read first, in seconds.
const TRY_AGAIN_S: u64 = 15;

/// `GET /wall`
pub async fn wall(State(console): State<Console>, Extension(asked): Extension<Asked>, headers: HeaderMap) -> Response {
    match &asked.screen {
        Screen::Known(screen) => shown(&console, &asked, screen).await,
        Screen::None | Screen::Revoked(..) | Screen::Waiting(_) | Screen::Unsure => waits(&console, &asked, &headers).await,
    }
}

async fn shown(console: &Console, asked: &Asked, screen: &ScreenCaller) -> Response {
    console.identity.note_screen(screen, asked.address()).await;
    let live = console.follow(Topic::Wall).await;
    let frame = Frame { live, ..console.frame(asked, Place::Outside, "Wall") };
    let main = main_of(&console.drawing.wall(Ages::At(console.clock.now())));
    with_cookie(html(StatusCode::OK, wall_document(&frame, &main)), &console.identity.screen_cookie(screen))
}

/// A screen that may not look shows its code, or why it has none.
async fn waits(console: &Console, asked: &Asked, headers: &HeaderMap) -> Response {
    let was = match &asked.screen {
        Screen::Revoked(device, at) => Some(format!("“{}” was revoked at {} UTC.", device.name, at.format("%H:%M:%S"))),
        Screen::None | Screen::Known(_) | Screen::Waiting(_) | Screen::Unsure => None,
    };
    if was.is_some()
        && let Err(err) = console.identity.record_refused_screen(&asked.screen, "GET /wall", asked.address()).await
    {
        tracing::error!(error = %err, "A revoked screen's attempt could not be recorded");
    }
    let frame = Frame { data: None, ..console.frame(asked, Place::Outside, "Pair this screen") };
    let draw = |status, page: &Pairing, seconds: u64| {
        let mut response = html(status, wall_document(&frame, &main_of(page)));
        response.headers_mut().insert(REFRESH, HeaderValue::from(seconds));
        response
    };
    let at = settings_address(console, headers);
    let refused = match &asked.screen {
        // It keeps its cookie: it may well be paired.
        Screen::Unsure => Err(SignInRefused::StoreAway),
        screen => console.identity.wait_for_pairing(screen, asked.address()).await,
    };
    match refused {
        Ok(waiting) => {
            // That it was revoked is told once: from then on it is a screen like any other that waits.
            let seconds = if was.is_some() { TRY_AGAIN_S } else { LOOK_AGAIN_S };
            let page = Pairing { code: Some(waiting.code.clone()), left_s: waiting.left.as_secs(), at, why: was };
            with_cookie(draw(StatusCode::OK, &page, seconds), &console.identity.waiting_cookie(&waiting))
        }
        Err(refused) => {
            let (why, seconds) = match refused {
                SignInRefused::TooMany | SignInRefused::Wrong => {
                    ("Too many screens ask for a code. This one asks again by itself; or wait a minute.", TRY_AGAIN_S)
                }
                SignInRefused::StoreAway => (
                    "The console's own store does not answer, so no screen can be recognized. This one asks again by itself.",
                    LOOK_AGAIN_S,
                ),
                SignInRefused::Busy | SignInRefused::Broken => {
                    ("Something failed in the console. This screen asks again by itself.", TRY_AGAIN_S)
                }
            };
            let status = StatusCode::from_u16(refused.code().status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            draw(status, &Pairing { code: None, left_s: 0, at, why: Some(why.to_owned()) }, seconds)
        }
    }
}

/// Where an administrator confirms the code: the console's own address, or else the one by which the screen came here.
fn settings_address(console: &Console, headers: &HeaderMap) -> String {
    let host = || headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let base = match &console.estate.environment.public_url {
        Some(url) => url[url::Position::BeforeHost..url::Position::BeforePath].to_owned(),
        None => host(),
    };
    format!("{base}/settings/screens")
}

/// `GET /wall/pair/{link}`: hands a screen the token of a link that was made on the command line.
pub async fn wall_link(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(link): Path<String>) -> Response {
    match console.identity.open_by_link(&link, asked.address()).await {
        Ok(Some(cookie)) => with_cookie((StatusCode::SEE_OTHER, [(header::LOCATION, WALL)]).into_response(), &cookie),
        Ok(None) => {
            let mut response = console.missing(
                &asked,
                "This link opens no wall: it is too old, or its screen was revoked. Open /wall on the screen to pair it by a code.",
            );
            *response.status_mut() = StatusCode::GONE;
            response
        }
        Err(refused) => console.refuse(
            &asked,
            &app::model::Refusal {
                code: refused.code(),
                what: refused.to_string(),
                not_done: "The screen was not opened.".into(),
                next: "Open the link again in a moment.".into(),
            },
        ),
    }
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
