//! What monitors ask of the record: shards, agenda, due records, outcomes (chapter 6, design sections 4 and 9.3).

use async_trait::async_trait;

use super::StoreError;
use crate::callback::{Callback, Change};
use crate::{CallbackId, Instant, ServiceName, TenantId};

/// How many shards the services are spread over.
pub const SHARDS: u8 = 64;

/// A shard: 0 to 63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(pub u8);

/// The shard of a service: FNV-1a over tenant and name, so that every node and every release agrees.
pub fn shard_of(tenant: TenantId, service: &ServiceName) -> Shard {
    let bytes = tenant.0.as_bytes().iter().chain(service.as_str().as_bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    Shard(u8::try_from(hash % u64::from(SHARDS)).expect("invariant: a remainder of 64 fits a byte"))
}

/// A service of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceRef {
    /// The tenant.
    pub tenant: TenantId,
    /// The service.
    pub name: ServiceName,
}

impl ServiceRef {
    /// Its shard.
    pub fn shard(&self) -> Shard {
        shard_of(self.tenant, &self.name)
    }
}

/// The right to act on a shard. Every write of a monitor carries it; a stale epoch changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShardLease {
    /// The shard.
    pub shard: Shard,
    /// Grows with every change of owner.
    pub epoch: u64,
}

/// Who runs the monitor of a shard.
#[async_trait]
pub trait Shards: Send + Sync {
    /// Renews this node's right by the store's clock and balances: takes shards nobody alive holds up to a fair share,
    /// gives up those beyond it. Returns all shards the node holds now; an earlier lease that is missing or has another
    /// epoch is lost. Called every heartbeat; a node that does not call within the lease time loses everything.
    ///
    /// # Errors
    /// [`StoreError`]: what the node held may be lost; it must not act on it longer than its lease runs.
    async fn hold(&self, node: &str) -> Result<Vec<ShardLease>, StoreError>;

    /// Gives everything up at once, so that others take over without waiting. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: others take over when the lease has run out.
    async fn release(&self, node: &str) -> Result<(), StoreError>;
}

/// What waits in one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgendaLine {
    /// The service.
    pub service: ServiceRef,
    /// Earliest desired time among records waiting for hand-over.
    pub next_desired: Option<Instant>,
    /// Earliest instant at which a record wants a look without being woken: an unanswered attempt, a deadline.
    pub next_timer: Option<Instant>,
    /// Records have to be moved because the service was paused or resumed (T13, T14;
    /// [`Pauses::misplaced`](super::Pauses::misplaced)).
    pub misplaced: bool,
}

/// An attempt that was written to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handed {
    /// The tenant.
    pub tenant: TenantId,
    /// The callback.
    pub id: CallbackId,
    /// The attempt.
    pub attempt: u32,
    /// The how manieth attempt for its desired time it is, from 1: how long it may stay unanswered depends on it (R-SUB-8).
    pub nth: u32,
}

/// What became of one recorded attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandoverOutcome {
    /// Recorded, or recorded before.
    Recorded,
    /// The record changed meanwhile (cancelled, moved, bound): the entry is void, its session will be refused.
    Overtaken,
}

/// How many records wait for the monitors of the given shards (R-SUB-10, design decision 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MonitorSizes {
    /// SCHEDULED, waiting for their time.
    pub scheduled: u64,
    /// In the hands of orchestration.
    pub active: u64,
    /// QUEUED but not yet on the stream.
    pub submit_retry: u64,
}

/// A hint that something waits. Carries no promise: losing it only delays, the periodic look finds everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// A record of this service waits for hand-over at this desired time.
    Service {
        /// The service.
        service: ServiceRef,
        /// The desired time.
        desired: Instant,
    },
    /// There may be something to push in this service (chapter 16).
    Notices {
        /// The service.
        service: ServiceRef,
    },
    /// A service was paused or resumed, or all of a tenant (R-PAU-1).
    Paused {
        /// The tenant.
        tenant: TenantId,
        /// The service; all when absent.
        service: Option<ServiceName>,
    },
    /// A bulk job was opened (R-BLK-2).
    Bulk,
    /// Hints may have been lost: look at everything.
    Everything,
}

