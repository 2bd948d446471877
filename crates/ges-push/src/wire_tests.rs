//! Conformance check 16 of the integrations reference: what is sent, and what every kind of answer comes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::callback::PushTarget;
use ges_domain::ports::{CredentialError, CredentialKind, OpenCredential, OpenCredentials, PushProvider as _};
use ges_domain::push::{Event, Message, Sent};
use ges_http_client::{HttpClientFactory, LiveSecret};
use ges_testkit::ManualClock;
use ges_testkit::builders::{START, other_tenant, tenant};
use serde_json::{Value, json};
use url::Url;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::{FcmSettings, NexusSettings, Provider, Push, PushObserver, check};

const KEY: &str = include_str!("test_key.pem");

/// Every tenant's credential, but for those who have one of their own.
struct Opened(Vec<OpenCredential>, Vec<(TenantId, OpenCredential)>);

#[async_trait]
impl OpenCredentials for Opened {
    async fn open(&self, tenant: TenantId, _: CredentialKind) -> Result<Arc<[OpenCredential]>, CredentialError> {
        let own: Vec<_> = self.1.iter().filter(|(of, _)| *of == tenant).map(|(_, own)| own.clone()).collect();
        Ok(if own.is_empty() { self.0.clone() } else { own }.into())
    }
}

#[derive(Default)]
struct Outages(AtomicU64);

impl PushObserver for Outages {
    fn not_reached(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn account(google: &MockServer) -> Value {
    json!({
        "type": "service_account", "project_id": "acme-app", "client_email": "push@acme-app.iam.gserviceaccount.com",
        "private_key_id": "key-1", "private_key": KEY, "token_uri": format!("{}/token", google.uri()),
    })
}

struct Scene {
    google: MockServer,
    outages: Arc<Outages>,
    push: Push,
}

impl Scene {
    async fn new(provider: impl FnOnce(Url) -> Provider) -> Self {
        let google = MockServer::start().await;
        let document = account(&google).to_string();
        // The other tenant has written the same names above a private key of its own.
        let mut own = account(&google);
        own["private_key"] = format!("{KEY}\n").into();
        let own = OpenCredential { name: "fcm".into(), document: own.to_string() };
        let opened = Opened(vec![OpenCredential { name: "fcm".into(), document }], vec![(other_tenant(), own)]);
        let (outages, clock) = (Arc::<Outages>::default(), Arc::new(ManualClock::at(START)));
        let factory = HttpClientFactory::default().jitter(Arc::new(|| 0.0));
        let provider = provider(Url::parse(&google.uri()).unwrap());
        let push = Push::new(&factory, provider, Arc::new(opened), clock, outages.clone()).unwrap();
        Self { google, outages, push }
    }

    async fn fcm() -> Self {
        let scene = Self::new(|base_url| Provider::Fcm(FcmSettings { base_url, token_uri: None })).await;
        let token = json!({ "access_token": "ya29.t", "expires_in": 3_599, "token_type": "Bearer" });
        let token = Mock::given(method("POST"))
            .and(path("/token"))
            .respond_with(ResponseTemplate::new(200).set_body_json(token));
        token.mount(&scene.google).await;
        scene
    }

    async fn answering(answer: ResponseTemplate) -> Self {
        let scene = Self::fcm().await;
        let send = Mock::given(method("POST")).and(path("/v1/projects/acme-app/messages:send"));
        send.respond_with(answer).mount(&scene.google).await;
        scene
    }

    async fn send(&self) -> Sent {
        self.push.send(tenant(), &PushTarget("token-1".into()), &message()).await
    }

    async fn sent(&self, to: &str) -> Vec<Request> {
        let all = self.google.received_requests().await.unwrap();
        all.into_iter().filter(|request| request.url.path() == to).collect()
    }
}

const SEND: &str = "/v1/projects/acme-app/messages:send";

fn message() -> Message {
    Message {
        event: Event::CallbackUpcoming,
        title: "T".into(),
        body: "B".into(),
        data: [("event", "CALLBACK_UPCOMING".to_owned())].into(),
        tag: "u0-abc".into(),
        ttl: Duration::from_secs(600),
    }
}

fn accepted() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "name": "projects/acme-app/messages/0:1" }))
}

fn refused(status: u16, code: Option<&str>) -> ResponseTemplate {
    let details: Vec<_> = code.iter().map(|code| json!({ "errorCode": code })).collect();
    ResponseTemplate::new(status).set_body_json(json!({ "error": { "message": "no", "details": details } }))
}

