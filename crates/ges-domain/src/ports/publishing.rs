//! The published configuration: one publish is one act (chapter 7.2, integrations 5.5).

use async_trait::async_trait;

use super::StoreError;
use crate::TenantId;
use crate::publishing::{Publish, Published, Section, Standing};

/// What was published, and publishing.
#[async_trait]
pub trait Publishing: Send + Sync {
    /// Applies a publish as [`crate::publishing::decide`] says: sections, calendars, capacity rules, services and the revision
    /// together or not at all. Publishes of one tenant come one after the other. A service that comes back within 14 days of its
    /// removal has its old rules and pause, later it has none (R-PUB-5). Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have changed.
    async fn publish(&self, tenant: TenantId, publish: &Publish) -> Result<Published, StoreError>;

    /// Everything that was published, as it was sent.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn standing(&self, tenant: TenantId) -> Result<Standing, StoreError>;

    /// One section.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn section(&self, tenant: TenantId, name: &str) -> Result<Option<Section>, StoreError>;

    /// Every tenant that has a service or was published for, in order.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError>;
}
