//! Sessions that lost their callback.

use async_trait::async_trait;
use ges_domain::Instant;
use ges_domain::callback::FormerSession;
use ges_domain::ports::{FormerSessions, StoreError};

use super::MemoryStore;

/// The one that two mean.
pub(super) fn same(one: &FormerSession, other: &FormerSession) -> bool {
    (one.tenant, one.callback, &one.session.id) == (other.tenant, other.callback, &other.session.id)
}

#[async_trait]
impl FormerSessions for MemoryStore {
    async fn former(&self, now: Instant, limit: u32) -> Result<Vec<FormerSession>, StoreError> {
        let mut due: Vec<_> = self.open()?.former.iter().filter(|session| session.due_at <= now).cloned().collect();
        due.sort_by_key(|session| session.due_at);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due)
    }

    async fn forget_former(&self, over: &[FormerSession]) -> Result<(), StoreError> {
        self.open()?.former.retain(|session| !over.iter().any(|over| same(over, session)));
        Ok(())
    }

    async fn postpone_former(&self, again: &[FormerSession], due_at: Instant) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let postponed = state.former.iter_mut().filter(|session| again.iter().any(|again| same(again, session)));
        postponed.for_each(|session| session.due_at = due_at);
        Ok(())
    }
}
