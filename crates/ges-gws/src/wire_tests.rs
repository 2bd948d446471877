//! Conformance checks 12, 13 and 23 of the integrations reference, chapter 12, against a peer on loopback.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ges_domain::TenantId;
use ges_domain::origin::Origin;
use ges_domain::tenancy::{ApiKeys, TenancyError, WebOrigins};
use ges_http_client::HttpClientFactory;
use secrecy::ExposeSecret;
use serde_json::json;
use url::Url;
use wiremock::matchers::{any, body_string, header, method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::{ClientToken, Credentials, Environment, GwsError, GwsObserver};

const CCID: &str = "c0ffee00-0000-4000-8000-000000000100";
const KEY: &str = "00000000-0000-4000-8000-00000000a001";
const KEY_PATH: &str = "/environment/v3/contact-centers/api-key/00000000-0000-4000-8000-00000000a001";

#[derive(Default)]
struct Counts {
    wrong_credentials: AtomicU64,
    server_errors: AtomicU64,
}

impl GwsObserver for Counts {
    fn wrong_credentials(&self) {
        self.wrong_credentials.fetch_add(1, Ordering::SeqCst);
    }
    fn server_error(&self) {
        self.server_errors.fetch_add(1, Ordering::SeqCst);
    }
}

/// GWS on loopback, and what talks to it under a clock that the test moves.
struct Scene {
    gws: MockServer,
    seconds: Arc<AtomicU64>,
    counts: Arc<Counts>,
    tokens: Arc<ClientToken>,
    environment: Environment,
}

impl Scene {
    async fn with_token_needed(needed: bool) -> Self {
        let (gws, seconds, counts) = (MockServer::start().await, Arc::new(AtomicU64::new(0)), Arc::<Counts>::default());
        let clock = Arc::clone(&seconds);
        let factory = HttpClientFactory::default()
            .clock(Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst))))
            .jitter(Arc::new(|| 0.0));
        let base = Url::parse(&gws.uri()).unwrap();
        let credentials = Credentials { client_id: "ges_client".into(), client_secret: "secret".to_owned().into() };
        let tokens = Arc::new(ClientToken::new(&factory, &base, credentials, counts.clone()).unwrap());
        let given = needed.then(|| Arc::clone(&tokens));
        let environment = Environment::new(&factory, base, given, counts.clone()).unwrap();
        Self { gws, seconds, counts, tokens, environment }
    }

    async fn without_token() -> Self {
        Self::with_token_needed(false).await
    }

    fn wait(&self, time: Duration) {
        self.seconds.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    async fn answers(&self, template: ResponseTemplate) {
        self.gws.reset().await;
        Mock::given(any()).respond_with(template).mount(&self.gws).await;
    }

    async fn asked(&self, part: &str) -> usize {
        let requests = self.gws.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path().contains(part)).count()
    }

    async fn tenant_of(&self, key: &str) -> Result<Option<TenantId>, TenancyError> {
        self.environment.tenant_of(key).await
    }
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn tenant() -> Option<TenantId> {
    Some(CCID.parse().unwrap())
}

fn found() -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({ "status": { "code": 0 }, "data": { "id": CCID, "domains": ["t100"] } }))
}

fn token(text: &str, life: u64) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({ "access_token": text, "token_type": "bearer", "expires_in": life }))
}

fn invalid_client(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "error": "invalid_client" }))
}

#[tokio::test]
async fn check_13_a_good_key_survives_an_hour_of_outage_and_an_unseen_key_is_unavailable() {
    let scene = Scene::without_token().await;
    scene.answers(found()).await;
    assert_eq!(scene.tenant_of(KEY).await.unwrap(), tenant());
    scene.answers(ResponseTemplate::new(503)).await;
    for _ in 0..12 {
        scene.wait(minutes(5));
        assert_eq!(scene.tenant_of(KEY).await.unwrap(), tenant());
    }
    assert!(scene.tenant_of("unseen").await.is_err(), "unknown during an outage is not 'no tenant'");
    assert!(scene.counts.server_errors.load(Ordering::SeqCst) > 0);
    scene.wait(minutes(24 * 60));
    assert!(scene.tenant_of(KEY).await.is_err(), "a day is the limit");
}

