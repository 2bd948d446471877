//! Who is asking: from an API key or a contact center id to a tenant (R-CON-4, API reference 2.2 and 2.3).

use async_trait::async_trait;

use crate::TenantId;
use crate::origin::Origin;

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

    /// The contact center there is, when there is exactly one (integrations 2.1, `tenancy.single`).
    ///
    /// # Errors
    /// [`TenancyError::Unavailable`]: nobody knows how many there are.
    async fn only(&self) -> Result<Option<TenantId>, TenancyError>;
}

/// Which pages may read answers meant for a contact center (API reference 2.6).
#[async_trait]
pub trait WebOrigins: Send + Sync {
    /// Whether pages of `origin` may read answers for `tenant`. An unknown contact center admits nobody.
    ///
    /// # Errors
    /// [`TenancyError::Unavailable`]: its list is not known.
    async fn admits(&self, tenant: TenantId, origin: &Origin) -> Result<bool, TenancyError>;

    /// Whether at least one contact center admits `origin`: what can be said before a key names one.
    ///
    /// # Errors
    /// [`TenancyError::Unavailable`]: no list that is known admits it, and not all lists are known.
    async fn any_admits(&self, origin: &Origin) -> Result<bool, TenancyError>;
}
