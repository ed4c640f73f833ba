//! One probe over one system, for ever: read, report, pause.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use app::model::SystemId;
use futures::FutureExt;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::slowest;
use crate::{
    clock::Stamp,
    pace::Pace,
    probes::{Probe, ProbeCtx, ProbeSpec, Reading},
};

/// The first reads are spread over this long, so that a large estate is not asked all at once.
const SPREAD: Duration = Duration::from_millis(300);

/// What came of one read.
pub(super) struct Attempt {
    /// Whose.
    pub(super) source: u32,
    /// When it ended.
    pub(super) at: Stamp,
    /// Whether the source told of a change: what it brings should not wait.
    pub(super) woken: bool,
    /// The reading, or why there is none in a sentence for people.
    pub(super) outcome: Result<Reading, String>,
}

/// How often a source that tells of changes is read: a change comes as a handful of events within some milliseconds, and in a storm four looks a
/// second say enough.
fn pace() -> Pace {
    Pace::new(Duration::from_millis(10), 8, Duration::from_millis(250))
}

/// Reads until nobody listens. Reads never overlap: the next begins when the last has ended and the period is over, or the source tells of a change.
pub(super) async fn run(probe: Arc<dyn Probe>, ctx: ProbeCtx, source: u32, system: SystemId, attempts: mpsc::Sender<Attempt>) {
    let spec = probe.spec();
    sleep(SPREAD.mul_f64(rand::random())).await;
    // The second read comes early by a random share, so that instances of one period do not march in step.
    let mut share = 0.3 + 0.7 * rand::random::<f64>();
    let mut failures = 0;
    let mut news = probe.news(&ctx, &system);
    let (mut pace, mut woken) = (pace(), false);
    loop {
        let began = Instant::now();
        // What comes from here on is news.
        if let Some(news) = &mut news {
            news.mark_unchanged();
        }
        let outcome = read(&*probe, &ctx, &system, &spec).await;
        failures = if outcome.is_ok() { 0 } else { failures + 1 };
        let attempt = Attempt { source, at: ctx.clock.now(), woken, outcome };
        if attempts.send(attempt).await.is_err() {
            return;
        }
        let due = began + pause(&spec, failures).mul_f64(share);
        share = 1.0;
        woken = tokio::select! {
            () = sleep_until(due) => false,
            () = told(&mut news) => true,
        };
        if woken {
            if let Some(ready) = pace.ready_at() {
                sleep_until(ready).await;
            }
            pace.happened(Instant::now());
        }
    }
}

/// Waits for news; for ever where none ever comes.
async fn told(news: &mut Option<watch::Receiver<u64>>) {
    let over = match news {
        Some(news) => news.changed().await.is_err(),
        None => true,
    };
    if over {
        std::future::pending().await
    }
}

/// From the start of one read to the start of the next: doubles with each failure in a row, up to what the promise of ten seconds allows.
fn pause(spec: &ProbeSpec, failures: u32) -> Duration {
    spec.every.saturating_mul(1 << failures.min(8)).min(slowest(spec))
}

async fn read(probe: &dyn Probe, ctx: &ProbeCtx, system: &SystemId, spec: &ProbeSpec) -> Result<Reading, String> {
    // A probe's state stays usable after a panic: it holds only histories, and recovers poisoned locks.
    let guarded = AssertUnwindSafe(async { probe.read(ctx, system).await }).catch_unwind();
    match timeout(spec.timeout, guarded).await {
        Ok(Ok(Ok(reading))) => Ok(reading),
        Ok(Ok(Err(error))) => Err(error.0),
        Ok(Err(_panic)) => {
            tracing::error!(probe.id = spec.id, system = %system, "Probe {} panicked on {system}; showing it as unknown", spec.id);
            Err("the console's own check failed; this is a defect of the console".into())
        }
        Err(_elapsed) => Err(format!("no answer within {} s", spec.timeout.as_secs_f64())),
    }
}

#[cfg(test)]
mod tests {
    use app::model::Kind;

    use super::*;
    use crate::monitor::{PROMISE, deadline};

    #[test]
    fn a_dead_source_is_asked_less_often_but_never_so_seldom_that_its_return_shows_late() {
        let seconds = Duration::from_secs;
        let spec = ProbeSpec { id: "p", title: "", kind: Kind::Cache, every: seconds(2), timeout: seconds(3) };
        let pauses: Vec<_> = (0..40).map(|failures| pause(&spec, failures)).collect();
        assert_eq!(pauses[..4], [seconds(2), seconds(4), seconds(6), seconds(6)]);
        assert!(pauses.iter().all(|pause| *pause + spec.timeout <= PROMISE));
        assert_eq!(deadline(&spec), seconds(11));
    }
}
