//! The GET handlers: what is asked for, drawn from what is known.

mod find;
mod lists;
mod settings;
mod wall;

use std::collections::BTreeMap;

use app::model::{Code, Frame, Kind, Place, Refusal, SetUp, SignIn, SystemId, Topic};
use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use futures::StreamExt;
use serde::Deserialize;

pub use find::{help, search};
pub use lists::{audit, runbooks, runs, systems};

use crate::{
    console::{Answer, Asked, Console, html},
    identity::{self, Screen},
    live::Encoding,
    overview::Ages,
    router::{screen_refusal, store_away},
    store::{PlanId, StoreError},
    views::Typed,
};

pub use settings::{account, accounts, password_link, screens, sessions, settings};
pub use wall::{wall, wall_link};

impl Console {
    fn now(&self) -> Ages {
        Ages::At(self.clock.now())
    }

    /// What the store's silence or refusal means to a reader.
    pub(crate) fn store_failed(&self, asked: &Asked, err: &StoreError) -> Response {
        self.store_failed_at_form(asked, err, &[])
    }

    /// What the store's silence or refusal means to whoever sent a form, who gets back what they typed. The only place that logs it.
    pub(crate) fn store_failed_at_form(&self, asked: &Asked, err: &StoreError, typed: &[(String, String)]) -> Response {
        match err {
            StoreError::Unavailable => self.refuse_typed(asked, &store_away(), typed),
            StoreError::Busy | StoreError::FenceMoved(_) => self.refuse_typed(
                asked,
                &Refusal {
                    code: Code::Conflict,
                    what: "Another change of the same thing is under way.".into(),
                    not_done: "Nothing was changed.".into(),
                    next: "Look at it again and repeat what you did, if it is still wanted.".into(),
                },
                typed,
            ),
            StoreError::Unreadable(_) | StoreError::Refused(_) => {
                tracing::error!(request.id = %asked.request_id, error = %err, "A request failed at the store: {err}");
                self.refuse_typed(
                    asked,
                    &Refusal {
                        code: Code::Internal,
                        what: "Something failed in the console.".into(),
                        not_done: "What you asked for was not done.".into(),
                        next: format!("Try again; if it fails again, quote request {} to whoever runs this console.", asked.request_id),
                    },
                    typed,
                )
            }
        }
    }

    pub(crate) fn missing(&self, asked: &Asked, what: impl Into<String>) -> Response {
        self.refuse(
            asked,
            &Refusal {
                code: Code::NotFound,
                what: what.into(),
                not_done: "Nothing was changed.".into(),
                next: "Go back, or begin at the overview.".into(),
            },
        )
    }

    pub(crate) fn bad(&self, asked: &Asked, what: impl Into<String>) -> Response {
        self.refuse(
            asked,
            &Refusal {
                code: Code::BadRequest,
                what: what.into(),
                not_done: "Nothing was changed.".into(),
                next: "Go back and begin again from the page's own form or link.".into(),
            },
        )
    }
}

/// `GET /`
pub async fn overview(State(console): State<Console>, Extension(asked): Extension<Asked>) -> Response {
    html(StatusCode::OK, console.overview_document(&asked).await)
}

/// `GET /systems/{kind}/{*name}`
pub async fn system(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    Path((kind, name)): Path<(String, String)>,
) -> Response {
    let Ok(system) = format!("{kind}/{name}").parse::<SystemId>() else {
        return console.missing(&asked, "There is no such system.");
    };
    if matches!(system.kind(), Kind::Cluster | Kind::Deployment | Kind::Backup) {
        return Redirect::permanent(&system.href()).into_response();
    }
    let live = console.follow(Topic::System(system.clone())).await;
    match console.drawing.page_of(&system, console.now()).await {
        Some(page) => {
            let frame = Frame { live, ..console.frame(&asked, Place::Systems, system.name()) };
            console.page(StatusCode::OK, frame, page.as_ref())
        }
        None => console.missing(&asked, format!("{system} is not watched here: the estate file does not name it.")),
    }
}

/// `GET /edge`
pub async fn edge(State(console): State<Console>, Extension(asked): Extension<Asked>) -> Response {
    let live = console.follow(Topic::Edge).await;
    let view = console.drawing.edge(console.now());
    let frame = Frame { live, ..console.frame(&asked, Place::Edge, "Edge") };
    console.page(StatusCode::OK, frame, &view)
}

