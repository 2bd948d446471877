//! Call-ins: every request in one list, every decision made from it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ges_domain::call_in::{
    CallInRequest, Draft, Group, GroupName, Held, IncomingCall, State as Stands, allot, first_of,
};
use ges_domain::callback::acts;
use ges_domain::ports::{CallIns, Reserved, StoreError};
use ges_domain::{CallInId, Instant, TenantId};

use super::MemoryStore;

#[derive(Default)]
pub(super) struct Calls {
    groups: BTreeMap<(TenantId, GroupName), (Group, u64)>,
    requests: Vec<CallInRequest>,
}

#[async_trait]
impl CallIns for MemoryStore {
    async fn group(&self, tenant: TenantId, name: &GroupName) -> Result<Option<Group>, StoreError> {
        Ok(self.open()?.calls.groups.get(&(tenant, name.clone())).map(|(group, _)| group.clone()))
    }

    async fn groups(&self, tenant: TenantId) -> Result<Vec<Group>, StoreError> {
        let state = self.open()?;
        let own = state.calls.groups.iter().filter(|((owner, _), _)| *owner == tenant);
        Ok(own.map(|(_, (group, _))| group.clone()).collect())
    }

    async fn put_group(&self, tenant: TenantId, group: &Group) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let turn = state.calls.groups.get(&(tenant, group.name.clone())).map_or(0, |(_, turn)| *turn);
        state.calls.groups.insert((tenant, group.name.clone()), (group.clone(), turn));
        Ok(())
    }

    async fn reserve(&self, draft: Draft) -> Result<Reserved, StoreError> {
        let mut state = self.open()?;
        match draft.keyed.as_ref().map_or(Ok(None), |keyed| state.answered(draft.tenant, keyed)) {
            Ok(None) => {}
            Ok(Some(id)) => return Ok(Reserved::Repeated(CallInId(id))),
            Err(_) => return Ok(Reserved::KeyReused),
        }
        let calls = &mut state.calls;
        let now = draft.created_at;
        let Some((group, turn)) = calls.groups.get_mut(&(draft.tenant, draft.group.clone())) else {
            return Ok(Reserved::UnknownGroup);
        };
        let own = calls.requests.iter().filter(|request| request.tenant == draft.tenant);
        let held: Vec<_> = own
            .map(|request| Held {
                id: request.id,
                reservation: request.reservation.clone(),
                expires_at: request.expires_at,
                ended_at: request.ended_at,
            })
            .collect();
        let Some(allotted) = allot(group, *turn, &draft, &held, now) else { return Ok(Reserved::NothingFree) };
        *turn += 1;
        let request = draft.with(allotted.reservation, group.lifetime);
        if let Some(old) = allotted.replaces.and_then(|id| calls.requests.iter_mut().find(|old| old.id == id)) {
            (old.state, old.ended_at) = (Stands::Expired, Some(now));
        }
        calls.requests.push(request.clone());
        if let Some(keyed) = &draft.keyed {
            state.keep(draft.tenant, keyed, request.id.0, now);
        }
        Ok(Reserved::Taken(Box::new(request)))
    }

    async fn match_call(
        &self,
        tenant: TenantId,
        call: &IncomingCall,
        now: Instant,
    ) -> Result<Option<CallInRequest>, StoreError> {
        let mut state = self.open()?;
        let requests = &mut state.calls.requests;
        let own: Vec<_> = requests.iter().filter(|request| request.tenant == tenant).cloned().collect();
        let Some(found) = first_of(call, &own, now) else { return Ok(None) };
        let matched = found.matched(call, now);
        let stored = requests.iter_mut().find(|request| request.id == matched.id);
        *stored.expect("invariant: found under the same lock") = matched.clone();
        let callback = matched.callback.and_then(|id| state.live(tenant, id, now));
        if let Some(write) = callback.and_then(|record| acts::link_call_in(record, matched.id, now)) {
            state.write(write);
        }
        Ok(Some(matched))
    }

    async fn request(&self, tenant: TenantId, id: CallInId) -> Result<Option<CallInRequest>, StoreError> {
        let state = self.open()?;
        let own = state.calls.requests.iter().find(|request| request.tenant == tenant && request.id == id);
        Ok(own.cloned())
    }

    async fn purge_call_ins(&self, created_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.open()?;
        let requests = &mut state.calls.requests;
        let mut left = limit;
        let before = requests.len();
        requests.retain(|request| {
            let goes = left > 0 && request.created_at < created_before;
            left -= u32::from(goes);
            !goes
        });
        Ok((before - requests.len()).try_into().unwrap_or(u64::MAX))
    }
}
