use axum::body::Body;
use axum::http::{Method, Request};
use ges_testkit::builders;
use serde_json::json;

use crate::testing::{KEY, OTHER_KEY, PANIC_KEY, Reply, SERVICE, World, bare, send};

const OWN: &str = "https://www.example.com";
const OTHERS: &str = "https://shop.example.net:8443";
const STRANGE: &str = "https://evil.example.org";
const CREATE: &str = "/engagement/v3/callbacks/create";
const OPEN_FOR: &str = "/engagement/v3/callbacks/open-for/VQ_Support";

async fn world() -> World {
    let world = World::new().await;
    world.origins.give(builders::tenant(), "https://*.example.com, http://localhost:3000");
    world.origins.give(builders::other_tenant(), OTHERS);
    world
}

fn preflight(path: &str, origin: &str) -> Request<Body> {
    let request = Request::builder().method(Method::OPTIONS).uri(path).header("origin", origin);
    request.header("access-control-request-method", "POST").body(Body::empty()).unwrap()
}

fn cors(reply: &Reply) -> Vec<(String, String)> {
    let named = |name: &str| name.starts_with("access-control") || name == "vary";
    let headers = reply.headers.iter().filter(|(name, _)| named(name.as_str()));
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
    headers.sort();
    headers
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_preflight_of_any_tenants_origin_is_allowed_without_a_key() {
    let world = world().await;
    for (router, origin) in [(world.external(), OWN), (world.external(), OTHERS), (world.internal(), OWN)] {
        let reply = send(router, preflight(CREATE, origin)).await;
        assert_eq!((reply.status, reply.body.as_str()), (204, ""));
        let expected = pairs(&[
            ("access-control-allow-headers", "content-type, x-api-key, cache-control"),
            ("access-control-allow-methods", "GET, POST, OPTIONS"),
            ("access-control-allow-origin", origin),
            ("access-control-max-age", "600"),
            ("vary", "Origin"),
        ]);
        assert_eq!(cors(&reply), expected);
        assert_eq!(reply.header("content-type"), None);
    }
    let sample = r#"ges_http_requests_total{path="/engagement/v3/callbacks/create",tenant="Unknown Tenant"}"#;
    assert_eq!(world.metric(sample), Some(3.0));
}

#[tokio::test]
async fn a_preflight_of_a_stranger_says_nothing() {
    let world = world().await;
    for origin in [STRANGE, "null", "", "https://www.example.com/path", "*"] {
        let reply = send(world.external(), preflight(OPEN_FOR, origin)).await;
        assert_eq!((reply.status, reply.body.as_str()), (204, ""), "{origin}");
        assert_eq!(cors(&reply), pairs(&[("vary", "Origin")]), "{origin}");
    }
    world.origins.set_down(true);
    assert_eq!(cors(&send(world.external(), preflight(CREATE, OWN)).await), pairs(&[("vary", "Origin")]));
}

#[tokio::test]
async fn options_that_are_no_preflight_of_an_operation_are_wrong_methods_and_paths() {
    let world = world().await;
    send(world.external(), bare(Method::OPTIONS, CREATE)).await.refused(405, 22);
    let half = Request::builder().method(Method::OPTIONS).uri(CREATE).header("origin", OWN);
    send(world.external(), half.body(Body::empty()).unwrap()).await.refused(405, 22);
    send(world.external(), preflight("/engagement/v3/nothing", OWN)).await.refused(404, 21);
    send(world.internal(), preflight("/ges/v1/health", OWN)).await.refused(405, 22);
}

fn asked(key: &str, origin: &str) -> Request<Body> {
    let request = Request::get(OPEN_FOR).header("x-api-key", key).header("origin", origin);
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn answers_are_readable_for_the_origins_of_the_keys_tenant_alone() {
    let world = world().await;
    let own = send(world.external(), asked(KEY, OWN)).await;
    assert_eq!(own.status, 200);
    assert_eq!(cors(&own), pairs(&[("access-control-allow-origin", OWN), ("vary", "Origin")]));
    for origin in [OTHERS, STRANGE] {
        let reply = send(world.external(), asked(KEY, origin)).await;
        assert_eq!((reply.status, cors(&reply)), (200, pairs(&[("vary", "Origin")])), "served, and hidden by browsers");
    }
    let plain = send(world.external(), Request::get(OPEN_FOR).header("x-api-key", KEY).body(Body::empty()).unwrap());
    assert_eq!(cors(&plain.await), []);
    let others = send(world.external(), asked(OTHER_KEY, OTHERS)).await;
    assert_eq!((others.status, cors(&others).len()), (400, 2), "errors are readable, too");
    let doubled = Request::get(OPEN_FOR).header("x-api-key", KEY).header("origin", OWN).header("origin", OWN);
    assert_eq!(cors(&send(world.external(), doubled.body(Body::empty()).unwrap()).await), []);
}

#[tokio::test]
async fn errors_are_readable_whatever_they_are() {
    let world = world().await;
    let readable = pairs(&[("access-control-allow-origin", OWN), ("vary", "Origin")]);
    let unknown = send(world.external(), asked("nobody's", OWN)).await;
    unknown.refused(401, 10);
    assert_eq!(cors(&unknown), readable, "by the lists of all");
    assert_eq!(cors(&send(world.external(), asked("nobody's", OTHERS)).await).len(), 2);
    assert_eq!(cors(&send(world.external(), asked("nobody's", STRANGE)).await).len(), 1);
    let huge = vec![b' '; world.limits.body_bytes + 1];
    let create = |body: Vec<u8>, kind: &str| {
        let request = Request::post(CREATE).header("x-api-key", KEY).header("origin", OWN).header("content-type", kind);
        request.body(Body::from(body)).unwrap()
    };
    let number = json!({"serviceName": SERVICE, "phoneNumber": "?"}).to_string().into_bytes();
    for (request, status) in [
        (create(huge, "application/json"), 413),
        (create(b"{}".to_vec(), "text/plain"), 415),
        (create(number, "application/json"), 400),
        (asked(PANIC_KEY, OWN), 500),
    ] {
        let reply = send(world.external(), request).await;
        assert_eq!((reply.status, cors(&reply)), (status, readable.clone()), "{}", reply.body);
    }
    let wrong = Request::delete(CREATE).header("x-api-key", KEY).header("origin", OWN).body(Body::empty()).unwrap();
    let wrong = send(world.external(), wrong).await;
    assert_eq!((wrong.status, cors(&wrong)), (405, readable));
}

#[tokio::test]
async fn private_paths_are_for_no_browser() {
    let world = world().await;
    let health = Request::get("/ges/v1/health/live").header("origin", OWN).body(Body::empty()).unwrap();
    assert_eq!(cors(&send(world.internal(), health).await), []);
}
