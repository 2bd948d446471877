//! Create, retrieve, cancel (engagement-api 4 to 6).

use serde_json::{Value, json};

use super::Described;
use super::answers::{answer, answers, bad, done, error, idempotency_key, key_reused, meanings, of, retry_after};
use super::schemas::{optional_text, user_data};
use crate::engagement::{cancel, create, retrieve};

const ID: &str = "8c78d4e1-c85a-424b-8334-5ff36e07372f";

pub(super) fn operations() -> Vec<Described> {
    vec![(create::PATH, "post", create()), (retrieve::PATH, "post", retrieve()), (cancel::PATH, "post", cancel())]
}

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("CreateCallback", create_body()),
        ("PushTarget", push_target()),
        (
            "CallbackIdBody",
            json!({
                "type": "object", "required": ["id"],
                "properties": { "id": { "type": "string", "format": "uuid", "description": "The id that create returned." } },
            }),
        ),
        ("CallbackIdData", json!({ "type": "object", "required": ["id"], "properties": { "id": of("CallbackId") } })),
        ("Callback", callback()),
        ("FreeSlots", free_slots()),
    ]
}

fn create() -> Value {
    let example = json!({
        "serviceName": "VQ_Support", "phoneNumber": "12223334444", "desiredTime": "2026-01-05T15:00:00.000Z",
        "cbOfferType": "SCHEDULED", "language": "en-US", "channel": "WEB",
        "userData": { "priority": "high", "email": "joe@example.com" },
        "pushTargets": [{ "channel": "FCM", "target": "fcm-registration-token" }], "alwaysCheckCapacity": true,
    });
    let smallest = json!({
        "serviceName": "VQ_Support", "phoneNumber": "12223334444", "language": "en-US",
        "cbOfferType": "ASAP if the request does not include the desiredTime parameter and SCHEDULED if the request includes the desiredTime parameter.",
    });
    let mut full = answer(
        &format!("{}. `data.slots` has free slots near the wanted time.", meanings(429)),
        &of("Error429"),
        &[("full", {
            let mut full = error(30, "No capacity at 2026-01-05T15:00:00.000Z");
            full["data"] = json!({ "slots": {
                "2026-01-05T14:45:00.000Z": "2", "2026-01-05T15:15:00.000Z": "5", "2026-01-05T15:30:00.000Z": "10",
            } });
            full
        })],
    );
    full["headers"]["Retry-After"] = retry_after("With code 32.");
    for (name, meaning) in [
        ("RateLimit-Policy", "With code 32: the window that is full, `q` places in `w` seconds."),
        ("RateLimit", "With code 32: `r` places left, and `t` seconds until there is room."),
    ] {
        full["headers"][name] = json!({ "description": meaning, "schema": { "type": "string" } });
    }
    let unknown = [("unknownService", error(2, "Service 'VQ_Suport' is not provisioned"))];
    json!({
        "operationId": "bookCallbackExternal",
        "tags": ["Callbacks"],
        "summary": "Create a callback",
        "description": "Immediate without `desiredTime`, scheduled with it. A time that the present wait overtakes is served as soon as \
            possible, unless `alwaysCheckCapacity` is set. After a 200 the callback is kept durably and can be retrieved at once.",
        "parameters": [idempotency_key()],
        "requestBody": body("CreateCallback", &[("scheduled", example), ("smallest", smallest)]),
        "responses": answers(&[(200, created()), (400, bad(&unknown)), key_reused(), (429, full)], true),
    })
}

/// The answer to create, and what its id is good for.
fn created() -> Value {
    let mut created = done("CallbackIdData", &[("created", json!({ "id": ID }))]);
    let with_id = json!({ "id": "$response.body#/data/id" });
    created["links"] = json!({
        "retrieve": { "operationId": "queryCallbackById", "requestBody": with_id },
        "cancel": { "operationId": "cancelCallback", "requestBody": with_id },
    });
    created
}

/// A required JSON body.
pub(super) fn body(schema: &str, examples: &[(&str, Value)]) -> Value {
    let examples: serde_json::Map<_, _> =
        examples.iter().map(|(name, value)| ((*name).to_owned(), json!({ "value": value }))).collect();
    json!({ "required": true, "content": { "application/json": { "schema": of(schema), "examples": examples } } })
}

