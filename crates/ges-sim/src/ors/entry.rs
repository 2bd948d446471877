//! What a session needs to know of its entry (integrations 1.2.2). The consumer's number is not kept.

use serde_json::{Map, Value};

use super::source::StreamEntry;
use crate::clock::parse_rfc3339;

/// A callback to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) service_id: String,
    pub(crate) attempt: u32,
    pub(crate) ccid: String,
    pub(crate) service_name: String,
    pub(crate) ges_url: String,
    pub(crate) corr_id: Option<String>,
    /// Discard it from then on; milliseconds since the epoch.
    pub(crate) expires_at: Option<u64>,
    /// Do not dial before (R-SUB-4).
    pub(crate) earliest_dial: u64,
    pub(crate) priority: i32,
    pub(crate) max_dial_attempts: Option<u32>,
    pub(crate) redial_ms: Option<u64>,
    /// Whether the consumer calls in instead of being dialed (`_call_direction`).
    pub(crate) calls_in: bool,
    /// What the customer's application sent along.
    pub(crate) user_data: Map<String, Value>,
}

/// Why an entry starts nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("schema {0} is newer than this consumer")]
    Schema(u64),
    #[error("event is not callback.start")]
    Event,
    #[error("field {0} is missing or malformed")]
    Field(&'static str),
}

impl Start {
    /// Reads an entry.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(crate) fn read(entry: &StreamEntry) -> Result<Self, Unusable> {
        let field = |name: &'static str| {
            let found = entry.fields.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str()).ok_or(Unusable::Field(name))
        };
        let schema = field("schema")?.parse().map_err(|_| Unusable::Field("schema"))?;
        if schema > 1 {
            return Err(Unusable::Schema(schema));
        }
        if field("event")? != "callback.start" {
            return Err(Unusable::Event);
        }
        let particulars: Map<String, Value> =
            serde_json::from_str(field("data")?).map_err(|_| Unusable::Field("data"))?;
        let mut start = Self::from_particulars(&particulars);
        start.service_id = word(field("serviceId")?).ok_or(Unusable::Field("serviceId"))?;
        start.attempt = field("attempt")?.parse().map_err(|_| Unusable::Field("attempt"))?;
        start.ccid = word(field("ccid")?).ok_or(Unusable::Field("ccid"))?;
        start.service_name = field("serviceName")?.into();
        start.ges_url = field("gesUrl")?.trim_end_matches('/').into();
        start.corr_id = field("corrId").ok().and_then(word);
        start.expires_at = Some(parse_rfc3339(field("expiresAt")?).ok_or(Unusable::Field("expiresAt"))?);
        Ok(start)
    }

    /// What the particulars alone say: the `data` of an entry, or the parameters of a start by REST.
    pub(crate) fn from_particulars(particulars: &Map<String, Value>) -> Self {
        let settings = particulars.get("_settings").and_then(Value::as_object);
        let of = |map: Option<&Map<String, Value>>, key: &str| map.and_then(|map| map.get(key)).and_then(text);
        let here = |key: &str| of(Some(particulars), key);
        Self {
            service_id: here("_service_id").as_deref().and_then(word).unwrap_or_default(),
            attempt: 1,
            ccid: here("_ccid").as_deref().and_then(word).unwrap_or_default(),
            service_name: here("_service_name").unwrap_or_default(),
            ges_url: here("_ges_url").unwrap_or_default().trim_end_matches('/').into(),
            corr_id: None,
            expires_at: None,
            earliest_dial: here("_earliest_dial_time").as_deref().and_then(parse_rfc3339).unwrap_or(0),
            priority: here("_priority").and_then(|priority| priority.parse().ok()).unwrap_or(0),
            max_dial_attempts: here("_max_dial_attempts").and_then(|limit| limit.parse().ok()),
            redial_ms: of(settings, "redialInterval")
                .and_then(|seconds| seconds.parse::<u64>().ok())
                .map(|seconds| seconds.saturating_mul(1_000)),
            calls_in: here("_call_direction").as_deref() == Some("USERORIGINATED"),
            user_data: particulars.get("_user_data").and_then(Value::as_object).cloned().unwrap_or_default(),
        }
    }
}

/// A scalar as text.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An identifier that is safe in a path and in a header (integrations 0.3).
fn word(text: &str) -> Option<String> {
    let fits = (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"~._-".contains(&byte));
    fits.then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(change: impl FnOnce(&mut Vec<(String, String)>)) -> StreamEntry {
        let mut fields: Vec<(String, String)> = [
            ("schema", "1"),
            ("event", "callback.start"),
            ("serviceId", "0f2b1d5e-7a4c-4f6e-9a51-0a4f6a2f3c10"),
            ("attempt", "2"),
            ("ccid", "c0ffee00-0000-4000-8000-000000000100"),
            ("serviceName", "CB_Sales"),
            ("gesUrl", "http://127.0.0.1:3050/genesys"),
            ("expiresAt", "2026-11-23T17:30:00.000Z"),
            ("data", r#"{"_priority":50,"_max_dial_attempts":3,"_earliest_dial_time":"2026-11-23T15:27:00.000Z","_settings":{"redialInterval":"300"}}"#),
        ]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
        change(&mut fields);
        StreamEntry { id: "1-0".into(), fields }
    }

    #[test]
    fn an_entry_reads() {
        let start = Start::read(&entry(|_| {})).unwrap();
        assert_eq!((start.attempt, start.priority, start.max_dial_attempts), (2, 50, Some(3)));
        assert_eq!(start.redial_ms, Some(300_000));
        assert_eq!(start.earliest_dial, parse_rfc3339("2026-11-23T15:27:00Z").unwrap());
    }

    #[test]
    fn unusable_entries_say_why() {
        let broken = |key: &'static str, value: &str| {
            let value = value.to_owned();
            Start::read(&entry(move |fields| {
                fields.retain(|(name, _)| name != key);
                fields.push((key.into(), value));
            }))
        };
        assert_eq!(broken("schema", "2"), Err(Unusable::Schema(2)));
        assert_eq!(broken("event", "else"), Err(Unusable::Event));
        assert_eq!(broken("serviceId", "../x"), Err(Unusable::Field("serviceId")));
        assert_eq!(broken("data", "[]"), Err(Unusable::Field("data")));
        assert_eq!(broken("expiresAt", "soon"), Err(Unusable::Field("expiresAt")));
    }
}
