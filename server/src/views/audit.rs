//! The audit as its page shows it.

use app::model::{AuditFilter, AuditView, Verification};

use super::Drawing;
use crate::store::{AuditQuery, StoreError};

/// How many events stand on one page.
const PAGE: i64 = 50;

impl Drawing {
    /// One page of the audit: newest first, or one run's whole story.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn audit(
        &self,
        filter: AuditFilter,
        before: Option<i64>,
        fault: Option<String>,
        verified: Option<Verification>,
    ) -> Result<AuditView, StoreError> {
        // Nothing in the audit holds a control character, and the store takes none of them in a question.
        let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().replace(char::is_control, "\u{fffd}"));
        let only_run = filter.run.filter(|_| given(&filter.actor).or(given(&filter.kind)).or(given(&filter.target)).is_none());
        if let Some(run) = only_run {
            let (now, events) = self.store.story(run).await?;
            let rows = events.iter().map(|event| event.row(now)).collect();
            return Ok(AuditView { rows, filter, older: None, verified, fault });
        }
        let query =
            AuditQuery { actor: given(&filter.actor), kind: given(&filter.kind), target: given(&filter.target), run: filter.run, before };
        let (now, events) = self.store.audit_page(&query, PAGE + 1).await?;
        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let older = (events.len() > page).then(|| events.get(page - 1).map(|event| event.seq)).flatten();
        let rows = events.iter().take(page).map(|event| event.row(now)).collect();
        Ok(AuditView { rows, filter, older, verified, fault })
    }
}