#[tokio::test]
async fn good_keys_are_asked_for_once_a_minute_and_unknown_ones_every_ten_seconds() {
    let scene = Scene::without_token().await;
    scene.answers(found()).await;
    for (wait, asked) in [(0, 1), (59, 1), (1, 2)] {
        scene.wait(Duration::from_secs(wait));
        assert_eq!(scene.tenant_of(KEY).await.unwrap(), tenant());
        assert_eq!(scene.asked("api-key").await, asked, "API reference 2.2");
    }
    scene.wait(minutes(1));
    scene.answers(ResponseTemplate::new(404)).await;
    for (wait, asked) in [(0, 1), (9, 1), (1, 2)] {
        scene.wait(Duration::from_secs(wait));
        assert_eq!(scene.tenant_of(KEY).await.unwrap(), None, "taken from the contact center within a minute");
        assert_eq!(scene.asked("api-key").await, asked);
    }
    scene.wait(Duration::from_secs(10));
    scene.answers(ResponseTemplate::new(500)).await;
    assert!(scene.tenant_of(KEY).await.is_err(), "a stale refusal is no answer");
}

#[tokio::test]
async fn a_stale_answer_serves_without_asking_for_five_seconds_after_a_failure() {
    let scene = Scene::without_token().await;
    scene.answers(found()).await;
    scene.tenant_of(KEY).await.unwrap();
    scene.wait(minutes(2));
    scene.answers(ResponseTemplate::new(500)).await;
    for (wait, asked) in [(0, 1), (4, 1), (1, 2)] {
        scene.wait(Duration::from_secs(wait));
        assert_eq!(scene.tenant_of(KEY).await.unwrap(), tenant());
        assert_eq!(scene.asked("api-key").await, asked);
    }
    scene.wait(Duration::from_secs(5));
    scene.answers(ResponseTemplate::new(404)).await;
    assert_eq!(scene.tenant_of(KEY).await.unwrap(), None, "the service is back and decides");
}

#[tokio::test]
async fn many_callers_with_one_key_ask_once_also_when_it_fails() {
    let scene = Scene::without_token().await;
    for (answer, good) in [(found(), true), (ResponseTemplate::new(500), false)] {
        scene.answers(answer.set_delay(Duration::from_millis(100))).await;
        let key = if good { KEY } else { "another" };
        let asking = || scene.tenant_of(key);
        let (a, b, c, d) = tokio::join!(asking(), asking(), asking(), asking());
        assert!([a, b, c, d].iter().all(|outcome| outcome.is_ok() == good));
        assert_eq!(scene.asked("api-key").await, 1);
    }
}

#[tokio::test]
async fn every_list_shape_of_one_contact_center_is_read() {
    let scene = Scene::without_token().await;
    let center = json!({ "id": CCID });
    for (n, data, expected) in [
        (0, json!(center), tenant()),
        (1, json!([center]), tenant()),
        (2, json!({ "contactCenters": [center, center] }), tenant()),
        (3, json!([]), None),
        (4, json!(null), None),
    ] {
        scene.answers(ResponseTemplate::new(200).set_body_json(json!({ "data": data, "extra": 1 }))).await;
        assert_eq!(scene.tenant_of(&format!("key {n}")).await.unwrap(), expected, "{data}");
    }
    let other = json!({ "id": "c0ffee00-0000-4000-8000-000000000200" });
    for data in [json!([center, other]), json!({ "id": 17 }), json!([{ "name": "x" }])] {
        scene.answers(ResponseTemplate::new(200).set_body_json(json!({ "data": data }))).await;
        assert!(scene.tenant_of(&format!("bad {data}")).await.is_err(), "never guessed: {data}");
    }
    scene.answers(ResponseTemplate::new(200).set_body_string("<html>")).await;
    assert!(scene.tenant_of("html").await.is_err());
    let refused = json!({ "status": { "code": "404", "message": "no such key" } });
    scene.answers(ResponseTemplate::new(200).set_body_json(refused)).await;
    assert_eq!(scene.tenant_of("refused").await.unwrap(), None, "a code other than 0 and 1");
}

