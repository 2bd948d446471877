use ges_domain::ports::Catalogue;
use ges_domain::wait::{Estimate, EwtMode};
use ges_testkit::builders;

use crate::testing::{SERVICE, World};

fn answered(ewt: i64, immediate: bool, scheduled: bool) -> String {
    format!(
        r#"{{"status":{{"code":0,"message":"Successful","corrId":"CORR"}},"data":{{"ewt":{ewt},"offerImmediateCallback":{immediate},"offerScheduledCallback":{scheduled}}}}}"#
    )
}

#[tokio::test]
async fn the_documented_examples_are_answered() {
    let world = World::new().await;
    world.waits.set(builders::tenant(), SERVICE, Estimate::Known(184));
    let reply = world.get("queue-status/VQ_Support?_=1767625200000").await;
    assert_eq!((reply.status, reply.sealed()), (200, answered(184, true, true)));
    assert_eq!(world.waits.last(), Some((SERVICE.to_owned(), EwtMode::Mode2, false)), "mode2 (engagement-api 9)");
    world.waits.set(builders::tenant(), SERVICE, Estimate::NoAgents);
    let reply = world.get("queue-status/VQ_Support").await;
    assert_eq!((reply.status, reply.sealed()), (200, answered(-1, false, true)), "nobody is logged in");
}

#[tokio::test]
async fn a_queue_nobody_has_used_is_offered_and_a_closed_or_full_one_is_not() {
    let world = World::new().await;
    assert_eq!(world.get("queue-status/VQ_Support").await.sealed(), answered(-1, true, true), "EX-O O3");
    world.provision(SERVICE, |settings| settings.throttle.max_queued = Some(1)).await;
    world.booked(None).await;
    assert_eq!(world.get("queue-status/VQ_Support").await.sealed(), answered(-1, false, true), "EX-O O6");
    let hours = builders::weekday_hours("BH", "13:00", "14:00");
    world.store.put_hours(builders::tenant(), &hours).await.unwrap();
    world
        .provision(SERVICE, |settings| {
            settings.business_hours = Some("BH".into());
            settings.scheduled_callback_enabled = false;
        })
        .await;
    assert_eq!(world.get("queue-status/VQ_Support").await.sealed(), answered(-1, false, false), "EX-O O5, O7");
}

#[tokio::test]
async fn the_wait_is_that_of_the_queue_the_service_names() {
    let world = World::new().await;
    world.provision(SERVICE, |settings| settings.ewt_queue = Some("VQ_Inbound".into())).await;
    world.waits.set(builders::tenant(), "VQ_Inbound", Estimate::Known(7));
    assert_eq!(world.get("queue-status/VQ_Support").await.json()["data"]["ewt"], 7);
}

#[tokio::test]
async fn unknown_names_and_silent_routers_are_named() {
    let world = World::new().await;
    for (path, message) in [
        ("queue-status/Nobody", "Service 'Nobody' is not provisioned"),
        ("queue-status/vq_support", "Service 'vq_support' is not provisioned"),
    ] {
        assert_eq!(world.get(path).await.refused(400, 2), message);
    }
    for path in ["queue-status/", "queue-status/%20", "queue-status/%ff", "queue-status/%zz"] {
        let message = world.get(path).await.refused(400, 1);
        assert!(message.starts_with("queue-name"), "{path}: {message}");
    }
    world.get("queue-status").await.refused(404, 21);
    world.store.remove_service(builders::tenant(), &builders::service(SERVICE)).await.unwrap();
    world.get("queue-status/VQ_Support").await.refused(400, 2);
    let world = World::new().await;
    world.waits.set_down(true);
    let reply = world.get("queue-status/VQ_Support").await;
    reply.refused(500, 51);
    assert_eq!(reply.header("retry-after"), Some("2"));
}

#[tokio::test]
async fn a_store_that_fails_is_no_empty_queue() {
    let world = World::new().await;
    world.store.fail_times(1);
    world.get("queue-status/VQ_Support").await.refused(500, 51);
}
