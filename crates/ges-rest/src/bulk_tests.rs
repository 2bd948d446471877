//! Bulk jobs as operators see them (R-BLK-1 to R-BLK-3).

use axum::body::Body;
use axum::http::{Method, Request};
use ges_domain::bulk::{BulkId, Outcome};
use ges_domain::ports::{BulkJobs as _, Shard, Shards as _};
use ges_testkit::CountingIds;
use ges_testkit::builders::{other_tenant, tenant};
use serde_json::{Value, json};

use crate::testing::{KEY, Reply, SERVICE, World, at, send};

async fn call(world: &World, method: Method, path: &str, body: Value) -> Reply {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder().method(method).uri(format!("/ges/v1/bulk/{}{path}", tenant()));
    let request = request.header("content-type", "application/json").body(Body::from(body)).unwrap();
    send(world.internal(), request).await
}

#[tokio::test]
async fn a_job_is_opened_watched_stopped_and_reported() {
    let world = World::new().await;
    let (first, second) = (world.booked(Some("2026-01-05T15:00:00Z")).await, CountingIds::nth(77));
    let body = json!({"action": "cancel", "ids": [first.to_string(), second.to_string()], "by": "ada"});
    let opened = call(&world, Method::POST, "", body).await;
    assert_eq!(opened.status, 202, "{}", opened.body);
    let job = opened.json()["data"].clone();
    let id = job["id"].as_str().unwrap().to_owned();
    let created_at = "2026-01-05T12:00:00.000Z";
    let expected = json!({
        "id": id, "action": "cancel", "by": "ada", "state": "RUNNING", "createdAt": created_at,
        "total": 2, "succeeded": 0, "failed": 0, "waiting": 2,
    });
    assert_eq!(job, expected);
    let lease = world.store.hold("node").await.unwrap().into_iter().find(|lease| lease.shard == Shard(0)).unwrap();
    let bulk: BulkId = id.parse().unwrap();
    let failed = Outcome::Failed { cause: "Callback, not found".into() };
    world.store.record_bulk(lease, bulk, &[(2, failed)], at(created_at)).await.unwrap();
    let report = call(&world, Method::GET, &format!("/{id}/result.csv"), Value::Null).await;
    assert_eq!(report.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(report.header("content-disposition"), Some(&*format!("attachment; filename=\"cancel-{id}.csv\"")));
    let lines = format!(
        "id,service,number,desiredTime,outcome,cause,recreatedAs\r\n\
         {first},{SERVICE},12223334444,2026-01-05T15:00:00.000Z,NOT_PROCESSED,,\r\n\
         {second},,,,FAILED,\"Callback, not found\",\r\n"
    );
    assert_eq!(report.body, lines);
    let stopped = call(&world, Method::DELETE, &format!("/{id}"), Value::Null).await;
    let watched = call(&world, Method::GET, &format!("/{id}"), Value::Null).await;
    assert_eq!(stopped.json()["data"], watched.json()["data"]);
    let data = &watched.json()["data"];
    assert_eq!((&data["state"], &data["failed"], &data["waiting"]), (&json!("STOPPED"), &json!(1), &json!(1)));
}

#[tokio::test]
async fn a_filter_takes_what_it_passes() {
    let world = World::new().await;
    for desired in ["2026-01-05T15:00:00Z", "2026-01-05T16:00:00Z"] {
        world.booked(Some(desired)).await;
    }
    let filter = json!({
        "from": "2026-01-05T15:00:00Z", "until": "2026-01-05T16:00:00Z", "states": ["SCHEDULED"], "services": [SERVICE],
    });
    let body = json!({"action": "recreate", "desiredTime": "2026-01-06T10:00:00+01:00", "filter": filter});
    let job = call(&world, Method::POST, "", body).await.json()["data"].clone();
    assert_eq!((&job["total"], &job["desiredTime"]), (&json!(1), &json!("2026-01-06T09:00:00.000Z")), "R-BLK-3");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_named() {
    let world = World::new().await;
    let range = json!({"from": "2026-01-05T15:00:00Z", "until": "2026-01-05T16:00:00Z"});
    for (body, complaint) in [
        (json!({"ids": []}), "action is required"),
        (json!({"action": "delete", "ids": []}), "action must be cancel or recreate"),
        (json!({"action": "cancel"}), "selection is either ids or filter"),
        (json!({"action": "cancel", "ids": [], "filter": range}), "selection is either ids or filter"),
        (json!({"action": "cancel", "ids": ["x"]}), "ids must be UUIDs"),
        (json!({"action": "cancel", "ids": [1]}), "ids must be an array of strings"),
        (json!({"action": "cancel", "filter": {"from": "2026-01-05T15:00:00Z"}}), "until is required"),
        (json!({"action": "cancel", "filter": {"from": "soon"}}), "from must be an RFC 3339 date-time"),
        (
            json!({"action": "cancel", "filter": {"from": range["from"], "until": range["until"], "states": ["WAITING"]}}),
            "states has an unknown value",
        ),
    ] {
        assert_eq!(call(&world, Method::POST, "", body).await.refused(400, 1), complaint);
    }
    let many: Vec<String> = (0..10_001).map(|nth| CountingIds::nth(nth).to_string()).collect();
    let body = json!({"action": "cancel", "ids": many});
    let refused = call(&world, Method::POST, "", body).await.refused(400, 1);
    assert_eq!(refused, "selection takes more than 10000 callbacks", "R-BLK-2");
}

#[tokio::test]
async fn jobs_of_others_are_not_found() {
    let world = World::new().await;
    let opened = call(&world, Method::POST, "", json!({"action": "cancel", "ids": []})).await;
    assert_eq!(opened.json()["data"]["state"], "DONE", "there is nothing to do");
    let id = opened.json()["data"]["id"].as_str().unwrap().to_owned();
    for (method, path) in [(Method::GET, ""), (Method::DELETE, ""), (Method::GET, "/result.csv")] {
        let request = Request::builder().method(method).uri(format!("/ges/v1/bulk/{}/{id}{path}", other_tenant()));
        send(world.internal(), request.body(Body::empty()).unwrap()).await.refused(404, 20);
    }
    let outside = Request::get(format!("/ges/v1/bulk/{}/{id}", tenant())).header("x-api-key", KEY);
    assert_eq!(send(world.external(), outside.body(Body::empty()).unwrap()).await.status, 404, "not on the internet");
    assert_eq!(call(&world, Method::GET, "/nonsense", Value::Null).await.status, 404);
}
