use std::time::Duration;

use ges_domain::callback::State;
use serde_json::json;

use crate::testing::{OTHER_KEY, World, post, send};

#[tokio::test]
async fn a_queued_callback_shows_what_its_session_told() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    world.storage(id, json!({"_position": "4", "_ewt": 120}).to_string()).await;
    let reply = world.post("retrieve", json!({"id": id}).to_string()).await;
    assert_eq!(
        (reply.status, reply.sealed()),
        (
            200,
            format!(
                r#"{{"status":{{"code":0,"message":"Successful","corrId":"CORR"}},"data":{{"id":"{id}","desiredTime":"2026-01-05T12:00:00.000Z","callbackState":"QUEUED","phoneNumber":"12223334444","positionInQueue":4,"estimatedWaitTime":120}}}}"#
            )
        )
    );
}

/// R-REC-7.
#[tokio::test]
async fn each_state_shows_its_own_fields() {
    for (state, word, told) in [
        (State::Scheduled, "SCHEDULED", false),
        (State::Queued, "QUEUED", true),
        (State::Routing, "ROUTING", true),
        (State::Processing, "PROCESSING", true),
        (State::Paused, "QUEUED", false),
        (State::Completed, "COMPLETED", false),
    ] {
        let world = World::new().await;
        let id = world.in_state(state).await;
        if state != State::Scheduled {
            world.storage(id, json!({"_position": 1, "_ewt": 9}).to_string()).await;
        }
        let data = world.post("retrieve", json!({"id": id}).to_string()).await.json()["data"].clone();
        assert_eq!(data["callbackState"], word);
        assert_eq!(data.get("positionInQueue").is_some(), told, "{word}: {data}");
        assert_eq!(data.get("estimatedWaitTime").is_some(), told, "{word}: {data}");
        assert_eq!(data.get("callbackReason").is_some(), state == State::Completed, "{word}: {data}");
    }
}

/// R-REC-3.
#[tokio::test]
async fn a_cancelled_callback_shows_its_reason() {
    let world = World::new().await;
    let id = world.booked(Some("2026-01-05T15:00:00.000Z")).await;
    world.post("cancel", json!({"id": id}).to_string()).await;
    let reply = world.post("retrieve", json!({"id": id}).to_string()).await;
    assert_eq!(
        reply.sealed(),
        format!(
            r#"{{"status":{{"code":0,"message":"Successful","corrId":"CORR"}},"data":{{"id":"{id}","desiredTime":"2026-01-05T15:00:00.000Z","callbackState":"COMPLETED","callbackReason":"CANCELLED","phoneNumber":"12223334444"}}}}"#
        )
    );
}

#[tokio::test]
async fn strangers_and_expired_records_are_not_found() {
    let world = World::new().await;
    let id = world.booked(None).await;
    let body = json!({"id": id}).to_string();
    let foreign = post("retrieve").header("x-api-key", OTHER_KEY).body(body.clone().into()).unwrap();
    assert_eq!(send(world.external(), foreign).await.refused(404, 20), format!("Callback {id} not found"));
    world.clock.advance(Duration::from_secs(14 * 86_400));
    world.post("retrieve", body).await.refused(404, 20);
    world.post("retrieve", r#"{"id":"8c78d4e1-c85a-424b-8334-5ff36e07372f"}"#).await.refused(404, 20);
}

#[tokio::test]
async fn an_id_is_a_uuid() {
    let world = World::new().await;
    for (body, message) in [
        ("{}", "id is required"),
        (r#"{"id":null}"#, "id is required"),
        (r#"{"id":""}"#, "id is required"),
        (r#"{"id":5}"#, "id must be a string"),
        (r#"{"id":"5"}"#, "id must be a UUID"),
        (r#"{"id":"\u0000"}"#, "id must not contain NUL characters"),
    ] {
        for operation in ["retrieve", "cancel"] {
            assert_eq!(world.post(operation, body).await.refused(400, 1), message);
        }
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_told() {
    let world = World::new().await;
    let id = world.booked(None).await;
    world.store.fail_times(1);
    world.post("retrieve", json!({"id": id}).to_string()).await.refused(500, 51);
}
