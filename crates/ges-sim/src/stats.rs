//! The statistics service (integrations 4.5): values a test has set, figures of the floor, and for everything else a number
//! that wanders with time.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::SimClock;
use crate::desk::Desk;
use crate::floor::Mode;
use crate::gws::Gws;
use crate::lock::Lock;

/// How long a wandering value stays, in milliseconds.
const STEP_MS: u64 = 5_000;

/// What a test may put in place.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatsState {
    /// Values by `objectType/objectId/name`.
    #[serde(default)]
    values: BTreeMap<String, Value>,
}

/// The statistics service.
pub(crate) struct Stats {
    pub(crate) desk: Arc<Desk>,
    pub(crate) gws: Arc<Gws>,
    pub(crate) state: Lock<StatsState>,
    pub(crate) clock: SimClock,
}

pub(crate) fn router(stats: Arc<Stats>) -> Router {
    Router::new().route("/statistics/v3/operations/get-statistic-ex", post(get_statistic_ex)).with_state(stats)
}

fn refused(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "status": { "code": status.as_u16(), "message": message } }))).into_response()
}

async fn get_statistic_ex(State(stats): State<Arc<Stats>>, headers: HeaderMap, body: Bytes) -> Response {
    if !stats.gws.admits(&headers) {
        return refused(StatusCode::UNAUTHORIZED, "no valid token");
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(asked) = body["data"]["statistics"].as_array() else {
        return refused(StatusCode::BAD_REQUEST, "data.statistics is missing");
    };
    let mut told = Vec::with_capacity(asked.len());
    for one in asked {
        let text = |field: &str| one[field].as_str().filter(|text| !text.is_empty());
        let (Some(id), Some(kind)) = (text("objectId"), text("objectType")) else {
            return refused(StatusCode::BAD_REQUEST, "objectId and objectType are required");
        };
        if text("name").is_none() && !one["definition"].is_object() {
            return refused(StatusCode::BAD_REQUEST, "name or definition is required");
        }
        let mut entry = one.clone();
        entry["timestamp"] = stats.clock.now().into();
        entry["value"] = stats.value(kind, id, text("name").unwrap_or("definition"));
        told.push(entry);
    }
    Json(json!({ "status": { "code": 0 }, "data": { "statistics": told } })).into_response()
}

impl Stats {
    fn value(&self, kind: &str, id: &str, name: &str) -> Value {
        if let Some(set) = self.state.lock().values.get(&format!("{kind}/{id}/{name}")) {
            return set.clone();
        }
        if kind == "Queue"
            && let Some(view) = self.desk.queue(id, Mode::Mode2, false)
        {
            match name {
                "CurrNumberWaitingCalls" => return view.waiting.into(),
                "CurrNumberAgentsLoggedIn" => return view.agents.into(),
                "CurrNumberAgentsReady" => return view.ready.into(),
                _ => {}
            }
        }
        let mut hasher = DefaultHasher::new();
        (kind, id, name).hash(&mut hasher);
        let (seed, step) = (hasher.finish() % 50, self.clock.now() / STEP_MS);
        (seed + (seed + step) % 7).into()
    }
}
