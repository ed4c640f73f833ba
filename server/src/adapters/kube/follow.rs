//! One list kept current: listed once, then watched. The list of before stays until the new one is whole.
//!
//! Kubernetes may end a watch at any time; it is taken up where it stopped. It is listed anew when the server says that our place is
//! gone (410), and each time that the server came back from being away: a watch whose connection outlived the outage may have lost its
//! other end without either side noticing.

use std::{pin::pin, time::Duration};

use futures::StreamExt;
use kube::{
    Client,
    api::{ListParams, Request, WatchEvent, WatchParams},
};
use tokio::{sync::watch, time};

use super::{fault, link::Line, source::Source, state::Watched, watch::Shared, wire};

/// A watch is asked to end after so many seconds, spread so that not all end together.
const WATCH_S: std::ops::Range<u32> = 240..300;
/// The server sends a bookmark about once a minute ("watch bookmarks"): a watch without a word for longer has lost its other end.
const SILENCE: Duration = Duration::from_secs(90);
/// The same while the initial list is still on its way.
const LIST_SILENCE: Duration = Duration::from_secs(20);
/// Objects a page, where the list is not streamed (client-go's default).
const PAGE: u32 = 500;
/// A watch that lasted less long than this is followed by a pause as long.
const SHORT: Duration = Duration::from_secs(1);
/// The longest pause after a failure.
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// Why a watch stopped.
enum Stop {
    /// It may go on from where it was.
    Resume,
    /// It must be listed anew.
    Relist,
    /// It failed; it may go on from where it was, after a pause.
    Failed(String),
}

/// Follows one source for ever.
pub(super) async fn follow<T: Watched>(shared: &Shared, source: Source, mut line: watch::Receiver<Line>) {
    loop {
        let now = line.borrow_and_update().clone();
        let Some(client) = now.client else {
            if line.changed().await.is_err() {
                return;
            }
            continue;
        };
        let mut place: Option<String> = None;
        let mut pause = Duration::ZERO;
        let mut streams_failed = false;
        // One round a connection, until the server goes away or comes back.
        loop {
            let round = async {
                match &place {
                    Some(_) => {}
                    None if now.streams && !streams_failed => {}
                    None => match list::<T>(shared, &source, &client).await {
                        Ok(version) => place = Some(version),
                        Err(reason) => return Stop::Failed(reason),
                    },
                }
                watch_once::<T>(shared, &source, &client, &mut place).await
            };
            let began = time::Instant::now();
            let stop = tokio::select! {
                stop = round => stop,
                changed = line.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    break;
                }
            };
            match stop {
                // A server that ends each watch at once must not be asked in a busy loop.
                Stop::Resume | Stop::Relist if began.elapsed() < SHORT => {
                    place = place.filter(|_| matches!(stop, Stop::Resume));
                    pause = SHORT;
                }
                Stop::Resume => pause = Duration::ZERO,
                Stop::Relist => (place, pause) = (None, Duration::ZERO),
                Stop::Failed(reason) => {
                    // A server that does not know streamed lists after all is asked for pages.
                    streams_failed |= place.is_none();
                    shared.set_status(&source, |status, stamp| status.fail(reason, stamp));
                    pause = (pause * 2).clamp(Duration::from_secs(1), MAX_PAUSE).mul_f64(rand::random_range(0.8..1.2));
                }
            }
            tokio::select! {
                () = time::sleep(pause) => {}
                changed = line.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    break;
                }
            }
        }
    }
}

/// Lists page by page; the version from which to watch.
async fn list<T: Watched>(shared: &Shared, source: &Source, client: &Client) -> Result<String, String> {
    let mark = shared.new_mark();
    let mut params = ListParams { limit: Some(PAGE), field_selector: source.fields().map(Into::into), ..ListParams::default() };
    loop {
        let request = Request::new(source.path()).list(&params).map_err(|err| err.to_string())?;
        let page: wire::List<T> = time::timeout(LIST_SILENCE, client.request(request))
            .await
            .map_err(|_| format!("no answer within {} s", LIST_SILENCE.as_secs()))?
            .map_err(|err| fault::words(&err))?;
        shared.put_all(page.items, mark);
        match page.metadata.next.filter(|next| !next.is_empty()) {
            Some(next) => params.continue_token = Some(next),
            None => {
                shared.list_ended::<T>(source, mark);
                return Ok(page.metadata.resource_version);
            }
        }
    }
}

/// Watches until the stream ends. Without a place, the stream begins with the list.
async fn watch_once<T: Watched>(shared: &Shared, source: &Source, client: &Client, place: &mut Option<String>) -> Stop {
    let mut listing = place.is_none().then(|| shared.new_mark());
    let params = WatchParams {
        field_selector: source.fields().map(Into::into),
        timeout: Some(rand::random_range(WATCH_S)),
        send_initial_events: listing.is_some(),
        ..WatchParams::default()
    };
    let request = match Request::new(source.path()).watch(&params, place.as_deref().unwrap_or("0")) {
        Ok(request) => request,
        Err(err) => return Stop::Failed(err.to_string()),
    };
    let stream = match time::timeout(LIST_SILENCE, client.request_events::<T>(request)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(err)) if fault::code(&err) == Some(410) => return Stop::Relist,
        Ok(Err(err)) => return Stop::Failed(fault::words(&err)),
        Err(_) => return Stop::Failed(format!("no answer within {} s", LIST_SILENCE.as_secs())),
    };
    if listing.is_none() {
        shared.set_status(source, |status, _| status.alive());
    }
    let mut stream = pin!(stream);
    loop {
        let silence = if listing.is_some() { LIST_SILENCE } else { SILENCE };
        let event = match time::timeout(silence, stream.next()).await {
            Ok(Some(event)) => event,
            Ok(None) if listing.is_some() => return Stop::Failed("the list broke off".into()),
            Ok(None) => return Stop::Resume,
            Err(_) if listing.is_some() => return Stop::Failed("the list stopped halfway".into()),
            Err(_) => return Stop::Resume,
        };
        match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                let version = object.meta().resource_version.clone();
                // Under a watch that goes on, the mark of the list before holds.
                shared.put(source, object, listing);
                if listing.is_none() {
                    *place = Some(version);
                }
            }
            Ok(WatchEvent::Deleted(object)) => {
                *place = place.is_some().then(|| object.meta().resource_version.clone());
                shared.remove(source, &object);
            }
            Ok(WatchEvent::Bookmark(bookmark)) => {
                if let Some(mark) = listing {
                    if !bookmark.metadata.annotations.contains_key("k8s.io/initial-events-end") {
                        continue;
                    }
                    listing = None;
                    shared.list_ended::<T>(source, mark);
                }
                *place = Some(bookmark.metadata.resource_version);
            }
            Ok(WatchEvent::Error(status)) if status.code == 410 => return Stop::Relist,
            Ok(WatchEvent::Error(status)) => return Stop::Failed(fault::words(&kube::Error::Api(status))),
            Err(kube::Error::SerdeError(err)) => {
                tracing::warn!(source = %source, error = %err, "An object of {source} cannot be read and is left out");
            }
            Err(err) if fault::code(&err) == Some(410) => return Stop::Relist,
            Err(err) => return Stop::Failed(fault::words(&err)),
        }
    }
}
