use ges_domain::ports::Catalogue;
use ges_testkit::builders;

use crate::testing::World;

#[tokio::test]
async fn the_documented_example_is_answered_for_services_and_for_hours() {
    let world = World::new().await;
    let hours = builders::weekday_hours("BH_Support", "08:00", "17:00");
    world.store.put_hours(builders::tenant(), &hours).await.unwrap();
    world.provision("VQ_Support", |settings| settings.business_hours = Some("BH_Support".into())).await;
    for name in ["VQ_Support", "BH_Support"] {
        let reply = world.get(&format!("open-for/{name}?start=2026-01-05T15:00:00.000&timezone=Europe%2FParis")).await;
        assert_eq!(
            (reply.status, reply.sealed().as_str()),
            (200, r#"{"status":{"code":0,"message":"Successful","corrId":"CORR"},"data":{"openFor":10800}}"#)
        );
    }
    let closed = world.get("open-for/VQ_Support?start=2026-01-05T17:00:00Z").await;
    assert_eq!(closed.json()["data"]["openFor"], 0);
    assert_eq!(world.get("open-for/VQ_Support").await.json()["data"]["openFor"], 18_000, "the default is now");
}

#[tokio::test]
async fn a_service_without_hours_is_open_for_fourteen_days() {
    let world = World::new().await;
    assert_eq!(world.get("open-for/VQ_Support?_=1").await.json()["data"]["openFor"], 1_209_600);
}

#[tokio::test]
async fn nonsense_is_refused() {
    let world = World::new().await;
    world.get("open-for/Nobody").await.refused(400, 2);
    world.get("open-for/VQ_Support?start=soon").await.refused(400, 1);
    world.get("open-for/VQ_Support?timezone=Nowhere").await.refused(400, 1);
    world.get("open-for/VQ_Support?start=2026-01-05&start=2026-01-06").await.refused(400, 1);
    for start in ["0000-01-01", "9999-12-31T23:59:59Z"] {
        assert_eq!(world.get(&format!("open-for/VQ_Support?start={start}")).await.status, 200);
    }
}
