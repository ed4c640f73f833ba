//! What a step reports while it runs: kept in the store at most twice a second, whatever the step says.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    actions::Progress,
    store::{Fence, Store, StoreError},
};

/// How often progress is written.
const EVERY: Duration = Duration::from_millis(500);
/// More lines than this between two writes are counted, not kept: output is bounded.
const LINES: usize = 200;

/// Progress of one step of one run.
pub(super) struct StepProgress {
    said: Mutex<Said>,
    cancelled: AtomicBool,
}

#[derive(Default)]
struct Said {
    detail: Option<(String, Option<(u64, u64)>)>,
    lines: Vec<String>,
    left_out: usize,
}

impl StepProgress {
    pub(super) fn new() -> Self {
        Self { said: Mutex::default(), cancelled: AtomicBool::new(false) }
    }

    /// Notes that the run was asked to stop.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Writes what was said, for ever; dropped when the step has ended.
    pub(super) async fn keep(&self, store: &Store, run: i64, fence: Fence, no: i32, told: impl Fn()) {
        loop {
            tokio::time::sleep(EVERY).await;
            match self.flush(store, run, fence, no).await {
                Ok(true) => told(),
                Ok(false) => {}
                // What was said is said again by the next report; a step does not stop for it.
                Err(err) => tracing::debug!(run, error = %err, "Progress of run {run} was not kept"),
            }
        }
    }

    /// Writes what was said since the last time; whether there was anything.
    pub(super) async fn flush(&self, store: &Store, run: i64, fence: Fence, no: i32) -> Result<bool, StoreError> {
        let Said { detail, mut lines, left_out } = std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner));
        if left_out > 0 {
            lines.push(format!("… {left_out} lines left out"));
        }
        let any = detail.is_some() || !lines.is_empty();
        if let Some((detail, done_of)) = detail {
            store.step_progress(run, fence, no, &detail, done_of).await?;
        }
        if !lines.is_empty() {
            store.step_output(run, fence, no, &lines).await?;
        }
        Ok(any)
    }
}

impl Progress for StepProgress {
    fn report(&self, detail: String, done_of: Option<(u64, u64)>) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).detail = Some((detail, done_of));
    }

    fn line(&self, line: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.lines.len() < LINES {
            said.lines.push(line);
        } else {
            said.left_out += 1;
        }
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
