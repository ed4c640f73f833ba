//! The only caller of `apply`: locks, leases, steps, recovery.
//!
//! A run is executed by whoever holds its lease. The lease is short and renewed; when its holder dies, another takes the run over, asks the
//! outside world what was done (`observe`), and goes on from there. Nothing is done twice because nobody remembers whether it was done.

mod catalog;
mod notes;
mod planner;
mod progress;
mod work;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use app::model::Change;
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use catalog::{Barred, Catalog};
pub use planner::{Asker, NoPlan, PLAN_LIVES, differs, fingerprint};

use crate::{
    actions::{ActCtx, ActionError},
    store::{Accepted, Ask, Fence, PlanId, RequestKey, Store, StoreError},
};

/// How long a lease lasts. With [`ADOPT`] it bounds how long a run stands still when its executor dies: 10 s in all.
const LEASE: Duration = Duration::from_secs(6);
/// How often a lease is renewed.
const RENEW: Duration = Duration::from_millis(1_500);
/// How often a replica looks for runs that were left behind.
const ADOPT: Duration = Duration::from_secs(1);
/// A store that was away is answered by nobody's lease: for so long after its return, holders that live renew theirs before any is taken over.
const RETURNED: Duration = Duration::from_secs(3);
/// How long a step in progress may take to end when the console is asked to.
const GRACE: Duration = Duration::from_secs(5);
/// So many runs at once in one replica; targets are locked, so more would be a rare estate.
const RUNS: usize = 64;

/// Plans, accepts and executes runs.
pub struct Executor {
    store: Store,
    catalog: Arc<Catalog>,
    act: ActCtx,
    replica: String,
    /// Bumped with every change of a run that this replica makes.
    changes: watch::Sender<u64>,
    closing: CancellationToken,
    tasks: TaskTracker,
    running: Mutex<HashMap<i64, Held>>,
}

/// A run that this replica executes.
#[derive(Clone, Copy, Debug)]
struct Held {
    fence: Fence,
    /// When its lease was renewed last.
    renewed: Instant,
}

/// What became of a confirmed plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Confirmed {
    /// It runs, as this run; a second press of the same button gives the same.
    Run(i64),
    /// The world has moved: nothing was started, and this is the plan as it is now.
    Moved {
        /// The new plan.
        plan: PlanId,
        /// What differs.
        differs: Vec<Change>,
    },
    /// Nothing was started, and why.
    Not(Accepted),
}