/// `GET /clusters`
pub async fn clusters(State(console): State<Console>, Extension(asked): Extension<Asked>) -> Response {
    let rows = console.drawing.cluster_rows(console.now());
    match rows.as_slice() {
        [only] => Redirect::to(&only.system.href()).into_response(),
        rows => console.page(StatusCode::OK, console.frame(&asked, Place::Clusters, "Clusters"), rows),
    }
}

/// `GET /clusters/{name}`
pub async fn cluster(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(name): Path<String>) -> Response {
    let Ok(system) = SystemId::new(Kind::Cluster, &[&name]) else { return console.missing(&asked, "There is no such cluster.") };
    let live = console.follow(Topic::System(system.clone())).await;
    match console.drawing.cluster(&system, console.now()) {
        Some(view) => {
            let frame = Frame { live, ..console.frame(&asked, Place::Clusters, system.name()) };
            console.page(StatusCode::OK, frame, &view)
        }
        None => console.missing(&asked, "That cluster is not watched here, or has not been read yet."),
    }
}

/// `GET /workloads/{cluster}/{namespace}/{name}`
pub async fn workload(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    Path((cluster, namespace, name)): Path<(String, String, String)>,
) -> Response {
    let Ok(system) = SystemId::new(Kind::Deployment, &[&cluster, &namespace, &name]) else {
        return console.missing(&asked, "There is no such workload.");
    };
    let live = console.follow(Topic::System(system.clone())).await;
    match console.drawing.workload(&system, console.now()) {
        Some(view) => {
            let frame = Frame { live, ..console.frame(&asked, Place::Clusters, system.name()) };
            console.page(StatusCode::OK, frame, &view)
        }
        None => console.missing(&asked, "That workload is not there, or its namespace is not watched."),
    }
}

/// `GET /backups`
pub async fn backups(State(console): State<Console>, Extension(asked): Extension<Asked>) -> Response {
    let list = console.drawing.backup_list(console.now());
    match list.rows.as_slice() {
        [only] => Redirect::to(&only.system.href()).into_response(),
        _ => console.page(StatusCode::OK, console.frame(&asked, Place::Backups, "Backups"), &list),
    }
}

/// `GET /backups/{name}`
pub async fn backups_of(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(name): Path<String>) -> Response {
    let Ok(system) = SystemId::new(Kind::Backup, &[&name]) else { return console.missing(&asked, "There is no such database.") };
    let live = console.follow(Topic::System(system.clone())).await;
    match console.drawing.page_of(&system, console.now()).await {
        Some(page) => {
            let frame = Frame { live, ..console.frame(&asked, Place::Backups, format!("Backups of {}", system.name())) };
            console.page(StatusCode::OK, frame, page.as_ref())
        }
        None => console.missing(&asked, "That database is not backed up by this console: name it under `backups` in the estate file."),
    }
}

/// `GET /runbooks/{id}?target=…`
pub async fn runbook(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    Path(id): Path<String>,
    Query(mut typed): Query<BTreeMap<String, String>>,
) -> Answer {
    let caller = asked.me(&console)?;
    let target = typed.remove("target").filter(|target| !target.is_empty());
    let (target, refused) = match target.map(|target| target.parse::<SystemId>()) {
        None => (None, None),
        Some(Ok(target)) => (Some(target), None),
        Some(Err(err)) => (None, Some(err.to_string())),
    };
    match console.drawing.form(&id, caller.role, target, &typed, &BTreeMap::new(), refused).await {
        Some(form) => Ok(console.page(StatusCode::OK, console.frame(&asked, Place::Runbooks, form.card.title.clone()), &form)),
        None => Ok(console.missing(&asked, "There is no such runbook.")),
    }
}

