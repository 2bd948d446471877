//! Pauses, and the records that have to follow them.

use async_trait::async_trait;
use ges_domain::callback::{Callback, State as Stands};
use ges_domain::ports::{
    Misplaced, PauseAct, PauseEntry, PauseScope, Pauses, ServiceRef, ShardLease, StoreError, Wake,
};
use ges_domain::{CallbackId, ServiceName, TenantId};

use super::{MemoryStore, State};

impl State {
    /// Whether a service is paused, by itself or with all others.
    pub(super) fn is_paused(&self, tenant: TenantId, name: &ServiceName) -> bool {
        let scopes = [PauseScope::All, PauseScope::Service(name.clone())];
        scopes.into_iter().any(|scope| self.pauses.contains_key(&(tenant, scope)))
    }

    /// Whether a record's state does not fit its service.
    pub(super) fn is_misplaced(&self, row: &Callback) -> bool {
        match self.is_paused(row.tenant, &row.service) {
            true => matches!(row.state, Stands::Queued | Stands::Routing) && row.session.is_some(),
            false => row.state == Stands::Paused,
        }
    }
}

#[async_trait]
impl Pauses for MemoryStore {
    async fn set_paused(&self, tenant: TenantId, act: &PauseAct) -> Result<bool, StoreError> {
        let mut state = self.open()?;
        let known = act.scope.service().is_none_or(|name| {
            state.services.get(&ServiceRef { tenant, name: name.clone() }).is_some_and(|service| !service.removed)
        });
        let place = (tenant, act.scope.clone());
        let changed = match act.paused {
            true if !known => return Ok(false),
            true => {
                let stands = state.pauses.contains_key(&place);
                state.pauses.entry(place).or_insert_with(|| (act.at, act.by.clone()));
                !stands
            }
            false => state.pauses.remove(&place).is_some(),
        };
        if changed {
            state.pause_log.push((tenant, act.clone()));
            let _ = self.0.hints.send(Wake::Paused { tenant, service: act.scope.service().cloned() });
        }
        Ok(known || changed)
    }

    async fn paused(&self, tenant: TenantId) -> Result<Vec<PauseEntry>, StoreError> {
        let state = self.open()?;
        let own = state.pauses.iter().filter(|((whose, _), _)| *whose == tenant);
        Ok(own
            .map(|((_, scope), (since, by))| PauseEntry { scope: scope.clone(), since: *since, by: by.clone() })
            .collect())
    }

    async fn pause_history(&self, tenant: TenantId, limit: u32) -> Result<Vec<PauseAct>, StoreError> {
        let state = self.open()?;
        let own = state.pause_log.iter().rev().filter(|(whose, _)| *whose == tenant).map(|(_, act)| act.clone());
        Ok(own.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }

    async fn misplaced(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        after: Option<CallbackId>,
        limit: u32,
    ) -> Result<Misplaced, StoreError> {
        let state = self.open()?;
        if !state.shards.is_current(lease) || service.shard() != lease.shard {
            return Ok(Misplaced::default());
        }
        let rows = || state.open_of(service.tenant, &service.name);
        let found = rows().filter(|row| Some(row.id) > after && state.is_misplaced(row)).cloned();
        let records = found.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
        let taken = |row: &Callback| row.session.is_some() || row.submission.submitted_at.is_some();
        let moving = |row: &Callback| row.state.is_active() && row.state != Stands::Paused && taken(row);
        let watch = state.is_paused(service.tenant, &service.name) && rows().any(moving);
        Ok(Misplaced { records, watch })
    }
}
