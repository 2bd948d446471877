//! What is provisioned.

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::capacity::CapacityRule;
use ges_domain::hours::{Hours, OfficeHours};
use ges_domain::phone::NumberRule;
use ges_domain::ports::{Catalogue, RuleRemoved, ServiceRef, ServiceRow, StoreError};
use ges_domain::region::RegionRule;
use ges_domain::service::Service;
use ges_domain::{ServiceName, TenantId, throttle};

use super::{MemoryStore, Provisioned};

#[async_trait]
impl Catalogue for MemoryStore {
    async fn service(&self, tenant: TenantId, name: &ServiceName) -> Result<Option<Arc<Service>>, StoreError> {
        let state = self.open()?;
        let Some(found) = state.services.get(&ServiceRef { tenant, name: name.clone() }) else { return Ok(None) };
        let hours = match &found.hours {
            None => Hours::Always,
            Some(name) => state.hours.get(&(tenant, name.clone())).cloned().unwrap_or(Hours::Unreadable),
        };
        let rule = found.row.capacity_rule.as_ref();
        Ok(Some(Arc::new(Service {
            name: name.clone(),
            settings: found.row.settings.clone(),
            hours,
            capacity: rule.and_then(|rule| state.rules.get(&(tenant, rule.clone())).cloned()),
            number_rule: found
                .row
                .number_rule
                .as_ref()
                .and_then(|rule| state.number_rules.get(&(tenant, rule.clone())).cloned()),
            region_rule: found
                .row
                .region_rule
                .as_ref()
                .and_then(|rule| state.region_rules.get(&(tenant, rule.clone())).cloned()),
            tenant_throttle: state.throttles.get(&tenant).copied().unwrap_or_default(),
            paused: state.is_paused(tenant, name),
            removed: found.removed,
        })))
    }

    async fn hours(&self, tenant: TenantId, name: &str) -> Result<Option<Hours>, StoreError> {
        Ok(self.open()?.hours.get(&(tenant, name.to_owned())).cloned())
    }

    async fn put_service(&self, tenant: TenantId, row: &ServiceRow) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let service = ServiceRef { tenant, name: row.name.clone() };
        let hours = row.settings.business_hours.clone();
        let put = Provisioned { row: row.clone(), hours, removed: false, removed_at: None };
        state.services.insert(service, put);
        Ok(())
    }

    async fn remove_service(&self, tenant: TenantId, name: &ServiceName) -> Result<(), StoreError> {
        if let Some(service) = self.open()?.services.get_mut(&ServiceRef { tenant, name: name.clone() }) {
            (service.removed, service.removed_at) = (true, None);
        }
        Ok(())
    }

    async fn put_hours(&self, tenant: TenantId, hours: &OfficeHours) -> Result<(), StoreError> {
        self.open()?.hours.insert((tenant, hours.name().to_owned()), Hours::Kept(hours.clone()));
        Ok(())
    }

    async fn put_capacity_rule(&self, tenant: TenantId, rule: &CapacityRule) -> Result<(), StoreError> {
        self.open()?.rules.insert((tenant, rule.name().to_owned()), rule.clone());
        Ok(())
    }

    async fn put_number_rule(&self, tenant: TenantId, rule: &NumberRule) -> Result<bool, StoreError> {
        let mut state = self.open()?;
        let key = (tenant, rule.name().to_owned());
        let rules = state.number_rules.keys().filter(|(owner, _)| *owner == tenant).count();
        if !state.number_rules.contains_key(&key) && rules >= NumberRule::MOST as usize {
            return Ok(false);
        }
        state.number_rules.insert(key, rule.clone());
        Ok(true)
    }

    async fn remove_number_rule(&self, tenant: TenantId, name: &str) -> Result<RuleRemoved, StoreError> {
        let mut state = self.open()?;
        let services = state
            .services
            .iter()
            .filter(|(service, found)| service.tenant == tenant && found.row.number_rule.as_deref() == Some(name));
        let mut services: Vec<_> = services.map(|(service, _)| service.name.clone()).collect();
        services.sort();
        if !state.number_rules.contains_key(&(tenant, name.to_owned())) {
            return Ok(RuleRemoved::Unknown);
        }
        if !services.is_empty() {
            return Ok(RuleRemoved::InUse(services));
        }
        state.number_rules.remove(&(tenant, name.to_owned()));
        Ok(RuleRemoved::Done)
    }

    async fn put_region_rule(&self, tenant: TenantId, rule: &RegionRule) -> Result<(), StoreError> {
        self.open()?.region_rules.insert((tenant, rule.name().to_owned()), rule.clone());
        Ok(())
    }

    async fn tenant_throttle(&self, tenant: TenantId) -> Result<throttle::Settings, StoreError> {
        Ok(self.open()?.throttles.get(&tenant).copied().unwrap_or_default())
    }

    async fn put_tenant_throttle(&self, tenant: TenantId, settings: &throttle::Settings) -> Result<(), StoreError> {
        self.open()?.throttles.insert(tenant, *settings);
        Ok(())
    }
}
