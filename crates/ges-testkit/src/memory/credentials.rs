//! Sealed credentials, as they came.

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::ports::{CredentialKind, SealedCredential, SealedCredentials, StoreError};

use super::MemoryStore;

#[async_trait]
impl SealedCredentials for MemoryStore {
    async fn put_credential(
        &self,
        tenant: TenantId,
        kind: CredentialKind,
        credential: &SealedCredential,
    ) -> Result<(), StoreError> {
        let key = (tenant, kind.as_str(), credential.name.clone());
        self.open()?.credentials.insert(key, credential.sealed.clone());
        Ok(())
    }

    async fn remove_credential(&self, tenant: TenantId, kind: CredentialKind, name: &str) -> Result<bool, StoreError> {
        Ok(self.open()?.credentials.remove(&(tenant, kind.as_str(), name.to_owned())).is_some())
    }

    async fn credentials(&self, tenant: TenantId, kind: CredentialKind) -> Result<Vec<SealedCredential>, StoreError> {
        let state = self.open()?;
        let of_kind = state.credentials.iter().filter(|((owner, of, _), _)| (*owner, *of) == (tenant, kind.as_str()));
        let credential = |((_, _, name), sealed): (&(TenantId, &str, String), &Vec<u8>)| SealedCredential {
            name: name.clone(),
            sealed: sealed.clone(),
        };
        Ok(of_kind.map(credential).collect())
    }
}
