//! The worked example of integrations 1.2.2, and the way there and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use ges_domain::callback::{Scalar, UserData};
use ges_domain::phone::{PhoneKey, PhoneNumber};
use ges_domain::region::{Region, RegionRule};
use ges_domain::service::Service;
use ges_domain::{CallbackId, Instant};
use ges_http_client::{HttpClientFactory, Policy};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{AllowedHosts, OrsSessions, fixture};

fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    &fields.iter().find(|(key, _)| *key == name).unwrap().1
}

fn data(fields: &Fields) -> Value {
    serde_json::from_str(field(fields, "data")).unwrap()
}

#[test]
fn the_worked_example() {
    let dispatch = fixture::dispatch();
    let mut fields = entry(&dispatch, &fixture::origin(), "7c1f");
    let mut data = data(&fields);
    fields.pop();
    assert_eq!(
        fields,
        [
            ("schema", "1"),
            ("event", "callback.start"),
            ("serviceId", "0f2b1d5e-7a4c-4f6e-9a51-0a4f6a2f3c10"),
            ("attempt", "1"),
            ("ccid", "c0ffee00-0000-4000-8000-000000000100"),
            ("serviceName", "CB_Sales"),
            ("application", "CallbackApp"),
            ("applicationStream", "Development"),
            ("gesUrl", "http://ges.ges.svc.cluster.local/genesys"),
            ("submittedAt", "2026-11-23T15:29:58.113Z"),
            ("expiresAt", "2026-11-23T17:30:00.000Z"),
            ("corrId", "7c1f"),
        ]
        .map(|(key, value)| (key, value.to_owned()))
    );
    let settings = data.as_object_mut().unwrap().remove("_settings").unwrap();
    let reporting = data.as_object_mut().unwrap().remove("_reporting").unwrap();
    assert_eq!(
        data,
        json!({
            "_service_id": "0f2b1d5e-7a4c-4f6e-9a51-0a4f6a2f3c10",
            "_service_name": "CB_Sales",
            "_ccid": "c0ffee00-0000-4000-8000-000000000100",
            "_customer_number": "15105550100",
            "_desired_time": "2026-11-23T15:30:00.000Z",
            "_earliest_dial_time": "2026-11-23T15:29:58.113Z",
            "_callback_state": "QUEUED",
            "_callback_type": "SCHEDULED",
            "_media_type": "voice",
            "_call_direction": "USERTERMINATED",
            "_urs_virtual_queue": "CB_Sales",
            "_inbound_vq": "VQ_Sales",
            "_priority": 50,
            "_language": "en-US",
            "_route_point": "5001@SIP_Switch",
            "_dial_prefix": "+",
            "_dialed_digits": "+15105550100",
            "_calling_party_number": "18005550100",
            "_calling_party_display_name": "Acme",
            "_origination_channel": "web",
            "_max_dial_attempts": 3,
            "_user_data": { "accountId": "A-17", "reason": "billing" },
        })
    );
    for (key, value) in [("callbackTtl", "86400"), ("cpdEnabled", "true"), ("dialPrefix", "+"), ("slotMinutes", "15")] {
        assert_eq!(settings[key], json!(value), "settings are texts: {key}");
    }
    assert!(settings.as_object().unwrap().values().all(Value::is_string));
    assert!(settings.get("businessHours").is_none(), "unset cells are left out");
    assert_eq!(reporting["_CB_DIM_OFFER_TIMING"], json!("<unspecified>"), "R-RPT-1");
    assert_eq!(reporting["cbOriginationIxnId"], json!("<unspecified>"), "R-RPT-1");
    assert_eq!(reporting["_CB_DIM_CALLBACK_OFFER_TYPE"], json!("SCHEDULED"), "R-TYP-8");
    assert_eq!(reporting["_CB_FINAL_RECORD"], json!("0"), "R-RPT-2");
    assert_eq!(reporting["_CB_DIM_CHANNEL"], json!("WEB"));
    assert_eq!(reporting["_CB_DIM_CONNECT_ORDER"], json!("CUSTOMER"));
}

