//! Conformance check 17 of the integrations reference: what is sent, and what every kind of answer comes to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::booking::CaptchaToken;
use ges_domain::ports::{
    CredentialError, CredentialKind, HumanCheck as _, HumanVerdict, OpenCredential, OpenCredentials,
};
use ges_http_client::HttpClientFactory;
use ges_testkit::builders::tenant;
use serde_json::{Value, json};
use url::Url;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{CaptchaSettings, Recaptcha};

struct Opened(Vec<(&'static str, &'static str)>);

#[async_trait]
impl OpenCredentials for Opened {
    async fn open(&self, _: TenantId, _: CredentialKind) -> Result<Arc<[OpenCredential]>, CredentialError> {
        let open =
            |(name, document): &(&str, &str)| OpenCredential { name: (*name).into(), document: (*document).into() };
        Ok(self.0.iter().map(open).collect())
    }
}

const V2: (&str, &str) = ("6Le-v2", r#"{"kind":"recaptcha_v2","secretKey":"sesame"}"#);
const V3: (&str, &str) = ("6Le-v3", r#"{"kind":"recaptcha_v3","secretKey":"s","action":"callback"}"#);
const ENTERPRISE: (&str, &str) =
    ("6Le-e", r#"{"kind":"recaptcha_enterprise","projectId":"acme","apiKey":"k","action":"callback"}"#);

fn check(google: &MockServer, credentials: &[(&'static str, &'static str)], allow: bool) -> Recaptcha {
    at(&Url::parse(&google.uri()).unwrap(), credentials, allow)
}

fn at(base: &Url, credentials: &[(&'static str, &'static str)], allow: bool) -> Recaptcha {
    let base = base.clone();
    let settings = CaptchaSettings { base_url: base.clone(), enterprise_url: base, let_in_unverified: allow };
    let factory = HttpClientFactory::default().jitter(Arc::new(|| 0.0));
    Recaptcha::new(&factory, settings, Arc::new(Opened(credentials.to_vec()))).unwrap()
}

async fn answering(template: ResponseTemplate) -> MockServer {
    let google = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&google).await;
    google
}

fn json_answer(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn visitor(text: &str) -> CaptchaToken {
    CaptchaToken {
        text: text.into(),
        address: Some("203.0.113.9".parse().unwrap()),
        user_agent: Some("Mozilla/5.0".into()),
    }
}

#[tokio::test]
async fn siteverify_gets_secret_token_and_address() {
    let google = MockServer::start().await;
    let good = json_answer(json!({ "success": true, "hostname": "www.example.com" }));
    Mock::given(method("POST")).and(path("/recaptcha/api/siteverify")).respond_with(good).mount(&google).await;
    assert_eq!(check(&google, &[V2], false).check(tenant(), None, &visitor("a+b&c")).await, HumanVerdict::Human);
    let sent = google.received_requests().await.unwrap();
    let body = String::from_utf8(sent[0].body.clone()).unwrap();
    assert_eq!(body, "secret=sesame&response=a%2Bb%26c&remoteip=203.0.113.9");
}

#[tokio::test]
async fn an_assessment_gets_what_google_weighs() {
    let google = MockServer::start().await;
    let assessed =
        json!({ "tokenProperties": { "valid": true, "action": "callback" }, "riskAnalysis": { "score": 0.9 } });
    let right = Mock::given(method("POST")).and(path("/v1/projects/acme/assessments"));
    right.respond_with(json_answer(assessed)).mount(&google).await;
    assert_eq!(check(&google, &[ENTERPRISE], false).check(tenant(), None, &visitor("t")).await, HumanVerdict::Human);
    let sent = google.received_requests().await.unwrap();
    assert_eq!(sent[0].url.query(), Some("key=k"));
    let event = &sent[0].body_json::<Value>().unwrap()["event"];
    let expected = json!({ "token": "t", "siteKey": "6Le-e", "expectedAction": "callback",
        "userIpAddress": "203.0.113.9", "userAgent": "Mozilla/5.0" });
    assert_eq!(*event, expected);
}

#[tokio::test]
async fn check_17_every_trouble_follows_the_policy_and_every_bad_token_is_refused() {
    let fails = |code: &str| json_answer(json!({ "success": false, "error-codes": [code] }));
    for (answer, denied, allowed) in [
        (fails("timeout-or-duplicate"), HumanVerdict::NotHuman, HumanVerdict::NotHuman),
        (fails("invalid-input-response"), HumanVerdict::NotHuman, HumanVerdict::NotHuman),
        (fails("invalid-input-secret"), HumanVerdict::Unavailable, HumanVerdict::Unverified),
        (ResponseTemplate::new(500), HumanVerdict::Unavailable, HumanVerdict::Unverified),
        (ResponseTemplate::new(403), HumanVerdict::Unavailable, HumanVerdict::Unverified),
        (ResponseTemplate::new(200).set_body_string("<html>"), HumanVerdict::Unavailable, HumanVerdict::Unverified),
    ] {
        let google = answering(answer).await;
        assert_eq!(check(&google, &[V2], false).check(tenant(), None, &visitor("t")).await, denied, "R-CPT-4");
        assert_eq!(check(&google, &[V2], true).check(tenant(), None, &visitor("t")).await, allowed, "7.5");
        assert_eq!(google.received_requests().await.unwrap().len(), 2, "each was asked once");
    }
}

#[tokio::test]
async fn check_17_silence_is_not_repeated_and_ends_in_time() {
    let google = answering(json_answer(json!({ "success": true })).set_delay(Duration::from_secs(30))).await;
    let begun = std::time::Instant::now();
    assert_eq!(check(&google, &[V2], false).check(tenant(), None, &visitor("t")).await, HumanVerdict::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(5), "R-CPT-4: {:?}", begun.elapsed());
    assert_eq!(google.received_requests().await.unwrap().len(), 1, "the token may be used up");
}

#[tokio::test]
async fn a_token_is_verified_once_and_one_that_never_arrived_may_come_again() {
    let google = answering(json_answer(json!({ "success": true }))).await;
    let once = check(&google, &[V2], false);
    assert_eq!(once.check(tenant(), None, &visitor("t")).await, HumanVerdict::Human);
    assert_eq!(once.check(tenant(), None, &visitor("t")).await, HumanVerdict::NotHuman, "7.5: seen");
    assert_eq!(google.received_requests().await.unwrap().len(), 1);
    let closed = Url::parse("http://127.0.0.1:1").unwrap();
    let nobody = at(&closed, &[V2], false);
    for _ in 0..2 {
        assert_eq!(nobody.check(tenant(), None, &visitor("t")).await, HumanVerdict::Unavailable);
    }
}

#[tokio::test]
async fn the_site_key_is_the_named_the_only_or_the_default_one() {
    let google = answering(json_answer(json!({ "success": true, "score": 0.9, "action": "callback" }))).await;
    const DEFAULT: (&str, &str) = ("6Le-d", r#"{"kind":"recaptcha_v2","secretKey":"d","default":true}"#);
    let mut nth = 0;
    for (credentials, named, verdict) in [
        (&[][..], None, HumanVerdict::Unavailable),
        (&[V2][..], None, HumanVerdict::Human),
        (&[V2, V3][..], None, HumanVerdict::Ambiguous),
        (&[V2, V3][..], Some("6Le-v3"), HumanVerdict::Human),
        (&[V2, DEFAULT][..], None, HumanVerdict::Human),
        (&[V2][..], Some("6Le-other"), HumanVerdict::Unavailable),
    ] {
        nth += 1;
        let token = visitor(&format!("t{nth}"));
        assert_eq!(
            check(&google, credentials, true).check(tenant(), named, &token).await,
            verdict,
            "{named:?} R-CPT-1, R-CPT-5"
        );
    }
}
