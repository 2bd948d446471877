//! Outbound adapters with their observers wired to the metrics.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use ges_config::{Gws, Ors, Urs};
use ges_domain::TenantId;
use ges_domain::ports::OpenCredentials;
use ges_domain::region::Region;
use ges_domain::statistics::{Question as StatisticsQuestion, Statistics, StatisticsError};
use ges_domain::wait::{Estimate, Question, WaitError, WaitEstimates};
use ges_gws::{ClientToken, Credentials, Environment, GwsObserver, GwsStatistics, Registered};
use ges_http_client::{BreakerState, Finished, HttpClientFactory, Observer, Policy};
use ges_ors::{AllowedHosts, EventNames, OrsSessions};
use ges_push::PushObserver;
use ges_telemetry::{Metrics, TracePosition};
use ges_urs::{RequestForm, Routers, RoutersByTenant, UrsWaits};

/// Builds every HTTP client of the process under one policy.
#[derive(Clone)]
pub struct Outbound {
    factory: Arc<HttpClientFactory>,
    counts: Arc<Counts>,
}

struct Counts(Metrics);

impl Observer for Counts {
    fn finished(&self, call: &Finished) {
        self.0.outbound_request(call.integration, call.operation, call.outcome.as_str());
    }

    fn dns_failed(&self, _: &'static str) {
        self.0.dns_failure();
    }

    fn breaker_changed(&self, integration: &'static str, endpoint: &str, state: BreakerState) {
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
    pub fn new(metrics: &Metrics) -> Self {
        let counts = Arc::new(Counts(metrics.clone()));
        let position = || TracePosition::current().map(|position| position.to_string());
        let factory = HttpClientFactory::default().observed_by(counts.clone()).trace_parent(Arc::new(position));
        Self { factory: Arc::new(factory), counts }
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

    /// Running sessions, called where they said they are, else at `url` (integrations 1.3).
    ///
    /// # Errors
    /// No HTTP client can be made, or the address is none.
    pub fn sessions(&self, ors: &Ors, url: &str) -> Result<OrsSessions> {
        let client = self.factory.client(Policy::ORS_EVENTS).context("no client for ORS")?;
        let told = ors.events.clone();
        let names = EventNames {
            cancel: told.cancel,
            reschedule: told.reschedule,
            pause: told.pause,
            resume: told.resume,
            user_data: told.user_data,
            priority: told.priority,
            called_in: told.called_in,
        };
        Ok(OrsSessions::new(client, url, AllowedHosts::default())?.with_names(names))
    }

    /// The routers, those of the own region (`affinity`) first where no rule says otherwise (R-RA-3). Without any URL every wait is unknown, which decisions take as none (R-EWT-9).
    ///
    /// # Errors
    /// No HTTP client can be made, or an address is none.
    pub fn waits(&self, urs: &Urs, affinity: Option<&str>) -> Result<Arc<UrsWaits>> {
        let region = |name: &str| Region::new(name).with_context(|| format!("{name:?} is no name of a region"));
        let urls: Vec<_> = urs.urls.iter().map(ToString::to_string).collect();
        let urls: Vec<_> = urls.iter().map(String::as_str).collect();
        let mut nodes = Vec::new();
        for one in &urs.regions {
            let region = region(&one.region)?;
            nodes.extend(one.urs.iter().map(|node| (region.clone(), node.as_str())));
        }
        let otherwise = match (urls.is_empty(), nodes.is_empty()) {
            (true, true) => None,
            (false, _) => Some(Routers::new(&urs.tenant, &urls)?),
            (true, false) => Some(Routers::in_regions(&urs.tenant, nodes)?),
        };
        let affinity = affinity.map(region).transpose()?;
        let routers = RoutersByTenant { otherwise, affinity, ..RoutersByTenant::default() };
        Ok(Arc::new(UrsWaits::new(&self.factory, routers, RequestForm::default()).context("no client for URS")?))
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
