//! The internal API of Designer applications and sessions (integrations 2, checks 7 to 9), on PostgreSQL.

use ges_conformance::{OTHER_TENANT, Plan, Reply, Request, Server, Service, TENANT, canary, instant, tomorrow_at};
use serde_json::{Value, json};

use crate::world::{SERVICE, booking, start};

const CLASS: &str = "com.genesyslab.gsg.services.callback.exceptions.CallbackException";

fn pod() -> Server {
    start(&Plan::of([Service::new(SERVICE)]))
}

fn call(server: &Server, method: &str, path: &str, body: &Value) -> Reply {
    let request = Request::new(method, &format!("/genesys/{path}")).header("ContactCenterId", TENANT);
    let request = request.header("content-type", "application/json");
    let request = if body.is_null() { request } else { request.body(body.to_string()) };
    server.internal(&request).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn refused(reply: &Reply, status: u16, class: &str) {
    assert_eq!(reply.status, status, "{}", reply.body);
    let fault = reply.json();
    assert_eq!(fault["exception"], format!("{CLASS}{class}"));
    assert_eq!(fault["message"], fault["error"]);
    assert!(fault["phrase"].is_string());
}

/// Checks 7 and 8.
#[test]
fn check_08_create_query_update_cancel_availability_and_watermarks_round_trip() {
    let server = pod();
    let path = format!("1/service/callback/{SERVICE}");
    let number = canary::phone(1);
    let at = instant(tomorrow_at(15, 0));
    let made = call(
        &server,
        "POST",
        &path,
        &json!({ "_customer_number": number, "_desired_time": at, "accountId": canary::USER_DATA }),
    );
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(made.header("content-type"), Some("application/json; charset=utf-8"));
    let made = made.json();
    assert_eq!(keys(&made), ["_action", "_dialogId", "_expiration_time", "_id", "_okTitle", "_text"]);
    let id = made["_id"].as_str().unwrap().to_owned();

    let query = format!("{path}?_customer_number={number}&_callback_state=!COMPLETED&operand=AND");
    let found = call(&server, "GET", &query, &Value::Null).json();
    let url = format!("/1/service/callback/{SERVICE}/{id}");
    assert_eq!(
        found,
        json!([{ "_id": id, "_service_name": SERVICE, "_customer_number": number, "_desired_time": at,
            "_callback_state": "SCHEDULED", "_callback_reason": "", "_expiration_time": made["_expiration_time"],
            "_url": url, "accountId": canary::USER_DATA, "desiredTime": at, "url": url }])
    );

    let later = instant(tomorrow_at(16, 0));
    let moved = call(&server, "PUT", &format!("{path}/{id}"), &json!({ "_new_desired_time": later, "accountId": "" }));
    assert_eq!((moved.status, moved.body.as_str()), (200, "{}"));
    let found = call(&server, "GET", &format!("{path}?_id={id}"), &Value::Null).json();
    assert_eq!((&found[0]["_desired_time"], found[0].get("accountId")), (&json!(later), None));

    let slots = format!("{path}/availability?start={later}&number-of-days=1&max-time-slots=2");
    let next = instant(tomorrow_at(16, 15));
    assert_eq!(call(&server, "GET", &slots, &Value::Null).body, format!(r#"{{"{later}":9,"{next}":10}}"#));
    let second = call(&server, "GET", &slots.replacen('1', "2", 1), &Value::Null).json();
    assert_eq!(keys(&second), ["durationMin", "slots", "timezone"]);
    assert_eq!(keys(&second["slots"][0]), ["capacity", "localTime", "total", "utcTime"]);

    let window = format!("1/admin/callback/queues?target={SERVICE}&end_time={}", instant(tomorrow_at(23, 0)));
    let listed = call(&server, "GET", &window, &Value::Null).json();
    assert_eq!(listed[SERVICE][0]["_id"], id.as_str());

    // A callback that brings its session counts as executing, and its session alone may move it.
    let own = json!({ "_customer_number": canary::phone(2), "_ors_session_id": "SESSION1" });
    let own = call(&server, "POST", &path, &own).json()["_id"].as_str().unwrap().to_owned();
    let counted = call(&server, "GET", &format!("1/admin/callback/watermarks?service_name={SERVICE}"), &Value::Null);
    assert_eq!(counted.body, format!(r#"{{"services":{{"{SERVICE}":1}},"total":1}}"#));
    let storage = format!("1/service/{own}/storage");
    refused(&call(&server, "POST", &storage, &json!({ "_ors_session_id": "SESSION2" })), 409, "Operation");
    for state in ["ROUTING", "PROCESSING"] {
        let told = json!({ "_callback_state": state, "_ors_session_id": "SESSION1" });
        assert_eq!(call(&server, "POST", &storage, &told).status, 200);
    }
    let back = json!({ "_callback_state": "ROUTING", "_ors_session_id": "SESSION1" });
    refused(&call(&server, "POST", &storage, &back), 409, "Operation");
    let bound = call(&server, "GET", "1/service/callback?_ors_session_id=SESSION1", &Value::Null).json();
    assert_eq!((&bound[0]["_id"], &bound[0]["_callback_state"]), (&json!(own), &json!("PROCESSING")));
    refused(&call(&server, "DELETE", &format!("{path}/{own}"), &Value::Null), 409, "Operation");
    let ended = json!({ "_callback_state": "COMPLETED", "_callback_reason": "AGENT_CONNECTED", "_agent_id": "1001" });
    assert_eq!(call(&server, "POST", &storage, &ended).body, "{}");
    let trailing = json!({ "_callback_state": "QUEUED", "_ors_session_id": "SESSION1" });
    assert_eq!(call(&server, "POST", &storage, &trailing).body, "{}", "check 7");
    let ended = call(&server, "GET", &format!("{storage}/_callback_state"), &Value::Null);
    assert_eq!((ended.status, ended.body.as_str()), (200, "COMPLETED"));

    for _ in 0..2 {
        let cancelled = call(&server, "DELETE", &format!("{path}/{id}"), &Value::Null);
        assert_eq!((cancelled.status, cancelled.body.as_str()), (200, "{}"));
    }
    let ids = json!({ "reason": "CANCELLED_BY_ADMIN", "ids": [id, "nope"] });
    let bulk = call(&server, "POST", "1/admin/callback/cancel", &ids).json();
    assert_eq!(bulk, json!({ "cancelled": [id], "failed": [{ "_id": "nope", "message": "Unknown callback." }] }));
    let columns = json!({ "exported_properties": ["_id", "_callback_reason"] });
    let report = call(&server, "POST", "1/admin/callback/reportcancelled", &columns);
    assert!(report.body.contains(&format!("{id},CANCELLED")), "{}", report.body);
}

#[test]
fn refusals_have_the_shapes_old_scripts_compare() {
    let server = start(&Plan::of([Service::new(SERVICE).with("maxPerSlot", 1).with("perNumberLimit", 1)]));
    let path = format!("1/service/callback/{SERVICE}");
    let at = instant(tomorrow_at(15, 0));
    let wish = |number: u16| json!({ "_customer_number": canary::phone(number), "_desired_time": at });
    assert_eq!(call(&server, "POST", &path, &wish(1)).status, 200);
    let full = call(&server, "POST", &path, &wish(2));
    refused(&full, 400, "Availability");
    assert_eq!(full.json()["message"], format!("Desired time {at} is not available."));
    assert!(!full.json()["availability"].as_object().unwrap().is_empty());
    let now = || json!({ "_customer_number": canary::phone(3) });
    assert_eq!(call(&server, "POST", &path, &now()).status, 200);
    let often = call(&server, "POST", &path, &now());
    refused(&often, 503, "ServiceUnavailable");
    assert_eq!(often.header("retry-after"), Some("3600"));
    let message = often.json()["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "Too many callbacks requested today for _customer_number=…0003 (limit 1).");
    let nobody = Request::new("GET", &format!("/genesys/{path}?_callback_state=QUEUED"));
    refused(&server.internal(&nobody).unwrap(), 400, "InvalidOption");
    let stranger = nobody.header("ccid", "c0ffee00-0000-4000-8000-00000000dead");
    refused(&server.internal(&stranger).unwrap(), 400, "NotFound");
    refused(&call(&server, "POST", "1/service/callback/None", &wish(1)), 404, "NotFound");
    refused(&call(&server, "GET", "1/document/x", &Value::Null), 404, "NotFound");
}

#[test]
fn general_storage_lives_in_redis_or_in_the_pod() {
    let redis = |url: String| {
        let port = url.trim_end_matches("/0").rsplit_once(':').map(|(_, port)| port.to_owned()).unwrap();
        [("GES_REDIS__HOST", "127.0.0.1".to_owned()), ("GES_REDIS__PORT", port)]
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no configuration; the test command names its server here"
    )]
    let url = std::env::var("GES_TEST_REDIS_URL").unwrap();
    let with = redis(url).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for environment in [Vec::new(), with] {
        let server = start(&Plan { environment, ..Plan::of([Service::new(SERVICE)]) });
        let form = Request::new("POST", "/genesys/1/storage/3600").header("ccid", TENANT);
        let form = form.header("content-type", "application/x-www-form-urlencoded").body("Key1=Value1&Key2=Value2");
        // The pod is ready before its Redis is connected, which is an outage like any other: try again, as `Retry-After` says.
        let mut made = server.internal(&form).unwrap();
        for _ in 0..50 {
            if made.status != 503 {
                break;
            }
            assert_eq!(made.header("retry-after"), Some("5"));
            #[expect(clippy::disallowed_methods, reason = "a test of processes has no runtime to rest in")]
            std::thread::sleep(std::time::Duration::from_millis(100));
            made = server.internal(&form).unwrap();
        }
        assert_eq!(made.status, 200, "{}", made.body);
        let path = format!("1/storage/{}", made.json()["id"].as_str().unwrap());
        assert_eq!(call(&server, "GET", &path, &Value::Null).body, r#"{"Key1":"Value1","Key2":"Value2"}"#);
        assert_eq!(call(&server, "GET", &format!("{path}/Key1"), &Value::Null).body, "Value1");
        let theirs = Request::new("GET", &format!("/genesys/{path}")).header("ccid", OTHER_TENANT);
        refused(&server.internal(&theirs).unwrap(), 404, "NotFound");
        assert_eq!(call(&server, "DELETE", &path, &Value::Null).body, "{}");
        refused(&call(&server, "GET", &path, &Value::Null), 404, "NotFound");
    }
}

#[test]
fn internal_callers_show_the_configured_credentials() {
    let settings = [("GES_INTERNAL_AUTH__MODE", "bearer"), ("GES_INTERNAL_AUTH__TOKEN", canary::CLIENT_SECRET)];
    let environment = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let server = start(&Plan { environment, ..Plan::of([Service::new(SERVICE)]) });
    let asked = || Request::new("GET", "/genesys/1/admin/callback/watermarks").header("ccid", TENANT);
    let refused = server.internal(&asked()).unwrap();
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer realm=\"ges\"")));
    let token = format!("Bearer {}", canary::CLIENT_SECRET);
    assert_eq!(server.internal(&asked().header("authorization", &token)).unwrap().status, 200);
    for open in ["/metrics", "/ges/v1/health/ready"] {
        assert_eq!(server.internal(&Request::new("GET", open)).unwrap().status, 200, "{open}");
    }
}

/// Check 9.
#[test]
fn check_09_outside_a_contact_center_in_a_header_changes_nothing() {
    let server = pod();
    let create = |headers: &[(&str, &str)], body: Value| {
        let request =
            Request::new("POST", "/engagement/v3/callbacks/create").header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        server.external(&request.body(body.to_string())).unwrap()
    };
    for name in ["ContactCenterId", "ccid"] {
        for tenant in [TENANT, OTHER_TENANT] {
            assert_eq!(create(&[(name, tenant)], booking(SERVICE, 1)).status, 401, "it identifies nobody");
            let with_key = [("x-api-key", canary::API_KEY), (name, tenant)];
            assert_eq!(create(&with_key, booking(SERVICE, 2)).status, 200, "it contradicts nobody");
        }
    }
    for path in ["/genesys/1/node", "/genesys/1/admin/callback/watermarks", "/metrics", "/ges/v1/notification/publish"]
    {
        let outside = Request::new("GET", path).header("ContactCenterId", TENANT);
        assert_eq!(server.external(&outside).unwrap().status, 404, "{path}");
    }
}
