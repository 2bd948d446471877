//! In front of every peer: writes down what was asked, and lets ordered faults happen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::faults::{Fault, Faults, Kind, TARGETS};
use super::recordings::{Recorded, Recordings};
use super::socket::{Cuttable, Scissors};
use crate::clock::{SimClock, rfc3339};
use crate::lock::Lock;

/// The largest request body a peer takes.
const BODY_BYTES: usize = 4 * 1024 * 1024;

/// What stands before the peers.
pub(crate) struct Door {
    pub(crate) clock: SimClock,
    pub(crate) faults: Lock<Faults>,
    pub(crate) recordings: Lock<Recordings>,
}

/// Serves one peer until stopped; open requests get to their end.
pub(crate) async fn serve(
    target: &'static str,
    listener: TcpListener,
    peer: Router,
    door: Arc<Door>,
    stop: CancellationToken,
) {
    debug_assert!(TARGETS.contains(&target), "{target} has no faults");
    let guarded = peer.layer(from_fn_with_state((target, door), intercept));
    let served = axum::serve(Cuttable(listener), guarded.into_make_service_with_connect_info::<Scissors>())
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(target = target, error = %error, "a simulated peer stopped serving");
    }
}

async fn intercept(
    State((target, door)): State<(&'static str, Arc<Door>)>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let headers: BTreeMap<String, String> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let recorded = Recorded {
        n: 0,
        target,
        at: rfc3339(door.clock.now()),
        method: head.method.to_string(),
        path: head.uri.path().into(),
        query: head.uri.query().unwrap_or_default().into(),
        headers,
        body: String::new(),
    };
    door.recordings.lock().keep(recorded, &body);
    let fault = door.faults.lock().meet(target, head.uri.path());
    let onwards = Request::from_parts(head, Body::from(body));
    match fault {
        None => next.run(onwards).await,
        Some(fault) => suffer(fault, &scissors, onwards, next).await,
    }
}

async fn suffer(fault: Fault, scissors: &Scissors, request: Request, next: Next) -> Response {
    tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    let mut answer = match fault.kind {
        Kind::Delay => next.run(request).await,
        Kind::Status => {
            let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
            status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE).into_response()
        }
        Kind::Garbage => ([(header::CONTENT_TYPE, "application/json")], "{\"ewt\": <<<\u{1}not json").into_response(),
        Kind::Drop => {
            scissors.close();
            StatusCode::OK.into_response()
        }
        Kind::Reset => {
            scissors.reset();
            StatusCode::OK.into_response()
        }
    };
    if let Some(seconds) = fault.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}
