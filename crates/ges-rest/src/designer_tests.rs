use axum::body::Body;
use axum::http::{Method, Request};
use ges_domain::ports::Catalogue;
use ges_testkit::builders::{self, tenant};
use serde_json::{Value, json};

use crate::testing::{Reply, World, bare, send};

const PATH: &str = "/ges/v1/designer/c0ffee00-0000-4000-8000-000000000100";

fn path(rest: &str) -> String {
    PATH.replace("c0ffee00-0000-4000-8000-000000000100", &tenant().to_string()) + rest
}

async fn put(world: &World, table: &str, if_match: Option<&str>, body: &Value) -> Reply {
    let mut request = Request::put(path(&format!("/tables/{table}"))).header("content-type", "application/json");
    if let Some(version) = if_match {
        request = request.header("if-match", version);
    }
    send(world.internal(), request.body(Body::from(body.to_string())).unwrap()).await
}

async fn status(world: &World) -> Value {
    let reply = send(world.internal(), bare(Method::GET, &path("/status"))).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.sealed();
    reply.json()["data"].clone()
}

fn row(name: &str) -> Value {
    json!({ "serviceName": name, "callbackApplication": "CallbackApp", "routingPoint": "5001" })
}

fn table(version: &str, rows: &[Value]) -> Value {
    json!({ "version": version, "publishedAt": format!("2026-01-05T11:00:0{}Z", version.len()), "rows": rows })
}

async fn books(world: &World, name: &str) -> u16 {
    world.create(json!({ "serviceName": name, "phoneNumber": "12223334444" })).await.status
}

/// R-PUB-2, R-CFG-1, integrations 5.4: the documented answer.
#[tokio::test]
async fn a_table_is_replaced_and_the_answer_says_what_changed() {
    let world = World::new().await;
    let first = put(&world, "callback-settings", None, &table("a", &[row("CB_Old"), row("CB_Same")])).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.json()["data"]["added"], json!(["CB_Old", "CB_Same"]));
    assert_eq!(books(&world, "CB_Old").await, 200);
    let bad = json!({ "serviceName": "CB_Bad", "callbackApplication": "A", "routingPoint": "1", "slotMinutes": 17 });
    let rows = [row("CB_Same"), row("CB_New"), bad, json!({ "routingPoint": "1" })];
    let second = put(&world, "callback-settings", None, &table("bb", &rows)).await;
    second.sealed();
    assert_eq!(
        second.json()["data"],
        json!({ "added": ["CB_New"], "updated": [], "removed": ["CB_Old"], "invalid": [
            { "row": "service.CB_Bad", "column": "slotMinutes", "cause": "must be 5, 10, 15, 20, 30, 60 or 120 minutes" },
            { "row": "row 4", "column": "serviceName", "cause": "is required" },
        ] })
    );
    let again = put(&world, "callback-settings", None, &table("bb", &rows)).await;
    let (mut answer, mut expected) = (again.json()["data"].clone(), second.json()["data"].clone());
    assert_eq!(
        answer["invalid"].take(),
        expected["invalid"].take(),
        "who lost the answer hears again what was not taken"
    );
    assert_eq!(answer, json!({ "added": [], "updated": [], "removed": [], "invalid": null }), "R-PUB-3");
    assert_eq!((books(&world, "CB_New").await, books(&world, "CB_Same").await), (200, 200));
    assert_eq!((books(&world, "CB_Old").await, books(&world, "CB_Bad").await), (400, 400), "R-PUB-6, R-CFG-1");
    assert_eq!(books(&world, crate::testing::SERVICE).await, 200, "what was provisioned is nobody's to remove");
    assert_eq!(*world.told.0.lock().unwrap(), [tenant(), tenant()], "R-PUB-7: the hook hears of both");
}

/// F-21.
#[tokio::test]
async fn the_status_shows_rows_problems_and_the_publish() {
    let world = World::new().await;
    assert_eq!(
        status(&world).await,
        json!({ "ccid": tenant().to_string(), "revision": 0, "publishId": null, "publishedAt": null,
            "tables": {}, "rows": [], "problems": [] })
    );
    let mut good = row("CB_A");
    good["Column of tomorrow"] = json!("x");
    let mut bad = row("CB_B");
    bad["ringTimeout"] = json!(4);
    put(&world, "callback-settings", None, &table("v1", &[good, bad])).await;
    let shown = status(&world).await;
    assert_eq!((shown["revision"].as_u64(), shown["publishId"].as_str()), (Some(1), Some("v1")));
    assert_eq!(shown["publishedAt"], "2026-01-05T11:00:02.000Z");
    assert_eq!(shown["tables"]["callback-settings"]["version"], "v1");
    let problem = json!({ "row": "service.CB_B", "column": "ringTimeout", "cause": "must be 5 to 120 seconds" });
    assert_eq!(shown["problems"], json!([problem]));
    let [a, b] = [&shown["rows"][0], &shown["rows"][1]];
    assert_eq!(
        (a["name"].as_str(), a["valid"].as_bool(), a["inForce"].as_bool()),
        (Some("CB_A"), Some(true), Some(true))
    );
    assert_eq!(a["row"]["Column of tomorrow"], "x", "unknown columns are shown");
    assert_eq!((b["valid"].as_bool(), b["inForce"].as_bool()), (Some(false), Some(false)));
    assert_eq!(b["problems"], json!([problem]));
}