#[tokio::test]
async fn keys_are_opaque_and_cannot_leave_their_place_in_the_path() {
    let scene = Scene::without_token().await;
    scene.answers(found()).await;
    for key in ["", ".", "..", &"k".repeat(1025)] {
        assert_eq!(scene.tenant_of(key).await.unwrap(), None);
    }
    assert!(scene.gws.received_requests().await.unwrap().is_empty(), "not even asked");
    for key in ["../../environments", "a/b?c#d", "%2e%2e", "ключ", " x ", "a%2Fb", "\\..\\"] {
        scene.tenant_of(key).await.unwrap();
        let requests = scene.gws.received_requests().await.unwrap();
        let url = &requests.last().unwrap().url;
        let segments: Vec<&str> = url.path_segments().unwrap().collect();
        assert_eq!(segments[..4], ["environment", "v3", "contact-centers", "api-key"], "{key}: {url}");
        assert_eq!((segments.len(), url.query()), (5, None), "{key}: {url}");
    }
    assert_eq!(scene.asked("").await, 7, "no two of them share an answer");
}

#[tokio::test]
async fn contact_centers_are_known_by_their_own_id() {
    let scene = Scene::without_token().await;
    Mock::given(path(format!("/environment/v3/contact-centers/{CCID}")))
        .and(header("contactcenterid", CCID))
        .respond_with(found())
        .expect(1)
        .mount(&scene.gws)
        .await;
    Mock::given(path_regex("^/environment/v3/contact-centers/.*2..$")).respond_with(found()).mount(&scene.gws).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404)).mount(&scene.gws).await;
    let known = |ccid: &str| {
        let tenant = ccid.parse().unwrap();
        let environment = &scene.environment;
        async move { environment.known(tenant).await.unwrap() }
    };
    assert!(known(CCID).await && known(CCID).await);
    assert!(!known("c0ffee00-0000-4000-8000-000000000300").await);
    assert!(!known("c0ffee00-0000-4000-8000-000000000200").await, "an answer about another contact center");
}

#[tokio::test]
async fn check_12_a_401_fetches_one_new_token_and_repeats_the_call_once() {
    let scene = Scene::with_token_needed(true).await;
    let tokens = Mock::given(path("/auth/v3/oauth/token"))
        .and(method("POST"))
        .and(header("authorization", "Basic Z2VzX2NsaWVudDpzZWNyZXQ="))
        .and(body_string("grant_type=client_credentials&scope=*"));
    let issued = AtomicU64::new(0);
    let issue = move |_: &Request| token(&format!("t{}", issued.fetch_add(1, Ordering::SeqCst)), 43_199);
    tokens.respond_with(issue).expect(2).mount(&scene.gws).await;
    Mock::given(header("authorization", "Bearer t0"))
        .respond_with(ResponseTemplate::new(401))
        .expect(1)
        .mount(&scene.gws)
        .await;
    Mock::given(path(KEY_PATH))
        .and(header("authorization", "Bearer t1"))
        .respond_with(found())
        .expect(1)
        .mount(&scene.gws)
        .await;
    assert_eq!(scene.tenant_of(KEY).await.unwrap(), tenant());
}

#[tokio::test]
async fn a_service_that_refuses_every_token_is_asked_twice_and_costs_one_new_token_in_five_seconds() {
    let scene = Scene::with_token_needed(true).await;
    Mock::given(path("/auth/v3/oauth/token")).respond_with(token("t", 300)).expect(2).mount(&scene.gws).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&scene.gws).await;
    for (n, asked) in [(0, 2), (1, 4), (2, 6)] {
        assert!(scene.tenant_of(&format!("key {n}")).await.is_err());
        assert_eq!(scene.asked("api-key").await, asked);
    }
}

#[tokio::test]
async fn check_12_two_callers_make_one_token_request() {
    let scene = Scene::with_token_needed(true).await;
    scene.answers(token("t", 300).set_delay(Duration::from_millis(100))).await;
    let (a, b) = tokio::join!(scene.tokens.get(), scene.tokens.get());
    assert_eq!((a.unwrap().expose_secret(), b.unwrap().expose_secret()), ("t", "t"));
    assert_eq!(scene.asked("token").await, 1);
}

#[tokio::test]
async fn check_12_a_wrong_secret_is_counted_and_holds_off_for_thirty_seconds() {
    for status in [401, 400] {
        let scene = Scene::with_token_needed(true).await;
        scene.answers(invalid_client(status)).await;
        for (wait, asked) in [(0, 1), (29, 1), (1, 2)] {
            scene.wait(Duration::from_secs(wait));
            assert!(matches!(scene.tokens.get().await, Err(GwsError::WrongCredentials)));
            assert_eq!(scene.asked("token").await, asked, "hold-off");
            assert_eq!(scene.counts.wrong_credentials.load(Ordering::SeqCst), asked as u64);
        }
        scene.wait(Duration::from_secs(30));
        scene.answers(token("t", 300)).await;
        assert_eq!(scene.tokens.get().await.unwrap().expose_secret(), "t");
        assert_eq!(scene.counts.server_errors.load(Ordering::SeqCst), 0, "no outage");
    }
}

