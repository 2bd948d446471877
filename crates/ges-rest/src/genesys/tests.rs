//! What holds for all of the internal API, and its smaller operations.

use axum::body::Body;
use axum::http::{Method, Request};
use ges_domain::ports::{CallIns as _, PublishError};
use ges_domain::wait::Estimate;
use ges_testkit::builders;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::testing::{OTHER_KEY, World, bare, send};

const QUERY: &str = "/genesys/1/service/callback?_callback_state=QUEUED";

fn asks(headers: &[(&str, &str)]) -> Request<Body> {
    let request = headers.iter().fold(Request::get(QUERY), |request, (name, value)| request.header(*name, *value));
    request.body(Body::empty()).unwrap()
}

/// Integrations 2.1.
#[tokio::test]
async fn a_call_by_name_needs_a_contact_center_that_there_is() {
    let world = World::new().await;
    let own = builders::tenant().to_string();
    for name in ["ContactCenterId", "ContactCenterID", "contactCenterId", "ccid"] {
        send(world.internal(), asks(&[(name, &own)])).await.done();
    }
    let missing = send(world.internal(), asks(&[])).await;
    assert_eq!(missing.faulted(400, "InvalidOption"), "The header ContactCenterId is missing");
    let stranger = "c0ffee00-0000-4000-8000-00000000dead";
    let unknown = send(world.internal(), asks(&[("ccid", stranger)])).await;
    assert_eq!(unknown.faulted(400, "NotFound"), format!("Unknown contact center {stranger}"));
    send(world.internal(), asks(&[("ccid", "nonsense")])).await.faulted(400, "NotFound");
    let other = builders::other_tenant().to_string();
    send(world.internal(), asks(&[("ccid", &own), ("contactcenterid", &other)])).await.faulted(403, "Operation");
    // With one contact center a call that names none means it (`tenancy.single`).
    world.keys.forget(OTHER_KEY);
    send(world.internal(), asks(&[])).await.done();
    world.keys.set_down(true);
    let down = send(world.internal(), asks(&[("ccid", &own)])).await;
    assert_eq!(down.header("retry-after"), Some("2"));
    down.faulted(503, "ServiceUnavailable");
}

#[tokio::test]
async fn the_correlation_id_comes_back() {
    let world = World::new().await;
    let own = builders::tenant().to_string();
    let reply = send(world.internal(), asks(&[("ccid", &own), ("x-correlation-id", "abc-1")])).await;
    assert_eq!(reply.header("x-correlation-id"), Some("abc-1"));
}

/// Integrations 2.1, `internal_auth.mode`.
#[tokio::test]
async fn behind_a_gate_callers_show_their_credentials() {
    let world = World::behind(Gate::basic("ors", "sesame")).await;
    let own = builders::tenant().to_string();
    let refused = send(world.internal(), asks(&[("ccid", &own)])).await;
    assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"ges\""));
    refused.faulted(401, "InvalidOption");
    // "ors:sesame" in Base64.
    send(world.internal(), asks(&[("ccid", &own), ("authorization", "Basic b3JzOnNlc2FtZQ==")])).await.done();
    for path in ["/metrics", "/ges/v1/health/live"] {
        assert_eq!(send(world.internal(), bare(Method::GET, path)).await.status, 200, "{path}");
    }
    let sibling = Request::get("/engagement/v3/callbacks/open-for/VQ_Support").header("ccid", &own);
    send(world.internal(), sibling.body(Body::empty()).unwrap()).await.refused(401, 10);
    assert_eq!(world.get("open-for/VQ_Support").await.status, 200, "the public listener knows no gate");
}

