//! The payload as a reader sees it.

use std::collections::BTreeMap;
use std::fmt;

use ges_domain::Instant;
use ges_domain::callback::Scalar;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What an entry tells a session. Names without a value are left out by the writer.
///
/// `Debug` shows the service id and nothing of the customer (I11).
#[derive(Clone, PartialEq, Deserialize)]
pub struct Payload {
    /// The callback.
    #[serde(rename = "_service_id")]
    pub service_id: String,
    /// The service it was booked on.
    #[serde(rename = "_service_name")]
    pub service_name: String,
    /// The tenant.
    #[serde(rename = "_ccid")]
    pub ccid: String,
    /// The number: E.164 without `+` when it could be read, else as given.
    #[serde(rename = "_customer_number")]
    pub customer_number: String,
    /// The asked-for time.
    #[serde(rename = "_desired_time", deserialize_with = "instant")]
    pub desired_at: Instant,
    /// Before this the session must not dial (R-SUB-4); absent means at once.
    #[serde(rename = "_earliest_dial_time", default, deserialize_with = "some_instant")]
    pub earliest_dial: Option<Instant>,
    /// `IMMEDIATE` or `SCHEDULED`.
    #[serde(rename = "_callback_type")]
    pub callback_type: String,
    /// `USERTERMINATED` or `USERORIGINATED`.
    #[serde(rename = "_call_direction")]
    pub call_direction: String,
    /// The queue to wait in.
    #[serde(rename = "_urs_virtual_queue")]
    pub virtual_queue: String,
    /// Queue the inbound call would have used.
    #[serde(rename = "_inbound_vq", default)]
    pub inbound_vq: Option<String>,
    /// Initial priority.
    #[serde(rename = "_priority", default)]
    pub priority: Option<i32>,
    /// Prompt language.
    #[serde(rename = "_language")]
    pub language: String,
    /// Routing point on the switch.
    #[serde(rename = "_route_point", default)]
    pub route_point: String,
    /// Put before the number when dialing.
    #[serde(rename = "_dial_prefix", default)]
    pub dial_prefix: String,
    /// What is dialed: prefix and number as given (R-SUB-5).
    #[serde(rename = "_dialed_digits", default)]
    pub dialed_digits: String,
    /// Caller id number.
    #[serde(rename = "_calling_party_number", default)]
    pub calling_party_number: String,
    /// Caller id name.
    #[serde(rename = "_calling_party_display_name", default)]
    pub calling_party_display_name: String,
    /// Where the callback was offered.
    #[serde(rename = "_origination_channel", default)]
    pub origination_channel: Option<String>,
    /// Dial attempts, 1 to 10.
    #[serde(rename = "_max_dial_attempts")]
    pub max_dial_attempts: u32,
    /// Attached data; numbers keep the digits they were written with.
    #[serde(rename = "_user_data", default, deserialize_with = "scalars")]
    pub user_data: BTreeMap<String, Scalar>,
    /// The effective settings row, every value as text.
    #[serde(rename = "_settings", default)]
    pub settings: BTreeMap<String, String>,
    /// Values for reporting (chapter 22).
    #[serde(rename = "_reporting", default)]
    pub reporting: BTreeMap<String, String>,
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({}, {} keys of user data)", self.service_id, self.user_data.len())
    }
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn some_instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
    instant(deserializer).map(Some)
}

fn scalars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Scalar>, D::Error> {
    let literals = BTreeMap::<String, Box<RawValue>>::deserialize(deserializer)?;
    literals.into_iter().map(|(key, literal)| Ok((key, scalar(&literal).map_err(serde::de::Error::custom)?))).collect()
}

/// Objects, arrays and null become their JSON text, as everywhere (R-REC-5).
fn scalar(literal: &RawValue) -> Result<Scalar, serde_json::Error> {
    let text = literal.get();
    Ok(match text.as_bytes().first() {
        Some(b'"') => Scalar::Text(serde_json::from_str(text)?),
        Some(b't') => Scalar::Bool(true),
        Some(b'f') => Scalar::Bool(false),
        Some(b'-' | b'0'..=b'9') => Scalar::Number(text.into()),
        _ => Scalar::Text(text.into()),
    })
}