#[tokio::test]
async fn a_new_secret_is_tried_at_once() {
    let scene = Scene::with_token_needed(true).await;
    scene.answers(invalid_client(401)).await;
    assert!(matches!(scene.tokens.get().await, Err(GwsError::WrongCredentials)));
    scene.answers(token("t1", 300)).await;
    assert!(scene.tokens.get().await.is_err(), "thirty seconds");
    let changed = Credentials { client_id: "ges_client".into(), client_secret: "new".to_owned().into() };
    scene.tokens.change_credentials(changed);
    assert_eq!(scene.tokens.get().await.unwrap().expose_secret(), "t1");
    let asked = scene.gws.received_requests().await.unwrap();
    assert_eq!(asked[0].headers["authorization"], "Basic Z2VzX2NsaWVudDpuZXc=");
}

#[tokio::test]
async fn tokens_are_renewed_at_four_fifths_and_used_until_they_expire() {
    let scene = Scene::with_token_needed(true).await;
    scene.answers(token("first", 1000)).await;
    scene.tokens.get().await.unwrap();
    scene.wait(Duration::from_secs(799));
    scene.tokens.get().await.unwrap();
    assert_eq!(scene.asked("token").await, 1);
    scene.wait(Duration::from_secs(1));
    scene.answers(invalid_client(401)).await;
    for _ in 0..3 {
        assert_eq!(scene.tokens.get().await.unwrap().expose_secret(), "first", "the old token is kept");
    }
    assert_eq!(scene.asked("token").await, 1, "and Authentication is left alone");
    scene.wait(Duration::from_secs(200));
    assert!(scene.tokens.get().await.is_err(), "expired");
    scene.wait(Duration::from_secs(31));
    scene.answers(ResponseTemplate::new(200).set_body_json(json!({ "access_token": "second" }))).await;
    scene.tokens.get().await.unwrap();
    scene.wait(Duration::from_secs(239));
    assert_eq!(scene.tokens.get().await.unwrap().expose_secret(), "second");
    assert_eq!(scene.asked("token").await, 1, "a life of 300 s when none is named");
}

#[tokio::test]
async fn an_outage_of_authentication_is_counted_and_is_no_verdict_on_keys() {
    let scene = Scene::with_token_needed(true).await;
    scene.answers(ResponseTemplate::new(503)).await;
    assert!(scene.tenant_of(KEY).await.is_err());
    assert_eq!(scene.asked("token").await, 3, "quick failures leave time for every retry");
    assert_eq!(scene.counts.server_errors.load(Ordering::SeqCst), 1);
    assert!(scene.tokens.probe().await.is_err());
    scene.wait(Duration::from_secs(15));
    scene.answers(ResponseTemplate::new(403)).await;
    scene.tokens.probe().await.unwrap();
}

const OTHER: &str = "c0ffee00-0000-4000-8000-000000000200";

impl Scene {
    /// Two contact centers, each with a list of origins, in both forms of lists.
    async fn lists(&self, own: &str, other: &str) {
        self.gws.reset().await;
        let centers = json!({ "data": { "contactCenters": [{ "id": CCID }, { "id": OTHER }] } });
        let all = Mock::given(path("/environment/v3/contact-centers"));
        all.respond_with(ResponseTemplate::new(200).set_body_json(centers)).mount(&self.gws).await;
        for (ccid, list, wrapped) in [(CCID, own, true), (OTHER, other, false)] {
            let settings = json!([
                { "name": "other", "value": "https://never.example" },
                { "name": "cors-origins", "value": list, "location": "/", "shared": "true" },
            ]);
            let data = if wrapped { json!({ "settings": settings }) } else { settings };
            let answer = ResponseTemplate::new(200).set_body_json(json!({ "status": { "code": 0 }, "data": data }));
            let of_center = format!("/environment/v3/contact-centers/{ccid}/settings");
            let asked = Mock::given(path(of_center)).and(header("contactcenterid", ccid));
            asked.respond_with(answer).mount(&self.gws).await;
        }
    }

