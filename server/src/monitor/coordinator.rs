//! Keeps what the tasks read, publishes it, reports changes. Waits for nothing outside the console.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use app::model::{Health, SystemId};
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::{Instant, sleep_until},
};

use super::{
    KnownSince,
    changes::{Changes, HealthChange},
    course::Course,
    deadline,
    task::{self, Attempt},
    world::{Instance, World},
};
use crate::{
    clock::Stamp,
    pace::Pace,
    probes::{Probe, ProbeCtx, Reading},
};

/// What only moved a figure or confirmed it is published at most so often.
const ROUTINE: Duration = Duration::from_millis(500);

/// What is news is published at once, for long at most ten times a second.
fn pace() -> Pace {
    Pace::new(Duration::from_millis(5), 8, Duration::from_millis(100))
}

/// Attempts that may wait for the coordinator; tasks wait when it is full, which costs them nothing but time.
const ATTEMPTS_WAITING: usize = 256;

pub(super) struct Coordinator {
    probes: Vec<Arc<dyn Probe>>,
    ctx: ProbeCtx,
    since: KnownSince,
    changes: Changes,
    world: watch::Sender<Arc<World>>,
    running: HashMap<u32, Running>,
    /// The sources in the order of the screen.
    order: Vec<u32>,
    next_source: u32,
}

