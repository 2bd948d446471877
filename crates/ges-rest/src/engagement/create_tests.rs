use axum::body::Body;
use ges_domain::callback::{Kind, OfferType, Scalar, Source, State};
use ges_domain::hours::{OfficeHours, Zone};
use ges_domain::ports::{Catalogue, HumanVerdict};
use ges_domain::service::Settings;
use ges_domain::throttle::InQueueCheck;
use ges_domain::wait::Estimate;
use ges_testkit::builders;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::testing::{KEY, OTHER_KEY, SERVICE, World, at, post, send};

/// The smallest body with one more field.
fn with(name: &str, value: Value) -> Value {
    let mut body = json!({"serviceName": SERVICE, "phoneNumber": "12223334444"});
    body[name] = value;
    body
}

#[tokio::test]
async fn the_documented_example_is_booked() {
    let world = World::new().await;
    let reply = world
        .create(json!({
            "serviceName": "VQ_Support",
            "phoneNumber": "12223334444",
            "desiredTime": "2026-01-05T15:00:00.000Z",
            "cbOfferType": "SCHEDULED",
            "language": "en-US",
            "channel": "WEB",
            "userData": { "priority": "high", "email": "joe@example.com" },
            "pushTargets": [ { "channel": "FCM", "target": "fcm-registration-token" } ],
            "alwaysCheckCapacity": true
        }))
        .await;
    let record = world.only();
    assert_eq!(
        (reply.status, reply.sealed()),
        (
            200,
            format!(
                r#"{{"status":{{"code":0,"message":"Successful","corrId":"CORR"}},"data":{{"id":"{}"}}}}"#,
                record.id
            )
        )
    );
    assert_eq!((record.kind, record.state), (Kind::Scheduled, State::Scheduled));
    assert_eq!((record.desired_at, record.phone.as_given()), (at("2026-01-05T15:00:00Z"), "12223334444"));
    let particulars = &record.particulars;
    assert_eq!(particulars.offer_type, Some(OfferType::Scheduled));
    assert_eq!(particulars.language.as_deref(), Some("en-US"));
    assert_eq!(particulars.channel.as_deref(), Some("WEB"));
    assert_eq!(particulars.user_data.get("email"), Some(&Scalar::Text("joe@example.com".into())));
    assert_eq!(particulars.push_targets[0].0, "fcm-registration-token");
    assert!(particulars.always_check_capacity);
    assert_eq!(particulars.source, Source::Api);
    assert_eq!(world.metric(&format!("ges_callbacks_created{{tenant=\"{}\"}} ", builders::tenant())), Some(1.0));
}

