use ges_domain::callback::{Actor, Reason, State};
use ges_domain::ports::{SessionEvent, Told};
use ges_testkit::SessionCall;
use serde_json::json;

use crate::testing::{OTHER_KEY, World, post, send};

#[tokio::test]
async fn a_scheduled_callback_is_cancelled_and_its_place_is_free() {
    let world = World::new().await;
    world.provision("VQ_Support", |settings| settings.max_per_slot = 1).await;
    let id = world.booked(Some("2026-01-05T15:00:00Z")).await;
    let reply = world.post("cancel", json!({"id": id}).to_string()).await;
    assert_eq!(
        (reply.status, reply.sealed()),
        (200, format!(r#"{{"status":{{"code":0,"message":"Successful","corrId":"CORR"}},"data":{{"id":"{id}"}}}}"#))
    );
    world.booked(Some("2026-01-05T15:00:00Z")).await;
}

#[tokio::test]
async fn each_state_answers_for_itself() {
    for (state, status, code) in [
        (State::Scheduled, 200, 0),
        (State::Queued, 200, 0),
        (State::Routing, 200, 0),
        (State::Paused, 200, 0),
        (State::Processing, 400, 6),
        (State::Completed, 400, 6),
    ] {
        let world = World::new().await;
        let id = world.in_state(state).await;
        let reply = world.post("cancel", json!({"id": id}).to_string()).await;
        assert_eq!((reply.status, reply.json()["status"]["code"].as_u64()), (status, Some(code)), "{state:?}");
        let asked = matches!(state, State::Queued | State::Routing | State::Paused);
        assert_eq!(world.sessions.calls().len(), usize::from(asked), "{state:?}");
    }
}

#[tokio::test]
async fn cancelling_twice_is_told() {
    let world = World::new().await;
    let id = world.booked(None).await;
    assert_eq!(world.post("cancel", json!({"id": id}).to_string()).await.status, 200);
    let message = world.post("cancel", json!({"id": id}).to_string()).await.refused(400, 6);
    assert_eq!(message, "The callback is already completed");
}

#[tokio::test]
async fn a_session_is_asked_and_may_refuse_but_silence_cancels() {
    for (outcome, status) in [(Told::Accepted, 200), (Told::Unreachable, 200), (Told::Refused, 400)] {
        let world = World::new().await;
        let id = world.in_state(State::Queued).await;
        world.sessions.answer(outcome);
        let reply = world.post("cancel", json!({"id": id}).to_string()).await;
        assert_eq!(reply.status, status, "{outcome:?}: {}", reply.body);
        let session = ges_testkit::builders::session("S1");
        let event = SessionEvent::Cancel { reason: Reason::CANCELLED, by: Actor::Api };
        assert_eq!(world.sessions.calls(), [SessionCall::Told(session, id, event)]);
        assert_eq!(world.only().state == State::Completed, status == 200);
    }
}

#[tokio::test]
async fn strangers_find_nothing_to_cancel() {
    let world = World::new().await;
    let id = world.booked(None).await;
    let request = post("cancel").header("x-api-key", OTHER_KEY).body(json!({"id": id}).to_string().into()).unwrap();
    send(world.external(), request).await.refused(404, 20);
    assert_eq!(world.only().state, State::Queued);
}
