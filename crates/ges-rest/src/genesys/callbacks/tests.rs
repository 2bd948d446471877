use axum::body::Body;
use axum::http::{Method, Request};
use ges_domain::callback::{Change, Reason, State};
use ges_domain::ports::{Clock as _, Record as _};
use ges_domain::wait::Estimate;
use ges_testkit::builders;
use serde_json::{Value, json};

use crate::testing::{OTHER_KEY, Reply, SERVICE, World, at, send};

const HERE: &str = "1/service/callback/VQ_Support";
/// Monday, in the cell that begins at 15:00.
const LATER: &str = "2026-01-05T15:00:00.000Z";

impl World {
    async fn make(&self, body: Value) -> Reply {
        self.call(Method::POST, HERE, body).await
    }

    /// Makes one that has to be accepted, and gives its id.
    async fn made(&self, body: Value) -> String {
        self.make(body).await.done()["_id"].as_str().unwrap().to_owned()
    }

    async fn put(&self, id: &str, body: Value) -> Reply {
        self.call(Method::PUT, &format!("{HERE}/{id}"), body).await
    }

    async fn ids(&self, path_and_query: &str) -> Vec<String> {
        let found = self.fetch(path_and_query).await.done();
        found.as_array().unwrap().iter().map(|one| one["_id"].as_str().unwrap().to_owned()).collect()
    }
}

/// Check 8.
#[tokio::test]
async fn the_documented_create_is_accepted() {
    let world = World::new().await;
    let body = json!({"_customer_number": "15105550100", "_inbound_vq": "VQ_Sales", "accountId": "A-17",
        "_media_type": "voice", "_call_direction": "USERTERMINATED", "_callback_state": "QUEUED", "_provide_code": "true"});
    let made = world.make(body).await;
    let record = world.only();
    assert_eq!(
        made.body,
        format!(
            r#"{{"_id":"{}","_dialogId":"0","_action":"ConfirmationDialog","_text":"Callback accepted.","_okTitle":"Ok","_expiration_time":"2026-01-19T12:00:00.000Z"}}"#,
            record.id
        )
    );
    made.done();
    assert_eq!((record.state, record.particulars.inbound_vq.as_deref()), (State::Queued, Some("VQ_Sales")));
    assert_eq!(record.particulars.source, ges_domain::callback::Source::Ivr);
    assert_eq!(world.metric(&format!("ges_callbacks_created{{tenant=\"{}\"}}", builders::tenant())), Some(1.0));

    let found =
        world.fetch(&format!("{HERE}?_customer_number=%2B1-510-555-0100&_callback_state=!COMPLETED&operand=AND")).await;
    let id = record.id.to_string();
    assert_eq!(
        found.done(),
        json!([{"_id": id, "_service_name": SERVICE, "_customer_number": "15105550100",
            "_desired_time": "2026-01-05T12:00:00.000Z", "_callback_state": "QUEUED", "_callback_reason": "",
            "_expiration_time": "2026-01-19T12:00:00.000Z", "_url": format!("/1/service/callback/{SERVICE}/{id}"),
            "_inbound_vq": "VQ_Sales", "_provide_code": "true", "accountId": "A-17",
            "desiredTime": "2026-01-05T12:00:00.000Z", "url": format!("/1/service/callback/{SERVICE}/{id}")}])
    );
    assert_eq!(world.fetch(&format!("{HERE}/{id}")).await.done(), found.json()[0], "what _url leads to");
}

/// Integrations 2.1, 2.2.
#[tokio::test]
async fn forms_and_multipart_make_callbacks_too() {
    let world = World::new().await;
    let form =
        format!("_customer_number=%2B15105550100&_desired_time={LATER}&note=a+b&_priority=7&_offer_threshold=120.9");
    world.form(HERE, &form).await.done();
    let record = world.only();
    assert_eq!((record.state, record.desired_at, record.priority), (State::Scheduled, at(LATER), Some(7)));
    assert_eq!(record.particulars.offer_threshold, Some(120));
    let parts = "--x\r\ncontent-disposition: form-data; name=\"_customer_number\"\r\n\r\n15105550101\r\n--x--\r\n";
    let multipart = Request::post(format!("/genesys/{HERE}")).header("ccid", builders::tenant().to_string());
    let multipart = multipart.header("content-type", "multipart/form-data; boundary=x").body(Body::from(parts));
    send(world.internal(), multipart.unwrap()).await.done();
    assert_eq!(world.store.everything().len(), 2);
}

