//! Sessions that the store confirmed lately: they may read while it is away.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::REMEMBERED;
use crate::{
    clock::Stamp,
    store::{SessionHash, SessionOwner},
};

/// More people than this do not look at one replica.
const MOST: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<SessionHash, (SessionOwner, Stamp)>>);

impl Remembered {
    pub(super) fn keep(&self, session: SessionHash, owner: SessionOwner, now: Stamp) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= MOST && !map.contains_key(&session) {
            map.retain(|_, (_, seen)| now.since(*seen) <= REMEMBERED);
            if map.len() >= MOST
                && let Some(oldest) = map.iter().min_by_key(|(_, (_, seen))| seen.mono).map(|(session, _)| *session)
            {
                map.remove(&oldest);
            }
        }
        map.insert(session, (owner, now));
    }

    pub(super) fn forget(&self, session: &SessionHash) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }

    pub(super) fn recall(&self, session: &SessionHash, now: Stamp) -> Option<SessionOwner> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(session).filter(|(_, seen)| now.since(*seen) <= REMEMBERED).map(|(owner, _)| owner.clone())
    }
}
