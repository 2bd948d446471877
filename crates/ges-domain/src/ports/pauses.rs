//! Pausing services: who paused what, and which records have to follow (chapter 6.4, R-PAU-1, R-PAU-2, T13, T14).

use async_trait::async_trait;

use super::{ServiceRef, ShardLease, StoreError};
use crate::callback::Callback;
use crate::{CallbackId, Instant, ServiceName, TenantId};

/// What is paused or resumed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseScope {
    /// Every service of the tenant, those included that appear while the pause stands.
    All,
    /// One service.
    Service(ServiceName),
}

impl PauseScope {
    /// The service, when it is one.
    pub const fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::All => None,
            Self::Service(name) => Some(name),
        }
    }
}

/// A pause that stands. A service is paused while an entry of its own or the one for all stands; resuming takes away the entry
/// that is named and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseEntry {
    /// What it covers.
    pub scope: PauseScope,
    /// Since when.
    pub since: Instant,
    /// Who paused it.
    pub by: String,
}

/// Somebody pauses or resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseAct {
    /// What.
    pub scope: PauseScope,
    /// Whether it is paused, else it is resumed.
    pub paused: bool,
    /// Who.
    pub by: String,
    /// When.
    pub at: Instant,
}

/// Records of a service whose state does not fit what the service is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Misplaced {
    /// By id. While the service is paused: QUEUED or ROUTING with a session (T13); else: PAUSED (T14).
    pub records: Vec<Callback>,
    /// Others may follow although nobody hints at it: the service is paused, and sessions may still take attempts of it or give
    /// up conversations.
    pub watch: bool,
}

/// Pauses, and the records they concern.
#[async_trait]
pub trait Pauses: Send + Sync {
    /// Pauses or resumes, and keeps who did it when it changed anything (R-PAU-1, I8). Durable when it returns: reads of the
    /// catalogue see it like any other write of it. Hints at the records that have to follow. Safe to repeat. Returns whether
    /// there is such a service; removed ones can be resumed only.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn set_paused(&self, tenant: TenantId, act: &PauseAct) -> Result<bool, StoreError>;

    /// The pauses of a tenant that stand: the one for all first, then by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn paused(&self, tenant: TenantId) -> Result<Vec<PauseEntry>, StoreError>;

    /// Who paused and resumed what, the latest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn pause_history(&self, tenant: TenantId, limit: u32) -> Result<Vec<PauseAct>, StoreError>;

    /// Records of a service that have to be moved (T13, T14), by id, at most `limit`, those after `after` when it is given; none
    /// when the lease is stale. Changes nothing: [`Handover::settle`](super::Handover::settle) moves them, one by one.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn misplaced(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        after: Option<CallbackId>,
        limit: u32,
    ) -> Result<Misplaced, StoreError>;
}
