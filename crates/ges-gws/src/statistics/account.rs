//! Whose credentials, and the tokens they are good for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_http_client::{BuildError, HttpClient, HttpClientFactory, Monotonic, Policy};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use crate::{ClientToken, Credentials, GwsObserver, User};

/// Tenants whose tokens are held; beyond it they are fetched anew rather than memory grown.
const MOST: usize = 10_000;

/// What a tenant has registered for statistics. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Account {
    /// The client.
    pub credentials: Credentials,
    /// A user through it; without one the token is the client's own.
    pub user: Option<User>,
    /// The key the Statistics service wants beside the token.
    pub api_key: Option<SecretString>,
}

/// The registered credentials could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("the registered statistics credentials cannot be read")]
pub struct AccountsError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where registered credentials come from.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// What the tenant has registered; none when nothing.
    ///
    /// # Errors
    /// [`AccountsError`]: nothing is known.
    async fn of(&self, tenant: TenantId) -> Result<Option<Account>, AccountsError>;
}

/// A registration's mark and its token.
type Holding = ([u8; 32], Arc<ClientToken>);

/// One token per tenant, as long as its credentials stay the same.
pub(super) struct Tokens {
    http: Arc<HttpClient>,
    auth: Url,
    clock: Monotonic,
    observer: Arc<dyn GwsObserver>,
    held: Mutex<HashMap<TenantId, Holding>>,
}

impl Tokens {
    pub(super) fn new(
        factory: &HttpClientFactory,
        auth: Url,
        observer: Arc<dyn GwsObserver>,
    ) -> Result<Self, BuildError> {
        let http = Arc::new(factory.client(Policy::GWS_AUTH_TOKEN)?);
        let observer = Arc::new(NotOurs(observer));
        Ok(Self { http, auth, clock: factory.monotonic(), observer, held: Mutex::default() })
    }

    pub(super) fn of(&self, tenant: TenantId, account: &Account) -> Arc<ClientToken> {
        let mark = fingerprint(account);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token)) = held.get(&tenant).filter(|(known, _)| *known == mark) {
            return Arc::clone(token);
        }
        if held.len() >= MOST {
            held.clear();
        }
        let (credentials, user) = (account.credentials.clone(), account.user.clone());
        let observer = Arc::clone(&self.observer);
        let token =
            ClientToken::over(Arc::clone(&self.http), &self.auth, credentials, user, Arc::clone(&self.clock), observer);
        let token = Arc::new(token);
        held.insert(tenant, (mark, Arc::clone(&token)));
        token
    }
}

/// Tells one registration from another without keeping its secrets.
pub(super) fn fingerprint(account: &Account) -> [u8; 32] {
    let mut digest = Sha256::new();
    let secret = account.credentials.client_secret.expose_secret();
    let user = account.user.as_ref().map(|user| (user.name.as_str(), user.password.expose_secret()));
    let (name, password) = user.unwrap_or_default();
    let api_key = account.api_key.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
    for part in [account.credentials.client_id.as_str(), secret, name, password, api_key] {
        digest.update(part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().into()
}

/// A tenant's wrong credentials are no fault of this deployment's own client.
struct NotOurs(Arc<dyn GwsObserver>);

impl GwsObserver for NotOurs {
    fn wrong_credentials(&self) {}

    fn server_error(&self) {
        self.0.server_error();
    }
}