    async fn admits(&self, origin: &str) -> Result<bool, TenancyError> {
        self.environment.admits(tenant().unwrap(), &Origin::parse(origin).unwrap()).await
    }

    async fn any_admits(&self, origin: &str) -> Result<bool, TenancyError> {
        self.environment.any_admits(&Origin::parse(origin).unwrap()).await
    }
}

#[tokio::test]
async fn origins_are_those_of_the_setting_and_kept_five_minutes() {
    let scene = Scene::without_token().await;
    scene.lists("https://a.example,https://*.b.example", "https://c.example").await;
    for (origin, own, any) in [
        ("https://a.example", true, true),
        ("https://www.b.example", true, true),
        ("https://c.example", false, true),
        ("https://never.example", false, false),
    ] {
        assert_eq!(scene.admits(origin).await.unwrap(), own, "{origin}");
        assert_eq!(scene.any_admits(origin).await.unwrap(), any, "{origin}");
    }
    assert_eq!((scene.asked("settings").await, scene.asked("contact-centers").await), (2, 3));
    scene.lists("https://d.example", "").await;
    scene.wait(Duration::from_secs(299));
    assert!(!scene.any_admits("https://d.example").await.unwrap());
    assert_eq!(scene.asked("contact-centers").await, 0);
    scene.wait(Duration::from_secs(1));
    assert!(scene.admits("https://d.example").await.unwrap());
    assert!(scene.any_admits("https://d.example").await.unwrap());
    assert!(!scene.any_admits("https://a.example").await.unwrap());
}

#[tokio::test]
async fn origins_seen_before_an_outage_serve_during_it_and_others_are_unknown() {
    let scene = Scene::without_token().await;
    scene.lists("https://a.example", "").await;
    assert!(!scene.any_admits("https://x.example").await.unwrap(), "every list was asked for");
    scene.answers(ResponseTemplate::new(503)).await;
    scene.wait(minutes(60));
    assert!(scene.admits("https://a.example").await.unwrap());
    assert!(scene.any_admits("https://a.example").await.unwrap());
    assert!(!scene.any_admits("https://x.example").await.unwrap(), "old lists are lists");
    let fresh = Scene::without_token().await;
    fresh.answers(ResponseTemplate::new(503)).await;
    assert!(fresh.admits("https://a.example").await.is_err());
    assert!(fresh.any_admits("https://a.example").await.is_err());
    fresh.answers(ResponseTemplate::new(404)).await;
    fresh.wait(minutes(1));
    assert!(!fresh.admits("https://a.example").await.unwrap(), "a contact center that is none admits nobody");
}

