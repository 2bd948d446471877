//! Queue status, estimated wait times, call-in requests, statistics (engagement-api 9 to 12).

use serde_json::{Value, json};

use super::Described;
use super::answers::{answer, answers, bad, done, error, idempotency_key, key_reused, meanings, of};
use super::callbacks::body;
use super::schemas::user_data;
use super::times::{name, query};
use crate::engagement::{call_in, estimated_wait, queue_status, statistics};

const CALL_IN: &str = "5b0b2f6a-9c0b-4a53-8b7d-6f1a1f8f4c11";
const CALLBACK: &str = "8c78d4e1-c85a-424b-8334-5ff36e07372f";

pub(super) fn operations() -> Vec<Described> {
    vec![
        (queue_status::PATH, "get", status()),
        (estimated_wait::PATH, "get", waits()),
        (call_in::PATH, "post", call_in()),
        (statistics::PATH, "post", statistics()),
    ]
}

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (
            "QueueStatus",
            json!({
                "type": "object", "required": ["ewt", "offerImmediateCallback", "offerScheduledCallback"],
                "properties": {
                    "ewt": {
                        "type": "number", "minimum": -1,
                        "description": "Estimated wait in seconds; -1 when nothing has gone through the queue yet or no agent is logged in.",
                    },
                    "offerImmediateCallback": {
                        "type": "boolean", "description": "Immediate callbacks are enabled, agents are logged in, and one booked now is made before closing.",
                    },
                    "offerScheduledCallback": { "type": "boolean", "description": "Scheduled callbacks are enabled; places are not looked at." },
                },
            }),
        ),
        (
            "Waits",
            json!({ "type": "array", "items": of("Wait"), "description": "One for each name of the request, in its order; a name that is given twice is there once." }),
        ),
        (
            "Wait",
            json!({
                "type": "object", "required": ["virtualQueue", "estimatedWaitTime", "message", "resultCode"],
                "properties": {
                    "virtualQueue": { "type": "string", "minLength": 1 },
                    "estimatedWaitTime": { "type": "number", "minimum": -1, "description": "Seconds; -1 when unknown." },
                    "message": { "type": "string", "minLength": 1, "description": "Why it is unknown, else `Successful`." },
                    "resultCode": { "type": "number", "enum": [0, -1, -2], "description": "0: known; -1: unknown; -2: no agents logged in." },
                },
            }),
        ),
        (
            "CreateCallIn",
            json!({
                "type": "object", "required": ["groupName"],
                "properties": {
                    "groupName": { "type": "string", "minLength": 1, "maxLength": ges_domain::ServiceName::LONGEST, "description": "Name of the call-in group." },
                    "fromPhoneNumber": { "type": ["string", "null"], "description": "The number the customer will call from; the form of `phoneNumber` of create." },
                    "userData": user_data(),
                    "callbackServiceId": { "type": ["string", "null"], "format": "uuid", "description": "An existing callback to tie to the request." },
                },
                "additionalProperties": true,
            }),
        ),
        (
            "CallIn",
            json!({
                "type": "object", "required": ["id", "toPhoneNumber", "groupName", "expirationTime"],
                "properties": {
                    "id": { "type": "string", "format": "uuid", "description": "Id of the call-in request." },
                    "toPhoneNumber": { "type": "string", "minLength": 1, "description": "The number to dial." },
                    "groupName": { "type": "string", "minLength": 1 },
                    "expirationTime": { "type": "number", "description": "Milliseconds since 1970; the customer has to call before." },
                    "accessCode": { "type": "number", "minimum": 1, "description": "To be typed; only when the group uses codes." },
                    "fromPhoneNumber": { "type": "string", "description": "Only when the request had it." },
                    "callbackServiceId": { "type": "string", "format": "uuid", "description": "Only when the request had it." },
                },
            }),
        ),
        (
            "StatisticsRequest",
            json!({
                "type": "object", "description": "Passed on unchanged.",
                "examples": [{ "data": { "statistics": [{ "name": "CurrentAgentState", "objectId": "jsmith", "objectType": "Agent" }] } }],
                "additionalProperties": true,
            }),
        ),
        (
            "Statistics",
            json!({
                "type": "object", "description": "What the statistics service answers.",
                "properties": { "statistics": { "type": "array", "items": of("Statistic") } },
                "additionalProperties": true,
            }),
        ),
        (
            "Statistic",
            json!({
                "type": "object",
                "properties": {
                    "name": { "type": "string" }, "objectId": { "type": "string" }, "objectType": { "type": "string" },
                    "timestamp": { "type": "integer" }, "value": {},
                },
                "additionalProperties": true,
            }),
        ),
    ]
}

fn unknown(message: &str) -> Value {
    bad(&[("unknown", error(2, message))])
}

