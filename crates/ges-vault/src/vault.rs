//! The record of sealed credentials with the keys to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::ports::{
    CredentialDesk, CredentialError, CredentialKind, OpenCredential, OpenCredentials, SealedCredential,
    SealedCredentials,
};
use tokio::time::Instant;

use crate::Keys;

/// How long opened credentials serve before the store is asked again.
const FRESH: Duration = Duration::from_secs(10);
/// Longest name, and longest document in bytes.
const NAME: usize = 255;
const DOCUMENT: usize = 64 * 1024;

/// Says what is wrong with a document of a kind, repeating nothing of it.
pub type Check = fn(CredentialKind, name: &str, document: &str) -> Result<(), String>;

struct Opened {
    credentials: Arc<[OpenCredential]>,
    read_at: Instant,
}

/// Seals, keeps and opens credentials.
pub struct Vault {
    keys: RwLock<Option<Arc<Keys>>>,
    store: Arc<dyn SealedCredentials>,
    check: Check,
    opened: Mutex<HashMap<(TenantId, CredentialKind), Opened>>,
}

fn about(tenant: TenantId, kind: CredentialKind, name: &str) -> String {
    format!("{tenant} {} {name}", kind.as_str())
}

impl Vault {
    /// Over a store. Without keys nothing is sealed and nothing opens.
    pub fn new(keys: Option<Keys>, store: Arc<dyn SealedCredentials>, check: Check) -> Self {
        Self { keys: RwLock::new(keys.map(Arc::new)), store, check, opened: Mutex::default() }
    }

    /// Seals and opens with these keys from now on.
    pub fn change_keys(&self, keys: Option<Keys>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.map(Arc::new);
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn keys(&self) -> Result<Arc<Keys>, CredentialError> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(CredentialError::NoKey)
    }

    fn remembered(&self, tenant: TenantId, kind: CredentialKind, fresh: bool) -> Option<Arc<[OpenCredential]>> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened.get(&(tenant, kind))?;
        (!fresh || known.read_at.elapsed() < FRESH).then(|| Arc::clone(&known.credentials))
    }

    fn forget(&self, tenant: TenantId, kind: CredentialKind) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).remove(&(tenant, kind));
    }

    async fn read(&self, tenant: TenantId, kind: CredentialKind) -> Result<Arc<[OpenCredential]>, CredentialError> {
        let sealed = self.store.credentials(tenant, kind).await?;
        let open = |sealed: SealedCredential| {
            let keys = self.keys()?;
            let document = keys.open(&about(tenant, kind, &sealed.name), &sealed.sealed);
            Ok(OpenCredential { name: sealed.name, document: document.ok_or(CredentialError::Unopenable)? })
        };
        sealed.into_iter().map(open).collect()
    }
}

#[async_trait]
impl OpenCredentials for Vault {
    async fn open(&self, tenant: TenantId, kind: CredentialKind) -> Result<Arc<[OpenCredential]>, CredentialError> {
        if let Some(known) = self.remembered(tenant, kind, true) {
            return Ok(known);
        }
        match self.read(tenant, kind).await {
            Ok(credentials) => {
                let opened = Opened { credentials: Arc::clone(&credentials), read_at: Instant::now() };
                self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert((tenant, kind), opened);
                Ok(credentials)
            }
            Err(CredentialError::Store(error)) => match self.remembered(tenant, kind, false) {
                Some(known) => Ok(known),
                None => Err(error.into()),
            },
            Err(error) => {
                tracing::error!(%tenant, kind = kind.as_str(), error = &error as &dyn std::error::Error, "no credential");
                Err(error)
            }
        }
    }
}

#[async_trait]
impl CredentialDesk for Vault {
    async fn put(
        &self,
        tenant: TenantId,
        kind: CredentialKind,
        name: &str,
        document: &str,
    ) -> Result<(), CredentialError> {
        if name.is_empty() || name.len() > NAME || name.contains('\0') {
            return Err(CredentialError::Bad(format!("a name has 1 to {NAME} bytes")));
        }
        if document.len() > DOCUMENT {
            return Err(CredentialError::Bad(format!("a credential has at most {DOCUMENT} bytes")));
        }
        (self.check)(kind, name, document).map_err(CredentialError::Bad)?;
        let keys = self.keys()?;
        let sealed = keys.seal(&about(tenant, kind, name), document).ok_or(CredentialError::NoKey)?;
        let done = self.store.put_credential(tenant, kind, &SealedCredential { name: name.into(), sealed }).await;
        self.forget(tenant, kind);
        Ok(done?)
    }

