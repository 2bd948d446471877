//! Outbound adapters with their observers wired to the metrics.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use ges_config::{Egress, Gws};
use ges_domain::TenantId;
use ges_domain::ports::OpenCredentials;
use ges_domain::statistics::{Question as StatisticsQuestion, Statistics, StatisticsError};
use ges_domain::wait::{Estimate, Question, WaitError, WaitEstimates};
use ges_gws::{ClientToken, Credentials, Environment, GwsObserver, GwsStatistics, Registered};
use ges_http_client::{BreakerState, Finished, HttpClientFactory, Observer, Recall};
use ges_push::PushObserver;
use ges_telemetry::{Metrics, TracePosition};
use secrecy::ExposeSecret as _;

/// A peer on this machine is nothing that a proxy could reach.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Builds every HTTP client of the process under one policy.
#[derive(Clone)]
pub struct Outbound {
    factory: Arc<HttpClientFactory>,
    counts: Arc<Counts>,
}

struct Counts(Metrics);

impl Observer for Counts {
    fn finished(&self, call: &Finished) {
        self.0.outbound_request(call.integration, call.operation, call.outcome.as_str(), call.took.as_secs_f64());
    }

    fn dns_failed(&self, _: &'static str) {
        self.0.dns_failure();
    }

    fn recalled(&self, cache: &'static str, recall: Recall) {
        self.0.cache_request(cache, recall.as_str());
    }

    fn breaker_changed(&self, integration: &'static str, endpoint: &str, state: BreakerState) {
        let number = match state {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open => 2,
        };
        self.0.circuit_state(integration, endpoint, number);
        if state == BreakerState::Open {
            tracing::warn!(integration, endpoint, ?state, "a circuit breaker changed");
        } else {
            tracing::info!(integration, endpoint, ?state, "a circuit breaker changed");
        }
    }
}

impl GwsObserver for Counts {
    fn wrong_credentials(&self) {
        self.0.gws_incorrect_client_credentials();
    }

    fn server_error(&self) {
        self.0.gws_server_error();
    }
}

impl PushObserver for Counts {
    fn not_reached(&self) {
        self.0.nexus_access_failure();
    }
}

impl Outbound {
    /// Counts into `metrics`; calls of a traced request carry its `traceparent` (integrations 0.4).
    /// Calls to the internet leave through `egress`, where there is one.
    ///
    /// # Errors
    /// The proxy is no URL.
    pub fn new(metrics: &Metrics, egress: Option<&Egress>) -> Result<Self> {
        let counts = Arc::new(Counts(metrics.clone()));
        let position = || TracePosition::current().map(|position| position.to_string());
        let mut factory = HttpClientFactory::default().observed_by(counts.clone()).trace_parent(Arc::new(position));
        if let Some(Egress { proxy, no_proxy }) = egress {
            let proxy = proxy.expose_secret().parse().ok().context("GES_EGRESS__PROXY is no URL")?;
            let no_proxy = format!("{no_proxy},{LOOPBACK}");
            factory = factory.egress(ges_http_client::Egress { proxy, no_proxy });
        }
        Ok(Self { factory: Arc::new(factory), counts })
    }

    pub(crate) fn counts(&self) -> Arc<dyn PushObserver> {
        self.counts.clone()
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
        let credentials = Credentials { client_id: gws.client_id.clone(), client_secret: gws.client_secret.clone() };
        let token = ClientToken::new(&self.factory, &gws.auth_url, credentials, self.counts.clone());
        let token = Arc::new(token.context("no client for GWS Authentication")?);
        let environment =
            Environment::new(&self.factory, gws.env_url.clone(), Some(token.clone()), self.counts.clone());
        Ok((Arc::new(environment.context("no client for GWS Environment")?), token))
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
}

/// A deployment without a statistics service.
struct NoStatistics;

#[async_trait]
impl Statistics for NoStatistics {
    async fn get_statistic_ex(&self, _: TenantId, _: StatisticsQuestion<'_>) -> Result<Arc<str>, StatisticsError> {
        Err(StatisticsError::Unavailable("no statistics service is configured".into()))
    }
}
