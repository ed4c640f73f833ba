//! The console's own PostgreSQL: all its SQL. One question, one function.
//!
//! Nothing here waits longer than [`PATIENCE`]: when the store is down or frozen, every caller has an answer within a second, and once a
//! heartbeat has noticed they have it at once. The store's clock is the only one that leases, expiries and limits are compared with.

mod accept;
mod account_changes;
mod accounts;
mod audit;
mod device_codes;
mod devices;
mod error;
mod health;
mod lease;
mod notes;
mod output;
mod plans;
mod request_key;
mod run_rows;
mod runs;
mod schema;
mod scram;
mod session_list;
mod sessions;
mod set_up;
mod sign_in_failures;
mod steps;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use sqlx::{
    Connection, PgConnection, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use tokio::sync::{Mutex, watch};

pub use accept::{Accepted, Ask};
pub use account_changes::{AccountSummary, Changed, Invited};
pub use accounts::{Account, AccountId, NewAccount};
pub use audit::{AuditQuery, Head};
pub use device_codes::CodeKept;
pub use devices::{Device, DeviceId, DeviceOwner, DeviceState, NewDevice, Paired};
pub use error::StoreError;
pub use health::{HealthChange, NewHealthChange};
pub use lease::Adopted;
pub use output::Output;
pub use plans::{NewPlan, Plan, PlanId};
pub use request_key::RequestKey;
pub use run_rows::{Executor, Run, Runs, Step};
pub use runs::{Cancel, Fence};
pub use schema::{SchemaFault, StoreFault, migrate};
pub use session_list::SessionSummary;
pub use sessions::{SessionHash, SessionOwner};
pub use set_up::{SetUp, TokenHash};
pub use sign_in_failures::{Failures, Scope};

use crate::config::Secret;

/// The longest that a question waits, for a connection and for its answer together.
pub const PATIENCE: Duration = Duration::from_millis(900);

/// How many connections one replica holds at most: a console is small, and its store may be shared.
const CONNECTIONS: u32 = 8;

/// How often the store is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// The door to the console's own PostgreSQL. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    /// Whether the last heartbeat had an answer. One slow question says nothing about the others.
    reachable: watch::Sender<bool>,
    /// One writer of the audit at a time: within one replica, nobody loses the race for the next link.
    audit_writer: Mutex<()>,
}

impl Store {
    /// Makes the door and starts to listen for the store's heartbeat. Does not wait for the store: the first question does.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn connect(database_url: &Secret) -> Result<Self, StoreFault> {
        let options: PgConnectOptions = database_url.reveal().parse().map_err(|_| StoreFault::Address)?;
        let options = options.application_name("quarterdeck").options([
            // The server gives up before we do, so that nothing is done behind our back.
            ("statement_timeout", "850ms"),
            ("lock_timeout", "700ms"),
            ("idle_in_transaction_session_timeout", "5s"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(options);
        let inner = Arc::new(Inner { pool, reachable: watch::Sender::new(true), audit_writer: Mutex::new(()) });
        tokio::spawn(listen(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// Whether the store answers, as it changes.
    #[must_use]
    pub fn reachable(&self) -> watch::Receiver<bool> {
        self.inner.reachable.subscribe()
    }

    /// Closes every connection; questions that come later are refused.
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }

    /// Waits for an answer no longer than [`PATIENCE`], and not at all while the store is known to be away.
    async fn ask<T>(&self, work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
        if *self.inner.reachable.borrow() { patiently(work).await } else { Err(StoreError::Unavailable) }
    }

    /// A connection for one question.
    async fn link(&self) -> Result<Link, StoreError> {
        self.inner.link().await
    }
}

impl Inner {
    async fn link(&self) -> Result<Link, StoreError> {
        Ok(Link(Some(self.pool.acquire().await?)))
    }

    async fn heartbeat(&self) -> Result<(), StoreError> {
        patiently(async {
            let mut link = self.link().await?;
            link.ping().await?;
            link.release()
        })
        .await
    }
}

async fn patiently<T>(work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or(Err(StoreError::Unavailable))
}

/// Asks the store for a sign of life until the last door to it is gone.
async fn listen(inner: Weak<Inner>) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let Some(inner) = inner.upgrade().filter(|inner| !inner.pool.is_closed()) else { return };
        let answer = inner.heartbeat().await;
        let there = answer.is_ok();
        if inner.reachable.send_if_modified(|reachable| std::mem::replace(reachable, there) != there) {
            match answer {
                Ok(()) => tracing::info!("The console's store answers again"),
                Err(err) => tracing::error!(error = %err, "The console's store does not answer; actions are refused until it does"),
            }
        }
    }
}

/// A connection on loan. One that was given up on half-way is closed hard instead of being waited for: a frozen server
/// would otherwise keep its place in the pool.
struct Link(Option<PoolConnection<Postgres>>);

impl Link {
    /// Hands the connection back; there is nothing to answer but that it went well.
    fn release(self) -> Result<(), StoreError> {
        self.done(Ok(()))
    }

    /// Hands the connection back, with the answer.
    fn done<T>(mut self, answer: T) -> T {
        drop(self.0.take());
        answer
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

impl std::ops::Deref for Link {
    type Target = PgConnection;

    #[expect(clippy::expect_used, reason = "only `done` and `drop` empty it, and both consume it")]
    fn deref(&self) -> &PgConnection {
        self.0.as_ref().expect("a link holds its connection until it is done")
    }
}

impl std::ops::DerefMut for Link {
    #[expect(clippy::expect_used, reason = "only `done` and `drop` empty it, and both consume it")]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("a link holds its connection until it is done")
    }
}
