//! Bulk jobs.

use async_trait::async_trait;
use ges_domain::bulk::{BulkId, Item, Job, MOST, NewJob, Outcome, Selection, Stage};
use ges_domain::callback::Callback;
use ges_domain::ports::{BulkJobs, Opened, Pending, ShardLease, StoreError, Wake};
use ges_domain::{CallbackId, Instant, TenantId};

use super::{MemoryStore, State};

/// A job with its records.
pub(super) struct Kept {
    job: Job,
    items: Vec<Item>,
}

impl Kept {
    fn standing(&self) -> Job {
        let count = |good: bool| {
            let of = |item: &&Item| match &item.outcome {
                Some(Outcome::Succeeded { .. }) => good,
                Some(Outcome::Failed { .. }) => !good,
                None => false,
            };
            u32::try_from(self.items.iter().filter(of).count()).unwrap_or(u32::MAX)
        };
        Job { succeeded: count(true), failed: count(false), ..self.job.clone() }
    }
}

fn up_to(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl State {
    fn chosen(&self, new: &NewJob) -> Vec<(CallbackId, Option<&Callback>)> {
        match &new.selection {
            Selection::Ids(ids) => ids.iter().map(|id| (*id, self.live(new.tenant, *id, new.at))).collect(),
            Selection::Filter(filter) => {
                let rows = self.records.values().map(|stored| &stored.row);
                let mut chosen: Vec<_> = rows
                    .filter(|row| row.tenant == new.tenant && new.at < row.expires_at())
                    .filter(|row| (filter.from..filter.until).contains(&row.desired_at))
                    .filter(|row| filter.states.is_empty() || filter.states.contains(&row.state))
                    .filter(|row| filter.services.is_empty() || filter.services.contains(&row.service))
                    .collect();
                chosen.sort_by_key(|row| (row.desired_at, row.id));
                chosen.into_iter().map(|row| (row.id, Some(row))).collect()
            }
        }
    }
}

#[async_trait]
impl BulkJobs for MemoryStore {
    async fn open_bulk(&self, new: &NewJob) -> Result<Opened, StoreError> {
        let mut state = self.open()?;
        if let Some(kept) = state.bulk.get(&new.id) {
            return Ok(Opened::Job(kept.standing()));
        }
        let item = |(position, (callback, row)): (u32, (CallbackId, Option<&Callback>))| Item {
            position,
            callback,
            service: row.map(|row| row.service.clone()),
            phone: row.map(|row| row.phone.clone()),
            desired: row.map(|row| row.desired_at),
            outcome: None,
        };
        let items: Vec<_> = (1..).zip(state.chosen(new)).map(item).collect();
        let total = u32::try_from(items.len()).unwrap_or(u32::MAX);
        if total > MOST {
            return Ok(Opened::TooMany);
        }
        let job = Job {
            id: new.id,
            tenant: new.tenant,
            kind: new.kind,
            by: new.by.clone(),
            created_at: new.at,
            ended_at: (total == 0).then_some(new.at),
            stage: if total == 0 { Stage::Done } else { Stage::Running },
            total,
            succeeded: 0,
            failed: 0,
        };
        state.bulk.insert(new.id, Kept { job: job.clone(), items });
        let _ = self.0.hints.send(Wake::Bulk);
        Ok(Opened::Job(job))
    }

    async fn bulk_job(&self, tenant: TenantId, id: BulkId) -> Result<Option<Job>, StoreError> {
        let state = self.open()?;
        Ok(state.bulk.get(&id).filter(|kept| kept.job.tenant == tenant).map(Kept::standing))
    }

    async fn bulk_items(&self, tenant: TenantId, id: BulkId, after: u32, limit: u32) -> Result<Vec<Item>, StoreError> {
        let state = self.open()?;
        let Some(kept) = state.bulk.get(&id).filter(|kept| kept.job.tenant == tenant) else { return Ok(Vec::new()) };
        Ok(kept.items.iter().filter(|item| item.position > after).take(up_to(limit)).cloned().collect())
    }

    async fn stop_bulk(&self, tenant: TenantId, id: BulkId, at: Instant) -> Result<Option<Job>, StoreError> {
        let mut state = self.open()?;
        let Some(kept) = state.bulk.get_mut(&id).filter(|kept| kept.job.tenant == tenant) else { return Ok(None) };
        if kept.job.stage == Stage::Running {
            (kept.job.stage, kept.job.ended_at) = (Stage::Stopped, Some(at));
        }
        Ok(Some(kept.standing()))
    }

    async fn running_bulk(&self, lease: ShardLease, limit: u32) -> Result<Vec<Job>, StoreError> {
        let state = self.open()?;
        if !state.shards.is_current(lease) {
            return Ok(Vec::new());
        }
        let running = state.bulk.values().map(|kept| &kept.job).filter(|job| job.stage == Stage::Running);
        let mut running: Vec<_> = running.cloned().collect();
        running.sort_by_key(|job| (job.created_at, job.id));
        running.truncate(up_to(limit));
        Ok(running)
    }

    async fn pending_bulk(&self, id: BulkId, limit: u32) -> Result<Vec<Pending>, StoreError> {
        let state = self.open()?;
        let items = state.bulk.get(&id).map_or(&[][..], |kept| &kept.items);
        let pending = items.iter().filter(|item| item.outcome.is_none());
        let pending = pending.map(|item| Pending { position: item.position, callback: item.callback });
        Ok(pending.take(up_to(limit)).collect())
    }

    async fn record_bulk(
        &self,
        lease: ShardLease,
        id: BulkId,
        outcomes: &[(u32, Outcome)],
        at: Instant,
    ) -> Result<(), StoreError> {
        let mut state = self.open()?;
        if !state.shards.is_current(lease) {
            return Ok(());
        }
        let Some(kept) = state.bulk.get_mut(&id) else { return Ok(()) };
        for (position, outcome) in outcomes {
            let item = kept.items.iter_mut().find(|item| item.position == *position && item.outcome.is_none());
            if let Some(item) = item {
                item.outcome = Some(outcome.clone());
            }
        }
        if kept.job.stage == Stage::Running && kept.items.iter().all(|item| item.outcome.is_some()) {
            (kept.job.stage, kept.job.ended_at) = (Stage::Done, Some(at));
        }
        Ok(())
    }

    async fn purge_bulk(&self, created_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.open()?;
        let old = state.bulk.values().map(|kept| &kept.job).filter(|job| job.created_at < created_before);
        let mut old: Vec<_> = old.map(|job| (job.created_at, job.id)).collect();
        old.sort();
        old.truncate(up_to(limit));
        for (_, id) in &old {
            state.bulk.remove(id);
        }
        Ok(old.len().try_into().unwrap_or(u64::MAX))
    }
}
