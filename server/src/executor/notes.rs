//! What a run remembers, as its action sees it.

use futures::future::BoxFuture;

use super::Executor;
use crate::{
    actions::{ActionError, Notes},
    store::Fence,
};

/// The notes of one run under one claim. Patient: a run that is under way does not end because the store is away for a while.
pub(super) struct RunNotes<'a> {
    pub(super) executor: &'a Executor,
    pub(super) run: i64,
    pub(super) fence: Fence,
}

impl Notes for RunNotes<'_> {
    fn keep<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            let store = &self.executor.store;
            self.executor.patiently(self.run, || store.keep_note(self.run, self.fence, name, value)).await.map_err(|_| not_ours())
        })
    }

    fn kept<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, ActionError>> {
        Box::pin(
            async move { self.executor.patiently(self.run, || self.executor.store.note(self.run, name)).await.map_err(|_| not_ours()) },
        )
    }
}

fn not_ours() -> ActionError {
    ActionError::NotDone("Another console has this run now".to_owned())
}