#[tokio::test]
async fn every_malformed_create_is_refused_and_writes_nothing() {
    let world = World::new().await;
    let number = "15105550100";
    for (body, said) in [
        (json!({}), "_customer_number is required"),
        (json!({"_customer_number": ""}), "_customer_number is required"),
        (json!({"_customer_number": "12"}), "_customer_number is not a possible phone number"),
        (json!({"_customer_number": "19005550100"}), "_customer_number is a premium rate number"),
        (json!({"_customer_number": number, "_desired_time": "soon"}), "_desired_time is not a date-time"),
        (json!({"_customer_number": number, "_desired_time": "2026-01-05T10:00:00Z"}), "_desired_time is in the past"),
        (
            json!({"_customer_number": number, "_desired_time": "2026-02-05T10:00:00Z"}),
            "_desired_time is more than 14 days ahead",
        ),
        (
            json!({"_customer_number": number, "_call_direction": "USERORIGINATED"}),
            "_call_direction must be USERTERMINATED",
        ),
        (json!({"_customer_number": number, "_media_type": "chat"}), "_media_type must be voice"),
        (
            json!({"_customer_number": number, "_device_notification_id": "t", "_device_os": "ios"}),
            "_device_os must be fcm or gcm",
        ),
        (
            json!({"_customer_number": number, "_priority": "high"}),
            "_priority must be a whole number from -1000 to 1000",
        ),
        (
            json!({"_customer_number": number, "_offer_threshold": -1}),
            "_offer_threshold must be a number of seconds from 0",
        ),
        (json!({"_customer_number": number, "_ors_session_id": "a b"}), "_ors_session_id is not a session id"),
        (
            json!({"_customer_number": number, "_ors_session_id": "S1", "_desired_time": LATER}),
            "_ors_session_id goes with an immediate callback only",
        ),
        (json!({"_customer_number": number, "_x": {"a": 1}}), "A key that begins with _ must have a plain value"),
        (json!({"_customer_number": number, "a": "x".repeat(500_000)}), "User data is larger than 400 KiB"),
        (json!([]), "The body must be a JSON object"),
    ] {
        assert_eq!(world.make(body).await.faulted(400, "InvalidOption"), said);
    }
    let unknown = world.call(Method::POST, "1/service/callback/CB_None", json!({"_customer_number": number})).await;
    assert_eq!(unknown.faulted(404, "NotFound"), "Service 'CB_None' is not provisioned");
    assert!(world.nothing_is_written());
}

/// R-BK-1, R-PRP-1.
#[tokio::test]
async fn a_full_time_names_where_there_is_room() {
    let world = World::new().await;
    world.provision(SERVICE, |settings| settings.max_per_slot = 1).await;
    world.made(json!({"_customer_number": "15105550100", "_desired_time": LATER})).await;
    let refused = world.make(json!({"_customer_number": "15105550101", "_desired_time": LATER})).await;
    assert_eq!(refused.faulted(400, "Availability"), format!("Desired time {LATER} is not available."));
    let json = refused.json();
    let rooms = json["availability"].as_object().unwrap();
    assert_eq!((rooms.len(), &rooms["2026-01-05T14:45:00.000Z"]), (10, &json!(1)));
    assert!(!rooms.contains_key(LATER));
    assert_eq!(json["phrase"], "Bad Request");
}

/// Appendix A; R-THR-4, R-THR-8, R-THR-12.
#[tokio::test]
async fn limits_are_named_counted_and_come_with_a_time() {
    let world = World::new().await;
    let tenant = builders::tenant();
    let counted =
        |name: &str| world.metric(&format!("{name}{{host=\"pod-1\",tenant=\"{tenant}\",version=\"1.0.0\"}} "));
    let body = || json!({"_customer_number": "15105550100"});
    world
        .provision(SERVICE, |settings| settings.throttle.in_queue_check = Some(ges_domain::throttle::InQueueCheck::Off))
        .await;
    for _ in 0..6 {
        world.made(body()).await;
    }
    let seventh = world.make(body()).await;
    let said = seventh.faulted(503, "ServiceUnavailable");
    assert_eq!(said, "Too many callbacks requested today for _customer_number=…0100 (limit 6).");
    assert_eq!((seventh.header("retry-after"), counted("CB_ENQUEUE_LIMIT_REACHED")), (Some("3600"), Some(1.0)));
    world.provision(SERVICE, |settings| settings.throttle.throttle_limit1 = Some(1)).await;
    let many = world.make(json!({"_customer_number": "15105550199"})).await;
    assert!(many.faulted(503, "ServiceUnavailable").starts_with("The limit of 1 queued callbacks"));
    assert_eq!((many.header("retry-after"), counted("CB_TTL_LIMIT_REACHED")), (Some("300"), Some(1.0)));
}

