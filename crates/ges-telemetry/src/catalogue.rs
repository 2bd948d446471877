//! What is measured: one row per metric (integrations 9.2).

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows; starts again from 0 with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values at or below each boundary.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The type word of the exposition format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Exact exported name.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// Exact label names.
    pub labels: &'static [&'static str],
    /// Most label sets kept; more are folded into one with the label `otel_metric_overflow`.
    pub series: usize,
    /// What it says, in one sentence.
    pub help: &'static str,
}

/// Tenant label of requests whose tenant is not known.
pub const UNKNOWN_TENANT: &str = "Unknown Tenant";
/// Path label of everything that is not a public endpoint.
pub const PRIVATE_PATH: &str = "Private API Endpoint";
/// Path label of requests to the external listener that no route takes.
pub const UNMATCHED_PATH: &str = "unmatched";

const POD: &[&str] = &["version", "host"];
const POD_TENANT: &[&str] = &["version", "host", "tenant"];
const TENANT: &[&str] = &["tenant"];
const NONE: &[&str] = &[];
const TENANTS: usize = 1_000;
const PATHS: usize = 4_000;
/// Seconds.
const DURATIONS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0];
/// Seconds; from an entry written at once to the end of the retries.
const LATENCIES: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Seconds; a session answers between at once and several attempts later.
const ANSWERS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

macro_rules! metrics {
    ($($id:ident = $name:literal $kind:expr, $labels:expr, $series:expr, $help:literal;)+) => {
        $(pub(crate) const $id: Metric =
            Metric { name: $name, kind: $kind, labels: $labels, series: $series, help: $help };)+
        /// Every metric there is.
        pub const CATALOGUE: &[Metric] = &[$($id),+];
    };
}

