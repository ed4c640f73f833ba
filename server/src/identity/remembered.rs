//! Who the store confirmed lately: they may read while it is away.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::Hash;
use crate::clock::Stamp;

/// More people than this do not look at one replica.
const MOST: usize = 4_096;

/// Owners of sessions, or of screens, each with the moment at which the store last confirmed it.
#[derive(Debug)]
pub(super) struct Remembered<V> {
    lives: Duration,
    map: Mutex<HashMap<Hash, (V, Stamp)>>,
}

impl<V: Clone> Remembered<V> {
    /// Remembers each for so long.
    pub(super) fn new(lives: Duration) -> Self {
        Self { lives, map: Mutex::default() }
    }

    pub(super) fn keep(&self, hash: Hash, owner: V, now: Stamp) {
        let mut map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= MOST && !map.contains_key(&hash) {
            map.retain(|_, (_, seen)| now.since(*seen) <= self.lives);
            if map.len() >= MOST
                && let Some(oldest) = map.iter().min_by_key(|(_, (_, seen))| seen.mono).map(|(hash, _)| *hash)
            {
                map.remove(&oldest);
            }
        }
        map.insert(hash, (owner, now));
    }

    pub(super) fn forget(&self, hash: &Hash) {
        self.map.lock().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }

    pub(super) fn recall(&self, hash: &Hash, now: Stamp) -> Option<V> {
        let map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(hash).filter(|(_, seen)| now.since(*seen) <= self.lives).map(|(owner, _)| owner.clone())
    }

    /// When the store confirmed it last.
    pub(super) fn confirmed(&self, hash: &Hash) -> Option<Stamp> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner).get(hash).map(|(_, seen)| *seen)
    }
}
