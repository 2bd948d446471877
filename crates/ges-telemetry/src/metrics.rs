//! The metrics of one process: typed methods in, exposition text out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};

use crate::catalogue as row;
use crate::catalogue::{PRIVATE_PATH, UNKNOWN_TENANT};
use crate::circuits::Circuits;
use crate::failures::Failures;
use crate::instruments::{counter, fixed, gauge, histogram, label, meter};
use crate::process;

/// Promises that a running process looks at; their series exist from the start.
const WATCHED_INVARIANTS: [&str; 6] = ["I1", "I2", "I4", "I5", "I7", "I8"];

/// Who is measured: the labels of health gauges and alert counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Version of the build.
    pub version: String,
    /// Name of the pod or host.
    pub host: String,
    /// Release of the time zone data in the build.
    pub zone_data: String,
}

/// A system we depend on (integrations 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the systems")]
pub enum Dependency {
    Postgres,
    Redis,
    OrsRedis,
    GwsAuth,
    GwsEnv,
    GwsConfig,
    Urs,
    Ors,
}

impl Dependency {
    /// Every dependency.
    pub const ALL: [Self; 8] = [
        Self::Postgres,
        Self::Redis,
        Self::OrsRedis,
        Self::GwsAuth,
        Self::GwsEnv,
        Self::GwsConfig,
        Self::Urs,
        Self::Ors,
    ];

    /// The name in health documents and in the label `dependency`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::OrsRedis => "orsRedis",
            Self::GwsAuth => "gwsAuth",
            Self::GwsEnv => "gwsEnv",
            Self::GwsConfig => "gwsConfig",
            Self::Urs => "urs",
            Self::Ors => "ors",
        }
    }

    /// The fault flag of its own, where it has one.
    pub const fn gauge(self) -> Option<&'static str> {
        match self.row() {
            Some(row) => Some(row.name),
            None => None,
        }
    }

    const fn row(self) -> Option<&'static row::Metric> {
        match self {
            Self::Postgres => Some(&row::POSTGRES_STATUS),
            Self::Redis => Some(&row::REDIS_CONNECTION),
            Self::OrsRedis => Some(&row::ORS_REDIS_STATUS),
            Self::GwsAuth => Some(&row::GWS_AUTH_STATUS),
            Self::GwsEnv => Some(&row::GWS_ENV_STATUS),
            Self::GwsConfig => Some(&row::GWS_CONFIG_STATUS),
            Self::Urs => Some(&row::ALL_URS_DOWN),
            Self::Ors => None,
        }
    }

    /// Lost routers cost estimates only, so they do not make the whole unhealthy.
    const fn counts_for_all(self) -> bool {
        !matches!(self, Self::Urs)
    }
}

/// What a callback under management waits for: the label `type` of `ges_monitor_size` (design decision 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Managed {
    /// Its time.
    Scheduled,
    /// The end of its session.
    Active,
    /// Another try of a failed hand-over.
    SubmitRetry,
}

impl Managed {
    const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::SubmitRetry => "submit_retry",
        }
    }
}

/// Configured thresholds of alert rules.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names are the gauges")]
pub struct Tolerances {
    pub http_400: f64,
    pub http_401: f64,
    pub http_404: f64,
    pub http_500: f64,
    pub rbac_create_vq_proxy_error: f64,
    pub invalid_content_length: f64,
}