/// One instance and the task that reads it; dropping it ends the task.
struct Running {
    instance: Instance,
    /// What was published of it last, as long as it has not changed.
    published: Option<Arc<Instance>>,
    course: Course,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Coordinator {
    pub(super) fn new(
        probes: Vec<Box<dyn Probe>>,
        ctx: ProbeCtx,
        since: KnownSince,
        changes: mpsc::Sender<HealthChange>,
    ) -> (Self, watch::Receiver<Arc<World>>) {
        let (world, seen) = watch::channel(Arc::default());
        let probes = probes.into_iter().map(Arc::from).collect();
        let changes = Changes::new(changes);
        (Self { probes, ctx, since, changes, world, running: HashMap::new(), order: Vec::new(), next_source: 0 }, seen)
    }

    /// Runs until the last receiver of the world is gone.
    pub(super) async fn run(mut self, mut systems: watch::Receiver<Vec<SystemId>>) {
        let (attempts, mut ended) = mpsc::channel(ATTEMPTS_WAITING);
        let first = systems.borrow_and_update().clone();
        self.arrange(&first, &attempts);
        self.publish();
        let mut pace = pace();
        let mut publish_at: Option<Instant> = None;
        let mut published_at = Instant::now();
        let mut systems_may_change = true;
        let world = self.world.clone();
        loop {
            tokio::select! {
                () = world.closed() => return,
                changed = systems.changed(), if systems_may_change => match changed {
                    Ok(()) => {
                        let now = systems.borrow_and_update().clone();
                        self.arrange(&now, &attempts);
                        publish_at = Some(pace.ready_at().unwrap_or(published_at));
                    }
                    // Whoever knew of new systems is gone; those that are known stay watched.
                    Err(_) => systems_may_change = false,
                },
                Some(attempt) = ended.recv() => {
                    let due = if self.take(attempt) { pace.ready_at().unwrap_or(published_at) } else { published_at + ROUTINE };
                    publish_at = Some(publish_at.map_or(due, |at| at.min(due)));
                }
                () = self.changes.send_oldest(), if self.changes.is_waiting() => {}
                () = sleep_until(publish_at.unwrap_or(published_at)), if publish_at.is_some() => {
                    self.publish();
                    published_at = Instant::now();
                    pace.happened(published_at);
                    publish_at = None;
                }
            }
        }
    }

    /// Starts what is new, ends what is gone, keeps the rest as it is.
    fn arrange(&mut self, systems: &[SystemId], attempts: &mpsc::Sender<Attempt>) {
        let mut known: HashMap<(&'static str, SystemId), u32> =
            self.running.iter().map(|(source, run)| ((run.instance.spec.id, run.instance.system.clone()), *source)).collect();
        let mut listed = HashSet::new();
        let systems: Vec<_> = systems.iter().filter(|system| listed.insert(*system)).collect();
        let mut order = Vec::with_capacity(self.order.len());
        for probe in self.probes.clone() {
            let spec = probe.spec();
            for &system in systems.iter().filter(|system| system.kind() == spec.kind) {
                if let Some(source) = known.remove(&(spec.id, system.clone())) {
                    order.push(source);
                } else if probe.applies(&self.ctx.estate, system) {
                    order.push(self.begin(Arc::clone(&probe), system, attempts));
                }
            }
        }
        for gone in known.into_values() {
            self.running.remove(&gone);
        }
        self.order = order;
    }

    fn begin(&mut self, probe: Arc<dyn Probe>, system: &SystemId, attempts: &mpsc::Sender<Attempt>) -> u32 {
        let source = self.next_source;
        self.next_source = self.next_source.wrapping_add(1);
        let spec = probe.spec();
        let course = Course::new(self.ctx.clock.now().mono);
        let instance = Instance {
            source,
            spec,
            system: system.clone(),
            reading: None,
            failed: false,
            read_at: None,
            tried_at: None,
            since: None,
            recent: Arc::new([]),
            deadline: deadline(&spec),
        };
        let task = tokio::spawn(task::run(probe, self.ctx.clone(), source, system.clone(), attempts.clone())).abort_handle();
        self.running.insert(source, Running { instance, published: None, course, task });
        source
    }

    /// Keeps what was read; whether that is news: another health, or something else after the source told of a change.
    fn take(&mut self, Attempt { source, at, woken, outcome }: Attempt) -> bool {
        // An attempt of a task that has just been ended.
        let Some(Running { instance, published, course, .. }) = self.running.get_mut(&source) else { return false };
        let first = instance.tried_at.is_none();
        let before = instance.health();
        let said = instance.reading.clone();
        *published = None;
        instance.tried_at = Some(at);
        match outcome {
            Ok(reading) => {
                if instance.failed {
                    tracing::info!(probe.id = instance.spec.id, system = %instance.system, "Probe {} reads {} again", instance.spec.id, instance.system);
                }
                course.record(at.mono, reading.figure.as_ref().and_then(app::model::Value::number));
                instance.failed = false;
                instance.read_at = Some(earlier(at, reading.age));
                instance.reading = Some(Arc::new(reading));
            }
            Err(why) => {
                if !instance.failed {
                    tracing::warn!(
                        probe.id = instance.spec.id, system = %instance.system, error = %why,
                        "Probe {} gave no reading of {}; showing it as unknown", instance.spec.id, instance.system
                    );
                }
                course.record(at.mono, None);
                instance.failed = true;
                instance.reading = Some(Arc::new(Reading::new(Health::Unknown, why)));
            }
        }
        instance.recent = course.points();
        let after = instance.health();
        let (from, since) = if first {
            let known = self.since.remove(&(instance.spec.id.to_owned(), instance.system.clone()));
            match known {
                Some((health, since)) if health == after => (after, since),
                Some((health, _)) => (health, at.wall),
                None => (Health::Unknown, at.wall),
            }
        } else {
            (before, instance.since.filter(|_| before == after).unwrap_or(at.wall))
        };
        instance.since = Some(since);
        if from != after {
            self.changes.push(HealthChange {
                probe: instance.spec.id,
                system: instance.system.clone(),
                from,
                to: after,
                summary: instance.reading.as_ref().map(|reading| reading.summary.clone()).unwrap_or_default(),
                at: at.wall,
            });
        }
        let says_as = said.zip(instance.reading.as_ref()).is_some_and(|(said, now)| said.says_as(now));
        first || before != after || (woken && !says_as)
    }

    fn publish(&mut self) {
        let mut instances = Vec::with_capacity(self.order.len());
        for source in &self.order {
            if let Some(Running { instance, published, .. }) = self.running.get_mut(source) {
                instances.push(Arc::clone(published.get_or_insert_with(|| Arc::new(instance.clone()))));
            }
        }
        let sequence = self.world.borrow().sequence + 1;
        self.world.send_replace(Arc::new(World { sequence, instances }));
    }
}

/// The moment `age` before `at`.
fn earlier(at: Stamp, age: Duration) -> Stamp {
    let wall = chrono::TimeDelta::from_std(age).ok().and_then(|age| at.wall.checked_sub_signed(age));
    Stamp { wall: wall.unwrap_or(at.wall), mono: at.mono.checked_sub(age).unwrap_or(at.mono) }
}
