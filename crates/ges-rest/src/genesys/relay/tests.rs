use axum::body::Body;
use axum::http::{Method, Request};
use ges_domain::callback::State;
use ges_domain::ports::{Asked, Passed, Place, Seen, SessionNews as _};
use ges_domain::wait::Estimate;
use ges_testkit::builders;
use serde_json::json;

use crate::testing::{Reply, SERVICE, World, bare, send};

async fn ask(world: &World, id: impl std::fmt::Display, action: &str, body: &str) -> Reply {
    let request = Request::post(format!("/genesys/1/service/{id}/{action}")).header("content-type", "application/json");
    send(world.internal(), request.body(Body::from(body.to_owned())).unwrap()).await
}

fn answer(status: u16, body: &str) -> Asked<(u16, Passed)> {
    let content_type = Some("application/json".into());
    Asked::Answered((status, Passed { content_type, body: body.as_bytes().to_vec(), query: None }))
}

fn class(reply: &Reply) -> String {
    reply.json()["exception"].as_str().unwrap().rsplit('.').next().unwrap().to_owned()
}

/// Integrations 2.11.
#[tokio::test]
async fn a_request_goes_to_the_session_and_its_answer_back() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    world.requests.relayed(answer(200, r#"{"_position":"3"}"#));
    let reply = ask(&world, id, "start-call", r#"{"a":1}"#).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"_position":"3"}"#));
    let asked = world.requests.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].0.as_str(), asked[0].1.as_str(), asked[0].2.body.as_slice()),
        ("S1", "start-call", &br#"{"a":1}"#[..])
    );
    world.requests.relayed(answer(400, "{}"));
    assert_eq!(ask(&world, id, "start-call", "").await.status, 400, "a refusal of the session is its answer");
    world.requests.relayed(Asked::Gone);
    let gone = ask(&world, id, "start-call", "").await;
    assert_eq!((gone.status, class(&gone).as_str()), (404, "CallbackExceptionSessionNotFound"));
    world.requests.relayed(Asked::Unreachable);
    let silent = ask(&world, id, "start-call", "").await;
    assert_eq!((silent.status, silent.header("retry-after")), (503, Some("2")));
    world.requests.relayed(answer(200, "{}"));
    let get = format!("/genesys/1/service/{id}/start-call?a=%2B1&b");
    assert_eq!(send(world.internal(), bare(Method::GET, &get)).await.status, 200);
    let asked = world.requests.asked().pop().unwrap();
    assert_eq!((asked.2.query.as_deref(), &*asked.2.body), (Some("a=%2B1&b"), &b""[..]), "parameters too");
}

#[tokio::test]
async fn a_young_place_is_told_without_asking_again() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    let at = ges_domain::ports::Clock::now(&*world.clock);
    let place = Place { position: Some(3), ewt: Some(128), answer: r#"{"_position":"3","ewt":"128"}"#.into() };
    let seen = Seen { at: Some(at), place, reachable: true, diagnostics: None };
    world.news.keep(&[(builders::tenant(), id, seen)]).await;
    let reply = ask(&world, id, "check-queue-position", "{}").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"_position":"3","ewt":"128"}"#));
    assert!(world.requests.asked().is_empty());
    let told = world.post("retrieve", json!({"id": id}).to_string()).await.json();
    assert_eq!(
        (&told["data"]["positionInQueue"], &told["data"]["estimatedWaitTime"]),
        (&json!(3), &json!(128)),
        "R-REC-7"
    );
    world.clock.advance(std::time::Duration::from_secs(3));
    world.requests.relayed(answer(200, "{}"));
    assert_eq!(ask(&world, id, "check-queue-position", "{}").await.body, "{}", "three seconds are too old");
}

#[tokio::test]
async fn without_a_session_a_scheduled_callback_is_next_and_any_other_has_none() {
    let world = World::new().await;
    world.waits.set(builders::tenant(), SERVICE, Estimate::Known(184));
    let id = world.in_state(State::Scheduled).await;
    let reply = ask(&world, id, "check-queue-position", "{}").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"_position":"0","_eta":"184"}"#));
    assert_eq!(class(&ask(&world, id, "start-call", "{}").await), "CallbackExceptionSessionNotFound");
    for state in [State::Queued, State::Completed] {
        let world = World::new().await;
        let id = if state == State::Completed { world.in_state(state).await } else { world.handed().await };
        let reply = ask(&world, id, "check-queue-position", "{}").await;
        assert_eq!((reply.status, class(&reply).as_str()), (404, "CallbackExceptionSessionNotFound"), "{state:?}");
    }
}

#[tokio::test]
async fn what_is_no_name_of_a_request_or_too_long_reaches_nobody() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    for action in ["%2e%2e", "a%2Fb", "a%20b", &"a".repeat(129)] {
        assert_eq!(ask(&world, id, action, "{}").await.status, 400, "{action}");
    }
    assert_eq!(ask(&world, id, "start", &"x".repeat(11 << 20)).await.status, 413);
    let stranger = Request::post(format!("/genesys/1/service/{id}/start"))
        .header("contactcenterid", builders::other_tenant().to_string());
    assert_eq!(send(world.internal(), stranger.body(Body::empty()).unwrap()).await.status, 403, "integrations 2.1");
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert_eq!(ask(&world, nobody, "start", "{}").await.status, 404);
    assert!(world.requests.asked().is_empty());
}
