//! Every row of the code table is produced over HTTP (API reference 3.4). The table is read from the document, so a new row
//! fails until somebody produces it.

use ges_conformance::{
    DOCUMENT, OTHER_KEY, Plan, Reply, Request, Server, Service, TENANT, canary, enveloped, instant, tomorrow_at,
};
use serde_json::{Value, json};

use crate::world::{SERVICE, booking, scheduled, start};

/// Code and HTTP status of every row.
fn table() -> Vec<(u64, u16)> {
    let mut rows = vec![(0, 200)];
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        let Some(status) = name.strip_prefix("Error").and_then(|status| status.parse().ok()) else { continue };
        let codes = schema.pointer("/properties/status/properties/code/oneOf").and_then(Value::as_array).unwrap();
        rows.extend(codes.iter().map(|code| (code["const"].as_u64().unwrap(), status)));
    }
    rows.sort_unstable();
    rows
}

fn plan() -> Plan {
    let services = [
        Service::new(SERVICE),
        Service::new("VQ_Captcha").with("captchaRequired", true),
        Service::new("VQ_Later").with("immediateCallbackEnabled", false),
        Service::new("VQ_One").with("maxPerSlot", 1),
        Service::new("VQ_Never").with("businessHours", "BH_Never"),
        Service::new("VQ_Few").with("throttleLimit1", 1),
        Service::new("VQ_Once").with("inQueueCheck", "strict"),
    ];
    let never = json!({ "name": "BH_Never", "timezone": "UTC", "regular": [], "special": [], "effective": [] });
    Plan { hours: vec![never], ..Plan::of(services) }
}

/// Makes the row's answer come about; none when nobody knows how.
fn produce(server: &Server, code: u64) -> Option<Reply> {
    let client = server.client();
    let book = |body: Value| client.book_callback_external(body).unwrap();
    let create = |kind: &str, body: Vec<u8>| {
        let request = Request::new("POST", "/engagement/v3/callbacks/create").header("x-api-key", canary::API_KEY);
        server.external(&request.header("content-type", kind).body(body)).unwrap()
    };
    let id_of = |reply: &Reply| reply.data()["id"].as_str().unwrap().to_owned();
    let at = instant(tomorrow_at(15, 0));
    let unknown = "8c78d4e1-c85a-424b-8334-5ff36e07372f";
    Some(match code {
        0 => book(booking(SERVICE, 1)),
        1 => create("application/json", b"[]".to_vec()),
        2 => book(booking("VQ_Suport", 2)),
        3 => book(booking("VQ_Later", 3)),
        4 => book(booking("VQ_Captcha", 4)),
        5 => book(json!({ "serviceName": SERVICE, "phoneNumber": "call me" })),
        6 => {
            let id = id_of(&book(booking(SERVICE, 6)));
            client.cancel_callback(&id).unwrap();
            client.cancel_callback(&id).unwrap()
        }
        10 => server.external(&Request::new("GET", "/engagement/v3/callbacks/open-for/x")).unwrap(),
        11 => {
            let asked = json!({ "data": { "statistics": [{ "name": "a", "objectId": "b", "objectType": "Agent" }] } });
            let request = client.request("POST", "/statistics/operations/get-statistic-ex");
            server.external(&request.body(asked.to_string())).unwrap()
        }
        12 => {
            let request = Request::new("GET", "/engagement/v3/callbacks/open-for/x").header("x-api-key", OTHER_KEY);
            server.internal(&request.header("ccid", TENANT)).unwrap()
        }
        20 => client.query_callback_by_id(unknown).unwrap(),
        21 => server.external(&Request::new("GET", "/engagement/v3/callbacks")).unwrap(),
        22 => server.external(&client.request("GET", "/callbacks/create")).unwrap(),
        23 => create("application/json", vec![b' '; 500_001]),
        24 => create("text/plain", b"{}".to_vec()),
        25 => {
            let under_key = |number: u16| {
                let request = client.request("POST", "/callbacks/create").header("Idempotency-Key", "order-4711");
                server.external(&request.body(booking(SERVICE, number).to_string())).unwrap()
            };
            under_key(25);
            under_key(26)
        }
        30 => {
            book(scheduled("VQ_One", 30, &at));
            book(scheduled("VQ_One", 31, &at))
        }
        31 => book(booking("VQ_Never", 31)),
        32 => {
            book(booking("VQ_Few", 32));
            book(booking("VQ_Few", 33))
        }
        33 => {
            book(booking("VQ_Once", 34));
            book(booking("VQ_Once", 34))
        }
        50 => {
            // A record whose stored document is none: no rule of ours writes it, and no rule can read it.
            let id = id_of(&book(booking(SERVICE, 50)));
            server.sql(&format!("update callbacks set details = '\\xff00'::bytea where id = '{id}'")).unwrap();
            client.query_callback_by_id(&id).unwrap()
        }
        51 => {
            server.order_fault(&json!({ "target": "env", "kind": "status", "status": 503 })).unwrap();
            let request = Request::new("GET", "/engagement/v3/callbacks/open-for/x").header("x-api-key", "never seen");
            server.external(&request).unwrap()
        }
        _ => return None,
    })
}

#[test]
fn every_row_of_the_code_table_is_produced_over_http() {
    let rows = table();
    assert!(rows.len() >= 22, "{rows:?}");
    let server = start(&plan());
    for (code, status) in rows {
        let reply = produce(&server, code).unwrap_or_else(|| panic!("nobody produces code {code}"));
        enveloped(&reply).unwrap();
        assert_eq!((reply.code(), reply.status), (Some(code), status), "{}", reply.body);
        assert_eq!(reply.json().get("data").is_some(), status == 200 || status == 429, "{}", reply.body);
    }
}

#[test]
fn what_we_depend_on_being_away_says_when_to_come_back() {
    let server = start(&Plan::of([Service::new(SERVICE)]));
    let reply = produce(&server, 51).unwrap();
    assert_eq!(reply.header("retry-after"), Some("2"));
}
