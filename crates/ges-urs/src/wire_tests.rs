//! Conformance check 10 of the integrations reference, chapter 12, and the memory, against peers on loopback.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ges_discovery::Directory;
use ges_domain::TenantId;
use ges_domain::region::Region;
use ges_domain::wait::{Estimate, EwtMode, Question, QueueWait, WaitError, WaitEstimates};
use ges_http_client::{HttpClientFactory, with_correlation};
use serde_json::json;
use uuid::Uuid;
use wiremock::matchers::{any, header, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{RequestForm, Routers, RoutersByTenant, TenantNames, UrsWaits};

/// R-EWT-8.
const FRESH: Duration = Duration::from_secs(10);

fn known_as_environment(directory: Directory) -> Routers {
    Routers { tenant_name: "Environment".into(), directory: Arc::new(directory) }
}

/// Knows these tenants.
struct Named(HashMap<TenantId, &'static str>);

#[async_trait]
impl TenantNames for Named {
    async fn name_of(&self, tenant: TenantId) -> Option<Arc<str>> {
        if tenant == SLOW {
            std::future::pending::<()>().await;
        }
        self.0.get(&tenant).copied().map(Arc::from)
    }
}

/// Whose name nobody tells in time.
const SLOW: TenantId = TenantId(Uuid::from_u128(0x510));
const TENANT: TenantId = TenantId(Uuid::from_u128(0xc0ff_ee00));

/// A primary and a backup router, and what asks them under a clock that the test moves.
struct Scene {
    primary: MockServer,
    backup: MockServer,
    seconds: Arc<AtomicU64>,
    waits: UrsWaits,
}

impl Scene {
    async fn new() -> Self {
        Self::in_form(RequestForm::Path).await
    }

    async fn in_form(form: RequestForm) -> Self {
        let (primary, backup) = (MockServer::start().await, MockServer::start().await);
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let factory =
            HttpClientFactory::default().clock(Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst))));
        let routers = known_as_environment(Directory::routers(&[primary.uri(), backup.uri()]).unwrap());
        let routers = RoutersByTenant { own: [(TENANT, routers)].into(), ..RoutersByTenant::default() };
        Self { primary, backup, seconds, waits: UrsWaits::new(&factory, routers, form, FRESH).unwrap() }
    }

    fn wait(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn estimate(&self, queue: &str) -> Result<Estimate, WaitError> {
        self.waits.estimate(TENANT, &Question::about(queue, EwtMode::Mode2)).await
    }

    async fn sales(&self) -> Result<Estimate, WaitError> {
        self.estimate("VQ_Sales").await
    }
}

async fn answers(router: &MockServer, template: ResponseTemplate) {
    router.reset().await;
    Mock::given(any()).respond_with(template).mount(router).await;
}

async fn asked(router: &MockServer) -> usize {
    router.received_requests().await.unwrap().len()
}

fn ewt(seconds: f64) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "ewt": seconds.to_string(), "pos": "4", "wpos": "4" }))
}

fn backup_role() -> ResponseTemplate {
    ResponseTemplate::new(503).set_body_json(json!({ "error": "backup" }))
}

/// R-EWT-1.
#[tokio::test]
async fn the_worked_example_in_both_request_forms() {
    for (form, asked_path) in
        [(RequestForm::Path, "/urs/call/max/lvq/VQ_Sales"), (RequestForm::Query, "/urs/call/max/lvq")]
    {
        let scene = Scene::in_form(form).await;
        Mock::given(path(asked_path))
            .and(query_param("tenant", "Environment"))
            .and(query_param("aqt", "urs2"))
            .and(header("accept", "application/json"))
            .and(header("x-correlation-id", "c-7"))
            .respond_with(ewt(127.5))
            .expect(1)
            .mount(&scene.primary)
            .await;
        let outcome = with_correlation(Some("c-7"), scene.sales()).await;
        let shown = QueueWait::from(&outcome);
        assert_eq!((shown.estimated_wait_time, shown.result_code), (127, 0), "{form:?}");
    }
}

