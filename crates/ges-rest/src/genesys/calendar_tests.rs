use axum::body::Body;
use axum::http::Request;
use ges_testkit::builders::tenant;
use serde_json::{Value, json};

use crate::testing::{Reply, World, send};

async fn ask(world: &World, rest: &str) -> Reply {
    let request = Request::get(format!("/genesys/1/service/{rest}")).header("ContactCenterId", tenant().to_string());
    send(world.internal(), request.body(Body::empty()).unwrap()).await
}

/// Office hours in Paris, the clock at 13:00 there on Monday, 2026-01-05.
async fn world() -> World {
    let world = World::new().await;
    let sections = json!({ "service.BH": { "_service": "office-hours", "_timezone": "Europe/Paris",
        "_bh_regular1": "Mon-Fri 08:00-18:00", "_bh_add1": "11-28 12:00-14:30", "_holiday1": "2026-11-25" } });
    let request = Request::post("/genesys/1/tenants").header("content-type", "application/json");
    let request = request.header("ContactCenterId", tenant().to_string()).body(Body::from(sections.to_string()));
    assert_eq!(send(world.internal(), request.unwrap()).await.status, 200);
    world
}

fn period(start: &str, end: &str) -> Value {
    json!({ "start": format!("2026-{start}:00.000Z"), "end": format!("2026-{end}:00.000Z") })
}

/// Integrations 2.14, the documented answer.
#[tokio::test]
async fn the_periods_of_a_day_are_told() {
    let world = world().await;
    let day = ask(&world, "BH?start=2026-11-23T00:00:00.000Z&end=2026-11-24T00:00:00.000Z").await;
    let expected = [period("11-23T07:00", "11-23T17:00")];
    assert_eq!(day.json(), json!({ "error": null, "timezone": "Europe/Paris", "periods": expected }));
    let week = ask(&world, "BH?start=2026-11-24T00:00:00Z&number-of-days=7").await.json();
    let expected = [
        period("11-24T07:00", "11-24T17:00"),
        period("11-26T07:00", "11-26T17:00"),
        period("11-27T07:00", "11-27T17:00"),
        period("11-28T11:00", "11-28T13:30"),
        period("11-30T07:00", "11-30T17:00"),
    ];
    assert_eq!(week["periods"], json!(expected), "a holiday closes, an addition opens");
}

#[tokio::test]
async fn without_parameters_it_is_about_now() {
    let world = world().await;
    for nobody in ["BH%00", "BH%", "%ff"] {
        assert_eq!(ask(&world, nobody).await.status, 404, "{nobody}");
    }
    assert_eq!(ask(&world, "BH").await.json()["periods"], json!([period("01-05T07:00", "01-05T17:00")]));
    assert_eq!(ask(&world, "BH?start=2026-01-05T18:00:00Z").await.json()["periods"], json!([]), "closed");
}

#[tokio::test]
async fn what_is_no_calendar_or_no_period_is_refused() {
    let world = world().await;
    assert_eq!(ask(&world, "Nobody").await.status, 404);
    for query in [
        "start=soon",
        "number-of-days=-1",
        "number-of-days=367",
        "start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z",
        "end=2026-01-06T00:00:00Z&number-of-days=1",
        "start=2026-01-01T00:00:00Z&end=2028-01-01T00:00:00Z",
    ] {
        assert_eq!(ask(&world, &format!("BH?{query}")).await.status, 400, "{query}");
    }
    world.store.spoil_hours(tenant(), "BH");
    let broken = ask(&world, "BH").await.json();
    assert_eq!(broken["periods"], json!([]), "R-BH-8: closed");
    assert!(broken["error"].is_string());
}