#[tokio::test]
async fn a_message_carries_token_text_data_and_tag() {
    let scene = Scene::answering(accepted()).await;
    assert_eq!(scene.send().await, Sent::Accepted);
    assert_eq!(scene.send().await, Sent::Accepted);
    let sent = scene.sent(SEND).await;
    assert_eq!(sent[0].headers["authorization"], "Bearer ya29.t");
    let body: Value = sent[0].body_json().unwrap();
    let message = &body["message"];
    assert_eq!((&body["validate_only"], &message["token"]), (&json!(false), &json!("token-1")));
    assert_eq!(message["notification"], json!({ "title": "T", "body": "B" }));
    assert_eq!(message["data"]["event"], "CALLBACK_UPCOMING");
    assert_eq!(message["android"], json!({ "priority": "HIGH", "ttl": "600s", "notification": { "tag": "u0-abc" } }));
    assert_eq!(message["apns"]["headers"]["apns-collapse-id"], "u0-abc");
    assert_eq!(message["apns"]["headers"]["apns-expiration"], (START.seconds() + 600).to_string());
    assert_eq!(message["webpush"]["headers"], json!({ "TTL": "600", "Urgency": "high", "Topic": "u0-abc" }));
    let tokens = scene.sent("/token").await;
    assert_eq!(tokens.len(), 1, "the token is kept");
    let form = String::from_utf8(tokens[0].body.clone()).unwrap();
    assert!(
        form.starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey"),
        "{form}"
    );
}

