//! Leases: who executes a run, until when, by the store's clock.

use std::time::Duration;

use app::model::RunState;
use sqlx::Connection;

use super::{Fence, Store, StoreError, plans::read_target, runs::read_state};
use crate::audit::{Actor, Event, Record};

/// A run that was left behind and is ours now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// Its number.
    pub run: i64,
    /// Our claim.
    pub fence: Fence,
}

impl Store {
    /// Prolongs a lease and says how the run stands: *cancelling* is seen here first.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has it, or it has ended: stop at once.
    pub async fn renew(&self, run: i64, fence: Fence, lease: Duration) -> Result<RunState, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let state = sqlx::query_scalar!(
                "update runs set lease_until = clock_timestamp() + make_interval(secs => $3), heard_at = clock_timestamp()
                 where id = $1 and fence = $2 and ended_at is null and lease_holder is not null returning state",
                run,
                fence.0,
                lease.as_secs_f64()
            )
            .fetch_optional(&mut *link)
            .await?;
            link.done(state).map_or(Err(StoreError::FenceMoved(run)), |state| read_state(&state))
        })
        .await
    }

    /// Takes over open runs that nobody executes: their lease is past, or was handed over. Each with its audit event.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn adopt(&self, executor: &str, lease: Duration) -> Result<Vec<Adopted>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let rows = sqlx::query!(
                "update runs set lease_holder = $1, lease_until = clock_timestamp() + make_interval(secs => $2), heard_at = clock_timestamp(),
                                 fence = fence + 1
                 where id in (select id from runs where ended_at is null and (lease_until is null or lease_until <= clock_timestamp())
                              order by id limit 20 for update skip locked)
                 returning id, target, fence",
                executor,
                lease.as_secs_f64()
            )
            .fetch_all(&mut *tx)
            .await?;
            if rows.is_empty() {
                drop(tx);
                return Ok(link.done(Vec::new()));
            }
            let mut adopted = Vec::with_capacity(rows.len());
            let mut records = Vec::with_capacity(rows.len());
            for row in rows {
                let event = Event::Adopted { executor: executor.to_owned(), fence: row.fence };
                records.push(Record::new(Actor::Console, event).on(read_target(row.target)?).in_run(row.id));
                adopted.push(Adopted { run: row.id, fence: Fence(row.fence) });
            }
            self.seal(tx, &records).await?;
            Ok(link.done(adopted))
        })
        .await
    }

    /// Hands a lease over: any replica may adopt the run at once. Called when this one is asked to end.
    ///
    /// # Errors
    /// When the store does not answer; then the lease runs out by itself.
    pub async fn hand_over(&self, run: i64, fence: Fence) -> Result<(), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            sqlx::query!(
                "update runs set lease_holder = null, lease_until = null where id = $1 and fence = $2 and ended_at is null",
                run,
                fence.0
            )
            .execute(&mut *link)
            .await?;
            link.release()
        })
        .await
    }
}
