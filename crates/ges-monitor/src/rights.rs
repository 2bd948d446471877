//! Which shards this node may act on, and until when (design 4, decision 3).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ges_domain::ports::{Shard, ShardLease, Shards};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::{Duty, MonitorSettings, Turn};

/// The shards held, as this node knows it. Counted by the node's monotonic clock from before the question, so it ends before
/// the store gives a shard to somebody else.
#[derive(Default)]
pub(crate) struct Rights {
    held: Mutex<Held>,
    changed: Notify,
    changed_for_pushes: Notify,
}

#[derive(Default)]
struct Held {
    epochs: BTreeMap<Shard, u64>,
    until: Option<Instant>,
}

impl Rights {
    /// All leases that are good now.
    pub(crate) fn leases(&self) -> Vec<ShardLease> {
        let held = self.held();
        if !held.good() {
            return Vec::new();
        }
        held.epochs.iter().map(|(shard, epoch)| ShardLease { shard: *shard, epoch: *epoch }).collect()
    }

    /// The lease of one shard, when it is good now.
    pub(crate) fn lease_of(&self, shard: Shard) -> Option<ShardLease> {
        let held = self.held();
        let epoch = held.good().then(|| held.epochs.get(&shard).copied()).flatten()?;
        Some(ShardLease { shard, epoch })
    }

    /// Whether exactly this lease is good now.
    pub(crate) fn allow(&self, lease: ShardLease) -> bool {
        self.lease_of(lease.shard) == Some(lease)
    }

    /// Returns when shards came or went.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The same for the duty that pushes: each notice wakes one listener.
    pub(crate) async fn changed_for_pushes(&self) {
        self.changed_for_pushes.notified().await;
    }

    fn renew(&self, leases: &[ShardLease], until: Instant) {
        let epochs: BTreeMap<_, _> = leases.iter().map(|lease| (lease.shard, lease.epoch)).collect();
        let mut held = self.held();
        let differs = !held.good() || held.epochs != epochs;
        *held = Held { epochs, until: Some(until) };
        drop(held);
        if differs {
            self.changed.notify_one();
            self.changed_for_pushes.notify_one();
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn good(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

/// The heartbeat.
pub(crate) struct HoldShards {
    pub(crate) shards: Arc<dyn Shards>,
    pub(crate) rights: Arc<Rights>,
    pub(crate) settings: Arc<MonitorSettings>,
}

#[async_trait]
impl Duty for HoldShards {
    async fn turn(&mut self) -> Turn {
        let asked = Instant::now();
        match tokio::time::timeout(self.settings.lease, self.shards.hold(&self.settings.node)).await {
            Ok(Ok(leases)) => self.rights.renew(&leases, asked + self.settings.lease),
            // What was held stays good until its time is over, and not longer.
            Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "the heartbeat failed"),
            Err(_) => tracing::warn!("the heartbeat was not answered within the lease"),
        }
        Turn::RestFor(self.settings.jittered(self.settings.heartbeat).saturating_sub(asked.elapsed()))
    }
}
