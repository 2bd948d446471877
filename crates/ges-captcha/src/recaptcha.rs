//! Asking Google (integrations 7.2, 7.3, 7.5).

use std::time::Duration;

use async_trait::async_trait;
use std::sync::Arc;

use ges_domain::TenantId;
use ges_domain::booking::CaptchaToken;
use ges_domain::ports::{CredentialKind, HumanCheck, HumanVerdict, OpenCredentials};
use ges_http_client::{
    BuildError, Call, CallError, HttpClient, HttpClientFactory, Monotonic, Policy, Reach, Stage, below,
};
use secrecy::ExposeSecret as _;
use serde_json::json;
use url::Url;

use crate::acceptance::{Assessed, Judged, Verified};
use crate::credential::{CaptchaCredential, Interface};
use crate::seen::Seen;

/// Where reCAPTCHA is, and what happens when it does not answer.
#[derive(Debug, Clone)]
pub struct CaptchaSettings {
    /// Base URL of siteverify.
    pub base_url: Url,
    /// Base URL of assessments.
    pub enterprise_url: Url,
    /// Whether a visitor whom nobody can judge may book.
    pub let_in_unverified: bool,
}

/// Time for a verdict, a second connection included (R-CPT-4).
const VERDICT_TIME: Duration = Duration::from_secs(5);

/// Verifies tokens with each tenant's keys.
pub struct Recaptcha {
    http: HttpClient,
    settings: CaptchaSettings,
    credentials: Arc<dyn OpenCredentials>,
    seen: Seen,
    clock: Monotonic,
}

impl Recaptcha {
    /// Asks where `settings` say.
    ///
    /// # Errors
    /// [`BuildError`] when no HTTP client can be made.
    pub fn new(
        factory: &HttpClientFactory,
        settings: CaptchaSettings,
        credentials: Arc<dyn OpenCredentials>,
    ) -> Result<Self, BuildError> {
        let policy = Policy::RECAPTCHA;
        // A plain address is a peer in the cluster or on this machine, and needs no root certificates.
        let plain = settings.base_url.scheme() == "http" && settings.enterprise_url.scheme() == "http";
        let http = factory.client(Policy { reach: if plain { Reach::Cluster } else { policy.reach }, ..policy })?;
        Ok(Self { http, settings, credentials, seen: Seen::default(), clock: factory.monotonic() })
    }

    /// The credential a service uses: the one it names, the only one, or the default one (R-CPT-1).
    async fn credential(&self, tenant: TenantId, site_key: Option<&str>) -> Result<CaptchaCredential, HumanVerdict> {
        let opened =
            self.credentials.open(tenant, CredentialKind::Captcha).await.map_err(|_| HumanVerdict::Unavailable)?;
        let read = opened.iter().filter_map(|one| CaptchaCredential::read(&one.name, &one.document).ok());
        let mut all: Vec<_> = read.collect();
        match site_key {
            Some(key) => all.retain(|credential| credential.site_key == key),
            None if all.len() > 1 => {
                all.retain(|credential| credential.default);
                if all.len() != 1 {
                    return Err(HumanVerdict::Ambiguous);
                }
            }
            None => {}
        }
        // R-CPT-5: nothing is provisioned.
        all.pop().ok_or(HumanVerdict::Unavailable)
    }

    async fn ask(&self, credential: &CaptchaCredential, token: &CaptchaToken) -> Result<Judged, CallError> {
        let address = token.address.map(|address| address.to_string());
        match &credential.interface {
            Interface::V2 { secret } | Interface::V3 { secret } => {
                let url = below(&self.settings.base_url, &["recaptcha", "api", "siteverify"]);
                let mut fields = vec![("secret", secret.expose_secret()), ("response", token.text.as_str())];
                fields.extend(address.as_deref().map(|address| ("remoteip", address)));
                let call =
                    Call::post("siteverify", "/recaptcha/api/siteverify", url).form(&fields).within(VERDICT_TIME);
                let verified: Verified = self.http.send(&call).await?.success()?.json()?;
                Ok(verified.judge(credential))
            }
            Interface::Enterprise { project, api_key } => {
                let mut url = below(&self.settings.enterprise_url, &["v1", "projects", project, "assessments"]);
                url.query_pairs_mut().append_pair("key", api_key.expose_secret());
                let mut event = json!({ "token": token.text, "siteKey": credential.site_key });
                for (name, value) in [
                    ("expectedAction", credential.action.as_ref()),
                    ("userIpAddress", address.as_ref()),
                    ("userAgent", token.user_agent.as_ref()),
                ] {
                    if let Some(value) = value {
                        event[name] = value.as_str().into();
                    }
                }
                let call =
                    Call::post("assess", "/v1/projects/{project}/assessments", url).json(&json!({ "event": event }))?;
                let assessed: Assessed = self.http.send(&call.within(VERDICT_TIME)).await?.success()?.json()?;
                Ok(assessed.judge(credential))
            }
        }
    }

    fn nobody_can_say(&self) -> HumanVerdict {
        if self.settings.let_in_unverified { HumanVerdict::Unverified } else { HumanVerdict::Unavailable }
    }
}

/// Whether the provider cannot have seen the token, so that it may be used again.
const fn never_arrived(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Transport { stage: Stage::Dns | Stage::Connect, .. }
            | CallError::BreakerOpen { .. }
            | CallError::Overloaded
            | CallError::Unsendable(_)
    )
}

#[async_trait]
impl HumanCheck for Recaptcha {
    async fn check(&self, tenant: TenantId, site_key: Option<&str>, token: &CaptchaToken) -> HumanVerdict {
        let credential = match self.credential(tenant, site_key).await {
            Ok(credential) => credential,
            Err(verdict) => {
                tracing::warn!(%tenant, ?verdict, "a CAPTCHA is required and cannot be verified");
                return verdict;
            }
        };
        if !self.seen.first_time(&token.text, (self.clock)()) {
            return HumanVerdict::NotHuman;
        }
        let asked = tokio::time::timeout(VERDICT_TIME, self.ask(&credential, token)).await;
        match asked {
            Ok(Ok(Judged::Accepted)) => HumanVerdict::Human,
            Ok(Ok(Judged::Rejected)) => HumanVerdict::NotHuman,
            Ok(Ok(Judged::OurFault)) => {
                tracing::error!(%tenant, "reCAPTCHA refuses the secret of a site key");
                self.nobody_can_say()
            }
            Ok(Err(error)) => {
                match error.status() {
                    Some(400..=428) => tracing::error!(%tenant, "reCAPTCHA refuses the credential of a site key"),
                    _ => tracing::warn!(%tenant, error = &error as &dyn std::error::Error, "reCAPTCHA gave no verdict"),
                }
                if never_arrived(&error) {
                    self.seen.forget(&token.text);
                }
                self.nobody_can_say()
            }
            Err(_) => self.nobody_can_say(),
        }
    }
}
