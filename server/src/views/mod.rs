//! What pages show: model values made from the world, the watched clusters and the store. Shared by the plain pages and the live views, so that
//! the two cannot drift apart.

mod audit;
mod backups;
mod cache;
mod clusters;
mod databases;
mod runbooks;
mod runs;
mod search;
mod settings;
mod wall;

pub use runbooks::Typed;

use std::{sync::Arc, time::Duration};

use app::{
    model::{EdgeView, Health, Kind, Overview, Running, RunningRun, StateChange, SystemId, Topic},
    render::LivePage,
};
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::{
    adapters::Adapters,
    clock::{SharedClock, Stamp},
    config::Estate,
    console::{parts, running, strip_part},
    edge_page::edge_view,
    executor::Executor,
    live::{Draw, Drawn},
    monitor::World,
    overview::{Ages, overview, system_view},
    store::{Runs, Store, StoreError},
};

/// Makes what pages show.
pub struct Drawing {
    pub(crate) estate: Arc<Estate>,
    pub(crate) world: watch::Receiver<Arc<World>>,
    pub(crate) adapters: Arc<Adapters>,
    pub(crate) store: Store,
    pub(crate) executor: Arc<Executor>,
    clock: SharedClock,
    world_changes: watch::Sender<u64>,
    open: watch::Sender<OpenRuns>,
}

/// The open runs, and when the store named them.
struct OpenRuns {
    runs: Vec<RunningRun>,
    at: Stamp,
}

impl OpenRuns {
    /// As a page shows them: what the store has not said lately is not known.
    fn shown(&self, ages: Ages) -> Running {
        let age = ages.now().since(self.at);
        if age > OPEN_KNOWN {
            return Running { runs: Vec::new(), lost: Some(self.at.wall) };
        }
        let elapsed = |run: &RunningRun| match ages {
            Ages::At(_) => run.elapsed_ms.saturating_add(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            Ages::Frozen(_) => 0,
        };
        self.runs.iter().map(|run| RunningRun { elapsed_ms: elapsed(run), ..run.clone() }).collect::<Vec<_>>().into()
    }
}

/// How often the open runs of all replicas are looked at.
const OPEN_RUNS: Duration = Duration::from_secs(2);
/// An answer about them is good for so long.
const OPEN_KNOWN: Duration = Duration::from_secs(10);
/// So many open runs are told of in the top strip.
const OPEN_LISTED: i64 = 20;
/// Names no source: those are counted from zero.
const NO_ROW: u32 = u32::MAX;
/// So many state changes stand on a system's page.
const CHANGES: i64 = 50;

impl Drawing {
    /// Starts to follow the world and the open runs.
    pub fn start(
        estate: Arc<Estate>,
        world: watch::Receiver<Arc<World>>,
        adapters: Arc<Adapters>,
        store: Store,
        executor: Arc<Executor>,
        clock: SharedClock,
    ) -> Arc<Self> {
        let open = OpenRuns { runs: Vec::new(), at: clock.now() };
        let drawing = Arc::new(Self {
            estate,
            world,
            adapters,
            store,
            executor,
            world_changes: watch::Sender::new(0),
            clock,
            open: watch::Sender::new(open),
        });
        tokio::spawn(drawing.clone().follow_world());
        tokio::spawn(drawing.clone().follow_runs());
        drawing
    }

    async fn follow_world(self: Arc<Self>) {
        let mut world = self.world.clone();
        while world.changed().await.is_ok() {
            self.world_changes.send_modify(|n| *n = n.wrapping_add(1));
        }
    }

    async fn follow_runs(self: Arc<Self>) {
        let mut changes = self.executor.changes();
        loop {
            let which = Runs { open: true, ..Runs::default() };
            // Without an answer the strip keeps what it last knew, for a while; the notice above every page says why.
            let at = self.clock.now();
            if let Ok(runs) = self.store.runs(&which, OPEN_LISTED).await {
                self.open.send_replace(OpenRuns { runs: runs.iter().map(running).collect(), at });
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(OPEN_RUNS) => {}
            }
        }
    }

    /// The open runs, newest first.
    #[must_use]
    pub fn running(&self, ages: Ages) -> Running {
        self.open.borrow().shown(ages)
    }

