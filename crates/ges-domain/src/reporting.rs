//! Values for reports on callbacks (chapter 22): what a session attaches at its start and what is kept for the end.
//!
//! Nothing is made up: a key whose value GES does not know is left out, unless a session has reported it.
//!
//! A callback is *offered* when it is booked. Of what came before, a prompt or a page, GES hears nothing that could be tied to
//! the callback, and the wait and the place "when offered" are by the same chapter those of the creation. Who knows better says so:
//! a caller of the internal API, or the session, under `_CB_T_CALLBACK_OFFERED`; then the offer lasted from that time on.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::Instant;
use crate::callback::{Callback, Category, Change, Direction, Kind, OfferType, Reason, State, TimelineEvent};
use crate::service::FirstParty;

/// Keys with their values.
pub type Keys = BTreeMap<Cow<'static, str>, String>;

/// Stands for a value that was not given (R-RPT-1).
pub const UNSPECIFIED: &str = "<unspecified>";

/// A value that exists and nobody knows.
const UNKNOWN: &str = "UNKNOWN";

/// What keys of sessions begin with.
const PREFIX: &str = "_CB_";

/// The results of single dials.
const DIALS: [&str; 5] =
    ["_CB_DIAL_1_RESULT", "_CB_DIAL_2_RESULT", "_CB_DIAL_3_RESULT", "_CB_DIAL_4_RESULT", "_CB_DIAL_5_RESULT"];

/// When it was offered, in UTC; facts about it are kept under the same name.
const OFFERED: &str = "_CB_T_CALLBACK_OFFERED";

/// The reporting values of a callback: the final record once it is COMPLETED, the first one before (R-RPT-2).
///
/// `timeline`: as far as it is known; durations in it are whole seconds. `first_party`: of its service, when it still is known.
/// What a session reported under such a key wins: it was there.
pub fn keys(callback: &Callback, timeline: &[TimelineEvent], first_party: Option<FirstParty>) -> Keys {
    let is_final = callback.state == State::Completed;
    let mut keys = booked(callback, first_party);
    keys.insert("_CB_FINAL_RECORD".into(), u8::from(is_final).to_string());
    if let Some(first_dial) = &callback.particulars.first_dial {
        put(&mut keys, "_CB_EWT_WHEN_READY_TO_START_MEDIA_IXN", first_dial.ewt);
        put(&mut keys, "_CB_POS_WHEN_READY_TO_START_MEDIA_IXN", first_dial.position);
    }
    let first =
        |is: fn(&Change) -> bool| timeline.iter().find(|event| event.changes.iter().any(is)).map(|event| event.at);
    let handed = first(|change| matches!(change, Change::Submitted { .. } | Change::SessionBound { .. }));
    let dialed = first(|change| matches!(change, Change::Dialed { .. }));
    let taken = first(|change| matches!(change, Change::Moved { to: State::Processing }));
    put(&mut keys, "_CB_D_WAITING_FOR_AGENT_OFFLINE", seconds(handed, dialed));
    put(&mut keys, "_CB_D_ESTABLISH_MEDIA_IXN", seconds(dialed, taken));
    let facts = &callback.particulars.session_facts;
    put(&mut keys, "_CB_D_CALLBACK_OFFER", seconds(offered_at(callback), Some(callback.created_at)));
    if let Some(reason) = callback.reason.as_ref().filter(|_| is_final) {
        keys.insert("_CB_DIM_DIAL_DIALOG_RESULT".into(), dialog_result(reason).into());
        // The last dial is the one that the reason tells about, and the other way round.
        let last =
            callback.dial_attempts.checked_sub(1).and_then(|last| DIALS.get(usize::try_from(last).ok()?)).copied();
        let told = dial_result(reason, callback.direction);
        let result = told.or_else(|| facts.get(last?).map(String::as_str)).unwrap_or(UNKNOWN);
        keys.insert("_CB_DIM_FINAL_DIAL_RESULT".into(), result.to_owned());
        if let Some(last) = last {
            put(&mut keys, last, told);
        }
    }
    for (key, value) in facts {
        if key.starts_with(PREFIX) {
            keys.insert(Cow::Owned(key.clone()), value.clone());
        }
    }
    keys
}

fn put(keys: &mut Keys, key: &'static str, value: Option<impl ToString>) {
    keys.extend(value.map(|value| (Cow::Borrowed(key), value.to_string())));
}

/// Whole seconds between two instants that both came, in this order.
fn seconds(from: Option<Instant>, until: Option<Instant>) -> Option<u64> {
    let (from, until) = (from?, until?);
    (from <= until).then(|| until.since(from).as_secs())
}

/// When the callback was offered: the booking, unless somebody said when. None when they said it in a way nobody can read.
fn offered_at(callback: &Callback) -> Option<Instant> {
    let Some(told) = callback.particulars.session_facts.get(OFFERED) else { return Some(callback.created_at) };
    let told = told.trim();
    // Whole numbers are counted from 1970: seconds, or milliseconds when they would be thousands of years.
    let counted = |number: i64| Instant::from_millis(if number < 100_000_000_000 { number * 1_000 } else { number });
    told.parse().ok().or_else(|| told.parse().ok().filter(|number| *number >= 0).map(counted))
}

