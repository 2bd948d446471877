//! Chapter 22, R-RPT-1, R-RPT-2.

use super::*;
use crate::callback::{Actor, FirstDial, Particulars, Submission};
use crate::phone::{PhoneKey, PhoneNumber};
use crate::{CallbackId, ServiceName, SessionId, TenantId};

fn at(clock: &str) -> Instant {
    format!("2026-06-01T{clock}Z").parse().unwrap()
}

fn record() -> Callback {
    let (booked, phone) = (at("09:00:00"), PhoneNumber::new("15105550100").unwrap());
    Callback {
        id: CallbackId(uuid::Uuid::from_u128(1)),
        tenant: TenantId(uuid::Uuid::from_u128(2)),
        service: ServiceName::new("CB_Sales").unwrap(),
        kind: Kind::Scheduled,
        direction: Direction::UserTerminated,
        state: State::Scheduled,
        reason: None,
        phone_key: PhoneKey::new(None, &phone),
        phone,
        desired_at: at("14:00:00"),
        created_at: booked,
        updated_at: booked,
        completed_at: None,
        deadline: at("15:00:00"),
        priority: None,
        particulars: Particulars::default(),
        submission: Submission::default(),
        session: None,
        dial_attempts: 0,
        cancel: None,
        reschedules: 0,
        version: 1,
        session_seq: 0,
        position: None,
        ewt: None,
    }
}

fn get(keys: &Keys, key: &str) -> Option<String> {
    keys.get(key).cloned()
}

#[test]
fn what_was_not_given_is_unspecified_or_left_out() {
    let keys = keys(&record(), &[], None);
    for (key, value) in [
        ("_CB_FINAL_RECORD", "0"),
        ("_CB_SERVICE_ID", "00000000-0000-0000-0000-000000000001"),
        ("_CB_TENANT_DBID", "00000000-0000-0000-0000-000000000002"),
        ("_CB_T_CALLBACK_OFFERED", "2026-06-01T09:00:00.000Z"),
        ("_CB_D_CALLBACK_OFFER", "0"),
        ("_CB_T_CALLBACK_ACCEPTED", "2026-06-01T09:00:00.000Z"),
        ("_CB_DIM_CHANNEL", "UNKNOWN"),
        ("_CB_DIM_CALLBACK_OFFER_TYPE", "SCHEDULED"),
        ("_CB_DIM_TYPE", "SCHEDULED"),
        ("_CB_DIM_CALL_DIRECTION", "CUSTOMER_TERMINATED"),
        ("_CB_DIM_OFFER_TIMING", "<unspecified>"),
        ("cbOriginationIxnId", "<unspecified>"),
        ("phoneNumber", "15105550100"),
        ("desiredTime", "2026-06-01T14:00:00.000Z"),
        ("expirationTime", "2026-06-01T15:00:00.000Z"),
    ] {
        assert_eq!(get(&keys, key).as_deref(), Some(value), "R-RPT-1 {key}");
    }
    assert_eq!(keys.len(), 15, "{keys:?}");
}

#[test]
fn what_was_given_is_handed_on() {
    let particulars = Particulars {
        channel: Some("web".into()),
        offer_type: Some(OfferType::CombinedScheduledAndAsap),
        offer_timing: Some("OFF-HOURS".into()),
        origination_ixn: Some("ixn-1".into()),
        inbound_vq: Some("VQ_Sales".into()),
        offer_threshold: Some(120),
        ewt_at_creation: Some(300),
        position_at_creation: Some(7),
        ..Particulars::default()
    };
    let direction = Direction::UserOriginated;
    let keys = keys(&Callback { particulars, direction, ..record() }, &[], Some(FirstParty::Agent));
    for (key, value) in [
        ("_CB_DIM_CHANNEL", "WEB"),
        ("_CB_DIM_CALLBACK_OFFER_TYPE", "COMBINED_SCHEDULED_AND_ASAP"),
        ("_CB_DIM_OFFER_TIMING", "OFF-HOURS"),
        ("cbOriginationIxnId", "ixn-1"),
        ("inboundVQ", "VQ_Sales"),
        ("offerThreshold", "120"),
        ("_CB_EWT_WHEN_CALLBACK_WAS_OFFERED", "300"),
        ("_CB_POS_WHEN_CALLBACK_WAS_OFFERED", "7"),
        ("_CB_DIM_CONNECT_ORDER", "AGENT"),
        ("_CB_DIM_CALL_DIRECTION", "CUSTOMER_ORIGINATED"),
    ] {
        assert_eq!(get(&keys, key).as_deref(), Some(value), "{key}");
    }
}

