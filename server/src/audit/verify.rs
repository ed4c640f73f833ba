//! Walks the chain and says whether every link holds.
//!
//! What it cannot see by itself is a cut at the end: that takes a signed checkpoint of the head, kept elsewhere.

use std::time::{Duration, Instant};

use super::{FORMAT, NO_HASH, Sealed};
use crate::store::{Store, StoreError};

/// How many events are read at once.
const PAGE: i64 = 500;

/// What the walk found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// How many events were looked at, up to and with the broken one.
    pub n_events: u64,
    /// The last event that is bound to all before it: its number and hash. A checkpoint of the head is compared with this.
    pub head: Option<(i64, Vec<u8>)>,
    /// The first link that does not hold.
    pub broken: Option<Broken>,
    /// Whether the walk came to where it was to end; else its time ran out before.
    pub whole: bool,
}

/// A link that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The event at which it was seen.
    pub seq: i64,
    /// What is wrong.
    pub why: String,
}

impl Chain {
    /// In a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match (&self.broken, &self.head) {
            (Some(broken), _) => format!("broken at event {}: {}", broken.seq, broken.why),
            (None, None) => "no events".to_owned(),
            (None, Some((seq, _))) => format!("{} events up to {seq}, every link holds", self.n_events),
        }
    }
}

/// Which part of the chain is walked.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// The first event; below 1 is 1.
    pub from: i64,
    /// The last one; without it, up to the newest.
    pub to: Option<i64>,
    /// The hash that the event before the first one is known to have had; without it, that event is taken as it is.
    pub after: Option<Vec<u8>>,
    /// How long the walk may take; it then ends where it is.
    pub within: Option<Duration>,
}

/// Walks the events `from..=to` in order; without an end, up to the newest. The event before `from` is taken as it is.
///
/// # Errors
/// When the store does not answer.
pub async fn verify(store: &Store, from: i64, to: Option<i64>) -> Result<Chain, StoreError> {
    verify_span(store, &Span { from, to, ..Span::default() }).await
}

/// Walks a part of the chain.
///
/// # Errors
/// When the store does not answer.
pub async fn verify_span(store: &Store, span: &Span) -> Result<Chain, StoreError> {
    let began = Instant::now();
    let from = span.from.max(1);
    let before = if from == 1 { None } else { store.audit_forward(from - 1, 1).await?.into_iter().find(|event| event.seq == from - 1) };
    let mut chain = Chain { n_events: 0, head: None, broken: None, whole: true };
    if let Some(known) = &span.after
        && from > 1
        && before.as_ref().map(|event| &event.hash) != Some(known)
    {
        let why = "it is no longer the event that was verified before".to_owned();
        chain.broken = Some(Broken { seq: from - 1, why });
        return Ok(chain);
    }
    let mut walk = Walk { next: from, prev: before.map_or_else(|| NO_HASH.to_vec(), |event| event.hash), chain };
    loop {
        let page = store.audit_forward(walk.next, PAGE).await?;
        if page.is_empty() {
            return Ok(walk.chain);
        }
        for event in page {
            if span.to.is_some_and(|to| event.seq > to) {
                return Ok(walk.chain);
            }
            if let Err(broken) = walk.step(&event) {
                walk.chain.broken = Some(broken);
                return Ok(walk.chain);
            }
        }
        if span.within.is_some_and(|within| began.elapsed() > within) {
            walk.chain.whole = false;
            return Ok(walk.chain);
        }
    }
}

struct Walk {
    next: i64,
    prev: Vec<u8>,
    chain: Chain,
}

impl Walk {
    /// Takes one event as the next link.
    fn step(&mut self, event: &Sealed) -> Result<(), Broken> {
        self.chain.n_events += 1;
        let broken = |why: String| Err(Broken { seq: event.seq, why });
        if event.seq != self.next {
            return broken(match event.seq - self.next {
                1 => format!("event {} before it is missing", self.next),
                _ => format!("events {} to {} before it are missing", self.next, event.seq - 1),
            });
        }
        if event.format != FORMAT {
            return broken(format!("its hash has format {}, which this version does not know", event.format));
        }
        if event.prev_hash != self.prev {
            return broken("it does not name the event before it: that one was changed, removed or put in later".to_owned());
        }
        if event.hash != event.link().hash() {
            return broken("its content does not fit its hash: it was changed after it was written".to_owned());
        }
        self.prev.clone_from(&event.hash);
        self.chain.head = Some((event.seq, event.hash.clone()));
        self.next += 1;
        Ok(())
    }
}
