//! The control plane (integrations 0.5): what tests order, and what they ask.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::desk::Desk;
use crate::fcm::Fcm;
use crate::floor::FloorSettings;
use crate::gws::Gws;
use crate::http::{Door, Fault, Faults};
use crate::ors::{Deed, Ors, Playbook, Scenario, Session};
use crate::recaptcha::{Recaptcha, RecaptchaState};
use crate::stats::{Stats, StatsState};
use crate::tenants::Seed;
use crate::urs::{Urs, UrsState};

/// Everything the control plane reaches.
pub(crate) struct Control {
    pub(crate) door: Arc<Door>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) ors: Arc<Ors>,
    pub(crate) urs: Arc<Urs>,
    pub(crate) gws: Arc<Gws>,
    pub(crate) fcm: Arc<Fcm>,
    pub(crate) recaptcha: Arc<Recaptcha>,
    pub(crate) stats: Arc<Stats>,
    /// What a reset goes back to.
    pub(crate) seed: Seed,
    pub(crate) floor: FloorSettings,
}

/// The routes of the control plane.
pub(crate) fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/_sim/reset", post(reset))
        .route("/_sim/requests", get(requests))
        .route("/_sim/faults", post(order_fault))
        .route("/_sim/faults/{id}", delete(remove_fault))
        .route("/_sim/state/{target}", put(put_state))
        .route("/_sim/fcm/ledger", get(push_ledger))
        .route("/_sim/fcm/service-account", get(service_account))
        .route("/_sim/ors/scenario", post(scenario))
        .route("/_sim/ors/sessions", get(sessions))
        .route("/_sim/ors/sessions/{sid}/{action}", post(act))
        .with_state(control)
}

fn bad(reason: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": reason }))).into_response()
}

fn done() -> Response {
    Json(json!({})).into_response()
}

async fn reset(State(control): State<Arc<Control>>) -> Response {
    control.door.faults.lock().clear();
    control.door.recordings.lock().clear();
    control.ors.reset();
    control.fcm.reset();
    control.recaptcha.replace(RecaptchaState::default());
    control.gws.replace(control.seed.clone());
    *control.urs.state.lock() = UrsState::default();
    *control.stats.state.lock() = StatsState::default();
    control.desk.restaff(control.floor.clone());
    done()
}

async fn requests(State(control): State<Arc<Control>>, Query(query): Query<HashMap<String, String>>) -> Response {
    let (mut target, mut since) = (None, 0);
    // A question about a misspelt target would be answered with nothing, which a test may well expect.
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        match (name.as_str(), value.parse()) {
            ("target", _) if Faults::know(value) => target = Some(value.as_str()),
            ("target", _) => return bad(&format!("there is no target {value:?}")),
            ("since", Ok(number)) => since = number,
            _ => return bad(&format!("{name}={value:?} does not read")),
        }
    }
    Json(control.door.recordings.lock().since(target, since)).into_response()
}

async fn order_fault(State(control): State<Arc<Control>>, Json(fault): Json<Value>) -> Response {
    match serde_json::from_value::<Fault>(fault) {
        Ok(fault) if !Faults::know(&fault.target) => bad(&format!("there is no target {:?}", fault.target)),
        Ok(fault) if fault.status.is_some_and(|status| !(200..600).contains(&status)) => {
            bad("status is from 200 to 599")
        }
        Ok(fault) => Json(json!({ "id": control.door.faults.lock().order(fault) })).into_response(),
        Err(error) => bad(&error.to_string()),
    }
}

async fn remove_fault(State(control): State<Arc<Control>>, Path(id): Path<u64>) -> Response {
    if control.door.faults.lock().remove(id) { done() } else { StatusCode::NOT_FOUND.into_response() }
}

async fn put_state(
    State(control): State<Arc<Control>>,
    Path(target): Path<String>,
    Json(document): Json<Value>,
) -> Response {
    let put = match target.as_str() {
        "ors" => match Playbook::read(document) {
            Ok(playbook) => {
                *control.ors.playbook.lock() = playbook;
                return done();
            }
            Err(error) => return bad(&told(&error)),
        },
        "urs" => UrsState::read(document).map(|state| *control.urs.state.lock() = state),
        "stats" => serde_json::from_value(document).map(|state| *control.stats.state.lock() = state),
        "env" | "auth" | "conf" | "gws" => serde_json::from_value(document).map(|seed| control.gws.replace(seed)),
        "floor" => serde_json::from_value(document).map(|floor| control.desk.restaff(floor)),
        "fcm" => serde_json::from_value(document).map(|state| *control.fcm.state.lock() = state),
        "nexus" => serde_json::from_value(document).map(|state| *control.fcm.nexus.lock() = state),
        "recaptcha" => serde_json::from_value(document).map(|state| control.recaptcha.replace(state)),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    put.map_or_else(|error| bad(&error.to_string()), |()| done())
}

/// An error with its cause.
fn told(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// What phones show, one entry per target and tag, with how often it was sent.
async fn push_ledger(State(control): State<Arc<Control>>) -> Response {
    Json(control.fcm.shown()).into_response()
}

/// A credential for the simulated Google, as a tenant would provision it.
async fn service_account(State(control): State<Arc<Control>>) -> Response {
    Json(control.fcm.service_account()).into_response()
}

/// `{"service":…, "name":"happy"}`, `{"service":…, "name":"floor"}`, or a whole script; without `service` the default.
async fn scenario(State(control): State<Arc<Control>>, Json(mut document): Json<Map<String, Value>>) -> Response {
    let service = document.remove("service").and_then(|name| name.as_str().map(str::to_owned));
    let scenario = match Scenario::read(document.remove("name").unwrap_or(Value::Object(document))) {
        Ok(scenario) => scenario,
        Err(error) => return bad(&told(&error)),
    };
    control.ors.playbook.lock().set(service, scenario);
    done()
}

async fn sessions(State(control): State<Arc<Control>>) -> Response {
    let now = control.ors.clock.now();
    let shown = |session: Arc<Session>| {
        let mut shown = session.describe(&control.desk, now);
        shown["userData"] = session.user_data();
        shown
    };
    Json(control.ors.sessions().into_iter().map(shown).collect::<Vec<_>>()).into_response()
}

async fn act(State(control): State<Arc<Control>>, Path((sid, action)): Path<(String, String)>) -> Response {
    let Some(session) = control.ors.session(&sid) else { return StatusCode::NOT_FOUND.into_response() };
    match action.as_str() {
        "advance" => session.advance(&control.desk),
        "complete" => {
            control.desk.cut(&session.id);
            session.tell(Deed::Finish("AGENT_CONNECTED".into()));
        }
        "lose" => session.lose(&control.desk),
        "hang" => session.hang(),
        _ => return StatusCode::NOT_FOUND.into_response(),
    }
    done()
}
