use axum::http::Method;
use ges_domain::callback::State;
use ges_domain::service::Settings;
use ges_domain::throttle::InQueueCheck;
use serde_json::{Value, json};

use crate::testing::{SERVICE, World};

const WATERMARKS: &str = "1/admin/callback/watermarks";
const QUEUES: &str = "1/admin/callback/queues";

/// A number may wait as often as it likes.
fn any_number(settings: &mut Settings) {
    settings.throttle.in_queue_check = Some(InQueueCheck::Off);
}

/// Integrations 2.8, R-QS-5.
#[tokio::test]
async fn watermarks_count_what_waits_or_executes() {
    let world = World::new().await;
    world.provision("CB_Other", |_| {}).await;
    world.provision(SERVICE, any_number).await;
    world.in_state(State::Processing).await;
    world.booked(Some("2026-01-05T15:00:00Z")).await;
    let all = world.fetch(WATERMARKS).await;
    assert_eq!(all.body, format!(r#"{{"services":{{"CB_Other":0,"{SERVICE}":1}},"total":1}}"#));
    all.done();
    let some = world.fetch(&format!("{WATERMARKS}?service_name={SERVICE}&service_name=CB%20None")).await.done();
    assert_eq!(some, json!({"services": {SERVICE: 1, "CB None": 0}, "total": 1}));
    world.booked(None).await;
    assert_eq!(world.fetch(WATERMARKS).await.done()["total"], 1, "counted at most every two seconds");
    world.clock.advance(std::time::Duration::from_secs(2));
    assert_eq!(world.fetch(WATERMARKS).await.done()["total"], 2);
    let many = "service_name=a&".repeat(1_001);
    world.fetch(&format!("{WATERMARKS}?{many}")).await.faulted(400, "InvalidOption");
}

/// Integrations 2.7.
#[tokio::test]
async fn queues_list_the_window_by_service() {
    let world = World::new().await;
    world.provision("CB_Other", |_| {}).await;
    world.provision(SERVICE, any_number).await;
    let now = world.booked(None).await.to_string();
    let later = world.booked(Some("2026-01-05T15:00:00Z")).await.to_string();
    world.booked(Some("2026-01-06T15:00:00Z")).await;
    let ids = |listed: &Value| {
        let lines = listed[SERVICE].as_array().unwrap();
        lines.iter().map(|line| line["_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let listed = world.fetch(QUEUES).await.done();
    assert_eq!((ids(&listed), &listed["CB_Other"]), (vec![now.clone(), later.clone()], &json!([])));
    let url = format!("/1/service/callback/{SERVICE}/{later}");
    assert_eq!(
        listed[SERVICE][1],
        json!({"_id": later, "_customer_number": "12223334444", "_callback_state": "SCHEDULED",
            "_desired_time": "2026-01-05T15:00:00.000Z", "_url": url, "customerNumber": "12223334444",
            "callbackState": "SCHEDULED", "desiredTime": "2026-01-05T15:00:00.000Z", "url": url})
    );
    let filtered = world.fetch(&format!("{QUEUES}?target={SERVICE}&states=SCHEDULED,COMPLETED")).await.done();
    assert_eq!((ids(&filtered), filtered.get("CB_Other")), (vec![later.clone()], None));
    let all = world.fetch(&format!("{QUEUES}?end_time=2026-01-07T00:00:00Z&max=1")).await.done();
    assert_eq!(ids(&all), std::slice::from_ref(&now), "the next one, not the one farthest ahead");
    let two = world.fetch(&format!("{QUEUES}?end_time=2026-01-07T00:00:00Z&max=2&_=17")).await.done();
    assert_eq!(ids(&two), [now.clone(), later.clone()]);
    let queue = world.fetch(&format!("{QUEUES}?_vq={SERVICE}&_callback_state=QUEUED")).await.done();
    assert_eq!(ids(&queue), [now]);
    assert_eq!(ids(&world.fetch(&format!("{QUEUES}?_vq=VQ_None")).await.done()), Vec::<String>::new());
    assert_eq!(ids(&world.fetch(&format!("{QUEUES}?_callback_reason=CANCELLED")).await.done()), Vec::<String>::new());
    for query in [
        "start_time=x",
        "states=WAITING",
        "max=x",
        "nobody_configured=this",
        "_callback_reason=lower",
        "states=QUEUED&_callback_state=ROUTING",
        "start_time=2026-01-07T00:00:00Z&end_time=2026-01-06T00:00:00Z",
    ] {
        world.fetch(&format!("{QUEUES}?{query}")).await.faulted(400, "InvalidOption");
    }
    world.fetch(&format!("{QUEUES}?target=CB_None")).await.faulted(404, "NotFound");
}

/// Integrations 2.9; R-BLK-1, R-BLK-2.
#[tokio::test]
async fn a_bulk_cancel_answers_for_each_id() {
    let world = World::new().await;
    let path = "1/admin/callback/cancel";
    let id = world.booked(Some("2026-01-05T15:00:00Z")).await.to_string();
    let busy = world.in_state(State::Processing).await.to_string();
    let body = json!({"reason": "CANCELLED_BY_ADMIN", "ids": [id, "nope", busy, id]});
    let answer = world.call(Method::POST, path, body).await;
    assert_eq!(
        answer.done(),
        json!({"cancelled": [id, id], "failed": [{"_id": "nope", "message": "Unknown callback."},
            {"_id": busy, "message": "The callback is being handled and cannot be cancelled any more"}]})
    );
    let report = world.call(Method::POST, "1/admin/callback/reportcancelled", json!({})).await;
    assert_eq!(report.body.lines().count(), 2, "{}", report.body);
    for body in [
        json!({}),
        json!({"ids": "x"}),
        json!({"ids": [1]}),
        json!({"ids": [], "reason": "BECAUSE"}),
        json!({"ids": vec!["x"; 10_001]}),
        json!([]),
    ] {
        world.call(Method::POST, path, body).await.faulted(400, "InvalidOption");
    }
    assert_eq!(world.call(Method::POST, path, json!({"ids": []})).await.done(), json!({"cancelled": [], "failed": []}));
}

/// Integrations 2.9, F-15.
#[tokio::test]
async fn a_report_is_csv_that_no_spreadsheet_runs() {
    let world = World::new().await;
    let path = "1/admin/callback/reportcancelled";
    let mut ids = Vec::new();
    for (nth, note) in ["=1+1", "a \"b\",\nc", "ü"].into_iter().enumerate() {
        let body = json!({"_customer_number": format!("+1510555010{nth}"), "note": note,
            "_desired_time": format!("2026-01-05T1{}:00:00Z", 5 + nth)});
        let made = world.call(Method::POST, "1/service/callback/VQ_Support", body).await.done();
        ids.push(made["_id"].as_str().unwrap().to_owned());
    }
    let body = json!({"ids": ids});
    world.call(Method::POST, "1/admin/callback/cancel", body).await.done();
    let body = json!({"callback_reason": "CANCELLED_BY_ADMIN", "exported_properties": ["_customer_number", "note", "none", "=x"]});
    let report = world.call(Method::POST, path, body).await;
    assert_eq!((report.status, report.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert_eq!(
        report.body,
        "_customer_number,note,none,'=x\r\n'+15105550102,ü,,\r\n'+15105550101,\"a \"\"b\"\",\nc\",,\r\n'+15105550100,'=1+1,,\r\n"
    );
    let other = world.call(Method::POST, path, json!({"callback_reason": "CANCELLED_BY_AGENT"})).await;
    assert_eq!(other.body, "_id,_service_name,_customer_number,_desired_time,_callback_state,_callback_reason\r\n");
    for body in [
        json!({"callback_reason": "lower"}),
        json!({"exported_properties": "x"}),
        json!({"exported_properties": [""]}),
        json!({"exported_properties": vec!["x"; 51]}),
    ] {
        world.call(Method::POST, path, body).await.faulted(400, "InvalidOption");
    }
    world.store.fail_times(1);
    let down = world.call(Method::POST, path, json!({})).await;
    assert_eq!(down.header("retry-after"), Some("2"));
    down.faulted(503, "ServiceUnavailable");
}

/// Looks in pages of five hundred.
#[tokio::test]
async fn a_report_of_many_pages_is_whole() {
    let world = World::new().await;
    world.provision(SERVICE, |settings| settings.max_per_slot = 10_000).await;
    let mut ids = Vec::new();
    for nth in 0..1_203 {
        let number = format!("1510555{nth:04}");
        let body = json!({"_customer_number": number, "_desired_time": "2026-01-05T15:00:00Z"});
        let made = world.call(Method::POST, "1/service/callback/VQ_Support", body).await.done();
        ids.push(made["_id"].as_str().unwrap().to_owned());
    }
    world.call(Method::POST, "1/admin/callback/cancel", json!({"ids": ids})).await.done();
    let body = json!({"exported_properties": ["_id"]});
    let report = world.call(Method::POST, "1/admin/callback/reportcancelled", body).await;
    let mut lines: Vec<&str> = report.body.lines().skip(1).collect();
    lines.sort_unstable();
    ids.sort_unstable();
    assert_eq!(lines, ids);
}