/// Why a plan was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum NotConfirmed {
    /// It may not be run, or not by this person. Recorded.
    #[error("it may not be run")]
    Barred(Barred),
    /// A precondition forbids it: its rule and its words. Recorded.
    #[error("{1}")]
    Check(String, String),
    /// The console is about to end.
    #[error("this console is about to end; try again in a moment")]
    Closing,
    /// It cannot be said whether the world has moved.
    #[error("{0}")]
    Action(#[from] ActionError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Executor {
    /// Makes the executor and starts to look for runs that were left behind.
    #[must_use]
    pub fn start(store: Store, catalog: Arc<Catalog>, act: ActCtx, replica: String) -> Arc<Self> {
        let executor = Arc::new(Self {
            store,
            catalog,
            act,
            replica,
            changes: watch::Sender::new(0),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            running: Mutex::default(),
        });
        tokio::spawn(executor.clone().adopt());
        executor
    }

    /// The runbooks.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// What actions may use.
    #[must_use]
    pub const fn ctx(&self) -> &ActCtx {
        &self.act
    }

    /// Changes whenever this replica changes a run.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How many runs this replica executes now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.held(|runs| runs.len())
    }

    fn held<T>(&self, use_them: impl FnOnce(&mut HashMap<i64, Held>) -> T) -> T {
        use_them(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says that a run was changed.
    pub fn told(&self) {
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Stops taking runs, lets steps end or hands the runs over, and returns within a few seconds.
    pub async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE + Duration::from_secs(2), self.tasks.wait()).await.is_err() {
            tracing::warn!("Runs are still under way; another replica, or the next start, takes them over when their leases end");
        }
    }

    /// Confirms a plan: checks role, preconditions and fingerprint again, and starts the run.
    ///
    /// # Errors
    /// When nothing was started, and why.
    pub async fn confirm(
        self: &Arc<Self>,
        asker: &Asker,
        id: &PlanId,
        request_key: &RequestKey,
        reason: &str,
    ) -> Result<Confirmed, NotConfirmed> {
        if self.closing.is_cancelled() || self.running() >= RUNS {
            return Err(NotConfirmed::Closing);
        }
        let Some(plan) = self.store.plan(id).await? else { return Ok(Confirmed::Not(Accepted::NoSuchPlan)) };
        if let Err(barred) = self.catalog.permit(asker.role, &plan.runbook, &plan.body.target) {
            self.record_denial(asker, &plan.runbook, &plan.body.target, &barred).await?;
            return Err(NotConfirmed::Barred(barred));
        }
        // The same press again, another person's plan and an old plan are told by the store, which alone can tell without a race.
        if plan.run.is_none() && plan.owner == asker.account && !plan.expired {
            let now = self.again(&plan.body).await?;
            if fingerprint(&now)[..] != plan.fingerprint[..] {
                let typed: BTreeMap<_, _> = now.parameters.iter().cloned().collect();
                let differs = differs(&plan.body, &now);
                let moved = self.plan(asker, &plan.runbook, &plan.body.target, &typed).await.map_err(|err| match err {
                    NoPlan::Barred(barred) => NotConfirmed::Barred(barred),
                    NoPlan::Fields(_) => NotConfirmed::Action(ActionError::Refused("the plan's parameters are no longer allowed".into())),
                    NoPlan::Action(err) => NotConfirmed::Action(err),
                    NoPlan::Store(err) => NotConfirmed::Store(err),
                })?;
                return Ok(Confirmed::Moved { plan: moved, differs });
            }
            if let Some(check) = now.forbidden_by() {
                let event = crate::audit::Event::Refused {
                    runbook: plan.runbook.clone(),
                    rule: check.rule.clone(),
                    why: format!("{}: {}", check.title, check.value),
                };
                let actor = crate::audit::Actor::Account(asker.name.clone());
                self.store.record(&crate::audit::Record::new(actor, event).on(plan.body.target.clone())).await?;
                return Err(NotConfirmed::Check(check.rule.clone(), format!("{}: {}", check.title, check.value)));
            }
        }
        let ask =
            Ask { plan: id, request_key, account: asker.account, asked_by: &asker.name, reason, executor: &self.replica, lease: LEASE };
        match self.store.accept(ask).await? {
            Accepted::Started { run, fence } => {
                self.told();
                self.spawn(run, fence, false);
                Ok(Confirmed::Run(run))
            }
            Accepted::Repeated { run } => Ok(Confirmed::Run(run)),
            not => Ok(Confirmed::Not(not)),
        }
    }

    /// Executes a run in the background.
    fn spawn(self: &Arc<Self>, run: i64, fence: Fence, adopted: bool) {
        let executor = self.clone();
        self.held(|runs| runs.insert(run, Held { fence, renewed: Instant::now() }));
        self.tasks.spawn(async move {
            executor.work(run, fence, adopted).await;
            executor.held(|runs| {
                // A claim of ours that is newer has its own entry.
                if runs.get(&run).is_some_and(|held| held.fence == fence) {
                    runs.remove(&run);
                }
            });
            executor.told();
        });
    }

    /// Whether the leases of what this replica executes are as they shall be: those that may have run out meanwhile are renewed first, so that it takes
    /// no run over from itself.
    async fn keeps_its_own(&self) -> bool {
        let late: Vec<_> = self.held(|runs| {
            let late = runs.iter().filter(|(_, held)| held.renewed.elapsed() > LEASE / 2);
            late.map(|(run, held)| (*run, held.fence)).collect()
        });
        for (run, fence) in late {
            match self.store.renew(run, fence, LEASE).await {
                Ok(_) => self.renewed(run, fence),
                // Taken over or ended: none of ours any more.
                Err(StoreError::FenceMoved(_)) => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn renewed(&self, run: i64, fence: Fence) {
        self.held(|runs| {
            if let Some(held) = runs.get_mut(&run).filter(|held| held.fence == fence) {
                held.renewed = Instant::now();
            }
        });
    }

    /// Takes over runs that were left behind.
    async fn adopt(self: Arc<Self>) {
        let reachable = self.store.reachable();
        let (mut away, mut returned) = (false, None::<Instant>);
        while !self.closing.is_cancelled() {
            let there = *reachable.borrow();
            if there && away {
                returned = Some(Instant::now());
            }
            away = !there;
            let settled = there && returned.is_none_or(|at| at.elapsed() >= RETURNED);
            if settled && self.running() < RUNS && self.keeps_its_own().await {
                match self.store.adopt(&self.replica, LEASE).await {
                    Ok(adopted) => {
                        for crate::store::Adopted { run, fence } in adopted {
                            tracing::warn!(run, "Run {run} was left behind; taking it over");
                            self.spawn(run, fence, true);
                        }
                    }
                    // The store tells of its own absence.
                    Err(StoreError::Unavailable) => {}
                    Err(err) => tracing::error!(error = %err, "Runs that were left behind could not be looked for"),
                }
            }
            tokio::select! {
                () = self.closing.cancelled() => {}
                () = tokio::time::sleep(ADOPT) => {}
            }
        }
    }
}
