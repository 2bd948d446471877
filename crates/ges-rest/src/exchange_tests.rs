use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use ges_testkit::builders;
use serde_json::json;
use tower::ServiceExt;

use std::io::Write;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use crate::listener::TenantHeaders;
use crate::testing::{KEY, OTHER_KEY, PANIC_KEY, SERVICE, SLOW_KEY, World, bare, post, send};

const OPEN_FOR: &str = "/engagement/v3/callbacks/open-for/VQ_Support";
const CREATE: &str = "/engagement/v3/callbacks/create";

fn open_for() -> axum::http::request::Builder {
    Request::get(OPEN_FOR)
}

fn empty(builder: axum::http::request::Builder) -> Request<Body> {
    builder.body(Body::empty()).unwrap()
}

fn smallest() -> Body {
    json!({"serviceName": SERVICE, "phoneNumber": "12223334444"}).to_string().into()
}

#[tokio::test]
async fn every_router_builds() {
    let world = World::new().await;
    let _ = (world.external(), world.internal(), world.worker());
}

#[tokio::test]
async fn missing_empty_doubled_and_unknown_keys_read_alike() {
    let world = World::new().await;
    let mut bodies = Vec::new();
    for request in [
        empty(open_for()),
        empty(open_for().header("x-api-key", "")),
        empty(open_for().header("x-api-key", "nobody's")),
        empty(open_for().header("x-api-key", KEY).header("x-api-key", KEY)),
        empty(open_for().header("x-api-key", b"\xff".as_slice())),
        empty(Request::get(format!("{OPEN_FOR}?x-api-key={KEY}"))),
        post("create").body(smallest()).unwrap(),
        post("create").body(Body::from("{")).unwrap(),
    ] {
        let reply = send(world.external(), request).await;
        reply.refused(401, 10);
        bodies.push(reply.sealed());
    }
    bodies.dedup();
    assert_eq!(bodies, [r#"{"status":{"code":10,"message":"API key is missing or unknown","corrId":"CORR"}}"#]);
    assert!(world.nothing_is_written());
    assert_eq!(send(world.external(), empty(open_for().header("X-API-Key", format!(" {KEY} ")))).await.status, 200);
}

#[tokio::test]
async fn a_registry_that_is_down_is_no_unknown_key() {
    let world = World::new().await;
    world.keys.set_down(true);
    let reply = send(world.external(), empty(open_for().header("x-api-key", KEY))).await;
    reply.refused(500, 51);
    assert_eq!(reply.header("retry-after"), Some("2"));
}

#[tokio::test]
async fn tenant_headers_from_outside_identify_nobody() {
    let mut world = World::new().await;
    let tenant = builders::tenant().to_string();
    for name in ["ccid", "ContactCenterID", "contactCenterId"] {
        let alone = empty(open_for().header(name, &tenant));
        send(world.external(), alone).await.refused(401, 10);
        let other = empty(open_for().header("x-api-key", KEY).header(name, builders::other_tenant().to_string()));
        assert_eq!(send(world.external(), other).await.status, 200, "dropped, so it contradicts nothing");
    }
    world.limits.tenant_headers = TenantHeaders::Reject;
    let named = empty(open_for().header("x-api-key", KEY).header("ccid", &tenant));
    send(world.external(), named).await.refused(403, 12);
    let blank = empty(open_for().header("x-api-key", KEY).header("ccid", " "));
    assert_eq!(send(world.external(), blank).await.status, 200);
}

#[tokio::test]
async fn siblings_identify_the_tenant_by_header_on_the_internal_listener() {
    let world = World::new().await;
    let (own, other) = (builders::tenant().to_string(), builders::other_tenant().to_string());
    let ask = async |headers: &[(&str, &str)]| {
        let request = headers.iter().fold(open_for(), |request, (name, value)| request.header(*name, *value));
        send(world.internal(), empty(request)).await
    };
    assert_eq!(ask(&[("ccid", &own)]).await.status, 200);
    assert_eq!(ask(&[("ContactCenterId", &own), ("ccid", "")]).await.status, 200);
    assert_eq!(ask(&[("x-api-key", KEY), ("ccid", &own)]).await.status, 200);
    ask(&[]).await.refused(401, 10);
    ask(&[("x-api-key", KEY), ("ccid", &other)]).await.refused(403, 12);
    ask(&[("x-api-key", OTHER_KEY), ("ContactCenterID", &own)]).await.refused(403, 12);
    ask(&[("ccid", &own), ("ContactCenterID", &other)]).await.refused(403, 12);
    ask(&[("x-api-key", "nobody's"), ("ccid", &own)]).await.refused(401, 10);
    ask(&[("ccid", "c0ffee00-0000-4000-8000-00000000dead")]).await.refused(400, 2);
    ask(&[("ccid", "nonsense")]).await.refused(400, 2);
    let create = post("create").header("ccid", &own).body(smallest()).unwrap();
    world.provision(SERVICE, |settings| settings.captcha_required = true).await;
    assert_eq!(send(world.internal(), create).await.status, 200, "siblings have no browser and no captcha");
}

#[tokio::test]
async fn check_18_paths_and_methods_without_a_route_have_the_envelope() {
    let world = World::new().await;
    for path in [
        "/",
        "/engagement/v3",
        "/engagement/v3/callbacks/nothing",
        "/engagement/v3/callbacks/create/",
        "/metrics",
        "/genesys/1/service/x/storage",
        "/genesy/x",
        "/ges/v1/health",
        "/ges/v1/health/detail",
        "/ges/v1/designer/x",
        "/engagement/v3/callbacks/availability/a/b",
        "/%ff",
        "//",
    ] {
        let reply = send(world.external(), bare(Method::GET, path)).await;
        assert_eq!(reply.refused(404, 21), "No such path", "{path}");
    }
    let reply = send(world.external(), bare(Method::GET, CREATE)).await;
    assert_eq!((reply.refused(405, 22).as_str(), reply.header("allow")), ("Method not allowed", Some("POST")));
    let reply = send(world.external(), bare(Method::POST, OPEN_FOR)).await;
    reply.refused(405, 22);
    assert_eq!(reply.header("allow"), Some("GET,HEAD"));
    send(world.internal(), bare(Method::GET, "/nothing")).await.refused(404, 21);
}

#[tokio::test]
async fn bodies_of_get_requests_are_not_read() {
    let world = World::new().await;
    let endless = Body::from_stream(futures_util::stream::pending::<Result<&str, std::io::Error>>());
    let request = open_for().header("x-api-key", KEY).header("content-type", "application/json");
    assert_eq!(send(world.external(), request.body(endless).unwrap()).await.status, 200);
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_counted_once() {
    let world = World::new().await;
    ges_telemetry::count_panics(world.observed.metrics.clone());
    let reply = send(world.external(), empty(open_for().header("x-api-key", PANIC_KEY))).await;
    assert_eq!(reply.refused(500, 50), "Internal error");
    assert_eq!(world.metric("UNCAUGHT_EXCEPTION{host=\"pod-1\",version=\"1.0.0\"} "), Some(1.0));
    assert_eq!(send(world.external(), empty(open_for().header("x-api-key", KEY))).await.status, 200);
}

#[tokio::test]
async fn work_goes_on_when_its_caller_hangs_up() {
    let world = World::new().await;
    let request = post("create").header("x-api-key", SLOW_KEY).body(smallest()).unwrap();
    let asked = tokio::time::timeout(Duration::from_millis(20), world.external().oneshot(request)).await;
    assert!(asked.is_err(), "the registry has not answered yet");
    assert!(world.nothing_is_written());
    world.gate.add_permits(1);
    world.tasks.close();
    world.tasks.wait().await;
    assert_eq!(world.store.everything().len(), 1);
    let count = format!("ges_http_requests_total{{path=\"{CREATE}\",tenant=\"{}\"}} ", builders::tenant());
    assert_eq!(world.metric(&count), Some(1.0));
}

#[tokio::test]
async fn a_deadline_answers_and_lets_the_work_end() {
    let mut world = World::new().await;
    world.limits.answer_within = Duration::from_millis(20);
    let request = post("create").header("x-api-key", SLOW_KEY).body(smallest()).unwrap();
    let reply = send(world.external(), request).await;
    reply.refused(500, 51);
    assert!(world.nothing_is_written());
    world.gate.add_permits(1);
    world.tasks.close();
    world.tasks.wait().await;
    assert_eq!(world.store.everything().len(), 1);
    let page = world.observed.metrics.render();
    let total: f64 = page
        .lines()
        .filter(|line| line.starts_with("ges_http_requests_total") && line.contains(CREATE))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert!((total - 1.0).abs() < f64::EPSILON, "counted once: {total}");
}

#[tokio::test]
async fn requests_are_counted_under_bounded_labels() {
    let world = World::new().await;
    let tenant = builders::tenant();
    let template = "/engagement/v3/callbacks/open-for/{service-name}";
    send(world.external(), empty(open_for().header("x-api-key", KEY))).await;
    send(world.external(), empty(open_for())).await;
    world.get("open-for/").await;
    send(world.external(), bare(Method::GET, "/wp-admin.php")).await;
    send(world.external(), bare(Method::GET, CREATE)).await;
    send(world.internal(), bare(Method::GET, "/ges/v1/health/live")).await;
    send(world.internal(), bare(Method::GET, "/nothing")).await;
    send(world.external(), bare(Method::GET, "/ges/ui/login.html")).await;
    let requests = |tenant: &str, path: &str| {
        world.metric(&format!("ges_http_requests_total{{path=\"{path}\",tenant=\"{tenant}\"}} "))
    };
    assert_eq!(requests(&tenant.to_string(), template), Some(2.0));
    assert_eq!(requests("Unknown Tenant", template), Some(1.0));
    assert_eq!(requests("Unknown Tenant", "unmatched"), Some(1.0));
    assert_eq!(requests("Unknown Tenant", CREATE), Some(1.0));
    assert_eq!(requests("Unknown Tenant", "Private API Endpoint"), Some(3.0), "a page of the console has a route");
    let failed =
        format!("ges_http_failed_requests_total{{httpCode=\"401\",path=\"{template}\",tenant=\"Unknown Tenant\"}} ");
    assert_eq!(world.metric(&failed), Some(1.0));
    let timed = format!("ges_http_request_duration_seconds_count{{method=\"GET\",path=\"{template}\"}} ");
    assert_eq!(world.metric(&timed), Some(3.0));
}

#[tokio::test]
async fn the_worker_serves_health_and_metrics_alone() {
    let world = World::new().await;
    let page = send(world.worker(), bare(Method::GET, "/metrics")).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    // R-DST-4: the build tells which release of the zone data it carries.
    let zones = ges_domain::hours::zone_data_version();
    assert!(zones.starts_with("20"), "{zones}");
    assert!(
        page.body.contains(&format!("ges_build_info{{version=\"1.0.0\",zone_data=\"{zones}\"}} 1")),
        "{}",
        page.body
    );
    assert_eq!(send(world.worker(), bare(Method::GET, "/ges/v1/health/live")).await.status, 200);
    send(world.worker(), empty(open_for().header("x-api-key", KEY))).await.refused(404, 21);
    assert_eq!(send(world.worker(), bare(Method::GET, "/genesys/1/service/x/storage")).await.status, 404);
}

/// Log lines of one test.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn one_line_tells_a_request_and_nothing_about_people() {
    let lines = Lines::default();
    let (writer, level) = (lines.clone(), tracing::Level::TRACE);
    let subscriber =
        tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let world = World::new().await;
    let body = json!({"serviceName": SERVICE, "phoneNumber": "12223334444", "captchaToken": "tok-secret",
        "userData": {"email": "joe@example.com"}, "pushTargets": [{"channel": "FCM", "target": "fcm-secret"}]});
    let request = post("create").header("x-api-key", KEY).header("ccid", "impostor");
    let reply = send(world.external(), request.body(body.to_string().into()).unwrap()).await;
    assert_eq!(reply.status, 200);
    world.post("create", "{\"phoneNumber\":\"12223334444\",\"secret").await.refused(400, 1);
    let corr_id = reply.json()["status"]["corrId"].as_str().unwrap().to_owned();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let answered: Vec<_> = text.lines().filter(|line| line.contains("request answered")).collect();
    assert_eq!(answered.len(), 2, "{text}");
    let id = world.only().id.to_string();
    for part in [corr_id.as_str(), &id, "POST", CREATE, "200", "user_data.keys=1", &builders::tenant().to_string()] {
        assert!(answered[0].contains(part), "{part} in {}", answered[0]);
    }
    let dropped = text.lines().find(|line| line.contains("WARN")).unwrap();
    assert!(dropped.contains(&corr_id), "{dropped}");
    for secret in ["2223334444", KEY, "joe@", "tok-secret", "fcm-secret", "impostor", "secret"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn the_line_of_an_internal_request_has_the_id_of_its_caller() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let world = World::new().await;
    let asks = |id: &str| empty(Request::get("/genesys/1/node").header("x-correlation-id", id));
    send(world.internal(), asks("7c1f2b1e-0000-4000-8000-00000000000a")).await;
    send(world.internal(), asks("15105550100")).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let answered: Vec<_> = text.lines().filter(|line| line.contains("request answered")).collect();
    assert!(answered[0].contains("caller_corr_id=\"7c1f2b1e-0000-4000-8000-00000000000a\""), "{text}");
    assert!(answered.len() == 2 && !text.contains("15105550100"), "I11: {text}");
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let mut world = World::new().await;
    world.limits.body_within = Duration::from_millis(10);
    let endless = Body::from_stream(futures_util::stream::pending::<Result<&str, std::io::Error>>());
    assert_eq!(world.post("create", endless).await.refused(400, 1), "The body did not arrive in time");
}

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    static WORLD: World = RUNTIME.with(|runtime| runtime.block_on(World::new()));
}

proptest! {
    #[test]
    fn arbitrary_paths_and_queries_never_break_a_get(
        operation in prop::sample::select(vec!["availability", "open-for"]),
        name in "(VQ_Support|[!-\"$->@-~]{0,12})",
        query in "((start|end|startMS|endMS|numberOfDays|timezone|maxTimeSlots|reportBusy)=[!-\"$-~]{0,24}&){0,3}",
    ) {
        let path = format!("/engagement/v3/callbacks/{operation}/{name}?{query}");
        let Ok(request) = Request::get(path).header("x-api-key", KEY).body(Body::empty()) else { return Ok(()) };
        let reply = WORLD.with(|world| RUNTIME.with(|runtime| runtime.block_on(send(world.external(), request))));
        reply.sealed();
        prop_assert!([200, 400, 404].contains(&reply.status), "{}", reply.body);
    }

    #[test]
    fn arbitrary_bytes_never_break_the_session_storage(
        body in prop::collection::vec(any::<u8>(), 0..120),
        form in "((_callback_state|_position|_seq|_user_data|_ors_url|_session_state|a|_b)=[ -~]{0,12}&){0,4}",
    ) {
        WORLD.with(|world| RUNTIME.with(|runtime| runtime.block_on(async {
            if world.nothing_is_written() {
                world.booked(None).await;
            }
            let id = world.only().id;
            for body in [body, form.into_bytes()] {
                let request = Request::post(format!("/genesys/1/service/{id}/storage")).body(body.into()).unwrap();
                let reply = send(world.internal(), request).await;
                prop_assert!([200, 400, 409].contains(&reply.status), "{}", reply.body);
                reply.json();
            }
            Ok(())
        })))?;
    }
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// W3C Trace Context: the trace goes on, with a span of ours.
#[tokio::test]
async fn a_valid_traceparent_is_continued_and_a_bad_one_is_ignored() {
    let world = World::new().await;
    let ask = async |headers: &[&str]| {
        let mut request = post("retrieve").header("x-api-key", KEY);
        for header in headers {
            request = request.header("traceparent", *header);
        }
        send(world.external(), request.body("{}".into()).unwrap()).await
    };
    let given = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let reply = ask(&[&given]).await;
    let answered = reply.header("traceparent").unwrap();
    assert!(answered.starts_with(&format!("00-{TRACE}-")) && answered.ends_with("-01"), "{answered}");
    assert_ne!(answered, given, "the span is ours");
    let own = |reply: &crate::testing::Reply| reply.json()["status"]["corrId"].as_str().unwrap().replace('-', "");
    for bad in [&[][..], &["00-bad"], &["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], &[&given, &given]] {
        let reply = ask(bad).await;
        let started = format!("00-{}-", own(&reply));
        assert!(reply.header("traceparent").unwrap().starts_with(&started), "a trace of our own, named as the request");
        reply.refused(400, 1);
    }
}

#[tokio::test]
async fn the_log_lines_of_a_request_name_its_trace() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let world = World::new().await;
    let request =
        post("retrieve").header("x-api-key", KEY).header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-00"));
    send(world.external(), request.body("{}".into()).unwrap()).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let answered = text.lines().find(|line| line.contains("request answered")).unwrap();
    assert!(answered.contains(TRACE), "{answered}");
}
