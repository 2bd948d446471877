//! Sealed credentials of tenants.

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::ports::{CredentialKind, SealedCredential, SealedCredentials, StoreError};

use crate::PgStore;
use crate::error::{reading, unavailable};

#[async_trait]
impl SealedCredentials for PgStore {
    async fn put_credential(
        &self,
        tenant: TenantId,
        kind: CredentialKind,
        credential: &SealedCredential,
    ) -> Result<(), StoreError> {
        let put = sqlx::query(
            "insert into credentials (tenant, kind, name, sealed)
            values ($1, $2, $3, $4)
            on conflict (tenant, kind, name) do update set sealed = excluded.sealed",
        );
        let put = put.bind(tenant.0).bind(kind.as_str()).bind(&credential.name).bind(&credential.sealed);
        put.execute(self.pool()).await.map(drop).map_err(unavailable)
    }

    async fn remove_credential(&self, tenant: TenantId, kind: CredentialKind, name: &str) -> Result<bool, StoreError> {
        let gone = sqlx::query("delete from credentials where tenant = $1 and kind = $2 and name = $3");
        let gone = gone.bind(tenant.0).bind(kind.as_str()).bind(name).execute(self.pool()).await;
        Ok(gone.map_err(unavailable)?.rows_affected() == 1)
    }

    async fn credentials(&self, tenant: TenantId, kind: CredentialKind) -> Result<Vec<SealedCredential>, StoreError> {
        let all = sqlx::query_as::<_, (String, Vec<u8>)>(
            "select name, sealed
            from credentials
            where tenant = $1 and kind = $2
            order by name",
        );
        let all = all.bind(tenant.0).bind(kind.as_str()).fetch_all(self.pool()).await;
        let all = all.map_err(reading("credentials"))?;
        Ok(all.into_iter().map(|(name, sealed)| SealedCredential { name, sealed }).collect())
    }
}
