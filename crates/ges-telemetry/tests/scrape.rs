//! What a scrape shows: exact names, zeros at the start, polarity, limits.

#![expect(clippy::unwrap_used, reason = "helpers of tests stop the test where it fails")]

use std::collections::{BTreeMap, BTreeSet};

use ges_telemetry::{
    CATALOGUE, Dependency, Identity, Kind, Managed, Metrics, PRIVATE_PATH, Tolerances, UNKNOWN_TENANT, UNMATCHED_PATH,
};

const ROUTE: &str = "/engagement/v3/callbacks/availability/{serviceName}";

fn metrics() -> Metrics {
    Metrics::new(&Identity { version: "1.0.0".into(), host: "pod-1".into(), zone_data: "2026a".into() }, true)
}

/// Calls every method once, so that every metric that can exist does.
fn exercised() -> Metrics {
    let metrics = metrics();
    metrics.tenant_known("t");
    metrics.push_notification_sent("t1", true);
    metrics.callback_created("t");
    metrics.callin_created("t");
    metrics.http_request(ROUTE, "GET", Some("t"), 200, 0.02);
    metrics.http_request(ROUTE, "GET", Some("t"), 429, 0.02);
    metrics.monitor_size(Managed::Scheduled, 3);
    metrics.monitor_size(Managed::Active, 2);
    metrics.monitor_size(Managed::SubmitRetry, 1);
    for dependency in Dependency::ALL {
        metrics.dependency(dependency, Some(true));
    }
    metrics.submit_failed(2);
    metrics.ttl_limit_reached("t");
    metrics.enqueue_limit_reached("t");
    metrics.invalid_content_length();
    metrics.uncaught_exception();
    metrics.dns_failure();
    metrics.gws_incorrect_client_credentials();
    metrics.gws_server_error();
    metrics.monitor_lagging_behind(4);
    metrics.invariant_checked("I4", 3, 1);
    metrics.monitor_refused(1);
    metrics.logging_failure();
    metrics.tolerances(Tolerances {
        http_400: 1.5,
        http_401: 1.5,
        http_404: 1.5,
        http_500: 1.5,
        rbac_create_vq_proxy_error: 999.0,
        invalid_content_length: 0.0,
    });
    metrics.outbound_request("gws", "token", "ok", 0.2);
    metrics.circuit_state("gws", "auth:8095", 2);
    metrics.cache_request("ewt", "hit");
    metrics.ors_outbox_size(3);
    metrics.eventloop_lag(0.001);
    metrics.ors_submit_latency(0.002);
    metrics.ors_ack_latency(1.2);
    metrics
}

/// Family name to type.
fn families(text: &str) -> BTreeMap<String, String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

fn label_names(text: &str, sample: &str) -> BTreeSet<String> {
    let line = text.lines().find(|line| line.starts_with(sample)).unwrap_or_else(|| panic!("no {sample}"));
    let Some((_, labels)) = line.split_once('{') else { return BTreeSet::new() };
    labels.rsplit_once('}').unwrap().0.split("\",").map(|pair| pair.split_once('=').unwrap().0.to_owned()).collect()
}

fn value(text: &str, sample: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(sample)).map(|rest| rest.trim().to_owned())
}

#[test]
fn check_19_the_scrape_shows_the_names_types_and_labels_of_the_catalogue() {
    let text = exercised().render();
    let shown = families(&text);
    let limited = shown.contains_key("ges_process_memory_limit_bytes");
    // Without a memory limit on this machine there is none to show.
    let absent = ["ges_process_memory_limit_bytes", "ges_nodejs_heap_space_size_available_bytes"];
    let rows: Vec<_> = CATALOGUE.iter().filter(|row| limited || !absent.contains(&row.name)).collect();
    let expected: BTreeMap<_, _> = rows.iter().map(|row| (row.name.to_owned(), row.kind.name().to_owned())).collect();
    assert_eq!(shown, expected);
    for row in rows {
        let sample = match row.kind {
            Kind::Histogram(_) => format!("{}_count", row.name),
            Kind::Counter | Kind::Gauge => row.name.to_owned(),
        };
        let separator = if row.labels.is_empty() { " " } else { "{" };
        let expected: BTreeSet<_> = row.labels.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(label_names(&text, &format!("{sample}{separator}")), expected, "{}", row.name);
    }
}

