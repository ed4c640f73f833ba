//! What a run remembers, as its action sees it.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;

use super::Executor;
use crate::{
    actions::{ActionError, Notes},
    store::Fence,
};

/// The notes of one run under one claim. Patient: a run that is under way does not end because the store is away for a while.
pub(super) struct RunNotes<'a> {
    executor: &'a Executor,
    run: i64,
    fence: Fence,
    lost: AtomicBool,
}

impl<'a> RunNotes<'a> {
    pub(super) const fn new(executor: &'a Executor, run: i64, fence: Fence) -> Self {
        Self { executor, run, fence, lost: AtomicBool::new(false) }
    }

    /// Whether a note could not be kept or read, since the run is no longer ours.
    pub(super) fn are_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    fn not_ours(&self) -> ActionError {
        self.lost.store(true, Ordering::Relaxed);
        ActionError::NotDone("Another console has this run now".to_owned())
    }
}

impl Notes for RunNotes<'_> {
    fn keep<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            let store = &self.executor.store;
            self.executor.patiently(self.run, || store.keep_note(self.run, self.fence, name, value)).await.map_err(|_| self.not_ours())
        })
    }

    fn kept<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, ActionError>> {
        Box::pin(async move {
            self.executor.patiently(self.run, || self.executor.store.note(self.run, name)).await.map_err(|_| self.not_ours())
        })
    }
}
