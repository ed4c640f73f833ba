//! Server-sent events: each live view is one cached snapshot with a sequence number.
//!
//! A snapshot is a list of fragments of HTML, each with the number at which it last changed. A reader says up to which number it
//! has seen and gets the fragments that changed since: the same rule serves a reader that keeps up (all of those share one
//! serialisation), one that lags, and one that comes back after an hour. Nothing is queued for anybody, so a reader that stops
//! reading costs its socket and no more.

mod wire;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use app::{model::Topic, render::split};
use bytes::Bytes;
use futures::{Stream, future::BoxFuture};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{SharedClock, Stamp},
    overview::Ages,
    pace::Pace,
};

pub use wire::Encoding;
use wire::Event;

/// One element of a page, named by its `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The element's `id`.
    pub id: String,
    /// The whole element.
    pub html: String,
}

/// What draws a topic.
pub trait Draw: Send + Sync + 'static {
    /// The fragments of a topic.
    fn draw<'a>(&'a self, topic: &'a Topic, ages: Ages) -> BoxFuture<'a, Drawn>;

    /// The sources that the topic shows, with the instant at which each was last good.
    fn sources(&self, topic: &Topic) -> Vec<(u32, Stamp)>;

    /// A number that changes whenever something that the topic shows may have changed.
    fn changes(&self, topic: &Topic) -> watch::Receiver<u64>;
}

/// A topic as it is now.
pub enum Drawn {
    /// Its fragments.
    Fragments(Vec<Fragment>),
    /// It cannot be said now: what was drawn last stands, and grows old visibly.
    NotNow,
    /// There is no such thing (any more).
    Gone,
}

/// One element as it was sent last.
struct Element {
    id: String,
    /// Without its ages (and a fragment also without its inner elements): what tells whether it changed.
    undated: String,
    html: String,
    changed: u64,
}

/// A fragment and the elements in it that are sent on their own when nothing around them changed.
struct Kept {
    whole: Element,
    inner: Vec<Element>,
}

impl Element {
    /// The element as it is now; the number of its last change stays when nothing but its age differs.
    fn next(id: String, undated: String, html: String, before: Option<&Element>, seq: u64) -> Self {
        let changed = before.filter(|before| before.undated == undated).map_or(seq, |before| before.changed);
        Self { id, undated, html, changed }
    }
}

impl Kept {
    fn next(undated: Fragment, dated: Fragment, before: Option<&Kept>, seq: u64) -> Self {
        let (undated, inner) = (split(&undated.html), split(&dated.html).inner);
        let inner: Vec<_> = undated
            .inner
            .into_iter()
            .zip(inner)
            .map(|(undated, dated)| {
                let before = before.and_then(|before| before.inner.iter().find(|element| element.id == dated.id));
                Element::next(dated.id, undated.html, dated.html, before, seq)
            })
            .collect();
        let whole = Element::next(dated.id, undated.around, dated.html, before.map(|before| &before.whole), seq);
        Self { whole, inner }
    }

    /// Whether the fragment, drawn again, says the same but for its ages.
    fn says(&self, undated: &Fragment) -> bool {
        let undated_inner = split(&undated.html);
        self.whole.id == undated.id
            && self.whole.undated == undated_inner.around
            && self.inner.len() == undated_inner.inner.len()
            && self.inner.iter().zip(&undated_inner.inner).all(|(kept, new)| kept.id == new.id && kept.undated == new.html)
    }

    /// Whether nothing but figures in it changed.
    fn frames(&self, undated: &Fragment) -> bool {
        let undated_inner = split(&undated.html);
        let ids = self.inner.iter().map(|kept| &kept.id);
        self.whole.id == undated.id && self.whole.undated == undated_inner.around && ids.eq(undated_inner.inner.iter().map(|new| &new.id))
    }

    /// What somebody who has seen `since` must be sent of it.
    fn after(&self, since: u64) -> impl Iterator<Item = PatchFragment<'_>> {
        let whole = (self.whole.changed > since).then_some(&self.whole);
        let inner = self.inner.iter().filter(move |element| whole.is_none() && element.changed > since);
        whole.into_iter().chain(inner).map(|element| PatchFragment { id: &element.id, html: &element.html })
    }
}

/// A live view at one moment.
pub struct Snapshot {
    /// Its number; numbers only grow, over all views and over restarts.
    pub seq: u64,
    prev: u64,
    /// When it was drawn: its ages are of then.
    drawn: Stamp,
    /// Everything that changed from `prev` to `seq`, ready to send.
    patch: Event,
    kept: Vec<Kept>,
}