/// Names and labels as integrations 9.2 has them, written out: dashboards and rules of others rely on them. `zone_data` is ours.
#[test]
fn check_19_names_and_labels_are_the_agreed_ones() {
    let agreed: &[(&str, &[&str])] = &[
        ("ges_callbacks_created", &["tenant"]),
        ("ges_monitor_size", &["type"]),
        ("ges_push_notifications_sent", &["channel", "result", "tenant"]),
        ("ges_callin_created", &["tenant"]),
        ("ges_http_requests_total", &["path", "tenant"]),
        ("ges_http_failed_requests_total", &["httpCode", "path", "tenant"]),
        ("ges_http_request_duration_seconds_sum", &["method", "path"]),
        ("ges_http_request_duration_seconds_count", &["method", "path"]),
        ("ges_http_request_duration_seconds_bucket", &["le", "method", "path"]),
        ("ges_build_info", &["version", "zone_data"]),
        ("GES_HEALTH", &["host", "version"]),
        ("GWS_CONFIG_STATUS", &["host", "version"]),
        ("GWS_ENV_STATUS", &["host", "version"]),
        ("GWS_AUTH_STATUS", &["host", "version"]),
        ("ALL_URS_DOWN", &["host", "version"]),
        ("REDIS_CONNECTION", &["host", "version"]),
        ("ORS_REDIS_STATUS", &["host", "version"]),
        ("POSTGRES_STATUS", &["host", "version"]),
        ("RBAC_CREATE_VQ_PROXY_ERROR", &["host", "version"]),
        ("LOGGING_FAILURE", &["host", "version"]),
        ("UNCAUGHT_EXCEPTION", &["host", "version"]),
        ("DNS_FAILURE", &["host", "version"]),
        ("GES_DNS_FAILURE", &["host", "version"]),
        ("GWS_INCORRECT_CLIENT_CREDENTIALS", &["host", "version"]),
        ("GWS_SERVER_ERROR", &["host", "version"]),
        ("NEXUS_ACCESS_FAILURE", &["host", "version"]),
        ("CB_SUBMIT_FAILED", &["host", "version"]),
        ("CB_TTL_LIMIT_REACHED", &["host", "tenant", "version"]),
        ("CB_ENQUEUE_LIMIT_REACHED", &["host", "tenant", "version"]),
        ("INVALID_CONTENT_LENGTH", &["host", "version"]),
        ("MONITOR_LAGGING_BEHIND", &["host", "version"]),
        ("http_400_tolerance", &[]),
        ("http_401_tolerance", &[]),
        ("http_404_tolerance", &[]),
        ("http_500_tolerance", &[]),
        ("rbac_create_vq_proxy_error_tolerance", &[]),
        ("invalid_content_length_tolerance", &[]),
        ("ges_process_cpu_seconds_total", &[]),
        ("ges_process_resident_memory_bytes", &[]),
        ("ges_process_start_time_seconds", &[]),
        ("ges_eventloop_lag_seconds", &[]),
        ("ges_nodejs_eventloop_lag_seconds", &[]),
        ("application_ccecp_nodejs_eventloop_lag_seconds", &[]),
        ("ges_nodejs_heap_space_size_used_bytes", &["space"]),
        ("ges_outbound_requests_total", &["integration", "operation", "outcome"]),
        ("ges_outbound_request_duration_seconds_count", &["integration", "operation"]),
        ("ges_circuit_state", &["endpoint", "integration"]),
        ("ges_ors_outbox_size", &[]),
        ("ges_ors_submit_latency_seconds_count", &[]),
        ("ges_ors_ack_latency_seconds_count", &[]),
        ("ges_cache_requests_total", &["cache", "result"]),
        ("ges_dependency_up", &["dependency"]),
    ];
    let text = exercised().render();
    for (name, labels) in agreed {
        let separator = if labels.is_empty() { " " } else { "{" };
        let expected: BTreeSet<_> = labels.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(label_names(&text, &format!("{name}{separator}")), expected, "{name}");
    }
}

#[test]
fn check_19_no_suffix_scope_or_target_is_added() {
    let text = exercised().render();
    assert!(text.contains("ges_callbacks_created{tenant=\"t\"} 1\n"), "{text}");
    for foreign in ["ges_callbacks_created_total", "CB_SUBMIT_FAILED_total", "otel_scope", "target_info"] {
        assert!(!text.contains(foreign), "{foreign}");
    }
}

#[test]
fn check_19_counters_start_at_zero() {
    let text = metrics().render();
    let pod = "host=\"pod-1\"";
    for name in [
        "CB_SUBMIT_FAILED",
        "INVALID_CONTENT_LENGTH",
        "UNCAUGHT_EXCEPTION",
        "DNS_FAILURE",
        "GES_DNS_FAILURE",
        "GWS_INCORRECT_CLIENT_CREDENTIALS",
        "GWS_SERVER_ERROR",
        "MONITOR_LAGGING_BEHIND",
        "LOGGING_FAILURE",
    ] {
        assert_eq!(value(&text, &format!("{name}{{{pod},version=\"1.0.0\"}}")).as_deref(), Some("0"), "{name}");
    }
    for name in ["CB_TTL_LIMIT_REACHED", "CB_ENQUEUE_LIMIT_REACHED"] {
        let sample = format!("{name}{{{pod},tenant=\"{UNKNOWN_TENANT}\",version=\"1.0.0\"}}");
        assert_eq!(value(&text, &sample).as_deref(), Some("0"), "{name}");
    }
    assert!(text.contains(&format!("ges_callbacks_created{{tenant=\"{UNKNOWN_TENANT}\"}} 0\n")));
    let failed = format!(
        "ges_http_failed_requests_total{{httpCode=\"500\",path=\"{PRIVATE_PATH}\",tenant=\"{UNKNOWN_TENANT}\"}} 0\n"
    );
    assert!(text.contains(&failed), "{text}");
}

