//! One cluster, watched: a memory that answers at once, and says how old it is.

use std::{
    collections::HashMap,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use app::model::{Kind, SystemId};
use futures::FutureExt;
use tokio::{sync::watch, task::JoinHandle, time};

use super::{
    follow::follow,
    link::{self, Heart, Line, Pulse},
    source::{Source, Status, Watch},
    state::{Put, State, Watched},
    usage::{self, UsageStatus},
    wire,
};
use crate::{
    clock::{SharedClock, Stamp},
    config::Cluster,
};

/// A watch that panicked is begun again after so long.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// A watch that failed so often in a row is told of in the log.
const TELL_FAILURES: u32 = 3;

/// What the tasks of one cluster share.
pub(super) struct Shared {
    cluster: String,
    namespaces: Vec<String>,
    clock: SharedClock,
    state: RwLock<State>,
    status: RwLock<HashMap<Source, Status>>,
    usage: RwLock<UsageStatus>,
    heart: Arc<Heart>,
    marks: AtomicU32,
    found: watch::Sender<Vec<SystemId>>,
    /// Counts what came to be known, by namespace.
    news: HashMap<String, watch::Sender<u64>>,
    /// The same, of the whole cluster.
    all_news: watch::Sender<u64>,
}

/// One cluster, watched. Dropping it ends its tasks.
pub struct ClusterWatch {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// What a look at the memory shows. Holds the memory still: let it go before anything waits.
pub struct Look<'a> {
    /// The memory.
    pub state: RwLockReadGuard<'a, State>,
    /// How long ago its source was last known to be current.
    pub age: Duration,
    /// The present by the cluster's clock, in seconds since 1970.
    pub now: i64,
}

/// What was asked for was never seen whole; why, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotSeen(pub String);

impl ClusterWatch {
    /// Starts to watch. Returns at once, whether the cluster answers or not. Needs a tokio runtime.
    #[must_use]
    pub fn start(name: &str, cluster: &Cluster, clock: SharedClock) -> Self {
        let mut sources = vec![Source { watch: Watch::Nodes, namespace: "".into() }];
        for namespace in &cluster.namespaces {
            sources.extend(Watch::NAMESPACED.map(|watch| Source { watch, namespace: namespace.as_str().into() }));
        }
        let heart = Arc::new(Heart::default());
        let shared = Arc::new(Shared {
            cluster: name.to_owned(),
            namespaces: cluster.namespaces.clone(),
            clock: Arc::clone(&clock),
            state: RwLock::default(),
            status: RwLock::new(sources.iter().map(|source| (source.clone(), Status::default())).collect()),
            usage: RwLock::default(),
            heart: Arc::clone(&heart),
            marks: AtomicU32::new(1),
            found: watch::Sender::new(Vec::new()),
            news: cluster.namespaces.iter().map(|namespace| (namespace.clone(), watch::Sender::new(0))).collect(),
            all_news: watch::Sender::new(0),
        });
        let (send, line) = watch::channel(Line::down());
        let access = cluster.watch.clone();
        let mut tasks = Vec::with_capacity(sources.len() + 2);
        tasks.push({
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                let went = || shared.went_away();
                link::beat(access, heart, send, clock, went).await;
            })
        });
        for source in sources {
            tasks.push(tokio::spawn(watched(Arc::clone(&shared), source, line.clone())));
        }
        tasks.push(tokio::spawn(usage::poll(Arc::clone(&shared), cluster.namespaces.clone(), line)));
        Self { shared, tasks }
    }

    /// The cluster's name in the estate.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.cluster
    }

    /// Whether that namespace is watched.
    #[must_use]
    pub fn watches_namespace(&self, namespace: &str) -> bool {
        self.shared.namespaces.iter().any(|watched| watched == namespace)
    }

    /// The Deployments and Ingresses of the watched namespaces, as they come and go.
    #[must_use]
    pub fn discovered(&self) -> watch::Receiver<Vec<SystemId>> {
        self.shared.found.subscribe()
    }

    /// Changes whenever something else is known of what lives in `namespace`, or of anything in the cluster; none where that is not watched.
    #[must_use]
    pub fn news(&self, namespace: Option<&str>) -> Option<watch::Receiver<u64>> {
        match namespace {
            Some(namespace) => self.shared.news.get(namespace).map(watch::Sender::subscribe),
            None => Some(self.shared.all_news.subscribe()),
        }
    }

    /// What the heartbeat says.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.shared.heart.pulse()
    }

    /// How it stands with the figures from metrics-server.
    #[must_use]
    pub fn usage(&self) -> UsageStatus {
        self.shared.usage.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the memory, for something that rests on these watches in one namespace, or in all.
    ///
    /// # Errors
    /// When one of them never read a whole list: there is nothing to look at yet.
    pub fn look(&self, needs: &[Watch], namespace: Option<&str>) -> Result<Look<'_>, NotSeen> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let pulse = shared.heart.pulse();
        let Some(last_ok) = pulse.last_ok else {
            let reason = pulse.failing.map_or_else(|| "has not been asked yet".into(), |failing| failing.reason);
            return Err(NotSeen(format!("The API server of {} {reason}", shared.cluster)));
        };
        let mut current = last_ok;
        {
            let status = shared.status.read().unwrap_or_else(PoisonError::into_inner);
            for (source, status) in status.iter().filter(|(source, _)| needs.contains(&source.watch) && source.is_in(namespace)) {
                if !status.listed {
                    return Err(NotSeen(match &status.broken {
                        Some((_, reason)) => format!("{source} of {} cannot be read: {reason}", shared.cluster),
                        None => format!("{source} of {} are not read yet", shared.cluster),
                    }));
                }
                if let Some((since, _)) = status.broken.as_ref().filter(|(since, _)| since.mono < current.mono) {
                    current = *since;
                }
            }
        }
        let state = shared.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Look { state, age: now.since(current), now: (now.wall + pulse.ahead).timestamp() })
    }

    /// Why some of these watches do not follow now, where that is so.
    #[must_use]
    pub fn broken(&self, needs: &[Watch]) -> Option<String> {
        let status = self.shared.status.read().unwrap_or_else(PoisonError::into_inner);
        let mut broken = status.iter().filter(|(source, _)| needs.contains(&source.watch));
        broken.find_map(|(source, status)| status.broken.as_ref().map(|(_, reason)| format!("{source}: {reason}")))
    }
}

