//! Requests nobody should send: each gets a documented refusal, none a server error, and the pod goes on.

use std::time::Duration;

use ges_harness::{Cluster, Simulator};
use ges_nemesis::{Deployment, DeploymentPlan, raw_exchange};
use serde_json::Value;

use crate::world::{deployment, services};

const CREATE: &str = "/engagement/v3/callbacks/create";
const GOOD: &str = r#""serviceName":"CB_0","phoneNumber":"12223334444""#;

/// A request with these headers, the key aside, and this body.
fn request(method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut lines = vec![format!("{method} {path} HTTP/1.1"), "host: localhost".into(), "connection: close".into()];
    lines.extend(headers.iter().map(|header| (*header).to_owned()));
    let mut bytes = (lines.join("\r\n") + "\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn key() -> String {
    format!("x-api-key: {}", Cluster::API_KEY)
}

fn post(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = format!("content-length: {}", body.len());
    request("POST", CREATE, &[&key(), "content-type: application/json", &length], body)
}

/// A body of `bytes` in chunks, of which nobody is told the sum.
fn chunked(bytes: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let chunk = vec![b' '; 16_384];
    for _ in 0..bytes / chunk.len() {
        body.extend_from_slice(b"4000\r\n");
        body.extend_from_slice(&chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    request("POST", CREATE, &[&key(), "content-type: application/json", "transfer-encoding: chunked"], &body)
}

fn code(answer: &str) -> Option<i64> {
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str::<Value>(body.trim()).ok()?["status"]["code"].as_i64()
}

async fn answer(deployment: &Deployment, request: &[u8]) -> Option<(u16, String)> {
    let port = deployment.cluster.node("api-0").unwrap().external_port().unwrap();
    raw_exchange(port, request, Duration::from_secs(20)).await.expect("an answer in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_get_documented_codes_and_never_a_server_error() {
    let plan = DeploymentPlan { simulator: Simulator::Peers, ..DeploymentPlan::new(services()) };
    let deployment = deployment(&plan.with_pods(1, 0)).await;
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let with = |field: &str| format!("{{{GOOD},{field}}}");
    let tenant = format!("ContactCenterId: {}", Cluster::TENANT);
    let cases: Vec<(&str, Vec<u8>, u16, i64)> = vec![
        ("nothing", post(""), 400, 1),
        ("no JSON", post("{\"serviceName\""), 400, 1),
        ("an array", post("[]"), 400, 1),
        ("not UTF-8", post(b"{\"serviceName\":\"\xff\xfe\"}"), 400, 1),
        ("NUL escaped in a text", post(with(r#""language":"a\u0000b""#)), 400, 1),
        ("NUL in the service", post(r#"{"serviceName":"CB\u0000_0","phoneNumber":"12223334444"}"#), 400, 1),
        ("NUL in a value of user data", post(with(r#""userData":{"a":"x\u0000y"}"#)), 400, 1),
        ("a raw NUL", post(b"{\"serviceName\":\"CB_0\0\"}"), 400, 1),
        ("half a surrogate pair", post(with(r#""language":"\ud800""#)), 400, 1),
        ("the other half", post(with(r#""userData":{"a":"\udc00"}"#)), 400, 1),
        ("a pair the wrong way round", post(with(r#""language":"\udc00\ud800""#)), 400, 1),
        ("100,000 arrays deep", post(deep("[", "]")), 400, 1),
        (
            "100,000 objects deep",
            post(with(&format!("\"userData\":{}1{}", "{\"a\":".repeat(60_000), "}".repeat(60_000)))),
            400,
            1,
        ),
        ("a service that is a number", post(r#"{"serviceName":{"a":1},"phoneNumber":"12223334444"}"#), 400, 1),
        ("a phone number that is a list", post(r#"{"serviceName":"CB_0","phoneNumber":["1"]}"#), 400, 1),
        ("a time that is an object", post(with(r#""desiredTime":{}"#)), 400, 1),
        ("a time that is none", post(with(r#""desiredTime":"tomorrow""#)), 400, 1),
        ("a time beyond the calendar", post(with(r#""desiredTime":"9999999-01-01T00:00:00Z""#)), 400, 1),
        ("a priority beyond numbers", post(with(r#""priority":1e999"#)), 400, 1),
        ("user data that is text", post(with(r#""userData":"x""#)), 400, 1),
        ("push targets that are none", post(with(r#""pushTargets":{"a":1}"#)), 400, 1),
        ("a truth that is a list", post(with(r#""alwaysCheckCapacity":[]"#)), 400, 1),
        ("an unknown service", post(r#"{"serviceName":"CB_None","phoneNumber":"12223334444"}"#), 400, 2),
        ("too much, and says so", post(vec![b' '; 600_000]), 413, 23),
        ("too much in chunks", chunked(2_000_000), 413, 23),
        (
            "a length that lies about what is too much",
            request("POST", CREATE, &[&key(), "content-length: 99999999999"], b"{"),
            413,
            23,
        ),
        ("XML", request("POST", CREATE, &[&key(), "content-type: text/xml", "content-length: 4"], b"<a/>"), 415, 24),
        (
            "a tenant and no key",
            request("POST", CREATE, &[&tenant, "content-type: application/json", "content-length: 2"], b"{}"),
            401,
            10,
        ),
        (
            "a key nobody has",
            request(
                "POST",
                CREATE,
                &["x-api-key: nobody", "content-type: application/json", "content-length: 2"],
                b"{}",
            ),
            401,
            10,
        ),
        ("another method", request("PUT", CREATE, &[&key(), "content-length: 0"], b""), 405, 22),
        (
            "a path nobody has",
            request("POST", "/engagement/v3/callbacks/%00", &[&key(), "content-length: 2"], b"{}"),
            404,
            21,
        ),
        ("a path that climbs", request("GET", "/engagement/v3/../../ges/v1/health", &[&key()], b""), 404, 21),
    ];
    let mut wrong = Vec::new();
    for (what, bytes, status, expected) in &cases {
        let (got, text) = answer(&deployment, bytes).await.unwrap_or((0, String::new()));
        if (got, code(&text)) != (*status, Some(*expected)) {
            wrong.push(format!("{what}: {got} with code {:?}, not {status} with {expected}", code(&text)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    // Not even HTTP: refused or hung up on, never a server error.
    for bytes in
        [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".as_slice(), b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"]
    {
        let got = answer(&deployment, bytes).await;
        assert!(got.as_ref().is_none_or(|(status, _)| (400..500).contains(status) || *status == 505), "{got:?}");
    }
    let after = deployment.caller.create(0, "CB_0", "12223334444", None).await.unwrap();
    assert_eq!(after.verdict(), (200, 0), "the pod serves on");
    assert_eq!(deployment.sql("select count(*) from callbacks").unwrap(), "1", "nothing was half done");
}