/// Integrations 2.2: the queue of the session, and the wait that counts.
#[tokio::test]
async fn a_create_may_name_the_queue_to_wait_in() {
    let world = World::new().await;
    world.waits.set(builders::tenant(), "VQ_Own", Estimate::Known(90));
    let id = world.made(json!({"_customer_number": "15105550100", "_urs_virtual_queue": "VQ_Own"})).await;
    let particulars = world.only().particulars;
    assert_eq!((particulars.virtual_queue.as_deref(), particulars.ewt_at_creation), (Some("VQ_Own"), Some(90)));
    assert_eq!(particulars.session_facts.get("_urs_virtual_queue"), None);
    assert_eq!(world.fetch(&format!("{HERE}/{id}")).await.done()["_urs_virtual_queue"], "VQ_Own");
    world.provision(SERVICE, |settings| settings.virtual_queue = Some("VQ_Published".into())).await;
    world.waits.set(builders::tenant(), "VQ_Published", Estimate::Known(30));
    let other = world.made(json!({"_customer_number": "15105550101"})).await;
    let shown = world.fetch(&format!("{HERE}/{other}")).await.done();
    assert_eq!(shown.get("_urs_virtual_queue"), None, "{shown}");
    let record =
        world.store.find(builders::tenant(), other.parse().unwrap(), world.clock.now()).await.unwrap().unwrap();
    assert_eq!(record.particulars.ewt_at_creation, Some(30), "of the published queue");
}

/// Integrations 2.2, R-TR-2: the session is bound in the write that books.
#[tokio::test]
async fn a_callback_that_brings_its_session_is_bound_at_once() {
    let world = World::new().await;
    let id = world
        .made(json!({"_customer_number": "15105550100", "_ors_session_id": "S1", "_ors_url": "http://10.2.0.17:9098"}))
        .await;
    let record = world.only();
    assert_eq!((record.state, record.version, record.waits_for_handover()), (State::Queued, 1, false));
    let timeline = world.store.timeline(builders::tenant(), record.id).await.unwrap();
    assert_eq!(timeline[0].changes[0], Change::Booked);
    assert_eq!(timeline.len(), 1, "one write");
    assert_eq!(world.ids("1/service/callback?_ors_session_id=S1").await, [id]);
}

/// I6.
#[tokio::test]
async fn a_key_makes_one_callback() {
    let world = World::new().await;
    let make = async |key: &str, service: &str, number: &str| {
        let request = Request::post(format!("/genesys/1/service/callback/{service}"));
        let request = request.header("contactCenterId", builders::tenant().to_string());
        let request = request.header("X-Idempotency-Key", key).header("content-type", "application/json");
        send(world.internal(), request.body(Body::from(json!({"_customer_number": number}).to_string())).unwrap()).await
    };
    let first = make("k1", SERVICE, "15105550100").await;
    assert_eq!(make("k1", SERVICE, "15105550100").await.body, first.body, "byte for byte");
    assert_eq!(world.store.everything().len(), 1);
    make("k1", SERVICE, "15105550101").await.faulted(422, "InvalidOption");
    make("two words", SERVICE, "15105550100").await.faulted(400, "InvalidOption");
    world.provision("CB_Other", |_| {}).await;
    make("k1", "CB_Other", "15105550100").await.faulted(422, "InvalidOption");
    assert_eq!(world.store.everything().len(), 1);
}

