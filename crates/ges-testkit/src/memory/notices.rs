//! Pushes: claimed once, begun before they are sent, ended once.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ges_domain::callback::{Callback, PushTarget, State as Stands, acts};
use ges_domain::ports::{
    Begun, NoticeEnd, NoticeKey, NoticeLine, Notices, ServiceRef, Settled, ShardLease, StoreError, UpcomingClaim,
    UpcomingPage,
};
use ges_domain::push::{Event, HOLD};
use ges_domain::{CallbackId, Instant, TenantId};

use super::{MemoryStore, State, Stored};

/// A claimed push.
pub(super) struct Notice {
    pub(super) key: NoticeKey,
    service: ServiceRef,
    claimed_at: Instant,
    attempts: u32,
    /// When it wants an attempt; none when it has ended.
    due_at: Option<Instant>,
}

fn service_of(row: &Callback) -> ServiceRef {
    ServiceRef { tenant: row.tenant, name: row.service.clone() }
}

/// CALLBACK_UPCOMING may be due for it at some time.
fn candidate(stored: &Stored) -> bool {
    stored.unclaimed && stored.row.state.is_open() && stored.row.state != Stands::Processing
}

impl State {
    /// Claims a push for every target of a record, once per occasion.
    pub(super) fn announce(&mut self, row: &Callback, event: Event, at: Instant) {
        for target in &row.particulars.push_targets {
            self.claim(row, event, target, at);
        }
    }

    fn claim(&mut self, row: &Callback, event: Event, target: &PushTarget, at: Instant) {
        let (tenant, callback, occasion) = (row.tenant, row.id, event.occasion(row));
        let key = NoticeKey { tenant, callback, event, occasion, target: target.clone() };
        if self.notices.iter().all(|notice| notice.key != key) {
            self.notices.push(Notice { key, service: service_of(row), claimed_at: at, attempts: 0, due_at: Some(at) });
        }
    }
}

#[async_trait]
impl Notices for MemoryStore {
    async fn notice_agenda(&self, shards: &[ShardLease]) -> Result<Vec<NoticeLine>, StoreError> {
        let state = self.open()?;
        let mut lines: BTreeMap<ServiceRef, NoticeLine> = BTreeMap::new();
        let sooner = |known: Option<Instant>, new: Option<Instant>| known.into_iter().chain(new).min();
        let upcoming = state.records.values().filter(|stored| candidate(stored));
        let upcoming = upcoming.map(|stored| (service_of(&stored.row), Some(stored.row.desired_at), None));
        let claimed = state.notices.iter().map(|notice| (notice.service.clone(), None, notice.due_at));
        for (service, desired, due) in upcoming.chain(claimed.filter(|(_, _, due)| due.is_some())) {
            if shards.iter().all(|lease| lease.shard != service.shard()) {
                continue;
            }
            let threshold = state.services.get(&service).map(|known| known.row.settings.push_threshold());
            let line = lines.entry(service.clone()).or_insert(NoticeLine {
                service,
                threshold: threshold.unwrap_or_default(),
                next_upcoming: None,
                next_notice: None,
            });
            line.next_upcoming = sooner(line.next_upcoming, desired);
            line.next_notice = sooner(line.next_notice, due);
        }
        Ok(lines.into_values().collect())
    }

    async fn upcoming(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        after: Option<(Instant, CallbackId)>,
        limit: u32,
    ) -> Result<UpcomingPage, StoreError> {
        let state = self.open()?;
        if !state.shards.is_current(lease) || service.shard() != lease.shard {
            return Ok(UpcomingPage::default());
        }
        let place = |row: &Callback| (row.desired_at, row.id);
        let ids = state.index.shelf(service.tenant, &service.name).into_iter().flat_map(|shelf| &shelf.open);
        let unclaimed = ids.filter_map(|id| state.records.get(id)).filter(|stored| candidate(stored));
        let mut rows: Vec<_> = unclaimed.map(|stored| &stored.row).collect();
        rows.sort_by_key(|row| place(row));
        let next = rows.iter().map(|row| row.desired_at).find(|desired| *desired >= until);
        let page = rows.into_iter().filter(|row| row.desired_at < until && Some(place(row)) > after);
        Ok(UpcomingPage { records: page.take(usize::try_from(limit).unwrap()).cloned().collect(), next })
    }

    async fn claim_upcoming(
        &self,
        lease: ShardLease,
        claims: &[UpcomingClaim],
        at: Instant,
    ) -> Result<u64, StoreError> {
        let mut state = self.open()?;
        let mut claimed = 0;
        for claim in claims {
            let Some(stored) = state.records.get(&claim.id) else { continue };
            let same = stored.row.tenant == claim.tenant && stored.row.reschedules == claim.reschedules;
            let ours = service_of(&stored.row).shard() == lease.shard && state.shards.is_current(lease);
            if !same || !ours || !candidate(stored) {
                continue;
            }
            let row = stored.row.clone();
            for target in &claim.targets {
                state.claim(&row, Event::CallbackUpcoming, target, at);
            }
            state.records.get_mut(&claim.id).expect("invariant: found under the same lock").unclaimed = false;
            claimed += 1;
        }
        Ok(claimed)
    }

    async fn begin_notices(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        at: Instant,
        limit: u32,
    ) -> Result<Vec<Begun>, StoreError> {
        let mut state = self.open()?;
        if !state.shards.is_current(lease) || service.shard() != lease.shard {
            return Ok(Vec::new());
        }
        let state = &mut *state;
        let mut due: Vec<_> = state.notices.iter_mut().filter(|notice| notice.service == *service).collect();
        due.retain(|notice| notice.due_at.is_some_and(|due| due <= at));
        due.sort_by_key(|notice| notice.due_at);
        let begun = due.into_iter().take(usize::try_from(limit).unwrap()).map(|notice| {
            notice.attempts += 1;
            notice.due_at = Some(at + HOLD);
            let record = state.records.get(&notice.key.callback).map(|stored| stored.row.clone());
            Begun { key: notice.key.clone(), attempt: notice.attempts, claimed_at: notice.claimed_at, record }
        });
        Ok(begun.collect())
    }

    async fn settle_notices(&self, settled: &[Settled]) -> Result<Vec<bool>, StoreError> {
        let mut state = self.open()?;
        let mut settle = |one: &Settled| {
            let last = |notice: &&mut Notice| notice.key == one.key && notice.attempts == one.attempt;
            let Some(notice) = state.notices.iter_mut().find(last).filter(|notice| notice.due_at.is_some()) else {
                return false;
            };
            notice.due_at = match one.end {
                NoticeEnd::Success | NoticeEnd::Failure => None,
                NoticeEnd::Again(at) => Some(at),
            };
            true
        };
        Ok(settled.iter().map(&mut settle).collect())
    }

    async fn drop_target(
        &self,
        tenant: TenantId,
        id: CallbackId,
        target: &PushTarget,
        at: Instant,
    ) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let write = state.live(tenant, id, at).and_then(|record| acts::drop_target(record, target, at));
        if let Some(write) = write {
            state.write(write);
        }
        Ok(())
    }
}
