use axum::body::Body;
use serde_json::{Value, json};

use crate::testing::{KEY, OTHER_KEY, Reply, SERVICE, World, post, send};

async fn ask(world: &World, operation: &str, api_key: &str, key: Option<&str>, body: &Value) -> Reply {
    let mut request = post(operation).header("x-api-key", api_key);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    send(world.external(), request.body(Body::from(body.to_string())).unwrap()).await
}

fn wish(number: &str) -> Value {
    json!({"serviceName": SERVICE, "phoneNumber": number})
}

fn id(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()["data"]["id"].as_str().unwrap().to_owned()
}

fn booked(world: &World) -> usize {
    world.store.everything().len()
}

/// I6.
#[tokio::test]
async fn a_repeated_create_answers_the_same_callback_and_books_once() {
    let world = World::new().await;
    let first = ask(&world, "create", KEY, Some("order-17"), &wish("12223334444")).await;
    let again = ask(&world, "create", KEY, Some("\"order-17\""), &wish("12223334444")).await;
    assert_eq!(id(&first), id(&again));
    assert_eq!(booked(&world), 1);
    let (one, other) = (first.json(), again.json());
    assert_eq!(one["status"]["message"], other["status"]["message"]);
    assert_ne!(one["status"]["corrId"], other["status"]["corrId"], "it names the request, not the act");
    let sample = format!("ges_callbacks_created{{tenant=\"{}\"}}", ges_testkit::builders::tenant());
    assert_eq!(world.metric(&sample), Some(1.0), "R-CRE-7");
}

/// I6: the callback may have been cancelled, its time may be over, limits may be reached: the answer stays.
#[tokio::test]
async fn a_repeated_create_is_not_decided_again() {
    let world = World::new().await;
    world.provision(SERVICE, |settings| settings.throttle.throttle_limit1 = Some(1)).await;
    let mut body = wish("12223334444");
    body["desiredTime"] = json!("2026-01-05T12:00:00Z");
    let first = ask(&world, "create", KEY, Some("k"), &body).await;
    world.clock.advance(std::time::Duration::from_secs(3600));
    let again = ask(&world, "create", KEY, Some("k"), &body).await;
    assert_eq!(id(&first), id(&again), "the desired time is over by now");
    assert_eq!(ask(&world, "create", KEY, None, &body).await.status, 400);
}

/// I6.
#[tokio::test]
async fn another_body_under_the_key_is_refused_and_changes_nothing() {
    let world = World::new().await;
    id(&ask(&world, "create", KEY, Some("k"), &wish("12223334444")).await);
    let other = ask(&world, "create", KEY, Some("k"), &wish("12223335555")).await;
    assert_eq!(other.status, 422, "{}", other.body);
    assert_eq!(other.json()["status"]["code"], 25);
    assert!(other.json()["status"]["message"].as_str().unwrap().contains("Idempotency-Key"));
    assert_eq!(booked(&world), 1);
}

/// I9: a key belongs to its tenant, and to its operation.
#[tokio::test]
async fn keys_are_the_tenants_own_and_the_operations_own() {
    let world = World::new().await;
    let mine = id(&ask(&world, "create", KEY, Some("k"), &wish("12223334444")).await);
    let theirs = ask(&world, "create", OTHER_KEY, Some("k"), &wish("12223334444")).await;
    assert_eq!((theirs.status, theirs.json()["status"]["code"].as_u64()), (400, Some(2)), "not provisioned there");
    assert_eq!(ask(&world, "cancel", KEY, Some("k"), &json!({"id": mine})).await.status, 200);
}

/// I6: a refusal changed nothing and is decided anew.
#[tokio::test]
async fn a_refused_request_may_come_again_under_its_key() {
    let world = World::new().await;
    world.provision(SERVICE, |settings| settings.throttle.throttle_limit1 = Some(0)).await;
    assert_eq!(ask(&world, "create", KEY, Some("k"), &wish("12223334444")).await.status, 429);
    world.provision(SERVICE, |_| {}).await;
    id(&ask(&world, "create", KEY, Some("k"), &wish("12223334444")).await);
}

/// I6: cancelling twice is an error, unless it is the same cancel.
#[tokio::test]
async fn a_repeated_cancel_answers_success_again() {
    let world = World::new().await;
    let booked = world.booked(None).await.to_string();
    let body = json!({"id": booked});
    let first = ask(&world, "cancel", KEY, Some("c"), &body).await;
    let again = ask(&world, "cancel", KEY, Some("c"), &body).await;
    assert_eq!((id(&first), id(&again)), (booked.clone(), booked.clone()));
    assert_eq!(ask(&world, "cancel", KEY, Some("other"), &body).await.json()["status"]["code"], 6);
    assert_eq!(ask(&world, "cancel", KEY, None, &body).await.json()["status"]["code"], 6);
    let another = world.booked(Some("2026-01-05T13:00:00Z")).await.to_string();
    assert_eq!(ask(&world, "cancel", KEY, Some("c"), &json!({"id": another})).await.status, 422);
}

#[tokio::test]
async fn a_bad_key_is_named_and_not_repeated() {
    let world = World::new().await;
    for bad in ["", " ", "two words", &"k".repeat(256)] {
        for (operation, body) in [("create", wish("12223334444")), ("cancel", json!({"id": uuid::Uuid::nil()}))] {
            let reply = ask(&world, operation, KEY, Some(bad), &body).await;
            assert_eq!((reply.status, reply.json()["status"]["code"].as_u64()), (400, Some(1)), "{}", reply.body);
            let message = reply.json()["status"]["message"].as_str().unwrap().to_owned();
            assert!(message.starts_with("Idempotency-Key ") && (bad.trim().is_empty() || !message.contains(bad)));
        }
    }
    let twice = post("create").header("x-api-key", KEY).header("idempotency-key", "a").header("idempotency-key", "b");
    let reply = send(world.external(), twice.body(Body::from(wish("1").to_string())).unwrap()).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert_eq!(booked(&world), 0);
}

/// I6: at the same time.
#[tokio::test]
async fn concurrent_requests_under_one_key_book_once() {
    let world = World::new().await;
    let body = wish("12223334444");
    let asked = (0..20).map(|_| ask(&world, "create", KEY, Some("k"), &body));
    let ids: std::collections::BTreeSet<_> = futures_util::future::join_all(asked).await.iter().map(id).collect();
    assert_eq!((ids.len(), booked(&world)), (1, 1));
}