/// Integrations 2.3.
#[tokio::test]
async fn queries_combine_properties_and_never_leave_the_tenant() {
    let world = World::new().await;
    let keys = |settings: &mut ges_domain::service::Settings| {
        settings.extra.insert("_customer_lookup_keys".into(), "_customer_number, accountId".into());
    };
    world.provision(SERVICE, keys).await;
    let one = world.made(json!({"_customer_number": "15105550100", "accountId": "A-17"})).await;
    world.clock.advance(std::time::Duration::from_secs(1));
    let two = world.made(json!({"_customer_number": "15105550101", "accountId": 17, "_desired_time": LATER})).await;
    for (query, expected) in [
        ("_customer_number=15105550100", vec![&one]),
        ("_customer_number=+15105550100", vec![&one]),
        ("_callback_state=QUEUED", vec![&one]),
        ("_callback_state=!QUEUED", vec![&two]),
        ("_callback_state=!COMPLETED", vec![&two, &one]),
        ("_callback_state=QUEUED&_callback_state=SCHEDULED", vec![]),
        ("_callback_state=QUEUED&_callback_state=SCHEDULED&operand=OR", vec![&two, &one]),
        ("_callback_state=QUEUED&_customer_number=15105550101&operand=or", vec![&two, &one]),
        ("_callback_state=QUEUED&_customer_number=15105550101", vec![]),
        ("accountId=A-17", vec![&one]),
        ("accountId=17&_callback_reason=NONE_SUCH&operand=OR", vec![&two]),
        ("_id=nope", vec![]),
        (&format!("_id={one}"), vec![&one]),
        (&format!("_id={one}&_callback_state=SCHEDULED"), vec![]),
        ("_ors_session_id=S9", vec![]),
        ("_callback_reason=lower", vec![]),
    ] {
        let expected: Vec<String> = expected.into_iter().cloned().collect();
        assert_eq!(world.ids(&format!("{HERE}?{query}")).await, expected, "{query}");
        assert_eq!(world.ids(&format!("1/service/callback?{query}")).await, expected, "{query}");
    }
    for (query, status, class) in [
        ("", 400, "InvalidOption"),
        ("operand=AND", 400, "InvalidOption"),
        ("_customer_number=1&operand=XOR", 400, "InvalidOption"),
        ("_callback_state=WAITING", 400, "InvalidOption"),
        ("shoeSize=9", 400, "InvalidOption"),
        ("_unknown=1", 400, "InvalidOption"),
        ("_customer_number=%00", 400, "InvalidOption"),
        ("_customer_number=%ff", 400, "InvalidOption"),
    ] {
        world.fetch(&format!("{HERE}?{query}")).await.faulted(status, class);
    }
    world.fetch("1/service/callback/CB_None?_callback_state=QUEUED").await.faulted(404, "NotFound");
    let theirs = Request::get("/genesys/1/service/callback?_callback_state=!COMPLETED");
    let theirs = theirs.header("ccid", builders::other_tenant().to_string()).body(Body::empty()).unwrap();
    assert_eq!(send(world.internal(), theirs).await.done(), json!([]), "I9");
}

/// Integrations 2.4; R-EDT-1, R-EDT-4, R-EDT-5.
#[tokio::test]
async fn an_update_moves_edits_and_deletes() {
    let world = World::new().await;
    let id = world.made(json!({"_customer_number": "15105550100", "_desired_time": LATER, "accountId": "A-17"})).await;
    let moved = world.put(&id, json!({"_new_desired_time": "2026-01-06T09:00:00.000Z", "accountId": ""})).await;
    assert_eq!((moved.status, moved.body.as_str()), (200, "{}"));
    let record = world.only();
    assert_eq!((record.desired_at, record.particulars.user_data.len()), (at("2026-01-06T09:00:00Z"), 0));
    let edited = json!({"_customer_number": "15105550199", "_priority": "5", "_language": "fr-CA", "colour": "blue", "_note": "x"});
    world.put(&id, edited).await.done();
    let record = world.only();
    assert_eq!((record.phone.as_given(), record.priority), ("15105550199", Some(5)));
    assert_eq!(record.particulars.session_facts["_note"], "x");
    assert_eq!(record.particulars.user_data.len(), 1);
    let version = record.version;
    world.put(&id, json!({"_desired_time": "2026-01-06T09:00:00.000Z"})).await.done();
    assert_eq!(world.only().version, version, "an unchanged time is no new time");
    for (body, said) in [
        (json!({"_desired_time": "never"}), "_desired_time is not a date-time"),
        (json!({"_customer_number": "12"}), "_customer_number is not a possible phone number"),
        (json!({"_callback_state": "COMPLETED"}), "_callback_state cannot be changed here"),
    ] {
        assert_eq!(world.put(&id, body).await.faulted(400, "InvalidOption"), said);
    }
    let nothing_moved = json!({"_desired_time": "2026-01-07T09:00:00Z", "_customer_number": "12"});
    world.put(&id, nothing_moved).await.faulted(400, "InvalidOption");
    assert_eq!(world.only().desired_at, at("2026-01-06T09:00:00Z"), "all of it or nothing");
    world.provision(SERVICE, |settings| settings.max_per_slot = 0).await;
    world.put(&id, json!({"_desired_time": "2026-01-07T09:00:00Z"})).await.faulted(400, "Availability");
    world.put("00000000-0000-7000-8000-000000000000", json!({})).await.faulted(404, "NotFound");
    world.call(Method::PUT, &format!("1/service/callback/CB_Other/{id}"), json!({})).await.faulted(404, "NotFound");
}

