//! The examples of operations whose answers come from routers, groups and the statistics service (API reference 9 to 12).

use std::time::Duration;

use ges_conformance::{Plan, Request, Server, Service, canary, strictly_typed};
use ges_harness::{Program, free_port, run_folder, workspace_binary};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::examples::{error, id_of, success, without_corr_id};
use crate::world::{SERVICE, booking, server, start};

/// Seeds routers with waits, agents and callers of queues.
fn waits(server: &Server, queues: &Value) {
    server.tell("urs", &json!({ "tenants": { "Environment": queues } })).unwrap();
}

fn get(server: &Server, target: &str) -> ges_conformance::Reply {
    server.external(&Request::new("GET", target).header("x-api-key", canary::API_KEY)).unwrap()
}

#[test]
fn queue_status_with_and_without_agents() {
    let server = start(&Plan::of([Service::new(SERVICE), Service::new("VQ_Night")]));
    waits(
        &server,
        &json!({
            "VQ_Support": { "ewt": 184, "pos": 3, "agents": 2 }, "VQ_Night": { "ewt": 10_000, "pos": 2, "agents": 0 },
        }),
    );
    let known = get(&server, "/engagement/v3/callbacks/queue-status/VQ_Support");
    strictly_typed(&known).unwrap();
    let expected = json!({ "ewt": 184, "offerImmediateCallback": true, "offerScheduledCallback": true });
    assert_eq!(without_corr_id(&known), success(expected));
    let nobody = get(&server, "/engagement/v3/callbacks/queue-status/VQ_Night");
    strictly_typed(&nobody).unwrap();
    let expected = json!({ "ewt": -1, "offerImmediateCallback": false, "offerScheduledCallback": true });
    assert_eq!(without_corr_id(&nobody), success(expected));
}

#[test]
fn estimated_wait_times_of_three_queues() {
    let server = server();
    waits(
        &server,
        &json!({
            "VQ_Support": { "ewt": 184.5, "pos": 3, "agents": 2 }, "VQ_Night": { "ewt": 10_000, "pos": 2, "agents": 0 },
        }),
    );
    let path = "/engagement/v3/estimated-wait-time";
    let reply = get(
        &server,
        &format!("{path}?virtual-queues=VQ_Support%2CVQ_Night%2CVQ_Typo&mode=mode2&include-calls-on-hold=true"),
    );
    strictly_typed(&reply).unwrap();
    let data = reply.data();
    // Parts of a second are cut.
    let known =
        json!({ "virtualQueue": "VQ_Support", "estimatedWaitTime": 184, "message": "Successful", "resultCode": 0 });
    let nobody = json!({ "virtualQueue": "VQ_Night", "estimatedWaitTime": -1, "message": "No agents logged in", "resultCode": -2 });
    assert_eq!((&data[0], &data[1]), (&known, &nobody));
    assert_eq!(
        (&data[2]["virtualQueue"], &data[2]["estimatedWaitTime"], &data[2]["resultCode"]),
        (&json!("VQ_Typo"), &json!(-1), &json!(-1))
    );
    assert_eq!(data.as_array().unwrap().len(), 3);
    let missing = get(&server, path);
    assert_eq!((missing.status, without_corr_id(&missing)), (400, error(1, "virtual-queues is required")));
}

#[test]
fn call_in_with_a_code() {
    let group = json!({ "name": "technical_help", "numbers": ["+19059680004"], "accessCode": true });
    let server = start(&Plan { call_in_groups: vec![group], ..Plan::of([Service::new(SERVICE)]) });
    let callback = id_of(&server.client().book_callback_external(booking(SERVICE, 1)).unwrap());
    let request = json!({
        "groupName": "technical_help",
        "fromPhoneNumber": "9059683457",
        "userData": { "priority": "high", "email": "joe@example.com" },
        "callbackServiceId": callback,
    });
    let reply = server.client().call_in_requests(&request).unwrap();
    let id = id_of(&reply);
    let data = reply.data();
    let (code, expires) = (data["accessCode"].as_u64().unwrap(), data["expirationTime"].as_i64().unwrap());
    assert!((100_000..1_000_000).contains(&code), "{data}");
    assert!(expires > Timestamp::now().as_millisecond(), "{data}");
    let expected = json!({
        "id": id, "toPhoneNumber": "+19059680004", "groupName": "technical_help", "expirationTime": expires,
        "accessCode": code, "fromPhoneNumber": "9059683457", "callbackServiceId": callback,
    });
    assert_eq!(without_corr_id(&reply), success(expected));
    let missing = server.client().call_in_requests(&json!({})).unwrap();
    assert_eq!((missing.status, without_corr_id(&missing)), (400, error(1, "groupName is required")));
}

/// The request of other callers than the official ones.
fn statistics() -> String {
    json!({ "data": { "statistics": [
        { "name": "CurrentAgentState", "objectId": "jsmith", "objectType": "Agent" },
        { "name": "TimeInCurrentState", "objectId": "jsmith", "objectType": "Agent" },
    ] } })
    .to_string()
}

#[test]
fn statistics_without_credentials() {
    let server = server();
    let request = server
        .client()
        .request("POST", "/statistics/operations/get-statistic-ex")
        .header("cache-control", "max-age=15");
    let reply = server.external(&request.body(statistics())).unwrap();
    let expected = error(11, "No statistics credentials are registered for this contact center");
    assert_eq!((reply.status, without_corr_id(&reply)), (401, expected));
}

/// The demonstration has credentials from the start.
#[test]
fn statistics_with_credentials() {
    let folder = run_folder().unwrap();
    let (external, internal) = (free_port().unwrap(), free_port().unwrap());
    let settings = [
        ("GES_SERVER__EXTERNAL_PORT", external.to_string()),
        ("GES_SERVER__INTERNAL_PORT", internal.to_string()),
        ("GES_DATA_DIR", folder.path().join("data").display().to_string()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let binary = workspace_binary("ges-standalone").unwrap();
    let mut program = Program::start("ges-standalone", &binary, &["--quiet"], &settings, folder.path()).unwrap();
    program.wait_for_http(internal, "/ges/v1/health/ready", Duration::from_secs(60)).unwrap();
    let request = Request::new("POST", "/engagement/v3/statistics/operations/get-statistic-ex")
        .header("x-api-key", "00000000-0000-4000-8000-00000000a001")
        .header("cache-control", "max-age=15")
        .header("Content-Type", "application/json");
    let reply = ges_conformance::send(external, &request.body(statistics())).unwrap();
    strictly_typed(&reply).unwrap();
    let data = reply.data();
    let values = data["statistics"].as_array().unwrap();
    assert_eq!(values.len(), 2);
    for (value, name) in values.iter().zip(["CurrentAgentState", "TimeInCurrentState"]) {
        assert_eq!(
            (&value["name"], &value["objectId"], &value["objectType"]),
            (&json!(name), &json!("jsmith"), &json!("Agent"))
        );
        assert!(value["timestamp"].is_i64() && !value["value"].is_null(), "{value}");
    }
}
