//! What memories tell about themselves (`ges_cache_requests_total`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ges_domain::TenantId;
use ges_domain::tenancy::ApiKeys;
use ges_http_client::{BreakerState, Finished, HttpClientFactory, Observer, Recall};
use serde_json::json;
use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{Environment, Silent};

const CCID: &str = "c0ffee00-0000-4000-8000-000000000100";

/// What was told.
#[derive(Default)]
struct Recalls(Mutex<Vec<(&'static str, Recall)>>);

impl Observer for Recalls {
    fn finished(&self, _: &Finished) {}
    fn dns_failed(&self, _: &'static str) {}
    fn breaker_changed(&self, _: &'static str, _: &str, _: BreakerState) {}
    fn recalled(&self, cache: &'static str, recall: Recall) {
        self.0.lock().unwrap().push((cache, recall));
    }
}

#[tokio::test]
async fn memories_tell_whether_they_knew() {
    let (gws, seconds, recalls) = (MockServer::start().await, Arc::new(AtomicU64::new(0)), Arc::<Recalls>::default());
    let clock = Arc::clone(&seconds);
    let factory = HttpClientFactory::default()
        .observed_by(recalls.clone())
        .clock(Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst))))
        .jitter(Arc::new(|| 0.0));
    let environment = Environment::new(&factory, Url::parse(&gws.uri()).unwrap(), None, Arc::new(Silent)).unwrap();
    let tenant: TenantId = CCID.parse().unwrap();
    let found = ResponseTemplate::new(200).set_body_json(json!({ "data": { "id": CCID } }));
    Mock::given(any()).respond_with(found).mount(&gws).await;
    for (later, down, told) in [
        (0, false, Recall::Miss),
        (59, false, Recall::Hit),
        (1, false, Recall::Miss),
        (60, true, Recall::Stale),
        (4, true, Recall::Stale),
    ] {
        seconds.fetch_add(later, Ordering::SeqCst);
        if down {
            gws.reset().await;
            Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&gws).await;
        }
        assert_eq!(environment.tenant_of("a key").await.unwrap(), Some(tenant));
        assert_eq!(recalls.0.lock().unwrap().pop(), Some(("gws_api_keys", told)), "{later}");
    }
    environment.known(tenant).await.unwrap_err();
    assert_eq!(recalls.0.lock().unwrap().pop(), Some(("gws_contact_centers", Recall::Miss)));
}
