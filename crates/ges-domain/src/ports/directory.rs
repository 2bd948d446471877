//! What the configuration says about the people at the console (20.2, 20.3).

use std::sync::Arc;

use async_trait::async_trait;

use super::Cause;
use crate::TenantId;
use crate::access::{Claims, ProxyAccess};

/// A person of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What the configuration calls the person.
    pub key: u64,
    /// What roles follow from.
    pub claims: Claims,
}

/// The configuration could not be asked, and what it said before is too old: nobody is let in on it.
#[derive(Debug, thiserror::Error)]
#[error("the configuration of users is not available")]
pub struct DirectoryError(#[source] pub Cause);

/// People and what they are granted. Answers may be five minutes old (R-RB-6), and fifteen while the configuration is down.
#[async_trait]
pub trait Directory: Send + Sync {
    /// A person by login name; none when the configuration does not know it.
    ///
    /// # Errors
    /// [`DirectoryError`].
    async fn account(&self, tenant: TenantId, login: &str) -> Result<Option<Arc<Account>>, DirectoryError>;

    /// What the person with this key may read among the proxies of services (R-LOB-2).
    ///
    /// # Errors
    /// [`DirectoryError`].
    async fn proxy_access(&self, tenant: TenantId, key: u64) -> Result<Arc<ProxyAccess>, DirectoryError>;
}
