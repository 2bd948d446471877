//! The public API `/engagement/v3`: one file per operation.

pub(crate) mod availability;
pub(crate) mod call_in;
pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod estimated_wait;
mod id_body;
pub(crate) mod open_for;
pub(crate) mod queue_status;
pub(crate) mod recent;
pub(crate) mod retrieve;
pub(crate) mod statistics;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use ges_domain::ServiceName;

use crate::answer::Failure;
use crate::fields::invalid;
use crate::identity::Caller;
use crate::listener::Site;
use crate::path::segment;

/// Every operation, and the two paths whose name is missing.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route(create::PATH, post(create::create))
        .route(retrieve::PATH, post(retrieve::retrieve))
        .route(cancel::PATH, post(cancel::cancel))
        .route(availability::PATH, get(availability::availability))
        .route(open_for::PATH, get(open_for::open_for))
        .route(queue_status::PATH, get(queue_status::queue_status))
        .route(estimated_wait::PATH, get(estimated_wait::estimated_wait_time))
        .route(call_in::PATH, post(call_in::request))
        .route(statistics::PATH, post(statistics::get_statistic_ex))
        .route(NAMELESS[0], get(nameless))
        .route(NAMELESS[1], get(nameless))
        .route(NAMELESS[2], get(queue_status::nameless))
}

/// Where every path of the public API begins.
pub(crate) const BASE: &str = "/engagement/v3/";

const NAMELESS: [&str; 3] = [
    "/engagement/v3/callbacks/availability/",
    "/engagement/v3/callbacks/open-for/",
    "/engagement/v3/callbacks/queue-status/",
];

/// The path templates of all operations.
pub(crate) const TEMPLATES: [&str; 9] = [
    create::PATH,
    retrieve::PATH,
    cancel::PATH,
    availability::PATH,
    open_for::PATH,
    queue_status::PATH,
    estimated_wait::PATH,
    call_in::PATH,
    statistics::PATH,
];

/// The template that counts requests of a matched route; none for routes that are not public.
pub(crate) fn template(matched: &str) -> Option<&'static str> {
    TEMPLATES
        .into_iter()
        .find(|template| *template == matched || NAMELESS.contains(&matched) && template.starts_with(matched))
}

/// A name is missing (engagement-api 2.5).
async fn nameless(_: Caller) -> Failure {
    invalid("service-name", "is missing from the path")
}

/// The service a path names in its last segment.
fn service_in(raw_path: &str) -> Result<ServiceName, Failure> {
    name_in(raw_path, "service-name")
}

/// As [`service_in`], under the name the operation gives it.
fn name_in(raw_path: &str, field: &'static str) -> Result<ServiceName, Failure> {
    let name = segment(raw_path, 4).ok_or_else(|| invalid(field, "is not valid percent-encoded text"))?;
    ServiceName::new(&name).map_err(|bad| invalid(field, bad.to_string()))
}
