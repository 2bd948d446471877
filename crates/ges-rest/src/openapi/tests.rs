use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::Value;

use super::{document, openapi_document};
use crate::answer::Failure;
use crate::codes::CODES;
use crate::engagement;
use crate::testing::{World, bare, send};

const COMMITTED: &str = include_str!("../../../../docs/openapi/engagement-v3.json");

#[test]
fn the_committed_document_is_the_one_of_the_code() {
    assert!(COMMITTED == openapi_document(), "run `cargo xtask docs` and commit docs/openapi/engagement-v3.json");
}

#[test]
fn every_operation_is_described_and_no_other() {
    let document = document();
    let described: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let mounted: BTreeSet<_> = engagement::TEMPLATES.iter().map(|template| (*template).to_owned()).collect();
    assert_eq!(described, mounted);
}

#[tokio::test]
async fn described_methods_are_those_of_the_routes() {
    let world = World::new().await;
    for (path, methods) in document()["paths"].as_object().unwrap() {
        let path = path.replace("{service-name}", "VQ_Support").replace("{queue-name}", "VQ_Support");
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE] {
            let described = methods.get(method.as_str().to_lowercase()).is_some();
            let reply = send(world.external(), bare(method.clone(), &path)).await;
            assert_eq!(reply.status != 405, described, "{method} {path}: {}", reply.body);
        }
    }
}

/// Every object below a value.
fn objects<'a>(value: &'a Value, found: &mut Vec<&'a serde_json::Map<String, Value>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
        Value::Object(fields) => {
            found.push(fields);
            fields.values().for_each(|field| objects(field, found));
        }
        _ => {}
    }
}

#[test]
fn references_lead_somewhere_and_schemas_are_used() {
    let document = document();
    let mut all = Vec::new();
    objects(&document, &mut all);
    let references: BTreeSet<_> = all.iter().filter_map(|fields| fields.get("$ref")?.as_str()).collect();
    for reference in &references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(
                references.contains(format!("#/components/{kind}/{name}").as_str()),
                "{kind} {name} is used nowhere"
            );
        }
    }
}

#[test]
fn every_code_and_status_of_the_code_is_in_the_table() {
    let samples = crate::refusal::samples().into_iter().map(Failure::from).chain(Failure::samples());
    let mut met = BTreeSet::from([(0, 200)]);
    for failure in samples {
        let wire = failure.wire();
        assert!(CODES.iter().any(|(code, status, _)| (*code, *status) == (wire.code, wire.status)), "{failure:?}");
        met.insert((wire.code, wire.status));
    }
    let listed: BTreeSet<_> = CODES.iter().map(|(code, status, _)| (*code, *status)).collect();
    assert_eq!(met, listed, "no row is without a cause");
}

#[tokio::test]
async fn the_document_and_its_page_are_served_inside_alone_and_need_nobody_else() {
    let world = World::new().await;
    let served = send(world.internal(), bare(Method::GET, "/openapi.json")).await;
    assert_eq!((served.status, served.body.as_str()), (200, COMMITTED));
    for (path, kind) in [("/openapi", "text/html"), ("/openapi.js", "text/javascript"), ("/openapi.css", "text/css")] {
        let reply = send(world.internal(), bare(Method::GET, path)).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.header("content-type").unwrap().starts_with(kind));
        assert!(reply.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert!(!reply.body.contains("//cdn") && !reply.body.contains("https://"), "{path} is complete by itself");
        assert_eq!(send(world.external(), bare(Method::GET, path)).await.status, 404, "{path}");
    }
}