/// Chapter 22: offered is booked, unless somebody who was there says otherwise; then the offer lasted from that time on.
#[test]
fn who_offered_it_says_when_and_the_offer_lasts_until_it_is_booked() {
    for (told, duration) in [
        (None, Some("0")),
        (Some("2026-06-01T08:59:18.500Z"), Some("41")),
        (Some("2026-06-01T10:59:00+02:00"), Some("60")),
        (Some("1780304340"), Some("60")),
        (Some("1780304340250"), Some("59")),
        (Some("2026-06-01T09:00:01Z"), None),
        (Some("a moment ago"), None),
        (Some("-5"), None),
        (Some("9223372036854775807"), None),
    ] {
        let mut record = record();
        record.particulars.session_facts.extend(told.map(|told| (OFFERED.to_owned(), told.to_owned())));
        let keys = keys(&record, &[], None);
        assert_eq!(get(&keys, "_CB_D_CALLBACK_OFFER").as_deref(), duration, "{told:?}");
        let offered = told.unwrap_or("2026-06-01T09:00:00.000Z");
        assert_eq!(get(&keys, OFFERED).as_deref(), Some(offered), "as it was told");
    }
    let mut record = record();
    record.particulars.session_facts.insert("_CB_D_CALLBACK_OFFER".into(), "12".into());
    assert_eq!(get(&keys(&record, &[], None), "_CB_D_CALLBACK_OFFER").as_deref(), Some("12"));
}

/// Chapter 22: the reason tells of the last dial, and a session's word on the last dial serves where the reason is silent.
#[test]
fn the_last_dial_and_the_final_result_are_one() {
    for (reason, dials, facts, last, result) in [
        ("AGENT_CONNECTED", 1, vec![], Some(("_CB_DIAL_1_RESULT", "CONNECTED")), "CONNECTED"),
        ("BUSY", 3, vec![("_CB_DIAL_3_RESULT", "NO_ANSWER")], Some(("_CB_DIAL_3_RESULT", "NO_ANSWER")), "BUSY"),
        ("REDIAL_LIMIT_REACHED", 2, vec![("_CB_DIAL_2_RESULT", "BUSY")], Some(("_CB_DIAL_2_RESULT", "BUSY")), "BUSY"),
        ("REDIAL_LIMIT_REACHED", 2, vec![("_CB_DIAL_1_RESULT", "BUSY")], None, "UNKNOWN"),
        ("AGENT_CONNECTED", 5, vec![], Some(("_CB_DIAL_5_RESULT", "CONNECTED")), "CONNECTED"),
        ("AGENT_CONNECTED", 6, vec![], None, "CONNECTED"),
        ("CANCELLED", 0, vec![], None, "UNKNOWN"),
        ("PUSH_SEND_ERROR", 0, vec![], None, "PUSH_SEND_ERROR"),
    ] {
        let mut ended = Callback {
            state: State::Completed,
            reason: Some(Reason::new(reason).unwrap()),
            dial_attempts: dials,
            ..record()
        };
        let told = facts.iter().map(|(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned()));
        ended.particulars.session_facts = told.collect();
        let keys = keys(&ended, &[], None);
        assert_eq!(get(&keys, "_CB_DIM_FINAL_DIAL_RESULT").as_deref(), Some(result), "{reason} after {dials}");
        if let Some((key, value)) = last {
            assert_eq!(get(&keys, key).as_deref(), Some(value), "{reason} after {dials}");
        }
        let known = DIALS.iter().filter(|key| keys.contains_key(**key)).count();
        assert_eq!(known, facts.len().max(usize::from(last.is_some())), "{reason}: nothing is made up");
    }
}

