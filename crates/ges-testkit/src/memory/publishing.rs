//! Publishes, under the one lock there is.

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::hours::Hours;
use ges_domain::ports::{PauseScope, Publishing, ServiceRef, ServiceRow, StoreError};
use ges_domain::publishing::{KEEPS_ASSIGNMENTS, Present, Publish, Published, Section, Standing, Verdict, decide};

use super::{MemoryStore, Provisioned};

#[async_trait]
impl Publishing for MemoryStore {
    async fn publish(&self, tenant: TenantId, publish: &Publish) -> Result<Published, StoreError> {
        let mut state = self.open()?;
        let standing = state.published.get(&tenant).cloned().unwrap_or_default();
        let mut present = Present::default();
        for ((owner, name), kept) in &state.hours {
            if let (true, Hours::Kept(office)) = (*owner == tenant, kept) {
                present.hours.insert(name.clone(), office.clone());
            }
        }
        for (service, kept) in state.services.iter().filter(|(service, _)| service.tenant == tenant) {
            let hours = kept.hours.clone().filter(|_| !kept.removed);
            present.hours_of.extend(hours.map(|hours| (service.name.clone(), hours)));
            present.rule_of.extend(kept.row.capacity_rule.clone().map(|rule| (service.name.clone(), rule)));
        }
        let changes = match decide(&standing, &present, publish) {
            Verdict::Apply(changes) => changes,
            Verdict::Older => return Ok(Published::Older),
            Verdict::Repeated => return Ok(Published::Repeated),
            Verdict::VersionDiffers => return Ok(Published::VersionDiffers),
        };
        state.published.insert(tenant, changes.standing);
        for office in changes.hours {
            state.hours.insert((tenant, office.name().to_owned()), Hours::Kept(office));
        }
        for rule in changes.rules {
            state.rules.insert((tenant, rule.name().to_owned()), rule);
        }
        let long_ago = publish.received_at - KEEPS_ASSIGNMENTS;
        for service in changes.services {
            let place = ServiceRef { tenant, name: service.name.clone() };
            let before = state.services.remove(&place);
            let before = before.filter(|before| !before.removed || before.removed_at.is_none_or(|at| at >= long_ago));
            let row = ServiceRow {
                name: service.name,
                settings: service.settings,
                capacity_rule: before.as_ref().and_then(|before| before.row.capacity_rule.clone()),
                number_rule: before.as_ref().and_then(|before| before.row.number_rule.clone()),
                region_rule: before.as_ref().and_then(|before| before.row.region_rule.clone()),
            };
            if before.is_none() {
                state.pauses.remove(&(tenant, PauseScope::Service(row.name.clone())));
            }
            let put = Provisioned { row, hours: service.hours, removed: false, removed_at: None };
            state.services.insert(place, put);
        }
        for name in changes.services_gone {
            if let Some(service) = state.services.get_mut(&ServiceRef { tenant, name })
                && !service.removed
            {
                (service.removed, service.removed_at) = (true, Some(publish.received_at));
            }
        }
        let of_tenant = |service: &&ServiceRef| service.tenant == tenant;
        for name in changes.hours_gone {
            let services = state.services.iter().filter(|(service, _)| of_tenant(service));
            if !services.into_iter().any(|(_, kept)| !kept.removed && kept.hours.as_ref() == Some(&name)) {
                state.hours.remove(&(tenant, name));
            }
        }
        for name in changes.rules_gone {
            let services = state.services.iter().filter(|(service, _)| of_tenant(service));
            if !services.into_iter().any(|(_, kept)| kept.row.capacity_rule.as_ref() == Some(&name)) {
                state.rules.remove(&(tenant, name));
            }
        }
        Ok(Published::Applied(Box::new(changes.report)))
    }

    async fn standing(&self, tenant: TenantId) -> Result<Standing, StoreError> {
        Ok(self.open()?.published.get(&tenant).cloned().unwrap_or_default())
    }

    async fn section(&self, tenant: TenantId, name: &str) -> Result<Option<Section>, StoreError> {
        Ok(self.open()?.published.get(&tenant).and_then(|standing| standing.sections.get(name).cloned()))
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let state = self.open()?;
        let mut all: Vec<_> = state.services.keys().map(|service| service.tenant).collect();
        all.extend(state.published.keys());
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}