/// Collects everything that is logged.
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
async fn check_23_no_key_token_or_secret_is_logged_or_shown_in_an_error() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("ges_gws=trace,ges_http_client=trace")
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let scene = Scene::with_token_needed(true).await;
    Mock::given(path("/auth/v3/oauth/token")).respond_with(token("open-sesame", 300)).mount(&scene.gws).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).up_to_n_times(1).mount(&scene.gws).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&scene.gws).await;
    let first = scene.tenant_of(KEY).await.unwrap_err();
    scene.wait(minutes(1));
    let second = scene.tenant_of(KEY).await.unwrap_err();
    scene.answers(invalid_client(401)).await;
    scene.wait(minutes(10));
    let third = scene.tokens.get().await.unwrap_err();
    drop(guard);
    let mut shown = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(shown.contains("/environment/v3/contact-centers/api-key/{key}"), "the log is really read: {shown}");
    shown.push_str(&format!("{first:?} {first} {second:?} {second} {third:?} {third}"));
    for secret in [KEY, "open-sesame", "secret", "Z2VzX2NsaWVudDpzZWNyZXQ"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

/// Integrations 4.3: what was good stays good for a day, whatever odd thing the service says meanwhile.
#[tokio::test]
async fn an_answer_that_refuses_is_no_empty_list() {
    let refused = || {
        let body = json!({ "status": { "code": 7, "message": "database is busy" }, "data": { "contactCenters": [] } });
        ResponseTemplate::new(200).set_body_json(body)
    };
    let odd = [refused(), ResponseTemplate::new(400), ResponseTemplate::new(404)];
    for answer in odd.clone() {
        let scene = Scene::without_token().await;
        scene.lists("https://a.example", "").await;
        assert!(scene.any_admits("https://a.example").await.unwrap());
        scene.answers(answer).await;
        scene.wait(minutes(60));
        assert!(scene.any_admits("https://a.example").await.unwrap(), "the old list of origins");
        assert!(scene.admits("https://a.example").await.unwrap());
        scene.wait(minutes(24 * 60));
        assert!(scene.any_admits("https://a.example").await.is_err(), "a day is the limit");
    }
    for answer in odd {
        let scene = Scene::without_token().await;
        scene.answers(ResponseTemplate::new(200).set_body_json(json!({ "data": [{ "id": CCID }] }))).await;
        assert_eq!(scene.environment.only().await.unwrap(), tenant());
        scene.answers(answer).await;
        scene.wait(minutes(60));
        assert_eq!(scene.environment.only().await.unwrap(), tenant(), "calls without a header keep their tenant");
        scene.wait(minutes(24 * 60));
        assert!(scene.environment.only().await.is_err());
    }
}

/// Test H1 of integrations 9.1: an outage that has opened the breaker for its longest time is over with the first probe.
#[tokio::test]
async fn h1_a_probe_sees_the_end_of_a_long_outage_and_real_calls_go_on_at_once() {
    let scene = Scene::without_token().await;
    scene.answers(ResponseTemplate::new(503)).await;
    for n in 0..8 {
        assert!(scene.tenant_of(&format!("key {n}")).await.is_err());
        scene.wait(Duration::from_secs(61));
    }
    let asked = scene.asked("api-key").await;
    assert!(scene.tenant_of("key while open").await.is_err());
    assert!(scene.tenant_of("key while open, too").await.is_err());
    assert!(scene.asked("api-key").await <= asked + 1, "the breaker is open");
    assert!(scene.environment.probe().await.is_err());
    scene.answers(found()).await;
    assert!(scene.tenant_of("key before the probe").await.is_err(), "and stays open for calls");
    scene.environment.probe().await.unwrap();
    assert_eq!(scene.tenant_of(KEY).await.unwrap(), tenant(), "until a probe was answered");
}

/// Integrations 8.3: a refusal is a sign of life, and what Authentication does is its own matter.
#[tokio::test]
async fn probes_go_without_a_token_when_none_is_to_be_had_and_take_401_for_life() {
    let scene = Scene::with_token_needed(true).await;
    Mock::given(path("/auth/v3/oauth/token")).respond_with(invalid_client(401)).mount(&scene.gws).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&scene.gws).await;
    let base = Url::parse(&scene.gws.uri()).unwrap();
    let factory = HttpClientFactory::default();
    let configuration =
        crate::Configuration::new(&factory, base, scene.tokens.clone(), crate::Naming::default(), scene.counts.clone());
    let configuration = configuration.unwrap();
    for _ in 0..2 {
        scene.environment.probe().await.unwrap();
        configuration.probe(tenant()).await.unwrap();
    }
    let requests = scene.gws.received_requests().await.unwrap();
    let (tokens, looks): (Vec<_>, Vec<_>) = requests.iter().partition(|request| request.url.path().contains("token"));
    assert_eq!((tokens.len(), looks.len()), (1, 4), "one refusal of the client holds off, and 401 is not repeated");
    assert!(looks.iter().all(|look| !look.headers.contains_key("authorization")));
    let named = looks.iter().filter(|look| look.url.path() == "/configuration/v3/system/application");
    assert!(named.clone().all(|look| look.headers["contactcenterid"] == CCID) && named.count() == 2);
    assert_eq!(scene.counts.wrong_credentials.load(Ordering::SeqCst), 1, "counted at the token endpoint alone");
    scene.answers(ResponseTemplate::new(500)).await;
    assert!(scene.environment.probe().await.is_err() && configuration.probe(None).await.is_err());
}

#[tokio::test]
async fn a_probe_remembers_a_contact_center_that_others_may_name() {
    let scene = Scene::without_token().await;
    assert_eq!(scene.environment.somebody(), None);
    scene.lists("", "").await;
    scene.environment.probe().await.unwrap();
    assert_eq!(scene.environment.somebody(), tenant());
    scene.answers(ResponseTemplate::new(403)).await;
    scene.environment.probe().await.unwrap();
    assert_eq!(scene.environment.somebody(), tenant(), "one that was there is better than none");
}
