//! Outbound adapters with their observers wired to the metrics.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use ges_config::{Consul as ConsulSettings, Discovery, Egress, Gws, Rbac, Settings};
use ges_domain::TenantId;
use ges_domain::ports::{Clock, OpenCredentials};
use ges_domain::statistics::{Question as StatisticsQuestion, Statistics, StatisticsError};
use ges_domain::wait::{Estimate, Question, WaitError, WaitEstimates};
use ges_gws::{ClientToken, Configuration, Credentials, Environment, GwsStatistics, Naming, Registered, SignIn};
use ges_http_client::{HttpClientFactory, LiveEgress, LiveSecret, Observer};
use ges_push::PushObserver;
use ges_rest::Health;
use ges_telemetry::{Metrics, TracePosition};
use secrecy::ExposeSecret as _;

use crate::counts::Counts;

/// A peer on this machine is nothing that a proxy could reach.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Builds every HTTP client of the process under one policy.
#[derive(Clone)]
pub struct Outbound {
    factory: Arc<HttpClientFactory>,
    counts: Arc<Counts>,
    secrets: Secrets,
    egress: LiveEgress,
}

/// The way out that the settings describe; what is on this machine is reached directly.
fn way_out(settings: &Egress) -> Result<ges_http_client::Egress> {
    let proxy = settings.proxy.expose_secret().parse().ok().context("GES_EGRESS__PROXY is no URL")?;
    Ok(ges_http_client::Egress { proxy, no_proxy: format!("{},{LOOPBACK}", settings.no_proxy) })
}

/// What peers are shown; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets {
    pub(crate) nexus: LiveSecret,
    pub(crate) consul: LiveSecret,
}

impl Outbound {
    /// Counts into `metrics`; calls of a request carry its correlation id and its `traceparent`
    /// (integrations 0.4).
    /// Calls to the internet leave through `egress`, where there is one.
    ///
    /// # Errors
    /// The proxy is no URL.
    pub fn new(metrics: &Metrics, egress: Option<&Egress>) -> Result<Self> {
        let counts = Arc::new(Counts::of(metrics));
        let position = || TracePosition::current().map(|position| position.to_string());
        let live = LiveEgress::default();
        if let Some(egress) = egress {
            live.change(way_out(egress)?);
        }
        let factory = HttpClientFactory::default()
            .egress(live.clone())
            .observed_by(counts.clone())
            .trace_parent(Arc::new(position))
            .correlation(Arc::new(ges_telemetry::correlation));
        Ok(Self { factory: Arc::new(factory), counts, secrets: Secrets::default(), egress: live })
    }

