//! Conformance checks against running pods that belong to no chapter of the public API: what is written to the stream, what every
//! reCAPTCHA token comes to, what a first scrape shows, and a secret that changes while the pod runs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ges_conformance::{Plan, Reply, Request, Server, Service, TENANT, canary, send};
use ges_harness::{Programs, Redis, run_folder};
use serde_json::{Value, json};

use crate::world::{SERVICE, booking, start};

const STREAM: &str = "CheckedStream";

/// The entries of the stream, each with its fields.
fn entries(port: u16) -> Vec<BTreeMap<String, String>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    stream.write_all(format!("XRANGE {STREAM} - +\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    // Ends with the silence after the answer.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let mut lines = answer.split("\r\n");
    let mut texts = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with('$') {
            texts.push(lines.next().unwrap().to_owned());
        }
    }
    // An entry begins with its number; fields follow in pairs.
    let mut found: Vec<BTreeMap<String, String>> = Vec::new();
    let mut texts = texts.into_iter();
    while let Some(text) = texts.next() {
        let is_number = text
            .split_once('-')
            .is_some_and(|(ms, n)| ms.len() == 13 && (ms.to_owned() + n).bytes().all(|b| b.is_ascii_digit()));
        if is_number {
            found.push(BTreeMap::new());
        } else {
            found.last_mut().unwrap().insert(text, texts.next().unwrap());
        }
    }
    found
}

