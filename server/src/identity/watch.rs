//! Sessions and screens with open streams: one question to the store for all of each, twice a second.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{Hash, Inner};
use crate::clock::Stamp;

/// How often the store is asked; with its answer this stays under a second.
const EVERY: Duration = Duration::from_millis(500);

/// How often what is remembered of addresses is tidied, in ticks.
const TIDY: u64 = 120;

/// How often it is noted that screens look, in ticks: "last use" is true to a quarter of a minute.
const TOUCH: u64 = 30;

/// Whose streams are open: each ends once the store says that its owner is no longer what it was.
#[derive(Debug)]
pub(super) struct Watched<V> {
    lives: Duration,
    map: Mutex<HashMap<Hash, Watch<V>>>,
}

#[derive(Debug)]
struct Watch<V> {
    owner: V,
    confirmed: Stamp,
    ended: CancellationToken,
}

impl<V: Clone + PartialEq> Watched<V> {
    /// Lets streams go on for so long while the store is away.
    pub(super) fn new(lives: Duration) -> Self {
        Self { lives, map: Mutex::default() }
    }

    /// The token of the owner's streams.
    pub(super) fn add(&self, hash: Hash, owner: V, now: Stamp) -> CancellationToken {
        let mut map = self.lock();
        // Whoever comes back with another role gets a token of that role's own; the streams of the old one end.
        if let Some(watch) = map.get(&hash)
            && watch.owner != owner
            && let Some(old) = map.remove(&hash)
        {
            old.ended.cancel();
        }
        map.entry(hash).or_insert_with(|| Watch { owner, confirmed: now, ended: CancellationToken::new() }).ended.clone()
    }

    pub(super) fn end(&self, hash: &Hash) {
        if let Some(watch) = self.lock().remove(hash) {
            watch.ended.cancel();
        }
    }

    fn hashes(&self) -> Vec<Hash> {
        self.lock().keys().copied().collect()
    }

    /// Ends what the store did not confirm as it was.
    fn confirm(&self, asked: &[Hash], good: &HashMap<Hash, V>, now: Stamp) {
        let mut map = self.lock();
        for hash in asked {
            let Some(watch) = map.get_mut(hash) else { continue };
            if good.get(hash) == Some(&watch.owner) {
                watch.confirmed = now;
            } else if let Some(watch) = map.remove(hash) {
                watch.ended.cancel();
            }
        }
    }

    /// Ends what was not confirmed for too long.
    fn expire(&self, now: Stamp) {
        self.lock().retain(|_, watch| {
            let good = now.since(watch.confirmed) <= self.lives;
            if !good {
                watch.ended.cancel();
            }
            good
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Hash, Watch<V>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches until the last [`super::Identity`] is gone.
pub(super) async fn run(inner: Weak<Inner>) {
    for tick in 1_u64.. {
        tokio::time::sleep(EVERY).await;
        let Some(inner) = inner.upgrade() else { return };
        if tick % TIDY == 0 {
            inner.tidy();
        }
        tokio::join!(sessions(&inner), screens(&inner, tick % TOUCH == 0));
    }
}

// Where the store does not answer, its own heartbeat has logged it.

async fn sessions(inner: &Inner) {
    let asked = inner.watched.hashes();
    if asked.is_empty() {
        return;
    }
    let now = inner.clock.now();
    match inner.store.session_owners(&asked).await {
        Ok(good) => {
            let good: HashMap<_, _> = good.into_iter().collect();
            for (session, owner) in &good {
                inner.remembered.keep(*session, owner.clone(), now);
            }
            inner.watched.confirm(&asked, &good, now);
        }
        Err(_) => inner.watched.expire(now),
    }
}

async fn screens(inner: &Inner, touch: bool) {
    let asked = inner.watched_screens.hashes();
    if asked.is_empty() {
        return;
    }
    let now = inner.clock.now();
    match inner.store.device_owners(&asked).await {
        Ok(good) => {
            let good: HashMap<_, _> = good.into_iter().collect();
            for (token, owner) in &good {
                inner.remembered_screens.keep(*token, owner.clone(), now);
            }
            for token in asked.iter().filter(|token| !good.contains_key(*token)) {
                inner.remembered_screens.forget(token);
            }
            inner.watched_screens.confirm(&asked, &good, now);
            if touch && let Err(err) = inner.store.touch_devices(&asked, None).await {
                tracing::debug!(error = %err, "The screens' last use was not noted; the next one is");
            }
        }
        Err(_) => inner.watched_screens.expire(now),
    }
}