#[test]
fn what_is_absent_is_left_out() {
    let mut dispatch = fixture::dispatch();
    let service = Arc::make_mut(&mut dispatch.service);
    service.settings = ges_domain::service::Settings::default();
    dispatch.callback.priority = None;
    dispatch.callback.particulars = Default::default();
    let fields = entry(&dispatch, &fixture::origin(), "x");
    let data = data(&fields);
    for name in ["_inbound_vq", "_priority", "_origination_channel", "_calling_party_number", "_dial_prefix"] {
        assert!(data.get(name).is_none(), "{name}");
    }
    assert!(!fields.iter().any(|(name, _)| *name == "region"));
    assert!(!field(&fields, "data").contains("null"));
}

#[test]
fn overrides_of_the_request_win_and_the_next_entry_is_not_touched() {
    let plain = fixture::dispatch();
    let mut special = plain.clone();
    special.callback.particulars.route_point = Some("7000@SIP".into());
    special.callback.particulars.survey_rp = Some("7001@SIP".into());
    special.callback.particulars.language = Some("fr-CA".into());
    special.callback.priority = Some(-7);
    let origin = Origin { region: Some("dc1".into()), ewt_mode: EwtMode::Mode3, ..fixture::origin() };
    let mut writer = Writer::new(&origin);
    let entries = [&plain, &special, &plain].map(|one| writer.entry(one, "x"));
    assert_eq!(entries[0], entries[2]);
    assert_eq!(field(&entries[1], "region"), "dc1");
    let mut ruled = plain.clone();
    let rule = RegionRule::new("West first", vec![Region::new("west").unwrap()]).unwrap();
    ruled.service = Arc::new(Service { region_rule: Some(rule), ..(*ruled.service).clone() });
    assert_eq!(field(&writer.entry(&ruled, "x"), "region"), "west", "R-RA-3: the queue's rule comes first");
    let mut named = plain.clone();
    Arc::make_mut(&mut named.service).settings.ewt_mode = Some(EwtMode::Mode1);
    let modes = [field(&entries[0], "data").to_owned(), field(&writer.entry(&named, "x"), "data").to_owned()];
    let modes = modes.map(|data| serde_json::from_str::<Value>(&data).unwrap()["_settings"]["ewtMode"].clone());
    assert_eq!(modes, [json!("mode3"), json!("mode1")], "R-EWT-2: of the deployment, unless the service names one");
    let data = data(&entries[1]);
    assert_eq!(
        (&data["_route_point"], &data["_settings"]["routingPoint"], &data["_settings"]["surveyRP"]),
        (&json!("7000@SIP"), &json!("7000@SIP"), &json!("7001@SIP")),
        "R-CRE-9"
    );
    assert_eq!((&data["_language"], &data["_priority"]), (&json!("fr-CA"), &json!(-7)), "R-CRE-9");
}

/// Integrations 2.2, 5.3.
#[test]
fn a_session_waits_in_the_queue_of_the_request_else_of_the_service_else_of_its_name() {
    let mut dispatch = fixture::dispatch();
    let queue = |dispatch: &Dispatch| data(&entry(dispatch, &fixture::origin(), "x"))["_urs_virtual_queue"].clone();
    assert_eq!(queue(&dispatch), json!("CB_Sales"));
    let settings = &mut Arc::make_mut(&mut dispatch.service).settings;
    (settings.virtual_queue, settings.ewt_queue) = (Some("VQ_Other".into()), Some("VQ_Asked".into()));
    assert_eq!(queue(&dispatch), json!("VQ_Other"), "not the queue whose wait counts");
    dispatch.callback.particulars.virtual_queue = Some("VQ_Own".into());
    assert_eq!(queue(&dispatch), json!("VQ_Own"));
}

#[test]
fn ex_l_dialed_digits_reach_the_session() {
    for (prefix, number, dialed) in [
        ("+", "12223334444", "+12223334444"),
        ("+", "+12223334444", "+12223334444"),
        ("", "2223334444", "2223334444"),
        ("91", "2223334444", "912223334444"),
        ("9", "+12223334444", "9+12223334444"),
    ] {
        let mut dispatch = fixture::dispatch();
        Arc::make_mut(&mut dispatch.service).settings.dial_prefix = prefix.into();
        dispatch.callback.phone = PhoneNumber::new(number).unwrap();
        let data = data(&entry(&dispatch, &fixture::origin(), "x"));
        assert_eq!(data["_dialed_digits"], json!(dialed), "EX-L {prefix:?} {number}");
    }
}

