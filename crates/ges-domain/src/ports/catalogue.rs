//! The catalogue of services: what is provisioned.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::capacity::CapacityRule;
use crate::hours::{Hours, OfficeHours};
use crate::phone::NumberRule;
use crate::region::RegionRule;
use crate::service::{Service, Settings};
use crate::{ServiceName, TenantId, throttle};

/// A service to provision, as rows refer to each other by name.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRow {
    /// Its name.
    pub name: ServiceName,
    /// Its settings; `business_hours` names stored hours.
    pub settings: Settings,
    /// Name of the Capacity rule assigned to it, if any.
    pub capacity_rule: Option<String>,
    /// Name of the Country and Number rule assigned to it, if any (R-NV-2).
    pub number_rule: Option<String>,
    /// Name of the Region Affinity rule assigned to it, if any (R-RA-2).
    pub region_rule: Option<String>,
}

/// What removing a rule came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleRemoved {
    /// It is gone.
    Done,
    /// These services have it, by name: it stays (R-NV-12).
    InUse(Vec<ServiceName>),
    /// There is no such rule.
    Unknown,
}

/// Services, hours and rules of every tenant. Reads may be up to two seconds old; writes are seen by the writer at once.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// A service with everything it refers to. Hours that cannot be read make it closed (R-BH-8).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn service(&self, tenant: TenantId, name: &ServiceName) -> Result<Option<Arc<Service>>, StoreError>;

    /// A Business Hours object by name, for `open-for` (R-OF-3); [`Hours::Unreadable`] when stored but broken (R-BH-8).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn hours(&self, tenant: TenantId, name: &str) -> Result<Option<Hours>, StoreError>;

    /// Provisions a service or changes it; keeps its bookings, its pause and its shard (R-PUB-8).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn put_service(&self, tenant: TenantId, row: &ServiceRow) -> Result<(), StoreError>;

    /// Removes a service: no new bookings, old ones stay readable (R-PUB-6). Removing an unknown one changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn remove_service(&self, tenant: TenantId, name: &ServiceName) -> Result<(), StoreError>;

    /// Stores Business Hours under their name.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn put_hours(&self, tenant: TenantId, hours: &OfficeHours) -> Result<(), StoreError>;

    /// Stores a Capacity rule under its name.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn put_capacity_rule(&self, tenant: TenantId, rule: &CapacityRule) -> Result<(), StoreError>;

    /// Stores a Country and Number rule under its name; its expressions have been checked (R-NV-9). `false`: the name is new and
    /// the tenant has [`NumberRule::MOST`] rules, so nothing is written (R-NV-10), however many are stored at once.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn put_number_rule(&self, tenant: TenantId, rule: &NumberRule) -> Result<bool, StoreError>;

    /// Removes a Country and Number rule unless a service has it, a removed one included, which may come back (R-NV-12, R-PUB-5).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn remove_number_rule(&self, tenant: TenantId, name: &str) -> Result<RuleRemoved, StoreError>;

    /// Stores a Region Affinity rule under its name.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn put_region_rule(&self, tenant: TenantId, rule: &RegionRule) -> Result<(), StoreError>;

    /// The tenant's own throttle settings, for what belongs to no service (R-THR-1); none of them set when none are stored.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn tenant_throttle(&self, tenant: TenantId) -> Result<throttle::Settings, StoreError>;

    /// Stores the tenant's own throttle settings (R-THR-1).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn put_tenant_throttle(&self, tenant: TenantId, settings: &throttle::Settings) -> Result<(), StoreError>;
}
