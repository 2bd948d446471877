//! Jobs that do the same to many records (R-BLK-1 to R-BLK-3).

use async_trait::async_trait;

use super::{ShardLease, StoreError};
use crate::bulk::{BulkId, Item, Job, NewJob, Outcome};
use crate::{CallbackId, Instant, TenantId};

/// What opening a job came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is open, or was before; a job without records is done at once.
    Job(Job),
    /// It would take more than [`crate::bulk::MOST`] records; nothing was written.
    TooMany,
}

/// A record that waits for its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Its place in the job.
    pub position: u32,
    /// The record.
    pub callback: CallbackId,
}

/// Jobs, their records and outcomes. Writes of a worker carry a lease; a stale one changes nothing.
#[async_trait]
pub trait BulkJobs: Send + Sync {
    /// Chooses the records and writes them down with the job, all in one transaction, and hints at it. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn open_bulk(&self, job: &NewJob) -> Result<Opened, StoreError>;

    /// A job of this tenant as it stands.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn bulk_job(&self, tenant: TenantId, id: BulkId) -> Result<Option<Job>, StoreError>;

    /// Records of a job of this tenant after position `after` (0: from the first), at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn bulk_items(&self, tenant: TenantId, id: BulkId, after: u32, limit: u32) -> Result<Vec<Item>, StoreError>;

    /// Stops a job; one that has ended stays as it is. The job as it stands then; none when the tenant has no such job. Safe
    /// to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn stop_bulk(&self, tenant: TenantId, id: BulkId, at: Instant) -> Result<Option<Job>, StoreError>;

    /// Jobs that run, the oldest first, at most `limit`; none when the lease is stale. Counts are left at zero.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn running_bulk(&self, lease: ShardLease, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// Records of a job without an outcome, by position, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn pending_bulk(&self, id: BulkId, limit: u32) -> Result<Vec<Pending>, StoreError>;

    /// Writes outcomes, each once: the first one counts. Then ends the job if it runs and every record has one. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: repeat it, or do the records again, which happens once.
    async fn record_bulk(
        &self,
        lease: ShardLease,
        id: BulkId,
        outcomes: &[(u32, Outcome)],
        at: Instant,
    ) -> Result<(), StoreError>;

    /// Deletes up to `limit` jobs created before `created_before`, with their records. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn purge_bulk(&self, created_before: Instant, limit: u32) -> Result<u64, StoreError>;
}