/// Integrations 2.12.
#[tokio::test]
async fn areas_are_made_merged_read_and_removed() {
    let world = World::new().await;
    let made = world.form("1/storage/3600", "Key1=Value1&Key2=Value2").await.done();
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("1/storage/{id}");
    assert_eq!(world.fetch(&path).await.body, r#"{"Key1":"Value1","Key2":"Value2"}"#);
    let one = world.fetch(&format!("{path}/Key1")).await;
    assert_eq!((one.body.as_str(), one.header("content-type")), ("Value1", Some("text/plain; charset=utf-8")));
    let merged = world.call(Method::POST, &format!("{path}/60"), json!({"Key1": "", "n": 5, "o": {"a": [1]}})).await;
    assert_eq!((merged.status, merged.body.as_str()), (200, "{}"));
    assert_eq!(world.fetch(&path).await.done(), json!({"Key2": "Value2", "n": "5", "o": "{\"a\":[1]}"}));
    world.call(Method::DELETE, &format!("{path}/n"), Value::Null).await.done();
    world.fetch(&format!("{path}/n")).await.faulted(404, "NotFound");
    for unreadable in ["50%", "%ff", "%zz"] {
        world.call(Method::DELETE, &format!("{path}/{unreadable}"), Value::Null).await.faulted(400, "InvalidOption");
    }
    assert_eq!(world.fetch(&format!("{path}/Key2")).await.status, 200, "a key nobody can read is not every key");
    world.call(Method::DELETE, &path, Value::Null).await.done();
    world.fetch(&path).await.faulted(404, "NotFound");
    world.call(Method::POST, &format!("{path}/60"), json!({})).await.faulted(404, "NotFound");
    world.fetch("1/storage/~callback.x").await.faulted(400, "InvalidOption");
    let large = json!({"a": "x".repeat(1 << 20)});
    world.call(Method::POST, "1/storage/60", large).await.faulted(400, "InvalidOption");
    world.areas.set_down(true);
    let down = world.form("1/storage/60", "a=b").await;
    assert_eq!(down.header("retry-after"), Some("5"));
    down.faulted(503, "ServiceUnavailable");
}

#[tokio::test]
async fn a_custom_area_belongs_to_its_user_and_files_come_back() {
    let world = World::new().await;
    let own = builders::tenant().to_string();
    let ask = async |method: Method, path: &str, user: &str, parts: &str| {
        let request = Request::builder().method(method).uri(format!("/genesys/1/storage/{path}")).header("ccid", &own);
        let request = if user.is_empty() { request } else { request.header("gms_user", user) };
        let request = request.header("content-type", "multipart/form-data; boundary=x");
        send(world.internal(), request.body(Body::from(parts.to_owned())).unwrap()).await
    };
    let parts = "--x\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nfile\r\n--x--\r\n";
    ask(Method::POST, "custom/mine/60", "", parts).await.faulted(400, "InvalidOption");
    assert_eq!(ask(Method::POST, "custom/mine/60", "ann", parts).await.done(), json!({"id": "mine"}));
    ask(Method::POST, "custom/mine/60", "bob", parts).await.faulted(403, "Operation");
    ask(Method::GET, "mine", "", "").await.faulted(403, "Operation");
    assert_eq!(ask(Method::GET, "mine", "ann", "").await.done(), json!({}), "files are no texts");
    assert_eq!(ask(Method::GET, "binary/mine/f", "ann", "").await.body, "file");
    ask(Method::GET, "binary/mine/g", "ann", "").await.faulted(404, "NotFound");
}

/// Integrations 2.15; R-CTI-11, R-CTI-14.
#[tokio::test]
async fn a_call_that_comes_in_finds_its_request_once() {
    let world = World::new().await;
    let group = builders::call_in_group("Web", &["+18005550199"], Some(4));
    world.store.put_group(builders::tenant(), &group).await.unwrap();
    let given = world.form("1/service/request-interaction", "_resource_group=Web&page=pricing").await.done();
    let (id, code) = (given["_id"].as_str().unwrap(), given["_access_code"].as_str().unwrap());
    assert_eq!((&given["_access_number"], code.len()), (&json!("+18005550199"), 4));
    assert_eq!(given["_expiration_time"], "2026-01-05T12:02:00.000Z");
    let call =
        format!("_access_number=18005550199&_access_code={code}&_phone_number=15105550100&_return_user_data=true");
    let matched = world.form("1/service/match-interaction", &call).await.done();
    let expected = json!({"_id": id, "_data_id": id, "_callback_service_id": "", "_user_data": {"page": "pricing"}});
    assert_eq!(matched, expected);
    assert_eq!(world.form("1/service/match-interaction", &call).await.faulted(404, "NotFound"), "No matching request.");
    let silent = world.form("1/service/request-access", "_resource_group=Web").await.done();
    let code = silent["_access_code"].as_str().unwrap();
    let call = format!("_access_number=18005550199&_access_code={code}");
    assert!(world.form("1/service/match-interaction", &call).await.done().get("_user_data").is_none());
    world.form("1/service/match-interaction", "_access_code=1").await.faulted(400, "InvalidOption");
    world.form("1/service/request-interaction", "").await.faulted(400, "InvalidOption");
    world.form("1/service/request-interaction", "_resource_group=None").await.faulted(404, "NotFound");
    world.form("1/service/request-access", "_resource_group=Web&_callback_service_id=x").await.faulted(404, "NotFound");
}

/// Integrations 2.16.
#[tokio::test]
async fn numbers_are_described() {
    let world = World::new().await;
    let known = world.fetch("1/phonenumber?number=+15105550100&country=us").await.done();
    assert_eq!((&known["number-E164"], &known["country-default"]), (&json!("+15105550100"), &json!("US")));
    let keys: Vec<&str> = known.as_object().unwrap().keys().map(String::as_str).collect();
    for key in [
        "number-specified",
        "number-original",
        "number-international",
        "number-national",
        "country-code",
        "region-code",
        "number-type",
        "is-possible-number",
        "is-valid-number",
        "is-valid-number-for-region",
        "is-premium",
        "time-zone",
    ] {
        assert!(keys.contains(&key), "{key}");
    }
    assert_eq!(world.fetch("1/phonenumber?number=nobody").await.done()["number-type"], "UNKNOWN");
    world.fetch("1/phonenumber").await.faulted(400, "InvalidOption");
    world.fetch("1/phonenumber?number=1&country=Mars").await.faulted(400, "InvalidOption");
}

/// Integrations 2.17.
#[tokio::test]
async fn waits_are_told_by_queue() {
    let world = World::new().await;
    world.waits.set(builders::tenant(), "VQ_Sales", Estimate::Known(120));
    world.waits.set_position("VQ_Sales", 4);
    let told = world.fetch("1/ewt?vq=VQ_Sales&vq=VQ_Support").await;
    let expected = r#"{"VQ_Sales":{"ewt":120,"pos":4,"resultCode":0},"VQ_Support":{"ewt":-1,"pos":1,"resultCode":-1}}"#;
    assert_eq!(told.body, expected);
    world.fetch("1/ewt").await.faulted(400, "InvalidOption");
    world.waits.set_down(true);
    let unknown = r#"{"VQ_Sales":{"ewt":-1,"pos":1,"resultCode":-1}}"#;
    assert_eq!(world.fetch("1/ewt?vq=VQ_Sales").await.body, unknown, "R-EWT-5: the request as a whole succeeds");
}

/// Integrations 2.20, 2.21.
#[tokio::test]
async fn the_node_tells_whether_it_is_ready_and_what_it_has_not() {
    let world = World::new().await;
    let node = async || send(world.internal(), bare(Method::GET, "/genesys/1/node")).await;
    node().await.faulted(503, "ServiceUnavailable");
    world.observed.health.configured();
    world.observed.health.migrated();
    world.observed.health.told("postgres", Ok(()), crate::testing::at("2026-01-05T12:00:00Z"));
    let ready = node().await.done();
    assert_eq!((&ready["status"], ready["version"].is_string()), (&json!("ok"), true));
    for path in ["2/chat/x", "1/cs/a/b", "1/datadepot/x", "1/resource", "1/document/x"] {
        let absent = send(world.internal(), bare(Method::POST, &format!("/genesys/{path}"))).await;
        assert_eq!(absent.faulted(404, "NotFound"), "Not supported by GES");
    }
}

/// Integrations 2.18.
#[tokio::test]
async fn a_message_of_ones_own_is_published() {
    let world = World::new().await;
    let own = builders::tenant().to_string();
    let publish = async |body: Value| {
        let request = Request::post("/ges/v1/notification/publish").header("ccid", &own);
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
        send(world.internal(), request.unwrap()).await
    };
    let event = r#"{"notification":{"title":"Hi"}}"#;
    for event in [json!(event), serde_json::from_str(event).unwrap()] {
        let sent = publish(json!({"channel": "FCM", "target": "token", "event": event, "validate_only": true})).await;
        assert_eq!(sent.json()["data"], json!({"name": "projects/test/messages/0:1"}), "{}", sent.body);
        sent.sealed();
    }
    let (tenant, publication) = world.publisher.sent().pop().unwrap();
    assert_eq!((tenant, publication.message.as_str(), publication.validate_only), (builders::tenant(), event, true));
    for body in [
        json!({"target": "t", "event": {}}),
        json!({"channel": "APNS", "target": "t", "event": {}}),
        json!({"channel": "FCM", "event": {}}),
        json!({"channel": "FCM", "target": "t"}),
        json!({"channel": "FCM", "target": "t", "event": "x"}),
        json!({"channel": "FCM", "target": "t", "event": [1]}),
        json!({"channel": "FCM", "target": "t", "event": {}, "validate_only": 5}),
    ] {
        publish(body).await.refused(400, 1);
    }
    let wish = || json!({"channel": "FCM", "target": "t", "event": {}});
    for (error, status, code) in [
        (PublishError::TargetGone, 400, 1),
        (PublishError::NoCredential, 400, 1),
        (PublishError::Refused, 500, 51),
        (PublishError::Unavailable, 500, 51),
    ] {
        world.publisher.fail(error);
        publish(wish()).await.refused(status, code);
    }
    let anonymous = Request::post("/ges/v1/notification/publish").body(Body::from(wish().to_string())).unwrap();
    send(world.internal(), anonymous).await.refused(400, 1);
    let outside = Request::post("/ges/v1/notification/publish").body(Body::from(wish().to_string())).unwrap();
    assert_eq!(send(world.external(), outside).await.status, 404);
}

const ROUTES: [(&str, &str); 14] = [
    ("POST", "1/service/callback/VQ_Support"),
    ("GET", "1/service/callback/VQ_Support"),
    ("GET", "1/service/callback"),
    ("PUT", "1/service/callback/VQ_Support/nope"),
    ("POST", "1/service/nope/storage"),
    ("POST", "1/service/match-interaction"),
    ("POST", "1/service/request-interaction"),
    ("POST", "1/admin/callback/cancel"),
    ("POST", "1/admin/callback/reportcancelled"),
    ("GET", "1/admin/callback/queues"),
    ("GET", "1/admin/callback/watermarks"),
    ("GET", "1/phonenumber"),
    ("GET", "1/ewt"),
    ("GET", "1/service/callback/VQ_Support/availability"),
];

proptest! {
    /// Whatever is sent, the fault is the caller's, and nothing is written.
    #[test]
    fn malformed_calls_are_refused_and_write_nothing(
        (method, path) in prop::sample::select(ROUTES.to_vec()),
        body in prop::collection::vec(any::<u8>(), 0..200),
        query in "[a-z_=&%!+0-9]{0,40}",
        media in prop::sample::select(vec![
            "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "",
        ]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let request = Request::builder().method(method).uri(format!("/genesys/{path}?{query}"));
            let request = request.header("ccid", builders::tenant().to_string()).header("content-type", media);
            let reply = send(world.internal(), request.body(Body::from(body)).unwrap()).await;
            prop_assert!(reply.status < 500, "{} {}", reply.status, reply.body);
            prop_assert!(world.nothing_is_written());
            Ok(())
        })?;
    }
}
