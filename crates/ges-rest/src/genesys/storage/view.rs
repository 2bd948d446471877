//! What a session reads back: what the record knows, its facts, and user data (integrations 2.10).

use std::collections::BTreeMap;

use ges_domain::callback::{Callback, Scalar};
use ges_domain::reporting::Keys;
use serde_json::value::{RawValue, to_raw_value};

use super::super::sent::written;

/// Every key with its JSON value. What the record knows wins over facts, and facts over user data of the same name.
pub(super) fn all(callback: &Callback, reporting: Keys) -> BTreeMap<String, Box<RawValue>> {
    let mut all: BTreeMap<_, _> = reporting
        .into_iter()
        .filter(|(key, _)| is_reporting(key))
        .map(|(key, value)| (key.into_owned(), text(&value)))
        .collect();
    all.extend(values(callback));
    all.into_iter().map(|(key, value)| (key, json(&value))).collect()
}

/// One value as text.
pub(super) fn one(callback: &Callback, reporting: &Keys, key: &str) -> Option<String> {
    let kept = || reporting.get(key).filter(|_| is_reporting(key)).cloned();
    values(callback).get(key).map(written).or_else(kept)
}

/// Whether a key is one of reporting alone (chapter 22); the others stand in the record under names of their own.
pub(super) fn is_reporting(key: &str) -> bool {
    key.starts_with("_CB_")
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.to_owned())
}

fn values(callback: &Callback) -> BTreeMap<String, Scalar> {
    let count = |count: u32| Scalar::Text(count.to_string());
    let particulars = &callback.particulars;
    let mut values: BTreeMap<String, Scalar> =
        particulars.user_data.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    values.extend(particulars.session_facts.iter().map(|(key, value)| (key.clone(), text(value))));
    let own = [
        ("_id", Some(text(&callback.id.to_string()))),
        ("_service_name", Some(text(callback.service.as_str()))),
        ("_customer_number", Some(text(callback.phone.as_given()))),
        ("_desired_time", Some(text(&callback.desired_at.to_string()))),
        ("_callback_state", Some(text(callback.state.as_str()))),
        ("_callback_reason", callback.reason.as_ref().map(|reason| text(reason.as_str()))),
        ("_ors_session_id", callback.session.as_ref().map(|session| text(session.id.as_str()))),
        ("_ors_url", callback.session.as_ref().and_then(|session| session.url.as_deref()).map(text)),
        ("_dial_attempts", Some(callback.dial_attempts).filter(|attempts| *attempts > 0).map(count)),
        ("_position", callback.position.map(count)),
        ("_ewt", callback.ewt.map(count)),
    ];
    values.extend(own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    values
}

pub(in crate::genesys) fn json(value: &Scalar) -> Box<RawValue> {
    let raw = match value {
        Scalar::Text(text) => to_raw_value(text),
        Scalar::Number(literal) => RawValue::from_string(literal.clone()).or_else(|_| to_raw_value(literal)),
        Scalar::Bool(truth) => to_raw_value(truth),
    };
    raw.expect("invariant: texts and booleans have a JSON form")
}
