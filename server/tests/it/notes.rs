//! What a run remembers, where no store is wanted.

use std::{collections::BTreeMap, sync::Mutex};

use futures::future::BoxFuture;
use server::actions::{ActionError, Notes};

/// Notes in memory: as durable as the test.
#[derive(Default)]
pub struct Remembered(Mutex<BTreeMap<String, Vec<String>>>);

impl Remembered {
    /// What is kept now, by name.
    pub fn all(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap().iter().filter_map(|(name, values)| Some((name.clone(), values.last()?.clone()))).collect()
    }

    /// Everything that was ever kept under a name.
    pub fn every(&self, name: &str) -> Vec<String> {
        self.0.lock().unwrap().get(name).cloned().unwrap_or_default()
    }
}

impl Notes for Remembered {
    fn keep<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), ActionError>> {
        // What the store would refuse.
        assert!(name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        assert!(value.len() <= 8 * 1024, "{name} has {} bytes", value.len());
        self.0.lock().unwrap().entry(name.to_owned()).or_default().push(value.to_owned());
        Box::pin(async { Ok(()) })
    }

    fn kept<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, ActionError>> {
        let kept = self.0.lock().unwrap().get(name).and_then(|values| values.last().cloned());
        Box::pin(async { Ok(kept) })
    }
}
