//! `/ges/v1/health` on the internal listener (integrations 8.2).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;

use super::Overall;
use crate::answer::Answer;
use crate::listener::Site;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/ges/v1/health", get(summary))
        .route("/ges/v1/health/live", get(live))
        .route("/ges/v1/health/ready", get(ready))
        .route("/ges/v1/health/detail", get(detail))
}

#[derive(Debug, Serialize)]
struct StateBody {
    state: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<&'static str>,
}

async fn live(State(site): State<Arc<Site>>) -> Answer {
    match site.observed.health.live() {
        true => Answer::ok(&StateBody { state: "LIVE", reasons: Vec::new() }),
        false => unavailable("Not live", &StateBody { state: "NOT_LIVE", reasons: vec!["scheduler"] }),
    }
}

async fn ready(State(site): State<Arc<Site>>) -> Answer {
    let reasons = site.observed.health.not_ready();
    match reasons.is_empty() {
        true => Answer::ok(&StateBody { state: "READY", reasons }),
        false => unavailable("Not ready", &StateBody { state: "NOT_READY", reasons }),
    }
}

async fn summary(State(site): State<Arc<Site>>) -> Answer {
    let body = site.observed.health.summary();
    unless_down(body.overall, &body)
}

async fn detail(State(site): State<Arc<Site>>) -> Answer {
    let body = site.observed.health.detail();
    unless_down(body.overall, &body)
}

fn unless_down(overall: Overall, body: &impl Serialize) -> Answer {
    match overall {
        Overall::Up | Overall::Degraded => Answer::ok(body),
        Overall::Down => unavailable("Down", body),
    }
}

fn unavailable(message: &'static str, body: &impl Serialize) -> Answer {
    Answer::with(StatusCode::SERVICE_UNAVAILABLE, 1, message, body)
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
