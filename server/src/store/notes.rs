//! What a run keeps for whoever goes on with it after a crash.

use super::{Fence, Store, StoreError};

impl Store {
    /// Keeps a note of a run; durable when this returns. A note of that name is replaced.
    ///
    /// # Errors
    /// [`StoreError::FenceMoved`] when another executor has the run. On every error: do not make the effect that the note is for.
    pub async fn keep_note(&self, run: i64, fence: Fence, name: &str, value: &str) -> Result<(), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            // The row of the run is locked, so that a claim of another executor cannot come between the look at the fence and the note.
            let kept = sqlx::query!(
                "insert into run_notes (run_id, name, value)
                 select id, $3, $4 from runs where id = $1 and fence = $2 and ended_at is null for update
                 on conflict (run_id, name) do update set value = excluded.value, kept_at = now()",
                run,
                fence.0,
                name,
                value
            )
            .execute(&mut *link)
            .await?;
            link.done(if kept.rows_affected() == 1 { Ok(()) } else { Err(StoreError::FenceMoved(run)) })
        })
        .await
    }

    /// The note that a run kept under `name`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn note(&self, run: i64, name: &str) -> Result<Option<String>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let value = sqlx::query_scalar!("select value from run_notes where run_id = $1 and name = $2", run, name)
                .fetch_optional(&mut *link)
                .await?;
            link.done(Ok(value))
        })
        .await
    }
}
