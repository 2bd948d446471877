//! Availability and open-for (engagement-api 7, 8).

use serde_json::{Value, json};

use super::Described;
use super::answers::{answers, bad, done, error, of};
use super::schemas::UTC;
use crate::engagement::{availability, open_for};

pub(super) fn operations() -> Vec<Described> {
    vec![(availability::PATH, "get", availability()), (open_for::PATH, "get", open_for())]
}

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (
            "Availability",
            json!({
                "type": "object", "required": ["slots", "durationMin", "timezone"],
                "properties": {
                    "slots": { "type": "array", "items": of("Slot"), "description": "By time; empty when nothing is free." },
                    "durationMin": { "type": "number", "minimum": 5, "description": "Length of a slot in minutes." },
                    "timezone": { "type": "string", "description": "Zone of the local times: the request's, else UTC." },
                },
            }),
        ),
        (
            "Slot",
            json!({
                "type": "object", "required": ["utcTime", "localTime", "capacity", "total"],
                "properties": {
                    "utcTime": { "type": "string", "format": "date-time", "pattern": UTC, "description": "Start of the slot." },
                    "localTime": {
                        "type": "string", "format": "date-time", "description": "The same instant in the zone, with its offset.",
                        "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}(Z|[+-]\d{2}:\d{2})$",
                    },
                    "capacity": { "type": "number", "minimum": 0, "description": "Places left; 0 only with `reportBusy`." },
                    "total": { "type": "number", "minimum": 0, "description": "Places the slot has." },
                },
            }),
        ),
        (
            "OpenFor",
            json!({
                "type": "object", "required": ["openFor"],
                "properties": { "openFor": {
                    "type": "number", "minimum": 0, "maximum": ges_domain::slots::HORIZON.as_secs(),
                    "description": "Seconds from the start to closing; 0 when closed.",
                } },
            }),
        ),
    ]
}

/// A name in the path.
pub(super) fn name(parameter: &str, description: &str) -> Value {
    json!({
        "name": parameter, "in": "path", "required": true, "description": description, "example": "VQ_Support",
        "schema": { "type": "string", "minLength": 1, "maxLength": ges_domain::ServiceName::LONGEST },
    })
}

/// An optional query parameter.
pub(super) fn query(parameter: &str, schema: &Value, description: &str) -> Value {
    json!({ "name": parameter, "in": "query", "required": false, "description": description, "schema": schema })
}

fn zone() -> Value {
    query(
        "timezone",
        &json!({ "type": "string", "examples": ["America/New_York"] }),
        "Name of an IANA time zone; UTC when absent.",
    )
}

fn moment() -> Value {
    json!({ "type": "string", "format": "date-time", "examples": ["2026-01-05T15:00:00.000Z", "2026-01-05T15:00"] })
}

fn availability() -> Value {
    let millis = json!({ "type": "integer", "format": "int64", "examples": [1_767_625_200_000_i64] });
    let example = json!({
        "durationMin": 15, "timezone": "America/New_York",
        "slots": [
            { "utcTime": "2026-01-05T15:00:00.000Z", "localTime": "2026-01-05T10:00:00.000-05:00", "capacity": 3, "total": 10 },
            { "utcTime": "2026-01-05T15:15:00.000Z", "localTime": "2026-01-05T10:15:00.000-05:00", "capacity": 10, "total": 10 },
        ],
    });
    let flag = json!({ "type": "boolean", "default": false });
    json!({
        "operationId": "queryAvailabilityV2",
        "tags": ["Times"],
        "summary": "Free slots of a service",
        "description": "Slots that overlap the period, open and with places left. The period is cut at now and 14 days from now. Without an \
            end it is the one slot that holds the start; only one way to give the start and one to give the end is allowed.",
        "parameters": [
            name("service-name", "Name of the callback service; `/` in it is `%2F`."),
            query("start", &moment(), "Start of the period; now when absent."),
            query("startMS", &millis, "Start in milliseconds since 1970."),
            query("end", &moment(), "End of the period."),
            query("endMS", &millis, "End in milliseconds since 1970."),
            query("numberOfDays", &json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }), "End: so many times 24 h after the start."),
            zone(),
            query("maxTimeSlots", &json!({ "type": "integer", "minimum": 1, "maximum": ges_domain::availability::MOST_SLOTS }), "At most so many slots with places."),
            query("reportBusy", &flag, "`true`: full slots are listed, too."),
        ],
        "responses": answers(&[
            (200, done("Availability", &[("slots", example)])),
            (400, bad(&[("twoEnds", error(1, "Set only one of end, endMS, numberOfDays")), ("unknown", error(2, "Service 'VQ_Suport' is not provisioned"))])),
        ], false),
    })
}

fn open_for() -> Value {
    json!({
        "operationId": "openFor",
        "tags": ["Times"],
        "summary": "How long the office stays open",
        "parameters": [
            name("service-name", "Name of a callback service, else of a business-hours object."),
            query("start", &moment(), "From when; now when absent."),
            zone(),
        ],
        "responses": answers(&[
            (200, done("OpenFor", &[("open", json!({ "openFor": 10_800 }))])),
            (400, bad(&[("unknown", error(2, "Service 'VQ_Suport' is not provisioned"))])),
        ], false),
    })
}