impl Drop for ClusterWatch {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Follows one source for ever, also past a panic: a watch that ended unseen would show old data as current.
async fn watched(shared: Arc<Shared>, source: Source, line: watch::Receiver<Line>) {
    loop {
        let following = match source.watch {
            Watch::Nodes => guarded(follow::<wire::Node>(&shared, source.clone(), line.clone())).await,
            Watch::Pods => guarded(follow::<wire::Pod>(&shared, source.clone(), line.clone())).await,
            Watch::Deployments => guarded(follow::<wire::Deployment>(&shared, source.clone(), line.clone())).await,
            Watch::ReplicaSets => guarded(follow::<wire::ReplicaSet>(&shared, source.clone(), line.clone())).await,
            Watch::Autoscalers => guarded(follow::<wire::Autoscaler>(&shared, source.clone(), line.clone())).await,
            Watch::Ingresses => guarded(follow::<wire::Ingress>(&shared, source.clone(), line.clone())).await,
            Watch::Services => guarded(follow::<wire::Service>(&shared, source.clone(), line.clone())).await,
            Watch::Endpoints => guarded(follow::<wire::EndpointSlice>(&shared, source.clone(), line.clone())).await,
            Watch::Warnings | Watch::Notes => guarded(follow::<wire::Event>(&shared, source.clone(), line.clone())).await,
        };
        match following {
            // The heartbeat ended: so does everything.
            Ok(()) => return,
            Err(()) => {
                tracing::error!(cluster = %shared.cluster, source = %source, "The watch of {source} panicked and is begun again");
                shared.set_status(&source, |status, now| status.fail("our watch failed and is begun again".into(), now));
                time::sleep(AFTER_PANIC).await;
            }
        }
    }
}

fn one_more(news: &watch::Sender<u64>) {
    news.send_modify(|n| *n = n.wrapping_add(1));
}

async fn guarded(following: impl Future<Output = ()>) -> Result<(), ()> {
    AssertUnwindSafe(following).catch_unwind().await.map_err(|_| ())
}

impl Shared {
    /// A mark that no list bore before.
    pub(super) fn new_mark(&self) -> u32 {
        self.marks.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn set_status(&self, source: &Source, change: impl FnOnce(&mut Status, Stamp)) {
        let now = self.clock.now();
        {
            let mut status = self.status.write().unwrap_or_else(PoisonError::into_inner);
            let status = status.entry(source.clone()).or_default();
            change(status, now);
            // When the whole server goes away, the heartbeat says so once; one watch alone is worth a line when it keeps failing.
            if let Some((_, reason)) = status.broken.as_ref().filter(|_| status.failures == TELL_FAILURES) {
                tracing::warn!(cluster = %self.cluster, source = %source, reason, "The watch of {source} does not follow");
            }
        }
        self.tell(source);
    }

    /// Whoever judges by what came from this source looks again.
    fn tell(&self, source: &Source) {
        match self.news.get(&*source.namespace) {
            Some(news) => [news, &self.all_news].into_iter().for_each(one_more),
            // What a node does is told of each of its pods.
            None => self.tell_all(),
        }
    }

    fn tell_all(&self) {
        self.news.values().chain([&self.all_news]).for_each(one_more);
    }

    /// The server is away: nothing is current until it was listed anew.
    fn went_away(&self) {
        let pulse = self.heart.pulse();
        let at = pulse.last_ok.unwrap_or_else(|| self.clock.now());
        let reason = pulse.failing.map(|failing| failing.reason).unwrap_or_default();
        let mut status = self.status.write().unwrap_or_else(PoisonError::into_inner);
        for status in status.values_mut() {
            status.lose(format!("the API server {reason}"), at);
        }
        drop(status);
        tracing::warn!(cluster = %self.cluster, reason, "The API server is away");
        self.tell_all();
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an object, under the mark of the list that named it; under none while a watch goes on.
    pub(super) fn put<T: Watched>(&self, source: &Source, object: T, listing: Option<u32>) {
        let put = self.write().put(object, listing.unwrap_or_default());
        // A list is told of when it is whole.
        if listing.is_some() {
            return;
        }
        if put == Put::New {
            self.found_may_differ(source);
        }
        if put != Put::Same {
            self.tell(source);
        }
    }

    /// Puts a page of a list.
    pub(super) fn put_all<T: Watched>(&self, objects: Vec<T>, mark: u32) {
        let mut state = self.write();
        for object in objects {
            state.put(object, mark);
        }
    }

    pub(super) fn remove<T: Watched>(&self, source: &Source, object: &T) {
        if self.write().remove(object) {
            self.found_may_differ(source);
            self.tell(source);
        }
    }

    /// A list is whole: what it did not name is gone.
    pub(super) fn list_ended<T: Watched>(&self, source: &Source, mark: u32) {
        T::table(&mut self.write()).sweep(&source.namespace, mark, |kept| T::is_listed_by(kept, source.watch));
        self.set_status(source, |status, _| status.listed());
        self.found_may_differ(source);
    }

    fn found_may_differ(&self, source: &Source) {
        if !matches!(source.watch, Watch::Deployments | Watch::Ingresses) {
            return;
        }
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let deployments = state.deployments.iter().map(|(key, _)| (Kind::Deployment, key));
        let ingresses = state.ingresses.iter().map(|(key, _)| (Kind::Ingress, key));
        let mut found: Vec<_> = deployments
            .chain(ingresses)
            .filter_map(|(kind, key)| SystemId::new(kind, &[&self.cluster, &key.namespace, &key.name]).ok())
            .collect();
        drop(state);
        found.sort();
        self.found.send_if_modified(|known| {
            let differs = *known != found;
            if differs {
                *known = found;
            }
            differs
        });
    }

    pub(super) fn now(&self) -> Stamp {
        self.clock.now()
    }

    pub(super) fn change_state(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.write());
    }

    pub(super) fn set_usage(&self, usage: UsageStatus) {
        *self.usage.write().unwrap_or_else(PoisonError::into_inner) = usage;
    }

    pub(super) fn usage(&self) -> UsageStatus {
        self.usage.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