#[test]
fn the_final_record_tells_durations_and_results() {
    let event = |clock: &str, changes| TimelineEvent { seq: 1, at: at(clock), actor: Actor::Session, changes };
    let timeline = [
        event("09:00:00", vec![Change::Booked]),
        event("13:58:00", vec![Change::Submitted { attempt: 1 }]),
        event("13:58:01", vec![Change::SessionBound { session: SessionId::new("S").unwrap(), url: None }]),
        event("14:00:00.500", vec![Change::Dialed { attempts: 1 }, Change::Moved { to: State::Routing }]),
        event("14:00:40", vec![Change::Moved { to: State::Processing }]),
        event("14:10:00", vec![Change::Completed { reason: Reason::AGENT_CONNECTED }]),
    ];
    let mut record = Callback {
        state: State::Completed,
        reason: Some(Reason::AGENT_CONNECTED),
        completed_at: Some(at("14:10:00")),
        ..record()
    };
    record.particulars.first_dial = Some(FirstDial { position: Some(2), ewt: Some(30) });
    let facts = [("_CB_DIAL_1_RESULT", "BUSY"), ("_CB_D_ESTABLISH_MEDIA_IXN", "12"), ("_disposition", "sold")];
    record.particulars.session_facts = facts.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let keys = keys(&record, &timeline, None);
    for (key, value) in [
        ("_CB_FINAL_RECORD", "1"),
        ("_CB_D_WAITING_FOR_AGENT_OFFLINE", "120"),
        ("_CB_EWT_WHEN_READY_TO_START_MEDIA_IXN", "30"),
        ("_CB_POS_WHEN_READY_TO_START_MEDIA_IXN", "2"),
        ("_CB_DIM_DIAL_DIALOG_RESULT", "RIGHT_PERSON"),
        ("_CB_DIM_FINAL_DIAL_RESULT", "CONNECTED"),
        ("_CB_DIAL_1_RESULT", "BUSY"),
        ("_CB_D_ESTABLISH_MEDIA_IXN", "12"),
    ] {
        assert_eq!(get(&keys, key).as_deref(), Some(value), "R-RPT-2 {key}: what the session saw wins");
    }
    assert_eq!(get(&keys, "_disposition"), None);
}

#[test]
fn every_reason_has_its_results() {
    use Direction::{UserOriginated, UserTerminated};
    for (reason, direction, dialog, dial) in [
        ("AGENT_CONNECTED", UserOriginated, "RIGHT_PERSON", "USERORIGINATED_CONNECTED"),
        ("CANCELLED", UserTerminated, "CANCELLED", "UNKNOWN"),
        ("CANCELLED_BY_ADMIN", UserTerminated, "CANCELLED", "UNKNOWN"),
        ("RESCHEDULED", UserTerminated, "RESCHEDULED", "UNKNOWN"),
        ("TRANSFERRED_TO_RP", UserTerminated, "TRANSFERRED_TO_RP", "UNKNOWN"),
        ("BUSY", UserTerminated, "UNKNOWN", "BUSY"),
        ("NO_ANSWER", UserTerminated, "UNKNOWN", "NO_ANSWER"),
        ("ANSWERING_MACHINE", UserTerminated, "UNKNOWN", "ANSWERING_MACHINE"),
        ("FAX", UserTerminated, "UNKNOWN", "FAX"),
        ("ERROR_TONE", UserTerminated, "UNKNOWN", "ERROR_TONE"),
        ("CREATE_CALL_ERROR", UserTerminated, "UNKNOWN", "CREATE_CALL_ERROR"),
        ("PUSH_SEND_ERROR", UserOriginated, "UNKNOWN", "PUSH_SEND_ERROR"),
        ("PUSH_DELIVERY_NOT_CONFIRMED", UserOriginated, "UNKNOWN", "PUSH_DELIVERY_NOT_CONFIRMED"),
        ("CALL_IN_NOT_RECEIVED", UserOriginated, "UNKNOWN", "FAILED_TO_ESTABLISH_CUSTOMER_ORIGINATED_MEDIA"),
        ("ABANDONED_IN_QUEUE", UserTerminated, "UNKNOWN", "PERSON"),
        ("SOMETHING_NEW", UserTerminated, "UNKNOWN", "UNKNOWN"),
    ] {
        let reason = Reason::new(reason).unwrap();
        let ended = Callback { state: State::Completed, reason: Some(reason.clone()), direction, ..record() };
        let keys = keys(&ended, &[], None);
        let of = |key| get(&keys, key);
        assert_eq!(of("_CB_DIM_DIAL_DIALOG_RESULT").as_deref(), Some(dialog), "{reason:?}");
        assert_eq!(of("_CB_DIM_FINAL_DIAL_RESULT").as_deref(), Some(dial), "{reason:?}");
    }
}
