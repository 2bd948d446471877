//! VQ proxies: configuration objects that stand for services, so that access to single services can be granted (R-LOB-1).

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Cause, StoreError};
use crate::{ServiceName, TenantId};

/// An object in the folder of the proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What the configuration calls it.
    pub key: u64,
    /// Its name: that of the service it stands for.
    pub name: String,
    /// Whether this product made it. Others are never touched (R-LOB-5).
    pub ours: bool,
}

/// The configuration did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the configuration of VQ proxies failed")]
pub struct ProxyError(#[source] pub Cause);

/// The configuration in which proxies live.
#[async_trait]
pub trait Proxies: Send + Sync {
    /// Everything in the folder of the proxies; nothing when the folder does not exist yet.
    ///
    /// # Errors
    /// [`ProxyError`]: ask again later.
    async fn proxies(&self, tenant: TenantId) -> Result<Vec<Proxy>, ProxyError>;

    /// Creates the proxy of a service, and its folder when there is none. One that exists already is a success.
    ///
    /// # Errors
    /// [`ProxyError`]: nothing is known to have happened; asking again is safe.
    async fn create_proxy(&self, tenant: TenantId, service: &ServiceName) -> Result<(), ProxyError>;

    /// Deletes a proxy that [`Proxies::proxies`] named as ours. One that is gone already is a success.
    ///
    /// # Errors
    /// [`ProxyError`]: nothing is known to have happened; asking again is safe.
    async fn delete_proxy(&self, tenant: TenantId, proxy: &Proxy) -> Result<(), ProxyError>;
}

/// What is provisioned, as whoever keeps proxies in step needs it.
#[async_trait]
pub trait ProvisionedServices: Send + Sync {
    /// The services of every tenant that has or ever had one; removed services are left out, so a tenant may have none.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn services_by_tenant(&self) -> Result<BTreeMap<TenantId, Vec<ServiceName>>, StoreError>;
}
