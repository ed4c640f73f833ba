//! What a run remembers, where no store is wanted.

use std::{collections::BTreeMap, sync::Mutex};

use futures::future::BoxFuture;
use server::actions::{ActionError, Notes};

/// Notes in memory: as durable as the test.
#[derive(Default)]
pub struct Remembered(Mutex<BTreeMap<String, String>>);

impl Notes for Remembered {
    fn keep<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), ActionError>> {
        self.0.lock().unwrap().insert(name.to_owned(), value.to_owned());
        Box::pin(async { Ok(()) })
    }

    fn kept<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, ActionError>> {
        let kept = self.0.lock().unwrap().get(name).cloned();
        Box::pin(async { Ok(kept) })
    }
}