#[tokio::test]
async fn an_update_is_refused_by_state() {
    let world = World::new().await;
    let id = world.in_state(State::Processing).await.to_string();
    world.put(&id, json!({"_customer_number": "15105550199"})).await.faulted(409, "Operation");
    world.put(&id, json!({"_new_desired_time": LATER})).await.faulted(409, "Operation");
    world.put(&id, json!({"accountId": "A-18"})).await.done();
    assert_eq!(world.only().particulars.user_data.len(), 1, "data may always be attached");
    let ended = json!({"_callback_state": "COMPLETED", "_callback_reason": "AGENT_CONNECTED", "_ors_session_id": "S1"});
    world.storage(id.parse().unwrap(), ended.to_string()).await.done();
    world.put(&id, json!({"accountId": "A-19"})).await.faulted(409, "Operation");
}

/// R-EDT-1, R-EDT-2, R-EDT-3: a near time hands the callback over, so everything else has to be in the same write.
#[tokio::test]
async fn a_near_time_and_a_new_number_are_one_change() {
    let world = World::new().await;
    let id = world.made(json!({"_customer_number": "15105550100", "_desired_time": LATER})).await;
    let near = "2026-01-05T12:01:00.000Z";
    let body = json!({"_new_desired_time": near, "_customer_number": "15105550199", "accountId": "A-17", "_note": "x"});
    world.put(&id, body).await.done();
    let record = world.only();
    assert_eq!((record.state, record.desired_at, record.version), (State::Queued, at(near), 2), "one write");
    assert_eq!((record.phone.as_given(), record.particulars.user_data.len()), ("15105550199", 1));
    assert_eq!(record.particulars.session_facts["_note"], "x");
}

/// R-EDT-1: an edit runs checks 5 to 8 again, a refused one changes nothing.
#[tokio::test]
async fn an_edit_is_checked_like_a_booking() {
    let world = World::new().await;
    let id = world.made(json!({"_customer_number": "15105550100", "_desired_time": LATER})).await;
    let before = world.only();
    world.provision(SERVICE, |settings| settings.scheduled_callback_enabled = false).await;
    let refused = world.put(&id, json!({"_priority": "5"})).await.faulted(400, "InvalidOption");
    assert_eq!(refused, "Scheduled callbacks are disabled for this service");
    assert_eq!(world.only(), before);
    let facts: serde_json::Map<_, _> = (0..9).map(|n| (format!("_fact{n}"), json!("x".repeat(16_000)))).collect();
    world.provision(SERVICE, |_| {}).await;
    let refused = world.put(&id, Value::Object(facts)).await.faulted(400, "InvalidOption");
    assert_eq!(refused, "storage holds at most 128 KiB of keys that begin with _");
    assert_eq!(world.only(), before);
}

/// Integrations 1.4, 2.4; I8.
#[tokio::test]
async fn a_running_session_hears_of_the_user_data_that_was_changed() {
    use ges_domain::callback::{Actor, UserData};
    use ges_domain::ports::SessionEvent;
    use ges_testkit::SessionCall;
    let world = World::new().await;
    let id = world.in_state(State::Routing).await;
    world.put(&id.to_string(), json!({"accountId": "A-18", "_note": "x"})).await.done();
    let record = world.only();
    let all: UserData = record.particulars.user_data.clone();
    assert_eq!(all.len(), 1);
    let told = SessionCall::Told(builders::session("S1"), id, SessionEvent::UserData(all));
    assert_eq!(world.sessions.calls(), [told]);
    let (_, timeline) = world.store.everything().pop().unwrap();
    assert_eq!(timeline.last().unwrap().actor, Actor::Ivr, "I8: not the session");
    world.put(&id.to_string(), json!({"_note": "y"})).await.done();
    assert_eq!(world.sessions.calls().len(), 1, "extras are no user data");
    let too_much = json!({"accountId": "x".repeat(500_000), "_new_desired_time": LATER});
    world.put(&id.to_string(), too_much).await.faulted(400, "InvalidOption");
    assert_eq!((world.only().state, world.sessions.calls().len()), (State::Routing, 1), "all of it or nothing");
}

