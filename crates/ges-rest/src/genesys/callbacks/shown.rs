//! A callback as queries show it (integrations 2.3): keys in the documented order, duplicates of the oldest clients last.

use ges_domain::callback::{Callback, Scalar, State};
use ges_domain::ports::Seen;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::super::storage::view::json;
use super::url;

/// Keys with their values, in order.
pub(in super::super) struct Shown(Vec<(String, Box<RawValue>)>);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Shown {
    /// With how its session was found last, and whether it has taken the wish to cancel; what nobody knows is left out. Keys of
    /// applications with the same names stay as they are.
    pub(super) fn with(mut self, callback: &Callback, seen: Option<&Seen>) -> Self {
        let queues = matches!(callback.state, State::Queued | State::Routing | State::Processing);
        let count = |count: Option<u32>| count.filter(|_| queues).map(|count| count.to_string());
        let known = [
            ("_position", count(callback.position)),
            ("_ewt", count(callback.ewt)),
            ("_ors_reachable", seen.map(|seen| seen.reachable.to_string())),
            ("_ors_last_seen", seen.and_then(|seen| seen.at).map(|at| at.to_string())),
            ("_ors_cancel_confirmed", callback.cancel.as_ref().map(|wish| wish.confirmed.to_string())),
        ];
        for (key, value) in known {
            if let Some(value) = value.filter(|_| !self.0.iter().any(|(known, _)| known == key)) {
                self.0.push((key.to_owned(), json(&Scalar::Text(value))));
            }
        }
        self
    }
}

/// What the record itself has.
pub(in super::super) fn own(callback: &Callback) -> Vec<(&'static str, String)> {
    let reason = callback.reason.as_ref().map_or("", |reason| reason.as_str());
    let mut own = vec![
        ("_id", callback.id.to_string()),
        ("_service_name", callback.service.to_string()),
        ("_customer_number", callback.phone.as_given().to_owned()),
        ("_desired_time", callback.desired_at.to_string()),
        ("_callback_state", callback.state.as_str().to_owned()),
        ("_callback_reason", reason.to_owned()),
        ("_expiration_time", callback.expires_at().to_string()),
        ("_url", url(&callback.service, callback.id)),
    ];
    own.extend(callback.session.as_ref().map(|session| ("_ors_session_id", session.id.to_string())));
    own.extend(callback.particulars.inbound_vq.clone().map(|queue| ("_inbound_vq", queue)));
    own.extend(callback.particulars.virtual_queue.clone().map(|queue| ("_urs_virtual_queue", queue)));
    own.extend(callback.particulars.language.clone().map(|language| ("_language", language)));
    own.extend(callback.priority.map(|priority| ("_priority", priority.to_string())));
    own
}

/// A callback with everything attached to it.
pub(in super::super) fn whole(callback: &Callback) -> Shown {
    let text = |text: String| json(&Scalar::Text(text));
    let mut keys: Vec<(String, Box<RawValue>)> =
        own(callback).into_iter().map(|(key, value)| (key.to_owned(), text(value))).collect();
    let facts = callback.particulars.session_facts.iter().map(|(key, value)| (key.clone(), text(value.clone())));
    let data = callback.particulars.user_data.iter().map(|(key, value)| (key.to_owned(), json(value)));
    let old = [
        ("desiredTime".to_owned(), text(callback.desired_at.to_string())),
        ("url".to_owned(), text(url(&callback.service, callback.id))),
    ];
    for (key, value) in facts.chain(data).chain(old) {
        if !keys.iter().any(|(known, _)| *known == key) {
            keys.push((key, value));
        }
    }
    Shown(keys)
}

/// A line of the queue listing (integrations 2.7).
pub(in super::super) fn line(callback: &Callback) -> Shown {
    let url = url(&callback.service, callback.id);
    let reason = callback.reason.as_ref().map(|reason| ("_callback_reason", reason.to_string()));
    let mut keys = vec![
        ("_id", callback.id.to_string()),
        ("_customer_number", callback.phone.as_given().to_owned()),
        ("_callback_state", callback.state.as_str().to_owned()),
        ("_desired_time", callback.desired_at.to_string()),
        ("_url", url.clone()),
    ];
    keys.extend(reason);
    keys.extend([
        ("customerNumber", callback.phone.as_given().to_owned()),
        ("callbackState", callback.state.as_str().to_owned()),
        ("desiredTime", callback.desired_at.to_string()),
        ("url", url),
    ]);
    Shown(keys.into_iter().map(|(key, value)| (key.to_owned(), json(&Scalar::Text(value)))).collect())
}

/// One property of a callback as text, by the name queries show it under; empty when it has none.
pub(in super::super) fn property(callback: &Callback, key: &str) -> String {
    if let Some((_, value)) = own(callback).into_iter().find(|(known, _)| *known == key) {
        return value;
    }
    if let Some(fact) = callback.particulars.session_facts.get(key) {
        return fact.clone();
    }
    let data = callback.particulars.user_data.iter().find(|(known, _)| *known == key);
    data.map(|(_, value)| super::super::sent::written(value)).unwrap_or_default()
}