/// Integrations 3.1, 4.3: contact centers of one installation are different tenants to its routers.
#[tokio::test]
async fn each_tenant_is_asked_about_under_its_own_name() {
    let router = MockServer::start().await;
    let names = Named([(TENANT, "Acme & Söhne")].into());
    let routers = RoutersByTenant {
        otherwise: Some(known_as_environment(Directory::routers(&[router.uri()]).unwrap())),
        names: Some(Arc::new(names)),
        ..RoutersByTenant::default()
    };
    let waits = UrsWaits::new(&HttpClientFactory::default(), routers, RequestForm::Path, FRESH).unwrap();
    answers(&router, ewt(5.0)).await;
    for tenant in [TENANT, TenantId(Uuid::from_u128(2)), SLOW] {
        let estimate = waits.estimate(tenant, &Question::about("VQ_Sales", EwtMode::Mode2)).await.unwrap();
        assert_eq!(estimate, Estimate::Known(5));
    }
    let asked = router.received_requests().await.unwrap();
    let name = |(_, name): (_, std::borrow::Cow<'_, str>)| name.into_owned();
    let asked: Vec<_> = asked
        .iter()
        .map(|request| request.url.query_pairs().find(|(key, _)| key == "tenant").map(name).unwrap())
        .collect();
    assert_eq!(asked, ["Acme & Söhne", "Environment", "Environment"]);
}

/// R-EWT-10: whose routers are looked after is not left to chance, and who went is forgotten.
#[tokio::test]
async fn routers_of_tenants_nobody_asks_about_are_looked_after_for_an_hour() {
    let (seconds, refused) = (Arc::new(AtomicU64::new(0)), "http://127.0.0.1:9".to_owned());
    let clock = Arc::clone(&seconds);
    let factory =
        HttpClientFactory::default().clock(Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst))));
    let otherwise = Some(known_as_environment(Directory::routers(&[refused]).unwrap()));
    let routers = RoutersByTenant { otherwise, ..RoutersByTenant::default() };
    let waits = UrsWaits::new(&factory, routers, RequestForm::Path, FRESH).unwrap();
    for _ in 0..2 {
        waits.probe().await;
    }
    assert!(!waits.all_down_for_some_tenant(), "nobody is known");
    waits.watch(&[TENANT]);
    for _ in 0..2 {
        waits.probe().await;
    }
    assert!(waits.all_down_for_some_tenant(), "R-EWT-10: without a single question");
    seconds.store(3_599, Ordering::SeqCst);
    assert!(waits.all_down_for_some_tenant());
    seconds.store(3_600, Ordering::SeqCst);
    assert!(!waits.all_down_for_some_tenant(), "it has no services any more");
}

#[tokio::test]
async fn queue_names_stay_one_segment_and_odd_ones_are_unknown() {
    let scene = Scene::new().await;
    answers(&scene.primary, ewt(5.0)).await;
    assert_eq!(scene.estimate("Köln/Süd ?x=1").await.unwrap(), Estimate::Known(5));
    let requests = scene.primary.received_requests().await.unwrap();
    assert_eq!(requests[0].url.path(), "/urs/call/max/lvq/K%C3%B6ln%2FS%C3%BCd%20%3Fx=1");
    for queue in ["", ".", ".."] {
        assert_eq!(scene.estimate(queue).await.unwrap(), Estimate::UnknownQueue);
    }
    assert_eq!(asked(&scene.primary).await, 1);
}

#[tokio::test]
async fn check_10_the_backup_takes_over_and_sticks() {
    let scene = Scene::new().await;
    answers(&scene.primary, backup_role()).await;
    answers(&scene.backup, ewt(60.0)).await;
    for n in 1..=3 {
        assert_eq!(scene.sales().await.unwrap(), Estimate::Known(60));
        scene.wait(10);
        assert_eq!((asked(&scene.primary).await, asked(&scene.backup).await), (1, n), "the backup is asked first");
    }
    answers(&scene.backup, backup_role()).await;
    answers(&scene.primary, ewt(61.0)).await;
    assert_eq!(scene.sales().await.unwrap(), Estimate::Known(61), "and back");
}

#[tokio::test]
async fn check_10_both_down_answer_from_memory_for_a_minute_and_raise_the_flag() {
    let scene = Scene::new().await;
    answers(&scene.primary, ewt(60.0)).await;
    scene.sales().await.unwrap();
    for router in [&scene.primary, &scene.backup] {
        answers(router, backup_role()).await;
    }
    assert!(!scene.waits.all_down_for_some_tenant());
    scene.wait(59);
    assert_eq!(scene.sales().await.unwrap(), Estimate::Known(60));
    assert!(!scene.waits.all_down_for_some_tenant(), "one failure each");
    scene.wait(1);
    assert_eq!(scene.sales().await.unwrap(), Estimate::Known(60), "60 s old");
    assert!(scene.waits.all_down_for_some_tenant(), "R-EWT-10");
    scene.wait(1);
    let outcome = scene.sales().await;
    assert_eq!(QueueWait::from(&outcome).estimated_wait_time, -1, "61 s old");
    answers(&scene.backup, ewt(30.0)).await;
    assert_eq!(scene.sales().await.unwrap(), Estimate::Known(30));
    assert!(!scene.waits.all_down_for_some_tenant(), "one success");
}

