//! Session diagnostics as operators see them (F-30, integrations 1.5, 1.7).

use axum::body::Body;
use axum::http::{Method, Request};
use ges_domain::callback::State;
use ges_domain::ports::{Clock as _, Place, Seen, SessionNews as _, Told};
use ges_domain::{CallbackId, Instant};
use ges_testkit::builders::{other_tenant, tenant};
use serde_json::{Value, json};

use crate::testing::{KEY, Reply, SERVICE, World, at, bare, send};

async fn look(world: &World, id: impl std::fmt::Display) -> Reply {
    send(world.internal(), bare(Method::GET, &format!("/ges/v1/sessions/{}/{id}", tenant()))).await
}

async fn told(world: &World, id: CallbackId) -> Value {
    let reply = look(world, id).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["data"].clone()
}

async fn heard(world: &World, id: CallbackId, at: Option<Instant>, reachable: bool, document: Option<&str>) {
    let place = Place { position: Some(3), ewt: Some(128), answer: "{}".into() };
    let seen = Seen { at, place, reachable, diagnostics: document.map(str::to_owned) };
    world.news.keep(&[(tenant(), id, seen)]).await;
}

/// F-30.
#[tokio::test]
async fn an_operator_sees_the_session_its_last_answer_and_what_happened() {
    let world = World::new().await;
    let body = json!({"serviceName": SERVICE, "phoneNumber": "12223334444", "userData": {"diagnosis": "private"}});
    let id: CallbackId = world.create(body).await.json()["data"]["id"].as_str().unwrap().parse().unwrap();
    let nobody = told(&world, id).await;
    assert_eq!(
        (&nobody["session"], &nobody["orsReachable"], &nobody["query"]),
        (&json!(null), &json!(null), &json!(null))
    );
    let bound = json!({"_callback_state": "QUEUED", "_ors_session_id": "S1", "_ors_url": "http://10.2.0.17:9098",
        "secret": "more"});
    assert_eq!(world.storage(id, bound.to_string()).await.status, 200);
    let query = r#"{"state":"running","data":{"_callback_state":"QUEUED","_position":3}}"#;
    heard(&world, id, Some(world.clock.now()), true, Some(query)).await;
    let reply = look(&world, id).await;
    let data = reply.json()["data"].clone();
    assert_eq!(
        data,
        json!({
            "callbackId": id, "serviceName": SERVICE, "state": "QUEUED", "reason": null,
            "session": {"id": "S1", "url": "http://10.2.0.17:9098"}, "formerSessions": [],
            "attempts": 1, "submittedAt": data["submittedAt"], "dialAttempts": 0,
            "orsReachable": true, "lastSeenAt": "2026-01-05T12:00:00.000Z", "position": 3, "ewt": 128,
            "cancel": null, "query": serde_json::from_str::<Value>(query).unwrap(), "events": data["events"],
        })
    );
    let events = data["events"].as_array().unwrap();
    assert_eq!((&events[0]["by"], &events[0]["changes"]), (&json!("API"), &json!([{"what": "BOOKED"}])));
    let last = events.last().unwrap();
    assert_eq!(last["by"], json!("SESSION"));
    assert!(last["changes"].as_array().unwrap().contains(&json!({"what": "SESSION_BOUND", "detail": "S1"})), "{last}");
    for personal in ["12223334444", "private", "diagnosis", "secret", "more\""] {
        assert!(!reply.body.contains(personal), "I11: {personal} in {}", reply.body);
    }
}

/// Integrations 1.7: five minutes of errors are shown; nothing is known of a session that never answered.
#[tokio::test]
async fn a_session_that_is_not_reached_is_shown_so_with_its_last_words() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    heard(&world, id, None, false, None).await;
    let never = told(&world, id).await;
    assert_eq!(
        (&never["orsReachable"], &never["lastSeenAt"], &never["query"]),
        (&json!(false), &json!(null), &json!(null))
    );
    heard(&world, id, Some(world.clock.now()), false, Some("<state>running</state>")).await;
    let silent = told(&world, id).await;
    assert_eq!(silent["lastSeenAt"], json!("2026-01-05T12:00:00.000Z"));
    assert_eq!(silent["query"], json!("<state>running</state>"), "XML of old nodes is a text");
    heard(&world, id, Some(at("2026-01-05T11:59:59Z")), true, None).await;
    let other = told(&world, id).await;
    assert_eq!((&other["orsReachable"], &other["query"]), (&json!(null), &json!(null)), "that was a session before");
}

/// Integrations 1.5: a cancel that its session has not taken, seen here and by `_url`.
#[tokio::test]
async fn a_cancel_that_the_session_did_not_confirm_is_shown() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    heard(&world, id, Some(world.clock.now()), true, None).await;
    let by_url = format!("1/service/callback/{SERVICE}/{id}");
    let shown = world.fetch(&by_url).await.done();
    assert_eq!(
        (&shown["_position"], &shown["_ewt"], &shown["_ors_reachable"], &shown["_ors_last_seen"]),
        (&json!("3"), &json!("128"), &json!("true"), &json!("2026-01-05T12:00:00.000Z"))
    );
    assert_eq!(shown.get("_ors_cancel_confirmed"), None);
    world.sessions.answer(Told::Unreachable);
    assert_eq!(world.post("cancel", json!({"id": id}).to_string()).await.status, 200);
    let cancel = json!({"requestedAt": "2026-01-05T12:00:00.000Z", "reason": "CANCELLED", "orsCancelConfirmed": false});
    assert_eq!(told(&world, id).await["cancel"], cancel);
    let shown = world.fetch(&by_url).await.done();
    assert_eq!((&shown["_ors_cancel_confirmed"], &shown["_callback_state"]), (&json!("false"), &json!("COMPLETED")));
    assert_eq!((shown.get("_position"), shown.get("_ors_reachable")), (None, None), "it is over");
    let ended = r#"{"_callback_state":"COMPLETED","_callback_reason":"CANCELLED","_ors_session_id":"S1"}"#;
    world.storage(id, ended).await;
    assert_eq!(told(&world, id).await["cancel"]["orsCancelConfirmed"], json!(true), "M8");
}

#[tokio::test]
async fn diagnostics_are_of_the_own_contact_center_and_inside_only() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    look(&world, "nope").await.refused(404, 20);
    look(&world, CallbackId(uuid::Uuid::from_u128(7))).await.refused(404, 20);
    let other = bare(Method::GET, &format!("/ges/v1/sessions/{}/{id}", other_tenant()));
    send(world.internal(), other).await.refused(404, 20);
    let outside = Request::get(format!("/ges/v1/sessions/{}/{id}", tenant())).header("x-api-key", KEY);
    assert_eq!(send(world.external(), outside.body(Body::empty()).unwrap()).await.status, 404);
}
