//! The REST interface of a node on 9098 (integrations 1.3, 1.4).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::entry::{Start, text};
use super::session::{CancelReply, Reach};
use super::{Ors, Session};

/// The routes of a node.
pub(crate) fn router(ors: Arc<Ors>) -> Router {
    Router::new()
        .route("/scxml/session/start", post(start))
        .route("/scxml/session/{sid}/event/{name}", post(event))
        .route("/scxml/session/{sid}/request/{name}", post(request).get(request))
        .route("/scxml/session/{sid}/query", get(query))
        .route("/scxml/session/{sid}/terminate", post(terminate))
        .route("/ors/help", get(|| async { "start event request query terminate" }))
        .with_state(ors)
}

/// Decodes `application/x-www-form-urlencoded`; the last value of a name wins.
pub(crate) fn form(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// Parameters from the query, then from a JSON or form body.
fn parameters(query: BTreeMap<String, String>, headers: &HeaderMap, body: &[u8]) -> Option<Map<String, Value>> {
    let mut all: Map<String, Value> = query.into_iter().map(|(key, value)| (key, value.into())).collect();
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media.starts_with("application/json") && !body.is_empty() {
        all.extend(serde_json::from_slice::<Map<String, Value>>(body).ok()?);
    } else {
        all.extend(form(body).into_iter().map(|(key, value)| (key, value.into())));
    }
    Some(all)
}

/// The session if it answers at all; else what its node says, in its own time.
async fn reached(ors: &Ors, sid: &str) -> Result<Arc<Session>, Response> {
    let gone = || StatusCode::NOT_FOUND.into_response();
    let session = ors.session(sid).ok_or_else(gone)?;
    tokio::time::sleep(session.answer_delay()).await;
    match session.reach() {
        Reach::Answers => Ok(session),
        Reach::Gone => Err(gone()),
        Reach::Hangs => Err(silence(ors).await),
    }
}

/// No answer until the caller gives up, or the simulator stops.
async fn silence(ors: &Ors) -> Response {
    ors.stop.cancelled().await;
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

async fn event(
    State(ors): State<Arc<Ors>>,
    Path((sid, name)): Path<(String, String)>,
    Query(params): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let session = match reached(&ors, &sid).await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let Some(params) = parameters(params, &headers, &body) else { return StatusCode::BAD_REQUEST.into_response() };
    match name.as_str() {
        "callback.cancel" => {
            let reason = params.get("_reason").and_then(text).unwrap_or_else(|| "CANCELLED".into());
            return leaves(&ors, session.cancel(&ors.desk, reason)).await;
        }
        "callback.reschedule" => return leaves(&ors, session.reschedule(&ors.desk)).await,
        "callback.pause" => session.hold(&ors.desk, true),
        "callback.resume" => session.hold(&ors.desk, false),
        "callback.callin" => session.called_in(&ors.desk, params.get("_call_in_id").and_then(text)),
        "callback.priority" => {
            if let Some(priority) = params.get("_priority").and_then(text).and_then(|text| text.parse().ok()) {
                session.prioritise(&ors.desk, priority);
            }
        }
        "callback.userdata" => match params.get("_user_data") {
            Some(Value::Object(user_data)) => session.replace_user_data(user_data.clone()),
            _ => return (StatusCode::BAD_REQUEST, Json(json!({ "error": "_user_data is no object" }))).into_response(),
        },
        // Other events mean nothing to it.
        _ => {}
    }
    StatusCode::OK.into_response()
}

async fn leaves(ors: &Ors, reply: CancelReply) -> Response {
    match reply {
        CancelReply::Accepted => StatusCode::OK.into_response(),
        CancelReply::Connected => (StatusCode::CONFLICT, Json(json!({ "error": "agent connected" }))).into_response(),
        CancelReply::Gone => StatusCode::NOT_FOUND.into_response(),
        CancelReply::Hangs => silence(ors).await,
    }
}

async fn request(State(ors): State<Arc<Ors>>, Path((sid, name)): Path<(String, String)>) -> Response {
    let session = match reached(&ors, &sid).await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    match name.as_str() {
        "check-queue-position" => Json(session.queue_position(&ors.desk, ors.clock.now())).into_response(),
        _ => (StatusCode::BAD_REQUEST, Json(json!({ "error": "the session has no such request" }))).into_response(),
    }
}

async fn query(State(ors): State<Arc<Ors>>, Path(sid): Path<String>) -> Response {
    match reached(&ors, &sid).await {
        Ok(session) => Json(session.describe(&ors.desk, ors.clock.now())).into_response(),
        Err(answer) => answer,
    }
}

async fn terminate(State(ors): State<Arc<Ors>>, Path(sid): Path<String>) -> Response {
    match reached(&ors, &sid).await {
        Ok(session) => {
            session.lose(&ors.desk);
            StatusCode::OK.into_response()
        }
        Err(answer) => answer,
    }
}

/// Starts a session without the stream, for laboratories. It binds like any other.
async fn start(
    State(ors): State<Arc<Ors>>,
    Query(params): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(params) = parameters(params, &headers, &body) else { return StatusCode::BAD_REQUEST.into_response() };
    let mut start = Start::from_particulars(&params);
    if start.ges_url.is_empty() {
        start.ges_url = ors.ges_url.clone().unwrap_or_default();
    }
    if start.service_id.is_empty() || start.ges_url.is_empty() || !params.contains_key("src") {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "src, _service_id and a GES URL are needed" })))
            .into_response();
    }
    let scenario = ors.playbook.lock().of(&start.service_name);
    let (session, deeds) = Session::new(start, scenario, ors.clock.now());
    ors.keep(session.clone());
    let cookie = format!("ORSSESSIONID={}.node1; Path=/", session.id);
    let answer = Json(json!({ "sessionId": session.id }));
    let node = ors.clone();
    ors.tasks.spawn(async move {
        match node.stop.run_until_cancelled(session.bind(&node)).await {
            Some(super::storage::Told::Accepted) => session.live(&node, deeds).await,
            _ => session.end(&node),
        }
    });
    ([(header::SET_COOKIE, cookie)], answer).into_response()
}