#[tokio::test]
async fn estimates_are_fresh_for_ten_seconds_and_asked_for_once() {
    let scene = Scene::new().await;
    answers(&scene.primary, ewt(60.0).set_delay(Duration::from_millis(50))).await;
    let (a, b, c) = tokio::join!(scene.sales(), scene.sales(), scene.sales());
    assert!([a, b, c].into_iter().all(|outcome| outcome.unwrap() == Estimate::Known(60)));
    assert_eq!(asked(&scene.primary).await, 1, "one query for concurrent misses");
    answers(&scene.primary, ewt(70.0)).await;
    scene.wait(9);
    assert_eq!(scene.sales().await.unwrap(), Estimate::Known(60));
    scene.wait(1);
    assert_eq!(scene.sales().await.unwrap(), Estimate::Known(70), "R-EWT-8");
    let other = [Question::about("VQ_Sales", EwtMode::Mode1), Question::about("VQ_Other", EwtMode::Mode2)];
    let outcomes = scene.waits.estimates(TENANT, &other).await;
    assert!(outcomes.into_iter().all(|outcome| outcome.unwrap() == Estimate::Known(70)), "in one go");
    let held = Question { on_hold: true, ..Question::about("VQ_Sales", EwtMode::Mode2) };
    scene.waits.estimate(TENANT, &held).await.unwrap();
    assert_eq!(asked(&scene.primary).await, 4, "per queue, mode, and whether calls on hold count");
    let requests = scene.primary.received_requests().await.unwrap();
    let with_held = requests.iter().filter(|request| request.url.query().unwrap_or_default().contains("hold=true"));
    assert_eq!(with_held.count(), 1);
}

/// R-EWT-11.
#[tokio::test]
async fn a_slow_router_costs_half_a_second_while_a_stale_estimate_serves() {
    let scene = Scene::new().await;
    answers(&scene.primary, ewt(60.0)).await;
    scene.sales().await.unwrap();
    scene.wait(30);
    answers(&scene.primary, ewt(70.0).set_delay(Duration::from_millis(900))).await;
    let began = std::time::Instant::now();
    assert_eq!(scene.sales().await.unwrap(), Estimate::Known(60));
    assert!(began.elapsed() < Duration::from_millis(850), "{:?}", began.elapsed());
    while scene.sales().await.unwrap() != Estimate::Known(70) {}
    assert_eq!(asked(&scene.primary).await, 1, "the look-up went on by itself");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_the_look_up() {
    let scene = Scene::new().await;
    answers(&scene.primary, ewt(60.0).set_delay(Duration::from_millis(200))).await;
    let gone = tokio::time::timeout(Duration::from_millis(50), scene.sales()).await;
    assert!(gone.is_err());
    assert_eq!(scene.sales().await.unwrap(), Estimate::Known(60));
    assert_eq!(asked(&scene.primary).await, 1);
}

#[tokio::test]
async fn a_silent_router_costs_its_time_and_the_next_is_asked() {
    let scene = Scene::new().await;
    answers(&scene.primary, ewt(1.0).set_delay(Duration::from_secs(30))).await;
    answers(&scene.backup, ewt(60.0)).await;
    let began = std::time::Instant::now();
    assert_eq!(scene.sales().await.unwrap(), Estimate::Known(60));
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1500) && took < Duration::from_millis(3000), "{took:?}");
}

