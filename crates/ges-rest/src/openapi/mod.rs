//! The public API as an OpenAPI 3.1 document, made from what the handlers are made of: paths, limits, codes.
//!
//! Bodies are read field by field and leniently, so there is no type a macro could describe; the schemas are written here, with
//! the constants of the code that reads. Tests hold the document to the routes, the codes and the running programs.

mod answers;
mod callbacks;
mod outside;
mod page;
mod schemas;
mod times;

use serde_json::{Map, Value, json};

use crate::codes::CODES;

pub(crate) use page::routes;

/// An operation: path template, method, what is said about it.
type Described = (&'static str, &'static str, Value);

fn operations() -> Vec<Described> {
    let mut all = callbacks::operations();
    all.extend(times::operations());
    all.extend(outside::operations());
    all
}

/// The document.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for (path, method, operation) in operations() {
        paths.insert(path.to_owned(), json!({ method: operation }));
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "Engagement API",
            "version": "3",
            "summary": "Callbacks: book, follow, cancel, and what to offer.",
            "description": description(),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "Either listener; from outside only the external one can be reached." }],
        "tags": [
            { "name": "Callbacks", "description": "Book, follow, cancel." },
            { "name": "Times", "description": "When a callback can be booked, and how long the office is open." },
            { "name": "Waits", "description": "How long people wait." },
            { "name": "Call-in", "description": "The customer calls." },
            { "name": "Statistics", "description": "Values of the statistics service." },
        ],
        "security": [{ "apiKey": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {
                    "type": "apiKey", "in": "header", "name": "x-api-key",
                    "description": "The key of a contact center. Opaque; it alone decides whose data a request is about.",
                },
            },
            "schemas": schemas::all(),
            "responses": answers::shared(),
        },
    })
}

/// The document as it is committed and served.
pub fn openapi_document() -> String {
    let mut text =
        serde_json::to_string_pretty(&document()).expect("invariant: a tree of texts and numbers has a JSON form");
    text.push('\n');
    text
}

fn description() -> String {
    let mut text = "Every answer is JSON with a `status`: `code` (0 is success), `message`, and `corrId`, a UUID that finds the \
        request in the log of the service. Success is always 200.\n\n\
        Requests are read leniently: unknown fields and parameters are ignored, `null` and empty parameters count as absent, \
        numbers and booleans of bodies may come as text, and of a field that stands twice the last one counts. GET requests may \
        say that they are JSON; their body is never read. Text must be Unicode without NUL.\n\n\
        Dates without offset are in the zone of `timezone`, else in UTC. Dates of answers have milliseconds and a zone.\n\n\
        Browsers: pages of the origins that the environment service lists for the contact center (`cors-origins`) may read \
        answers. A preflight (`OPTIONS` with `Origin` and `Access-Control-Request-Method`) needs no key and is answered with \
        204; it is allowed when any contact center lists the origin.\n\n\
        | HTTP | code | meaning |\n|---|---|---|\n"
        .to_owned();
    for (code, status, meaning) in CODES {
        text.push_str(&format!("| {status} | {code} | {meaning} |\n"));
    }
    text
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
