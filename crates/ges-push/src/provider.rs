//! The domain's port over either provider.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::callback::PushTarget;
use ges_domain::ports::{Clock, CredentialKind, OpenCredential, OpenCredentials, PushProvider};
use ges_domain::push::{Message, Sent, Texts};
use ges_http_client::{BuildError, HttpClientFactory, Policy};
use serde_json::json;

use crate::body::body;
use crate::credential::PushCredential;
use crate::fcm::Fcm;
use crate::nexus::Nexus;
use crate::{FcmSettings, NexusSettings, PushObserver};

/// Who brings messages to phones.
#[derive(Debug, Clone)]
pub enum Provider {
    /// Firebase Cloud Messaging, directly.
    Fcm(FcmSettings),
    /// Nexus.
    Nexus(NexusSettings),
}

pub(crate) enum Way {
    Fcm(Fcm),
    Nexus(Nexus),
}

/// Credentials as they were opened, and what they mean.
type Read = (Arc<[OpenCredential]>, Option<Arc<Known>>);

/// A tenant's credential with its texts shared.
pub(crate) struct Known {
    pub(crate) credential: PushCredential,
    texts: Arc<Texts>,
}

/// Sends pushes for every tenant with what the tenant has provisioned.
pub struct Push {
    pub(crate) way: Way,
    credentials: Arc<dyn OpenCredentials>,
    clock: Arc<dyn Clock>,
    /// Reading a private key costs more than sending a message.
    read: Mutex<HashMap<TenantId, Read>>,
}

impl Push {
    /// Speaks to `provider`.
    ///
    /// # Errors
    /// [`BuildError`] when no HTTP client can be made.
    pub fn new(
        factory: &HttpClientFactory,
        provider: Provider,
        credentials: Arc<dyn OpenCredentials>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn PushObserver>,
    ) -> Result<Self, BuildError> {
        let way = match provider {
            Provider::Fcm(settings) => Way::Fcm(Fcm::new(factory, settings, Arc::clone(&clock), observer)?),
            Provider::Nexus(settings) => Way::Nexus(Nexus::new(factory, settings, observer)?),
        };
        Ok(Self { way, credentials, clock, read: Mutex::default() })
    }

    /// The tenant's credential; none when nothing usable is provisioned.
    pub(crate) async fn known(&self, tenant: TenantId) -> Option<Arc<Known>> {
        let opened = self.credentials.open(tenant, CredentialKind::Push).await.ok()?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((from, known)) = read.get(&tenant)
            && Arc::ptr_eq(from, &opened)
        {
            return known.clone();
        }
        let first = opened.iter().find_map(|one| PushCredential::read(&one.document).ok());
        let known = first.map(|credential| {
            let texts = Arc::new(credential.texts.clone());
            Arc::new(Known { credential, texts })
        });
        read.insert(tenant, (opened, known.clone()));
        known
    }
}

#[async_trait]
impl PushProvider for Push {
    fn at_once(&self) -> usize {
        match &self.way {
            Way::Fcm(_) => Policy::FCM.calls_at_once(),
            Way::Nexus(_) => Policy::NEXUS.calls_at_once(),
        }
    }

    async fn texts(&self, tenant: TenantId) -> Arc<Texts> {
        self.known(tenant).await.map_or_else(Arc::default, |known| Arc::clone(&known.texts))
    }

    async fn send(&self, tenant: TenantId, target: &PushTarget, message: &Message) -> Sent {
        let mut body = body(message, self.clock.now().seconds());
        let sent = match &self.way {
            Way::Nexus(nexus) => nexus.send(tenant, &target.0, &body, false).await,
            Way::Fcm(fcm) => {
                let known = self.known(tenant).await;
                let Some(account) = known.as_ref().and_then(|known| known.credential.service_account.as_ref()) else {
                    tracing::warn!(%tenant, "a callback has push targets, and its tenant no push credential");
                    return Sent::Refused;
                };
                body["token"] = target.0.as_str().into();
                fcm.send(account, &json!({ "validate_only": false, "message": body })).await
            }
        };
        sent.map_or_else(|sent| sent, |_name| Sent::Accepted)
    }
}
