//! Nexus as a provider of pushes (integrations 6.6).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fate, Fcm, refuse};

/// The key of its only client.
const API_KEY: &str = "nexus-key";

/// What a test may put in place: the key that is accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NexusState {
    api_key: String,
}

impl Default for NexusState {
    fn default() -> Self {
        Self { api_key: API_KEY.into() }
    }
}

pub(crate) fn router(fcm: Arc<Fcm>) -> Router {
    Router::new().route("/nexus/v3/push/messages", post(send)).with_state(fcm)
}

async fn send(State(fcm): State<Arc<Fcm>>, headers: HeaderMap, Json(request): Json<Value>) -> Response {
    let known = headers.get("x-api-key").is_some_and(|key| key == fcm.nexus.lock().api_key.as_str());
    if !known || !headers.contains_key("contactcenterid") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Some(target) = request["target"].as_str().filter(|_| request["channel"] == "FCM") else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match fcm.deliver(target, &request["message"], request["validateOnly"] == true).await {
        Fate::Accepted(name) => Json(json!({ "status": { "code": 0 }, "data": { "name": name } })).into_response(),
        Fate::Refused(status, code, sentence) => refuse(status, Some(code), sentence),
    }
}
