//! A small contact center behind the real routers: model store, settable fakes, a clock that stands.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use ges_domain::callback::{Callback, State};
use ges_domain::hours::zone_data_version;
use ges_domain::ports::{Catalogue, Handed, Handover, PublishedServices, Shards};
use ges_domain::service::Settings;
use ges_domain::tenancy::{ApiKeys, TenancyError};
use ges_domain::use_cases::CurrentWait;
use ges_domain::{CallbackId, Instant, TenantId};
use ges_telemetry::{Dependency, Identity, Metrics};
use ges_testkit::{
    CountingChance, CountingIds, FakeAreas, FakeDesk, FakeHumans, FakeKeys, FakeOrigins, FakePlan, FakePublisher,
    FakeRequests, FakeSessions, FakeStatistics, FakeWaits, ManualClock, MemoryNews, MemoryStore, builders,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use uuid::Uuid;

use crate::api::{Api, Observed, Parts};
use crate::endpoints::Endpoints;
use crate::gate::Gate;
use crate::genesys::InsideParts;
use crate::health::{Component, Health, Host};
use crate::listener::{Limits, external_router, internal_router, worker_router};

pub(crate) const KEY: &str = "78fd8f03-d9d0-4140-8aae-09f3f15d1392";
pub(crate) const OTHER_KEY: &str = "key-of-somebody-else";
/// A key whose owner is told only when [`World::gate`] opens.
pub(crate) const SLOW_KEY: &str = "slow-key";
/// A key that makes the registry panic.
pub(crate) const PANIC_KEY: &str = "panic-key";
pub(crate) const SERVICE: &str = "VQ_Support";

pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) keys: Arc<FakeKeys>,
    pub(crate) origins: Arc<FakeOrigins>,
    pub(crate) sessions: Arc<FakeSessions>,
    pub(crate) requests: Arc<FakeRequests>,
    pub(crate) news: Arc<MemoryNews>,
    pub(crate) waits: Arc<FakeWaits>,
    pub(crate) statistics: Arc<FakeStatistics>,
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) human: Arc<FakeHumans>,
    pub(crate) areas: Arc<FakeAreas>,
    pub(crate) publisher: Arc<FakePublisher>,
    pub(crate) observed: Observed,
    pub(crate) tasks: TaskTracker,
    pub(crate) limits: Limits,
    /// Who was told that services changed.
    pub(crate) told: Arc<Told>,
    api: Arc<Api>,
}

impl World {
    /// Monday, 2026-01-05T12:00Z; one service that is always open, 15-minute cells of ten places.
    pub(crate) async fn new() -> Self {
        Self::behind(Gate::open()).await
    }

    /// The same behind a gate on the internal listener.
    pub(crate) async fn behind(gate_inside: Gate) -> Self {
        let clock = Arc::new(ManualClock::at(at("2026-01-05T12:00:00Z")));
        let store = MemoryStore::new(Arc::clone(&clock), std::time::Duration::from_secs(5));
        let (keys, sessions) = (Arc::new(FakeKeys::default()), Arc::new(FakeSessions::default()));
        let origins = Arc::new(FakeOrigins::default());
        let statistics = Arc::new(FakeStatistics::default());
        let (waits, gate) = (Arc::new(FakeWaits::default()), Arc::new(Semaphore::new(0)));
        keys.give(KEY, builders::tenant());
        keys.give(SLOW_KEY, builders::tenant());
        keys.give(OTHER_KEY, builders::other_tenant());
        let host = Host { version: "1.0.0".into(), host: "pod-1".into(), role: "api", region: Some("dc1".into()) };
        let components = [
            Component::of(Dependency::Postgres, true),
            Component::of(Dependency::OrsRedis, false).with_effect("new callbacks wait in the record"),
            Component::named("push", false, false),
        ];
        let metrics = Metrics::new(
            &Identity { version: "1.0.0".into(), host: "pod-1".into(), zone_data: zone_data_version().into() },
            false,
        );
        let observed = Observed::new(Health::new(host, components), metrics);
        let shared = Arc::new(store.clone());
        let human = Arc::new(FakeHumans::default());
        let told = Arc::new(Told::default());
        let (requests, news) = (Arc::new(FakeRequests::default()), Arc::new(MemoryNews::default()));
        let (areas, publisher) = (Arc::new(FakeAreas::default()), Arc::new(FakePublisher::default()));
        let parts = Parts {
            wait: Arc::new(CurrentWait::new(waits.clone())),
            waits: waits.clone(),
            statistics: statistics.clone(),
            plan: Arc::new(FakePlan),
            sessions: sessions.clone(),
            requests: requests.clone(),
            news: news.clone(),
            human: human.clone(),
            credentials: Arc::new(FakeDesk::default()),
            keys: Arc::new(OddKeys { keys: Arc::clone(&keys), gate: Arc::clone(&gate) }),
            origins: origins.clone(),
            clock: clock.clone(),
            ids: Arc::new(CountingIds::new()),
            // The first draw chooses a number, the second a code.
            chance: Arc::new(CountingChance::from(23_455)),
            observed: observed.clone(),
            published: told.clone(),
            endpoints: Endpoints {
                ors: vec!["http://ors:9098/".into()],
                urs: vec!["http://tenant-{ccid}:5580".into(), "http://urs-b".into()],
                found: None,
            },
            inside: InsideParts {
                areas: areas.clone(),
                publisher: Some(publisher.clone()),
                guide: Arc::new(FakePlan),
                gate: gate_inside,
                single_tenant: true,
            },
        };
        let api = Api::over(&shared, parts);
        let world = Self {
            store,
            clock,
            keys,
            origins,
            sessions,
            requests,
            news,
            waits,
            statistics,
            gate,
            human,
            areas,
            publisher,
            observed,
            tasks: TaskTracker::new(),
            limits: Limits::external(),
            told,
            api: Arc::new(api),
        };
        world.provision(SERVICE, |settings| settings.max_per_slot = 10).await;
        world
    }