/// What is known from the booking on.
fn booked(callback: &Callback, first_party: Option<FirstParty>) -> Keys {
    let particulars = &callback.particulars;
    let given = |value: &Option<String>| value.clone().unwrap_or_else(|| UNSPECIFIED.into());
    let offered = OfferType::lenient(None, callback.kind == Kind::Scheduled);
    let offer = match particulars.offer_type.unwrap_or(offered) {
        OfferType::Asap => "ASAP",
        OfferType::Scheduled => "SCHEDULED",
        OfferType::CombinedScheduledAndAsap => "COMBINED_SCHEDULED_AND_ASAP",
    };
    let direction = match callback.direction {
        Direction::UserTerminated => "CUSTOMER_TERMINATED",
        Direction::UserOriginated => "CUSTOMER_ORIGINATED",
    };
    let channel = particulars.channel.as_deref().map(str::to_ascii_uppercase);
    let channel = channel.filter(|channel| matches!(channel.as_str(), "IVR" | "WEB" | "MOBILE"));
    let mut keys: Keys = [
        ("_CB_TENANT_DBID", callback.tenant.to_string()),
        ("_CB_SERVICE_ID", callback.id.to_string()),
        (OFFERED, callback.created_at.to_string()),
        ("_CB_T_CALLBACK_ACCEPTED", callback.created_at.to_string()),
        ("_CB_DIM_CHANNEL", channel.unwrap_or_else(|| UNKNOWN.into())),
        ("_CB_DIM_CALLBACK_OFFER_TYPE", offer.into()),
        ("_CB_DIM_TYPE", callback.kind.as_str().into()),
        ("_CB_DIM_CALL_DIRECTION", direction.into()),
        ("_CB_DIM_OFFER_TIMING", given(&particulars.offer_timing)),
        ("cbOriginationIxnId", given(&particulars.origination_ixn)),
        ("phoneNumber", callback.phone.as_given().to_owned()),
        ("desiredTime", callback.desired_at.to_string()),
        ("expirationTime", callback.deadline.to_string()),
    ]
    .map(|(key, value)| (Cow::Borrowed(key), value))
    .into();
    let first = first_party.map(|party| match party {
        FirstParty::Customer => "CUSTOMER",
        FirstParty::Agent => "AGENT",
    });
    put(&mut keys, "_CB_DIM_CONNECT_ORDER", first);
    put(&mut keys, "inboundVQ", particulars.inbound_vq.as_deref());
    put(&mut keys, "offerThreshold", particulars.offer_threshold);
    put(&mut keys, "_CB_EWT_WHEN_CALLBACK_WAS_OFFERED", particulars.ewt_at_creation);
    put(&mut keys, "_CB_POS_WHEN_CALLBACK_WAS_OFFERED", particulars.position_at_creation);
    keys
}

/// What the talk with the consumer came to.
fn dialog_result(reason: &Reason) -> &'static str {
    match (reason.as_str(), reason.category()) {
        ("RESCHEDULED", _) => "RESCHEDULED",
        ("TRANSFERRED_TO_RP", _) => "TRANSFERRED_TO_RP",
        (_, Category::Success) => "RIGHT_PERSON",
        (_, Category::Cancel) => "CANCELLED",
        _ => UNKNOWN,
    }
}

/// What the last dial came to, when the reason tells.
fn dial_result(reason: &Reason, direction: Direction) -> Option<&'static str> {
    let result = match (reason.as_str(), direction) {
        ("AGENT_CONNECTED", Direction::UserTerminated) => "CONNECTED",
        ("AGENT_CONNECTED", Direction::UserOriginated) => "USERORIGINATED_CONNECTED",
        ("CREATE_CALL_ERROR" | "FAIL_CALL_TO_CUSTOMER", _) => "CREATE_CALL_ERROR",
        ("BUSY", _) => "BUSY",
        ("NO_ANSWER", _) => "NO_ANSWER",
        ("ANSWERING_MACHINE", _) => "ANSWERING_MACHINE",
        ("ERROR_TONE", _) => "ERROR_TONE",
        ("FAX", _) => "FAX",
        ("ABANDONED_IN_QUEUE", _) => "PERSON",
        ("PUSH_SEND_ERROR", _) => "PUSH_SEND_ERROR",
        ("PUSH_DELIVERY_NOT_CONFIRMED", _) => "PUSH_DELIVERY_NOT_CONFIRMED",
        ("CALL_IN_NOT_RECEIVED", _) => "FAILED_TO_ESTABLISH_CUSTOMER_ORIGINATED_MEDIA",
        _ => return None,
    };
    Some(result)
}

#[cfg(test)]
#[path = "reporting_tests.rs"]
mod tests;