/// R-CRE-6, R-CRE-7: nothing makes a second booking of two equal requests but the client's own care.
#[tokio::test]
async fn equal_requests_are_two_callbacks() {
    let world = World::new().await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..2 {
        let reply = world.create(with("a", json!(1))).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        ids.insert(reply.json()["data"]["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 2);
    assert_eq!(world.metric(&format!("ges_callbacks_created{{tenant=\"{}\"}} ", builders::tenant())), Some(2.0));
}

#[tokio::test]
async fn the_smallest_request_with_the_sentence_of_the_clients_is_immediate() {
    let world = World::new().await;
    let sentence = "ASAP if the request does not include the desiredTime parameter and SCHEDULED if the request includes the desiredTime parameter.";
    let reply = world.create(with("cbOfferType", json!(sentence))).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let record = world.only();
    assert_eq!((record.kind, record.state), (Kind::Immediate, State::Queued));
    assert_eq!(record.particulars.offer_type, Some(OfferType::Asap));
}

/// R-CRE-3: the table of refusals sends a field nobody knows, too.
#[tokio::test]
async fn every_field_reaches_the_record() {
    let world = World::new().await;
    let body = json!({
        "serviceName": SERVICE, "phoneNumber": " +1 (222) 333-4444 ", "desiredTime": "2026-01-05T10:00:00-05:00",
        "cbOfferType": "COMBINED_SCHEDULED_AND_ASAP", "language": "fr-CA", "inboundVQ": "VQ_In", "offerThreshold": "120",
        "channel": "IVR", "offerTiming": "SOMETIMES", "cbOriginationIxnId": "ixn", "surveyRP": "rp1", "priority": "5",
        "routePoint": "rp2", "unknownField": {"a": [1]}, "captchaToken": "x".repeat(3000)
    });
    assert_eq!(world.create(body).await.status, 200);
    let record = world.only();
    let particulars = &record.particulars;
    assert_eq!(record.phone.as_given(), "+1 (222) 333-4444");
    assert_eq!((record.priority, particulars.offer_threshold), (Some(5), Some(120)));
    assert_eq!(particulars.offer_type, Some(OfferType::CombinedScheduledAndAsap));
    let text = |text: &Option<String>| text.clone().unwrap();
    assert_eq!(
        [&particulars.language, &particulars.inbound_vq, &particulars.channel, &particulars.offer_timing].map(text),
        ["fr-CA", "VQ_In", "IVR", "SOMETIMES"]
    );
    assert_eq!(
        [&particulars.origination_ixn, &particulars.survey_rp, &particulars.route_point].map(text),
        ["ixn", "rp1", "rp2"]
    );
}

#[tokio::test]
async fn lenient_forms_are_accepted() {
    for body in [
        with("cbOfferType", json!(5)),
        with("cbOfferType", json!("\u{0}")),
        with("priority", json!(5.0)),
        with("priority", json!("-1000")),
        with("priority", json!(null)),
        with("offerThreshold", json!(0)),
        with("offerThreshold", json!(12.5)),
        with("alwaysCheckCapacity", json!("FALSE")),
        with("userData", json!("")),
        with("userData", json!("{}")),
        with("userData", json!(null)),
        with("pushTargets", json!([])),
        with("pushTargets", json!(null)),
        with("language", json!("klingon")),
        with("channel", json!("x".repeat(1024))),
        with("desiredTime", json!(null)),
        with("desiredTime", json!("2026-01-05T15:00")),
        with("desiredTime", json!("2026-01-06")),
        with("serviceName", json!("  VQ_Support ")),
        with("_", json!("\u{0}")),
    ] {
        let world = World::new().await;
        let reply = world.create(body.clone()).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.body);
    }
}

#[tokio::test]
async fn user_data_keeps_names_and_literals_and_drops_the_rest() {
    let world = World::new().await;
    let body = r#"{"serviceName":"VQ_Support","phoneNumber":"12223334444","userData":
        {"ok":1,"not ok":2,"class":3,"gone":null,"amount":1.50,"big":12345678901234567890123,"yes":true,
         "nested":{"a":[1, "x"]},"list":[ ],"ok":7,"größe":"ü"}}"#;
    let reply = world.post("create", body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let record = world.only();
    let text = |text: &str| Scalar::Text(text.into());
    let number = |literal: &str| Scalar::Number(literal.into());
    let kept: Vec<_> =
        record.particulars.user_data.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    assert_eq!(
        kept,
        [
            ("amount".to_owned(), number("1.50")),
            ("big".to_owned(), number("12345678901234567890123")),
            ("größe".to_owned(), text("ü")),
            ("list".to_owned(), text("[ ]")),
            ("nested".to_owned(), text(r#"{"a":[1, "x"]}"#)),
            ("ok".to_owned(), number("7")),
            ("yes".to_owned(), Scalar::Bool(true)),
        ]
    );
}

#[tokio::test]
async fn user_data_in_a_string_and_old_push_fields_are_understood() {
    let world = World::new().await;
    let mut body = with("userData", json!("{\"a\":\"b\"}"));
    body["pushChannel"] = json!("FCM");
    body["pushTarget"] = json!("token");
    assert_eq!(world.create(body).await.status, 200);
    let particulars = world.only().particulars;
    assert_eq!(particulars.user_data.get("a"), Some(&Scalar::Text("b".into())));
    assert_eq!(particulars.push_targets.len(), 1);
}

#[tokio::test]
async fn of_repeated_keys_the_last_counts() {
    let world = World::new().await;
    let body = r#"{"serviceName":"nope","serviceName":"VQ_Support","phoneNumber":"12223334444"}"#;
    assert_eq!(world.post("create", body).await.status, 200);
}

/// R-CRE-2.
#[tokio::test]
async fn malformed_requests_name_their_field_and_write_nothing() {
    let world = World::new().await;
    let targets: Vec<_> = (0..11).map(|n| json!({"channel": "FCM", "target": n.to_string()})).collect();
    let long = || json!("x".repeat(1025));
    for (body, field) in [
        (json!({"phoneNumber": "12223334444"}), "serviceName is required"),
        (json!({"serviceName": null, "phoneNumber": "1"}), "serviceName is required"),
        (json!({"serviceName": "", "phoneNumber": "1"}), "serviceName is required"),
        (json!({"serviceName": SERVICE}), "phoneNumber is required"),
        (with("serviceName", json!(" ")), "serviceName must have 1 to 255"),
        (with("serviceName", json!("x".repeat(256))), "serviceName must have 1 to 255"),
        (with("serviceName", json!(5)), "serviceName must be a string"),
        (with("phoneNumber", json!("1".repeat(65))), "phoneNumber must have 1 to 64"),
        (with("phoneNumber", json!(12223334444_u64)), "phoneNumber must be a string"),
        (with("phoneNumber", json!("1222\u{0}3334444")), "phoneNumber must not contain NUL"),
        (with("desiredTime", json!("tomorrow")), "desiredTime is not a date-time"),
        (with("desiredTime", json!("")), "desiredTime is not a date-time"),
        (with("desiredTime", json!(1767625200000_u64)), "desiredTime must be a string"),
        (with("desiredTime", json!("2026-02-30T00:00:00Z")), "desiredTime is not a date-time"),
        (with("language", json!(["en"])), "language must be a string"),
        (with("language", long()), "language must have at most 1024"),
        (with("inboundVQ", long()), "inboundVQ must have at most 1024"),
        (with("channel", json!("a\u{0}b")), "channel must not contain NUL"),
        (with("offerTiming", json!(true)), "offerTiming must be a string"),
        (with("cbOriginationIxnId", long()), "cbOriginationIxnId must have at most"),
        (with("surveyRP", json!({})), "surveyRP must be a string"),
        (with("routePoint", long()), "routePoint must have at most"),
        (with("priority", json!("high")), "priority must be a number"),
        (with("priority", json!(5.5)), "priority must be a whole number"),
        (with("priority", json!(1001)), "priority must be a whole number"),
        (with("priority", json!(-1001)), "priority must be a whole number"),
        (with("priority", json!([])), "priority must be a number"),
        (with("priority", json!("NaN")), "priority must be a number"),
        (with("offerThreshold", json!(-1)), "offerThreshold must be"),
        (with("offerThreshold", json!("inf")), "offerThreshold must be a number"),
        (with("offerThreshold", json!(1e300)), "offerThreshold must be"),
        (with("userData", json!([])), "userData must be a JSON object"),
        (with("userData", json!(5)), "userData must be a JSON object"),
        (with("userData", json!("x")), "userData must be a JSON object"),
        (with("userData", json!({"a": "\u{0}"})), "userData must not contain NUL"),
        (with("userData", json!({"a": {"b": "\u{0}"}})), "userData must not contain NUL"),
        (with("userData", json!({"a": "x".repeat(410_000)})), "userData is larger than 400 KiB"),
        (with("captchaToken", json!(5)), "captchaToken must be a string"),
        (with("pushTargets", json!({})), "pushTargets must be an array"),
        (with("pushTargets", json!(["FCM"])), "pushTargets must be a JSON object"),
        (with("pushTargets", json!(targets)), "pushTargets must have at most 10"),
        (with("pushTargets", json!([{"channel": "SMS", "target": "t"}])), "pushTargets has an entry"),
        (with("pushTargets", json!([{"channel": "FCM", "target": ""}])), "pushTargets has an entry"),
        (with("pushTargets", json!([{"channel": "FCM"}])), "pushTargets has an entry"),
        (with("pushTargets", json!([{"target": "t"}])), "channel is required"),
        (with("alwaysCheckCapacity", json!("yes")), "alwaysCheckCapacity must be true or false"),
        (with("alwaysCheckCapacity", json!(1)), "alwaysCheckCapacity must be true or false"),
    ] {
        let message = world.create(body.clone()).await.refused(400, 1);
        assert!(message.starts_with(field), "{body}: {message}");
    }
    assert!(world.nothing_is_written());
}

#[tokio::test]
async fn text_that_is_no_unicode_is_refused_by_name() {
    let world = World::new().await;
    for (field, json) in [
        ("serviceName", r#""\ud800""#),
        ("phoneNumber", r#""1\udc00""#),
        ("channel", r#""\ud83d x""#),
        ("captchaToken", r#""\ud800""#),
        ("userData", r#"{"a":"\ud800"}"#),
        ("userData", r#"{"a":[["\udfff"]]}"#),
        ("userData", r#"{"\ud800":1}"#),
    ] {
        let base = r#""serviceName":"VQ_Support","phoneNumber":"12223334444""#;
        let message = world.post("create", format!("{{{base},\"{field}\":{json}}}")).await.refused(400, 1);
        assert!(message.starts_with(field), "{json}: {message}");
    }
    assert!(world.nothing_is_written());
}

#[tokio::test]
async fn bodies_that_are_no_objects_are_refused() {
    let world = World::new().await;
    let deep = format!("{{\"userData\":{}1{}}}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"\"x\"".to_vec(),
        b"5".to_vec(),
        b"null".to_vec(),
        b"{\"serviceName\":\"\xff\"}".to_vec(),
        b"{\"\\ud800\":1}".to_vec(),
        b"{} x".to_vec(),
        "[".repeat(400_000).into_bytes(),
        deep.into_bytes(),
    ];
    for body in bodies {
        let message = world.post("create", body).await.refused(400, 1);
        assert!(message.starts_with("The body"), "{message}");
    }
    assert!(world.nothing_is_written());
}

#[tokio::test]
async fn content_types_other_than_json_are_refused_when_something_is_sent() {
    let body = with("channel", json!("WEB")).to_string();
    for (content_type, status) in [
        (Some("application/json;charset=UTF-8"), 200),
        (Some("Application/JSON"), 200),
        (None, 200),
        (Some("text/plain"), 415),
        (Some("application/x-www-form-urlencoded"), 415),
        (Some("application/jsonp"), 415),
    ] {
        let world = World::new().await;
        let mut request = axum::http::Request::post("/engagement/v3/callbacks/create").header("x-api-key", KEY);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let reply = send(world.external(), request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(reply.status, status, "{content_type:?}: {}", reply.body);
        if status == 415 {
            reply.refused(415, 24);
        }
    }
    let world = World::new().await;
    let empty = axum::http::Request::post("/engagement/v3/callbacks/create").header("x-api-key", KEY);
    let empty = empty.header("content-type", "text/plain").body(Body::empty()).unwrap();
    send(world.external(), empty).await.refused(400, 1);
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_and_counted_however_they_are_sent() {
    let world = World::new().await;
    let fill = |bytes: usize| {
        let empty = with("channel", json!("")).to_string().len();
        let mut body = with("x", json!("")).to_string();
        body.truncate(body.len() - 2);
        body.push_str(&"y".repeat(bytes - empty + 6));
        body.push_str("\"}");
        assert_eq!(body.len(), bytes);
        body
    };
    assert_eq!(world.post("create", fill(500_000)).await.status, 200, "the limit itself fits");
    let counter = "INVALID_CONTENT_LENGTH{host=\"pod-1\",version=\"1.0.0\"} ";
    assert_eq!(world.metric(counter), Some(0.0));
    let declared = post("create").header("x-api-key", KEY).header("content-length", "500001");
    send(world.external(), declared.body(Body::from(fill(500_001))).unwrap()).await.refused(413, 23);
    let pieces: Vec<Result<_, std::io::Error>> = vec![Ok(fill(300_000)), Ok(fill(300_000))];
    let streamed = Body::from_stream(futures_util::stream::iter(pieces));
    let message = world.post("create", streamed).await.refused(413, 23);
    assert_eq!(message, "The body is larger than 500000 bytes");
    assert_eq!(world.metric(counter), Some(2.0));
    assert_eq!(world.store.everything().len(), 1);
}

#[tokio::test]
async fn a_body_that_ends_early_is_malformed() {
    let world = World::new().await;
    let pieces: Vec<Result<&str, std::io::Error>> = vec![Ok("{"), Err(std::io::ErrorKind::ConnectionReset.into())];
    world.post("create", Body::from_stream(futures_util::stream::iter(pieces))).await.refused(400, 1);
}

/// R-THR-7, R-THR-11: each refusal by a limit is counted.
#[tokio::test]
async fn every_business_refusal_has_its_row_of_the_table() {
    type Change = fn(&mut Settings);
    let scheduled = || with("desiredTime", json!("2026-01-05T15:00:00Z"));
    let table: Vec<(&str, Change, Value, u16, u64)> = vec![
        ("unknown service", |_| {}, with("serviceName", json!("VQ_Suport")), 400, 2),
        ("immediate off", |it| it.immediate_callback_enabled = false, with("a", json!(1)), 400, 3),
        ("scheduled off", |it| it.scheduled_callback_enabled = false, scheduled(), 400, 3),
        ("captcha missing", |it| it.captcha_required = true, with("a", json!(1)), 400, 4),
        ("captcha not accepted", |it| it.captcha_required = true, with("captchaToken", json!("robot")), 400, 4),
        ("captcha empty", |it| it.captcha_required = true, with("captchaToken", json!("")), 400, 4),
        ("impossible number", |_| {}, with("phoneNumber", json!("abc")), 400, 5),
        (
            "emergency number",
            |it| it.throttle.block_impossible = Some(false),
            with("phoneNumber", json!("911")),
            400,
            5,
        ),
        ("premium number", |_| {}, with("phoneNumber", json!("19005551234")), 400, 5),
        (
            "push target needed",
            |it| it.call_direction = ges_domain::callback::Direction::UserOriginated,
            with("a", json!(1)),
            400,
            1,
        ),
        ("past", |_| {}, with("desiredTime", json!("2026-01-05T11:00:00Z")), 400, 1),
        ("too far", |_| {}, with("desiredTime", json!("2026-01-19T12:00:01Z")), 400, 1),
        ("no place", |it| it.max_per_slot = 0, scheduled(), 429, 30),
        ("window full", |it| it.throttle.throttle_limit1 = Some(0), with("a", json!(1)), 429, 32),
        ("queue full", |it| it.throttle.max_queued = Some(0), with("a", json!(1)), 429, 32),
        ("number too often", |it| it.throttle.per_number_limit = Some(0), with("a", json!(1)), 429, 33),
    ];
    for (what, change, body, status, code) in table {
        let world = World::new().await;
        world.provision(SERVICE, change).await;
        let reply = world.create(body).await;
        reply.refused(status, code);
        assert!(world.nothing_is_written(), "{what}");
        assert_eq!(reply.header("retry-after").is_some(), code == 32 || code == 51, "{what}");
        let tenant = builders::tenant();
        let counted =
            |name: &str| world.metric(&format!("{name}{{host=\"pod-1\",tenant=\"{tenant}\",version=\"1.0.0\"}} "));
        assert_eq!(counted("CB_TTL_LIMIT_REACHED"), Some(f64::from(u8::from(code == 32))), "{what}");
        assert_eq!(counted("CB_ENQUEUE_LIMIT_REACHED"), Some(f64::from(u8::from(code == 33))), "{what}");
    }
}

#[tokio::test]
async fn a_captcha_is_asked_where_it_is_required_and_nowhere_else() {
    let world = World::new().await;
    world.human.answer(HumanVerdict::Unavailable);
    assert_eq!(world.create(with("captchaToken", json!("t"))).await.status, 200, "R-CPT-6: not required, ignored");
    assert!(world.human.asked().is_empty());
    let required = |settings: &mut Settings| {
        (settings.captcha_required, settings.captcha_site_key) = (true, Some("6Le".into()));
        settings.throttle.in_queue_check = Some(InQueueCheck::Off);
    };
    world.provision(SERVICE, required).await;
    let reply = world.create(with("captchaToken", json!("t"))).await;
    reply.refused(500, 51);
    assert_eq!(reply.header("retry-after"), Some("5"), "integrations 7.5");
    assert_eq!(world.human.asked(), [Some("6Le".to_owned())]);
    world.human.answer(HumanVerdict::Ambiguous);
    world.create(with("captchaToken", json!("t"))).await.refused(400, 4);
    world.human.answer(HumanVerdict::Unverified);
    assert_eq!(world.create(with("captchaToken", json!("t"))).await.status, 200);
    let marked = world.store.everything().into_iter().filter(|(row, _)| row.particulars.captcha_unverified).count();
    assert_eq!(marked, 1, "the record says that nobody could say");
    world.human.answer(HumanVerdict::Human);
    assert_eq!(world.create(with("captchaToken", json!("t"))).await.status, 200, "R-CPT-3");
}

#[tokio::test]
async fn a_number_that_waits_already_is_refused_with_an_empty_map() {
    let world = World::new().await;
    world.provision(SERVICE, |settings| settings.throttle.in_queue_check = Some(InQueueCheck::Strict)).await;
    world.booked(None).await;
    let reply = world.create(with("a", json!(1))).await;
    assert_eq!(
        (reply.status, reply.sealed().as_str()),
        (
            429,
            r#"{"status":{"code":33,"message":"Too many callbacks for this phone number","corrId":"CORR"},"data":{"slots":{}}}"#
        )
    );
}

#[tokio::test]
async fn a_full_slot_is_answered_with_free_ones_as_text() {
    let world = World::new().await;
    world.provision(SERVICE, |settings| settings.max_per_slot = 1).await;
    world.booked(Some("2026-01-05T15:00:00Z")).await;
    let reply = world.create(with("desiredTime", json!("2026-01-05T15:00:00Z"))).await;
    assert_eq!(reply.refused(429, 30), "No capacity at 2026-01-05T15:00:00.000Z");
    let slots = reply.json()["data"]["slots"].clone();
    let slots = slots.as_object().unwrap();
    assert_eq!(slots.len(), 10);
    assert_eq!(slots["2026-01-05T15:15:00.000Z"], json!("1"));
    assert!(!slots.contains_key("2026-01-05T15:00:00.000Z"));
    assert_eq!(world.store.everything().len(), 1);
}

#[tokio::test]
async fn a_closed_office_proposes_when_it_is_open() {
    let world = World::new().await;
    let closed = OfficeHours::new("Never", Zone::utc(), Vec::new(), Vec::new(), Vec::new()).unwrap();
    world.store.put_hours(builders::tenant(), &closed).await.unwrap();
    world.store.put_hours(builders::tenant(), &builders::weekday_hours("Week", "09:00", "12:00")).await.unwrap();
    world.provision(SERVICE, |settings| settings.business_hours = Some("Week".into())).await;
    let reply = world.create(with("a", json!(1))).await;
    assert_eq!(reply.refused(429, 31), "The office is closed at 2026-01-05T12:00:00.000Z");
    assert_eq!(reply.json()["data"]["slots"]["2026-01-06T09:00:00.000Z"], json!("100"));
    world.provision(SERVICE, |settings| settings.business_hours = Some("Never".into())).await;
    let reply = world.create(with("a", json!(1))).await;
    assert_eq!((reply.refused(429, 31).is_empty(), &reply.json()["data"]["slots"]), (false, &json!({})));
    assert!(world.nothing_is_written());
}

#[tokio::test]
async fn with_the_flag_a_slot_that_the_wait_overtakes_is_refused() {
    let world = World::new().await;
    world.waits.set(builders::tenant(), SERVICE, Estimate::Known(4 * 3600));
    let mut body = with("desiredTime", json!("2026-01-05T15:00:00Z"));
    assert_eq!(world.create(body.clone()).await.status, 200, "without the flag it is immediate");
    assert_eq!(world.only().kind, Kind::Immediate);
    body["alwaysCheckCapacity"] = json!(true);
    world.create(body).await.refused(429, 30);
}

#[tokio::test]
async fn a_store_that_is_down_is_told_and_nothing_is_half_done() {
    let world = World::new().await;
    world.store.fail_times(1);
    let reply = world.create(with("a", json!(1))).await;
    reply.refused(500, 51);
    assert_eq!(reply.header("retry-after"), Some("2"));
    assert!(world.nothing_is_written());
}

#[tokio::test]
async fn services_of_other_tenants_are_unknown() {
    let world = World::new().await;
    let request = post("create").header("x-api-key", OTHER_KEY);
    let reply = send(world.external(), request.body(with("a", json!(1)).to_string().into()).unwrap()).await;
    assert_eq!(reply.refused(400, 2), "Service 'VQ_Support' is not provisioned");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("2026-01-05T15:00:00Z")),
        Just(json!("FCM")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z]{0,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

const FIELDS: [&str; 19] = [
    "serviceName",
    "phoneNumber",
    "desiredTime",
    "cbOfferType",
    "language",
    "inboundVQ",
    "offerThreshold",
    "channel",
    "offerTiming",
    "cbOriginationIxnId",
    "surveyRP",
    "priority",
    "routePoint",
    "userData",
    "captchaToken",
    "pushTargets",
    "alwaysCheckCapacity",
    "pushChannel",
    "pushTarget",
];

thread_local! {
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    static WORLD: World = RUNTIME.with(|runtime| runtime.block_on(World::new()));
}

fn status_of(body: Vec<u8>) -> u16 {
    WORLD.with(|world| {
        RUNTIME.with(|runtime| {
            let reply = runtime.block_on(world.post("create", body));
            reply.sealed();
            reply.status
        })
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_break_create(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(status_of(body), 400);
    }

    #[test]
    fn arbitrary_json_never_breaks_create(
        fields in prop::collection::vec((prop::sample::select(&FIELDS[..]), any_json()), 0..6),
    ) {
        let mut body = json!({"serviceName": SERVICE, "phoneNumber": "12223334444"});
        for (name, value) in fields {
            body[name] = value;
        }
        let status = status_of(body.to_string().into_bytes());
        prop_assert!([200, 400, 429].contains(&status), "{} for {}", status, body);
    }
}