    async fn remove(&self, tenant: TenantId, kind: CredentialKind, name: &str) -> Result<bool, CredentialError> {
        let done = self.store.remove_credential(tenant, kind, name).await;
        self.forget(tenant, kind);
        Ok(done?)
    }

    async fn names(&self, tenant: TenantId, kind: CredentialKind) -> Result<Vec<String>, CredentialError> {
        let sealed = self.store.credentials(tenant, kind).await?;
        Ok(sealed.into_iter().map(|sealed| sealed.name).collect())
    }
}

#[cfg(test)]
mod tests {
    use ges_testkit::MemoryStore;
    use ges_testkit::builders::{other_tenant, tenant};

    use super::*;

    fn check(_: CredentialKind, _: &str, document: &str) -> Result<(), String> {
        if document.starts_with('{') { Ok(()) } else { Err("it is no object".into()) }
    }

    fn vault(store: &MemoryStore, keys: Option<Keys>) -> Vault {
        Vault::new(keys, Arc::new(store.clone()), check)
    }

    const KIND: CredentialKind = CredentialKind::Captcha;

    #[tokio::test]
    async fn a_credential_is_checked_sealed_and_opened_for_its_tenant() {
        let store = MemoryStore::default();
        let vault = vault(&store, Some(Keys::fleeting()));
        let refused = vault.put(tenant(), KIND, "6Le", "secret").await.unwrap_err();
        assert_eq!(refused.to_string(), "it is no object");
        vault.put(tenant(), KIND, "6Le", "{\"secret\":1}").await.unwrap();
        let stored = store.credentials(tenant(), KIND).await.unwrap();
        assert!(!String::from_utf8_lossy(&stored[0].sealed).contains("secret"), "the store cannot read it");
        let open = vault.open(tenant(), KIND).await.unwrap();
        assert_eq!((open[0].name.as_str(), open[0].document.as_str()), ("6Le", "{\"secret\":1}"));
        assert!(!format!("{open:?}").contains("secret"), "I11");
        assert!(vault.open(other_tenant(), KIND).await.unwrap().is_empty(), "I9");
        assert_eq!(vault.names(tenant(), KIND).await.unwrap(), ["6Le"]);
        assert!(vault.remove(tenant(), KIND, "6Le").await.unwrap());
        assert!(vault.open(tenant(), KIND).await.unwrap().is_empty(), "the writer sees it at once");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_opened_serves_while_the_store_is_down() {
        let store = MemoryStore::default();
        let vault = vault(&store, Some(Keys::fleeting()));
        vault.put(tenant(), KIND, "6Le", "{}").await.unwrap();
        vault.open(tenant(), KIND).await.unwrap();
        store.fail_times(10);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(vault.open(tenant(), KIND).await.unwrap().len(), 1);
        assert!(matches!(vault.open(other_tenant(), KIND).await, Err(CredentialError::Store(_))));
    }

    #[tokio::test]
    async fn without_the_key_nothing_is_taken_and_nothing_opens() {
        let store = MemoryStore::default();
        let without = vault(&store, None);
        assert!(matches!(without.put(tenant(), KIND, "6Le", "{}").await, Err(CredentialError::NoKey)));
        assert!(without.open(tenant(), KIND).await.unwrap().is_empty(), "nothing there, nothing to open");
        vault(&store, Some(Keys::fleeting())).put(tenant(), KIND, "6Le", "{}").await.unwrap();
        assert!(matches!(vault(&store, None).open(tenant(), KIND).await, Err(CredentialError::NoKey)));
        let other = vault(&store, Some(Keys::fleeting()));
        assert!(matches!(other.open(tenant(), KIND).await, Err(CredentialError::Unopenable)));
    }

    #[tokio::test]
    async fn keys_change_without_a_restart() {
        let text = |byte: char| byte.to_string().repeat(43) + "=";
        let (old, new) = (text('A'), text('Q'));
        let keys = |text: &str| Some(Keys::read(text).unwrap());
        let store = MemoryStore::default();
        let vault = vault(&store, keys(&old));
        vault.put(tenant(), KIND, "6Le", "{}").await.unwrap();
        vault.change_keys(keys(&format!("{new},{old}")));
        assert_eq!(vault.open(tenant(), KIND).await.unwrap().len(), 1, "the old key still opens");
        vault.put(tenant(), KIND, "6Le", "{}").await.unwrap();
        vault.change_keys(keys(&new));
        assert_eq!(vault.open(tenant(), KIND).await.unwrap().len(), 1, "the new key has sealed it");
        vault.change_keys(keys(&old));
        assert!(matches!(vault.open(tenant(), KIND).await, Err(CredentialError::Unopenable)));
    }
}