#[test]
fn check_01_an_immediate_callback_is_one_whole_entry() {
    let folder = run_folder().unwrap();
    let redis = Redis::start(&Programs::from_environment().unwrap().redis, folder.path()).unwrap();
    let environment = [
        ("GES_VMCS__REDIS_PORT", redis.port().to_string()),
        ("GES_VMCS__REDIS_STREAM_NAME", STREAM.into()),
        ("GES_SERVER__GES_URL", "http://ges.example.net:3050/genesys/".into()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
    let server = start(&Plan { worker: true, environment, ..Plan::of([Service::new(SERVICE)]) });
    let body = json!({ "serviceName": SERVICE, "phoneNumber": canary::phone(1), "userData": { "a": "b" } });
    let create = server.client().request("POST", "/callbacks/create").body(body.to_string());
    let booked = server.external(&create).unwrap();
    assert_eq!(booked.status, 200, "{}", booked.body);
    let id = booked.data()["id"].as_str().unwrap().to_owned();
    let begun = Instant::now();
    while entries(redis.port()).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing on the stream");
    }
    // Long enough for a second one, were there any.
    std::thread::park_timeout(Duration::from_secs(2));
    let entries = entries(redis.port());
    assert_eq!(entries.len(), 1, "{entries:?}");
    let entry = &entries[0];
    let required = [
        "schema",
        "event",
        "serviceId",
        "attempt",
        "ccid",
        "serviceName",
        "application",
        "applicationStream",
        "gesUrl",
        "submittedAt",
        "expiresAt",
        "corrId",
        "data",
    ];
    for field in required {
        assert!(entry.contains_key(field), "{field} in {:?}", entry.keys());
    }
    for (field, value) in [
        ("schema", "1"),
        ("event", "callback.start"),
        ("serviceId", &id),
        ("attempt", "1"),
        ("ccid", TENANT),
        ("serviceName", SERVICE),
        ("application", "CallbackApp"),
        ("gesUrl", "http://ges.example.net:3050/genesys"),
    ] {
        assert_eq!(entry[field], value, "{field}");
    }
    for instant in ["submittedAt", "expiresAt"] {
        assert!(
            entry[instant].ends_with('Z') && entry[instant].parse::<jiff::Timestamp>().is_ok(),
            "{}",
            entry[instant]
        );
    }
    let data: Value = serde_json::from_str(&entry["data"]).unwrap();
    assert_eq!((&data["_service_id"], &data["_user_data"]), (&json!(id), &json!({ "a": "b" })));
    assert_eq!(data["_customer_number"], canary::phone(1), "without a plus");
}

/// What each token of the simulated reCAPTCHA comes to, under both policies.
#[test]
fn check_17_every_token_has_its_verdict_under_both_policies() {
    for policy in ["deny", "allow"] {
        let environment =
            [("GES_CAPTCHA__ON_PROVIDER_ERROR", policy), ("GES_SECURITY__CREDENTIALS_KEY", canary::CREDENTIALS_KEY)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let service = Service::new(SERVICE).with("captchaRequired", true);
        let server = start(&Plan { environment, ..Plan::of([service]) });
        let document =
            json!({ "kind": "recaptcha_v3", "secretKey": "good-secret", "minScore": 0.5, "action": "callback" });
        let keep = Request::new("PUT", "/ges/v1/credentials/captcha/site").header("ContactCenterId", TENANT);
        let kept =
            server.internal(&keep.header("content-type", "application/json").body(document.to_string())).unwrap();
        assert_eq!(kept.status, 200, "{}", kept.body);
        let book = |number: u16, token: &str| {
            let mut body = booking(SERVICE, number);
            body["captchaToken"] = token.into();
            let create = server.client().request("POST", "/callbacks/create").body(body.to_string());
            let reply = server.external(&create).unwrap();
            (reply.status, reply.code().unwrap())
        };
        let unverified = if policy == "deny" { (500, 51) } else { (200, 0) };
        let refused = (400, 4);
        for (number, (token, verdict)) in (1..).zip([
            ("pass", (200, 0)),
            ("pass-7", (200, 0)),
            ("fail", refused),
            ("expired", refused),
            ("dup", (200, 0)),
            ("dup", refused),
            ("score-0.9", (200, 0)),
            ("score-0.3", refused),
            ("action-login", refused),
            ("boom", unverified),
            ("slow", unverified),
        ]) {
            assert_eq!(book(number, token), verdict, "{token} with {policy}");
        }
        let asked = server.outside(&Request::new("GET", "/_sim/requests?target=recaptcha")).unwrap().json();
        let about = |token: &str| {
            let body = format!("response={token}");
            asked
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| one["body"].as_str().is_some_and(|text| text.split('&').any(|part| part == body)))
                .count()
        };
        assert_eq!((about("slow"), about("boom"), about("dup")), (1, 1, 1), "nothing is asked twice");
    }
}

/// Names of integrations 9.2 and of what was decided since: what every pod exports, apart from what has not happened yet.
const FLAGS: [&str; 8] = [
    "GES_HEALTH",
    "POSTGRES_STATUS",
    "REDIS_CONNECTION",
    "ORS_REDIS_STATUS",
    "GWS_AUTH_STATUS",
    "GWS_ENV_STATUS",
    "GWS_CONFIG_STATUS",
    "ALL_URS_DOWN",
];
const ALERT_COUNTERS: [&str; 13] = [
    "RBAC_CREATE_VQ_PROXY_ERROR",
    "LOGGING_FAILURE",
    "UNCAUGHT_EXCEPTION",
    "DNS_FAILURE",
    "GES_DNS_FAILURE",
    "GWS_INCORRECT_CLIENT_CREDENTIALS",
    "GWS_SERVER_ERROR",
    "NEXUS_ACCESS_FAILURE",
    "CB_SUBMIT_FAILED",
    "CB_TTL_LIMIT_REACHED",
    "CB_ENQUEUE_LIMIT_REACHED",
    "INVALID_CONTENT_LENGTH",
    "MONITOR_LAGGING_BEHIND",
];
const FROM_THE_START: [&str; 16] = [
    "ges_callbacks_created",
    "ges_callin_created",
    "ges_http_requests_total",
    "ges_http_failed_requests_total",
    "ges_build_info",
    "http_400_tolerance",
    "http_401_tolerance",
    "http_404_tolerance",
    "http_500_tolerance",
    "rbac_create_vq_proxy_error_tolerance",
    "invalid_content_length_tolerance",
    "ges_process_cpu_seconds_total",
    "ges_process_resident_memory_bytes",
    "ges_process_start_time_seconds",
    "ges_nodejs_heap_space_size_used_bytes",
    "ges_dependency_up",
];
/// They appear with what they count.
const WITH_THE_FIRST: [&str; 17] = [
    "ges_eventloop_lag_seconds",
    "ges_nodejs_eventloop_lag_seconds",
    "application_ccecp_nodejs_eventloop_lag_seconds",
    "ges_ors_outbox_size",
    "ges_push_notifications_sent",
    "ges_monitor_size",
    "ges_http_request_duration_seconds",
    "ges_process_memory_limit_bytes",
    "ges_nodejs_heap_space_size_available_bytes",
    "ges_outbound_requests_total",
    "ges_outbound_request_duration_seconds",
    "ges_circuit_state",
    "ges_ors_submit_latency_seconds",
    "ges_ors_ack_latency_seconds",
    "ges_cache_requests_total",
    "ges_invariant_checks_total",
    "ges_invariant_violations_total",
];
/// Beyond the list.
const OURS: [&str; 1] = ["ges_monitor_refused_writes_total"];

fn scrape(port: u16) -> String {
    let Reply { status, body, .. } = send(port, &Request::new("GET", "/metrics")).unwrap();
    assert_eq!(status, 200);
    body
}

/// Checks 18 (H3, no detail outside) and 19: the very first scrape after readiness, of a pod of each kind.
#[test]
fn check_19_the_first_scrape_of_a_running_pod_is_the_golden_list() {
    let server = start(&Plan { worker: true, ..Plan::of([Service::new(SERVICE)]) });
    for (pod, port) in [("api", server.internal), ("worker", server.of_worker.unwrap())] {
        let text = scrape(port);
        let shown: BTreeSet<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        for name in FLAGS {
            let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")));
            let line = line.unwrap_or_else(|| panic!("H3: {pod} has no {name}"));
            assert!(line.ends_with(" 0") && line.contains("host=\"") && line.contains("version=\""), "{pod}: {line}");
        }
        for name in ALERT_COUNTERS {
            let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")));
            let line = line.unwrap_or_else(|| panic!("{pod} has no {name}"));
            assert!(line.ends_with(" 0"), "{pod}: {line}");
        }
        for name in FROM_THE_START {
            assert!(shown.contains(name), "{pod} has no {name}");
        }
        let golden: BTreeSet<_> = FLAGS
            .iter()
            .chain(&ALERT_COUNTERS)
            .chain(&FROM_THE_START)
            .chain(&WITH_THE_FIRST)
            .chain(&OURS)
            .copied()
            .collect();
        let foreign: Vec<_> = shown.difference(&golden).collect();
        assert!(foreign.is_empty(), "{pod}: {foreign:?}");
        for suffixed in ["ges_callbacks_created_total", "CB_SUBMIT_FAILED_total", "otel_scope", "target_info"] {
            assert!(!text.contains(suffixed), "{pod}: {suffixed}");
        }
    }
    for hidden in ["/ges/v1/health/detail", "/metrics"] {
        let reply = send(server.external, &Request::new("GET", hidden)).unwrap();
        assert_eq!(reply.status, 404, "{hidden}: {}", reply.body);
        assert_eq!(send(server.internal, &Request::new("GET", hidden)).unwrap().status, 200, "{hidden}");
    }
}

/// Whether the pod can book now.
fn serves(server: &Server, number: u16) -> bool {
    let create = server.client().request("POST", "/callbacks/create").body(booking(SERVICE, number).to_string());
    server.external(&create).is_ok_and(|reply| reply.status == 200)
}

/// The pod's connections end, and it comes back as the user that its secret folder names by then: within a minute, without a
/// restart (integrations 10.1).
#[test]
fn check_21_a_running_pod_follows_a_changed_secret() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("DB_USER");
    std::fs::write(&secret, "postgres").unwrap();
    let environment = [
        ("GES_CONFIG_FOLDERS".to_owned(), folder.path().display().to_string()),
        // A secret file overrides the environment: nobody of this name can sign in.
        ("GES_DB__USER".to_owned(), "nobody_of_this_name".to_owned()),
    ];
    let mut server = start(&Plan { environment: environment.into(), ..Plan::of([Service::new(SERVICE)]) });
    assert!(serves(&server, 1));
    let role = format!("rotated_{}", std::process::id());
    server.sql(&format!("create role {role} superuser login")).unwrap();
    std::fs::write(&secret, &role).unwrap();
    let own = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let begun = Instant::now();
    for number in 2.. {
        server.sql(&format!("select pg_terminate_backend(pid) {own}")).unwrap();
        let served = serves(&server, number);
        // Fails while there is none.
        if served && server.sql(&format!("select 1 / count(*) {own} and usename = '{role}'")).is_ok() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(75), "not used after {:?}", begun.elapsed());
        std::thread::park_timeout(Duration::from_secs(1));
    }
    assert!(server.all_run(), "it was never started again");
    server.sql(&format!("alter role {role} nologin")).unwrap();
}