/// `increase()` misses the event that a series begins with: two failures have to be two, wherever they happen.
#[test]
fn check_19_failures_that_alerts_watch_begin_at_zero_wherever_requests_are_served() {
    let metrics = metrics();
    metrics.tenant_known("before");
    metrics.path_known(ROUTE);
    metrics.path_known(UNMATCHED_PATH);
    metrics.tenant_known("after");
    metrics.http_request(ROUTE, "GET", Some("after"), 404, 0.1);
    let text = metrics.render();
    for tenant in [UNKNOWN_TENANT, "before", "after"] {
        for path in [ROUTE, PRIVATE_PATH, UNMATCHED_PATH] {
            for code in [400, 401, 404, 500] {
                let sample = format!(
                    "ges_http_failed_requests_total{{httpCode=\"{code}\",path=\"{path}\",tenant=\"{tenant}\"}}"
                );
                let expected = if (tenant, path, code) == ("after", ROUTE, 404) { "1" } else { "0" };
                assert_eq!(value(&text, &sample).as_deref(), Some(expected), "{sample}");
            }
        }
    }
    for n in 0..100 {
        metrics.tenant_known(&format!("tenant-{n}"));
    }
    let text = metrics.render();
    let series = text.lines().filter(|line| line.starts_with("ges_http_failed_requests_total{")).count();
    assert_eq!(series, 40 * 3 * 4, "tenants beyond begin with their failures");
    metrics.http_request(ROUTE, "GET", Some("tenant-99"), 500, 0.1);
    assert!(!metrics.render().contains("ges_http_failed_requests_total{otel"));
}

/// Hosts that sessions name come and go; the scrape must not keep every one there ever was.
#[test]
fn the_breaker_of_a_forgotten_peer_is_exported_no_longer() {
    let metrics = metrics();
    let shown = || metrics.render().lines().filter(|line| line.starts_with("ges_circuit_state{")).count();
    for n in 0..3_000 {
        let endpoint = format!("10.0.0.{n}:9098");
        metrics.circuit_state("ors", &endpoint, 2);
        if n >= 2 {
            metrics.circuit_forgotten("ors", &format!("10.0.0.{}:9098", n - 2));
        }
        if n % 500 == 0 {
            assert!(shown() <= 2);
        }
    }
    metrics.circuit_state("ors", "10.0.0.2999:9098", 0);
    let sample = |n: u32| format!("ges_circuit_state{{endpoint=\"10.0.0.{n}:9098\",integration=\"ors\"}}");
    let text = metrics.render();
    assert_eq!(
        (value(&text, &sample(2_998)).as_deref(), value(&text, &sample(2_999)).as_deref()),
        (Some("2"), Some("0"))
    );
    assert_eq!(shown(), 2);
}

#[test]
fn check_18_health_gauges_are_one_when_down() {
    let metrics = metrics();
    assert!(!metrics.render().contains("GES_HEALTH"), "nothing is claimed before the first probe");
    let gauge = |name: &str| value(&metrics.render(), &format!("{name}{{host=\"pod-1\",version=\"1.0.0\"}}")).unwrap();
    metrics.dependency(Dependency::Urs, Some(false));
    metrics.dependency(Dependency::Postgres, Some(true));
    assert_eq!((gauge("ALL_URS_DOWN").as_str(), gauge("GES_HEALTH").as_str()), ("1", "0"));
    metrics.dependency(Dependency::OrsRedis, Some(false));
    assert_eq!((gauge("ORS_REDIS_STATUS").as_str(), gauge("GES_HEALTH").as_str()), ("1", "1"));
    assert!(metrics.render().contains("ges_dependency_up{dependency=\"orsRedis\"} 0\n"));
    metrics.dependency(Dependency::OrsRedis, Some(true));
    assert_eq!((gauge("ORS_REDIS_STATUS").as_str(), gauge("GES_HEALTH").as_str()), ("0", "0"));
    metrics.dependency(Dependency::Ors, Some(false));
    assert_eq!(gauge("GES_HEALTH"), "1", "the orchestration engine has no gauge of its own but counts");
}

