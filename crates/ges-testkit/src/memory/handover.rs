//! What monitors read and write; every write looks at the lease first.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ges_domain::callback::{Actor, Callback, Change, State as Stands, acts};
use ges_domain::ports::{
    AgendaLine, Handed, Handover, HandoverOutcome, MonitorSizes, ServiceRef, ShardLease, StoreError,
};
use ges_domain::{CallbackId, Instant, TenantId};

use super::{MemoryStore, State};

fn service_of(row: &Callback) -> ServiceRef {
    ServiceRef { tenant: row.tenant, name: row.service.clone() }
}

impl State {
    fn in_shards<'a>(&'a self, shards: &'a [ShardLease]) -> impl Iterator<Item = &'a Callback> {
        let rows = self.records.values().map(|stored| &stored.row);
        rows.filter(move |row| {
            let shard = service_of(row).shard();
            row.state.is_open() && shards.iter().any(|lease| lease.shard == shard)
        })
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
        let mut lines: BTreeMap<ServiceRef, AgendaLine> = BTreeMap::new();
        let sooner = |known: Option<Instant>, new: Option<Instant>| known.into_iter().chain(new).min();
        for row in state.in_shards(shards) {
            let service = service_of(row);
            let nothing =
                AgendaLine { service: service.clone(), next_desired: None, next_timer: None, misplaced: false };
            let line = lines.entry(service).or_insert(nothing);
            line.next_desired = sooner(line.next_desired, row.waits_for_handover().then_some(row.desired_at));
            line.next_timer = sooner(line.next_timer, row.wake_at());
            line.misplaced |= state.is_misplaced(row);
        }
        Ok(lines.into_values().collect())
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
        let rows = state.of(service.tenant, &service.name).map(|stored| &stored.row);
        let mut due: Vec<_> = rows.filter(|row| row.waits_for_handover()).cloned().collect();
        due.sort_by_key(Callback::order);
        let now = due.iter().take_while(|row| row.desired_at <= until).count();
        due.truncate(up_to(limit).min(now + 1));
        Ok(due)
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
                let stored = state.records.get_mut(id).expect("invariant: found under the same lock");
                stored.row.submission.failures += 1;
            }
        }
        Ok(())
    }

    async fn timers(&self, lease: ShardLease, now: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        let state = self.open()?;
        let rung = state.in_shards(std::slice::from_ref(&lease)).filter_map(|row| Some((row.wake_at()?, row)));
        let mut rung: Vec<_> = rung.filter(|(at, _)| *at <= now).collect();
        rung.sort_by_key(|(at, row)| (*at, row.id));
        Ok(rung.into_iter().take(up_to(limit)).map(|(_, row)| row.clone()).collect())
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

    async fn purge(&self, desired_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.open()?;
        let old = state.records.values().map(|stored| &stored.row).filter(|row| row.desired_at < desired_before);
        let old: Vec<CallbackId> = old.map(|row| row.id).take(up_to(limit)).collect();
        for id in &old {
            state.records.remove(id);
            state.notices.retain(|notice| notice.key.callback != *id);
        }
        Ok(old.len().try_into().unwrap_or(u64::MAX))
    }
}
