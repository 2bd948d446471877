//! Finding records: every one is looked at.

use std::cmp::Reverse;

use async_trait::async_trait;
use ges_domain::callback::Callback;
use ges_domain::ports::{Among, Look, Lookup, StoreError};
use ges_domain::{Instant, ServiceName, TenantId};

use super::MemoryStore;

#[async_trait]
impl Lookup for MemoryStore {
    async fn look(&self, tenant: TenantId, look: &Look, now: Instant) -> Result<Vec<Callback>, StoreError> {
        let state = self.open()?;
        let fits = |row: &Callback| {
            row.tenant == tenant
                && now < row.expires_at()
                && look.service.as_ref().is_none_or(|service| row.service == *service)
                && look.from.is_none_or(|from| row.desired_at >= from)
                && look.until.is_none_or(|until| row.desired_at < until)
                && (look.states.is_empty() || look.states.contains(&row.state))
                && (look.reasons.is_empty() || row.reason.as_ref().is_some_and(|reason| look.reasons.contains(reason)))
                && look.after.is_none_or(|after| (row.desired_at, row.id) < after)
                && match &look.among {
                    Among::All => true,
                    Among::Numbers(keys) => keys.contains(&row.phone_key),
                    Among::Session(session) => row.session.as_ref().is_some_and(|bound| bound.id == *session),
                }
        };
        let mut found: Vec<Callback> =
            state.records.values().map(|stored| &stored.row).filter(|row| fits(row)).cloned().collect();
        found.sort_by_key(|row| Reverse((row.desired_at, row.id)));
        found.truncate(look.limit as usize);
        Ok(found)
    }

    async fn service_names(&self, tenant: TenantId, limit: u32) -> Result<Vec<ServiceName>, StoreError> {
        let state = self.open()?;
        let mine =
            state.services.iter().filter(|(service, provisioned)| service.tenant == tenant && !provisioned.removed);
        let mut names: Vec<_> = mine.map(|(service, _)| service.name.clone()).collect();
        names.sort();
        names.truncate(limit as usize);
        Ok(names)
    }

    async fn watermarks(&self, tenant: TenantId) -> Result<Vec<(ServiceName, u32)>, StoreError> {
        let state = self.open()?;
        let mut counted = Vec::new();
        for (service, provisioned) in state.services.iter().filter(|(service, _)| service.tenant == tenant) {
            let active = state.index.shelf(tenant, &service.name).map_or(0, |shelf| shelf.active);
            if !provisioned.removed || active > 0 {
                counted.push((service.name.clone(), u32::try_from(active).unwrap_or(u32::MAX)));
            }
        }
        counted.sort();
        Ok(counted)
    }
}
