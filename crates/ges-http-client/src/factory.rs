//! The one place where outbound clients are made.

use std::error::Error;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use reqwest::redirect;

use crate::{HttpClient, LiveEgress, Observer, Policy, Reach, Silent};

/// Idle connections are closed by us after this time, before a usual peer or load balancer does it at 60 s.
const POOL_IDLE: Duration = Duration::from_secs(55);

/// Gives random numbers in `0..1`.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Gives the time since a fixed origin; never runs backwards.
pub type Monotonic = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Gives the W3C `traceparent` of the work at hand, if it is traced.
pub type TraceParent = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// Gives the correlation id of the running work, if it has one.
pub type CorrelationOfWork = Arc<dyn Fn() -> Option<Box<str>> + Send + Sync>;

/// The process's monotonic clock, its origin being this call.
pub fn monotonic() -> Monotonic {
    let origin = Instant::now();
    Arc::new(move || origin.elapsed())
}

/// A client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client can be made for {integration}")]
pub struct BuildError {
    integration: &'static str,
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

/// Makes every outbound client, so that all keep the same policy.
#[derive(Clone)]
pub struct HttpClientFactory {
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) jitter: Jitter,
    pub(crate) clock: Monotonic,
    pub(crate) trace_parent: TraceParent,
    pub(crate) correlation: CorrelationOfWork,
    egress: LiveEgress,
}

impl Default for HttpClientFactory {
    fn default() -> Self {
        Self {
            observer: Arc::new(Silent),
            jitter: Arc::new(rand::random::<f64>),
            clock: monotonic(),
            trace_parent: Arc::new(|| None),
            correlation: Arc::new(|| None),
            egress: LiveEgress::default(),
        }
    }
}

impl HttpClientFactory {
    /// Lets `observer` hear about every call.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Takes random numbers from `jitter`.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Takes the time of breakers, and of the caches of adapters, from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Monotonic) -> Self {
        self.clock = clock;
        self
    }

    /// Sends the `traceparent` that `trace_parent` gives with every attempt.
    #[must_use]
    pub fn trace_parent(mut self, trace_parent: TraceParent) -> Self {
        self.trace_parent = trace_parent;
        self
    }

    /// Sends the id that `correlation` gives with every call that has none of [`crate::with_correlation`].
    #[must_use]
    pub fn correlation(mut self, correlation: CorrelationOfWork) -> Self {
        self.correlation = correlation;
        self
    }

    /// Sends calls to the internet the way that `egress` is at the time.
    #[must_use]
    pub fn egress(mut self, egress: LiveEgress) -> Self {
        self.egress = egress;
        self
    }

    /// Who hears about calls, for the caches of adapters.
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.observer)
    }

    /// The clock of breakers, for the caches of adapters.
    pub fn monotonic(&self) -> Monotonic {
        Arc::clone(&self.clock)
    }

    /// A client that keeps `policy`. Make one per integration and keep it: connections, breakers and bulkhead are its.
    ///
    /// # Errors
    /// [`BuildError`] when the TLS configuration is unusable.
    pub fn client(&self, policy: Policy) -> Result<HttpClient, BuildError> {
        install_crypto();
        let failed = |source: reqwest::Error| BuildError {
            integration: policy.integration,
            source: source.without_url().into(),
        };
        let http = match self.builder(&policy).build() {
            Ok(http) => http,
            // An image without root certificates still has plain peers in its cluster; TLS then fails closed.
            Err(error) if policy.reach == Reach::Cluster => {
                tracing::warn!(integration = policy.integration, %error, "no root certificates: only plain HTTP will work");
                self.builder(&policy).tls_certs_only(std::iter::empty()).build().map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(HttpClient::new(http, policy, self))
    }

    fn builder(&self, policy: &Policy) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("ges/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .pool_idle_timeout(POOL_IDLE)
            .connect_timeout(policy.connect_timeout());
        match policy.reach {
            Reach::Internet => {
                let egress = self.egress.clone();
                builder.proxy(reqwest::Proxy::custom(move |url| egress.on_the_way_to(url)))
            }
            Reach::Cluster => builder,
        }
    }
}

/// One crypto library for the process. Whoever installed one before us is kept.
fn install_crypto() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