#[test]
fn a_number_nobody_could_read_goes_as_given() {
    let mut dispatch = fixture::dispatch();
    dispatch.callback.phone = PhoneNumber::new("operator").unwrap();
    dispatch.callback.phone_key = PhoneKey::new(None, &dispatch.callback.phone);
    assert_eq!(data(&entry(&dispatch, &fixture::origin(), "x"))["_customer_number"], json!("operator"));
}

#[test]
fn earliest_dial_is_three_minutes_early_when_submitted_long_before() {
    let mut dispatch = fixture::dispatch();
    dispatch.at = "2026-11-23T14:00:00Z".parse().unwrap();
    dispatch.earliest_dial = ges_domain::submission::earliest_dial(dispatch.callback.desired_at, dispatch.at);
    let fields = entry(&dispatch, &fixture::origin(), "x");
    assert_eq!(data(&fields)["_earliest_dial_time"], json!("2026-11-23T15:27:00.000Z"), "R-SUB-4");
}

#[test]
fn a_wrong_entry_names_its_field() {
    let good = || entry(&fixture::dispatch(), &fixture::origin(), "x");
    let with = |name: &'static str, value: &str| {
        let fields = good().into_iter().map(|(key, old)| (key, if key == name { value.to_owned() } else { old }));
        StreamEntry::parse(fields).unwrap_err()
    };
    assert_eq!(with("schema", "2"), BadEntry::UnknownSchema(2));
    assert_eq!(with("attempt", "0"), BadEntry::Unreadable("attempt"));
    assert_eq!(with("serviceId", "x"), BadEntry::Unreadable("serviceId"));
    assert_eq!(with("expiresAt", "soon"), BadEntry::Unreadable("expiresAt"));
    assert_eq!(with("data", "{}"), BadEntry::Unreadable("data"));
    for name in ["schema", "attempt", "ccid", "gesUrl", "corrId", "data"] {
        let fields = good().into_iter().filter(|(key, _)| *key != name);
        assert_eq!(StreamEntry::parse(fields).unwrap_err(), BadEntry::Missing(name));
    }
    let mut more = good();
    more.push(("futureField", "x".into()));
    assert!(StreamEntry::parse(more).is_ok(), "fields nobody knows are ignored");
}

#[test]
fn an_entry_expires_at_the_deadline_of_the_record() {
    let entry = StreamEntry::parse(entry(&fixture::dispatch(), &fixture::origin(), "x")).unwrap();
    let deadline = fixture::callback().deadline;
    assert!(entry.is_expired(deadline) && !entry.is_expired(Instant::from_millis(deadline.millis() - 1)));
    assert!(!format!("{entry:?}").contains("5550100"), "I11");
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        any::<String>().prop_map(Scalar::Text),
        any::<bool>().prop_map(Scalar::Bool),
        any::<i64>().prop_map(|number| Scalar::Number(number.to_string())),
        Just(Scalar::Number("12345678901234567890.123456789".into())),
        Just(Scalar::Number("1E400".into())),
    ]
}