    /// Opens the console. Nobody may hold the routers of this world yet.
    pub(crate) fn install_console(&mut self, console: Arc<crate::console::Console>) {
        Arc::get_mut(&mut self.api).expect("not served yet").console = Some(console);
    }

    /// Lets somebody tell whose tokens callers show. Nobody may hold the routers of this world yet.
    pub(crate) fn install_callers(&mut self, callers: Arc<dyn ges_domain::ports::Identities>) {
        Arc::get_mut(&mut self.api).expect("not served yet").callers = Some(callers);
    }

    /// Lets somebody find nodes. Nobody may hold the routers of this world yet.
    pub(crate) fn install_finder(&mut self, found: Arc<dyn crate::endpoints::FoundNodes>) {
        Arc::get_mut(&mut self.api).expect("not served yet").endpoints.found = Some(found);
    }

    pub(crate) async fn provision(&self, name: &str, change: impl FnOnce(&mut Settings)) {
        let mut row = builders::service_row(name);
        change(&mut row.settings);
        self.store.put_service(builders::tenant(), &row).await.unwrap();
    }

    pub(crate) fn external(&self) -> Router {
        external_router(Arc::clone(&self.api), self.limits.clone(), self.tasks.clone())
    }

    pub(crate) fn internal(&self) -> Router {
        internal_router(Arc::clone(&self.api), Limits::internal(), self.tasks.clone())
    }

    pub(crate) fn worker(&self) -> Router {
        worker_router(self.observed.clone(), Limits::internal(), self.tasks.clone())
    }

    /// A call of the public API with the tenant's key.
    pub(crate) async fn post(&self, operation: &str, body: impl Into<Body>) -> Reply {
        let request = post(operation).header("x-api-key", KEY).body(body.into()).unwrap();
        send(self.external(), request).await
    }

