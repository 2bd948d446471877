//! Who is asking, on either listener (API reference 2.2, 2.3).

use ges_conformance::{OTHER_KEY, OTHER_TENANT, Plan, Reply, Request, Server, Service, TENANT, canary, enveloped};

use crate::world::{SERVICE, server, start};

const OPEN_FOR: &str = "/engagement/v3/callbacks/open-for/VQ_Support";

fn asked(headers: &[(&str, &str)]) -> Request {
    headers.iter().fold(Request::new("GET", OPEN_FOR), |request, (name, value)| request.header(name, value))
}

fn told(reply: &Reply) -> (u16, Option<u64>) {
    enveloped(reply).unwrap();
    (reply.status, reply.code())
}

fn warned(server: &Server, reply: &Reply) -> bool {
    server.lines_of(&reply.corr_id()).iter().any(|line| line["level"] == "WARN")
}

#[test]
fn outside_the_key_alone_decides_and_tenant_headers_are_dropped_with_a_warning() {
    let server = server();
    assert_eq!(server.external(&asked(&[("X-API-KEY", canary::API_KEY)])).unwrap().status, 200);
    for headers in [vec![], vec![("x-api-key", "")], vec![("x-api-key", "nobody's")]] {
        assert_eq!(told(&server.external(&asked(&headers)).unwrap()), (401, Some(10)));
    }
    let query =
        Request::new("GET", &format!("{OPEN_FOR}?x-api-key={}", canary::API_KEY)).header("cookie", "x-api-key=1");
    assert_eq!(told(&server.external(&query).unwrap()), (401, Some(10)), "a request header only");
    let both = server.external(&asked(&[("x-api-key", canary::API_KEY), ("ccid", OTHER_TENANT)])).unwrap();
    assert_eq!(both.status, 200, "the header was dropped before anything saw it");
    assert!(warned(&server, &both), "{:?}", server.lines_of(&both.corr_id()));
    assert!(!server.log().contains(OTHER_TENANT), "the value is not repeated");
}

#[test]
fn outside_tenant_headers_are_refused_when_that_is_configured() {
    let environment = vec![("GES_SERVER__TENANT_HEADERS".to_owned(), "reject".to_owned())];
    let server = start(&Plan { environment, ..Plan::of([Service::new(SERVICE)]) });
    let refused = server.external(&asked(&[("x-api-key", canary::API_KEY), ("ccid", TENANT)])).unwrap();
    assert_eq!(told(&refused), (403, Some(12)));
    let blank = server.external(&asked(&[("x-api-key", canary::API_KEY), ("ccid", "")])).unwrap();
    assert_eq!(blank.status, 200, "an empty value names nobody");
}

#[test]
fn inside_a_tenant_header_identifies_and_must_not_contradict_a_key() {
    let server = server();
    let ask = |headers: &[(&str, &str)]| server.internal(&asked(headers)).unwrap();
    assert_eq!(ask(&[("ccid", TENANT)]).status, 200);
    assert_eq!(ask(&[("CONTACTCENTERID", TENANT)]).status, 200);
    assert_eq!(ask(&[("x-api-key", canary::API_KEY), ("ccid", TENANT)]).status, 200);
    assert_eq!(told(&ask(&[("x-api-key", canary::API_KEY), ("ccid", OTHER_TENANT)])), (403, Some(12)));
    assert_eq!(told(&ask(&[("x-api-key", OTHER_KEY), ("ContactCenterId", TENANT)])), (403, Some(12)));
    assert_eq!(told(&ask(&[("ccid", "c0ffee00-0000-4000-8000-00000000dead")])), (400, Some(2)));
    assert_eq!(told(&ask(&[])), (401, Some(10)));
    assert_eq!(told(&ask(&[("x-api-key", OTHER_KEY)])), (400, Some(2)), "the service is another tenant's");
}
