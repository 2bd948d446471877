//! A message as FCM reads it (integrations 6.3).

use ges_domain::push::Message;
use serde_json::{Value, json};

/// The message without its target. The tag makes a repeat replace what the phone shows: by name on Android, Apple and the web.
pub(crate) fn body(message: &Message, now_seconds: i64) -> Value {
    let ttl = message.ttl.as_secs();
    let expires = now_seconds.saturating_add(i64::try_from(ttl).unwrap_or(i64::MAX));
    json!({
        "notification": { "title": message.title, "body": message.body },
        "data": message.data,
        "android": { "priority": "HIGH", "ttl": format!("{ttl}s"), "notification": { "tag": message.tag } },
        "apns": { "headers": {
            "apns-priority": "10", "apns-expiration": expires.to_string(), "apns-collapse-id": message.tag,
        } },
        "webpush": {
            "headers": { "TTL": ttl.to_string(), "Urgency": "high", "Topic": message.tag },
            "notification": { "tag": message.tag },
        },
    })
}
