//! Sending through Nexus (integrations 6.6).

use std::sync::Arc;
use std::time::Duration;

use ges_domain::TenantId;
use ges_domain::push::Sent;
use ges_http_client::{BuildError, Call, CallError, HttpClient, HttpClientFactory, LiveSecret, Policy, below};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;

use crate::PushObserver;
use crate::fcm::{failed, once};

/// Where Nexus is. `Debug` does not show the key.
#[derive(Debug, Clone)]
pub struct NexusSettings {
    /// Base URL.
    pub url: Url,
    /// Our key.
    pub api_key: LiveSecret,
}

pub(crate) struct Nexus {
    http: HttpClient,
    settings: NexusSettings,
    observer: Arc<dyn PushObserver>,
}

/// Time for one message.
const SEND_TIME: Duration = Duration::from_secs(5);

impl Nexus {
    pub(crate) fn new(
        factory: &HttpClientFactory,
        settings: NexusSettings,
        observer: Arc<dyn PushObserver>,
    ) -> Result<Self, BuildError> {
        let http = factory.client(once(Policy::NEXUS, &settings.url))?;
        Ok(Self { http, settings, observer })
    }

    /// Sends a message; its name when it was accepted.
    pub(crate) async fn send(
        &self,
        tenant: TenantId,
        target: &str,
        message: &Value,
        validate_only: bool,
    ) -> Result<String, Sent> {
        let reply = match self.post(tenant, target, message, validate_only).await {
            Ok(reply) => reply,
            Err(error) => return Err(failed(&error, &*self.observer)),
        };
        match reply.status() {
            200..300 => {
                let answer: Value = reply.json().unwrap_or(Value::Null);
                Ok(answer["data"]["name"].as_str().unwrap_or_default().to_owned())
            }
            404 => Err(Sent::TargetGone),
            _ => Err(Sent::Refused),
        }
    }

    async fn post(
        &self,
        tenant: TenantId,
        target: &str,
        message: &Value,
        validate_only: bool,
    ) -> Result<ges_http_client::Reply, CallError> {
        let body = json!({ "channel": "FCM", "target": target, "message": message, "validateOnly": validate_only });
        let url = below(&self.settings.url, &["nexus", "v3", "push", "messages"]);
        let call = Call::post("push", "/nexus/v3/push/messages", url)
            .header("x-api-key", self.settings.api_key.now().expose_secret())?
            .header("contactcenterid", &tenant.to_string())?
            .json(&body)?;
        self.http.send(&call.within(SEND_TIME)).await
    }
}