    pub(crate) async fn get(&self, path_and_query: &str) -> Reply {
        let path = format!("/engagement/v3/callbacks/{path_and_query}");
        // Official clients send the content type with GET as well.
        let request = Request::get(path).header("x-api-key", KEY).header("content-type", "application/json");
        send(self.external(), request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn create(&self, body: Value) -> Reply {
        self.post("create", body.to_string()).await
    }

    /// A booking of the smallest form; with or without desired time.
    pub(crate) async fn booked(&self, desired: Option<&str>) -> CallbackId {
        let reply =
            self.create(json!({"serviceName": SERVICE, "phoneNumber": "12223334444", "desiredTime": desired})).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()["data"]["id"].as_str().unwrap().parse().unwrap()
    }

    /// A booking on the stream, attempt 1.
    pub(crate) async fn handed(&self) -> CallbackId {
        let id = self.booked(None).await;
        let leases = self.store.hold("node").await.unwrap();
        let service = ges_domain::ports::ServiceRef { tenant: builders::tenant(), name: builders::service(SERVICE) };
        let lease = leases.into_iter().find(|lease| lease.shard == service.shard()).unwrap();
        let handed = [Handed { tenant: builders::tenant(), id, attempt: 1, nth: 1 }];
        let now = ges_domain::ports::Clock::now(&*self.clock);
        self.store.record_handed(lease, &handed, now).await.unwrap();
        id
    }

    /// A booking in this state, with session `S1` where the state needs one.
    pub(crate) async fn in_state(&self, state: State) -> CallbackId {
        if state == State::Scheduled {
            return self.booked(Some("2026-01-05T15:00:00Z")).await;
        }
        let id = self.handed().await;
        let path: &[State] = match state {
            State::Scheduled => &[],
            State::Queued => &[State::Queued],
            State::Routing => &[State::Queued, State::Routing],
            State::Processing => &[State::Queued, State::Processing],
            State::Paused => &[State::Queued, State::Paused],
            State::Completed => &[State::Queued, State::Completed],
        };
        for step in path {
            let body = json!({"_callback_state": step.as_str(), "_ors_session_id": "S1"});
            let reply = self.storage(id, body.to_string()).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
        }
        id
    }

    /// A storage update in JSON.
    pub(crate) async fn storage(&self, id: CallbackId, body: impl Into<Body>) -> Reply {
        let request =
            Request::post(format!("/genesys/1/service/{id}/storage")).header("content-type", "application/json");
        send(self.internal(), request.body(body.into()).unwrap()).await
    }

    /// The only record there is.
    pub(crate) fn only(&self) -> Callback {
        let [(callback, _)] = <[_; 1]>::try_from(self.store.everything()).unwrap();
        callback
    }

    pub(crate) fn nothing_is_written(&self) -> bool {
        self.store.everything().is_empty()
    }

    /// The value of one sample of the metrics page.
    pub(crate) fn metric(&self, sample: &str) -> Option<f64> {
        let page = self.observed.metrics.render();
        page.lines().find_map(|line| line.strip_prefix(sample)?.trim().parse().ok())
    }
}

pub(crate) fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

pub(crate) fn post(operation: &str) -> axum::http::request::Builder {
    Request::post(format!("/engagement/v3/callbacks/{operation}")).header("content-type", "application/json")
}

pub(crate) fn bare(method: Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) async fn send(router: Router, request: Request<Body>) -> Reply {
    let response = router.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8(bytes.to_vec()).unwrap();
    Reply { status: StatusCode::as_u16(&head.status), headers: head.headers, body }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Checks what every envelope has and returns the body with the correlation id replaced.
    pub(crate) fn sealed(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"), "{}", self.body);
        let json = self.json();
        let corr_id = json["status"]["corrId"].as_str().unwrap();
        let id: Uuid = corr_id.parse().unwrap();
        assert_eq!((id.get_version_num(), corr_id), (4, corr_id.to_lowercase().as_str()));
        assert!(self.header("set-cookie").is_none());
        self.body.replace(corr_id, "CORR")
    }

    /// Checks status and envelope of an error and returns its message.
    pub(crate) fn refused(&self, status: u16, code: u64) -> String {
        self.sealed();
        let json = self.json();
        assert_eq!((self.status, json["status"]["code"].as_u64()), (status, Some(code)), "{}", self.body);
        assert_eq!(json.get("data").is_some(), status == 429, "data comes with 429 alone: {}", self.body);
        json["status"]["message"].as_str().unwrap().to_owned()
    }
}

/// A registry with one slow and one broken key.
struct OddKeys {
    keys: Arc<FakeKeys>,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl ApiKeys for OddKeys {
    async fn tenant_of(&self, key: &str) -> Result<Option<TenantId>, TenancyError> {
        match key {
            SLOW_KEY => drop(self.gate.acquire().await.unwrap()),
            PANIC_KEY => panic!("the registry broke"),
            _ => {}
        }
        self.keys.tenant_of(key).await
    }

    async fn known(&self, tenant: TenantId) -> Result<bool, TenancyError> {
        self.keys.known(tenant).await
    }

    async fn only(&self) -> Result<Option<TenantId>, TenancyError> {
        self.keys.only().await
    }
}

/// Remembers who was told, and under which correlation id.
#[derive(Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<TenantId>>, pub(crate) Mutex<Vec<Option<Box<str>>>>);

#[async_trait]
impl PublishedServices for Told {
    async fn services_changed(&self, tenant: TenantId) {
        self.0.lock().unwrap().push(tenant);
        self.1.lock().unwrap().push(ges_telemetry::correlation());
    }
}