/// Test H3: a flag that is missing means that nobody scraped, so what is not watched or not known yet is no fault.
#[test]
fn check_18_the_first_look_at_anything_shows_every_flag() {
    let metrics = metrics();
    metrics.dependency(Dependency::Postgres, None);
    let text = metrics.render();
    for name in [
        "GES_HEALTH",
        "POSTGRES_STATUS",
        "REDIS_CONNECTION",
        "ORS_REDIS_STATUS",
        "GWS_AUTH_STATUS",
        "GWS_ENV_STATUS",
        "GWS_CONFIG_STATUS",
        "ALL_URS_DOWN",
    ] {
        assert_eq!(
            value(&text, &format!("{name}{{host=\"pod-1\",version=\"1.0.0\"}}")).as_deref(),
            Some("0"),
            "{name}"
        );
    }
    assert!(!text.contains("ges_dependency_up{"), "that anything is up, nobody has seen");
    metrics.dependency(Dependency::Redis, Some(false));
    metrics.dependency(Dependency::Urs, Some(true));
    let flag = value(&metrics.render(), "REDIS_CONNECTION{host=\"pod-1\",version=\"1.0.0\"}");
    assert_eq!(flag.as_deref(), Some("1"), "a later look at something else changes nothing");
}

#[test]
fn durations_use_the_documented_buckets() {
    let text = exercised().render();
    let bucket = format!("ges_http_request_duration_seconds_bucket{{method=\"GET\",path=\"{ROUTE}\",le=");
    let bounds: Vec<_> = text.lines().filter_map(|line| line.strip_prefix(&bucket)?.split('"').nth(1)).collect();
    assert_eq!(bounds, ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "1.5", "2.5", "5", "10", "+Inf"]);
}

#[test]
fn failures_are_requests_too_and_their_label_keeps_its_capital() {
    let text = exercised().render();
    assert_eq!(
        value(&text, &format!("ges_http_requests_total{{path=\"{ROUTE}\",tenant=\"t\"}}")).as_deref(),
        Some("2")
    );
    let failed = format!("ges_http_failed_requests_total{{httpCode=\"429\",path=\"{ROUTE}\",tenant=\"t\"}}");
    assert_eq!(value(&text, &failed).as_deref(), Some("1"));
}

#[test]
fn both_names_of_a_failed_look_up_agree() {
    let metrics = metrics();
    metrics.dns_failure();
    let text = metrics.render();
    for name in ["DNS_FAILURE", "GES_DNS_FAILURE"] {
        assert_eq!(value(&text, &format!("{name}{{host=\"pod-1\",version=\"1.0.0\"}}")).as_deref(), Some("1"));
    }
}

#[test]
fn strangers_cannot_grow_the_scrape_without_bound() {
    let metrics = metrics();
    for n in 0..3_000 {
        metrics.callback_created(&format!("tenant-{n}"));
    }
    let text = metrics.render();
    let series = text.lines().filter(|line| line.starts_with("ges_callbacks_created{")).count();
    assert!(series <= 1_002, "{series}");
    assert!(text.contains("ges_callbacks_created{otel_metric_overflow=\"true\"} "));
}

#[cfg(target_os = "linux")]
#[test]
fn process_figures_are_plausible_and_aliases_can_be_switched_off() {
    let text = metrics().render();
    let number = |name: &str| value(&text, &format!("{name} ")).unwrap().parse::<f64>().unwrap();
    assert!((1e6..1e9).contains(&number("ges_process_resident_memory_bytes")));
    assert!(number("ges_process_start_time_seconds") > 1.7e9);
    assert!((0.0..600.0).contains(&number("ges_process_cpu_seconds_total")));
    assert!(text.contains("ges_nodejs_heap_space_size_used_bytes{space=\"rust\"} "));
    let plain =
        Metrics::new(&Identity { version: "1".into(), host: "h".into(), zone_data: "2026a".into() }, false).render();
    assert!(!plain.contains("nodejs"));
    let lagging = exercised().render();
    for name in [
        "ges_eventloop_lag_seconds",
        "ges_nodejs_eventloop_lag_seconds",
        "application_ccecp_nodejs_eventloop_lag_seconds",
    ] {
        assert_eq!(value(&lagging, &format!("{name} ")).as_deref(), Some("0.001"), "{name}");
    }
}

/// Resident memory of metrics with 100 tenants; the service's whole budget when idle is 16 MB.
#[cfg(target_os = "linux")]
#[test]
fn metrics_cost_little_memory() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().to_owned();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap()
    };
    let before = resident();
    let metrics = exercised();
    for n in 0..100 {
        metrics.tenant_known(&format!("tenant-{n}"));
        metrics.http_request(ROUTE, "GET", Some(&format!("tenant-{n}")), 200, 0.01);
    }
    assert!(metrics.render().len() > 10_000);
    let grown = resident().saturating_sub(before);
    assert!(grown < 4_096, "{grown} kB");
}
