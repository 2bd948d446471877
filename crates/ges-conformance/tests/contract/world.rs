//! What most tests start with.

use ges_conformance::{Plan, Server, Service, canary};
use serde_json::{Value, json};

/// The service of the documented examples.
pub(crate) const SERVICE: &str = "VQ_Support";

/// A pod with the documented service.
pub(crate) fn server() -> Server {
    start(&Plan::of([Service::new(SERVICE)]))
}

/// A pod.
pub(crate) fn start(plan: &Plan) -> Server {
    Server::start(plan).expect("the programs are built and start")
}

/// The smallest booking, with a number of its own.
pub(crate) fn booking(service: &str, number: u16) -> Value {
    json!({ "serviceName": service, "phoneNumber": canary::phone(number) })
}

/// The same with a desired time.
pub(crate) fn scheduled(service: &str, number: u16, at: &str) -> Value {
    json!({ "serviceName": service, "phoneNumber": canary::phone(number), "desiredTime": at })
}
