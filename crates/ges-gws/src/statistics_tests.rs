//! The Statistics proxy against a peer on loopback (engagement-api 12, integrations 4.5, R-STA-1, R-STA-2).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::statistics::{Question, Statistics, StatisticsError};
use ges_http_client::HttpClientFactory;
use serde_json::json;
use url::Url;
use uuid::Uuid;
use wiremock::matchers::{any, body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::{Account, Accounts, AccountsError, Credentials, GwsObserver, GwsStatistics, User};

const TENANT: TenantId = TenantId(Uuid::from_u128(0xc0ff_ee00));
const OTHER: TenantId = TenantId(Uuid::from_u128(2));
const STATS: &str = "/statistics/v3/operations/get-statistic-ex";
const TOKEN: &str = "/auth/v3/oauth/token";
const BODY: &[u8] = br#"{ "data": {"statistics": [ {"name": "X"} ]} }"#;

#[derive(Default)]
struct Registered(Mutex<Option<Account>>);

#[async_trait]
impl Accounts for Registered {
    async fn of(&self, _: TenantId) -> Result<Option<Account>, AccountsError> {
        Ok(self.0.lock().unwrap().clone())
    }
}

#[derive(Default)]
struct Counts {
    ours_refused: AtomicU64,
    server_errors: AtomicU64,
}

impl GwsObserver for Counts {
    fn wrong_credentials(&self) {
        self.ours_refused.fetch_add(1, Ordering::SeqCst);
    }
    fn server_error(&self) {
        self.server_errors.fetch_add(1, Ordering::SeqCst);
    }
}

struct Scene {
    gws: MockServer,
    seconds: Arc<AtomicU64>,
    registered: Arc<Registered>,
    counts: Arc<Counts>,
    statistics: Arc<GwsStatistics>,
}

fn account() -> Account {
    let credentials = Credentials { client_id: "stats_client".into(), client_secret: "sesame".to_owned().into() };
    Account { credentials, user: None, api_key: None }
}

fn token(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "access_token": text, "expires_in": 43_199 }))
}

/// An answer with an element of this value.
fn value(value: i64) -> ResponseTemplate {
    let data = json!({ "statistics": [{ "name": "X", "value": value }] });
    ResponseTemplate::new(200).set_body_json(json!({ "status": { "code": 0 }, "data": data }))
}

impl Scene {
    async fn new() -> Self {
        let (gws, seconds) = (MockServer::start().await, Arc::new(AtomicU64::new(1)));
        let (registered, counts, clock) =
            (Arc::<Registered>::default(), Arc::<Counts>::default(), Arc::clone(&seconds));
        *registered.0.lock().unwrap() = Some(account());
        let factory =
            HttpClientFactory::default().clock(Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst))));
        let base = Url::parse(&gws.uri()).unwrap();
        let statistics = GwsStatistics::new(&factory, base.clone(), &base, registered.clone(), counts.clone()).unwrap();
        Self { gws, seconds, registered, counts, statistics: Arc::new(statistics) }
    }

    /// Authentication gives `token`, Statistics answers as told.
    async fn answers(&self, statistics: ResponseTemplate) {
        self.gws.reset().await;
        Mock::given(path(TOKEN)).respond_with(token("t1")).mount(&self.gws).await;
        Mock::given(path(STATS)).respond_with(statistics).mount(&self.gws).await;
    }

    fn wait(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn ask_as(&self, tenant: TenantId, canonical: &str, seconds: u64) -> Result<Arc<str>, StatisticsError> {
        let question = Question { body: BODY, canonical, max_age: Duration::from_secs(seconds) };
        self.statistics.get_statistic_ex(tenant, question).await
    }

    async fn ask(&self, max_age: u64) -> Result<Arc<str>, StatisticsError> {
        self.ask_as(TENANT, "one", max_age).await
    }

    async fn asked(&self, part: &str) -> usize {
        let requests = self.gws.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path() == part).count()
    }
}

fn shown(answer: Result<Arc<str>, StatisticsError>) -> String {
    match answer {
        Ok(data) => data.to_string(),
        Err(error) => format!("{error:?}"),
    }
}