metrics! {
    CALLBACKS_CREATED = "ges_callbacks_created" Kind::Counter, TENANT, TENANTS, "Callbacks booked.";
    PUSH_SENT = "ges_push_notifications_sent" Kind::Counter, &["tenant", "channel", "result"], 2_000,
        "Pushes that have ended, one per target: success or failure.";
    CALLIN_CREATED = "ges_callin_created" Kind::Counter, TENANT, TENANTS, "Click-to-call-in requests that got a number.";
    MONITOR_SIZE = "ges_monitor_size" Kind::Gauge, &["type"], 8,
        "Callbacks under management: scheduled (wait for their time), active (handed over), submit_retry (hand-over failed, tried again).";
    HTTP_REQUESTS = "ges_http_requests_total" Kind::Counter, &["tenant", "path"], PATHS, "Requests, successful or not.";
    HTTP_FAILED = "ges_http_failed_requests_total" Kind::Counter, &["tenant", "path", "httpCode"], PATHS,
        "Requests answered with a status from 400.";
    HTTP_DURATION = "ges_http_request_duration_seconds" Kind::Histogram(DURATIONS), &["path", "method"], 200,
        "Duration of requests in seconds.";
    BUILD_INFO = "ges_build_info" Kind::Gauge, &["version", "zone_data"], 2,
        "Always 1; names the version and the release of the time zone data.";

    GES_HEALTH = "GES_HEALTH" Kind::Gauge, POD, 2, "1 when any dependency but the routers is down, else 0.";
    POSTGRES_STATUS = "POSTGRES_STATUS" Kind::Gauge, POD, 2, "1 when PostgreSQL is down, else 0.";
    REDIS_CONNECTION = "REDIS_CONNECTION" Kind::Gauge, POD, 2, "1 when the accelerating Redis is down, else 0.";
    ORS_REDIS_STATUS = "ORS_REDIS_STATUS" Kind::Gauge, POD, 2, "1 when the orchestration Redis is down, else 0.";
    GWS_ENV_STATUS = "GWS_ENV_STATUS" Kind::Gauge, POD, 2, "1 when the GWS Environment service is down, else 0.";
    GWS_AUTH_STATUS = "GWS_AUTH_STATUS" Kind::Gauge, POD, 2, "1 when the GWS Authentication service is down, else 0.";
    GWS_CONFIG_STATUS = "GWS_CONFIG_STATUS" Kind::Gauge, POD, 2, "1 when the GWS Configuration service is down, else 0.";
    ALL_URS_DOWN = "ALL_URS_DOWN" Kind::Gauge, POD, 2, "1 when all routers of at least one tenant are down, else 0.";
    DEPENDENCY_UP = "ges_dependency_up" Kind::Gauge, &["dependency"], 16, "1 when the dependency is up, else 0.";

    CB_SUBMIT_FAILED = "CB_SUBMIT_FAILED" Kind::Counter, POD, 2, "Failed hand-overs to the orchestration engine.";
    CB_TTL_LIMIT_REACHED = "CB_TTL_LIMIT_REACHED" Kind::Counter, POD_TENANT, TENANTS, "Bookings refused by a limit of a service or tenant.";
    CB_ENQUEUE_LIMIT_REACHED = "CB_ENQUEUE_LIMIT_REACHED" Kind::Counter, POD_TENANT, TENANTS, "Bookings refused by a limit of one number.";
    INVALID_CONTENT_LENGTH = "INVALID_CONTENT_LENGTH" Kind::Counter, POD, 2, "Requests with a body over the limit.";
    UNCAUGHT_EXCEPTION = "UNCAUGHT_EXCEPTION" Kind::Counter, POD, 2, "Panics caught at the boundary of a task or request.";
    DNS_FAILURE = "DNS_FAILURE" Kind::Counter, POD, 2, "Failed name look-ups.";
    GES_DNS_FAILURE = "GES_DNS_FAILURE" Kind::Counter, POD, 2, "The same as DNS_FAILURE, under its other name.";
    GWS_INCORRECT_CLIENT_CREDENTIALS = "GWS_INCORRECT_CLIENT_CREDENTIALS" Kind::Counter, POD, 2, "Our client refused by GWS Authentication.";
    GWS_SERVER_ERROR = "GWS_SERVER_ERROR" Kind::Counter, POD, 2, "Server and connection errors of GWS services.";
    RBAC_CREATE_VQ_PROXY_ERROR = "RBAC_CREATE_VQ_PROXY_ERROR" Kind::Counter, POD, 2,
        "VQ proxies that could not be read, created or deleted.";
    NEXUS_ACCESS_FAILURE = "NEXUS_ACCESS_FAILURE" Kind::Counter, POD, 2, "Calls that did not reach the provider of pushes.";
    MONITOR_LAGGING_BEHIND = "MONITOR_LAGGING_BEHIND" Kind::Counter, POD, 2, "Items handled more than 10 s after they were due.";
    INVARIANT_CHECKS = "ges_invariant_checks_total" Kind::Counter, &["invariant"], 16,
        "Callbacks looked at in passing for a promise of docs/proof.md: I1 ended with a reason, I2 one attempt at a time, I4 not early, I5 cancelled for good, I7 in order, I8 rows keep their rules.";
    INVARIANT_VIOLATIONS = "ges_invariant_violations_total" Kind::Counter, &["invariant"], 16,
        "Callbacks that were seen to break the promise. Above 0 is a bug of this service; the log names the callback.";
    MONITOR_REFUSED = "ges_monitor_refused_writes_total" Kind::Counter, NONE, 2,
        "Writes of monitors that the record refused, because it had changed or another node had the shard by then.";
    LOGGING_FAILURE = "LOGGING_FAILURE" Kind::Counter, POD, 2, "Log lines that could not be written.";

    HTTP_400_TOLERANCE = "http_400_tolerance" Kind::Gauge, NONE, 2, "Configured threshold of the alert on answers 400.";
    HTTP_401_TOLERANCE = "http_401_tolerance" Kind::Gauge, NONE, 2, "Configured threshold of the alert on answers 401.";
    HTTP_404_TOLERANCE = "http_404_tolerance" Kind::Gauge, NONE, 2, "Configured threshold of the alert on answers 404.";
    HTTP_500_TOLERANCE = "http_500_tolerance" Kind::Gauge, NONE, 2, "Configured threshold of the alert on answers 500.";
    RBAC_CREATE_VQ_PROXY_ERROR_TOLERANCE = "rbac_create_vq_proxy_error_tolerance" Kind::Gauge, NONE, 2,
        "Configured threshold of the alert on VQ proxy objects.";
    INVALID_CONTENT_LENGTH_TOLERANCE = "invalid_content_length_tolerance" Kind::Gauge, NONE, 2,
        "Configured threshold of the alert on oversized bodies.";

    PROCESS_CPU = "ges_process_cpu_seconds_total" Kind::Counter, NONE, 2, "Processor time used, in seconds.";
    PROCESS_RESIDENT = "ges_process_resident_memory_bytes" Kind::Gauge, NONE, 2, "Memory of the process that is in RAM, in bytes.";
    PROCESS_START = "ges_process_start_time_seconds" Kind::Gauge, NONE, 2, "Start of the process, in seconds since 1970.";
    PROCESS_LIMIT = "ges_process_memory_limit_bytes" Kind::Gauge, NONE, 2, "Memory limit of the control group in bytes; absent without one.";
    HEAP_USED = "ges_nodejs_heap_space_size_used_bytes" Kind::Gauge, &["space"], 2,
        "Alias of ges_process_resident_memory_bytes for older dashboards.";
    HEAP_AVAILABLE = "ges_nodejs_heap_space_size_available_bytes" Kind::Gauge, &["space"], 2,
        "Alias of ges_process_memory_limit_bytes for older dashboards.";

    EVENTLOOP_LAG = "ges_eventloop_lag_seconds" Kind::Gauge, NONE, 2,
        "How much later than asked the scheduler ran a task, in seconds, looked at once a second.";
    NODEJS_LAG = "ges_nodejs_eventloop_lag_seconds" Kind::Gauge, NONE, 2, "Alias of ges_eventloop_lag_seconds for older dashboards.";
    CCE_LAG = "application_ccecp_nodejs_eventloop_lag_seconds" Kind::Gauge, NONE, 2,
        "Alias of ges_eventloop_lag_seconds for older alert rules.";

    OUTBOUND_REQUESTS = "ges_outbound_requests_total" Kind::Counter, &["integration", "operation", "outcome"], 400,
        "Calls to other systems.";
    OUTBOUND_DURATION = "ges_outbound_request_duration_seconds" Kind::Histogram(DURATIONS), &["integration", "operation"], 100,
        "Duration of calls to other systems in seconds, retries and rests included.";
    CIRCUIT_STATE = "ges_circuit_state" Kind::Gauge, &["integration", "endpoint"], 500,
        "Circuit breaker of a peer: 0 closed, 1 trying one call, 2 open. Gone when nobody has called the peer for an hour.";
    CACHE_REQUESTS = "ges_cache_requests_total" Kind::Counter, &["cache", "result"], 48,
        "Questions to a memory of answers from elsewhere: hit, miss, or stale when an older answer had to do.";
    ORS_OUTBOX_SIZE = "ges_ors_outbox_size" Kind::Gauge, NONE, 2,
        "Callbacks that are due and not yet on the orchestration stream.";
    ORS_SUBMIT_LATENCY = "ges_ors_submit_latency_seconds" Kind::Histogram(LATENCIES), NONE, 2,
        "From the due instant of a callback to its written stream entry, in seconds.";
    ORS_ACK_LATENCY = "ges_ors_ack_latency_seconds" Kind::Histogram(ANSWERS), NONE, 2,
        "From a written stream entry to the first answer of its session, in seconds.";
}