/// R-PUB-3 and `If-Match`.
#[tokio::test]
async fn versions_and_order_are_kept() {
    let world = World::new().await;
    put(&world, "callback-settings", None, &table("bb", &[row("CB_A")])).await;
    let nothing = json!({ "added": [], "updated": [], "removed": [], "invalid": [] });
    for body in [table("a", &[row("CB_B")]), table("bb", &[row("CB_B")])] {
        let reply = put(&world, "callback-settings", None, &body).await;
        assert_eq!((reply.status, &reply.json()["data"]), (200, &nothing), "older, or the same again");
    }
    let differs = put(&world, "callback-settings", Some("\"a\""), &table("ccc", &[row("CB_B")])).await;
    assert_eq!(differs.refused(412, 26), "The table has another version");
    assert_eq!(put(&world, "business-hours", Some("*"), &table("x", &[])).await.status, 412, "there is none yet");
    assert_eq!(status(&world).await["revision"], 1);
    let matches = put(&world, "callback-settings", Some("\"bb\""), &table("ccc", &[row("CB_B")])).await;
    assert_eq!(matches.json()["data"]["removed"], json!(["CB_A"]));
    let ahead = json!({ "version": "dddd", "publishedAt": "2099-01-01T00:00:00Z", "rows": [] });
    assert_eq!(put(&world, "callback-settings", None, &ahead).await.status, 200);
    assert_eq!(status(&world).await["publishedAt"], "2026-01-05T12:00:00.000Z", "no clock shuts later ones out");
}

/// Calendars, special days and number validation in their own tables; lists may be JSON lists.
#[tokio::test]
async fn calendars_and_special_days_are_tables_too() {
    let world = World::new().await;
    let hours = json!({ "name": "BH", "timezone": "Etc/UTC", "regular": ["Mon-Fri 09:00-17:00", "Sat 10:00-12:00"] });
    let days = json!({ "name": "Feast", "entries": ["2026-01-06", "12-24 09:00-11:00"] });
    let mut service = row("CB_A");
    service["businessHours"] = json!("BH");
    service["specialDays"] = json!(["Feast"]);
    service["slotMinutes"] = json!(30.0);
    for (name, rows) in [("business-hours", hours), ("special-days", days), ("callback-settings", service)] {
        let reply = put(&world, name, None, &table("1", &[rows])).await;
        assert_eq!((reply.status, &reply.json()["data"]["invalid"]), (200, &json!([])), "{}", reply.body);
    }
    let found = world.store.service(tenant(), &builders::service("CB_A")).await.unwrap().unwrap();
    for (when, open) in [
        ("2026-01-05T12:00:00Z", true),
        ("2026-01-06T12:00:00Z", false),
        ("2026-01-10T11:00:00Z", true),
        ("2026-12-24T10:30:00Z", true),
        ("2026-12-24T12:00:00Z", false),
    ] {
        assert_eq!(found.hours.is_open(when.parse().unwrap()), open, "{when}");
    }
    let rules = [json!({ "queue": "CB_A", "lengths": [9, 10] })];
    assert_eq!(put(&world, "number-validation", None, &table("1", &rules)).await.status, 200);
    let kept = status(&world).await;
    let kept =
        kept["rows"].as_array().unwrap().iter().find(|row| row["section"] == "number_validation").unwrap().clone();
    assert_eq!(kept["row"], json!({ "row1": r#"{"lengths":[9,10],"queue":"CB_A"}"# }), "R-TAB-1: kept as it came");
}

#[tokio::test]
async fn wrong_requests_are_refused_and_the_internet_sees_nothing() {
    let world = World::new().await;
    let call = async |request: Request<Body>| send(world.internal(), request).await;
    let body = table("1", &[]).to_string();
    let at = |path: &str| Request::put(path.to_owned()).header("content-type", "application/json");
    assert_eq!(put(&world, "prices", None, &table("1", &[])).await.status, 404);
    let stranger = PATH.replace("100", "9ff") + "/tables/callback-settings";
    call(at(&stranger).body(Body::from(body.clone())).unwrap()).await.refused(400, 2);
    let other = at(&path("/tables/callback-settings")).header("ContactCenterId", builders::other_tenant().to_string());
    call(other.body(Body::from(body.clone())).unwrap()).await.refused(403, 12);
    let other = Request::get(path("/status")).header("ccid", builders::other_tenant().to_string());
    call(other.body(Body::empty()).unwrap()).await.refused(403, 12);
    let typed = Request::put(path("/tables/callback-settings")).header("content-type", "text/csv");
    assert_eq!(call(typed.body(Body::from(body.clone())).unwrap()).await.status, 415);
    let nul = r#"{"version":"\u0000","rows":[]}"#;
    for broken in ["", "{", "[]", r#"{"rows":[]}"#, r#"{"version":"","rows":[]}"#, r#"{"version":"1","rows":{}}"#, nul]
    {
        let reply = call(at(&path("/tables/callback-settings")).body(Body::from(broken)).unwrap()).await;
        assert_eq!(reply.status, 400, "{broken}: {}", reply.body);
    }
    let late = json!({ "version": "1", "publishedAt": "yesterday", "rows": [] });
    assert!(put(&world, "callback-settings", None, &late).await.refused(400, 1).contains("publishedAt"));
    let huge = at(&path("/tables/callback-settings")).header("content-length", "10485761").body(Body::empty()).unwrap();
    assert_eq!(call(huge).await.status, 413);
    for (method, rest) in [(Method::GET, "/status"), (Method::PUT, "/tables/callback-settings")] {
        let outside = send(world.external(), bare(method, &path(rest))).await;
        assert_eq!(outside.status, 404, "not on the internet");
    }
    world.store.fail_times(1);
    assert_eq!(put(&world, "callback-settings", None, &table("1", &[])).await.status, 500, "the store is down");
}
