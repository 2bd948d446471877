use axum::body::Body;
use axum::http::Request;
use ges_testkit::builders::tenant;
use serde_json::json;

use super::{form, parts};
use crate::testing::{OTHER_KEY, Reply, World, send};

async fn ask(world: &World, path: &str, content_type: &str, body: &str) -> Reply {
    let request = Request::post(format!("/genesys/1/patterns{path}")).header("content-type", content_type);
    let request = request.header("ContactCenterId", tenant().to_string()).body(Body::from(body.to_owned()));
    send(world.internal(), request.unwrap()).await
}

async fn publish(world: &World, sections: serde_json::Value) {
    let request = Request::post("/genesys/1/tenants").header("content-type", "application/json");
    let request = request.header("ContactCenterId", tenant().to_string()).body(Body::from(sections.to_string()));
    assert_eq!(send(world.internal(), request.unwrap()).await.status, 200);
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Integrations 2.13: the documented answer, with patterns as plain as the fake engine reads them.
#[tokio::test]
async fn matching_parameters_are_answered_with_their_pattern() {
    let world = World::new().await;
    publish(&world, json!({ "patterns": { "911": "911", "email": "a@b.c" }, "patterns.vip": { "gold": "42" } })).await;
    let reply = ask(&world, "", FORM, "param1=hello&param2=a%40b.c&param3=911").await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "param2": "email", "param3": "911" })));
    assert_eq!(ask(&world, "", FORM, "param1=9112").await.json(), json!({}), "the whole text counts");
    assert_eq!(ask(&world, "/group/vip", FORM, "n=42").await.json(), json!({ "n": "gold" }));
    for group in ["others", "911%", "a%00"] {
        let reply = ask(&world, &format!("/group/{group}"), FORM, "n=911").await;
        assert_eq!(reply.status, 404, "{group} is not the list without a group: {}", reply.body);
    }
    let multipart = "--XX\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n42\r\n--XX--\r\n";
    let reply = ask(&world, "/group/vip", "multipart/form-data; boundary=XX", multipart).await;
    assert_eq!(reply.json(), json!({ "n": "gold" }));
    assert_eq!(ask(&world, "", "application/json", "{}").await.status, 415);
    assert_eq!(ask(&world, "", "multipart/form-data", "x").await.status, 400, "no boundary");
    let many: Vec<_> = (0..101).map(|place| format!("p{place}=1")).collect();
    assert_eq!(ask(&world, "", FORM, &many.join("&")).await.status, 400);
}

/// R-CFG-1: a pattern that does not compile is refused when it is saved, and the others of its list hold.
#[tokio::test]
async fn a_broken_pattern_is_refused_and_the_others_hold() {
    let world = World::new().await;
    assert_eq!(ask(&world, "", FORM, "a=1").await.json(), json!({}), "no patterns match nothing");
    publish(&world, json!({ "patterns": { "broken": "(?=1)", "one": "1" } })).await;
    assert_eq!(ask(&world, "", FORM, "a=1").await.json(), json!({ "a": "one" }));
    let request = Request::get(format!("/ges/v1/designer/{}/status", tenant())).body(Body::empty()).unwrap();
    let problems = send(world.internal(), request).await.json()["data"]["problems"].clone();
    assert_eq!((problems[0]["row"].as_str(), problems[0]["column"].as_str()), (Some("patterns"), Some("broken")));
}

#[tokio::test]
async fn the_contact_center_has_to_be_named_and_known() {
    let world = World::new().await;
    let request = |ccid: &str| {
        let request = Request::post("/genesys/1/patterns").header("content-type", FORM).header("ccid", ccid);
        request.body(Body::empty()).unwrap()
    };
    for (ccid, status) in [("", 400), ("c0ffee00-0000-4000-8000-00000000dead", 400), ("x", 400)] {
        assert_eq!(send(world.internal(), request(ccid)).await.status, status, "{ccid:?}");
    }
}

/// Integrations 2.1: older Designer builds name nobody, and with one contact center that is the one they mean.
#[tokio::test]
async fn without_a_name_the_only_contact_center_is_meant() {
    for (method, path, status) in [("POST", "/genesys/1/patterns", 200), ("GET", "/genesys/1/service/Nobody", 404)] {
        let world = World::new().await;
        let request = || Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let missing = send(world.internal(), request()).await;
        assert_eq!(missing.faulted(400, "InvalidOption"), "The header ContactCenterId is missing", "two there are");
        world.keys.forget(OTHER_KEY);
        assert_eq!(send(world.internal(), request()).await.status, status, "{path}");
    }
}

#[test]
fn forms_are_read_in_both_shapes() {
    let read = |pairs: &[(&str, &str)]| {
        Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    };
    assert_eq!(form(b"a=1+2&b=%C3%BC&c"), read(&[("a", "1 2"), ("b", "\u{fc}"), ("c", "")]));
    assert_eq!(form(b""), read(&[]));
    assert_eq!(form(b"a=%ff"), None);
    let two = b"preamble\r\n--B\r\ncontent-disposition: form-data; name=a\r\nx: y\r\n\r\nl1\r\nl2\r\n--B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n\r\n--B--";
    assert_eq!(parts(two, "B"), read(&[("a", "l1\r\nl2"), ("b", "")]));
    for broken in
        [&b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx"[..], b"", b"--B", b"--C--", b"--B\r\n\xff"]
    {
        assert_eq!(parts(broken, "B"), None);
    }
}
