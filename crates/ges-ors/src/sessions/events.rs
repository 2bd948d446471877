//! What sessions are told, in the words they listen for (integrations 1.4).

use ges_domain::callback::{Actor, UserData};
use ges_domain::ports::SessionEvent;
use ges_domain::{CallbackId, Instant};
use serde::Serializer;
use serde::ser::SerializeMap as _;
use serde_json::value::RawValue;

/// The names of events, as the session's application listens for them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the name of the event of that name")]
pub struct EventNames {
    pub cancel: String,
    pub reschedule: String,
    pub pause: String,
    pub resume: String,
    pub user_data: String,
    pub priority: String,
    pub called_in: String,
}

impl Default for EventNames {
    fn default() -> Self {
        Self {
            cancel: "callback.cancel".into(),
            reschedule: "callback.reschedule".into(),
            pause: "callback.pause".into(),
            resume: "callback.resume".into(),
            user_data: "callback.userdata".into(),
            priority: "callback.priority".into(),
            called_in: "callback.callin".into(),
        }
    }
}

impl EventNames {
    /// The name of an event in paths, and the word measurements have for it.
    pub(super) fn of(&self, event: &SessionEvent) -> (&str, &'static str) {
        match event {
            SessionEvent::Cancel { .. } => (&self.cancel, "callback.cancel"),
            SessionEvent::Reschedule { .. } => (&self.reschedule, "callback.reschedule"),
            SessionEvent::Pause => (&self.pause, "callback.pause"),
            SessionEvent::Resume => (&self.resume, "callback.resume"),
            SessionEvent::UserData(_) => (&self.user_data, "callback.userdata"),
            SessionEvent::Priority(_) => (&self.priority, "callback.priority"),
            SessionEvent::CalledIn(_) => (&self.called_in, "callback.callin"),
        }
    }
}

/// One value of an event's body.
enum Value {
    Text(String),
    Json(Box<RawValue>),
}

/// The body of an event; the default is an empty one.
#[derive(Default)]
pub(super) struct Body(Vec<(&'static str, Value)>);

impl Body {
    pub(super) fn of(event: &SessionEvent, callback: CallbackId, at: Instant) -> Self {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut fields = vec![("_service_id", Value::Text(callback.to_string()))];
        match event {
            SessionEvent::Cancel { reason, by } => {
                let by = match by {
                    Actor::Api | Actor::Ivr => "api",
                    Actor::Ui(_) => "ui",
                    Actor::Session | Actor::Monitor => "system",
                };
                fields.extend([("_reason", text(reason.as_str())), ("_by", text(by))]);
            }
            SessionEvent::Reschedule { to } => fields.push(("_new_desired_time", Value::Text(to.to_string()))),
            SessionEvent::Pause | SessionEvent::Resume => {}
            SessionEvent::UserData(user_data) => fields.push(("_user_data", Value::Json(json_of(user_data)))),
            SessionEvent::Priority(priority) => {
                fields.push(("_priority", Value::Json(json(priority))));
            }
            SessionEvent::CalledIn(call_in) => fields.push(("_call_in_id", Value::Text(call_in.to_string()))),
        }
        fields.push(("_at", Value::Text(at.to_string())));
        Self(fields)
    }

    /// As a form: values that are no text go as their JSON.
    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| match value {
                Value::Text(text) => (*key, text.as_str()),
                Value::Json(json) => (*key, json.get()),
            })
            .collect()
    }
}

impl serde::Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            match value {
                Value::Text(text) => map.serialize_entry(key, text)?,
                Value::Json(json) => map.serialize_entry(key, json)?,
            }
        }
        map.end()
    }
}

fn json(value: impl serde::Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(&value).expect("invariant: numbers, and maps of texts, write as JSON")
}

fn json_of(data: &UserData) -> Box<RawValue> {
    struct AsInEntries<'a>(&'a UserData);
    impl serde::Serialize for AsInEntries<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            crate::entry::user_data(self.0, serializer)
        }
    }
    json(AsInEntries(data))
}
