use axum::body::Body;
use axum::http::Request;
use ges_domain::phone::NumberRule;
use ges_domain::ports::{CallIns, Catalogue};
use ges_testkit::builders;
use serde_json::{Value, json};

use crate::testing::{KEY, OTHER_KEY, Reply, World, at, send};

const PATH: &str = "/engagement/v3/call-in/requests/create";

impl World {
    async fn call_in(&self, body: Value) -> Reply {
        self.call_in_as(KEY, body.to_string()).await
    }

    async fn call_in_as(&self, key: &str, body: String) -> Reply {
        let request = Request::post(PATH).header("content-type", "application/json").header("x-api-key", key);
        send(self.external(), request.body(Body::from(body)).unwrap()).await
    }

    async fn group(&self, name: &str, numbers: &[&str], codes: Option<u8>) {
        let group = builders::call_in_group(name, numbers, codes);
        self.store.put_group(builders::tenant(), &group).await.unwrap();
    }
}

#[tokio::test]
async fn the_documented_example_is_answered() {
    let world = World::new().await;
    world.group("technical_help", &["+19059680004"], Some(6)).await;
    let callback = world.booked(None).await;
    let reply = world
        .call_in(json!({
            "groupName": "technical_help", "fromPhoneNumber": "9059683457",
            "userData": { "priority": "high", "email": "joe@example.com", "not ok": 1 },
            "callbackServiceId": callback
        }))
        .await;
    let id = reply.json()["data"]["id"].as_str().unwrap().to_owned();
    let expires = at("2026-01-05T12:02:00Z").millis();
    assert_eq!(
        (reply.status, reply.sealed()),
        (
            200,
            format!(
                concat!(
                    r#"{{"status":{{"code":0,"message":"Successful","corrId":"CORR"}},"data":{{"id":"{}","#,
                    r#""toPhoneNumber":"+19059680004","groupName":"technical_help","expirationTime":{},"accessCode":{},"#,
                    r#""fromPhoneNumber":"9059683457","callbackServiceId":"{}"}}}}"#
                ),
                id, expires, 123_456, callback
            )
        )
    );
    let id = ges_domain::CallInId(id.parse().unwrap());
    let kept = world.store.request(builders::tenant(), id).await.unwrap().unwrap();
    let keys: Vec<_> = kept.user_data.iter().map(|(key, _)| key.to_owned()).collect();
    assert_eq!((kept.callback, keys), (Some(callback), vec!["email".to_owned(), "priority".to_owned()]));
    assert_eq!(
        world.metric(&format!("ges_callin_created{{tenant=\"{}\"}} ", builders::tenant())),
        Some(1.0),
        "R-CTI-9"
    );
}

#[tokio::test]
async fn what_was_not_asked_for_is_not_answered() {
    let world = World::new().await;
    world.group("plain", &["+15550001"], None).await;
    let reply = world
        .call_in(json!({ "groupName": " plain ", "fromPhoneNumber": null, "userData": "", "phoneNumber": "x" }))
        .await;
    let data = reply.json()["data"].clone();
    let mut fields: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["expirationTime", "groupName", "id", "toPhoneNumber"], "R-CTI-2");
    assert_eq!(data["toPhoneNumber"], "+15550001");
}

#[tokio::test]
async fn a_group_without_a_free_number_says_so() {
    let world = World::new().await;
    world.group("plain", &["+15550001"], None).await;
    assert_eq!(world.call_in(json!({ "groupName": "plain" })).await.status, 200);
    let reply = world.call_in(json!({ "groupName": "plain" })).await;
    assert_eq!(reply.refused(500, 51), "No number of the call-in group is free at the moment", "R-CTI-8");
    assert_eq!(reply.header("retry-after"), Some("30"));
    let created = format!("ges_callin_created{{tenant=\"{}\"}} ", builders::tenant());
    assert_eq!(world.metric(&created), Some(1.0), "a refusal is not counted");
}