#[derive(Serialize)]
struct Patch<'a> {
    seq: u64,
    /// How long ago it was drawn, in milliseconds, where that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<u64>,
    fragments: Vec<PatchFragment<'a>>,
}

#[derive(Serialize)]
struct PatchFragment<'a> {
    id: &'a str,
    html: &'a str,
}

impl Snapshot {
    /// What a reader that has seen `since` needs; `None` if nothing.
    fn patch_since(&self, since: u64, first: u64, now: Stamp) -> Option<Event> {
        if since == self.seq {
            return None;
        }
        let old = now.since(self.drawn);
        if since == self.prev && old < YOUNG {
            return Some(self.patch.clone());
        }
        // A number of another process, or of the future, says nothing about what the reader has: it gets everything.
        let known = (first..=self.seq).contains(&since);
        let since = if known { since } else { 0 };
        let old = (old >= YOUNG).then(|| u64::try_from(old.as_millis()).unwrap_or(u64::MAX));
        Some(Event::named("patch", Some(self.seq), &Patch { seq: self.seq, old, fragments: self.after(since) }))
    }

    fn after(&self, since: u64) -> Vec<PatchFragment<'_>> {
        self.kept.iter().flat_map(|kept| kept.after(since)).collect()
    }
}

/// One live view.
struct View {
    snapshots: watch::Sender<Arc<Snapshot>>,
    ages: watch::Sender<Event>,
    /// The lowest number that this view ever gave.
    first: u64,
    /// Up to which of its topic's changes it was looked whether it differs.
    looked: AtomicU64,
}

/// All live views. Overview and strip are drawn from their first reader on; others while somebody looks.
pub struct Hub {
    draw: Arc<dyn Draw>,
    clock: SharedClock,
    seq: AtomicU64,
    views: Mutex<HashMap<Topic, Arc<View>>>,
    closing: CancellationToken,
    version: String,
}

/// A change is drawn at once, a burst of them a few times, and for long at most four times a second.
fn pace() -> Pace {
    Pace::new(Duration::from_millis(10), 6, Duration::from_millis(250))
}

/// Drawn at least so often, so that what becomes stale is drawn so even when nothing changes.
const REDRAW: Duration = Duration::from_secs(2);
/// Heartbeats go out at most so often. A probe's deadline (eleven seconds and more) leaves room for its period and this together.
const HEARTBEAT: Duration = Duration::from_secs(4);
/// Where nothing but figures moved, a wall is sent them at most so often: they are read from five metres, by nobody who waits for them.
const FIGURES: Duration = Duration::from_secs(5);
/// What was drawn less than this ago is sent as it is: its ages are right to the second.
const YOUNG: Duration = Duration::from_secs(1);
/// So many drawings are tried in a world that moves within each.
const STILL: usize = 3;
/// A view that nobody follows is kept so long: a reload finds it.
const LINGER: Duration = Duration::from_secs(20);
/// More views at once than this are not followed; their pages reload by `noscript`'s clock only.
const VIEWS: usize = 500;

impl Hub {
    /// A hub that draws by `draw`. `version` names this build: a page of another build is told to reload.
    #[must_use]
    pub fn new(draw: Arc<dyn Draw>, clock: SharedClock, version: String) -> Arc<Self> {
        // Seconds since 1970 above 2^20 changes: grows over restarts, and stays below 2^53, which is what a browser counts exactly.
        let start = u64::try_from(clock.now().wall.timestamp()).unwrap_or(0) << 20;
        Arc::new(Self { draw, clock, seq: AtomicU64::new(start), views: Mutex::default(), closing: CancellationToken::new(), version })
    }

    /// Ends every stream; browsers come back by themselves.
    pub fn close(&self) {
        self.closing.cancel();
    }

    fn views(&self) -> MutexGuard<'_, HashMap<Topic, Arc<View>>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number that a page drawn now may be followed from; `None` when the topic cannot be followed.
    pub async fn seq(self: &Arc<Self>, topic: &Topic) -> Option<u64> {
        let view = self.view(topic).await?;
        Some(self.number(topic, &view))
    }

    /// The number of a view that is being drawn already; never waits.
    #[must_use]
    pub fn known(&self, topic: &Topic) -> Option<u64> {
        let view = self.views().get(topic).cloned()?;
        Some(self.number(topic, &view))
    }

    /// The view's number; 0, from which a reader gets everything, while the view lags behind what a page is drawn from. If the world then went
    /// back to what the view shows, nothing would be sent, and the page would keep what is no longer so.
    fn number(&self, topic: &Topic, view: &View) -> u64 {
        let now = *self.draw.changes(topic).borrow();
        if view.looked.load(Ordering::Acquire) == now { view.snapshots.borrow().seq } else { 0 }
    }

