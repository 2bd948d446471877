//! Answers kept under idempotency keys.

use async_trait::async_trait;
use ges_domain::idempotency::{Kept, Key, Keyed, Operation};
use ges_domain::ports::{KeptAnswers, StoreError};
use ges_domain::{Instant, Refusal, TenantId};
use uuid::Uuid;

use super::{MemoryStore, State};

#[async_trait]
impl KeptAnswers for MemoryStore {
    async fn recall(&self, tenant: TenantId, operation: Operation, key: &Key) -> Result<Option<Kept>, StoreError> {
        Ok(self.open()?.kept.get(&(tenant, operation, key.clone())).map(|(_, kept)| *kept))
    }

    async fn forget(&self, kept_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.open()?;
        let mut old: Vec<_> = state.kept.iter().filter(|(_, (at, _))| *at < kept_before).collect();
        old.sort_by_key(|(_, (at, _))| *at);
        let old: Vec<_> = old.into_iter().map(|(place, _)| place.clone()).take(limit as usize).collect();
        for place in &old {
            state.kept.remove(place);
        }
        Ok(old.len() as u64)
    }
}

impl State {
    /// What is known of a request under a key.
    pub(super) fn answered(&self, tenant: TenantId, keyed: &Keyed) -> Result<Option<Uuid>, Refusal> {
        let kept = self.kept.get(&(tenant, keyed.operation, keyed.key.clone()));
        keyed.answered(kept.map(|(_, kept)| kept))
    }

    /// Keeps an answer.
    pub(super) fn keep(&mut self, tenant: TenantId, keyed: &Keyed, subject: Uuid, at: Instant) {
        let place = (tenant, keyed.operation, keyed.key.clone());
        self.kept.insert(place, (at, Kept { body: keyed.body, subject }));
    }
}
