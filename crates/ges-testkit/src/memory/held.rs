//! Records whose session needs looking after.

use async_trait::async_trait;
use ges_domain::callback::Callback;
use ges_domain::ports::{HeldRecords, StoreError};
use ges_domain::{CallbackId, Instant};

use super::MemoryStore;

#[async_trait]
impl HeldRecords for MemoryStore {
    async fn held(&self, after: Option<CallbackId>, limit: u32, now: Instant) -> Result<Vec<Callback>, StoreError> {
        let state = self.open()?;
        let held = state.rows(state.index.shelves().flat_map(|(_, shelf)| &shelf.held));
        let mut held: Vec<Callback> = held.filter(|row| row.is_held(now) && Some(row.id) > after).cloned().collect();
        held.sort_by_key(|row| row.id);
        held.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(held)
    }
}
