//! Sessions against a peer of our own.

use ges_domain::callback::{Actor, Reason, Scalar, UserData};
use ges_domain::ports::{Asked, Passed, SessionRequests as _};
use ges_domain::{CallInId, SessionId};
use ges_http_client::{Backoff, HttpClientFactory, Policy};
use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const CALLBACK: &str = "0f2b1d5e-7a4c-4f6e-9a51-0a4f6a2f3c10";

pub(super) fn sessions(ors_url: &str) -> OrsSessions {
    let policy = Policy {
        backoff: Backoff { retries: 2, base: Duration::from_millis(1), cap: Duration::from_millis(2) },
        ..Policy::ORS_EVENTS
    };
    let client = HttpClientFactory::default().client(policy).unwrap();
    let queries = HttpClientFactory::default().client(Policy::ORS_QUERIES).unwrap();
    OrsSessions::new(client, queries, ors_url, AllowedHosts::default()).unwrap()
}

pub(super) fn session(url: Option<&str>) -> SessionBinding {
    SessionBinding { id: SessionId::new("00GESDEMO7H2.node3").unwrap(), url: url.map(Into::into) }
}

pub(super) async fn cancel(sessions: &OrsSessions, session: &SessionBinding) -> Told {
    let at = "2026-11-23T15:31:07.201Z".parse().unwrap();
    let event = SessionEvent::Cancel { reason: Reason::CANCELLED, by: Actor::Ui("kim".into()) };
    sessions.tell(session, CALLBACK.parse().unwrap(), &event, at).await
}

pub(super) async fn answering(status: u16) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
    server
}

#[tokio::test]
async fn the_cancel_event_has_the_documented_form() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/scxml/session/00GESDEMO7H2/event/callback.cancel"))
        .and(header("cookie", "ORSSESSIONID=00GESDEMO7H2.node3"))
        .and(header("content-type", "application/json"))
        .and(body_json(json!({
            "_service_id": CALLBACK, "_reason": "CANCELLED", "_by": "ui", "_at": "2026-11-23T15:31:07.201Z"
        })))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(cancel(&sessions(&server.uri()), &session(None)).await, Told::Accepted);
}

#[tokio::test]
async fn every_answer_has_a_business_meaning() {
    for (status, outcome, tries) in [
        (200, Told::Accepted, 1),
        (404, Told::Gone, 1),
        (409, Told::Refused, 1),
        (400, Told::Unreachable, 1),
        (500, Told::Unreachable, 1),
        (503, Told::Unreachable, 3),
    ] {
        let server = answering(status).await;
        assert_eq!(cancel(&sessions(&server.uri()), &session(None)).await, outcome, "{status}");
        assert_eq!(server.received_requests().await.unwrap().len(), tries, "{status}");
    }
}

#[tokio::test]
async fn a_node_that_is_gone_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(cancel(&sessions(&url), &session(None)).await, Told::Unreachable);
}

