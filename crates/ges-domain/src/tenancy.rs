//! Who is asking: from an API key or a contact center id to a tenant (R-CON-4, API reference 2.2 and 2.3).

use async_trait::async_trait;

use crate::TenantId;

/// The registry of contact centers gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum TenancyError {
    /// It is down or refuses us, and nothing usable is cached. Asking again is safe; the key may well be good.
    #[error("the registry of contact centers did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The registry of contact centers and their API keys.
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// The tenant that owns `key`, or `None` for a key nobody owns. Keys are opaque and compared exactly.
    ///
    /// # Errors
    /// [`TenancyError::Unavailable`]: nothing is known about the key.
    async fn tenant_of(&self, key: &str) -> Result<Option<TenantId>, TenancyError>;

    /// Whether such a contact center exists.
    ///
    /// # Errors
    /// [`TenancyError::Unavailable`]: nothing is known about the contact center.
    async fn known(&self, tenant: TenantId) -> Result<bool, TenancyError>;
}