    /// Every system that exists now.
    #[must_use]
    pub fn systems(&self) -> Vec<SystemId> {
        let mut systems: Vec<_> = self.world.borrow().instances.iter().map(|instance| instance.system.clone()).collect();
        systems.sort_unstable();
        systems.dedup();
        systems
    }

    /// The overview.
    #[must_use]
    pub fn overview(&self, ages: Ages) -> Overview {
        overview(&self.estate, &self.world.borrow().clone(), self.executor.catalog().as_ref(), ages)
    }

    /// The page of the edge.
    #[must_use]
    pub fn edge(&self, ages: Ages) -> EdgeView {
        edge_view(&self.estate, &self.world.borrow().clone(), &self.adapters, ages)
    }

    /// One system's page: the one that its kind has to itself, else that of its readings; `None` when there is no such system.
    pub async fn page_of(&self, system: &SystemId, ages: Ages) -> Option<Box<dyn LivePage + Send>> {
        match system.kind() {
            Kind::Cluster => boxed(self.cluster(system, ages)),
            Kind::Deployment => boxed(self.workload(system, ages)),
            Kind::Database => boxed(self.database(system, ages).await),
            Kind::Cache => boxed(self.cache(system, ages).await),
            Kind::Backup => boxed(self.backups(system, ages).await),
            Kind::Dns | Kind::Certificate | Kind::Endpoint | Kind::Ingress | Kind::Metric => boxed(self.system(system, ages).await),
        }
    }

    /// The page of a system's readings; `None` when there is no such system.
    async fn system(&self, system: &SystemId, ages: Ages) -> Option<app::model::SystemView> {
        let changes = self.changes_of(system, ages).await;
        system_view(&self.estate, &self.world.borrow().clone(), system, changes, self.executor.catalog().as_ref(), ages)
    }

    /// The newest changes of a system's health. While the store is away, a page shows what is live and no history.
    async fn changes_of(&self, system: &SystemId, ages: Ages) -> Vec<StateChange> {
        let changes = self.store.health_changes_of(system, CHANGES).await.unwrap_or_default();
        let world = self.world.borrow().clone();
        let changes = changes.into_iter().map(|change| {
            let title = world
                .instances
                .iter()
                .find(|instance| instance.spec.id == change.probe && instance.system == *system)
                .map_or_else(|| change.probe.clone(), |instance| instance.title());
            StateChange {
                at: ages.moment(change.at),
                title,
                from: change.from.unwrap_or(Health::Unknown),
                to: change.to,
                summary: change.summary,
            }
        });
        changes.collect()
    }
}

/// The newest reading, for a page that says only how old that is: under a number that no row of it has, so that no value which is not drawn
/// again looks as young.
fn newest(read: impl Iterator<Item = Stamp>) -> Option<(u32, Stamp)> {
    read.max_by_key(|at| at.mono).map(|at| (NO_ROW, at))
}

fn boxed<P: LivePage + Send + 'static>(page: Option<P>) -> Option<Box<dyn LivePage + Send>> {
    page.map(|page| Box::new(page) as Box<dyn LivePage + Send>)
}

impl Draw for Drawing {
    fn draw<'a>(&'a self, topic: &'a Topic, ages: Ages) -> BoxFuture<'a, Drawn> {
        Box::pin(async move {
            let drawn = match topic {
                Topic::Strip => Drawn::Fragments(Vec::new()),
                Topic::Overview => Drawn::Fragments(parts(&self.overview(ages))),
                // The strip is not on a wall.
                Topic::Wall => return Drawn::Fragments(parts(&self.wall(ages))),
                Topic::Edge => Drawn::Fragments(parts(&self.edge(ages))),
                Topic::System(system) => match self.page_of(system, ages).await {
                    Some(page) => Drawn::Fragments(parts(page.as_ref())),
                    None => Drawn::Gone,
                },
                // Drawn without a person: whether somebody may stop it is asked when they try.
                Topic::Run(run) => match self.run(*run, None).await {
                    Ok(Some(view)) => Drawn::Fragments(parts(&view)),
                    Ok(None) => Drawn::Gone,
                    Err(
                        StoreError::Unavailable
                        | StoreError::Busy
                        | StoreError::FenceMoved(_)
                        | StoreError::Unreadable(_)
                        | StoreError::Refused(_),
                    ) => Drawn::NotNow,
                },
            };
            match drawn {
                Drawn::Fragments(mut fragments) => {
                    fragments.push(strip_part(&self.running(ages)));
                    Drawn::Fragments(fragments)
                }
                Drawn::NotNow | Drawn::Gone => drawn,
            }
        })
    }

