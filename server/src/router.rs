//! Every path and layer on one screen.

use std::time::Duration;

use app::model::{Code, Refusal, Role};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    csrf::{CsrfLayer, ProtectionError},
    timeout::TimeoutLayer,
};

use crate::{
    asked, assets,
    audit::{Actor, Event, Record},
    console::{Asked, Console},
    forms, headers,
    identity::{self, Screen},
    pages, probe_points,
};

/// Who may come in at a door. What is done behind it asks again, with the target in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Anybody.
    Anyone,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever is signed in and may read the audit.
    Audit,
    /// Whoever may take the audit out: auditors and administrators.
    Export,
    /// Whoever is signed in, has a role that may act, and whose session the store has just confirmed.
    Act,
    /// Administrators, whose session the store has just confirmed where something is to be changed.
    Admin,
    /// Whoever is signed in; and a paired screen, for its own live view.
    Follow,
}

impl Need {
    /// Whether somebody of `role` may come in; nobody has no role.
    #[must_use]
    pub fn admits(self, role: Option<Role>) -> bool {
        match self {
            Self::Anyone => true,
            Self::SignedIn | Self::Follow => role.is_some(),
            Self::Audit => role.is_some_and(Role::reads_audit),
            Self::Export => role.is_some_and(|role| role.reaches(Role::Auditor)),
            Self::Act => role.is_some_and(|role| role.reaches(Role::Responder)),
            Self::Admin => role == Some(Role::Admin),
        }
    }

    /// Whether a paired screen may come in. Where anybody may, it comes in as anybody; what is behind the wall's own doors asks which screen.
    #[must_use]
    pub const fn admits_screen(self) -> bool {
        matches!(self, Self::Anyone | Self::Follow)
    }

    /// The role that it takes, for the audit.
    const fn role(self) -> Role {
        match self {
            Self::Act => Role::Responder,
            Self::Audit | Self::Export => Role::Auditor,
            Self::Admin => Role::Admin,
            Self::Anyone | Self::SignedIn | Self::Follow => Role::Viewer,
        }
    }
}

/// Where a screen looks.
pub const WALL: &str = "/wall";
/// Below it stand the links that hand a screen its token.
pub const WALL_LINK: &str = "/wall/pair/";

/// One door.
pub struct Door {
    /// The method.
    pub method: Method,
    /// The path, with `{}` parameters.
    pub path: &'static str,
    /// Who may come in.
    pub need: Need,
    handler: MethodRouter<Console>,
}

