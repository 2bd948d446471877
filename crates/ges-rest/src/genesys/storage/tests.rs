use axum::body::Body;
use axum::http::{Method, Request};
use ges_domain::callback::{Reason, Scalar, State};
use ges_domain::ports::{Clock as _, Place, Record as _, Seen, SessionNews as _};
use ges_domain::wait::Estimate;
use ges_testkit::{SessionCall, builders};
use serde_json::json;

use crate::testing::{Reply, SERVICE, World, bare, send};

const CLASS: &str = "com.genesyslab.gsg.services.callback.exceptions.CallbackException";

impl World {
    async fn update_by_form(&self, id: impl std::fmt::Display, body: &str) -> Reply {
        let request = Request::post(format!("/genesys/1/service/{id}/storage"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("contactcenterid", builders::tenant().to_string());
        send(self.internal(), request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn read(&self, id: impl std::fmt::Display, key: &str) -> Reply {
        send(self.internal(), bare(Method::GET, &format!("/genesys/1/service/{id}/storage{key}"))).await
    }
}

impl Reply {
    /// Checks the shape of a fault and returns its message.
    fn fault(&self, status: u16, class: &str) -> String {
        let json = self.json();
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(json["exception"], format!("{CLASS}{class}"));
        assert_eq!(json["message"], json["error"]);
        assert!(!json["phrase"].as_str().unwrap().is_empty());
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        assert!(self.header("x-correlation-id").is_some());
        json["message"].as_str().unwrap().to_owned()
    }

    fn accepted(&self) {
        assert_eq!((self.status, self.body.as_str()), (200, "{}"), "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
    }
}

#[tokio::test]
async fn the_documented_bind_is_accepted_and_read_back() {
    let world = World::new().await;
    let id = world.handed().await;
    let body = "_callback_state=QUEUED&_ors_session_id=00GESDEMO7H2K4M6P8R0T2V4X6Z8B0D2&_ors_url=http%3A%2F%2F10.2.0.17%3A9098&accountId=A-17";
    world.update_by_form(id, body).await.accepted();
    let session = world.only().session.unwrap();
    assert_eq!(session.id.as_str(), "00GESDEMO7H2K4M6P8R0T2V4X6Z8B0D2");
    assert_eq!(session.url.as_deref(), Some("http://10.2.0.17:9098"));
    let record = world.only();
    assert_eq!(
        world.read(id, "").await.json(),
        json!({"_callback_state": "QUEUED", "_ors_session_id": "00GESDEMO7H2K4M6P8R0T2V4X6Z8B0D2",
            "_ors_url": "http://10.2.0.17:9098", "accountId": "A-17", "_id": id.to_string(),
            "_service_name": record.service.as_str(), "_customer_number": record.phone.as_given(),
            "_desired_time": record.desired_at.to_string()})
    );
    world.update_by_form(id, "_customer_number=1&_desired_time=2030-01-01").await.accepted();
    assert_eq!(world.read(id, "/_customer_number").await.body, record.phone.as_given(), "the record knows it");
    assert_eq!(world.only().desired_at, record.desired_at);
    let one = world.read(id, "/accountId").await;
    assert_eq!((one.status, one.body.as_str()), (200, "A-17"));
    assert_eq!(one.header("content-type"), Some("text/plain; charset=utf-8"));
    world.read(id, "/nothing").await.fault(404, "NotFound");
}

#[tokio::test]
async fn a_session_ends_its_callback_in_json() {
    let world = World::new().await;
    let id = world.in_state(State::Processing).await;
    let body =
        r#"{"_callback_state":"COMPLETED","_callback_reason":"AGENT_CONNECTED","_agent_id":"1001","_dial_attempts":2}"#;
    world.storage(id, body).await.accepted();
    let record = world.only();
    assert_eq!((record.state, record.reason), (State::Completed, Some(Reason::AGENT_CONNECTED)));
    assert_eq!((record.dial_attempts, record.particulars.session_facts["_agent_id"].as_str()), (2, "1001"));
    world.storage(id, r#"{"_callback_state":"QUEUED","_disposition":"sold"}"#).await.accepted();
    assert_eq!(world.only().state, State::Completed, "late news is history");
}

/// R-RPT-2: the values of the end are kept, the queue at the first dial among them.
#[tokio::test]
async fn reporting_values_are_kept_for_the_end() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    let of = async |key: &str| world.read(id, &format!("/{key}")).await;
    assert_eq!(of("_CB_FINAL_RECORD").await.body, "0");
    let dial = r#"{"_callback_state":"ROUTING","_dial_attempts":1,"_position":2,"_ewt":30}"#;
    world.storage(id, dial).await.accepted();
    world
        .storage(id, r#"{"_callback_state":"PROCESSING","_position":1,"_CB_DIAL_1_RESULT":"PERSON"}"#)
        .await
        .accepted();
    world.storage(id, r#"{"_callback_state":"COMPLETED","_callback_reason":"AGENT_CONNECTED"}"#).await.accepted();
    let kept = world.read(id, "").await.json();
    for (key, value) in [
        ("_CB_FINAL_RECORD", "1"),
        ("_CB_POS_WHEN_READY_TO_START_MEDIA_IXN", "2"),
        ("_CB_EWT_WHEN_READY_TO_START_MEDIA_IXN", "30"),
        ("_CB_D_WAITING_FOR_AGENT_OFFLINE", "0"),
        ("_CB_DIM_DIAL_DIALOG_RESULT", "RIGHT_PERSON"),
        ("_CB_DIM_CONNECT_ORDER", "CUSTOMER"),
        ("_CB_DIAL_1_RESULT", "PERSON"),
    ] {
        assert_eq!((&kept[key], of(key).await.body.as_str()), (&json!(value), value), "{key}");
    }
    assert!(kept.get("phoneNumber").is_none(), "the record has names of its own for the rest");
}

/// Chapter 22: what the routers said when it was booked, and what a poll heard before a session that keeps no count of its queue
/// dialed.
#[tokio::test]
async fn the_queue_at_the_offer_and_at_the_first_dial_are_kept() {
    let world = World::new().await;
    world.waits.set(builders::tenant(), SERVICE, Estimate::Known(0));
    world.waits.set_position(SERVICE, 1);
    let asked = world.waits.asked();
    let id = world.in_state(State::Queued).await;
    assert_eq!(world.waits.asked(), asked + 1, "one question for both");
    let place = Place { position: Some(4), ewt: Some(77), answer: "{}".into() };
    let seen = Seen { at: Some(world.clock.now()), place, reachable: true, diagnostics: None };
    world.news.keep(&[(builders::tenant(), id, seen)]).await;
    world.storage(id, r#"{"_callback_state":"ROUTING","_dial_attempts":1}"#).await.accepted();
    world.storage(id, r#"{"_callback_state":"COMPLETED","_callback_reason":"AGENT_CONNECTED"}"#).await.accepted();
    let kept = world.read(id, "").await.json();
    for (key, value) in [
        ("_CB_EWT_WHEN_CALLBACK_WAS_OFFERED", "0"),
        ("_CB_POS_WHEN_CALLBACK_WAS_OFFERED", "1"),
        ("_CB_T_CALLBACK_OFFERED", "2026-01-05T12:00:00.000Z"),
        ("_CB_D_CALLBACK_OFFER", "0"),
        ("_CB_EWT_WHEN_READY_TO_START_MEDIA_IXN", "77"),
        ("_CB_POS_WHEN_READY_TO_START_MEDIA_IXN", "4"),
        ("_CB_DIAL_1_RESULT", "CONNECTED"),
    ] {
        assert_eq!(kept[key], json!(value), "{key}");
    }
}

#[tokio::test]
async fn an_end_without_reason_has_the_reason_of_the_rules_and_unknown_reasons_are_kept() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    world.storage(id, r#"{"_callback_state":"completed"}"#).await.accepted();
    assert_eq!(world.only().reason, Some(Reason::NOT_AVAILABLE), "R-RSN-1");
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    world.update_by_form(id, "_callback_state=COMPLETED&_callback_reason=SOMETHING_NEW").await.accepted();
    assert_eq!(world.only().reason.unwrap().as_str(), "SOMETHING_NEW");
}

#[tokio::test]
async fn strangers_and_illegal_moves_are_conflicts() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    world.storage(id, r#"{"_ors_session_id":"S2","_callback_state":"ROUTING"}"#).await.fault(409, "Operation");
    assert_eq!(world.sessions.calls(), [SessionCall::Terminate(builders::session("S2"))]);
    let header = Request::post(format!("/genesys/1/service/{id}/storage")).header("x-ors-session-id", "S3");
    send(world.internal(), header.body(Body::from("a=b")).unwrap()).await.fault(409, "Operation");
    let message = world.storage(id, r#"{"_callback_state":"SCHEDULED"}"#).await.fault(409, "Operation");
    assert_eq!(message, "A callback cannot go from QUEUED to SCHEDULED");
    assert_eq!(world.only().state, State::Queued);
}

#[tokio::test]
async fn the_header_may_name_the_session() {
    let world = World::new().await;
    let id = world.handed().await;
    let request = || Request::put(format!("/genesys/1/service/{id}/storage")).header("X-ORS-Session-Id", "S1");
    send(world.internal(), request().body(Body::from("_callback_state=QUEUED")).unwrap()).await.accepted();
    assert_eq!(world.only().session.unwrap().id.as_str(), "S1");
    let both = request().body(Body::from("_ors_session_id=S2")).unwrap();
    send(world.internal(), both).await.fault(400, "InvalidOption");
}

/// I4, integrations 1.2.2: the correlation id that a session gives back tells which attempt it is.
#[tokio::test]
async fn a_session_of_an_attempt_for_an_earlier_time_is_a_stranger() {
    let world = World::new().await;
    let id = world.handed().await;
    let moved = builders::move_to(builders::after(90_000), 5);
    let now = world.clock.now();
    world.store.move_booking(builders::tenant(), id, &moved, now).await.unwrap();
    let bind = async |session: &str, attempt| {
        let corr_id = ges_domain::submission::correlation(id, attempt).to_string();
        let request = Request::post(format!("/genesys/1/service/{id}/storage")).header("x-correlation-id", corr_id);
        let body = format!("_callback_state=QUEUED&_ors_session_id={session}");
        send(world.internal(), request.body(Body::from(body)).unwrap()).await
    };
    bind("S1", 1).await.fault(409, "Operation");
    assert_eq!(world.sessions.calls(), [SessionCall::Terminate(builders::session("S1"))]);
    bind("S2", 2).await.accepted();
    assert_eq!(world.only().session.unwrap().id.as_str(), "S2");
}

#[tokio::test]
async fn an_older_sequence_changes_nothing() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    world.storage(id, r#"{"_seq":5,"_callback_state":"ROUTING"}"#).await.accepted();
    world.update_by_form(id, "_seq=4&_callback_state=QUEUED").await.accepted();
    assert_eq!((world.only().state, world.only().session_seq), (State::Routing, 5), "R-TR-2");
    world.storage(id, r#"{"_seq":"6","_callback_state":"QUEUED"}"#).await.accepted();
    assert_eq!(world.only().state, State::Queued);
}

#[tokio::test]
async fn a_session_that_ends_hands_over_or_is_lost() {
    for (reason, dialed, state) in [
        ("RESCHEDULED", 0, State::Queued),
        ("HANDOVER", 0, State::Queued),
        ("CRASHED", 0, State::Queued),
        ("CRASHED", 1, State::Completed),
    ] {
        let world = World::new().await;
        let id = world.in_state(State::Queued).await;
        let body = json!({"_session_state": "ENDED", "_session_reason": reason, "_dial_attempts": dialed});
        world.storage(id, body.to_string()).await.accepted();
        assert_eq!((world.only().state, world.only().session.is_none()), (state, state == State::Queued), "{reason}");
    }
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    let body = r#"{"_session_state":"ENDED","_callback_state":"COMPLETED","_callback_reason":"FAIL_ERROR"}"#;
    world.storage(id, body).await.accepted();
    assert_eq!(world.only().reason.unwrap().as_str(), "FAIL_ERROR", "finishing wins over ending");
}

#[tokio::test]
async fn user_data_is_merged_replaced_and_deleted() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    world.storage(id, r#"{"a":"1","b":2.50,"c":{"x":[1]},"d":true,"not ok":"x","e":null}"#).await.accepted();
    let data = || world.only().particulars.user_data;
    assert_eq!(data().get("b"), Some(&Scalar::Number("2.50".into())));
    assert_eq!(data().get("c"), Some(&Scalar::Text(r#"{"x":[1]}"#.into())));
    assert_eq!(data().len(), 4);
    let all = world.read(id, "").await;
    assert!(all.body.contains(r#""b":2.50"#) && all.body.contains(r#""d":true"#), "{}", all.body);
    assert_eq!(world.read(id, "/d").await.body, "true");
    world.update_by_form(id, "a=&b=x%20y+z").await.accepted();
    assert_eq!((data().get("a"), data().get("b")), (None, Some(&Scalar::Text("x y z".into()))));
    for body in [json!({"_user_data": {"n": 1}}), json!({"_user_data": "{\"n\":1}"})] {
        world.storage(id, json!({"_user_data": {"z": 1}}).to_string()).await.accepted();
        world.storage(id, body.to_string()).await.accepted();
        assert_eq!((data().len(), data().get("n")), (1, Some(&Scalar::Number("1".into()))));
    }
    send(world.internal(), bare(Method::DELETE, &format!("/genesys/1/service/{id}/storage/n"))).await.accepted();
    assert!(data().is_empty());
    send(world.internal(), bare(Method::DELETE, &format!("/genesys/1/service/{id}/storage/n"))).await.accepted();
}

#[tokio::test]
async fn unknown_system_names_are_kept_and_can_be_removed() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    world.update_by_form(id, "_from_a_newer_template=7&_total_waiting=11&_ewt=-1&_position=3.9").await.accepted();
    assert_eq!(world.read(id, "/_from_a_newer_template").await.body, "7");
    assert_eq!((world.only().position, world.only().ewt), (Some(3), None));
    let path = format!("/genesys/1/service/{id}/storage/_from_a_newer_template");
    send(world.internal(), bare(Method::DELETE, &path)).await.accepted();
    world.read(id, "/_from_a_newer_template").await.fault(404, "NotFound");
    let state = format!("/genesys/1/service/{id}/storage/_callback_state");
    send(world.internal(), bare(Method::DELETE, &state)).await.fault(400, "InvalidOption");
}

#[tokio::test]
async fn malformed_updates_are_refused_and_change_nothing() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    let before = world.only();
    for body in [
        r#"{"_callback_state":"DIALING"}"#,
        r#"{"_callback_state":"COMPLETED","_callback_reason":"no token"}"#,
        r#"{"_ors_session_id":"a/b"}"#,
        r#"{"_ors_url":"file:///etc/passwd"}"#,
        r#"{"_dial_attempts":"many"}"#,
        r#"{"_position":1e300}"#,
        r#"{"_seq":-1}"#,
        r#"{"_seq":1.5}"#,
        r#"{"_user_data":5}"#,
        r#"{"_user_data":"x"}"#,
        r#"{"a":"\u0000"}"#,
        r#"{"_x":"\ud800"}"#,
        r#"{"":"x"}"#,
        r#"{"a\u0000":"x"}"#,
        r#"[]"#,
        r#"{"#,
    ] {
        world.storage(id, body).await.fault(400, "InvalidOption");
    }
    for body in ["a=%ff", "%ff=a", "a=%00", "=x"] {
        world.update_by_form(id, body).await.fault(400, "InvalidOption");
    }
    assert_eq!(world.only(), before);
}

#[tokio::test]
async fn without_durability_there_is_no_success() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    for failures in 1..=2 {
        world.store.fail_times(1);
        let reply = world.update_by_form(id, "_callback_state=ROUTING").await;
        assert_eq!(
            (reply.status, reply.header("retry-after"), reply.body.as_str()),
            (
                503,
                Some("2"),
                concat!(
                    r#"{"message":"Storage unavailable.","error":"Storage unavailable.","phrase":"Service Unavailable","#,
                    r#""exception":"com.genesyslab.gsg.services.callback.exceptions.CallbackExceptionServiceUnavailable"}"#
                )
            ),
            "time {failures}"
        );
        assert_eq!(world.only().state, State::Queued);
    }
    world.update_by_form(id, "_callback_state=ROUTING").await.accepted();
    assert_eq!(world.only().state, State::Routing);
}

#[tokio::test]
async fn the_id_finds_the_tenant_and_a_header_must_agree() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    world.update_by_form("8c78d4e1-c85a-424b-8334-5ff36e07372f", "a=b").await.fault(404, "NotFound");
    world.update_by_form("nonsense", "a=b").await.fault(404, "NotFound");
    for other in [builders::other_tenant().to_string(), "nonsense".to_owned()] {
        let request = Request::get(format!("/genesys/1/service/{id}/storage")).header("ccid", other);
        send(world.internal(), request.body(Body::empty()).unwrap()).await.fault(403, "Operation");
    }
}

#[tokio::test]
async fn other_forms_are_refused_in_the_same_shape() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    let path = format!("/genesys/1/service/{id}/storage");
    let markup = Request::post(&path).header("content-type", "text/xml");
    send(world.internal(), markup.body(Body::from("<a/>")).unwrap()).await.fault(415, "InvalidOption");
    for broken in ["--x", "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1", "nothing at all"] {
        let multipart = Request::post(&path).header("content-type", "multipart/form-data; boundary=x");
        send(world.internal(), multipart.body(Body::from(broken)).unwrap()).await.fault(400, "InvalidOption");
    }
    let unbounded = Request::post(&path).header("content-type", "multipart/form-data");
    send(world.internal(), unbounded.body(Body::from("--x--")).unwrap()).await.fault(400, "InvalidOption");
    let patch = send(world.internal(), bare(Method::PATCH, &path)).await;
    patch.fault(405, "InvalidOption");
    assert!(patch.header("allow").unwrap().contains("PUT"));
    send(world.internal(), bare(Method::GET, "/genesys/2")).await.fault(404, "NotFound");
    let hint = send(world.internal(), bare(Method::GET, "/genesy/1/service")).await.fault(404, "NotFound");
    assert!(hint.contains("/genesys/"));
    let large = Request::post(&path).header("content-length", "10485761");
    send(world.internal(), large.body(Body::from("a=b")).unwrap()).await.fault(413, "InvalidOption");
    send(world.internal(), bare(Method::POST, &path)).await.accepted();
}

#[tokio::test]
async fn a_correlation_id_is_echoed_when_it_is_harmless() {
    let world = World::new().await;
    for (sent, kept) in [("abc-1", true), ("a b", false)] {
        let request = Request::get("/genesys/1/service/x/storage").header("x-correlation-id", sent);
        let reply = send(world.internal(), request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.header("x-correlation-id") == Some(sent), kept);
    }
}

/// I8 is looked at in passing: a row that a store damaged is counted, and the session is answered all the same.
#[tokio::test]
async fn a_row_that_breaks_its_own_rules_is_counted() {
    let world = World::new().await;
    let id = world.in_state(State::Routing).await;
    let counted = |what: &str| world.metric(&format!(r#"ges_invariant_{what}_total{{invariant="I8"}}"#)).unwrap();
    let (looked, found) = (counted("checks"), counted("violations"));
    assert_eq!((looked > 0.0, found), (true, 0.0));
    world.store.damage(id, |row, _| row.completed_at = Some(row.created_at));
    let reply = world.storage(id, json!({"_ors_session_id": "S1", "order": "4711"}).to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!((counted("checks"), counted("violations")), (looked + 1.0, 1.0));
}

const PARTS: &str = "--x\r\ncontent-disposition: form-data; name=\"_callback_state\"\r\n\r\nROUTING\r\n\
    --x\r\ncontent-disposition: form-data; name=\"note\"\r\ncontent-type: text/plain\r\n\r\nüber\r\n\
    --x\r\ncontent-disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\ncontent-type: image/png\r\n\r\n\
    \u{1}PNG\r\n--x--\r\n";

#[tokio::test]
async fn a_multipart_update_brings_keys_and_files() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    let send_parts = async || {
        let request = Request::post(format!("/genesys/1/service/{id}/storage"));
        let request = request.header("content-type", "multipart/form-data; boundary=x");
        send(world.internal(), request.body(Body::from(PARTS)).unwrap()).await
    };
    world.areas.set_down(true);
    let down = send_parts().await;
    assert_eq!(down.header("retry-after"), Some("5"));
    down.fault(503, "ServiceUnavailable");
    assert_eq!(world.only().state, State::Queued, "files first: without them nothing is written");
    world.areas.set_down(false);
    send_parts().await.accepted();
    assert_eq!((world.only().state, world.read(id, "/note").await.body.as_str()), (State::Routing, "über"));
    let photo = world.read(id, "/binary/photo").await;
    assert_eq!((photo.status, photo.body.as_str(), photo.header("content-type")), (200, "\u{1}PNG", Some("image/png")));
    assert_eq!(photo.header("x-content-type-options"), Some("nosniff"));
    world.read(id, "/binary/other").await.fault(404, "NotFound");
    let stranger = Request::post(format!("/genesys/1/service/{id}/storage")).header("x-ors-session-id", "S2");
    let stranger = stranger.header("content-type", "multipart/form-data; boundary=x");
    let parts = PARTS.replace("photo", "sketch");
    send(world.internal(), stranger.body(Body::from(parts)).unwrap()).await.fault(409, "Operation");
    world.read(id, "/binary/sketch").await.fault(404, "NotFound");
    let nested = json!({"_extra": {"a": 1}, "data": {"a": 1}}).to_string();
    world.storage(id, nested).await.fault(400, "InvalidOption");
    world.storage(id, json!({"data": {"a": 1}}).to_string()).await.accepted();
}

/// R-REC-5: never 200 without everything that was sent.
#[tokio::test]
async fn what_does_not_fit_is_refused_and_named() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    let before = world.only();
    let data = json!({"_callback_state": "ROUTING", "_ors_session_id": "S1", "a": "x".repeat(500_000)});
    let said = world.storage(id, data.to_string()).await.fault(400, "InvalidOption");
    assert_eq!(said, "User data is larger than 400 KiB");
    let mut facts = json!({"_callback_state": "ROUTING", "_ors_session_id": "S1"});
    for n in 0..9 {
        facts[format!("_fact{n}")] = json!("x".repeat(16_000));
    }
    let said = world.storage(id, facts.to_string()).await.fault(400, "InvalidOption");
    assert_eq!(said, "storage holds at most 128 KiB of keys that begin with _");
    assert_eq!(world.only(), before, "nothing was written");
}

/// Integrations 0.3, 1.2.4.
#[tokio::test]
async fn a_session_may_speak_by_either_form_of_its_id() {
    let world = World::new().await;
    let id = world.in_state(State::Queued).await;
    let routing = json!({"_callback_state": "ROUTING", "_ors_session_id": "S1.node3", "_ors_url": "http://a:9098"});
    world.storage(id, routing.to_string()).await.accepted();
    let session = world.only().session.unwrap();
    assert_eq!((session.id.as_str(), session.url.as_deref()), ("S1.node3", Some("http://a:9098")));
    world.storage(id, json!({"_callback_state": "PROCESSING", "_ors_session_id": "S1"}).to_string()).await.accepted();
    assert!(world.sessions.calls().is_empty(), "nobody is told to terminate");
}

/// Integrations 1.2.4.
#[tokio::test]
async fn a_first_update_without_a_name_counts_as_the_acknowledgement() {
    let world = World::new().await;
    let id = world.handed().await;
    world.storage(id, json!({"note": "started"}).to_string()).await.accepted();
    let record = world.only();
    assert!(record.is_taken_unnamed(), "no further attempt follows (R-SUB-8)");
    assert_eq!(record.wake_at(), Some(record.deadline));
}

/// Check 7: R-TR-1, R-ST-2.
#[tokio::test]
async fn check_07_illegal_moves_conflict_and_trailing_updates_change_nothing() {
    let world = World::new().await;
    let id = world.in_state(State::Processing).await;
    let routing = json!({"_callback_state": "ROUTING", "_ors_session_id": "S1"}).to_string();
    world.storage(id, routing).await.fault(409, "Operation");
    assert_eq!(world.only().state, State::Processing, "unchanged");
    let ended = json!({"_callback_state": "COMPLETED", "_callback_reason": "AGENT_CONNECTED", "_ors_session_id": "S1"});
    world.storage(id, ended.to_string()).await.accepted();
    let before = world.only();
    world.storage(id, json!({"_callback_state": "QUEUED", "_ors_session_id": "S1"}).to_string()).await.accepted();
    assert_eq!(world.only(), before, "unchanged");
}