    /// How many streams are open, over all views.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.views().values().map(|view| view.snapshots.receiver_count()).sum()
    }

    async fn view(self: &Arc<Self>, topic: &Topic) -> Option<Arc<View>> {
        if let Some(view) = self.views().get(topic) {
            return Some(view.clone());
        }
        let now = self.clock.now();
        let looked = *self.draw.changes(topic).borrow();
        let Drawn::Fragments(undated) = self.draw.draw(topic, Ages::Frozen(now)).await else { return None };
        let (undated, dated) = self.dated(topic, now, undated).await?;
        let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
        let kept = undated.into_iter().zip(dated).map(|(undated, dated)| Kept::next(undated, dated, None, seq)).collect();
        let snapshot = Snapshot { seq, prev: seq, drawn: now, patch: Event::default(), kept };
        let view = Arc::new(View {
            snapshots: watch::Sender::new(Arc::new(snapshot)),
            ages: watch::Sender::new(Event::default()),
            first: seq,
            looked: AtomicU64::new(looked),
        });
        {
            let mut views = self.views();
            if let Some(other) = views.get(topic) {
                return Some(other.clone());
            }
            if views.len() >= VIEWS {
                return None;
            }
            views.insert(topic.clone(), view.clone());
        }
        tokio::spawn(self.clone().keep(topic.clone(), view.clone()));
        Some(view)
    }

    /// Redraws one view for as long as somebody follows it.
    async fn keep(self: Arc<Self>, topic: Topic, view: Arc<View>) {
        let mut followed = Instant::now();
        let mut told: HashMap<u32, Stamp> = HashMap::new();
        let mut ages_due = Instant::now();
        let mut figures_told = Instant::now();
        let mut changes = self.draw.changes(&topic);
        let mut pace = pace();
        loop {
            tokio::select! {
                () = self.closing.cancelled() => break,
                Ok(()) = changes.changed() => {}
                () = tokio::time::sleep(REDRAW) => {}
            }
            pace.happened(tokio::time::Instant::now());
            let looked = *changes.borrow_and_update();
            match self.redraw(&topic, &view, &mut figures_told).await {
                Some(true) => view.looked.store(looked, Ordering::Release),
                Some(false) => {}
                None => break,
            }
            if ages_due.elapsed() >= HEARTBEAT {
                ages_due = Instant::now();
                self.tell_ages(&topic, &view, &mut told);
            }
            if view.snapshots.receiver_count() > 0 || matches!(topic, Topic::Overview | Topic::Strip) {
                followed = Instant::now();
            }
            if followed.elapsed() > LINGER {
                break;
            }
            if let Some(ready) = pace.ready_at() {
                tokio::time::sleep_until(ready).await;
            }
        }
        // Dropping the last sender ends the streams; their readers come back and get a new view, or a 404.
        self.views().remove(&topic);
    }

    /// What was drawn without its ages, and the same with them. The world may move between the two: then what is sent is not what the next
    /// drawing is compared with, and a value that moves back would stand for ever. So it is drawn until the world stood still around it.
    async fn dated(&self, topic: &Topic, now: Stamp, mut undated: Vec<Fragment>) -> Option<(Vec<Fragment>, Vec<Fragment>)> {
        let mut tries = 0;
        loop {
            let Drawn::Fragments(dated) = self.draw.draw(topic, Ages::At(now)).await else { return None };
            // A run only goes forward, and its bar moves with each drawing.
            if matches!(topic, Topic::Run(_)) {
                return Some((undated, dated));
            }
            let Drawn::Fragments(again) = self.draw.draw(topic, Ages::Frozen(now)).await else { return None };
            if again == undated {
                return Some((undated, dated));
            }
            undated = again;
            tries += 1;
            if tries == STILL {
                // Compared with nothing, it is sent anew with the next drawing.
                undated = dated.iter().map(|Fragment { id, .. }| Fragment { id: id.clone(), html: String::new() }).collect();
                return Some((undated, dated));
            }
        }
    }

    /// Draws what differs; whether the view is now what was looked at. `None`: there is no such thing any more.
    async fn redraw(&self, topic: &Topic, view: &View, figures_told: &mut Instant) -> Option<bool> {
        let now = self.clock.now();
        let undated = match self.draw.draw(topic, Ages::Frozen(now)).await {
            Drawn::Fragments(undated) => undated,
            Drawn::NotNow => return Some(false),
            Drawn::Gone => return None,
        };
        let last = view.snapshots.borrow().clone();
        let same = undated.len() == last.kept.len() && undated.iter().zip(&last.kept).all(|(new, kept)| kept.says(new));
        if same {
            return Some(true);
        }
        if *topic == Topic::Wall {
            let figures_only = undated.len() == last.kept.len() && undated.iter().zip(&last.kept).all(|(new, kept)| kept.frames(new));
            if figures_only && figures_told.elapsed() < FIGURES {
                return Some(false);
            }
            *figures_told = Instant::now();
        }
        let Some((undated, dated)) = self.dated(topic, now, undated).await else { return Some(false) };
        let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
        let before: HashMap<&str, &Kept> = last.kept.iter().map(|kept| (kept.whole.id.as_str(), kept)).collect();
        let kept: Vec<Kept> = undated
            .into_iter()
            .zip(dated)
            .map(|(undated, dated)| {
                let before = before.get(undated.id.as_str()).copied();
                Kept::next(undated, dated, before, seq)
            })
            .collect();
        let mut snapshot = Snapshot { seq, prev: last.seq, drawn: now, patch: Event::default(), kept };
        snapshot.patch = Event::named("patch", Some(seq), &Patch { seq, old: None, fragments: snapshot.after(last.seq) });
        view.snapshots.send_replace(Arc::new(snapshot));
        Some(true)
    }

    /// Tells how old each source is that was read since it was last told: sources by age in whole seconds, rounded up, so that nothing
    /// looks younger than it is. Losing one only makes a screen look older.
    fn tell_ages(&self, topic: &Topic, view: &View, told: &mut HashMap<u32, Stamp>) {
        let now = self.clock.now();
        let mut by_age: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (source, good) in self.draw.sources(topic) {
            if told.insert(source, good) != Some(good) {
                let age = now.since(good).as_millis().div_ceil(1_000);
                by_age.entry(u64::try_from(age).unwrap_or(u64::MAX)).or_default().push(source);
            }
        }
        if !by_age.is_empty() {
            view.ages.send_replace(Event::named("ages", None, &by_age));
        }
    }

    /// The stream of one reader that has seen `since` and was drawn by the build `version`, in this encoding. Ends when `ended` does, when the console closes, or with the topic.
    pub async fn follow(
        self: &Arc<Self>,
        topic: &Topic,
        since: u64,
        version: &str,
        encoding: Encoding,
        ended: CancellationToken,
    ) -> Option<impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + use<>> {
        let view = self.view(topic).await?;
        let first = view.first;
        let state = Reader {
            snapshots: view.snapshots.subscribe(),
            ages: view.ages.subscribe(),
            since,
            first,
            encoding,
            begun: false,
            reload: !version.is_empty() && version != self.version,
            clock: self.clock.clone(),
            closing: self.closing.clone(),
            ended,
            // A screen that may not look any more goes dark at once: its page then says why.
            farewell: *topic == Topic::Wall,
        };
        Some(futures::stream::unfold(state, |mut reader| async move { reader.next().await.map(|bytes| (Ok(bytes), reader)) }))
    }
}

