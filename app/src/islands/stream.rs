//! The tab's one stream. Closed while the tab is out of sight, opened again for ever, never left hanging.

use std::{cell::RefCell, rc::Rc};

use js_sys::{JSON, Math, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{EventSource, MessageEvent};

use super::{backoff::Backoff, page::Page};

/// A heartbeat comes every few seconds; a stream that says nothing for so many seconds is dead, whatever TCP thinks.
const SILENCE_S: u32 = 12;

/// Everything that the stream needs, shared by its callbacks.
struct Stream {
    page: Page,
    topic: String,
    /// Which build drew the page: another one's console says that it is to be loaded again.
    build: String,
    since: f64,
    source: Option<EventSource>,
    /// Made once and handed to every source: a screen that hangs on a wall for months must not grow with each try.
    ears: Option<Ears>,
    backoff: Backoff,
    /// Seconds since the stream last said something.
    silence: u32,
    /// Seconds until the next try; none while it is open.
    retry: Option<u32>,
}

type Shared = Rc<RefCell<Stream>>;
type Ear = Closure<dyn FnMut(MessageEvent)>;

/// What listens to a source.
struct Ears {
    events: [(&'static str, Ear); 3],
    error: Closure<dyn FnMut()>,
}

impl Ears {
    fn new(stream: &Shared) -> Self {
        let failed = Rc::clone(stream);
        Self {
            events: [("patch", ear(stream, patch)), ("ages", ear(stream, ages)), ("reload", ear(stream, reload))],
            error: Closure::new(move || {
                // A screen whose token opens nothing any more is told so by its page, not by the stream.
                let is_refused = failed.borrow().is_refused();
                later(&failed);
                if is_refused {
                    failed.borrow_mut().page.reload();
                }
            }),
        }
    }

    fn listen(&self, source: &EventSource) {
        for (event, ear) in &self.events {
            let _ = source.add_event_listener_with_callback(event, ear.as_ref().unchecked_ref());
        }
        source.set_onerror(Some(self.error.as_ref().unchecked_ref()));
    }
}

impl Stream {
    /// Whether this is a wall, and the console (or what stands before it) answered, but with no stream. A broken connection is no answer.
    fn is_refused(&self) -> bool {
        self.topic == "wall" && self.source.as_ref().is_some_and(|source| source.ready_state() == EventSource::CLOSED)
    }
}

/// Hears one kind of event; its data is JSON, read by the browser's own reader.
fn ear(stream: &Shared, hear: fn(&mut Stream, JsValue)) -> Ear {
    let stream = Rc::clone(stream);
    Closure::new(move |message: MessageEvent| {
        let data = message.data().as_string().and_then(|text| JSON::parse(&text).ok()).unwrap_or(JsValue::NULL);
        let mut stream = stream.borrow_mut();
        stream.silence = 0;
        stream.backoff.reset();
        hear(&mut stream, data);
    })
}

fn patch(stream: &mut Stream, data: JsValue) {
    if let Some(seq) = Reflect::get(&data, &"seq".into()).ok().and_then(|seq| seq.as_f64()) {
        stream.since = seq;
    }
    let old = Reflect::get(&data, &"old".into()).ok().and_then(|old| old.as_f64()).unwrap_or(0.0);
    if let Ok(fragments) = Reflect::get(&data, &"fragments".into()) {
        stream.page.patch(&fragments, old);
    }
}

fn ages(stream: &mut Stream, data: JsValue) {
    stream.page.heartbeat(&data);
}

fn reload(stream: &mut Stream, _: JsValue) {
    stream.page.reload();
}

/// Follows the page's topic until the tab is closed.
pub fn follow(page: Option<Page>) {
    let Some((page, (topic, since))) = page.and_then(|page| page.topic().map(|topic| (page, topic))) else {
        return;
    };
    let window = page.window().clone();
    let backoff = Backoff::default();
    let build = page.build();
    let stream = Stream { page, topic, build, since, source: None, ears: None, backoff, silence: 0, retry: None };
    let stream = Rc::new(RefCell::new(stream));
    let ears = Ears::new(&stream);
    stream.borrow_mut().ears = Some(ears);
    // Six tabs opened behind this one would take all of a browser's connections: each opens its stream when it is looked at.
    if !stream.borrow().page.is_hidden() {
        open(&stream);
    }

    let each_second = Rc::clone(&stream);
    let tick = Closure::<dyn FnMut()>::new(move || second(&each_second));
    let _ = window.set_interval_with_callback_and_timeout_and_arguments_0(tick.as_ref().unchecked_ref(), 1_000);
    tick.forget();

    let on_show = Rc::clone(&stream);
    let seen = Closure::<dyn FnMut()>::new(move || visibility(&on_show));
    if let Some(document) = window.document() {
        let _ = document.add_event_listener_with_callback("visibilitychange", seen.as_ref().unchecked_ref());
    }
    seen.forget();
}

/// Opens the stream from the last sequence number that was seen. The browser's own way of trying again would ask for the first one.
fn open(stream: &Shared) {
    close(stream);
    let url = {
        let stream = stream.borrow();
        let topic = js_sys::encode_uri_component(&stream.topic);
        format!("/live?topic={topic}&since={}&version={}", stream.since, stream.build)
    };
    let Ok(source) = EventSource::new(&url) else {
        return later(stream);
    };
    let mut stream = stream.borrow_mut();
    if let Some(ears) = &stream.ears {
        ears.listen(&source);
    }
    stream.source = Some(source);
    stream.silence = 0;
    stream.retry = None;
}

fn close(stream: &Shared) {
    if let Some(source) = stream.borrow_mut().source.take() {
        source.set_onerror(None);
        source.close();
    }
}

/// Closes the stream and sets the time of the next try.
fn later(stream: &Shared) {
    close(stream);
    let mut stream = stream.borrow_mut();
    let wait = stream.backoff.next(Math::random());
    stream.retry = Some((wait.max(0) as u32).div_ceil(1_000));
}

/// Once a second: ages, the watch for silence, the next try.
fn second(stream: &Shared) {
    stream.borrow_mut().page.tick();
    if stream.borrow().page.is_hidden() {
        return;
    }
    let (is_silent, is_due) = {
        let mut stream = stream.borrow_mut();
        stream.silence += 1;
        stream.retry = stream.retry.map(|left| left.saturating_sub(1));
        (stream.source.is_some() && stream.silence > SILENCE_S, stream.retry == Some(0))
    };
    if is_silent {
        later(stream);
    } else if is_due {
        open(stream);
    }
}

/// Nobody looks: nothing is sent. Somebody looks again: everything since then.
fn visibility(stream: &Shared) {
    let is_hidden = stream.borrow().page.is_hidden();
    if is_hidden {
        close(stream);
    } else {
        stream.borrow_mut().page.tick();
        open(stream);
    }
}
