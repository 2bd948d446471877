//! The log at TRACE: every error finds its line by its correlation id, and nothing about people stands anywhere (I11).
//!
//! Every server of these tests is searched for canaries when it ends; here is one that was given all of them in every place.

use std::time::{Duration, Instant};

use ges_conformance::{OTHER_TENANT, Plan, Reply, Request, Server, Service, canary, enveloped, instant, tomorrow_at};
use serde_json::{Value, json};

use crate::world::{SERVICE, start};

fn plan() -> Plan {
    let captcha = Service::new("VQ_Captcha").with("captchaRequired", true);
    Plan { worker: true, ..Plan::of([Service::new(SERVICE), captcha, Service::new("VQ_One").with("maxPerSlot", 1)]) }
}

/// A booking with a canary in every field that can hold one.
fn full(service: &str, number: u16) -> Value {
    json!({
        "serviceName": service,
        "phoneNumber": canary::phone(number),
        "userData": { canary::USER_DATA_KEY: canary::USER_DATA, "nested": { "deep": [canary::USER_DATA] } },
        "captchaToken": canary::CAPTCHA_TOKEN,
        "pushTargets": [{ "channel": "FCM", "target": canary::PUSH_TARGET }],
    })
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

/// Requests of every kind of outcome, with canaries in all of them.
fn provoke(server: &Server) -> Vec<Reply> {
    let client = server.client();
    let create = |body: String| server.external(&client.request("POST", "/callbacks/create").body(body)).unwrap();
    let at = instant(tomorrow_at(15, 0));
    let good = full(SERVICE, 1);
    let broken = good.to_string();
    let mut replies = vec![
        create(good.to_string()),
        create(with(good.clone(), "desiredTime", at.clone()).to_string()),
        create(with(full("VQ_One", 2), "desiredTime", at.clone()).to_string()),
        create(with(full("VQ_One", 3), "desiredTime", at).to_string()),
        create(with(full("VQ_Captcha", 4), "captchaToken", canary::CAPTCHA_TOKEN).to_string()),
        create(with(good.clone(), "phoneNumber", format!("{}x", canary::phone(5))).to_string()),
        create(with(good.clone(), "desiredTime", canary::phone(6)).to_string()),
        create(with(good.clone(), "priority", canary::USER_DATA).to_string()),
        create(with(good.clone(), "userData", canary::USER_DATA).to_string()),
        create(with(good.clone(), "userData", json!({ "big": canary::USER_DATA.repeat(20_000) })).to_string()),
        create(with(good, "pushTargets", json!([{ "channel": canary::PUSH_TARGET, "target": canary::PUSH_TARGET }])).to_string()),
        create(broken[..broken.len() - 9].to_owned()),
        create(canary::USER_DATA.repeat(40_000)),
        server.external(&Request::new("POST", "/engagement/v3/callbacks/create").body(full(SERVICE, 7).to_string())).unwrap(),
        server.external(&Request::new("GET", &format!("/engagement/v3/{}", canary::USER_DATA))).unwrap(),
        server.external(&Request::new("DELETE", &format!("/engagement/v3/callbacks/create?k={}", canary::API_KEY))).unwrap(),
        client.query_callback_by_id(&canary::phone(8)).unwrap(),
        client.query_availability_v2(SERVICE, &[("start", canary::USER_DATA.into())]).unwrap(),
        client.query_queue_status(SERVICE).unwrap(),
        client.estimated_wait_time(SERVICE, &[]).unwrap(),
        client.call_in_requests(&json!({ "groupName": "none", "fromPhoneNumber": canary::phone(9), "userData": { "a": canary::USER_DATA } })).unwrap(),
        client.statistics(None).unwrap(),
        server.internal(&client.request("GET", "/callbacks/open-for/x").header("ccid", OTHER_TENANT)).unwrap(),
    ];
    let id = replies[0].data()["id"].as_str().expect("the first one is booked").to_owned();
    replies.push(client.query_callback_by_id(&id).unwrap());
    let storage =
        Request::new("POST", &format!("/genesys/1/service/{id}/storage")).header("content-type", "application/json");
    let told =
        json!({ "_callback_state": "QUEUED", "_ors_session_id": "S1", canary::USER_DATA_KEY: canary::USER_DATA });
    server.internal(&storage.body(told.to_string())).unwrap();
    replies.push(client.cancel_callback(&id).unwrap());
    // A record that cannot be read, and a registry that is away.
    server.sql("update callbacks set details = '\\xff00'::bytea").unwrap();
    replies.push(client.query_callback_by_id(&id).unwrap());
    server.order_fault(&json!({ "target": "env", "kind": "status", "status": 503 })).unwrap();
    let unseen = format!("{}-unseen", canary::API_KEY);
    replies.push(
        server
            .external(&Request::new("GET", "/engagement/v3/callbacks/open-for/x").header("x-api-key", &unseen))
            .unwrap(),
    );
    replies
}

#[test]
fn check_23_at_trace_every_answer_finds_its_line_and_nothing_personal_is_written() {
    let mut server = start(&plan());
    let replies = provoke(&server);
    let statuses: std::collections::BTreeSet<_> = replies.iter().map(|reply| reply.status).collect();
    assert!(
        [200, 400, 401, 403, 404, 405, 413, 429, 500].iter().all(|status| statuses.contains(status)),
        "{statuses:?}"
    );
    for reply in &replies {
        enveloped(reply).unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        let line = loop {
            // The answer may be there before its line is.
            let lines = server.lines_of(&reply.corr_id());
            match lines.into_iter().find(|line| line["message"] == "request answered") {
                Some(line) => break line,
                None if Instant::now() > until => panic!("no line for {}", reply.body),
                None => std::thread::park_timeout(Duration::from_millis(10)),
            }
        };
        assert_eq!(
            (line["http.status"].as_u64(), line["code"].as_u64()),
            (Some(reply.status.into()), reply.code()),
            "{line}"
        );
    }
    assert!(server.all_run());
    let log = server.log();
    for level in ["INFO", "DEBUG"] {
        assert!(log.contains(&format!("\"level\":\"{level}\"")), "the log is really at its most talkative: {level}");
    }
    server.nothing_personal_was_logged().unwrap();
    assert!(!canary::found_in(&format!("{log}{}", canary::phone(1))).is_empty(), "a number would have been found");
}
