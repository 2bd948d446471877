//! Answers kept under idempotency keys.

use async_trait::async_trait;

use super::StoreError;
use crate::idempotency::{Kept, Key, Operation};
use crate::{Instant, TenantId};

/// What was answered under keys (I6). An act that keeps its answer does so in its own transaction; here answers are read and
/// forgotten.
#[async_trait]
pub trait KeptAnswers: Send + Sync {
    /// What is kept for this key of this tenant; none when nothing was carried out under it, or too long ago.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn recall(&self, tenant: TenantId, operation: Operation, key: &Key) -> Result<Option<Kept>, StoreError>;

    /// Forgets up to `limit` answers that were kept before `kept_before`. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn forget(&self, kept_before: Instant, limit: u32) -> Result<u64, StoreError>;
}
