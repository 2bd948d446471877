//! Every example of the API reference, sent as it stands there. Times that have passed are moved to tomorrow; ids that servers
//! choose are those of the answers.

use std::time::Duration;

use ges_conformance::{
    CELL_MINUTES, OFFER_TYPE_SENTENCE, Plan, Reply, Request, Server, Service, canary, enveloped, instant,
    strictly_typed, tomorrow_at,
};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use crate::world::{SERVICE, scheduled, server, start};

const UNKNOWN: &str = "8c78d4e1-c85a-424b-8334-5ff36e07372f";

/// The answer without the one thing that is always new.
pub(crate) fn without_corr_id(reply: &Reply) -> Value {
    enveloped(reply).unwrap();
    let mut json = reply.json();
    json["status"]["corrId"] = "CORR".into();
    json
}

pub(crate) fn success(data: Value) -> Value {
    json!({ "status": { "code": 0, "message": "Successful", "corrId": "CORR" }, "data": data })
}

pub(crate) fn error(code: u64, message: &str) -> Value {
    json!({ "status": { "code": code, "message": message, "corrId": "CORR" } })
}

pub(crate) fn id_of(reply: &Reply) -> String {
    strictly_typed(reply).unwrap();
    reply.data()["id"].as_str().unwrap().to_owned()
}

/// The whole example of 4.9.
fn example(at: &str) -> Value {
    json!({
        "serviceName": "VQ_Support",
        "phoneNumber": "12223334444",
        "desiredTime": at,
        "cbOfferType": "SCHEDULED",
        "language": "en-US",
        "channel": "WEB",
        "userData": { "priority": "high", "email": "joe@example.com" },
        "pushTargets": [{ "channel": "FCM", "target": "fcm-registration-token" }],
        "alwaysCheckCapacity": true
    })
}

#[test]
fn create_with_everything() {
    let server = server();
    let request = Request::new("POST", "/engagement/v3/callbacks/create").header("x-api-key", canary::API_KEY);
    let request = request.header("Content-Type", "application/json").header("Accept", "application/json");
    let body = example(&instant(tomorrow_at(15, 0))).to_string();
    let reply = server.external(&request.body(body)).unwrap();
    let id = id_of(&reply);
    assert_eq!(without_corr_id(&reply), success(json!({ "id": id })));
}

#[test]
fn create_with_next_to_nothing_as_the_javascript_client_sends_it() {
    let server = server();
    let request = server.client().request("POST", "/callbacks/create");
    let body = json!({
        "serviceName": "VQ_Support", "phoneNumber": "12223334444", "cbOfferType": OFFER_TYPE_SENTENCE, "language": "en-US",
    });
    let id = id_of(&server.external(&request.body(body.to_string())).unwrap());
    let kept = server.client().query_callback_by_id(&id).unwrap();
    assert_eq!(kept.data()["phoneNumber"], "12223334444", "it can be read at once");
}

#[test]
fn create_for_a_service_that_is_none() {
    let mut body = example(&instant(tomorrow_at(15, 0)));
    body["serviceName"] = "VQ_Suport".into();
    let reply = server().client().book_callback_external(body).unwrap();
    assert_eq!((reply.status, without_corr_id(&reply)), (400, error(2, "Service 'VQ_Suport' is not provisioned")));
}

/// Books places of a cell.
fn fill(server: &Server, at: Timestamp, places: u16, first: u16) {
    for number in first..first + places {
        let reply = server.client().book_callback_external(scheduled(SERVICE, number, &instant(at))).unwrap();
        strictly_typed(&reply).unwrap();
    }
}

#[test]
fn create_in_a_full_slot() {
    let server = server();
    let (wanted, cell) = (tomorrow_at(15, 0), |cells: i64| tomorrow_at(15, 0) + (cells * CELL_MINUTES).minutes());
    fill(&server, wanted, 10, 0);
    fill(&server, cell(-1), 8, 20);
    fill(&server, cell(1), 5, 40);
    let reply = server.client().book_callback_external(example(&instant(wanted))).unwrap();
    assert_eq!(reply.status, 429);
    let expected = error(30, &format!("No capacity at {}", instant(wanted)));
    assert_eq!(without_corr_id(&reply)["status"], expected["status"]);
    let slots = &reply.data()["slots"];
    for (cells, places) in [(-1, "2"), (1, "5"), (2, "10")] {
        assert_eq!(slots[instant(cell(cells))], places, "{slots}");
    }
    let starts: Vec<_> = slots.as_object().unwrap().keys().cloned().collect();
    let in_body: Vec<_> = starts.iter().map(|start| reply.body.find(start.as_str()).unwrap()).collect();
    assert!(starts.is_sorted() && in_body.is_sorted() && starts.len() == 10, "ordered by time: {}", reply.body);
}

#[test]
fn create_when_a_record_cannot_be_read_is_told_as_internal() {
    let server = server();
    let id = id_of(&server.client().book_callback_external(example(&instant(tomorrow_at(15, 0)))).unwrap());
    server.sql("update callbacks set details = '\\xff00'::bytea").unwrap();
    let reply = server.client().query_callback_by_id(&id).unwrap();
    assert_eq!((reply.status, without_corr_id(&reply)), (500, error(50, "Internal error")));
}

