//! What monitors read and write; every write looks at the lease first.

use async_trait::async_trait;
use ges_domain::callback::{Actor, Callback, Change, State as Stands, acts};
use ges_domain::ports::{
    AgendaLine, Handed, Handover, HandoverOutcome, MonitorSizes, ServiceRef, ShardLease, StoreError,
};
use ges_domain::{CallbackId, Instant, TenantId};

use super::index::{Shelf, service_of};
use super::{MemoryStore, State};

impl State {
    fn shelves_in<'a>(&'a self, shards: &'a [ShardLease]) -> impl Iterator<Item = (&'a ServiceRef, &'a Shelf)> {
        self.index.shelves().filter(|(service, _)| {
            let shard = service.shard();
            shards.iter().any(|lease| lease.shard == shard)
        })
    }

    fn in_shards<'a>(&'a self, shards: &'a [ShardLease]) -> impl Iterator<Item = &'a Callback> {
        self.shelves_in(shards).flat_map(|(_, shelf)| self.rows(&shelf.open))
    }

    /// A record this lease may write.
    fn leased(&self, lease: ShardLease, tenant: TenantId, id: CallbackId) -> Option<&Callback> {
        let row = &self.records.get(&id)?.row;
        let held = row.tenant == tenant && service_of(row).shard() == lease.shard && self.shards.is_current(lease);
        held.then_some(row)
    }
}

fn up_to(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[async_trait]
impl Handover for MemoryStore {
    async fn agenda(&self, shards: &[ShardLease]) -> Result<Vec<AgendaLine>, StoreError> {
        let state = self.open()?;
        let open = state.shelves_in(shards).filter(|(_, shelf)| !shelf.open.is_empty());
        let line = |(service, shelf): (&ServiceRef, &Shelf)| AgendaLine {
            service: service.clone(),
            next_desired: shelf.waiting.first().map(|(desired, ..)| *desired),
            next_timer: shelf.timers.first().map(|(at, _)| *at),
            misplaced: state.rows(&shelf.open).any(|row| state.is_misplaced(row)),
        };
        Ok(open.map(line).collect())
    }

    async fn due(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        limit: u32,
    ) -> Result<Vec<Callback>, StoreError> {
        let state = self.open()?;
        if !state.shards.is_current(lease) || service.shard() != lease.shard {
            return Ok(Vec::new());
        }
        let shelf = state.index.shelf(service.tenant, &service.name);
        let waiting = || shelf.into_iter().flat_map(|shelf| &shelf.waiting);
        let limit = up_to(limit);
        let now = waiting().take_while(|(desired, ..)| *desired <= until).take(limit).count();
        let first = waiting().take(limit.min(now + 1)).map(|(.., id)| id);
        Ok(state.rows(first).cloned().collect())
    }

    async fn record_handed(
        &self,
        lease: ShardLease,
        handed: &[Handed],
        at: Instant,
    ) -> Result<Vec<HandoverOutcome>, StoreError> {
        let (at, mut state) = (at.max(self.now()), self.open()?);
        let mut record = |handed: &Handed| {
            let Some(row) = state.leased(lease, handed.tenant, handed.id) else { return HandoverOutcome::Overtaken };
            match acts::record_handed(row, handed.attempt, at) {
                Ok(write) => {
                    state.write(write);
                    HandoverOutcome::Recorded
                }
                Err(answer) => answer,
            }
        };
        Ok(handed.iter().map(&mut record).collect())
    }

    async fn count_failed_cycle(
        &self,
        lease: ShardLease,
        records: &[(TenantId, CallbackId)],
    ) -> Result<(), StoreError> {
        let mut state = self.open()?;
        for (tenant, id) in records {
            if state.leased(lease, *tenant, *id).is_some_and(Callback::waits_for_handover) {
                state.rewrite(*id, |stored| stored.row.submission.failures += 1);
            }
        }
        Ok(())
    }

    async fn timers(&self, lease: ShardLease, now: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        let state = self.open()?;
        let shelves = state.shelves_in(std::slice::from_ref(&lease));
        let rung = shelves.flat_map(|(_, shelf)| shelf.timers.iter().take_while(|(at, _)| *at <= now));
        let mut rung: Vec<_> = rung.collect();
        rung.sort_unstable();
        rung.truncate(up_to(limit));
        Ok(state.rows(rung.into_iter().map(|(_, id)| id)).cloned().collect())
    }

    async fn settle(
        &self,
        lease: ShardLease,
        record: &Callback,
        changes: Vec<Change>,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let mut state = self.open()?;
        let stored = state.leased(lease, record.tenant, record.id);
        let Some(stored) = stored.filter(|stored| stored.version == record.version) else { return Ok(false) };
        let write = stored.apply(Actor::Monitor, at, changes);
        let row = state.write(write);
        self.hint(&row);
        Ok(true)
    }

    async fn sizes(&self, shards: &[ShardLease]) -> Result<MonitorSizes, StoreError> {
        let state = self.open()?;
        let mut sizes = MonitorSizes::default();
        for row in state.in_shards(shards) {
            sizes.scheduled += u64::from(row.state == Stands::Scheduled);
            sizes.active += u64::from(row.state.is_active());
            sizes.submit_retry += u64::from(row.state == Stands::Queued && row.waits_for_handover());
        }
        Ok(sizes)
    }

    async fn expiring(&self, desired_before: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        let state = self.open()?;
        let held = state.rows(state.index.shelves().flat_map(|(_, shelf)| &shelf.held));
        let held = held.filter(|row| row.state.is_open() && row.session.is_some() && row.desired_at < desired_before);
        let mut held: Vec<Callback> = held.cloned().collect();
        held.sort_by_key(|row| (row.desired_at, row.id));
        held.truncate(up_to(limit));
        Ok(held)
    }

    async fn purge(&self, desired_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.open()?;
        let old = state.records.values().map(|stored| &stored.row).filter(|row| row.desired_at < desired_before);
        let old: Vec<CallbackId> = old.map(|row| row.id).take(up_to(limit)).collect();
        for id in &old {
            state.remove(*id);
            state.notices.retain(|notice| notice.key.callback != *id);
        }
        Ok(old.len().try_into().unwrap_or(u64::MAX))
    }
}
