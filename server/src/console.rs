//! What every request shares: the estate, the world, the store, the executor; and how pages are framed.

use std::{net::IpAddr, ops::Deref, sync::Arc};

use app::{
    model::{Assets, Code, Frame, Me, Place, Refusal, Running, RunningRun, Theme, Topic},
    pages::Refused,
    render::{LivePage, Page, document, fragments, main_of, strip},
};
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::sync::{Mutex, watch};

use crate::{
    clock::SharedClock,
    config::Estate,
    executor::Executor,
    identity::{Caller, Identity, Screen},
    live::{Fragment, Hub},
    monitor::World,
    overview::Ages,
    shared_page::SharedPage,
    store::Store,
    views::Drawing,
};

/// The console's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything that a request may need. As cheap to clone as a number: each layer of each request has its own.
#[derive(Clone)]
pub struct Console(Arc<Parts>);

impl From<Parts> for Console {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Console {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What a console is made of.
pub struct Parts {
    /// What is configured.
    pub estate: Arc<Estate>,
    /// What is known now.
    pub world: watch::Receiver<Arc<World>>,
    /// The console's own PostgreSQL.
    pub store: Store,
    /// Who is asking.
    pub identity: Identity,
    /// Plans and runs.
    pub executor: Arc<Executor>,
    /// Live views.
    pub hub: Arc<Hub>,
    /// What draws pages.
    pub drawing: Arc<Drawing>,
    /// The time.
    pub clock: SharedClock,
    /// The browser's files.
    pub assets: Assets,
    /// The overview as it was last drawn.
    pub overview: Mutex<Option<SharedPage>>,
}

/// What a response knows about its request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Who asks; nobody before sign-in.
    pub caller: Option<Caller>,
    /// The screen whose cookie came along. Looked at only where nobody is signed in, and at the wall's own doors.
    pub screen: Screen,
    /// From where.
    pub address: Option<IpAddr>,
    /// The theme in the cookie.
    pub theme: Theme,
    /// Whether single-letter keys are off in this browser, by its cookie.
    pub keys_off: bool,
    /// The nonce of this response.
    pub nonce: String,
    /// The id to quote.
    pub request_id: String,
}

impl Console {
    /// The frame of a page.
    pub fn frame(&self, asked: &Asked, place: Place, title: impl Into<String>) -> Frame {
        let now = self.clock.now();
        let data = self.world.borrow().instances.iter().filter_map(|instance| instance.seen(now)).min_by_key(|seen| seen.age_ms);
        Frame {
            environment: self.estate.environment.name.clone(),
            estate: self.estate.environment.estate.clone(),
            me: asked.caller.as_ref().map(|caller| Me { name: caller.name.clone(), role: caller.role }),
            theme: asked.theme,
            running: self.drawing.running(Ages::At(now)),
            data,
            place,
            keys: !asked.keys_off,
            kinds: self.estate.kinds(),
            title: title.into(),
            live: None,
            assets: self.assets.clone(),
            nonce: asked.nonce.clone(),
            request_id: asked.request_id.clone(),
            version: VERSION,
            notice: (!*self.store.reachable().borrow()).then(|| {
                "The console's own store does not answer: actions are refused until it does. What is shown is live all the same.".to_owned()
            }),
        }
    }

    /// A page as a whole response. For whoever is signed in, its strip is followed.
    pub fn page(&self, status: StatusCode, mut frame: Frame, page: &(impl Page + ?Sized)) -> Response {
        if frame.me.is_some() && frame.live.is_none() {
            frame.live = self.hub.known(&Topic::Strip).map(|seq| (Topic::Strip, seq));
        }
        html(status, document(&frame, &main_of(page)))
    }

    /// The live view that a page follows. Asked for *before* the page is drawn: what changes between the two is then sent, never missed.
    pub async fn follow(&self, topic: Topic) -> Option<(Topic, u64)> {
        self.hub.seq(&topic).await.map(|seq| (topic, seq))
    }

    /// A refusal as a whole page.
    pub fn refuse(&self, asked: &Asked, refusal: &Refusal) -> Response {
        self.refuse_typed(asked, refusal, &[])
    }

    /// A refusal as a whole page that gives back what was typed, by field.
    pub fn refuse_typed(&self, asked: &Asked, refusal: &Refusal, typed: &[(String, String)]) -> Response {
        let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let title = match refusal.code {
            Code::SignedOut => "Sign in",
            Code::NotFound => "Not found",
            Code::Forbidden => "Not allowed",
            _ => "Refused",
        };
        self.page(status, self.frame(asked, Place::Outside, title), &Refused { refusal, typed })
    }
}

/// A response given in place of the one that was asked for.
#[derive(Debug)]
pub struct Instead(pub Box<Response>);

impl IntoResponse for Instead {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// A page, or what is given in its place.
pub type Answer = Result<Response, Instead>;

/// A response of HTML that nobody may keep.
pub fn html(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], text).into_response()
}

/// The fragments of a live page, as the hub keeps them.
pub fn parts(page: &(impl LivePage + ?Sized)) -> Vec<Fragment> {
    fragments(page).into_iter().map(kept).collect()
}

/// The top strip's own fragment.
pub fn strip_part(running: &Running) -> Fragment {
    kept(strip(running))
}

fn kept(fragment: app::render::Fragment) -> Fragment {
    Fragment { id: fragment.id, html: fragment.html }
}

/// A run in the top strip.
#[must_use]
pub fn running(run: &crate::store::Run) -> RunningRun {
    RunningRun { id: run.id, title: run.title.clone(), elapsed_ms: run.elapsed_ms() }
}