    pub(crate) const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Takes over the key of Nexus, the token of Consul and the way out when they change (integrations 10.1). What is gone stays in
    /// use.
    pub fn follow_secrets(&self) -> impl Fn(&Settings) + Send + Sync + 'static {
        let (Secrets { nexus, consul }, live) = (self.secrets.clone(), self.egress.clone());
        move |settings| {
            match settings.egress.as_ref().map(way_out) {
                Some(Ok(egress)) => live.change(egress),
                Some(Err(error)) => tracing::warn!(%error, "calls to the internet leave as before"),
                None => {}
            }
            if let Some(with_key) = &settings.push.nexus {
                nexus.change(with_key.api_key.clone());
            }
            if let Discovery::Consul(ConsulSettings { token: Some(token), .. }) = &settings.urs.discovery {
                consul.change(token.clone());
            }
        }
    }

    pub(crate) fn counts(&self) -> Arc<dyn PushObserver> {
        self.counts.clone()
    }

    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        self.counts.clone()
    }

    /// Tells `health` what becomes of calls to those that nobody probes (integrations 8.2).
    pub fn tell(&self, health: &Health, clock: Arc<dyn Clock>) {
        self.counts.tell(health.clone(), clock);
    }

    /// The factory, for adapters that are not built here.
    pub fn factory(&self) -> &HttpClientFactory {
        &self.factory
    }

    /// The Environment service with the client's token, and the token for probes of the Authentication service.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn environment(&self, gws: &Gws) -> Result<(Arc<Environment>, Arc<ClientToken>)> {
        let credentials = Self::client_of(gws);
        let token = ClientToken::new(&self.factory, &gws.auth_url, credentials, self.counts.clone());
        let token = Arc::new(token.context("no client for GWS Authentication")?);
        let environment =
            Environment::new(&self.factory, gws.env_url.clone(), Some(token.clone()), self.counts.clone());
        Ok((Arc::new(environment.context("no client for GWS Environment")?), token))
    }

    /// The Configuration service with the client's token; none when no address is configured.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn configuration(&self, gws: &Gws, token: Arc<ClientToken>, rbac: &Rbac) -> Result<Option<Arc<Configuration>>> {
        let Some(conf) = &gws.conf_url else { return Ok(None) };
        let naming = Naming { folder: rbac.vq_proxy_folder.clone(), script_type: rbac.vq_proxy_script_type.clone() };
        let configuration = Configuration::new(&self.factory, conf.clone(), token, naming, self.counts.clone());
        Ok(Some(Arc::new(configuration.context("no client for GWS Configuration")?)))
    }

    /// What our client proves itself with now; for when the secret has changed.
    pub fn client_of(gws: &Gws) -> Credentials {
        Credentials { client_id: gws.client_id.clone(), client_secret: gws.client_secret.clone() }
    }

    /// People's own way into Authentication. Browsers can use it only where the address they know it by is configured.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn sign_in(&self, gws: &Gws) -> Result<Arc<SignIn>> {
        let public = gws.public_auth_url.as_ref().unwrap_or(&gws.auth_url);
        let credentials = Self::client_of(gws);
        let (base, observer) = (gws.auth_url.clone(), self.counts.clone());
        let sign_in = SignIn::new(&self.factory, base, public.clone(), credentials, observer);
        Ok(Arc::new(sign_in.context("no client for signing in")?))
    }

    /// Statistics with the credentials that tenants have provisioned.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn statistics(&self, gws: &Gws, credentials: Arc<dyn OpenCredentials>) -> Result<Arc<dyn Statistics>> {
        let Some(stats) = &gws.stats_url else { return Ok(Arc::new(NoStatistics)) };
        let accounts = Arc::new(Registered(credentials));
        let statistics = GwsStatistics::new(&self.factory, gws.auth_url.clone(), stats, accounts, self.counts.clone());
        Ok(Arc::new(statistics.context("no client for GWS Statistics")?))
    }
}

/// Gives up on an estimate after a second: creating a callback never waits longer (R-EWT-11). The look-up itself goes on and
/// fills the memory for the next caller.
pub struct WithinASecond<W>(pub Arc<W>);

#[async_trait]
impl<W: WaitEstimates> WaitEstimates for WithinASecond<W> {
    async fn estimate(&self, tenant: TenantId, asked: &Question<'_>) -> Result<Estimate, WaitError> {
        match tokio::time::timeout(Duration::from_secs(1), self.0.estimate(tenant, asked)).await {
            Ok(estimate) => estimate,
            Err(late) => Err(WaitError::Unavailable(Box::new(late))),
        }
    }

    fn position(&self, tenant: TenantId, queue: &str) -> Option<u32> {
        self.0.position(tenant, queue)
    }

    fn regional(&self) -> bool {
        self.0.regional()
    }
}

/// A deployment without a statistics service.
struct NoStatistics;

#[async_trait]
impl Statistics for NoStatistics {
    async fn get_statistic_ex(&self, _: TenantId, _: StatisticsQuestion<'_>) -> Result<Arc<str>, StatisticsError> {
        Err(StatisticsError::Unavailable("no statistics service is configured".into()))
    }
}

#[cfg(test)]
mod tests {
    use ges_http_client::Policy;
    use ges_telemetry::{Identity, correlated};

    use super::*;

    /// Integrations 0.4: what a request or a duty runs under is what its calls carry.
    #[tokio::test]
    async fn calls_carry_the_correlation_id_of_the_work() {
        let identity = Identity { version: "1".into(), host: "h".into(), zone_data: "2026a".into() };
        let outbound = Outbound::new(&Metrics::new(&identity, false), None).unwrap();
        let client = outbound.factory().client(Policy::ORS_EVENTS).unwrap();
        assert_eq!(client.correlation(), None);
        let seen = correlated("c-7", async { client.correlation() }).await;
        assert_eq!(seen.as_deref(), Some("c-7"));
    }
}
