//! `GET /ges/v1/sessions/{ccid}/{id}` on the internal listener: what is known of the session of a callback (F-30).
//!
//! Number and user data of the callback and names of staff are not in it. `query` is what the session's node said of it, letter by
//! letter (integrations 1.3): an application that puts something personal there shows it here.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::get;
use ges_domain::callback::{Actor, Callback, Change, SessionBinding, TimelineEvent};
use ges_domain::ports::Seen;
use ges_domain::use_cases::Diagnosis;
use ges_domain::{CallbackId, Refusal};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::answer::{Answer, Failure};
use crate::exchange::Exchange;
use crate::listener::Site;
use crate::path::segment;
use crate::staff::tenant;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/ges/v1/sessions/{ccid}/{id}", get(diagnose))
}

/// What is known. A field that has no value is null.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DiagnosisBody {
    callback_id: CallbackId,
    service_name: String,
    state: &'static str,
    reason: Option<String>,
    /// The session that has it.
    session: Option<SessionBody>,
    /// Sessions that gave it up, oldest first.
    former_sessions: Vec<String>,
    attempts: u32,
    submitted_at: Option<String>,
    dial_attempts: u32,
    /// False after five minutes of errors; null when nobody has heard of the session.
    ors_reachable: Option<bool>,
    /// When the session answered last.
    last_seen_at: Option<String>,
    position: Option<u32>,
    ewt: Option<u32>,
    /// The wish to cancel.
    cancel: Option<CancelBody>,
    /// What the session's node said of it; a text when it is no JSON, or was cut.
    query: Option<Box<RawValue>>,
    events: Vec<EventBody>,
}

#[derive(Debug, Serialize)]
struct SessionBody {
    id: String,
    /// Its node.
    url: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelBody {
    requested_at: String,
    reason: String,
    ors_cancel_confirmed: bool,
}

#[derive(Debug, Serialize)]
struct EventBody {
    seq: u64,
    at: String,
    by: &'static str,
    changes: Vec<ChangeBody>,
}

#[derive(Debug, Serialize)]
struct ChangeBody {
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

async fn diagnose(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Answer, Failure> {
    let tenant = tenant(&site, &exchange, &uri, &headers).await?;
    let named = segment(uri.path(), 4).unwrap_or_default();
    let id: CallbackId = named.parse().map_err(|_| Refusal::NotFound(named))?;
    exchange.note_callback(id);
    Ok(Answer::ok(&DiagnosisBody::from(site.api().diagnose.run(tenant, id).await?)))
}

impl From<Diagnosis> for DiagnosisBody {
    fn from(told: Diagnosis) -> Self {
        let Diagnosis { callback, seen, document, timeline } = told;
        let Callback { particulars, submission, .. } = &callback;
        let heard = |value: fn(&Seen) -> Option<u32>, kept| seen.as_ref().and_then(value).or(kept);
        let cancel = callback.cancel.as_ref().map(|wish| CancelBody {
            requested_at: wish.at.to_string(),
            reason: wish.reason.to_string(),
            ors_cancel_confirmed: wish.confirmed,
        });
        Self {
            callback_id: callback.id,
            service_name: callback.service.to_string(),
            state: callback.state.as_str(),
            reason: callback.reason.as_ref().map(ToString::to_string),
            session: callback.session.as_ref().map(SessionBody::from),
            former_sessions: particulars.former_sessions.iter().map(ToString::to_string).collect(),
            attempts: submission.attempts,
            submitted_at: submission.submitted_at.map(|at| at.to_string()),
            dial_attempts: callback.dial_attempts,
            ors_reachable: seen.as_ref().map(|seen| seen.reachable),
            last_seen_at: seen.as_ref().and_then(|seen| seen.at).map(|at| at.to_string()),
            position: heard(|seen| seen.place.position, callback.position),
            ewt: heard(|seen| seen.place.ewt, callback.ewt),
            cancel,
            query: document.map(query),
            events: timeline.iter().map(EventBody::from).collect(),
        }
    }
}

impl From<&SessionBinding> for SessionBody {
    fn from(session: &SessionBinding) -> Self {
        Self { id: session.id.to_string(), url: session.url.clone() }
    }
}

/// JSON as it came, anything else as a text.
fn query(document: String) -> Box<RawValue> {
    let text = |document: &str| to_raw_value(document).expect("invariant: a text has a JSON form");
    let parsed: Result<&RawValue, _> = serde_json::from_str(&document);
    parsed.map_or_else(|_| text(&document), ToOwned::to_owned)
}

impl From<&TimelineEvent> for EventBody {
    fn from(event: &TimelineEvent) -> Self {
        let by = match event.actor {
            Actor::Api => "API",
            Actor::Ui(_) => "UI",
            Actor::Ivr => "IVR",
            Actor::Session => "SESSION",
            Actor::Monitor => "MONITOR",
        };
        let changes = event.changes.iter().map(ChangeBody::from).collect();
        Self { seq: event.seq, at: event.at.to_string(), by, changes }
    }
}

impl From<&Change> for ChangeBody {
    fn from(change: &Change) -> Self {
        let (what, detail) = match change {
            Change::Booked => ("BOOKED", None),
            Change::Submitted { attempt } => ("SUBMITTED", Some(attempt.to_string())),
            Change::SessionBound { session, .. } => ("SESSION_BOUND", Some(session.to_string())),
            Change::SessionUnbound => ("SESSION_UNBOUND", None),
            Change::Moved { to } => ("MOVED", Some(to.as_str().to_owned())),
            Change::Dialed { attempts } => ("DIALED", Some(attempts.to_string())),
            Change::SessionSaw { seq } => ("SESSION_SAW", Some(seq.to_string())),
            // The names of fields may be those of user data.
            Change::Edited { fields } => ("EDITED", Some(fields.len().to_string())),
            Change::Rescheduled { to, .. } => ("RESCHEDULED", Some(to.to_string())),
            Change::CancelWished { reason } => ("CANCEL_WISHED", Some(reason.to_string())),
            Change::CancelRefused => ("CANCEL_REFUSED", None),
            Change::CancelConfirmed => ("CANCEL_CONFIRMED", None),
            Change::CancelCameTooLate => ("CANCEL_CAME_TOO_LATE", None),
            Change::HeardLate { state } => ("HEARD_LATE", Some(state.as_str().to_owned())),
            Change::CancelDropped => ("CANCEL_DROPPED", None),
            Change::MoveWished { to } => ("MOVE_WISHED", Some(to.to_string())),
            Change::MoveConfirmed => ("MOVE_CONFIRMED", None),
            Change::MoveDropped => ("MOVE_DROPPED", None),
            Change::Completed { reason } => ("COMPLETED", Some(reason.to_string())),
        };
        Self { what, detail }
    }
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
