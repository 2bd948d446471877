//! The twelve points of the API reference 13, one test each.

use ges_conformance::{
    OFFER_TYPE_SENTENCE, ORIGIN, Plan, Request, Service, TENANT, canary, enveloped, instant, strictly_typed,
    tomorrow_at,
};
use serde_json::{Value, json};

use crate::world::{SERVICE, booking, scheduled, server, start};

const CREATE: &str = "/engagement/v3/callbacks/create";

#[test]
fn point_01_the_correlation_id_is_a_uuid_in_every_answer() {
    let server = server();
    let client = server.client();
    let create = || client.request("POST", "/callbacks/create");
    let mut seen = Vec::new();
    let mut look = |status: u16, request: &Request| {
        let reply = server.external(request).unwrap();
        assert_eq!(reply.status, status, "{}", reply.body);
        enveloped(&reply).unwrap();
        seen.push(reply.corr_id());
    };
    look(200, &create().body(booking(SERVICE, 1).to_string()));
    look(400, &create().body("{"));
    look(401, &Request::new("POST", CREATE).body("{}"));
    look(404, &Request::new("GET", "/engagement/v3/nowhere"));
    look(404, &Request::new("GET", "/"));
    look(405, &Request::new("DELETE", CREATE));
    look(413, &create().body(vec![b' '; 500_001]));
    look(
        415,
        &Request::new("POST", CREATE)
            .header("x-api-key", canary::API_KEY)
            .header("content-type", "text/xml")
            .body("<a/>"),
    );
    // An unknown key while nobody can say whose it is.
    server.order_fault(&json!({ "target": "env", "kind": "status", "status": 503 })).unwrap();
    look(500, &Request::new("POST", CREATE).header("x-api-key", "never seen").body("{}"));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 9, "each answer has one of its own");
}

#[test]
fn point_02_the_sentence_in_cb_offer_type_is_no_error() {
    let server = server();
    let mut body = booking(SERVICE, 1);
    body["cbOfferType"] = OFFER_TYPE_SENTENCE.into();
    strictly_typed(&server.client().book_callback_external(body).unwrap()).unwrap();
    let at = instant(tomorrow_at(15, 0));
    strictly_typed(&server.client().book_callback_external(scheduled(SERVICE, 2, &at)).unwrap()).unwrap();
}

#[test]
fn point_03_a_get_request_may_say_that_it_is_json() {
    let server = server();
    let client = server.client();
    strictly_typed(&client.query_availability_v2(SERVICE, &[]).unwrap()).unwrap();
    strictly_typed(&client.open_for(SERVICE, &[]).unwrap()).unwrap();
    strictly_typed(&client.query_queue_status(SERVICE).unwrap()).unwrap();
    strictly_typed(&client.estimated_wait_time(SERVICE, &[]).unwrap()).unwrap();
}

#[test]
fn point_04_statistics_without_a_body_are_no_framework_error() {
    let server = server();
    let client = server.client();
    for reply in [client.statistics(None).unwrap(), client.statistics(Some("max-age=15")).unwrap()] {
        enveloped(&reply).unwrap();
        assert_eq!((reply.status, reply.data()), (200, json!({ "statistics": [] })), "{}", reply.body);
    }
    // The same without any length.
    let bare = client.request("POST", "/statistics/operations/get-statistic-ex");
    let reply = server.external(&bare).unwrap();
    enveloped(&reply).unwrap();
    assert_eq!((reply.status, reply.data()), (200, json!({ "statistics": [] })), "{}", reply.body);
}

#[test]
fn point_05_an_encoded_slash_belongs_to_the_name() {
    let server = start(&Plan::of([Service::new("my svc/x")]));
    let client = server.client();
    let request = client.request("GET", "/callbacks/availability/my%20svc%2Fx");
    let reply = server.external(&request).unwrap();
    strictly_typed(&reply).unwrap();
    assert_eq!(reply.data()["durationMin"], 15);
    strictly_typed(&client.query_availability_v2("my svc/x", &[]).unwrap()).unwrap();
    strictly_typed(&client.open_for("my svc/x", &[]).unwrap()).unwrap();
    strictly_typed(&client.query_queue_status("my svc/x").unwrap()).unwrap();
    let unknown = client.query_availability_v2("my svc/y", &[]).unwrap();
    assert_eq!((unknown.status, unknown.code()), (400, Some(2)));
    assert!(unknown.message().contains("my svc/y"), "the handler saw the decoded name: {}", unknown.body);
}

