//! Who wants to know that the services of a tenant changed (R-PUB-7).

use async_trait::async_trait;

use crate::TenantId;

/// Told after a publish is in force. It cannot fail the publish and must not keep it waiting: whoever has long work to do
/// takes a note and answers.
#[async_trait]
pub trait PublishedServices: Send + Sync {
    /// Services of this tenant came, went or have other settings.
    async fn services_changed(&self, tenant: TenantId);
}

/// Nobody wants to know.
#[derive(Debug, Clone, Copy, Default)]
pub struct NobodyFollows;

#[async_trait]
impl PublishedServices for NobodyFollows {
    async fn services_changed(&self, _: TenantId) {}
}
