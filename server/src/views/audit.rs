//! The audit as its page shows it.

use app::model::{AuditView, Filter, Moment, Role, Verification};
use chrono::{DateTime, Utc};

use super::Drawing;
use crate::{
    audit::{Event, Sealed},
    store::{AuditQuery, Head, StoreError},
};

/// How many events stand on one page.
const PAGE: i64 = 50;
/// So much of a hash is shown.
const HASH: usize = 12;

/// The last verification that the audit itself tells of: it outlives a restart, and every replica knows it.
pub struct Verified {
    /// The event that tells of it.
    event: Sealed,
    intact: bool,
    sentence: String,
    /// The last event that was verified, and its hash.
    pub head: Option<(i64, Vec<u8>)>,
}

impl Drawing {
    /// One page of the audit, newest first; or, where a run and nothing else is looked for, that run's whole story.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn audit(&self, role: Role, filter: Filter, query: AuditQuery) -> Result<AuditView, StoreError> {
        let head = self.store.audit_head().await?;
        let verified = self.last_verified().await?.map(|verified| verified.view(head.as_ref()));
        let mut view = AuditView {
            rows: Vec::new(),
            story: None,
            older: None,
            all: head.as_ref().map(|head| (head.seq, head.since)),
            verified,
            may_export: role.reaches(Role::Auditor),
            filter,
        };
        if view.filter.has_fault() {
            return Ok(view);
        }
        if let Some(run) = query.run.filter(|run| query == AuditQuery { run: Some(*run), ..AuditQuery::default() }) {
            let (now, events) = self.store.story(run).await?;
            return Ok(AuditView { rows: events.iter().map(|event| event.row(now)).collect(), story: Some(run), ..view });
        }
        let (now, events) = self.store.audit_page(&query, PAGE + 1).await?;
        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        view.older = (events.len() > page).then(|| events.get(page - 1).map(|event| event.seq)).flatten();
        view.rows = events.iter().take(page).map(|event| event.row(now)).collect();
        Ok(view)
    }

    /// What the newest verification found.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn last_verified(&self) -> Result<Option<Verified>, StoreError> {
        let query = AuditQuery { kind: Some("verified".to_owned()), ..AuditQuery::default() };
        let (_, events) = self.store.audit_page(&query, 1).await?;
        Ok(events.into_iter().next().and_then(Verified::read))
    }
}

impl Verified {
    fn read(event: Sealed) -> Option<Self> {
        let Some(Event::Verified { intact, sentence, head }) = Event::read(&event.kind, &event.detail) else { return None };
        let head = head.and_then(|(seq, hash)| Some((seq, hex::decode(hash).ok()?)));
        Some(Self { event, intact, sentence, head })
    }

    fn view(self, head: Option<&Head>) -> Verification {
        let newest = head.map_or(0, |head| head.seq);
        let now: DateTime<Utc> = head.map_or(self.event.at, |head| head.now);
        Verification {
            intact: self.intact,
            sentence: self.sentence,
            at: Moment { at: self.event.at, ago_ms: u64::try_from((now - self.event.at).num_milliseconds()).unwrap_or(0) },
            by: self.event.actor,
            head: self.head.as_ref().map(|(_, hash)| hex::encode(hash).chars().take(HASH).collect()),
            newer: self.head.map_or(0, |(seq, _)| newest - seq),
        }
    }
}
