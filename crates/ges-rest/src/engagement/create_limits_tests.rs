use ges_testkit::builders;
use serde_json::json;

use crate::testing::{SERVICE, World};

/// R-THR-4; draft-ietf-httpapi-ratelimit-headers: whoever waits as long as told finds room.
#[tokio::test]
async fn a_full_window_tells_what_it_takes_and_when_to_come_back() {
    let world = World::new().await;
    world
        .provision(SERVICE, |it| {
            it.throttle.throttle_limit1 = Some(2);
            it.throttle.throttle_ttl1 = Some(300);
            it.throttle.in_queue_check = Some(ges_domain::throttle::InQueueCheck::Off);
        })
        .await;
    world.booked(None).await;
    world.clock.advance(std::time::Duration::from_millis(100_500));
    world.booked(None).await;
    let wish = json!({"serviceName": SERVICE, "phoneNumber": "12223334444"});
    let reply = world.create(wish.clone()).await;
    assert_eq!(reply.refused(429, 32), "Too many callbacks for this service within 300 seconds");
    assert_eq!(reply.header("retry-after"), Some("200"), "199.5 s, rounded up");
    assert_eq!(reply.header("ratelimit-policy"), Some("\"immediate\";q=2;w=300"));
    assert_eq!(reply.header("ratelimit"), Some("\"immediate\";r=0;t=200"));
    world.clock.advance(std::time::Duration::from_secs(200));
    let reply = world.create(wish).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("ratelimit"), None, "only who is refused hears of limits");
}

/// R-THR-13: the next request, against what is recorded already.
#[tokio::test]
async fn a_changed_limit_holds_for_the_next_request() {
    let world = World::new().await;
    let limit = async |limit| world.provision(SERVICE, |it| it.throttle.throttle_limit1 = Some(limit)).await;
    let book = async |n: u32| {
        world.create(json!({"serviceName": SERVICE, "phoneNumber": format!("1222333{n:04}")})).await.status
    };
    limit(2).await;
    assert_eq!([book(1).await, book(2).await, book(3).await], [200, 200, 429]);
    limit(3).await;
    assert_eq!([book(4).await, book(5).await], [200, 429]);
    limit(1).await;
    assert_eq!(book(6).await, 429);
}

/// R-THR-1 over the wire: the service leaves it to the tenant.
#[tokio::test]
async fn a_tenants_limit_holds_for_services_that_set_none() {
    use ges_domain::ports::Catalogue as _;
    let world = World::new().await;
    let settings = ges_domain::throttle::Settings { throttle_limit1: Some(1), ..Default::default() };
    world.store.put_tenant_throttle(builders::tenant(), &settings).await.unwrap();
    world.booked(None).await;
    let wish = json!({"serviceName": SERVICE, "phoneNumber": "12223335555"});
    world.create(wish.clone()).await.refused(429, 32);
    world.provision(SERVICE, |it| it.throttle.throttle_limit1 = Some(2)).await;
    assert_eq!(world.create(wish).await.status, 200);
}