/// Integrations 2.5; R-CAN-1, R-CAN-3.
#[tokio::test]
async fn a_cancel_may_be_repeated() {
    let world = World::new().await;
    let id = world.made(json!({"_customer_number": "15105550100", "_desired_time": LATER})).await;
    let path = format!("{HERE}/{id}");
    world.call(Method::DELETE, &format!("{path}?reason=BECAUSE"), Value::Null).await.faulted(400, "InvalidOption");
    for _ in 0..2 {
        let cancelled = world.call(Method::DELETE, &path, Value::Null).await;
        assert_eq!((cancelled.status, cancelled.body.as_str()), (200, "{}"));
    }
    assert_eq!(world.only().reason, Some(Reason::CANCELLED), "the word for consumers, whoever asks for them");
    assert!(!world.only().holds_slot(), "its place is free (R-CAP-3)");
    world.call(Method::DELETE, &format!("{HERE}/nope"), Value::Null).await.faulted(404, "NotFound");
    let foreign = Request::delete(format!("/genesys/{path}")).header("ccid", builders::other_tenant().to_string());
    send(world.internal(), foreign.body(Body::empty()).unwrap()).await.faulted(403, "Operation");
    let without = Request::delete(format!("/genesys/{path}")).body(Body::empty()).unwrap();
    send(world.internal(), without).await.done();
}

#[tokio::test]
async fn a_conversation_and_an_ended_callback_cannot_be_cancelled() {
    let world = World::new().await;
    let id = world.in_state(State::Processing).await;
    let path = format!("{HERE}/{id}");
    world.call(Method::DELETE, &path, Value::Null).await.faulted(409, "Operation");
    let ended = json!({"_callback_state": "COMPLETED", "_callback_reason": "NO_ANSWER", "_ors_session_id": "S1"});
    world.storage(id, ended.to_string()).await.done();
    world.call(Method::DELETE, &path, Value::Null).await.faulted(409, "Operation");
    let with_key = Request::delete(format!("/genesys/{path}")).header("x-api-key", OTHER_KEY).body(Body::empty());
    send(world.internal(), with_key.unwrap()).await.faulted(409, "Operation");
}

/// Integrations 2.6; R-AV-3, R-AV-8.
#[tokio::test]
async fn availability_tells_free_slots_in_both_versions() {
    let world = World::new().await;
    world.made(json!({"_customer_number": "15105550100", "_desired_time": LATER})).await;
    let path =
        "service/callback/VQ_Support/availability?start=2026-01-05T15:00:00.000Z&number-of-days=1&max-time-slots=2";
    let first = world.fetch(&format!("1/{path}")).await;
    assert_eq!(first.body, r#"{"2026-01-05T15:00:00.000Z":9,"2026-01-05T15:15:00.000Z":10}"#);
    let second = world.fetch(&format!("2/{path}&timezone=Europe/Paris")).await.done();
    assert_eq!((&second["durationMin"], &second["timezone"]), (&json!(15), &json!("Europe/Paris")));
    assert_eq!(second["slots"][0]["utcTime"], LATER);
    assert_eq!((&second["slots"][0]["capacity"], &second["slots"][0]["total"]), (&json!(9), &json!(10)));
    assert!(second["slots"][0]["localTime"].as_str().unwrap().contains("16:00"));
    let day = world.fetch(&format!("{HERE}/availability")).await.done();
    assert!(day.as_object().unwrap().len() > 90, "a day of quarters");
    for query in
        ["start=x", "end=2026-01-01", "number-of-days=-1", "max-time-slots=0", "end=2026-01-06&number-of-days=1"]
    {
        world.fetch(&format!("{HERE}/availability?{query}")).await.faulted(400, "InvalidOption");
    }
    world.fetch("1/service/callback/CB_None/availability").await.faulted(404, "NotFound");
}
