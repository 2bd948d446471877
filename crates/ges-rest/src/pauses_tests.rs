//! Pausing as operators see it (R-PAU-1, R-PAU-2).

use axum::body::Body;
use axum::http::{Method, Request};
use ges_domain::callback::State;
use ges_testkit::builders::{other_tenant, tenant};
use serde_json::json;

use crate::testing::{KEY, Reply, SERVICE, World, send};

async fn call(world: &World, method: Method, path: &str, body: &str) -> Reply {
    let request = Request::builder().method(method).uri(format!("/ges/v1/services/{}/{path}", tenant()));
    let request = request.header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap();
    send(world.internal(), request).await
}

#[tokio::test]
async fn a_paused_service_takes_no_immediate_callbacks_and_does_not_offer_them() {
    let world = World::new().await;
    let offered = async || {
        let status = world.get(&format!("queue-status/{SERVICE}")).await;
        status.json()["data"]["offerImmediateCallback"].as_bool()
    };
    assert_eq!(offered().await, Some(true));
    let paused = call(&world, Method::POST, &format!("{SERVICE}/pause"), r#"{"by":"ada"}"#).await;
    assert_eq!(paused.status, 200, "{}", paused.body);
    let entry = json!({"service": SERVICE, "since": "2026-01-05T12:00:00.000Z", "by": "ada"});
    assert_eq!(paused.json()["data"], json!({"all": null, "services": [entry]}));
    assert_eq!(offered().await, Some(false), "R-QS-3");
    let refused = world.create(json!({"serviceName": SERVICE, "phoneNumber": "12223334444"})).await;
    refused.refused(400, 3);
    world.booked(Some("2026-01-05T15:00:00Z")).await;
    let resumed = call(&world, Method::POST, &format!("{SERVICE}/resume"), "").await;
    assert_eq!(resumed.json()["data"], json!({"all": null, "services": []}));
    assert_eq!(offered().await, Some(true));
    world.booked(None).await;
}

#[tokio::test]
async fn the_entry_for_all_stands_beside_those_of_services_and_the_history_names_who() {
    let world = World::new().await;
    call(&world, Method::POST, "pause", r#"{"by":"bob"}"#).await;
    call(&world, Method::POST, &format!("{SERVICE}/pause"), "").await;
    let resumed = call(&world, Method::POST, "resume", r#"{"by":"cyd"}"#).await;
    assert_eq!(resumed.json()["data"]["services"][0]["by"], "operator", "nobody was named");
    let shown = call(&world, Method::GET, "paused", "").await;
    let data = &shown.json()["data"];
    assert_eq!(data["all"], json!(null));
    let at = "2026-01-05T12:00:00.000Z";
    let history = json!([
        {"paused": false, "at": at, "by": "cyd"},
        {"service": SERVICE, "paused": true, "at": at, "by": "operator"},
        {"paused": true, "at": at, "by": "bob"},
    ]);
    assert_eq!(data["history"], history, "I8");
}

/// EX-M M9: QUEUED for the public, PAUSED for sessions and staff (R-ST-1).
#[tokio::test]
async fn m9_external_readers_see_queued_throughout() {
    let world = World::new().await;
    let id = world.in_state(State::Paused).await;
    let outside = world.post("retrieve", json!({"id": id}).to_string()).await;
    assert_eq!(outside.status, 200, "{}", outside.body);
    assert_eq!(outside.json()["data"]["callbackState"], "QUEUED");
    let request = Request::get(format!("/genesys/1/service/{id}/storage")).body(Body::empty()).unwrap();
    assert_eq!(send(world.internal(), request).await.json()["_callback_state"], "PAUSED");
}

#[tokio::test]
async fn a_service_or_contact_center_that_does_not_exist_cannot_be_paused() {
    let world = World::new().await;
    call(&world, Method::POST, "VQ_Nobody/pause", "").await.refused(400, 2);
    call(&world, Method::POST, "VQ_Nobody/resume", "").await.refused(400, 2);
    call(&world, Method::POST, &format!("{SERVICE}/pause"), "[]").await.refused(400, 1);
    let path = "/ges/v1/services/00000000-0000-4000-8000-00000000dead/pause";
    let nobody = Request::post(path).body(Body::empty()).unwrap();
    send(world.internal(), nobody).await.refused(400, 2);
    let contradicted = Request::post(format!("/ges/v1/services/{}/pause", tenant()));
    let contradicted = contradicted.header("ContactCenterId", other_tenant().to_string()).body(Body::empty()).unwrap();
    send(world.internal(), contradicted).await.refused(403, 12);
}

#[tokio::test]
async fn pausing_is_not_on_the_internet() {
    let world = World::new().await;
    for path in ["pause", "resume"] {
        let request = Request::post(format!("/ges/v1/services/{}/{path}", tenant())).header("x-api-key", KEY);
        assert_eq!(send(world.external(), request.body(Body::empty()).unwrap()).await.status, 404);
    }
}
