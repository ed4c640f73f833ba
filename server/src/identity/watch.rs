//! Sessions and screens with open streams: one question to the store for all of each, twice a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
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

/// An open stream of a session or a screen: whose it is counts as looking until this is dropped.
#[derive(Debug)]
pub struct Looking {
    /// Cancelled when the stream is to end.
    pub ended: CancellationToken,
    _held: Arc<()>,
}

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
    /// Nobody holds it any more once the last stream is gone.
    held: Weak<()>,
}

impl<V: Clone + PartialEq> Watched<V> {
    /// Lets streams go on for so long while the store is away.
    pub(super) fn new(lives: Duration) -> Self {
        Self { lives, map: Mutex::default() }
    }

    /// One more stream of the owner, whom the store confirmed last at this moment.
    pub(super) fn add(&self, hash: Hash, owner: V, confirmed: Stamp) -> Looking {
        let mut map = self.lock();
        // Whoever comes back with another role gets a token of that role's own; the streams of the old one end.
        if let Some(watch) = map.get(&hash)
            && watch.owner != owner
            && let Some(old) = map.remove(&hash)
        {
            old.ended.cancel();
        }
        let watch = map.entry(hash).or_insert_with(|| Watch { owner, confirmed, ended: CancellationToken::new(), held: Weak::new() });
        let held = watch.held.upgrade().unwrap_or_default();
        watch.held = Arc::downgrade(&held);
        Looking { ended: watch.ended.clone(), _held: held }
    }

    pub(super) fn end(&self, hash: &Hash) {
        if let Some(watch) = self.lock().remove(hash) {
            watch.ended.cancel();
        }
    }

    /// Who looks now; whoever does not any more is forgotten.
    fn hashes(&self) -> Vec<Hash> {
        let mut map = self.lock();
        map.retain(|_, watch| watch.held.strong_count() > 0);
        map.keys().copied().collect()
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
            for session in asked.iter().filter(|session| !good.contains_key(*session)) {
                inner.remembered.forget(session);
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const HASH: Hash = [7; 32];

    fn at(start: Instant, seconds: u64) -> Stamp {
        Stamp { wall: chrono::DateTime::UNIX_EPOCH, mono: start + Duration::from_secs(seconds) }
    }

    #[test]
    fn whoever_has_no_stream_open_does_not_look() {
        let (watched, start) = (Watched::new(Duration::from_secs(60)), Instant::now());
        let (one, two) = (watched.add(HASH, "Hall", at(start, 0)), watched.add(HASH, "Hall", at(start, 1)));
        drop(one);
        assert_eq!(watched.hashes(), [HASH], "another stream is open");
        drop(two);
        assert!(watched.hashes().is_empty());
        let _again = watched.add(HASH, "Hall", at(start, 2));
        assert_eq!(watched.hashes(), [HASH]);
    }

    #[test]
    fn the_time_of_whoever_is_remembered_counts_from_the_last_confirmation() {
        let (watched, start) = (Watched::new(Duration::from_secs(60)), Instant::now());
        let looking = watched.add(HASH, "Hall", at(start, 0));
        watched.expire(at(start, 60));
        assert!(!looking.ended.is_cancelled());
        // Opened anew in the meantime: that confirms nothing.
        let again = watched.add(HASH, "Hall", at(start, 0));
        watched.expire(at(start, 61));
        assert!(looking.ended.is_cancelled() && again.ended.is_cancelled());
    }

    #[test]
    fn what_the_store_no_longer_confirms_ends() {
        let (watched, start) = (Watched::new(Duration::from_secs(60)), Instant::now());
        let looking = watched.add(HASH, "Hall", at(start, 0));
        watched.confirm(&[HASH], &HashMap::from([(HASH, "Hall")]), at(start, 50));
        watched.expire(at(start, 100));
        assert!(!looking.ended.is_cancelled());
        watched.confirm(&[HASH], &HashMap::new(), at(start, 101));
        assert!(looking.ended.is_cancelled() && watched.hashes().is_empty());
    }
}
