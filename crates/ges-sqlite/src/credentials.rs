//! Sealed credentials of tenants.

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::ports::{CredentialKind, SealedCredential, SealedCredentials, StoreError};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::unavailable;
use crate::store::SqliteStore;

#[async_trait]
impl SealedCredentials for SqliteStore {
    async fn put_credential(
        &self,
        tenant: TenantId,
        kind: CredentialKind,
        credential: &SealedCredential,
    ) -> Result<(), StoreError> {
        let credential = credential.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let put = sqlx::query(
                    "insert into credentials (tenant, kind, name, sealed) values (?, ?, ?, ?)
                     on conflict (tenant, kind, name) do update set sealed = excluded.sealed",
                );
                let put = put.bind(tenant.0).bind(kind.as_str()).bind(credential.name).bind(credential.sealed);
                put.execute(&mut transaction.connection).await.map(drop).map_err(unavailable)
            })
        });
        work.await
    }

    async fn remove_credential(&self, tenant: TenantId, kind: CredentialKind, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let gone = sqlx::query("delete from credentials where tenant = ? and kind = ? and name = ?");
                let gone = gone.bind(tenant.0).bind(kind.as_str()).bind(name);
                let gone = gone.execute(&mut transaction.connection).await.map_err(unavailable)?;
                Ok(gone.rows_affected() == 1)
            })
        });
        work.await
    }

    async fn credentials(&self, tenant: TenantId, kind: CredentialKind) -> Result<Vec<SealedCredential>, StoreError> {
        let all = sqlx::query("select name, sealed from credentials where tenant = ? and kind = ? order by name");
        let rows = all.bind(tenant.0).bind(kind.as_str()).fetch_all(self.readers()).await.map_err(unavailable)?;
        let read = |row: &SqliteRow| Ok(SealedCredential { name: row.try_get(0)?, sealed: row.try_get(1)? });
        rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(unavailable)
    }
}