/// Hints from the store.
#[async_trait]
pub trait WakeUps: Send {
    /// Waits for the next hint, across reconnects. Cancel-safe.
    async fn next(&mut self) -> Wake;
}

/// What monitors read and write. Every write checks the lease in the same transaction.
#[async_trait]
pub trait Handover: Send + Sync {
    /// What waits in the services of these shards; services where nothing is open may be left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn agenda(&self, shards: &[ShardLease]) -> Result<Vec<AgendaLine>, StoreError>;

    /// Records of one service that wait for hand-over with a desired time up to and including `until`, in the order of
    /// R-SUB-3, at most `limit`; none when the lease is stale. When they are fewer, the first one that waits for a later time
    /// follows, so that nobody has to ask when to come again. Changes nothing: an attempt is spent by
    /// [`Handover::record_handed`].
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn due(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        limit: u32,
    ) -> Result<Vec<Callback>, StoreError>;

    /// Records written attempts (T3): state QUEUED, `submitted_at`, one event each. An attempt that is not the record's
    /// next one, or a record that no longer waits for it, is `Overtaken`. Answers in the order asked; with a stale lease
    /// everything is `Overtaken`. Safe to repeat.
    ///
    /// `at` is the node's reading of the store's time. The store takes its own when that is later: a node that was
    /// suspended reads a time that has passed, and the next attempt must not follow early (I2, I10).
    ///
    /// # Errors
    /// [`StoreError`]: repeat; the same attempts may be written again (R-SUB-8, I2).
    async fn record_handed(
        &self,
        lease: ShardLease,
        handed: &[Handed],
        at: Instant,
    ) -> Result<Vec<HandoverOutcome>, StoreError>;

    /// Counts a failed write cycle on these records (R-SUB-7); no state changes, no timeline event.
    ///
    /// # Errors
    /// [`StoreError`]: the count is lost, nothing else.
    async fn count_failed_cycle(&self, lease: ShardLease, records: &[(TenantId, CallbackId)])
    -> Result<(), StoreError>;

    /// Open records of this shard whose [`Callback::wake_at`] has come, earliest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn timers(&self, lease: ShardLease, now: Instant, limit: u32) -> Result<Vec<Callback>, StoreError>;

    /// Writes a monitor's decision about a record it has read, as one compare-and-set on that version. `false`: the lease
    /// is stale or the record has changed; look again.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; looking again is safe.
    async fn settle(
        &self,
        lease: ShardLease,
        record: &Callback,
        changes: Vec<Change>,
        at: Instant,
    ) -> Result<bool, StoreError>;

    /// How many records wait.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn sizes(&self, shards: &[ShardLease]) -> Result<MonitorSizes, StoreError>;

    /// Open records that a session has and whose desired time lies before `desired_before`, earliest first, at most `limit`, in
    /// every shard: whose sessions have to hear before [`Handover::purge`] deletes them (R-REC-2).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn expiring(&self, desired_before: Instant, limit: u32) -> Result<Vec<Callback>, StoreError>;

    /// Deletes up to `limit` records with their timelines whose desired time lies before `desired_before` (R-REC-2, T18).
    /// Returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn purge(&self, desired_before: Instant, limit: u32) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_stable_and_spread() {
        let tenant: TenantId = "c0ffee00-0000-4000-8000-000000000100".parse().unwrap();
        let shard = |name: &str| shard_of(tenant, &ServiceName::new(name).unwrap());
        assert_eq!(shard("CB_Sales"), shard("CB_Sales"));
        let used: std::collections::BTreeSet<_> = (0..1000).map(|n| shard(&format!("CB_{n}"))).collect();
        assert!(used.len() > 60, "a thousand services use nearly all shards: {}", used.len());
    }
}
