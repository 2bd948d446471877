//! Sending through Firebase Cloud Messaging, HTTP v1 (integrations 6.3, 6.5).

use std::sync::Arc;
use std::time::Duration;

use ges_domain::ports::Clock;
use ges_domain::push::Sent;
use ges_http_client::{Backoff, BuildError, Call, CallError, HttpClient, HttpClientFactory, Policy, Reach, below};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::PushObserver;
use crate::credential::ServiceAccount;
use crate::token::{NoToken, Tokens};

/// Where FCM is.
#[derive(Debug, Clone)]
pub struct FcmSettings {
    /// Base URL, `https://fcm.googleapis.com` but for tests.
    pub base_url: Url,
    /// Asked for tokens instead of what a service account names.
    pub token_uri: Option<Url>,
}

pub(crate) struct Fcm {
    http: HttpClient,
    settings: FcmSettings,
    tokens: Tokens,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn PushObserver>,
}

/// Time for one message.
const SEND_TIME: Duration = Duration::from_secs(5);

/// A policy without repeats of its own: every attempt is recorded before it is made (R-PSH-4).
pub(crate) fn once(policy: Policy, base: &Url) -> Policy {
    // A plain address is a peer in the cluster or on this machine, and needs no root certificates.
    let reach = if base.scheme() == "http" { Reach::Cluster } else { policy.reach };
    Policy { backoff: Backoff { retries: 0, ..policy.backoff }, reach, ..policy }
}

impl Fcm {
    pub(crate) fn new(
        factory: &HttpClientFactory,
        settings: FcmSettings,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn PushObserver>,
    ) -> Result<Self, BuildError> {
        let http = factory.client(once(Policy::FCM, &settings.base_url))?;
        Ok(Self { http, settings, tokens: Tokens::new(factory.monotonic()), clock, observer })
    }

    /// Sends a whole request body, `{"validate_only", "message"}`; the name of the message when it was accepted.
    pub(crate) async fn send(&self, account: &ServiceAccount, request: &Value) -> Result<String, Sent> {
        let mut account = account.clone();
        if let Some(uri) = &self.settings.token_uri {
            account.token_uri = uri.clone();
        }
        for replaced in [false, true] {
            let token =
                self.tokens.get(&self.http, &account, self.clock.now()).await.map_err(|no| self.no_token(&no))?;
            match self.post(&account, request, token.clone()).await {
                Ok(Refusal::Token) if !replaced => self.tokens.forget(&account, &token),
                Ok(Refusal::Token) => {
                    self.tokens.broken(&account);
                    return Err(Sent::Refused);
                }
                Ok(Refusal::Sent(sent)) => return Err(sent),
                Ok(Refusal::None(name)) => return Ok(name),
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Err(Sent::Refused)
    }

    async fn post(&self, account: &ServiceAccount, request: &Value, token: SecretString) -> Result<Refusal, CallError> {
        let url = below(&self.settings.base_url, &["v1", "projects", &account.project_id, "messages:send"]);
        let call = Call::post("send", "/v1/projects/{project}/messages:send", url);
        let call = call.bearer(token).json(request)?.within(SEND_TIME);
        let reply = self.http.send(&call).await?;
        let answer: Value = reply.json().unwrap_or(Value::Null);
        if (200..300).contains(&reply.status()) {
            return Ok(Refusal::None(answer["name"].as_str().unwrap_or_default().to_owned()));
        }
        let code = error_code(&answer);
        tracing::debug!(status = reply.status(), code, "FCM refused a message");
        Ok(match (reply.status(), code) {
            (_, Some("UNREGISTERED" | "SENDER_ID_MISMATCH")) => {
                if code == Some("SENDER_ID_MISMATCH") {
                    tracing::warn!(project = account.project_id, "a push target belongs to another Firebase project");
                }
                Refusal::Sent(Sent::TargetGone)
            }
            (400, _) if about_the_target(&answer) => Refusal::Sent(Sent::TargetGone),
            (401, Some("THIRD_PARTY_AUTH_ERROR")) => {
                tracing::error!(project = account.project_id, "the APNs or web credential in Firebase is refused");
                Refusal::Sent(Sent::Refused)
            }
            (401 | 403, None) => Refusal::Token,
            _ => Refusal::Sent(Sent::Refused),
        })
    }

    fn no_token(&self, no: &NoToken) -> Sent {
        match no {
            NoToken::Call(error) => self.failed(error),
            NoToken::Refused | NoToken::Broken => Sent::Refused,
        }
    }

    fn failed(&self, error: &CallError) -> Sent {
        failed(error, &*self.observer)
    }
}

/// What a call without a usable answer comes to; counts outages.
pub(crate) fn failed(error: &CallError, observer: &dyn PushObserver) -> Sent {
    tracing::debug!(error = error as &dyn std::error::Error, "a push was not answered");
    if error.is_outage() || matches!(error, CallError::BreakerOpen { .. }) {
        observer.not_reached();
    }
    match error {
        CallError::Status { retry_after, .. } => Sent::Failed { rest: *retry_after },
        CallError::BreakerOpen { retry_in } => Sent::Failed { rest: Some(*retry_in) },
        CallError::Unsendable(_) => Sent::Refused,
        _ => Sent::Failed { rest: None },
    }
}

enum Refusal {
    None(String),
    Token,
    Sent(Sent),
}

/// The code of FCM's own error detail.
fn error_code(answer: &Value) -> Option<&str> {
    let details = answer["error"]["details"].as_array()?;
    details.iter().find_map(|detail| detail["errorCode"].as_str())
}

/// Whether a bad request speaks of the token: by the field it names, or by its sentence.
fn about_the_target(answer: &Value) -> bool {
    let details = answer["error"]["details"].as_array();
    let violations = details.into_iter().flatten().filter_map(|detail| detail["fieldViolations"].as_array());
    let named = violations.flatten().any(|violation| violation["field"] == "message.token");
    named || answer["error"]["message"].as_str().is_some_and(|text| text.contains("registration token"))
}
