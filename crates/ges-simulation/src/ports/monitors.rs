//! What the monitors of a node reach: shards, due records, the stream.

use async_trait::async_trait;
use ges_domain::callback::{Callback, Change};
use ges_domain::invariants::{Entry, MonitorWrite};
use ges_domain::ports::{
    AgendaLine, Cause, Dispatch, Handed, Handover, HandoverOutcome, Misplaced, MonitorSizes, PauseAct, PauseEntry,
    Pauses, ServiceRef, ShardLease, Shards, StoreError, StreamError, SubmissionStream,
};
use ges_domain::{CallbackId, Instant, TenantId};
use tokio::time::Instant as Monotonic;

use super::{Node, Side};
use crate::ledger::Written;
use crate::trace::short;

impl Node {
    /// Takes note of a write that a monitor made.
    fn wrote(&self, lease: ShardLease, id: CallbackId) {
        let at = self.world.now();
        let mut seen = self.world.seen();
        let newest = seen.epochs.get(&lease.shard.0).copied().unwrap_or(0);
        seen.writes.push(MonitorWrite { id, epoch: lease.epoch, newest, at });
    }
}

#[async_trait]
impl Shards for Node {
    async fn hold(&self, node: &str) -> Result<Vec<ShardLease>, StoreError> {
        if self.state().deaf_until.is_some_and(|until| Monotonic::now() < until) {
            return Err(StoreError::Unavailable("heartbeats do not get through".into()));
        }
        let act = async {
            let leases = self.world.store.hold(node).await?;
            let mut seen = self.world.seen();
            for lease in &leases {
                let newest = seen.epochs.entry(lease.shard.0).or_default();
                *newest = lease.epoch.max(*newest);
            }
            Ok(leases)
        };
        let leases = self.call("hold", act).await?;
        let held: Vec<_> = leases.iter().map(|lease| (lease.shard.0, lease.epoch)).collect();
        if self.state().held != held {
            let newest = held.iter().map(|(_, epoch)| *epoch).max().unwrap_or(0);
            self.note(format!("holds {} shards, epochs up to {newest}", held.len()));
            self.state().held = held;
        }
        Ok(leases)
    }

    async fn release(&self, node: &str) -> Result<(), StoreError> {
        self.note("gives up its shards");
        self.call("release", self.world.store.release(node)).await
    }
}

#[async_trait]
impl Handover for Node {
    async fn agenda(&self, shards: &[ShardLease]) -> Result<Vec<AgendaLine>, StoreError> {
        self.call("agenda", self.world.read_agenda(shards)).await
    }

    async fn due(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        limit: u32,
    ) -> Result<Vec<Callback>, StoreError> {
        self.call("due", self.world.read_due(lease, service, until, limit)).await
    }

    async fn record_handed(
        &self,
        lease: ShardLease,
        handed: &[Handed],
        at: Instant,
    ) -> Result<Vec<HandoverOutcome>, StoreError> {
        let act = async {
            let outcomes = self.world.record_handed(lease, handed, at).await?;
            for (one, (outcome, news)) in handed.iter().zip(&outcomes) {
                self.note(format!("{} attempt {} handed over: {outcome:?}", short(one.id), one.attempt));
                if *news {
                    self.wrote(lease, one.id);
                }
            }
            Ok(outcomes.into_iter().map(|(outcome, _)| outcome).collect())
        };
        self.call("record_handed", act).await
    }

    async fn count_failed_cycle(
        &self,
        lease: ShardLease,
        records: &[(TenantId, CallbackId)],
    ) -> Result<(), StoreError> {
        self.call("count_failed_cycle", self.world.store.count_failed_cycle(lease, records)).await
    }

    async fn timers(&self, lease: ShardLease, now: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        self.call("timers", self.world.read_timers(lease, now, limit)).await
    }

    async fn settle(
        &self,
        lease: ShardLease,
        record: &Callback,
        changes: Vec<Change>,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let act = async {
            let what: Vec<_> = changes.iter().map(|change| format!("{change:?}")).collect();
            let settled = self.world.store.settle(lease, record, changes, at).await?;
            self.note(format!("{} {}: {settled}", short(record.id), what.join(", ")));
            if settled {
                self.wrote(lease, record.id);
            }
            Ok(settled)
        };
        self.call("settle", act).await
    }

    async fn sizes(&self, shards: &[ShardLease]) -> Result<MonitorSizes, StoreError> {
        self.call("sizes", self.world.store.sizes(shards)).await
    }

    async fn expiring(&self, desired_before: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        self.call("expiring", self.world.store.expiring(desired_before, limit)).await
    }

    async fn purge(&self, desired_before: Instant, limit: u32) -> Result<u64, StoreError> {
        self.call("purge", self.world.store.purge(desired_before, limit)).await
    }
}

#[async_trait]
impl Pauses for Node {
    async fn set_paused(&self, tenant: TenantId, act: &PauseAct) -> Result<bool, StoreError> {
        self.call("set_paused", self.world.store.set_paused(tenant, act)).await
    }

    async fn paused(&self, tenant: TenantId) -> Result<Vec<PauseEntry>, StoreError> {
        self.call("paused", self.world.store.paused(tenant)).await
    }

    async fn pause_history(&self, tenant: TenantId, limit: u32) -> Result<Vec<PauseAct>, StoreError> {
        self.call("pause_history", self.world.store.pause_history(tenant, limit)).await
    }

    async fn misplaced(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        after: Option<CallbackId>,
        limit: u32,
    ) -> Result<Misplaced, StoreError> {
        self.call("misplaced", self.world.store.misplaced(lease, service, after, limit)).await
    }
}

#[async_trait]
impl SubmissionStream for Node {
    async fn submit(&self, batch: &[Dispatch]) -> Result<(), StreamError> {
        let broke = |refused| {
            let cause: Cause = "the stream does not answer".into();
            Err(StreamError { refused, total: batch.len(), cause })
        };
        self.alive().await;
        let dies = self.dies();
        self.travel().await;
        if dies == Some(Side::Before) {
            self.end("submit", Side::Before).await;
        }
        let (weather, chance) = (self.world.weather(), &self.world.chance);
        let out = self.world.stream_is_out();
        let cut = out || chance.happens(weather.stream_before);
        // A pipeline that breaks has written some of its entries, often none.
        let length = u64::try_from(batch.len()).unwrap_or(0);
        let written = if out {
            0
        } else if cut {
            usize::try_from(chance.between(0, length + 1) / 2).unwrap_or(0)
        } else {
            batch.len()
        };
        for one in batch.iter().take(written) {
            self.write(one);
        }
        if dies == Some(Side::After) {
            self.end("submit", Side::After).await;
        }
        let silent = chance.happens(weather.stream_after);
        self.travel().await;
        self.alive().await;
        if cut || silent {
            self.note(format!("the stream fails with {written} of {} entries written", batch.len()));
            return broke(batch.len());
        }
        Ok(())
    }
}

impl Node {
    fn write(&self, one: &Dispatch) {
        let (weather, chance) = (self.world.weather(), &self.world.chance);
        let late = chance.happens(weather.entry_late);
        let delay = if late { chance.seconds(0, 100) } else { chance.millis(0, 50) };
        let at = self.world.now();
        let entry = Entry {
            tenant: one.callback.tenant,
            id: one.callback.id,
            attempt: one.attempt,
            at,
            decided_at: one.at,
            earliest_dial: self.world.earliest_dial(one, at),
        };
        self.note(format!("{} attempt {} is on the stream", short(entry.id), entry.attempt));
        self.world.ledger.write(Written { entry, readable: Monotonic::now() + delay });
    }
}