fn create_body() -> Value {
    let text = |description: &str| optional_text(create::TEXT, description);
    json!({
        "type": "object",
        "required": ["serviceName", "phoneNumber"],
        "properties": {
            "serviceName": {
                "type": "string", "minLength": 1, "maxLength": ges_domain::ServiceName::LONGEST,
                "description": "Name of the callback service.", "examples": ["VQ_Support"],
            },
            "phoneNumber": {
                "type": "string", "minLength": 1, "maxLength": create::TEXT, "examples": ["12223334444"],
                "description": "The number to call, kept exactly as given. Without spaces, `(`, `)`, `-` and `.`: an optional `+`, then 2 to \
                    32 of digits, `*` and `#`.",
            },
            "desiredTime": {
                "type": ["string", "null"], "format": "date-time", "maxLength": create::TEXT, "examples": ["2026-01-05T15:00:00.000Z"],
                "description": "When to call, at most 14 days ahead. Absent: as soon as possible. Seconds, fraction and offset may be \
                    missing; a date alone is midnight.",
            },
            "cbOfferType": {
                "description": "What was offered, for reports: ASAP, SCHEDULED or COMBINED_SCHEDULED_AND_ASAP. Anything else counts as \
                    absent, and the kind of the callback is noted.",
            },
            "language": text("Language of prompts, `fr-CA`."),
            "inboundVQ": text("Virtual queue the inbound call would have used, for reports."),
            "offerThreshold": seconds("Wait in seconds that decided the offer, for reports."),
            "channel": text("Where the callback comes from; free text."),
            "offerTiming": text("ON-HOURS or OFF-HOURS, for reports; other words are kept."),
            "cbOriginationIxnId": text("Id of the interaction in which the callback was offered."),
            "surveyRP": text("Routing point of the survey after the call, instead of the service's."),
            "priority": {
                "anyOf": [
                    { "type": ["integer", "null"], "minimum": -create::PRIORITY, "maximum": create::PRIORITY },
                    { "type": "string", "pattern": r"^-?\d{1,3}$" },
                ],
                "description": "Initial priority in the queue, a whole number; text may hold it.",
            },
            "routePoint": text("Routing point of the call, instead of the service's."),
            "userData": user_data(),
            "captchaToken": optional_text(create::TOKEN, "The visitor's CAPTCHA token; required where the contact center demands one."),
            "pushTargets": {
                "type": ["array", "null"], "maxItems": create::TARGETS, "items": of("PushTarget"),
                "description": "Who gets push notifications; required when the customer is to call in.",
            },
            "pushChannel": { "type": ["string", "null"], "deprecated": true, "maxLength": create::TEXT,
                "description": "With `pushTarget`: one entry of `pushTargets`, as older clients send it." },
            "pushTarget": { "type": ["string", "null"], "deprecated": true, "maxLength": create::TEXT, "description": "See `pushChannel`." },
            "alwaysCheckCapacity": {
                "anyOf": [{ "type": ["boolean", "null"] }, { "type": "string", "pattern": "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$" }],
                "default": false, "description": "`true`: a callback with a desired time keeps it, and its slot is always checked.",
            },
        },
        "additionalProperties": true,
    })
}

/// Seconds as a number, or a string that holds one.
fn seconds(description: &str) -> Value {
    json!({
        "anyOf": [{ "type": ["number", "null"], "minimum": 0 }, { "type": "string", "pattern": r"^\d{1,9}(\.\d{1,9})?$" }],
        "description": description,
    })
}

fn push_target() -> Value {
    json!({
        "type": "object", "required": ["channel", "target"],
        "properties": {
            "channel": { "type": "string", "enum": ["FCM"], "description": "Only FCM." },
            "target": { "type": "string", "minLength": 1, "maxLength": create::TEXT, "description": "The registration token." },
        },
    })
}

fn free_slots() -> Value {
    json!({
        "type": "object", "required": ["slots"],
        "properties": { "slots": {
            "type": "object", "maxProperties": ges_domain::proposals::MOST,
            "description": "Free slots nearest to the wanted time, by time: start in UTC to remaining places. Empty with codes 32 and 33.",
            "propertyNames": { "pattern": super::schemas::UTC },
            "additionalProperties": { "type": "string", "pattern": "^[1-9][0-9]*$" },
        } },
    })
}

fn id_not_found() -> Value {
    answer("20: no such callback", &of("Error404"), &[("notFound", error(20, &format!("Callback {ID} not found")))])
}

fn retrieve() -> Value {
    let queued = json!({
        "id": ID, "desiredTime": "2026-01-05T15:00:00.000Z", "callbackState": "QUEUED", "phoneNumber": "12223334444",
        "positionInQueue": 4, "estimatedWaitTime": 120,
    });
    let completed = json!({
        "id": ID, "desiredTime": "2026-01-05T15:00:00.000Z", "callbackState": "COMPLETED", "callbackReason": "CANCELLED",
        "phoneNumber": "12223334444",
    });
    let id_missing = [("idMissing", error(1, "id is required"))];
    json!({
        "operationId": "queryCallbackById",
        "tags": ["Callbacks"],
        "summary": "Retrieve a callback",
        "description": "Records stay readable for 14 days after their desired time. A callback of another contact center is not found.",
        "requestBody": body("CallbackIdBody", &[("id", json!({ "id": ID }))]),
        "responses": answers(&[
            (200, done("Callback", &[("queued", queued), ("completed", completed)])), (400, bad(&id_missing)), (404, id_not_found()),
        ], true),
    })
}

fn callback() -> Value {
    json!({
        "type": "object", "required": ["id", "desiredTime", "callbackState", "phoneNumber"],
        "properties": {
            "id": of("CallbackId"),
            "desiredTime": of("Instant"),
            "callbackState": { "type": "string", "enum": ["SCHEDULED", "QUEUED", "ROUTING", "PROCESSING", "COMPLETED"] },
            "callbackReason": { "type": "string", "minLength": 1, "description": "Why it is COMPLETED; only then." },
            "phoneNumber": { "type": "string", "description": "As it was given." },
            "positionInQueue": { "type": "number", "minimum": 0, "description": "Only while QUEUED, ROUTING or PROCESSING, and when known." },
            "estimatedWaitTime": { "type": "number", "minimum": 0, "description": "Seconds; under the same condition." },
        },
    })
}

fn cancel() -> Value {
    let over = [("completed", error(6, "The callback is already completed"))];
    json!({
        "operationId": "cancelCallback",
        "tags": ["Callbacks"],
        "summary": "Cancel a callback",
        "description": "The state becomes COMPLETED with reason CANCELLED and the place is free again. What is completed, or in the hands of \
            an agent, cannot be cancelled (code 6).",
        "parameters": [idempotency_key()],
        "requestBody": body("CallbackIdBody", &[("id", json!({ "id": ID }))]),
        "responses": answers(&[
            (200, done("CallbackIdData", &[("cancelled", json!({ "id": ID }))])), (400, bad(&over)), (404, id_not_found()), key_reused(),
        ], true),
    })
}
