//! Services as a node reads them, sessions as it reaches them, and what its monitors report.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::callback::SessionBinding;
use ges_domain::capacity::CapacityRule;
use ges_domain::hours::{Hours, OfficeHours};
use ges_domain::invariants::Look;
use ges_domain::phone::NumberRule;
use ges_domain::ports::{Catalogue, MonitorSizes, ServiceRow, SessionEvent, Sessions, StoreError, Told};
use ges_domain::region::RegionRule;
use ges_domain::service::Service;
use ges_domain::{CallbackId, Instant, ServiceName, TenantId, throttle};
use ges_monitor::MonitorGauges;

use super::Node;
use crate::bug::Bug;
use crate::trace::short;

#[async_trait]
impl Catalogue for Node {
    async fn service(&self, tenant: TenantId, name: &ServiceName) -> Result<Option<Arc<Service>>, StoreError> {
        self.call("service", self.world.store.service(tenant, name)).await
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
    async fn put_number_rule(&self, tenant: TenantId, rule: &NumberRule) -> Result<(), StoreError> {
        self.call("put_number_rule", self.world.store.put_number_rule(tenant, rule)).await
    }
    async fn put_region_rule(&self, tenant: TenantId, rule: &RegionRule) -> Result<(), StoreError> {
        self.call("put_region_rule", self.world.store.put_region_rule(tenant, rule)).await
    }
    async fn put_tenant_throttle(&self, tenant: TenantId, settings: &throttle::Settings) -> Result<(), StoreError> {
        self.call("put_tenant_throttle", self.world.store.put_tenant_throttle(tenant, settings)).await
    }
}

#[async_trait]
impl Sessions for Node {
    async fn tell(&self, session: &SessionBinding, callback: CallbackId, event: &SessionEvent, _: Instant) -> Told {
        if !matches!(event, SessionEvent::Cancel { .. }) {
            return Told::Accepted;
        }
        if self.world.has(Bug::WishForgotten) {
            self.note(format!("cancel of {}: the request is lost between its halves", short(callback)));
            std::future::pending::<()>().await;
        }
        self.alive().await;
        self.travel().await;
        let (weather, chance) = (self.world.weather(), &self.world.chance);
        let unreachable = chance.happens(weather.session_unreachable);
        // Half of the lost ones arrive, only their answer does not.
        let arrives = !unreachable || chance.happens(0.5);
        let outcome = if arrives { self.world.floor.cancel(session.id.as_str()) } else { Told::Unreachable };
        let outcome = if unreachable { Told::Unreachable } else { outcome };
        self.note(format!("cancel of session {} for {}: {outcome:?}, arrived: {arrives}", session.id, short(callback)));
        if unreachable {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        self.alive().await;
        outcome
    }

    async fn terminate(&self, session: &SessionBinding) {
        self.alive().await;
        if !self.world.chance.happens(self.world.weather().session_unreachable) {
            self.world.floor.terminate(session.id.as_str());
            self.note(format!("session {} is told to stop", session.id));
        }
    }
}

impl MonitorGauges for Node {
    fn sizes(&self, _: MonitorSizes) {}
    fn submitted(&self, _: usize, _: Duration) {}
    fn submit_failed(&self) {}
    fn lagging(&self, _: u64) {}
    fn looked(&self, look: &Look) {
        self.world.seen().live.extend(look.broken.iter().cloned());
    }
    fn refused(&self, _: u64) {}
    fn panicked(&self) {
        self.note("a task of the monitor panicked");
        self.world.panics.fetch_add(1, Ordering::SeqCst);
    }
}