#[tokio::test]
async fn check_16_every_error_has_its_meaning() {
    let failed = |rest: Option<u64>| Sent::Failed { rest: rest.map(Duration::from_secs) };
    for (answer, sent, outages) in [
        (refused(404, Some("UNREGISTERED")), Sent::TargetGone, 0),
        (refused(403, Some("SENDER_ID_MISMATCH")), Sent::TargetGone, 0),
        (refused(400, Some("INVALID_ARGUMENT")), Sent::Refused, 0),
        (refused(401, Some("THIRD_PARTY_AUTH_ERROR")), Sent::Refused, 0),
        (refused(429, Some("QUOTA_EXCEEDED")).insert_header("retry-after", "7"), failed(Some(7)), 0),
        (refused(503, Some("UNAVAILABLE")), failed(None), 1),
        (refused(500, Some("INTERNAL")), failed(None), 1),
    ] {
        let scene = Scene::answering(answer).await;
        assert_eq!(scene.send().await, sent, "6.5");
        assert_eq!(scene.sent(SEND).await.len(), 1, "sent once: the record decides about the next");
        assert_eq!(scene.outages.0.load(Ordering::SeqCst), outages, "{sent:?}");
    }
    let bad_token = json!({ "error": { "message": "The registration token is not a valid FCM registration token" } });
    let scene = Scene::answering(ResponseTemplate::new(400).set_body_json(bad_token)).await;
    assert_eq!(scene.send().await, Sent::TargetGone, "the message concerns the token");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_then_the_account_rests() {
    let scene = Scene::answering(refused(401, None)).await;
    assert_eq!(scene.send().await, Sent::Refused);
    assert_eq!((scene.sent("/token").await.len(), scene.sent(SEND).await.len()), (2, 2), "refreshed once");
    assert_eq!(scene.send().await, Sent::Refused);
    assert_eq!(scene.sent("/token").await.len(), 2, "left alone for five minutes");
}

#[tokio::test]
async fn a_refused_account_is_left_alone() {
    let scene = Scene::new(|base_url| Provider::Fcm(FcmSettings { base_url, token_uri: None })).await;
    let no = ResponseTemplate::new(400).set_body_json(json!({ "error": "invalid_grant" }));
    Mock::given(path("/token")).respond_with(no).mount(&scene.google).await;
    for _ in 0..3 {
        assert_eq!(scene.send().await, Sent::Refused);
    }
    assert_eq!(scene.sent("/token").await.len(), 1, "6.2");
}

/// I9: the names of an account are public. Nobody gets a token, or has an account left alone, by writing them down.
#[tokio::test]
async fn a_token_belongs_to_the_private_key_and_not_to_the_names_in_the_document() {
    let scene = Scene::answering(accepted()).await;
    assert_eq!(scene.send().await, Sent::Accepted);
    let sent = scene.push.send(other_tenant(), &PushTarget("token-2".into()), &message()).await;
    assert_eq!(sent, Sent::Accepted);
    assert_eq!(scene.sent("/token").await.len(), 2, "each showed its own key");

    let scene = Scene::new(|base_url| Provider::Fcm(FcmSettings { base_url, token_uri: None })).await;
    let no = ResponseTemplate::new(400).set_body_json(json!({ "error": "invalid_grant" }));
    Mock::given(path("/token")).respond_with(no).mount(&scene.google).await;
    scene.push.send(other_tenant(), &PushTarget("token-2".into()), &message()).await;
    scene.send().await;
    assert_eq!(scene.sent("/token").await.len(), 2, "the refusal of one is not the other's");
}

/// Integrations 0.4: the duty that sends keeps to what the provider's client lets through.
#[tokio::test]
async fn so_many_messages_at_once_as_the_client_lets_through() {
    let fcm = Scene::new(|base_url| Provider::Fcm(FcmSettings { base_url, token_uri: None })).await;
    let api_key = LiveSecret::new("nexus-key".to_owned().into());
    let nexus = Scene::new(|url| Provider::Nexus(NexusSettings { url, api_key })).await;
    assert_eq!((fcm.push.at_once(), nexus.push.at_once()), (16, 8));
}

#[tokio::test]
async fn concurrent_messages_share_one_token() {
    let scene = Arc::new(Scene::answering(accepted()).await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let scene = Arc::clone(&scene);
        tasks.spawn(async move { scene.send().await });
    }
    assert!(tasks.join_all().await.into_iter().all(|sent| sent == Sent::Accepted));
    assert_eq!(scene.sent("/token").await.len(), 1, "single flight");
}

#[tokio::test]
async fn nexus_gets_the_message_without_its_target_inside() {
    let api_key = LiveSecret::new("nexus-key".to_owned().into());
    let changed = api_key.clone();
    let scene = Scene::new(|url| Provider::Nexus(NexusSettings { url, api_key })).await;
    let to = Mock::given(path("/nexus/v3/push/messages")).and(header("x-api-key", "nexus-key"));
    let to = to.and(header("contactcenterid", tenant().to_string().as_str()));
    to.respond_with(
        ResponseTemplate::new(200).set_body_json(json!({ "status": { "code": 0 }, "data": { "name": "n" } })),
    )
    .up_to_n_times(1)
    .mount(&scene.google)
    .await;
    assert_eq!(scene.send().await, Sent::Accepted);
    let body: Value = scene.sent("/nexus/v3/push/messages").await[0].body_json().unwrap();
    assert_eq!(
        (&body["channel"], &body["target"], &body["validateOnly"]),
        (&json!("FCM"), &json!("token-1"), &json!(false))
    );
    assert!(body["message"]["token"].is_null() && body["message"]["notification"]["title"] == "T");
    assert_eq!(scene.send().await, Sent::TargetGone, "404: unknown target");
    changed.change("another-key".to_owned().into());
    scene.send().await;
    let keys: Vec<_> =
        scene.sent("/nexus/v3/push/messages").await.iter().map(|one| one.headers["x-api-key"].clone()).collect();
    assert_eq!(keys, ["nexus-key", "nexus-key", "another-key"], "integrations 10.1: the next call shows the new one");
}

#[test]
fn a_credential_is_a_service_account_with_texts_and_nothing_older() {
    let good = |change: fn(&mut Value)| {
        let mut account = json!({ "project_id": "p", "client_email": "e", "private_key": KEY });
        change(&mut account);
        account
    };
    let texts = json!({ "CALLBACK_UPCOMING": { "en-US": { "title": "t", "body": "b" } } });
    for document in [
        good(|_| {}),
        json!({ "serviceAccount": good(|_| {}), "texts": texts }),
        json!({ "texts": texts }),
        good(|account| account["token_uri"] = json!("https://oauth2.googleapis.com/token")),
    ] {
        check(&document.to_string()).unwrap();
    }
    for (document, sentence) in [
        (json!({ "serverKey": "AAAA" }), "retired"),
        (json!({ "apiKey": "AAAA" }), "retired"),
        (json!({}), "neither"),
        (good(|account| account["private_key"] = json!("no key")), "private_key"),
        (good(|account| account["client_email"] = json!("")), "client_email"),
        (good(|account| account["token_uri"] = json!("https://evil.example/token")), "token_uri"),
        (good(|account| account["token_uri"] = json!("http://oauth2.googleapis.com/token")), "token_uri"),
        (json!({ "texts": { "CALLBACK_PARTY": {} } }), "line"),
    ] {
        let error = check(&document.to_string()).unwrap_err();
        assert!(error.contains(sentence), "R-PSH-1: {error}");
    }
}
