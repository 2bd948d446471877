//! What tenants prove themselves with to others: kept sealed, never shown.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::TenantId;

/// What a credential is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// Push notifications and their texts (R-PSH-1).
    Push,
    /// A CAPTCHA key pair (R-CPT-1).
    Captcha,
    /// What the statistics service is asked with (R-STA-1).
    Statistics,
}

impl CredentialKind {
    /// Its name in paths and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Captcha => "captcha",
            Self::Statistics => "statistics",
        }
    }
}

/// A stored credential. The store cannot read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCredential {
    /// Its name among those of its kind; for a CAPTCHA its site key.
    pub name: String,
    /// The sealed document.
    pub sealed: Vec<u8>,
}

/// Where sealed credentials are kept.
#[async_trait]
pub trait SealedCredentials: Send + Sync {
    /// Keeps a credential in place of one of the same name. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn put_credential(
        &self,
        tenant: TenantId,
        kind: CredentialKind,
        credential: &SealedCredential,
    ) -> Result<(), StoreError>;

    /// Forgets a credential; whether there was one.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn remove_credential(&self, tenant: TenantId, kind: CredentialKind, name: &str) -> Result<bool, StoreError>;

    /// All credentials of a kind, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn credentials(&self, tenant: TenantId, kind: CredentialKind) -> Result<Vec<SealedCredential>, StoreError>;
}

/// A credential as its user needs it. `Debug` shows the name alone (I11).
#[derive(Clone, PartialEq, Eq)]
pub struct OpenCredential {
    /// Its name among those of its kind.
    pub name: String,
    /// The document, in clear.
    pub document: String,
}

impl std::fmt::Debug for OpenCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenCredential({})", self.name)
    }
}

/// Opens sealed credentials for those who use them.
#[async_trait]
pub trait OpenCredentials: Send + Sync {
    /// All credentials of a kind, by name; up to ten seconds old, older when the store does not answer.
    ///
    /// # Errors
    /// [`CredentialError`] when none were read before, or one does not open.
    async fn open(&self, tenant: TenantId, kind: CredentialKind) -> Result<Arc<[OpenCredential]>, CredentialError>;
}

/// Why a credential was not taken, or not given.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It is not what its kind needs; the sentence says what is wrong and repeats nothing of it.
    #[error("{0}")]
    Bad(String),
    /// No key is configured to seal credentials with.
    #[error("no key is configured to seal credentials with")]
    NoKey,
    /// It was sealed with another key, or damaged.
    #[error("a stored credential does not open with the configured keys")]
    Unopenable,
    /// The record store failed.
    #[error("the record of credentials failed")]
    Store(#[from] StoreError),
}

/// Provisioning of credentials, for those who may.
#[async_trait]
pub trait CredentialDesk: Send + Sync {
    /// Checks a document, seals it and keeps it.
    ///
    /// # Errors
    /// [`CredentialError`]: nothing was changed, or the store failed.
    async fn put(
        &self,
        tenant: TenantId,
        kind: CredentialKind,
        name: &str,
        document: &str,
    ) -> Result<(), CredentialError>;

    /// Forgets a credential; whether there was one.
    ///
    /// # Errors
    /// [`CredentialError::Store`].
    async fn remove(&self, tenant: TenantId, kind: CredentialKind, name: &str) -> Result<bool, CredentialError>;

    /// Names of the credentials of a kind; what they hold is never shown.
    ///
    /// # Errors
    /// [`CredentialError::Store`].
    async fn names(&self, tenant: TenantId, kind: CredentialKind) -> Result<Vec<String>, CredentialError>;
}