/// `GET /plans/{id}`
pub async fn plan(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(id): Path<String>) -> Answer {
    let caller = asked.me(&console)?;
    let Ok(id) = id.parse::<PlanId>() else { return Ok(console.missing(&asked, "There is no such plan.")) };
    let made = async {
        match console.store.plan(&id).await? {
            Some(plan) => Ok(Some(console.drawing.plan(plan, (&caller.name, caller.role), Typed::default()).await?)),
            None => Ok(None),
        }
    };
    match made.await {
        Ok(Some(view)) => Ok(console.page(StatusCode::OK, console.frame(&asked, Place::Runbooks, view.body.title.clone()), &view)),
        Ok(None) => Ok(console.missing(&asked, "There is no such plan; plans that were never run are forgotten after a day.")),
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}

/// `GET /runs/{id}`
pub async fn run(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(id): Path<String>) -> Answer {
    let caller = asked.me(&console)?;
    let Ok(id) = id.parse::<i64>() else { return Ok(console.missing(&asked, "A run has a number.")) };
    let live = console.follow(Topic::Run(id)).await;
    match console.drawing.run(id, Some(caller.role)).await {
        Ok(Some(view)) => {
            // Once it has ended nothing more will happen to it.
            let live = live.filter(|_| !view.state.has_ended());
            let frame = Frame { live, ..console.frame(&asked, Place::Runs, format!("{}, run {id}", view.title)) };
            Ok(console.page(StatusCode::OK, frame, &view))
        }
        Ok(None) => Ok(console.missing(&asked, format!("There is no run {id}."))),
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}

/// What a screen follows.
#[derive(Debug, Deserialize)]
pub struct Follow {
    topic: String,
    since: Option<u64>,
    #[serde(default)]
    version: String,
}

/// `GET /live?topic=…&since=…`
pub async fn live(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    Query(follow): Query<Follow>,
) -> Response {
    let topic = match follow.topic.parse::<Topic>() {
        Ok(topic) => topic,
        Err(err) => return (StatusCode::BAD_REQUEST, err).into_response(),
    };
    let looking = match (&asked.caller, &asked.screen) {
        (Some(caller), _) => console.identity.looks(caller),
        (None, Screen::Known(screen)) if topic == Topic::Wall => {
            console.identity.note_screen(screen, asked.address()).await;
            console.identity.screen_looks(screen)
        }
        (None, screen) => {
            if let Err(err) = console.identity.record_refused_screen(screen, &format!("GET /live of {topic}"), asked.address()).await {
                tracing::error!(error = %err, "A screen's denied attempt could not be recorded: {topic}");
            }
            return console.refuse(&asked, &screen_refusal(screen).unwrap_or_else(store_away));
        }
    };
    let encoding = Encoding::accepted(headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default());
    match console.hub.follow(&topic, follow.since.unwrap_or(0), &follow.version, encoding, looking.ended.clone()).await {
        Some(stream) => {
            let stream = stream.inspect(move |_| {
                // Dropped with the stream.
                let _ = &looking;
            });
            let mut response = Response::new(Body::from_stream(stream));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            if encoding == Encoding::Gzip {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            // Proxies that gather what they pass on would hold events back.
            headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
            response
        }
        None => (StatusCode::NOT_FOUND, "there is no such topic, or it cannot be followed now\n").into_response(),
    }
}

/// Where to go after signing in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Next {
    next: String,
}

/// `GET /sign-in`
pub async fn sign_in(State(console): State<Console>, Extension(asked): Extension<Asked>, Query(next): Query<Next>) -> Response {
    if asked.caller.is_some() {
        return Redirect::to(identity::inside(&next.next)).into_response();
    }
    let page = SignIn { name: String::new(), next: identity::inside(&next.next).to_owned(), refused: None };
    console.page(StatusCode::OK, console.frame(&asked, Place::Outside, "Sign in"), &page)
}

/// The one-time link.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Token {
    token: String,
}

/// `GET /set-up?token=…`
pub async fn set_up(State(console): State<Console>, Extension(asked): Extension<Asked>, Query(token): Query<Token>) -> Response {
    let page = SetUp { token: token.token, password_hint: identity::PASSWORD_HINT.to_owned(), ..SetUp::default() };
    console.page(StatusCode::OK, console.frame(&asked, Place::Outside, "Set up"), &page)
}

/// Any other path.
pub async fn not_found(State(console): State<Console>, Extension(asked): Extension<Asked>) -> Response {
    console.missing(&asked, "There is no such page.")
}

/// A path that is there, with another method.
pub async fn wrong_method(State(console): State<Console>, Extension(asked): Extension<Asked>) -> Response {
    let mut response = console.bad(&asked, "That address does not take this kind of request.");
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}
