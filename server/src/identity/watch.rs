//! Sessions with open streams: one question to the store for all of them, twice a second.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{Caller, Inner, REMEMBERED};
use crate::{
    clock::Stamp,
    store::{SessionHash, SessionOwner},
};

/// How often the store is asked; with its answer this stays under a second.
const EVERY: Duration = Duration::from_millis(500);

/// How often what is remembered of addresses is tidied, in ticks.
const TIDY: u64 = 120;

#[derive(Debug, Default)]
pub(super) struct Watched(Mutex<HashMap<SessionHash, Watch>>);

#[derive(Debug)]
struct Watch {
    owner: SessionOwner,
    confirmed: Stamp,
    ended: CancellationToken,
}

impl Watched {
    /// The token of the caller's session.
    pub(super) fn add(&self, caller: &Caller, now: Stamp) -> CancellationToken {
        let owner = SessionOwner { account: caller.account, name: caller.name.clone(), role: caller.role };
        let mut map = self.lock();
        // Whoever comes back with another role gets a token of that role's own; the streams of the old one end.
        if let Some(watch) = map.get(&caller.session)
            && watch.owner != owner
            && let Some(old) = map.remove(&caller.session)
        {
            old.ended.cancel();
        }
        map.entry(caller.session).or_insert_with(|| Watch { owner, confirmed: now, ended: CancellationToken::new() }).ended.clone()
    }

    pub(super) fn end(&self, session: &SessionHash) {
        if let Some(watch) = self.lock().remove(session) {
            watch.ended.cancel();
        }
    }

    fn sessions(&self) -> Vec<SessionHash> {
        self.lock().keys().copied().collect()
    }

    /// Ends what the store did not confirm as it was.
    fn confirm(&self, asked: &[SessionHash], good: &HashMap<SessionHash, SessionOwner>, now: Stamp) {
        let mut map = self.lock();
        for session in asked {
            let Some(watch) = map.get_mut(session) else { continue };
            if good.get(session) == Some(&watch.owner) {
                watch.confirmed = now;
            } else if let Some(watch) = map.remove(session) {
                watch.ended.cancel();
            }
        }
    }

    /// Ends what was not confirmed for too long.
    fn expire(&self, now: Stamp) {
        self.lock().retain(|_, watch| {
            let good = now.since(watch.confirmed) <= REMEMBERED;
            if !good {
                watch.ended.cancel();
            }
            good
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SessionHash, Watch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches until the last [`super::Identity`] is gone.
pub(super) async fn run(inner: Weak<Inner>) {
    for tick in 1_u64.. {
        tokio::time::sleep(EVERY).await;
        let Some(inner) = inner.upgrade() else { return };
        if tick % TIDY == 0 {
            inner.attempts.tidy();
        }
        let asked = inner.watched.sessions();
        if asked.is_empty() {
            continue;
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
            // The store's own heartbeat has logged it.
            Err(_) => inner.watched.expire(now),
        }
    }
}
