//! Under which names routers know contact centers (integrations 4.3): those of their environments' tenants.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ges_domain::TenantId;
use ges_http_client::HttpClientFactory;
use serde_json::{Value, json};
use url::Url;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{Environment, GwsObserver};

const SAME: &str = "c0ffee00-0000-4000-8000-000000000100";
const OTHER: &str = "c0ffee00-0000-4000-8000-000000000200";
const HOME: &str = "c0ffee00-0000-4000-8000-0000000002ee";
const NOWHERE: &str = "c0ffee00-0000-4000-8000-000000000300";

struct Deaf;

impl GwsObserver for Deaf {
    fn wrong_credentials(&self) {}
    fn server_error(&self) {}
}

struct Scene {
    gws: MockServer,
    seconds: Arc<AtomicU64>,
    environment: Environment,
}

impl Scene {
    async fn new() -> Self {
        let (gws, seconds) = (MockServer::start().await, Arc::new(AtomicU64::new(0)));
        let clock = Arc::clone(&seconds);
        let factory = HttpClientFactory::default()
            .clock(Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst))))
            .jitter(Arc::new(|| 0.0));
        let base = Url::parse(&gws.uri()).unwrap();
        let environment = Environment::new(&factory, base, None, Arc::new(Deaf)).unwrap();
        Self { gws, seconds, environment }
    }

    /// The list of environments in this form, and the contact centers of them.
    async fn tells(&self, environments: Value) {
        self.gws.reset().await;
        let list = json!({ "status": { "code": 0 }, "data": environments });
        let list = ResponseTemplate::new(200).set_body_json(list);
        Mock::given(path("/environment/v3/environments")).respond_with(list).mount(&self.gws).await;
        for (ccid, home) in [(OTHER, HOME), (NOWHERE, NOWHERE)] {
            let center = json!({ "status": { "code": 0 }, "data": { "id": ccid, "environmentId": home } });
            let center = ResponseTemplate::new(200).set_body_json(center);
            let at = format!("/environment/v3/contact-centers/{ccid}");
            Mock::given(path(at)).respond_with(center).mount(&self.gws).await;
        }
    }

    async fn name(&self, ccid: &str) -> Option<String> {
        let tenant: TenantId = ccid.parse().unwrap();
        self.environment.tenant_name(tenant).await.unwrap().map(|name| name.to_string())
    }

    async fn asked(&self) -> usize {
        self.gws.received_requests().await.unwrap().len()
    }
}

fn environments() -> Value {
    json!([{ "id": SAME, "tenant": "Acme" }, { "id": HOME, "tenant": "Sons" }, { "id": NOWHERE, "username": "default" }])
}

#[tokio::test]
async fn the_environment_of_a_contact_center_names_its_tenant() {
    let scene = Scene::new().await;
    for list in [environments(), json!({ "environments": environments() })] {
        scene.seconds.fetch_add(300, Ordering::SeqCst);
        scene.tells(list).await;
        assert_eq!(scene.name(SAME).await.as_deref(), Some("Acme"), "one id for both");
        assert_eq!(scene.asked().await, 1);
        assert_eq!(scene.name(OTHER).await.as_deref(), Some("Sons"), "an id of its own");
        assert_eq!(scene.name(NOWHERE).await, None);
        for ccid in [SAME, OTHER, NOWHERE] {
            scene.name(ccid).await;
        }
        assert_eq!(scene.asked().await, 3, "remembered for five minutes");
    }
}

#[tokio::test]
async fn names_survive_an_outage_and_a_client_that_may_not_read_them_goes_without() {
    let scene = Scene::new().await;
    scene.tells(environments()).await;
    assert_eq!(scene.name(SAME).await.as_deref(), Some("Acme"));
    scene.gws.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&scene.gws).await;
    scene.seconds.fetch_add(3_600, Ordering::SeqCst);
    assert_eq!(scene.name(SAME).await.as_deref(), Some("Acme"), "a day long");
    let stranger = Scene::new().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&stranger.gws).await;
    assert!(stranger.environment.tenant_name(SAME.parse().unwrap()).await.is_err(), "nobody can tell");
    let barred = Scene::new().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(403)).mount(&barred.gws).await;
    assert_eq!((barred.name(SAME).await, barred.name(OTHER).await, barred.asked().await), (None, None, 1));
}
