use std::time::Duration;

use ges_domain::callback::{Callback, SessionUpdate as Update, State};
use ges_domain::ports::{Bookings as _, CancelRequest, Catalogue as _, NoNews, Record as _};
use ges_http_client::{HttpClientFactory, Policy};
use ges_testkit::builders::{START, consumer_cancels, immediate, service_row, tenant};
use ges_testkit::{ManualClock, MemoryStore};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::AllowedHosts;
use crate::fixture::{dispatch, origin};

/// A node of orchestration, and the record beside it.
struct World {
    ors: MockServer,
    store: MemoryStore,
    start: RestStart,
}

impl World {
    async fn new() -> Self {
        let (ors, clock) = (MockServer::start().await, Arc::new(ManualClock::at(START)));
        let store = MemoryStore::new(clock.clone(), Duration::from_secs(4));
        store.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
        let client = |policy| HttpClientFactory::default().client(policy).unwrap();
        let (events, queries) = (client(Policy::ORS_EVENTS), client(Policy::ORS_QUERIES));
        let nodes = OrsSessions::new(events, queries, &ors.uri(), AllowedHosts::default()).unwrap();
        let nodes = Arc::new(nodes);
        let (record, sessions) = (Arc::new(store.clone()), nodes.clone());
        let bind = TakeSessionUpdate { record, sessions, news: Arc::new(NoNews), clock };
        Self { start: RestStart::new(nodes, bind, origin()), ors, store }
    }

    async fn answers(&self, answer: ResponseTemplate) {
        self.ors.reset().await;
        Mock::given(method("POST")).and(path("/scxml/session/start")).respond_with(answer).mount(&self.ors).await;
    }

    /// Attempts of so many booked callbacks.
    async fn batch(&self, count: usize) -> Vec<Dispatch> {
        let mut batch = Vec::new();
        for _ in 0..count {
            let booking = immediate(START).build();
            let callback = booking.callback.clone();
            self.store.book(booking).await.unwrap();
            batch.push(Dispatch { callback, ..dispatch() });
        }
        batch
    }

    async fn record(&self, dispatch: &Dispatch) -> Callback {
        self.store.find(tenant(), dispatch.callback.id, START).await.unwrap().unwrap()
    }

    async fn paths(&self) -> Vec<String> {
        self.ors.received_requests().await.unwrap().iter().map(|request| request.url.path().to_owned()).collect()
    }
}

#[tokio::test]
async fn each_attempt_is_a_call_with_the_application_and_the_payload() {
    let world = World::new().await;
    world.answers(ResponseTemplate::new(200).set_body_string("{\"sessionId\":\"ABC\"}")).await;
    let batch = world.batch(2).await;
    world.start.submit(&batch).await.unwrap();
    let calls = world.ors.received_requests().await.unwrap();
    assert_eq!(calls.len(), 2);
    let form: std::collections::HashMap<_, _> = url::form_urlencoded::parse(&calls[1].body).into_owned().collect();
    assert_eq!(form["src"], batch[1].service.settings.callback_application);
    assert_eq!(form["_service_id"], batch[1].callback.id.to_string());
    assert_eq!(form["_ges_url"], origin().ges_url);
    assert!(form["_user_data"].starts_with('{'), "{form:?}");
}

#[tokio::test]
async fn what_was_not_started_is_told() {
    let world = World::new().await;
    world.answers(ResponseTemplate::new(500)).await;
    let batch = world.batch(3).await;
    let error = world.start.submit(&batch).await.unwrap_err();
    assert_eq!((error.refused, error.total), (3, 3), "R-SUB-7");
    assert!(world.record(&batch[0]).await.session.is_none());
}

/// Integrations 1.3: the id in the answer is the session, so that events reach it before it has said a word.
#[tokio::test]
async fn the_session_of_the_answer_has_the_callback() {
    let world = World::new().await;
    let ok = || ResponseTemplate::new(200);
    let cookies = ok()
        .append_header("set-cookie", "route=a; Path=/")
        .append_header("set-cookie", "ORSSESSIONID=C1.node3; Path=/");
    for (answer, session) in [
        (cookies.set_body_string("{\"sessionId\":\"J1\"}"), Some("C1")),
        (ok().set_body_string("{\"_id\":\"J4\",\"session_id\":\"J3\"}"), Some("J3")),
        (ok().set_body_string("\"J5\""), Some("J5")),
        (ok().set_body_string(" T1.node2\n"), Some("T1")),
        (ok().set_body_string("<started/>"), None),
        (ok(), None),
    ] {
        world.answers(answer).await;
        let batch = world.batch(1).await;
        world.start.submit(&batch).await.unwrap();
        let record = world.record(&batch[0]).await;
        assert_eq!(record.session.as_ref().map(|bound| bound.id.as_str()), session, "R-TR-3");
        assert_eq!(record.submission.attempts, u32::from(session.is_some()), "it is the first attempt's");
    }
    // What the session says itself comes on top.
    world.answers(ok().set_body_string("T2")).await;
    let batch = world.batch(1).await;
    world.start.submit(&batch).await.unwrap();
    let url = Some("http://10.2.0.17:9098".to_owned());
    let session = Some(SessionId::new("T2.node1").unwrap());
    let first = Update { session, url: url.clone(), state: Some(State::Routing), ..Update::default() };
    world.store.apply_session_update(tenant(), batch[0].callback.id, &first, START).await.unwrap();
    let record = world.record(&batch[0]).await;
    assert_eq!((record.state, record.session.unwrap().url), (State::Routing, url));
}

/// I5, R-SUB-8: whoever was cancelled while the call was under way is called by nobody.
#[tokio::test]
async fn a_session_that_starts_too_late_is_stopped() {
    let world = World::new().await;
    world.answers(ResponseTemplate::new(200).set_body_string("T1")).await;
    let stop = Mock::given(method("POST")).and(path("/scxml/session/T1/terminate"));
    stop.respond_with(ResponseTemplate::new(200)).expect(1).mount(&world.ors).await;
    let batch = world.batch(1).await;
    let request: CancelRequest = consumer_cancels();
    world.store.cancel(tenant(), batch[0].callback.id, &request, START).await.unwrap();
    world.start.submit(&batch).await.unwrap();
    assert_eq!(world.paths().await, ["/scxml/session/start", "/scxml/session/T1/terminate"]);
    assert!(world.record(&batch[0]).await.session.is_none());
}