struct Reader {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    ages: watch::Receiver<Event>,
    since: u64,
    first: u64,
    encoding: Encoding,
    begun: bool,
    reload: bool,
    clock: SharedClock,
    closing: CancellationToken,
    ended: CancellationToken,
    farewell: bool,
}

/// A silent stream says so: proxies and browsers drop what is silent for long.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        if !self.begun {
            self.begun = true;
            let mut hello = wire::head(self.encoding).to_vec();
            hello.extend_from_slice(wire::RETRY.in_(self.encoding));
            let first = if self.reload { Some(wire::RELOAD.clone()) } else { self.patch() };
            if let Some(first) = first {
                hello.extend_from_slice(first.in_(self.encoding));
            }
            return Some(hello.into());
        }
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return None,
                () = self.ended.cancelled() => return std::mem::take(&mut self.farewell).then(|| wire::RELOAD.in_(self.encoding).clone()),
                changed = self.snapshots.changed() => {
                    changed.ok()?;
                    if let Some(patch) = self.patch() {
                        return Some(patch.in_(self.encoding).clone());
                    }
                }
                changed = self.ages.changed() => {
                    changed.ok()?;
                    return Some(self.ages.borrow_and_update().in_(self.encoding).clone());
                }
                () = tokio::time::sleep(KEEP_ALIVE) => return Some(wire::KEEP_ALIVE.in_(self.encoding).clone()),
            }
        }
    }

    fn patch(&mut self) -> Option<Event> {
        let snapshot = self.snapshots.borrow_and_update().clone();
        let patch = snapshot.patch_since(self.since, self.first, self.clock.now());
        self.since = snapshot.seq;
        patch
    }
}

#[cfg(test)]
mod tests;