#[test]
fn retrieve_queued() {
    let plan = Plan { worker: true, ..Plan::of([Service::new(SERVICE)]) };
    let server = start(&plan);
    let client = server.client();
    let mut body = example("");
    body["desiredTime"] = Value::Null;
    let id = id_of(&client.book_callback_external(body).unwrap());
    // The session says where it stands, once the callback was handed over.
    let told = json!({ "_callback_state": "QUEUED", "_ors_session_id": "S1", "_position": "4", "_ewt": "120" });
    let update =
        Request::new("POST", &format!("/genesys/1/service/{id}/storage")).header("content-type", "application/json");
    let update = update.body(told.to_string());
    let mut answer = server.internal(&update).unwrap();
    for _ in 0..200 {
        if answer.status == 200 {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(50));
        answer = server.internal(&update).unwrap();
    }
    assert_eq!(answer.status, 200, "{}", answer.body);
    let reply = client.query_callback_by_id(&id).unwrap();
    strictly_typed(&reply).unwrap();
    let expected = json!({
        "id": id, "desiredTime": reply.data()["desiredTime"], "callbackState": "QUEUED", "phoneNumber": "12223334444",
        "positionInQueue": 4, "estimatedWaitTime": 120,
    });
    assert_eq!(without_corr_id(&reply), success(expected));
}

#[test]
fn cancel_then_retrieve_completed_then_cancel_again() {
    let server = server();
    let (client, at) = (server.client(), instant(tomorrow_at(15, 0)));
    let id = id_of(&client.book_callback_external(example(&at)).unwrap());
    let cancelled = client.cancel_callback(&id).unwrap();
    assert_eq!(without_corr_id(&cancelled), success(json!({ "id": id })));
    let reply = client.query_callback_by_id(&id).unwrap();
    strictly_typed(&reply).unwrap();
    let expected = json!({
        "id": id, "desiredTime": at, "callbackState": "COMPLETED", "callbackReason": "CANCELLED", "phoneNumber": "12223334444",
    });
    assert_eq!(without_corr_id(&reply), success(expected));
    let again = client.cancel_callback(&id).unwrap();
    assert_eq!((again.status, again.code()), (400, Some(6)));
}

#[test]
fn retrieve_and_cancel_what_is_not_there() {
    let server = server();
    for reply in
        [server.client().query_callback_by_id(UNKNOWN).unwrap(), server.client().cancel_callback(UNKNOWN).unwrap()]
    {
        assert_eq!((reply.status, without_corr_id(&reply)), (404, error(20, &format!("Callback {UNKNOWN} not found"))));
    }
}

/// An instant as somebody's wall clock shows it.
fn local(at: Timestamp, zone: &str, layout: &str) -> String {
    at.in_tz(zone).unwrap().strftime(layout).to_string()
}

#[test]
fn availability_of_two_slots() {
    let server = server();
    let start = tomorrow_at(15, 0);
    fill(&server, start, 7, 0);
    let path = "/engagement/v3/callbacks/availability/VQ_Support";
    let query = format!("start={}&numberOfDays=1&maxTimeSlots=2&timezone=America%2FNew_York", instant(start));
    let request = Request::new("GET", &format!("{path}?{query}")).header("x-api-key", canary::API_KEY);
    let request = request.header("Content-Type", "application/json").header("Accept", "application/json");
    let reply = server.external(&request).unwrap();
    strictly_typed(&reply).unwrap();
    let slot = |minutes: i64, capacity: u32| {
        let at = start + minutes.minutes();
        let local = local(at, "America/New_York", "%Y-%m-%dT%H:%M:%S.000%:z");
        json!({ "utcTime": instant(at), "localTime": local, "capacity": capacity, "total": 10 })
    };
    let expected = json!({ "durationMin": 15, "timezone": "America/New_York", "slots": [slot(0, 3), slot(15, 10)] });
    assert_eq!(without_corr_id(&reply), success(expected));
}

#[test]
fn availability_with_two_ends() {
    let server = server();
    let query = [("numberOfDays", "1".to_owned()), ("endMS", "1767625200000".to_owned())];
    let reply = server.client().query_availability_v2(SERVICE, &query).unwrap();
    assert_eq!((reply.status, without_corr_id(&reply)), (400, error(1, "Set only one of end, endMS, numberOfDays")));
}

#[test]
fn open_for_three_hours() {
    // 15:00 in Paris until 18:00 there, whatever season it is.
    let hours = json!({
        "name": "BH_Support", "timezone": "Europe/Paris",
        "regular": [{ "days": "Mon-Sun", "start": "08:00", "end": "18:00" }], "special": [], "effective": [],
    });
    let server =
        start(&Plan { hours: vec![hours], ..Plan::of([Service::new(SERVICE).with("businessHours", "BH_Support")]) });
    let day = local(tomorrow_at(12, 0), "Europe/Paris", "%Y-%m-%d");
    for name in [SERVICE, "BH_Support"] {
        let path = format!("/engagement/v3/callbacks/open-for/{name}?start={day}T15:00:00.000&timezone=Europe%2FParis");
        let reply = server.external(&Request::new("GET", &path).header("x-api-key", canary::API_KEY)).unwrap();
        strictly_typed(&reply).unwrap();
        assert_eq!(without_corr_id(&reply), success(json!({ "openFor": 10800 })), "{name}");
    }
}