#[tokio::test]
async fn refusals_name_the_field() {
    let world = World::new().await;
    world.group("plain", &["+15550001"], None).await;
    let with = |name: &str, value: Value| {
        let mut body = json!({ "groupName": "plain" });
        body[name] = value;
        body
    };
    for (body, code, message) in [
        (json!({}), 1, "groupName is required"),
        (json!({ "groupName": "" }), 1, "groupName is required"),
        (json!({ "groupName": 5 }), 1, "groupName must be a string"),
        (json!({ "groupName": " " }), 1, "groupName must have 1 to 255 characters and no NUL"),
        (json!({ "groupName": "Plain" }), 2, "Call-in group 'Plain' is not provisioned"),
        (with("callbackServiceId", json!("x")), 1, "callbackServiceId must be a UUID"),
        (with("callbackServiceId", json!(5)), 1, "callbackServiceId must be a string"),
        (
            with("callbackServiceId", json!("8c78d4e1-c85a-424b-8334-5ff36e07372f")),
            1,
            "callbackServiceId names no callback",
        ),
        (with("fromPhoneNumber", json!("bad")), 5, "fromPhoneNumber is not a possible phone number"),
        (with("fromPhoneNumber", json!("911")), 5, "fromPhoneNumber is not a possible phone number"),
        (with("fromPhoneNumber", json!("+19005551234")), 5, "fromPhoneNumber is a premium rate number"),
        (with("fromPhoneNumber", json!("1".repeat(65))), 1, "fromPhoneNumber must have 1 to 64 characters and no NUL"),
        (with("userData", json!(5)), 1, "userData must be a JSON object"),
    ] {
        let reply = world.call_in(body.clone()).await;
        assert_eq!(reply.refused(400, code), message, "{body}");
    }
    let huge = with("userData", json!({ "a": "x".repeat(450_000) }));
    assert_eq!(world.call_in(huge).await.refused(400, 1), "userData is larger than 400 KiB");
    world.call_in_as(KEY, "[]".into()).await.refused(400, 1);
    assert_eq!(world.call_in(json!({ "groupName": "plain" })).await.status, 200, "nothing above took the number");
}

#[tokio::test]
async fn another_tenants_group_and_callback_are_nobodys() {
    let world = World::new().await;
    world.group("plain", &["+15550001"], None).await;
    let body = json!({ "groupName": "plain" }).to_string();
    world.call_in_as(OTHER_KEY, body).await.refused(400, 2);
    let theirs = builders::call_in_group("theirs", &["+15550001"], None);
    world.store.put_group(builders::other_tenant(), &theirs).await.unwrap();
    let mine = world.booked(None).await;
    let body = json!({ "groupName": "theirs", "callbackServiceId": mine }).to_string();
    world.call_in_as(OTHER_KEY, body).await.refused(400, 1);
}

#[tokio::test]
async fn the_number_rule_of_the_groups_service_holds() {
    let world = World::new().await;
    let rule: NumberRule = serde_json::from_value(json!({ "name": "Home", "countries": ["US"] })).unwrap();
    world.store.put_number_rule(builders::tenant(), &rule).await.unwrap();
    let mut row = builders::service_row("CB_Home");
    row.number_rule = Some("Home".into());
    world.store.put_service(builders::tenant(), &row).await.unwrap();
    let mut group = builders::call_in_group("home", &["+15550001"], None);
    group.service = Some(builders::service("CB_Home"));
    world.store.put_group(builders::tenant(), &group).await.unwrap();
    let from = |number: &str| json!({ "groupName": "home", "fromPhoneNumber": number });
    assert_eq!(
        world.call_in(from("+442079460958")).await.refused(400, 5),
        "fromPhoneNumber is blocked by a number rule"
    );
    assert_eq!(world.call_in(from("+16504661100")).await.status, 200);
}

#[tokio::test]
async fn a_store_that_fails_takes_no_number() {
    let world = World::new().await;
    world.group("plain", &["+15550001"], None).await;
    world.store.fail_times(1);
    world.call_in(json!({ "groupName": "plain" })).await.refused(500, 51);
    assert_eq!(world.call_in(json!({ "groupName": "plain" })).await.status, 200);
}

#[tokio::test]
async fn a_repetition_under_a_key_gets_the_first_answer() {
    let world = World::new().await;
    world.group("coded", &["+15550001"], Some(6)).await;
    let ask = async |key: &str, body: &str| {
        let request = Request::post(PATH).header("x-api-key", KEY).header("idempotency-key", key);
        send(world.external(), request.body(Body::from(body.to_owned())).unwrap()).await
    };
    let body = r#"{"groupName":"coded"}"#;
    let (first, again) = (ask("k1", body).await, ask("k1", body).await);
    assert_eq!((first.status, first.sealed()), (again.status, again.sealed()), "I6");
    assert_ne!(ask("k2", body).await.sealed(), first.sealed());
    ask("k1", r#"{"groupName":"coded" }"#).await.refused(422, 25);
    ask("", body).await.refused(400, 1);
    let created = format!("ges_callin_created{{tenant=\"{}\"}} ", builders::tenant());
    assert_eq!(world.metric(&created), Some(2.0), "a repetition is not counted");
}
