//! Services as a node reads them, and what its monitors report.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::capacity::CapacityRule;
use ges_domain::hours::{Hours, OfficeHours};
use ges_domain::invariants::Look;
use ges_domain::phone::NumberRule;
use ges_domain::ports::{Catalogue, MonitorSizes, RuleRemoved, ServiceRow, StoreError};
use ges_domain::region::RegionRule;
use ges_domain::service::Service;
use ges_domain::{ServiceName, TenantId, throttle};
use ges_monitor::MonitorGauges;

use super::{Node, Role};
use crate::bug::Bug;

#[async_trait]
impl Catalogue for Node {
    async fn service(&self, tenant: TenantId, name: &ServiceName) -> Result<Option<Arc<Service>>, StoreError> {
        let found = self.call("service", self.world.store.service(tenant, name)).await?;
        let blind = self.world.has(Bug::PauseOverlooked) && self.role == Role::Worker;
        Ok(found.map(|known| match blind {
            true => Arc::new(Service { paused: false, ..(*known).clone() }),
            false => known,
        }))
    }
    async fn hours(&self, tenant: TenantId, name: &str) -> Result<Option<Hours>, StoreError> {
        self.call("hours", self.world.store.hours(tenant, name)).await
    }
    async fn put_service(&self, tenant: TenantId, row: &ServiceRow) -> Result<(), StoreError> {
        self.call("put_service", self.world.store.put_service(tenant, row)).await
    }
    async fn remove_service(&self, tenant: TenantId, name: &ServiceName) -> Result<(), StoreError> {
        self.call("remove_service", self.world.store.remove_service(tenant, name)).await
    }
    async fn put_hours(&self, tenant: TenantId, hours: &OfficeHours) -> Result<(), StoreError> {
        self.call("put_hours", self.world.store.put_hours(tenant, hours)).await
    }
    async fn put_capacity_rule(&self, tenant: TenantId, rule: &CapacityRule) -> Result<(), StoreError> {
        self.call("put_capacity_rule", self.world.store.put_capacity_rule(tenant, rule)).await
    }
    async fn put_number_rule(&self, tenant: TenantId, rule: &NumberRule) -> Result<bool, StoreError> {
        self.call("put_number_rule", self.world.store.put_number_rule(tenant, rule)).await
    }

    async fn remove_number_rule(&self, tenant: TenantId, name: &str) -> Result<RuleRemoved, StoreError> {
        self.call("remove_number_rule", self.world.store.remove_number_rule(tenant, name)).await
    }
    async fn put_region_rule(&self, tenant: TenantId, rule: &RegionRule) -> Result<(), StoreError> {
        self.call("put_region_rule", self.world.store.put_region_rule(tenant, rule)).await
    }
    async fn tenant_throttle(&self, tenant: TenantId) -> Result<throttle::Settings, StoreError> {
        self.call("tenant_throttle", self.world.store.tenant_throttle(tenant)).await
    }

    async fn put_tenant_throttle(&self, tenant: TenantId, settings: &throttle::Settings) -> Result<(), StoreError> {
        self.call("put_tenant_throttle", self.world.store.put_tenant_throttle(tenant, settings)).await
    }
}

impl MonitorGauges for Node {
    fn sizes(&self, _: MonitorSizes) {}
    fn submitted(&self, _: usize, _: Duration) {}
    fn submit_failed(&self) {}
    fn booked(&self, _: TenantId) {}
    fn lagging(&self, _: u64) {}
    fn looked(&self, look: &Look) {
        let mut seen = self.world.seen();
        seen.live.extend(look.broken.iter().cloned());
        *seen.looked.entry(look.invariant).or_default() += u64::try_from(look.looked).unwrap_or(u64::MAX);
    }
    fn refused(&self, _: u64) {}
    fn panicked(&self) {
        self.note("a task of the monitor panicked");
        self.world.panics.fetch_add(1, Ordering::SeqCst);
    }
}