fn status() -> Value {
    let known = json!({ "ewt": 184, "offerImmediateCallback": true, "offerScheduledCallback": true });
    let no_agents = json!({ "ewt": -1, "offerImmediateCallback": false, "offerScheduledCallback": true });
    json!({
        "operationId": "queryQueueStatus",
        "tags": ["Waits"],
        "summary": "Whether a callback queue is ready for callbacks",
        "parameters": [name("queue-name", "Name of the callback queue; `/` in it is `%2F`.")],
        "responses": answers(&[
            (200, done("QueueStatus", &[("known", known), ("noAgents", no_agents)])),
            (400, unknown("Service 'VQ_Suport' is not provisioned")),
        ], false),
    })
}

fn waits() -> Value {
    let example = json!([
        { "virtualQueue": "VQ_Support", "estimatedWaitTime": 184.5, "message": "Successful", "resultCode": 0 },
        { "virtualQueue": "VQ_Night", "estimatedWaitTime": -1, "message": "No agents logged in", "resultCode": -2 },
        { "virtualQueue": "VQ_Typo", "estimatedWaitTime": -1, "message": "Virtual queue not found", "resultCode": -1 },
    ]);
    let mut queues = query(
        "virtual-queues",
        &json!({ "type": "string", "minLength": 1, "examples": ["VQ_Support,VQ_Night"] }),
        "Names of at most 100 virtual queues, separated by commas. The comma may be encoded; a name cannot have one.",
    );
    queues["required"] = true.into();
    json!({
        "operationId": "estimatedWaitTimeAPI1",
        "tags": ["Waits"],
        "summary": "Estimated wait times of virtual queues",
        "description": "A queue that is unknown is an entry with -1 and a message; the request as a whole succeeds.",
        "parameters": [
            queues,
            query("mode", &json!({ "type": "string", "enum": ["mode1", "mode2", "mode3"], "default": "mode2" }),
                "How it is estimated: the rate of the queue; the same with its agents; by the statistics server."),
            query("include-calls-on-hold", &json!({ "type": "boolean", "default": false }), "`true`: calls on hold count as well."),
        ],
        "responses": answers(&[
            (200, done("Waits", &[("waits", example)])),
            (400, bad(&[("missing", error(1, "virtual-queues is required"))])),
        ], false),
    })
}

fn call_in() -> Value {
    let request = json!({
        "groupName": "technical_help", "fromPhoneNumber": "9059683457",
        "userData": { "priority": "high", "email": "joe@example.com" }, "callbackServiceId": CALLBACK,
    });
    let example = json!({
        "id": CALL_IN, "toPhoneNumber": "+19059680004", "groupName": "technical_help", "expirationTime": 1_767_625_500_000_i64,
        "accessCode": 123_456, "fromPhoneNumber": "9059683457", "callbackServiceId": CALLBACK,
    });
    json!({
        "operationId": "callInRequests",
        "tags": ["Call-in"],
        "summary": "Tell a customer which number to call",
        "description": "When no number of the group is free the answer is 500 with code 51.",
        "parameters": [idempotency_key()],
        "requestBody": body("CreateCallIn", &[("whole", request)]),
        "responses": answers(&[
            (200, done("CallIn", &[("allotted", example)])),
            (400, bad(&[("missing", error(1, "groupName is required"))])),
                key_reused(),
        ], true),
    })
}

fn statistics() -> Value {
    let example = json!({ "statistics": [
        { "name": "TimeInCurrentState", "objectId": "jsmith", "objectType": "Agent", "timestamp": 1_767_625_200_000_i64, "value": 35 },
    ] });
    let refused = [
        ("credentials", error(11, "No statistics credentials are registered for this contact center")),
        ("key", error(10, "API key is missing or unknown")),
    ];
    let mut requested = body(
        "StatisticsRequest",
        &[(
            "two",
            json!({ "data": { "statistics": [
        { "name": "CurrentAgentState", "objectId": "jsmith", "objectType": "Agent" },
        { "name": "TimeInCurrentState", "objectId": "jsmith", "objectType": "Agent" },
    ] } }),
        )],
    );
    requested["required"] = false.into();
    let age = json!({
        "name": "cache-control", "in": "header", "required": false, "schema": { "type": "string" }, "example": "max-age=15",
        "description": "`max-age=N`: oldest answer in seconds that may be used, 15 to 300; 15 when absent. Nothing else is read.",
    });
    json!({
        "operationId": "statistics",
        "tags": ["Statistics"],
        "summary": "Ask the statistics service",
        "description": "Passes the body on. Without a body nobody is asked and the list is empty. Answers are kept for five minutes.",
        "parameters": [age],
        "requestBody": requested,
        "responses": answers(&[
            (200, done("Statistics", &[("values", example), ("noBody", json!({ "statistics": [] }))])),
            (400, bad(&[("notAnObject", error(1, "The body must be a JSON object"))])),
            (401, answer(&meanings(401), &of("Error401"), &refused)),
        ], true),
    })
}