#[tokio::test]
async fn the_body_goes_out_unchanged_and_the_data_comes_back_letter_by_letter() {
    let scene = Scene::new().await;
    let data = r#"{"statistics":[{"name":"X", "value":1.50,"more":[12345678901234567890123]}]}"#;
    let answer = format!(r#"{{"status":{{"code":"0"}},"data":{data},"path":"/x"}}"#);
    *scene.registered.0.lock().unwrap() = Some(Account { api_key: Some("key-7".to_owned().into()), ..account() });
    Mock::given(path(TOKEN))
        .and(body_string_contains("grant_type=client_credentials"))
        .and(header("authorization", "Basic c3RhdHNfY2xpZW50OnNlc2FtZQ=="))
        .respond_with(token("t1"))
        .expect(1)
        .mount(&scene.gws)
        .await;
    Mock::given(method("POST"))
        .and(path(STATS))
        .and(header("authorization", "Bearer t1"))
        .and(header("x-api-key", "key-7"))
        .and(header("contactcenterid", TENANT.to_string().as_str()))
        .and(header("content-type", "application/json"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(answer, "application/json"))
        .expect(1)
        .mount(&scene.gws)
        .await;
    assert_eq!(shown(scene.ask(15).await), data);
    let requests = scene.gws.received_requests().await.unwrap();
    assert_eq!(requests[1].body, BODY);
}

#[tokio::test]
async fn a_user_is_signed_in_by_password() {
    let scene = Scene::new().await;
    let user = User { name: "t100\\ann".into(), password: "p&ss".to_owned().into() };
    *scene.registered.0.lock().unwrap() = Some(Account { user: Some(user), ..account() });
    let form = "grant_type=password&username=t100%5Cann&password=p%26ss&client_id=stats_client&scope=*";
    let form = move |request: &Request| request.body == form.as_bytes();
    Mock::given(path(TOKEN)).and(form).respond_with(token("t1")).expect(1).mount(&scene.gws).await;
    Mock::given(path(STATS)).respond_with(value(7)).mount(&scene.gws).await;
    assert!(shown(scene.ask(15).await).contains('7'));
    assert!(!format!("{:?}", account()).contains("sesame"), "I11");
}

#[tokio::test]
async fn without_credentials_nobody_is_asked() {
    let scene = Scene::new().await;
    *scene.registered.0.lock().unwrap() = None;
    scene.answers(value(7)).await;
    assert!(matches!(scene.ask(15).await, Err(StatisticsError::NoCredentials)), "R-STA-1");
    assert_eq!((scene.asked(TOKEN).await, scene.asked(STATS).await), (0, 0));
}

#[tokio::test]
async fn answers_serve_as_long_as_they_are_young_enough() {
    let scene = Scene::new().await;
    scene.answers(value(1)).await;
    scene.ask(15).await.unwrap();
    scene.answers(value(2)).await;
    scene.wait(15);
    assert!(shown(scene.ask(15).await).contains("\"value\":1"), "15 s old is not older than 15 s");
    scene.wait(1);
    assert!(shown(scene.ask(60).await).contains("\"value\":1"), "R-STA-2: who takes older answers gets them");
    assert!(shown(scene.ask(15).await).contains("\"value\":2"));
    assert_eq!(scene.asked(STATS).await, 1);
    assert_eq!(scene.asked(TOKEN).await, 0, "the token is held");
    scene.wait(301);
    scene.answers(value(3)).await;
    assert!(shown(scene.ask(300).await).contains("\"value\":3"), "kept for five minutes");
}

/// engagement-api 12, integrations 4.5: 401 from the moment on when there are no credentials, whatever is remembered.
#[tokio::test]
async fn what_is_remembered_belongs_to_the_credentials_it_was_asked_with() {
    let scene = Scene::new().await;
    scene.answers(value(1)).await;
    scene.ask(300).await.unwrap();
    *scene.registered.0.lock().unwrap() = None;
    assert!(matches!(scene.ask(300).await, Err(StatisticsError::NoCredentials)), "taken away");
    scene.answers(value(2)).await;
    let other = Credentials { client_secret: "other".to_owned().into(), ..account().credentials };
    let with_key = Account { api_key: Some("key-7".to_owned().into()), ..account() };
    for (account, number) in [(Account { credentials: other, ..account() }, 1), (with_key, 2)] {
        *scene.registered.0.lock().unwrap() = Some(account);
        assert!(shown(scene.ask(300).await).contains("\"value\":2"), "changed");
        assert_eq!(scene.asked(STATS).await, number);
    }
    *scene.registered.0.lock().unwrap() = Some(account());
    assert!(shown(scene.ask(300).await).contains("\"value\":1"), "the same again");
}

#[tokio::test]
async fn answers_are_kept_per_tenant_and_request() {
    let scene = Scene::new().await;
    scene.answers(value(1)).await;
    for (tenant, canonical) in [(TENANT, "one"), (OTHER, "one"), (TENANT, "two"), (TENANT, "one")] {
        scene.ask_as(tenant, canonical, 15).await.unwrap();
    }
    assert_eq!(scene.asked(STATS).await, 3, "I9");
}

#[tokio::test]
async fn concurrent_questions_are_one_question_also_when_it_fails() {
    let scene = Scene::new().await;
    scene.answers(value(1).set_delay(Duration::from_millis(50))).await;
    let (a, b, c) = tokio::join!(scene.ask(15), scene.ask(15), scene.ask(15));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(scene.asked(STATS).await, 1, "single flight");
    scene.answers(ResponseTemplate::new(503).set_delay(Duration::from_millis(50))).await;
    scene.wait(100);
    let later = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        scene.wait(1);
    };
    let (a, b, c, ()) = tokio::join!(scene.ask(15), scene.ask(15), scene.ask(15), later);
    assert!(a.is_err() && b.is_err() && c.is_err(), "never older than asked for");
    assert_eq!(scene.asked(STATS).await, 1, "those who asked together share the failure");
    assert!(shown(scene.ask(300).await).contains("\"value\":1"), "a failure forgets no answer");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let scene = Scene::new().await;
    for (text, times) in [("old", 1), ("new", 1)] {
        Mock::given(path(TOKEN)).respond_with(token(text)).up_to_n_times(times).mount(&scene.gws).await;
    }
    let refused = ResponseTemplate::new(401);
    Mock::given(header("authorization", "Bearer old")).respond_with(refused.clone()).mount(&scene.gws).await;
    Mock::given(header("authorization", "Bearer new")).respond_with(value(7)).mount(&scene.gws).await;
    assert!(shown(scene.ask(15).await).contains('7'));
    for status in [401, 403] {
        let scene = Scene::new().await;
        scene.answers(ResponseTemplate::new(status)).await;
        assert!(matches!(scene.ask(15).await, Err(StatisticsError::CredentialsRefused)), "{status}");
        assert_eq!((scene.asked(TOKEN).await, scene.asked(STATS).await), (2, 2), "once more with a new token");
    }
}

#[tokio::test]
async fn credentials_that_authentication_refuses_are_the_tenants_matter_until_they_change() {
    for (status, error) in [(401, "invalid_client"), (400, "invalid_client"), (400, "invalid_grant")] {
        let scene = Scene::new().await;
        let refusal = ResponseTemplate::new(status).set_body_json(json!({ "error": error }));
        Mock::given(path(TOKEN)).respond_with(refusal).mount(&scene.gws).await;
        assert!(matches!(scene.ask(15).await, Err(StatisticsError::CredentialsRefused)), "{status} {error}");
        assert_eq!(scene.counts.ours_refused.load(Ordering::SeqCst), 0, "not our own client");
        scene.answers(value(7)).await;
        scene.wait(1);
        let fixed = Credentials { client_secret: "better".to_owned().into(), ..account().credentials };
        *scene.registered.0.lock().unwrap() = Some(Account { credentials: fixed, ..account() });
        assert!(scene.ask(15).await.is_ok(), "new credentials are tried at once");
    }
}

#[tokio::test]
async fn upstream_refusals_keep_their_words_and_outages_have_none() {
    let refused = |status: u16, body: serde_json::Value| ResponseTemplate::new(status).set_body_json(body);
    for (template, said) in [
        (
            refused(400, json!({ "status": { "code": 40, "message": "objectId\n is unknown" } })),
            Some("objectId is unknown"),
        ),
        (refused(404, json!({ "message": "no" })), Some("no")),
        (refused(422, json!({})), None),
        (refused(200, json!({ "status": { "code": 5, "message": "not subscribed" } })), Some("not subscribed")),
    ] {
        let scene = Scene::new().await;
        scene.answers(template).await;
        match scene.ask(15).await {
            Err(StatisticsError::RequestRefused(words)) => assert_eq!(words.as_deref(), said),
            other => panic!("{}", shown(other)),
        }
        assert_eq!(scene.counts.server_errors.load(Ordering::SeqCst), 0);
    }
    let long = refused(400, json!({ "message": "x".repeat(5_000) }));
    let scene = Scene::new().await;
    scene.answers(long).await;
    assert!(matches!(scene.ask(15).await, Err(StatisticsError::RequestRefused(Some(words))) if words.len() == 300));
}

#[tokio::test]
async fn outages_and_nonsense_are_unavailable() {
    for template in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(503),
        ResponseTemplate::new(429),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_json(json!({ "status": { "code": 0 } })),
        ResponseTemplate::new(200).set_body_json(json!({ "status": { "code": 0 }, "data": [] })),
    ] {
        let scene = Scene::new().await;
        scene.answers(template).await;
        let failure = scene.ask(15).await;
        assert!(matches!(failure, Err(StatisticsError::Unavailable(_))), "{}", shown(failure));
    }
    let scene = Scene::new().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&scene.gws).await;
    assert!(matches!(scene.ask(15).await, Err(StatisticsError::Unavailable(_))), "no token");
    assert_eq!(scene.counts.server_errors.load(Ordering::SeqCst), 1);
}