#[tokio::test]
async fn what_is_no_estimate_sends_us_on() {
    let not_json = ResponseTemplate::new(200).set_body_string("<html>");
    let list = ResponseTemplate::new(200).set_body_string("[]");
    for (n, (primary, expected)) in [
        (not_json, Estimate::Known(60)),
        (list, Estimate::Known(60)),
        (ResponseTemplate::new(403), Estimate::Known(60)),
        (ResponseTemplate::new(404), Estimate::Known(60)),
        (ResponseTemplate::new(200).set_body_json(json!({ "error": "no queue" })), Estimate::Known(60)),
        (ResponseTemplate::new(200).set_body_json(json!({ "ewt": "10000", "pos": "1" })), Estimate::NoCalls),
    ]
    .into_iter()
    .enumerate()
    {
        let scene = Scene::new().await;
        answers(&scene.primary, primary).await;
        answers(&scene.backup, ewt(60.0)).await;
        assert_eq!(scene.sales().await.unwrap(), expected, "row {n}");
    }
}

/// Integrations 3.4, 3.5.
#[tokio::test]
async fn a_queue_is_unknown_when_no_router_has_an_estimate_and_nobody_is_preferred_for_saying_so() {
    let scene = Scene::new().await;
    answers(&scene.primary, ResponseTemplate::new(404)).await;
    let backup = ResponseTemplate::new(200).set_body_json(json!({ "error": "backup" }));
    answers(&scene.backup, backup).await;
    assert_eq!(scene.sales().await.unwrap(), Estimate::UnknownQueue);
    assert_eq!((asked(&scene.primary).await, asked(&scene.backup).await), (1, 1));
    answers(&scene.primary, backup_role()).await;
    scene.wait(10);
    assert_eq!(scene.sales().await.unwrap(), Estimate::UnknownQueue, "one silent, one that knows nothing");
    answers(&scene.primary, ewt(60.0)).await;
    answers(&scene.backup, ewt(70.0)).await;
    scene.wait(10);
    assert_eq!(scene.sales().await.unwrap(), Estimate::Known(60), "the first in order is still the first");
}

#[tokio::test]
async fn probes_tell_who_is_down() {
    let scene = Scene::new().await;
    answers(&scene.primary, ResponseTemplate::new(500)).await;
    answers(&scene.backup, ResponseTemplate::new(404)).await;
    let down = |health: &[crate::TenantHealth]| health[0].nodes.iter().map(|node| node.down).collect::<Vec<_>>();
    assert_eq!(down(&scene.waits.probe().await), [false, false]);
    assert_eq!(down(&scene.waits.probe().await), [true, false], "404 proves life");
    answers(&scene.primary, ResponseTemplate::new(200)).await;
    assert_eq!(down(&scene.waits.probe().await), [false, false]);
    assert_eq!(scene.primary.received_requests().await.unwrap()[0].url.path(), "/urs/help/call/lvq");
}

#[tokio::test]
async fn a_tenant_without_routers_has_no_estimate_and_raises_no_flag() {
    let scene = Scene::new().await;
    let other = TenantId(Uuid::from_u128(2));
    assert!(scene.waits.estimate(other, &Question::about("VQ_Sales", EwtMode::Mode2)).await.is_err());
    assert!(!scene.waits.all_down_for_some_tenant());
}

#[tokio::test]
async fn a_rule_sends_the_question_to_its_region_and_a_failure_to_the_next() {
    let scene = Scene::new().await;
    let region = |name: &str| Region::new(name).unwrap();
    let (east, west) = (scene.primary.uri(), scene.backup.uri());
    let nodes =
        [(region("east"), std::slice::from_ref(&east), None), (region("west"), std::slice::from_ref(&west), None)];
    let routers = RoutersByTenant {
        otherwise: Some(known_as_environment(Directory::named(nodes).unwrap())),
        affinity: Some(region("east")),
        ..RoutersByTenant::default()
    };
    let waits = UrsWaits::new(&HttpClientFactory::default(), routers, RequestForm::Path, FRESH).unwrap();
    assert!(waits.regional() && !scene.waits.regional());
    answers(&scene.primary, ewt(1.0)).await;
    answers(&scene.backup, ewt(2.0)).await;
    let estimate = async |queue: &str, regions: &[Region]| {
        waits.estimate(TENANT, &Question { regions, ..Question::about(queue, EwtMode::Mode2) }).await.unwrap()
    };
    assert_eq!(estimate("VQ_A", &[]).await, Estimate::Known(1), "R-RA-3: the own region");
    assert_eq!(estimate("VQ_B", &[region("west")]).await, Estimate::Known(2), "R-RA-5: the rule's");
    answers(&scene.backup, backup_role()).await;
    assert_eq!(estimate("VQ_C", &[region("west")]).await, Estimate::Known(1), "R-RA-4");
}
