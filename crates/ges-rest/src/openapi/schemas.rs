//! Schemas under `components`.

use serde_json::{Map, Value, json};

use super::answers::{codes_of, of};
use super::{callbacks, outside, times};
use crate::codes::CODES;

/// Layout of instants in answers: always milliseconds, always UTC.
pub(super) const UTC: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$";

/// Every schema by name.
pub(super) fn all() -> Value {
    let mut all = Map::new();
    all.insert("Success".into(), status(&[0]));
    let mut statuses: Vec<u16> = CODES.iter().map(|(_, status, _)| *status).filter(|status| *status != 200).collect();
    statuses.dedup();
    for http in statuses {
        let codes = codes_of(http);
        let mut error = json!({ "type": "object", "required": ["status"], "properties": { "status": status(&codes) } });
        if http == 429 {
            error["required"] = json!(["status", "data"]);
            error["properties"]["data"] = of("FreeSlots");
        }
        all.insert(format!("Error{http}"), error);
    }
    all.insert("CorrelationId".into(), json!({
        "type": "string", "format": "uuid", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        "description": "Correlation id of the request: a fresh version-4 UUID in lower case.",
    }));
    all.insert("CallbackId".into(), json!({ "type": "string", "format": "uuid", "description": "Id of a callback." }));
    all.insert("Instant".into(), json!({
        "type": "string", "format": "date-time", "pattern": UTC, "description": "An instant in UTC with milliseconds.",
    }));
    for (name, schema) in callbacks::schemas().into_iter().chain(times::schemas()).chain(outside::schemas()) {
        all.insert(name.into(), schema);
    }
    Value::Object(all)
}

/// `status` with one of these codes.
fn status(codes: &[u16]) -> Value {
    let message = match codes {
        [0] => json!({ "type": "string", "const": "Successful" }),
        _ => {
            json!({ "type": "string", "minLength": 1, "description": "The cause in words; it names the field or the limit." })
        }
    };
    let meaning = |code: &u16| CODES.iter().find(|(known, ..)| known == code).map(|(_, _, meaning)| *meaning);
    let alternatives: Vec<_> =
        codes.iter().map(|code| json!({ "const": code, "description": meaning(code) })).collect();
    json!({
        "type": "object",
        "required": ["code", "message", "corrId"],
        "properties": {
            "code": { "type": "integer", "oneOf": alternatives, "description": "The service's own code; 0 is success." },
            "message": message,
            "corrId": of("CorrelationId"),
        },
    })
}

/// An optional string of a body, with its length limit in characters.
pub(super) fn optional_text(max: usize, description: &str) -> Value {
    json!({ "type": ["string", "null"], "maxLength": max, "description": description })
}

/// Data to attach: an object, or a string that holds one.
pub(super) fn user_data() -> Value {
    json!({
        "description": "Data to attach. Keys that are no JavaScript variable names are dropped; nested keys are not checked. A string \
            that holds a JSON object counts as that object, an empty one as absent.",
        "anyOf": [
            { "type": "object", "additionalProperties": true },
            { "type": "string", "contentMediaType": "application/json" },
            { "type": "null" },
        ],
    })
}