/// Every door. The router is made from this list and from nothing else, so a test that walks it misses none.
#[must_use]
pub fn doors() -> Vec<Door> {
    use Need::{Act, Admin, Anyone, Audit, Export, Follow, SignedIn};
    let read = |path, need, handler| Door { method: Method::GET, path, need, handler };
    let change = |path, need, handler| Door { method: Method::POST, path, need, handler };
    vec![
        read("/", SignedIn, get(pages::overview)),
        read("/systems", SignedIn, get(pages::systems)),
        read("/systems/{kind}/{*name}", SignedIn, get(pages::system)),
        read("/edge", SignedIn, get(pages::edge)),
        read("/clusters", SignedIn, get(pages::clusters)),
        read("/clusters/{name}", SignedIn, get(pages::cluster)),
        read("/workloads/{cluster}/{namespace}/{name}", SignedIn, get(pages::workload)),
        read("/backups", SignedIn, get(pages::backups)),
        read("/backups/{name}", SignedIn, get(pages::backups_of)),
        read("/runbooks", SignedIn, get(pages::runbooks)),
        read("/runbooks/{id}", SignedIn, get(pages::runbook)),
        change("/runbooks/{id}/plan", Act, post(forms::plan)),
        read("/plans/{id}", SignedIn, get(pages::plan)),
        change("/plans/{id}/run", Act, post(forms::run)),
        read("/runs", SignedIn, get(pages::runs)),
        read("/runs/{id}", SignedIn, get(pages::run)),
        change("/runs/{id}/cancel", Act, post(forms::cancel)),
        read("/audit", Audit, get(pages::audit)),
        change("/audit/verify", Audit, post(forms::verify)),
        change("/audit/export", Export, post(forms::export)),
        read("/search", SignedIn, get(pages::search)),
        read("/help", SignedIn, get(pages::help)),
        read("/live", Follow, get(pages::live)),
        read(WALL, Anyone, get(pages::wall)),
        read("/wall/pair/{link}", Anyone, get(pages::wall_link)),
        read("/settings", SignedIn, get(pages::settings)),
        change("/settings/password", SignedIn, post(forms::password)),
        change("/settings/sessions/{id}/end", SignedIn, post(forms::end_session)),
        read("/settings/sessions", Admin, get(pages::sessions)),
        read("/settings/accounts", Admin, get(pages::accounts)),
        change("/settings/accounts", Admin, post(forms::create_account)),
        read("/settings/accounts/{id}", Admin, get(pages::account)),
        change("/settings/accounts/{id}/role", Admin, post(forms::change_role)),
        change("/settings/accounts/{id}/disable", Admin, post(forms::disable_account)),
        change("/settings/accounts/{id}/enable", Admin, post(forms::enable_account)),
        change("/settings/accounts/{id}/reset", Admin, post(forms::reset_password)),
        change("/settings/accounts/{id}/end-sessions", Admin, post(forms::end_sessions)),
        read("/settings/screens", Admin, get(pages::screens)),
        change("/settings/screens", Admin, post(forms::pair_screen)),
        change("/settings/screens/{id}/revoke", Admin, post(forms::revoke_screen)),
        read("/password", Anyone, get(pages::password_link)),
        change("/password", Anyone, post(forms::password_by_link)),
        read("/sign-in", Anyone, get(pages::sign_in)),
        change("/sign-in", Anyone, post(forms::sign_in)),
        change("/sign-out", Anyone, post(forms::sign_out)),
        read("/set-up", Anyone, get(pages::set_up)),
        change("/set-up", Anyone, post(forms::set_up)),
        change("/theme", Anyone, post(forms::theme)),
        change("/keys", Anyone, post(forms::keys)),
        read("/pkg/{file}", Anyone, get(assets::serve)),
        read("/healthz", Anyone, get(probe_points::healthz)),
        read("/readyz", Anyone, get(probe_points::readyz)),
        read("/metrics", Anyone, get(probe_points::metrics)),
    ]
}

/// No page takes this long: they are drawn from what is known, and every wait inside is shorter. Streams begin within it.
const PAGE: Duration = Duration::from_secs(15);

/// The whole service.
pub fn router(console: Console) -> Router {
    let mut router = Router::new();
    for door in doors() {
        let need = door.need;
        let guard = move |state: State<Console>, request: Request, next: Next| guard(need, state, request, next);
        router = router.route(door.path, door.handler.layer(middleware::from_fn_with_state(console.clone(), guard)));
    }
    router
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::wrong_method)
        // From the inside out: what is below sees the response of what is above.
        .layer(middleware::from_fn_with_state(console.clone(), asked::ask))
        .layer(console.identity.layer())
        .layer(middleware::from_fn(identity::same_origin))
        .layer(CsrfLayer::new().with_rejection_response(from_elsewhere))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, PAGE))
        .layer(CompressionLayer::new().quality(tower_http::CompressionLevel::Fastest))
        .layer(CatchPanicLayer::custom(|_| {
            (StatusCode::INTERNAL_SERVER_ERROR, "Something failed here. Nothing more was done. Go back and try again.\n").into_response()
        }))
        .layer(middleware::from_fn(headers::tell))
        .with_state(console)
}

/// What a change gets that another site's page asked for.
fn from_elsewhere(_: ProtectionError) -> Response {
    let words =
        "This request comes from a page that is not the console's own. Nothing was changed. Open the console itself and do it there.\n";
    (StatusCode::FORBIDDEN, words).into_response()
}