proptest! {
    #[test]
    fn p_entries_read_back(
        id in any::<u128>(),
        attempt in 1_u32..4,
        user_data in proptest::collection::btree_map("[a-z_$][a-zA-Z0-9]{0,8}x_", scalar(), 0..6),
        priority in proptest::option::of(-1000_i32..=1000),
        texts in proptest::collection::vec(any::<String>(), 3),
        seconds in 0_i64..4_000_000_000,
    ) {
        let mut dispatch = fixture::dispatch();
        dispatch.attempt = attempt;
        dispatch.at = Instant::from_millis(seconds * 1000 + 7);
        let callback = &mut dispatch.callback;
        callback.id = CallbackId(Uuid::from_u128(id));
        callback.priority = priority;
        callback.particulars.user_data = UserData::new(user_data.clone()).unwrap();
        callback.particulars.inbound_vq = Some(texts[0].clone());
        callback.particulars.route_point = Some(texts[1].clone());
        callback.particulars.channel = Some(texts[2].clone());
        let corr = corr_id(dispatch.callback.id, attempt);
        let entry = StreamEntry::parse(entry(&dispatch, &fixture::origin(), &corr)).unwrap();
        prop_assert_eq!(entry.key(), (dispatch.callback.id, attempt));
        prop_assert_eq!(entry.tenant, dispatch.callback.tenant);
        prop_assert_eq!(&entry.service, &dispatch.callback.service);
        prop_assert_eq!(entry.submitted_at, dispatch.at);
        prop_assert_eq!(entry.expires_at, dispatch.callback.deadline);
        prop_assert_eq!(entry.corr_id, corr);
        let kept: BTreeMap<String, Scalar> = user_data;
        prop_assert_eq!(&entry.data.user_data, &kept);
        prop_assert_eq!(entry.data.priority, priority);
        prop_assert_eq!(entry.data.earliest_dial, Some(dispatch.earliest_dial));
        prop_assert_eq!(entry.data.inbound_vq.as_ref(), Some(&texts[0]));
        prop_assert_eq!(&entry.data.route_point, &texts[1]);
        prop_assert_eq!(entry.data.settings.get("routingPoint"), Some(&texts[1]));
    }
}

fn documented(file: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/integrate/").to_owned() + file;
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What people who write a consumer read is what the code writes.
#[test]
fn the_documented_entry_is_the_one_that_is_written() {
    let dispatch = fixture::dispatch();
    let fields = entry(&dispatch, &fixture::origin(), &corr_id(dispatch.callback.id, dispatch.attempt));
    let mut written: serde_json::Map<String, Value> =
        fields.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    written["data"] = data(&fields);
    let shown = serde_json::to_string_pretty(&written).unwrap() + "\n";
    assert!(shown == documented("orchestration-entry.json"), "the file has to be:\n{shown}");
    let page = documented("orchestration.md");
    for name in written.keys().chain(written["data"].as_object().unwrap().keys()).map(String::as_str).chain(["region"])
    {
        assert!(page.contains(&format!("`{name}`")), "{name} is not explained");
    }
}

#[test]
fn the_documented_events_are_the_ones_that_are_sent() {
    let page = documented("orchestration.md");
    let names = crate::EventNames::default();
    let all =
        [names.cancel, names.reschedule, names.pause, names.resume, names.user_data, names.priority, names.called_in];
    for name in all {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

/// Integrations 1.6, R-RA-4: an entry names the first region in its order whose nodes are not all down.
#[tokio::test]
async fn an_entry_names_a_region_that_is_up() {
    let (client, node) = (HttpClientFactory::default(), wiremock::MockServer::start().await);
    let help = wiremock::Mock::given(wiremock::matchers::path("/ors/help"));
    help.respond_with(wiremock::ResponseTemplate::new(200)).mount(&node).await;
    let (none, up): (&[String], _) = (&[], node.uri());
    let named = |name: &str| Region::new(name).unwrap();
    let nobody = "http://127.0.0.1:9";
    let regions =
        [(named("dc1"), none, Some(nobody)), (named("dc2"), none, Some(&*up)), (named("west"), none, Some(nobody))];
    let directory = Arc::new(ges_discovery::Directory::named(regions).unwrap());
    let make = |policy| client.client(policy).unwrap();
    let sessions =
        OrsSessions::new(make(Policy::ORS_EVENTS), make(Policy::ORS_QUERIES), nobody, AllowedHosts::default());
    let sessions = sessions.unwrap().found_by(directory, Some(named("dc1")));
    let origin = Origin { region: Some("dc1".into()), ..fixture::origin() };
    let plain = fixture::dispatch();
    let mut ruled = plain.clone();
    let rule = RegionRule::new("West first", vec![named("west")]).unwrap();
    ruled.service = Arc::new(Service { region_rule: Some(rule), ..(*ruled.service).clone() });
    let regions = || {
        let mut writer = Writer::over(&origin, Some(&sessions));
        [&plain, &ruled].map(|one| field(&writer.entry(one, "x"), "region").to_owned())
    };
    assert_eq!(regions(), ["dc1", "west"], "nobody has asked yet");
    assert!(sessions.probe().await);
    assert_eq!(regions(), ["dc2", "dc2"]);
}
