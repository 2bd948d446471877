//! Keys of services: what rows call a service. A key never changes, so it is looked up once.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use ges_domain::ports::StoreError;
use ges_domain::{ServiceName, TenantId};
use sqlx::PgPool;

use crate::error::unavailable;

/// Keys known to this process.
#[derive(Default)]
pub(crate) struct Services(RwLock<HashMap<TenantId, HashMap<ServiceName, i32>>>);

impl Services {
    fn known(&self, tenant: TenantId, name: &ServiceName) -> Option<i32> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&tenant)?.get(name).copied()
    }

    /// Remembers a key.
    pub(crate) fn learn(&self, tenant: TenantId, name: &ServiceName, key: i32) {
        if self.known(tenant, name).is_none() {
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            known.entry(tenant).or_default().insert(name.clone(), key);
        }
    }

    /// The key of a service; none when it was never provisioned.
    pub(crate) async fn key(
        &self,
        pool: &PgPool,
        tenant: TenantId,
        name: &ServiceName,
    ) -> Result<Option<i32>, StoreError> {
        if let Some(key) = self.known(tenant, name) {
            return Ok(Some(key));
        }
        let found = sqlx::query_scalar("select key from services where tenant = $1 and name = $2");
        let key: Option<i32> =
            found.bind(tenant.0).bind(name.as_str()).fetch_optional(pool).await.map_err(unavailable)?;
        if let Some(key) = key {
            self.learn(tenant, name, key);
        }
        Ok(key)
    }
}