#[test]
fn point_06_an_encoded_comma_separates_queues_and_the_data_is_an_array() {
    let server = server();
    let request = server.client().request("GET", "/estimated-wait-time?virtual-queues=a%2Cb");
    let reply = server.external(&request).unwrap();
    strictly_typed(&reply).unwrap();
    let data = reply.data();
    let names: Vec<_> = data.as_array().expect("an array").iter().map(|entry| entry["virtualQueue"].clone()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn point_07_local_times_have_an_offset_and_utc_times_end_in_zero_zulu() {
    let server = server();
    for (zone, ends) in
        [(None, "Z"), (Some("UTC"), "Z"), (Some("Asia/Kolkata"), "+05:30"), (Some("America/Phoenix"), "-07:00")]
    {
        let mut query = vec![("start", instant(tomorrow_at(15, 0))), ("numberOfDays", "1".into())];
        query.extend(zone.map(|zone| ("timezone", zone.to_owned())));
        let reply = server.client().query_availability_v2(SERVICE, &query).unwrap();
        strictly_typed(&reply).unwrap();
        let data = reply.data();
        let slots = data["slots"].as_array().unwrap();
        assert_eq!(slots.len(), 97, "a day of quarters, both ends touched");
        for slot in slots {
            let (utc, local) = (slot["utcTime"].as_str().unwrap(), slot["localTime"].as_str().unwrap());
            assert!(utc.ends_with(".000Z") && local.ends_with(ends), "{slot}");
            let [utc, local] = [utc, local].map(|text| text.parse::<jiff::Timestamp>().unwrap());
            assert_eq!(utc, local);
        }
    }
}

#[test]
fn point_08_the_cache_buster_is_ignored() {
    let server = server();
    let client = server.client().uncached();
    strictly_typed(&client.query_availability_v2(SERVICE, &[]).unwrap()).unwrap();
    strictly_typed(&client.query_availability_v2(SERVICE, &[("numberOfDays", "1".into())]).unwrap()).unwrap();
    strictly_typed(&client.open_for(SERVICE, &[]).unwrap()).unwrap();
    strictly_typed(&client.query_queue_status(SERVICE).unwrap()).unwrap();
    strictly_typed(&client.estimated_wait_time(SERVICE, &[]).unwrap()).unwrap();
}

#[test]
fn point_09_a_contact_center_id_is_no_key_on_the_external_port() {
    let server = server();
    for name in ["ccid", "ContactCenterID", "contactCenterId"] {
        let request = Request::new("GET", "/engagement/v3/callbacks/open-for/VQ_Support").header(name, TENANT);
        let reply = server.external(&request).unwrap();
        enveloped(&reply).unwrap();
        assert_eq!((reply.status, reply.code()), (401, Some(10)), "{name}");
        assert_eq!(server.internal(&request).unwrap().status, 200, "siblings inside may");
    }
}

#[test]
fn point_10_a_full_slot_is_answered_with_free_ones() {
    let server = start(&Plan::of([Service::new(SERVICE).with("maxPerSlot", 1)]));
    let (client, at) = (server.client(), instant(tomorrow_at(15, 0)));
    strictly_typed(&client.book_callback_external(scheduled(SERVICE, 1, &at)).unwrap()).unwrap();
    let reply = client.book_callback_external(scheduled(SERVICE, 2, &at)).unwrap();
    enveloped(&reply).unwrap();
    assert_eq!((reply.status, reply.code()), (429, Some(30)));
    let data = reply.data();
    let slots = data["slots"].as_object().expect("a map of texts");
    assert_eq!(slots.len(), 10);
    for (start, places) in slots {
        assert!(start.ends_with(":00.000Z") && start.parse::<jiff::Timestamp>().is_ok(), "{start}");
        assert_eq!(places, "1", "text that holds a number");
    }
    assert!(!slots.contains_key(&at));
    let mut again = scheduled(SERVICE, 3, slots.keys().next().unwrap());
    again["alwaysCheckCapacity"] = true.into();
    strictly_typed(&client.book_callback_external(again).unwrap()).unwrap();
}

#[test]
fn point_11_user_data_keys_that_are_no_names_are_dropped() {
    let server = server();
    let mut body = booking(SERVICE, 1);
    body["userData"] = json!({ "ok": 1, "not ok": 2 });
    let reply = server.client().book_callback_external(body).unwrap();
    strictly_typed(&reply).unwrap();
    let id = reply.data()["id"].as_str().unwrap().to_owned();
    let storage = Request::new("GET", &format!("/genesys/1/service/{id}/storage"));
    let stored: Value = server.internal(&storage).unwrap().json();
    let text = stored.to_string();
    assert!(text.contains("\"ok\""), "{text}");
    assert!(!text.contains("not ok"), "{text}");
}

#[test]
fn point_12_a_preflight_needs_no_key() {
    let server = server();
    let request = Request::new("OPTIONS", CREATE).header("origin", ORIGIN);
    let request = request.header("access-control-request-method", "POST");
    let request = request.header("access-control-request-headers", "content-type,x-api-key");
    let reply = server.external(&request).unwrap();
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN));
}