/// Lets in whom the door admits. Denied attempts to change something, and to read the audit, are recorded.
async fn guard(need: Need, State(console): State<Console>, request: Request, next: Next) -> Response {
    let asked = request.extensions().get::<Asked>().cloned().unwrap_or_default();
    let role = asked.caller.as_ref().map(|caller| caller.role);
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    if need.admits(role) || (need.admits_screen() && matches!(asked.screen, Screen::Known(_))) {
        let changes = !looks && need != Need::Anyone;
        if changes && asked.caller.as_ref().is_some_and(|caller| !caller.fresh) {
            return console.refuse_typed(&asked, &store_away(), &typed(need, request).await);
        }
        return next.run(request).await;
    }
    let tried = format!("{} {}", request.method(), request.uri().path());
    if role.is_none()
        && let Some(refusal) = screen_refusal(&asked.screen)
    {
        if let Err(err) = console.identity.record_refused_screen(&asked.screen, &tried, asked.address()).await {
            tracing::error!(error = %err, "A screen's denied attempt could not be recorded: {tried}");
        }
        return console.refuse(&asked, &refusal);
    }
    let wants_page = looks && request.uri().path() != "/live";
    let changes = !looks;
    if changes || role.is_some() {
        let needed = need.role();
        let actor = asked.caller.as_ref().map_or(Actor::Nobody, |caller| Actor::Account(caller.name.clone()));
        let record = Record::new(actor, Event::PermissionDenied { tried: tried.clone(), role, needed });
        if let Err(err) = console.store.record(&record).await {
            tracing::error!(error = %err, "A denied attempt could not be recorded: {tried}");
        }
    }
    match role {
        None if wants_page => {
            let next = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
            let next = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
            (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/sign-in?next={next}"))]).into_response()
        }
        None => {
            let refusal = Refusal {
                code: Code::SignedOut,
                what: "You are not signed in, or your session has ended.".into(),
                not_done: "Nothing was changed.".into(),
                next: "Sign in and try again.".into(),
            };
            let typed = if changes { typed(need, request).await } else { Vec::new() };
            console.refuse_typed(&asked, &refusal, &typed)
        }
        Some(role) => console.refuse(
            &asked,
            &Refusal {
                code: Code::Forbidden,
                what: match need {
                    Need::Export => format!("Your role, {}, may not take the audit out.", role.word()),
                    Need::Audit => format!("Your role, {}, may not read the audit.", role.word()),
                    Need::Admin => format!("Your role, {}, may not keep accounts and screens.", role.word()),
                    Need::Act | Need::SignedIn | Need::Follow | Need::Anyone => {
                        format!("Your role, {}, may not run runbooks.", role.word())
                    }
                },
                not_done: "Nothing was changed. The attempt was recorded.".into(),
                next: "Ask somebody whose role allows it, or an administrator for another role.".into(),
            },
        ),
    }
}

/// What was typed into a runbook's form that nobody reads now. Other forms may hold a password, and what stands in them is typed again quickly.
async fn typed(need: Need, request: Request) -> Vec<(String, String)> {
    let mut typed = if need == Need::Act { forms::typed(request).await } else { Vec::new() };
    typed.retain(|(name, _)| name != forms::REQUEST_KEY);
    typed
}

/// What a screen's token gets where it opens nothing; none for who has none.
pub(crate) fn screen_refusal(screen: &Screen) -> Option<Refusal> {
    let what = match screen {
        Screen::Known(screen) => format!("This browser is the screen “{}”, which may show the wall and nothing else.", screen.device.name),
        Screen::Revoked(device, at) => {
            format!("This browser was the screen “{}”, which was revoked at {}.", device.name, at.format("%H:%M:%S UTC on %-d %B %Y"))
        }
        Screen::None | Screen::Waiting(_) | Screen::Unsure => return None,
    };
    Some(Refusal {
        // Nobody is signed in there; the page offers to.
        code: Code::SignedOut,
        what,
        not_done: "Nothing was shown and nothing was changed. The attempt was recorded.".into(),
        next: "Open /wall to look at the wall, or sign in to see more.".into(),
    })
}

/// The store does not answer: nothing may be changed.
#[must_use]
pub fn store_away() -> Refusal {
    Refusal {
        code: Code::StoreUnavailable,
        what: "The console's own store does not answer, so nothing could be recorded.".into(),
        not_done: "Nothing was changed: there is no action without a durable audit entry first.".into(),
        next: "What is shown stays live. Try again in a moment; the top of each page says when the store is back.".into(),
    }
}

/// The header that carries the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