    fn sources(&self, topic: &Topic) -> Vec<(u32, Stamp)> {
        let world = self.world.borrow();
        if matches!(topic, Topic::Strip | Topic::Run(_)) {
            return newest(world.instances.iter().filter_map(|instance| instance.seen_at())).into_iter().collect();
        }
        let shown = |system: &SystemId| match topic {
            Topic::Overview | Topic::Wall => true,
            Topic::Edge => matches!(system.kind(), Kind::Endpoint | Kind::Certificate | Kind::Dns),
            Topic::System(wanted) => system == wanted || (system.kind() == Kind::Cluster && wanted.cluster() == Some(system.name())),
            Topic::Strip | Topic::Run(_) => false,
        };
        world
            .instances
            .iter()
            .filter(|instance| shown(&instance.system))
            .filter_map(|instance| Some((instance.source, instance.seen_at()?)))
            .collect()
    }

    fn changes(&self, topic: &Topic) -> watch::Receiver<u64> {
        match topic {
            Topic::Overview | Topic::Wall | Topic::Edge | Topic::System(_) => self.world_changes.subscribe(),
            Topic::Strip | Topic::Run(_) => self.executor.changes(),
        }
    }
}

/// Follows health changes into the store. A change that cannot be kept now is kept when the store is back; the newest are worth most.
pub async fn keep_changes(store: Store, mut changes: tokio::sync::mpsc::Receiver<crate::monitor::HealthChange>) {
    let mut waiting: std::collections::VecDeque<crate::store::NewHealthChange> = std::collections::VecDeque::new();
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                Some(change) => {
                    waiting.push_back(crate::store::NewHealthChange {
                        probe: change.probe.to_owned(),
                        system: change.system,
                        from: Some(change.from),
                        to: change.to,
                        summary: change.summary,
                        at: change.at,
                    });
                    // A flood while the store is away: the oldest go, since each system's newest state is what "since" rests on.
                    while waiting.len() > 5_000 {
                        waiting.pop_front();
                    }
                    if !changes.is_empty() && waiting.len() < 200 {
                        continue;
                    }
                }
                None => return,
            },
            () = tokio::time::sleep(Duration::from_secs(1)), if !waiting.is_empty() => {}
        }
        let batch: Vec<_> = waiting.iter().take(200).cloned().collect();
        if store.insert_health_changes(&batch).await.is_ok() {
            waiting.drain(..batch.len());
        } else {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Removes old rows now and then, a few at a time.
pub async fn forget(store: Store) {
    const DAY: Duration = Duration::from_secs(86_400);
    loop {
        tokio::time::sleep(Duration::from_secs(600)).await;
        for forgotten in [store.forget_plans(DAY).await, store.forget_health_changes(DAY * 90).await, store.forget_sessions().await] {
            if let Err(err) = forgotten {
                tracing::debug!(error = %err, "Old rows were not removed; they will be");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_page_that_is_not_drawn_again_hears_only_how_old_the_newest_data_is() {
        let now = Stamp { wall: chrono::DateTime::UNIX_EPOCH, mono: Instant::now() };
        let later = Stamp { mono: now.mono + Duration::from_secs(3), ..now };
        assert_eq!(newest([now, later, now].into_iter()), Some((u32::MAX, later)), "and no row takes it for its own");
        assert_eq!(newest(std::iter::empty()), None);
    }

    #[test]
    fn runs_of_which_the_store_has_not_said_anything_lately_are_not_known() {
        let at = Stamp { wall: chrono::DateTime::UNIX_EPOCH, mono: Instant::now() };
        let open = OpenRuns { runs: vec![RunningRun { id: 7, title: "Restart web".into(), elapsed_ms: 1_000 }], at };
        let after = |seconds| Stamp { mono: at.mono + Duration::from_secs(seconds), ..at };
        let shown = open.shown(Ages::At(after(3)));
        assert_eq!((shown.runs.first().map(|run| run.elapsed_ms), shown.lost), (Some(4_000), None));
        assert_eq!(open.shown(Ages::Frozen(after(1))), open.shown(Ages::Frozen(after(9))), "time alone is no change");
        assert_eq!(open.shown(Ages::At(after(11))), Running { runs: vec![], lost: Some(at.wall) });
    }
}
