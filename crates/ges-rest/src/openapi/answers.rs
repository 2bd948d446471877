//! Answers: the envelope, errors by status, and what many operations share.

use serde_json::{Map, Value, json};

use crate::codes::CODES;
use crate::refusal::DOWN;

/// Correlation id of the examples.
const CORR_ID: &str = "3e1f3a6e-7a55-4b0e-8f7e-2d6a52f0a001";

/// Statuses that any operation may answer, whatever it does.
const EVERYWHERE: [u16; 5] = [401, 403, 405, 413, 500];

/// A reference to a schema.
pub(super) fn of(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// An example of a success.
pub(super) fn success(data: Value) -> Value {
    json!({ "status": { "code": 0, "message": "Successful", "corrId": CORR_ID }, "data": data })
}

/// An example of an error.
pub(super) fn error(code: u16, message: &str) -> Value {
    json!({ "status": { "code": code, "message": message, "corrId": CORR_ID } })
}

/// A JSON answer with named examples.
pub(super) fn answer(description: &str, schema: &Value, examples: &[(&str, Value)]) -> Value {
    let examples: Map<_, _> =
        examples.iter().map(|(name, value)| ((*name).to_owned(), json!({ "value": value }))).collect();
    json!({
        "description": description,
        "headers": cross_origin(),
        "content": { "application/json": { "schema": schema, "examples": examples } },
    })
}

/// 200 with this `data`.
pub(super) fn done(data: &str, examples: &[(&str, Value)]) -> Value {
    let schema = json!({
        "type": "object",
        "required": ["status", "data"],
        "properties": { "status": of("Success"), "data": of(data) },
    });
    let examples: Vec<_> = examples.iter().map(|(name, data)| (*name, success(data.clone()))).collect();
    answer("Successful", &schema, &examples)
}

/// 400 with these examples.
pub(super) fn bad(examples: &[(&str, Value)]) -> Value {
    answer(&meanings(400), &of("Error400"), examples)
}

/// 422, of operations with an idempotency key.
pub(super) fn key_reused() -> (u16, Value) {
    (422, json!({ "$ref": "#/components/responses/422" }))
}

/// All answers of an operation: its own, then those that every operation has.
pub(super) fn answers(own: &[(u16, Value)], has_body: bool) -> Value {
    let mut all: Map<_, _> = own.iter().map(|(status, answer)| (status.to_string(), answer.clone())).collect();
    for status in EVERYWHERE.into_iter().chain(has_body.then_some(415)) {
        all.entry(status.to_string()).or_insert(json!({ "$ref": format!("#/components/responses/{status}") }));
    }
    Value::Object(all)
}

/// The answers under `components`.
pub(super) fn shared() -> Value {
    let example = |code: u16, message: &str| [("error", error(code, message))];
    let mut all = Map::new();
    for (status, name, message) in [
        (401, 10, "API key is missing or unknown"),
        (403, 12, "not allowed"),
        (405, 22, "Method not allowed"),
        (413, 23, "The body is larger than 500000 bytes"),
        (415, 24, "Content-Type must be application/json"),
        (422, 25, "Idempotency-Key was used with another body"),
        (500, 50, "Internal error"),
    ] {
        let mut shared = answer(&meanings(status), &of(&format!("Error{status}")), &example(name, message));
        match status {
            405 => {
                let allow =
                    json!({ "description": "Methods the path has.", "required": true, "schema": { "type": "string" } });
                shared["headers"]["Allow"] = allow;
            }
            500 => shared["headers"]["Retry-After"] = retry_after(&format!("With code 51. {DOWN} seconds.")),
            _ => {}
        }
        all.insert(status.to_string(), shared);
    }
    Value::Object(all)
}

/// The header of requests that are carried out once, and the answer to its misuse.
pub(super) fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false, "example": "order-4711",
        "schema": { "type": "string", "minLength": 1, "maxLength": ges_domain::idempotency::MAX_KEY, "pattern": "^[!-~]+$" },
        "description": "What was carried out under a key is carried out once: a repetition with the same body gets the same status and \
            `data` for at least 24 hours. With another body: 422.",
    })
}

/// The header that says when to try again.
pub(super) fn retry_after(when: &str) -> Value {
    json!({ "description": format!("Seconds after which trying again makes sense. {when}"), "schema": { "type": "integer", "minimum": 1 } })
}

fn cross_origin() -> Value {
    json!({
        "Access-Control-Allow-Origin": {
            "description": "The request's `Origin`, when the contact center lists it.", "schema": { "type": "string" },
        },
        "Vary": { "description": "`Origin`, when the request names one.", "schema": { "type": "string" } },
    })
}

/// The codes under an HTTP status.
pub(super) fn codes_of(status: u16) -> Vec<u16> {
    CODES.iter().filter(|(_, listed, _)| *listed == status).map(|(code, ..)| *code).collect()
}

/// What a status can mean, by code.
pub(super) fn meanings(status: u16) -> String {
    let rows = CODES.iter().filter(|(_, listed, _)| *listed == status);
    rows.map(|(code, _, meaning)| format!("{code}: {meaning}")).collect::<Vec<_>>().join("; ")
}
