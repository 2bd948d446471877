//! Browsers of other origins (API reference 2.6), with lists from the environment service.

use ges_conformance::{ORIGIN, OTHER_ORIGIN, Reply, Request, Server, canary};
use serde_json::json;

use crate::world::{SERVICE, booking, server};

const OPERATIONS: [&str; 9] = [
    "/engagement/v3/callbacks/create",
    "/engagement/v3/callbacks/retrieve",
    "/engagement/v3/callbacks/cancel",
    "/engagement/v3/callbacks/availability/VQ_Support",
    "/engagement/v3/callbacks/open-for/my%20svc%2Fx",
    "/engagement/v3/callbacks/queue-status/VQ_Support",
    "/engagement/v3/estimated-wait-time",
    "/engagement/v3/call-in/requests/create",
    "/engagement/v3/statistics/operations/get-statistic-ex",
];

fn allowed(reply: &Reply) -> Option<&str> {
    assert!(reply.header("access-control-allow-credentials").is_none(), "no cookies are in use");
    reply.header("access-control-allow-origin")
}

fn preflight(server: &Server, path: &str, origin: &str) -> Reply {
    let request = Request::new("OPTIONS", path).header("Origin", origin);
    server.external(&request.header("Access-Control-Request-Method", "POST")).unwrap()
}

#[test]
fn every_operation_answers_preflights_of_listed_origins() {
    let server = server();
    for path in OPERATIONS {
        for origin in [ORIGIN, "http://localhost:3000", OTHER_ORIGIN] {
            let reply = preflight(&server, path, origin);
            assert_eq!((reply.status, allowed(&reply)), (204, Some(origin)), "{path}");
            assert_eq!(reply.header("access-control-allow-methods"), Some("GET, POST, OPTIONS"));
            assert_eq!(reply.header("access-control-allow-headers"), Some("content-type, x-api-key, cache-control"));
            assert_eq!(reply.header("access-control-max-age"), Some("600"));
            assert_eq!(reply.header("vary"), Some("Origin"));
        }
        let reply = preflight(&server, path, "https://evil.example.org");
        assert_eq!((reply.status, allowed(&reply)), (204, None), "{path}");
        assert!(!reply.headers.iter().any(|(name, _)| name.starts_with("access-control")), "{path}");
    }
}

#[test]
fn real_answers_are_for_the_origins_of_the_keys_tenant() {
    let server = server();
    let booked = |origin: &str, key: &str, number: u16| {
        let request = Request::new("POST", OPERATIONS[0]).header("Origin", origin).header("x-api-key", key);
        server.external(&request.body(booking(SERVICE, number).to_string())).unwrap()
    };
    let own = booked(ORIGIN, canary::API_KEY, 1);
    assert_eq!((own.status, allowed(&own), own.header("vary")), (200, Some(ORIGIN), Some("Origin")));
    for origin in [OTHER_ORIGIN, "https://evil.example.org"] {
        let other = booked(origin, canary::API_KEY, 2);
        assert_eq!((other.status, allowed(&other)), (200, None), "served, and hidden by browsers");
    }
    let unknown = booked(OTHER_ORIGIN, "nobody's", 3);
    assert_eq!(
        (unknown.status, allowed(&unknown)),
        (401, Some(OTHER_ORIGIN)),
        "the lists of all, as no tenant is known"
    );
    server.order_fault(&json!({ "target": "env", "kind": "status", "status": 503 })).unwrap();
    assert_eq!(allowed(&booked(ORIGIN, canary::API_KEY, 4)), Some(ORIGIN), "what was known serves during an outage");
    assert_eq!(allowed(&preflight(&server, OPERATIONS[0], ORIGIN)), Some(ORIGIN));
}
