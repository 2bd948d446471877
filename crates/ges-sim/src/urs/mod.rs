//! The router's wait estimates (integrations 3): two listeners, answers from seeded state, else from the floor.

mod crowd;
mod state;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

pub(crate) use state::UrsState;

use crate::clock::SimClock;
use crate::desk::Desk;
use crate::floor::{Estimate, Mode, QueueView};
use crate::gws::Gws;
use crate::lock::Lock;

/// The router's figure for "cannot tell".
const CANNOT_TELL: u64 = 10_000;

/// Which of the pair a listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    First,
    Second,
}

/// The pair of routers.
pub(crate) struct Urs {
    pub(crate) desk: Arc<Desk>,
    pub(crate) gws: Arc<Gws>,
    pub(crate) state: Lock<UrsState>,
    pub(crate) clock: SimClock,
}

/// One router of the pair, listening on this port.
pub(crate) fn router(urs: Arc<Urs>, node: Node, port: u16) -> Router {
    Router::new()
        .route("/urs/help/{*rest}", get(|| async { "lvq" }))
        .route("/urs/call/{connection}/lvq/{queue}", get(by_path))
        .route("/urs/call/{connection}/lvq", get(by_query))
        .with_state((urs, node, port))
}

type Side = State<(Arc<Urs>, Node, u16)>;

async fn by_path(
    side: Side,
    Path((_, queue)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    answer(&side, &queue, &query)
}

async fn by_query(side: Side, Query(query): Query<HashMap<String, String>>) -> Response {
    match query.get("name") {
        Some(queue) => answer(&side, queue, &query),
        None => (StatusCode::BAD_REQUEST, Json(json!({ "error": "no queue named" }))).into_response(),
    }
}

fn answer(State((urs, node, port)): &Side, queue: &str, query: &HashMap<String, String>) -> Response {
    let mut state = urs.state.lock();
    if !state.is_primary(*node, *port) {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": "backup" }))).into_response();
    }
    let tenant = query.get("tenant").map(String::as_str);
    let known = |name: &str| urs.gws.seed.lock().tenants.iter().any(|tenant| tenant.name == name);
    if tenant.is_some_and(|tenant| !state.knows(tenant) && !known(tenant)) {
        return (StatusCode::NOT_FOUND, Json(json!({ "error": "unknown tenant" }))).into_response();
    }
    if let Some(seeded) = state.answer(tenant, queue, urs.clock.now()) {
        return Json(seeded).into_response();
    }
    let mode = Mode::from_method(query.get("aqt").map_or("", String::as_str));
    let on_hold = query.get("hold").is_some_and(|hold| hold == "true");
    let figures = urs.desk.queue(queue, mode, on_hold).map_or_else(unknown_queue, |view| figures(&view));
    Json(figures).into_response()
}

/// The answer for a queue of the floor; numbers travel as text.
fn figures(view: &QueueView) -> Value {
    let ewt = match view.wait {
        Estimate::Seconds(seconds) => seconds,
        Estimate::Unknown | Estimate::NoAgents => CANNOT_TELL,
    };
    let position = (view.waiting + 1).to_string();
    json!({
        "ewt": ewt.to_string(), "pos": position, "wpos": position, "calls": view.waiting.to_string(),
        "agents": view.agents.to_string(), "ready": view.ready.to_string(),
    })
}

fn unknown_queue() -> Value {
    json!({ "ewt": CANNOT_TELL.to_string(), "pos": "1", "wpos": "1" })
}