#[tokio::test]
async fn a_session_that_never_answers_costs_three_seconds() {
    let server = MockServer::start().await;
    let silence = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    Mock::given(method("POST")).respond_with(silence).mount(&server).await;
    let began = tokio::time::Instant::now();
    assert_eq!(cancel(&sessions(&server.uri()), &session(None)).await, Told::Unreachable);
    assert!(began.elapsed() < Duration::from_millis(3_500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_ignored_and_the_own_host_is_allowed() {
    let (own, other) = (answering(200).await, answering(200).await);
    let sessions = sessions(&own.uri());
    assert_eq!(cancel(&sessions, &session(Some("http://203.0.113.9:9098"))).await, Told::Accepted);
    assert_eq!(own.received_requests().await.unwrap().len(), 1, "the default was used");
    // Same host, other port: a node beside the configured one.
    assert_eq!(cancel(&sessions, &session(Some(&other.uri()))).await, Told::Accepted);
    assert_eq!(other.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_old_node_gets_forms_and_is_remembered() {
    let server = MockServer::start().await;
    Mock::given(header("content-type", "application/json"))
        .respond_with(ResponseTemplate::new(415))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(header("content-type", "application/x-www-form-urlencoded"))
        .respond_with(ResponseTemplate::new(200))
        .expect(2)
        .mount(&server)
        .await;
    let sessions = sessions(&server.uri());
    for _ in 0..2 {
        assert_eq!(cancel(&sessions, &session(None)).await, Told::Accepted);
    }
    let last = server.received_requests().await.unwrap().pop().unwrap();
    assert!(String::from_utf8(last.body).unwrap().contains("_by=ui"));
}

#[tokio::test]
async fn terminate_has_the_documented_form_and_never_fails() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/base/scxml/session/00GESDEMO7H2/terminate"))
        .and(header("cookie", "ORSSESSIONID=00GESDEMO7H2.node3"))
        .respond_with(ResponseTemplate::new(404))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(sessions(&format!("{}/base/", server.uri())).terminate(&session(None)).await, Told::Gone);
    let refused: Value = json!(
        OrsSessions::new(
            HttpClientFactory::default().client(Policy::ORS_EVENTS).unwrap(),
            HttpClientFactory::default().client(Policy::ORS_QUERIES).unwrap(),
            "ftp://ors",
            AllowedHosts::default()
        )
        .is_err()
    );
    assert_eq!(refused, json!(true));
}

#[tokio::test]
async fn only_a_node_that_does_not_know_a_session_says_that_it_is_gone() {
    for (status, asked, described) in [
        (200, Asked::Answered(()), Asked::Answered(())),
        (400, Asked::Answered(()), Asked::Unreachable),
        (404, Asked::Gone, Asked::Gone),
        (408, Asked::Unreachable, Asked::Unreachable),
        (503, Asked::Unreachable, Asked::Unreachable),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path("/scxml/session/00GESDEMO7H2/query"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        let request = path("/scxml/session/00GESDEMO7H2/request/check-queue-position");
        Mock::given(method("POST"))
            .and(request)
            .respond_with(ResponseTemplate::new(status))
            .expect(1)
            .mount(&server)
            .await;
        let sessions = sessions(&server.uri());
        assert_eq!(shape(sessions.place(&session(None)).await), asked, "{status}, the next look is the retry");
        assert_eq!(shape(sessions.describe(&session(None)).await), described, "{status}");
    }
    assert_eq!(sessions("http://127.0.0.1:9").place(&session(None)).await, Asked::Unreachable, "nobody there");
}

fn shape<T>(asked: Asked<T>) -> Asked<()> {
    match asked {
        Asked::Answered(_) => Asked::Answered(()),
        Asked::Gone => Asked::Gone,
        Asked::Unreachable => Asked::Unreachable,
    }
}

/// Integrations 2.11.
#[tokio::test]
async fn a_request_is_passed_on_and_its_answer_back_as_they_are() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(400).set_body_raw("{\"error\":\"no\"}", "application/json");
    Mock::given(method("POST"))
        .and(path("/scxml/session/00GESDEMO7H2/request/hold%20on"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .respond_with(answer)
        .expect(1)
        .mount(&server)
        .await;
    let request = Passed {
        content_type: Some("application/x-www-form-urlencoded".into()),
        body: b"a=1".to_vec(),
        query: Some("b=2%20x&b=3".into()),
    };
    let passed = sessions(&server.uri()).relay(&session(None), "hold on", &request).await;
    let back =
        Passed { content_type: Some("application/json".into()), body: b"{\"error\":\"no\"}".to_vec(), query: None };
    assert_eq!(passed, Asked::Answered((400, back)));
    let received = server.received_requests().await.unwrap();
    assert_eq!((&*received[0].body, received[0].url.query()), (&b"a=1"[..], Some("b=2%20x&b=3")));
}

/// Integrations 1.4: every event, its name and its body.
#[tokio::test]
async fn every_event_has_its_name_and_body_and_names_can_be_changed() {
    let number = Scalar::Number("1.50".into());
    let data = UserData::new([("a".into(), Scalar::Text("x".into())), ("b".into(), number)]).unwrap();
    let at = "2026-11-23T15:31:07.201Z";
    let call_in = "0f2b1d5e-7a4c-4f6e-9a51-0a4f6a2f3c11";
    let moved = SessionEvent::Reschedule { to: "2026-11-24T09:00:00Z".parse().unwrap() };
    let own = EventNames { pause: "queue/hold".into(), ..EventNames::default() };
    for (event, name, extra) in [
        (moved, "callback.reschedule", r#""_new_desired_time":"2026-11-24T09:00:00.000Z","#),
        (SessionEvent::Pause, "queue%2Fhold", ""),
        (SessionEvent::Resume, "callback.resume", ""),
        (SessionEvent::UserData(data), "callback.userdata", r#""_user_data":{"a":"x","b":1.50},"#),
        (SessionEvent::Priority(-3), "callback.priority", r#""_priority":-3,"#),
        (
            SessionEvent::CalledIn(CallInId(call_in.parse().unwrap())),
            "callback.callin",
            &*format!(r#""_call_in_id":"{call_in}","#),
        ),
    ] {
        let server = answering(200).await;
        let sessions = sessions(&server.uri()).with_names(own.clone());
        let told = sessions.tell(&session(None), CALLBACK.parse().unwrap(), &event, at.parse().unwrap()).await;
        assert_eq!(told, Told::Accepted, "{name}");
        let request = server.received_requests().await.unwrap().pop().unwrap();
        assert_eq!(request.url.path(), format!("/scxml/session/00GESDEMO7H2/event/{name}"));
        let body = String::from_utf8(request.body).unwrap();
        assert_eq!(body, format!(r#"{{"_service_id":"{CALLBACK}",{extra}"_at":"{at}"}}"#), "{name}");
    }
}