/// The metrics of this process. Cloning shares them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    /// Held because instruments end with it.
    _provider: SdkMeterProvider,
    pod: [KeyValue; 2],
    callbacks_created: Counter<u64>,
    push_sent: Counter<u64>,
    rbac_create_vq_proxy_error: Counter<u64>,
    nexus_access_failure: Counter<u64>,
    callin_created: Counter<u64>,
    monitor_size: Gauge<f64>,
    http_requests: Counter<u64>,
    http_failed: Failures,
    http_duration: Histogram<f64>,
    health: Gauge<f64>,
    dependency_gauges: BTreeMap<Dependency, Gauge<f64>>,
    dependency_up: Gauge<f64>,
    /// None before the first look at anything.
    states: Mutex<Option<BTreeMap<Dependency, bool>>>,
    submit_failed: Counter<u64>,
    ttl_limit_reached: Counter<u64>,
    enqueue_limit_reached: Counter<u64>,
    invalid_content_length: Counter<u64>,
    uncaught_exception: Counter<u64>,
    dns_failures: [Counter<u64>; 2],
    gws_incorrect_credentials: Counter<u64>,
    gws_server_error: Counter<u64>,
    monitor_lagging_behind: Counter<u64>,
    invariant_checks: Counter<u64>,
    invariant_violations: Counter<u64>,
    monitor_refused: Counter<u64>,
    logging_failure: Counter<u64>,
    tolerances: [Gauge<f64>; 6],
    lag: Vec<Gauge<f64>>,
    outbound_requests: Counter<u64>,
    outbound_duration: Histogram<f64>,
    circuits: Circuits,
    cache_requests: Counter<u64>,
    outbox_size: Gauge<f64>,
    submit_latency: Histogram<f64>,
    ack_latency: Histogram<f64>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Registers every counter at 0, so that the first event is an increase and not a new series.
    ///
    /// `legacy_aliases`: also export process figures under the names of older dashboards.
    pub fn new(identity: &Identity, legacy_aliases: bool) -> Self {
        let registry = Registry::new();
        let (provider, meter) = meter(&registry);
        let counter = |row: &row::Metric| counter(&meter, row);
        let gauge = |row: &row::Metric| gauge(&meter, row);
        process::observe(&meter, legacy_aliases);
        let build = [label("version", &identity.version), label("zone_data", &identity.zone_data)];
        gauge(&row::BUILD_INFO).record(1.0, &build);
        let gauges = Dependency::ALL.into_iter().filter_map(|one| Some((one, gauge(one.row()?)))).collect();
        let tolerances = [
            &row::HTTP_400_TOLERANCE,
            &row::HTTP_401_TOLERANCE,
            &row::HTTP_404_TOLERANCE,
            &row::HTTP_500_TOLERANCE,
            &row::RBAC_CREATE_VQ_PROXY_ERROR_TOLERANCE,
            &row::INVALID_CONTENT_LENGTH_TOLERANCE,
        ];
        let lag: &[&row::Metric] = match legacy_aliases {
            true => &[&row::EVENTLOOP_LAG, &row::NODEJS_LAG, &row::CCE_LAG],
            false => &[&row::EVENTLOOP_LAG],
        };
        let metrics = Self(Arc::new(Inner {
            pod: [label("version", &identity.version), label("host", &identity.host)],
            callbacks_created: counter(&row::CALLBACKS_CREATED),
            push_sent: counter(&row::PUSH_SENT),
            rbac_create_vq_proxy_error: counter(&row::RBAC_CREATE_VQ_PROXY_ERROR),
            nexus_access_failure: counter(&row::NEXUS_ACCESS_FAILURE),
            callin_created: counter(&row::CALLIN_CREATED),
            monitor_size: gauge(&row::MONITOR_SIZE),
            http_requests: counter(&row::HTTP_REQUESTS),
            http_failed: Failures::new(counter(&row::HTTP_FAILED)),
            http_duration: histogram(&meter, &row::HTTP_DURATION),
            health: gauge(&row::GES_HEALTH),
            dependency_gauges: gauges,
            dependency_up: gauge(&row::DEPENDENCY_UP),
            states: Mutex::default(),
            submit_failed: counter(&row::CB_SUBMIT_FAILED),
            ttl_limit_reached: counter(&row::CB_TTL_LIMIT_REACHED),
            enqueue_limit_reached: counter(&row::CB_ENQUEUE_LIMIT_REACHED),
            invalid_content_length: counter(&row::INVALID_CONTENT_LENGTH),
            uncaught_exception: counter(&row::UNCAUGHT_EXCEPTION),
            dns_failures: [counter(&row::DNS_FAILURE), counter(&row::GES_DNS_FAILURE)],
            gws_incorrect_credentials: counter(&row::GWS_INCORRECT_CLIENT_CREDENTIALS),
            gws_server_error: counter(&row::GWS_SERVER_ERROR),
            monitor_lagging_behind: counter(&row::MONITOR_LAGGING_BEHIND),
            invariant_checks: counter(&row::INVARIANT_CHECKS),
            invariant_violations: counter(&row::INVARIANT_VIOLATIONS),
            monitor_refused: counter(&row::MONITOR_REFUSED),
            logging_failure: counter(&row::LOGGING_FAILURE),
            tolerances: tolerances.map(gauge),
            lag: lag.iter().map(|row| gauge(row)).collect(),
            outbound_requests: counter(&row::OUTBOUND_REQUESTS),
            outbound_duration: histogram(&meter, &row::OUTBOUND_DURATION),
            circuits: Circuits::observed(&meter),
            cache_requests: counter(&row::CACHE_REQUESTS),
            outbox_size: gauge(&row::ORS_OUTBOX_SIZE),
            submit_latency: histogram(&meter, &row::ORS_SUBMIT_LATENCY),
            ack_latency: histogram(&meter, &row::ORS_ACK_LATENCY),
            registry,
            _provider: provider,
        }));
        metrics.start_at_zero();
        metrics
    }

    fn start_at_zero(&self) {
        let it = &self.0;
        let plain = [
            &it.submit_failed,
            &it.invalid_content_length,
            &it.uncaught_exception,
            &it.gws_incorrect_credentials,
            &it.gws_server_error,
            &it.rbac_create_vq_proxy_error,
            &it.nexus_access_failure,
            &it.monitor_lagging_behind,
            &it.logging_failure,
        ];
        for counter in plain.into_iter().chain(&it.dns_failures) {
            counter.add(0, &it.pod);
        }
        it.monitor_refused.add(0, &[]);
        for invariant in WATCHED_INVARIANTS {
            self.invariant_checked(invariant, 0, 0);
        }
        self.tenant_known(UNKNOWN_TENANT);
        it.http_requests.add(0, &[fixed("tenant", UNKNOWN_TENANT), fixed("path", PRIVATE_PATH)]);
    }

    /// Starts the series of a tenant at 0. Call it when the tenant is first heard of.
    pub fn tenant_known(&self, tenant: &str) {
        self.0.callbacks_created.add(0, &[label("tenant", tenant)]);
        self.0.callin_created.add(0, &[label("tenant", tenant)]);
        self.limit_reached(&self.0.ttl_limit_reached, tenant, 0);
        self.limit_reached(&self.0.enqueue_limit_reached, tenant, 0);
        self.0.http_failed.tenant_known(tenant);
    }

    /// Starts the series of failed requests at 0 for a path label that is served here.
    pub fn path_known(&self, path: &'static str) {
        self.0.http_failed.path_known(path);
    }

    /// One callback was booked.
    pub fn callback_created(&self, tenant: &str) {
        self.0.callbacks_created.add(1, &[label("tenant", tenant)]);
    }

    /// A push to one target has ended. Both results of its tenant exist from then on.
    pub fn push_notification_sent(&self, tenant: &str, success: bool) {
        for (result, count) in [("success", u64::from(success)), ("failure", u64::from(!success))] {
            let labels = [label("tenant", tenant), fixed("channel", "FCM"), fixed("result", result)];
            self.0.push_sent.add(count, &labels);
        }
    }

    /// The provider of pushes was not reached.
    pub fn nexus_access_failure(&self) {
        self.0.nexus_access_failure.add(1, &self.0.pod);
    }

    /// One call-in request got its number.
    pub fn callin_created(&self, tenant: &str) {
        self.0.callin_created.add(1, &[label("tenant", tenant)]);
    }

    /// One request was answered.
    ///
    /// `path`: the template of a public endpoint, [`PRIVATE_PATH`] or [`crate::UNMATCHED_PATH`], never the URI.
    /// `tenant`: `None` counts as [`UNKNOWN_TENANT`].
    pub fn http_request(&self, path: &str, method: &str, tenant: Option<&str>, status: u16, seconds: f64) {
        let tenant = tenant.unwrap_or(UNKNOWN_TENANT);
        self.0.http_requests.add(1, &[label("tenant", tenant), label("path", path)]);
        self.0.http_duration.record(seconds, &[label("path", path), label("method", method)]);
        if status >= 400 {
            self.0.http_failed.one_more(tenant, path, status);
        }
    }

    /// So many callbacks of that kind are under management now.
    pub fn monitor_size(&self, kind: Managed, callbacks: u64) {
        self.0.monitor_size.record(as_f64(callbacks), &[fixed("type", kind.name())]);
    }

    /// What the last probe of a dependency came to; `None` while nobody has seen whether it is up. Gauges follow rule H: 1 is DOWN.
    pub fn dependency(&self, dependency: Dependency, up: Option<bool>) {
        let it = &self.0;
        let mut states = it.states.lock().unwrap_or_else(PoisonError::into_inner);
        let states = states.get_or_insert_with(|| {
            // Test H3: whoever is scraped shows every flag, also of what it has not looked at yet or never does.
            it.dependency_gauges.values().for_each(|gauge| gauge.record(flag(false), &it.pod));
            BTreeMap::new()
        });
        if let Some(up) = up {
            states.insert(dependency, up);
            it.dependency_up.record(flag(up), &[fixed("dependency", dependency.name())]);
            if let Some(gauge) = it.dependency_gauges.get(&dependency) {
                gauge.record(flag(!up), &it.pod);
            }
        }
        let any_down = states.iter().any(|(one, up)| one.counts_for_all() && !up);
        it.health.record(flag(any_down), &it.pod);
    }

    /// `callbacks` hand-overs failed for good, or a cycle of quick retries was used up.
    pub fn submit_failed(&self, callbacks: u64) {
        self.0.submit_failed.add(callbacks, &self.0.pod);
    }

    /// A booking was refused by a limit of a service or tenant.
    pub fn ttl_limit_reached(&self, tenant: &str) {
        self.limit_reached(&self.0.ttl_limit_reached, tenant, 1);
    }

    /// A booking was refused by a limit of one number.
    pub fn enqueue_limit_reached(&self, tenant: &str) {
        self.limit_reached(&self.0.enqueue_limit_reached, tenant, 1);
    }

    /// A body was over the limit.
    pub fn invalid_content_length(&self) {
        self.0.invalid_content_length.add(1, &self.0.pod);
    }

    /// A panic was caught at the boundary of a task or request.
    pub fn uncaught_exception(&self) {
        self.0.uncaught_exception.add(1, &self.0.pod);
    }

    /// A name could not be looked up; counted under both of its names (C-15).
    pub fn dns_failure(&self) {
        for counter in &self.0.dns_failures {
            counter.add(1, &self.0.pod);
        }
    }

    /// A VQ proxy could not be read, created or deleted (R-LOB-4).
    pub fn rbac_create_vq_proxy_error(&self) {
        self.0.rbac_create_vq_proxy_error.add(1, &self.0.pod);
    }

    /// GWS Authentication refused our client.
    pub fn gws_incorrect_client_credentials(&self) {
        self.0.gws_incorrect_credentials.add(1, &self.0.pod);
    }

    /// A GWS service answered with a server error or not at all.
    pub fn gws_server_error(&self) {
        self.0.gws_server_error.add(1, &self.0.pod);
    }

    /// `items` were handled more than 10 s after they were due.
    pub fn monitor_lagging_behind(&self, items: u64) {
        self.0.monitor_lagging_behind.add(items, &self.0.pod);
    }

    /// So many callbacks were looked at for a promise (`I1` to `I11`), and so many of them break it.
    pub fn invariant_checked(&self, invariant: &'static str, looked: u64, broken: u64) {
        let labels = [fixed("invariant", invariant)];
        self.0.invariant_checks.add(looked, &labels);
        self.0.invariant_violations.add(broken, &labels);
    }

    /// The record refused so many writes of a monitor.
    pub fn monitor_refused(&self, writes: u64) {
        self.0.monitor_refused.add(writes, &[]);
    }

    /// A log line could not be written.
    pub fn logging_failure(&self) {
        self.0.logging_failure.add(1, &self.0.pod);
    }

    /// Exports the configured thresholds.
    pub fn tolerances(&self, tolerances: Tolerances) {
        let Tolerances { http_400, http_401, http_404, http_500, rbac_create_vq_proxy_error, invalid_content_length } =
            tolerances;
        let values = [http_400, http_401, http_404, http_500, rbac_create_vq_proxy_error, invalid_content_length];
        for (gauge, value) in self.0.tolerances.iter().zip(values) {
            gauge.record(value, &[]);
        }
    }

    /// A call to another system ended after so many seconds. All names are words from the code, never text from outside.
    pub fn outbound_request(
        &self,
        integration: &'static str,
        operation: &'static str,
        outcome: &'static str,
        seconds: f64,
    ) {
        let [integration, operation] = [fixed("integration", integration), fixed("operation", operation)];
        self.0.outbound_duration.record(seconds, &[integration.clone(), operation.clone()]);
        self.0.outbound_requests.add(1, &[integration, operation, fixed("outcome", outcome)]);
    }

    /// The breaker of `endpoint` (`host:port`) is closed (0), trying (1) or open (2).
    pub fn circuit_state(&self, integration: &'static str, endpoint: &str, state: u8) {
        self.0.circuits.is(integration, endpoint, state);
    }

    /// The breaker of `endpoint` is kept no longer; its series ends.
    pub fn circuit_forgotten(&self, integration: &'static str, endpoint: &str) {
        self.0.circuits.forget(integration, endpoint);
    }

    /// A memory was asked; `result` is `hit`, `miss` or `stale`. Both are words from the code.
    pub fn cache_request(&self, cache: &'static str, result: &'static str) {
        self.0.cache_requests.add(1, &[fixed("cache", cache), fixed("result", result)]);
    }

    /// How many callbacks are due and not yet on the stream.
    pub fn ors_outbox_size(&self, callbacks: u64) {
        self.0.outbox_size.record(as_f64(callbacks), &[]);
    }

    /// The scheduler ran a task so many seconds later than asked.
    pub fn eventloop_lag(&self, seconds: f64) {
        for gauge in &self.0.lag {
            gauge.record(seconds, &[]);
        }
    }

    /// Seconds from the due instant of a callback to its written stream entry.
    pub fn ors_submit_latency(&self, seconds: f64) {
        self.0.submit_latency.record(seconds, &[]);
    }

    /// Seconds from a written stream entry to the first answer of its session.
    pub fn ors_ack_latency(&self, seconds: f64) {
        self.0.ack_latency.record(seconds, &[]);
    }

    /// Everything in the Prometheus text format, families in order of name. Serve it as
    /// [`Metrics::CONTENT_TYPE`].
    pub fn render(&self) -> String {
        // Encoding fails on a family without samples only; such families are not gathered.
        TextEncoder::new().encode_to_string(&self.0.registry.gather()).unwrap_or_default()
    }

    /// Content type of [`Metrics::render`].
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    fn limit_reached(&self, counter: &Counter<u64>, tenant: &str, bookings: u64) {
        let [version, host] = self.0.pod.clone();
        counter.add(bookings, &[version, host, label("tenant", tenant)]);
    }
}

const fn flag(raised: bool) -> f64 {
    if raised { 1.0 } else { 0.0 }
}

/// Counts are far below 2^53, where every whole number has a float.
fn as_f64(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
