//! Push providers: Google's token endpoint and FCM on one port, Nexus on another, one ledger behind both (integrations 6.7).
//!
//! What a token begins with says what becomes of its messages: `unreg-` is gone, `quota-` and `unavail-` fail twice, `mismatch-`
//! belongs to somebody else, `bad-` is none, `slow-` takes six seconds; everything else is accepted.
//! A test may say otherwise for single tokens.

mod ledger;
mod nexus;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::SimClock;
use crate::lock::Lock;
use ledger::Ledger;
pub(crate) use nexus::{NexusState, router as nexus};

/// Longer than any client waits.
const SLOW: Duration = Duration::from_secs(6);
/// How often `quota-` and `unavail-` fail.
const FAILURES: u32 = 2;

/// Everything about pushes.
pub(crate) struct Fcm {
    clock: SimClock,
    /// Where tokens are given out, which assertions have to name.
    token_uri: String,
    tokens: Lock<Vec<String>>,
    ledger: Lock<Ledger>,
    pub(crate) state: Lock<FcmState>,
    pub(crate) nexus: Lock<NexusState>,
}

/// What a test may put in place: what becomes of messages to these tokens, whatever they begin with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FcmState {
    tokens: BTreeMap<String, Habit>,
}

/// How a phone takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Habit {
    Ok,
    Unreg,
    Quota,
    Unavail,
    Mismatch,
    Bad,
    Slow,
}

impl Habit {
    /// What the beginning of a token says.
    fn of(token: &str) -> Self {
        match token.split('-').next().unwrap_or_default() {
            "unreg" => Self::Unreg,
            "quota" => Self::Quota,
            "unavail" => Self::Unavail,
            "mismatch" => Self::Mismatch,
            "bad" => Self::Bad,
            "slow" => Self::Slow,
            _ => Self::Ok,
        }
    }
}

/// What becomes of a message.
enum Fate {
    Accepted(String),
    Refused(StatusCode, &'static str, &'static str),
}

impl Fcm {
    pub(crate) fn new(clock: SimClock, token_uri: String) -> Self {
        Self {
            clock,
            token_uri,
            tokens: Lock::default(),
            ledger: Lock::default(),
            state: Lock::default(),
            nexus: Lock::default(),
        }
    }

    pub(crate) fn reset(&self) {
        *self.ledger.lock() = Ledger::default();
        self.tokens.lock().clear();
        *self.state.lock() = FcmState::default();
        *self.nexus.lock() = NexusState::default();
    }

    /// What phones show: one entry per target and tag, with how often it was sent.
    pub(crate) fn shown(&self) -> Value {
        self.ledger.lock().shown()
    }

    /// A service account whose key this simulator accepts.
    pub(crate) fn service_account(&self) -> Value {
        token::service_account(&self.token_uri)
    }

    async fn deliver(&self, target: &str, message: &Value, validate_only: bool) -> Fate {
        let refused = |status, code, sentence| Fate::Refused(status, code, sentence);
        let told = self.state.lock().tokens.get(target).copied();
        match told.unwrap_or_else(|| Habit::of(target)) {
            Habit::Unreg => return refused(StatusCode::NOT_FOUND, "UNREGISTERED", "Requested entity was not found."),
            Habit::Mismatch => return refused(StatusCode::FORBIDDEN, "SENDER_ID_MISMATCH", "SenderId mismatch"),
            Habit::Bad => {
                let sentence = "The registration token is not a valid FCM registration token";
                return refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", sentence);
            }
            Habit::Slow => tokio::time::sleep(SLOW).await,
            Habit::Quota if self.ledger.lock().fails(target, FAILURES) => {
                return refused(StatusCode::TOO_MANY_REQUESTS, "QUOTA_EXCEEDED", "Quota exceeded.");
            }
            Habit::Unavail if self.ledger.lock().fails(target, FAILURES) => {
                return refused(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "The service is unavailable.");
            }
            Habit::Ok | Habit::Quota | Habit::Unavail => {}
        }
        let name = self.ledger.lock().accept(target, message, validate_only, self.clock.now());
        Fate::Accepted(name)
    }
}

/// The token endpoint and `messages:send`.
pub(crate) fn router(fcm: Arc<Fcm>) -> Router {
    Router::new().route("/token", post(token::grant)).route("/v1/projects/{project}/{act}", post(send)).with_state(fcm)
}

fn refuse(status: StatusCode, code: Option<&str>, sentence: &str) -> Response {
    let details =
        code.map(|code| json!([{ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code }]));
    let error = json!({ "code": status.as_u16(), "message": sentence, "details": details.unwrap_or(json!([])) });
    let mut answer = (status, Json(json!({ "error": error }))).into_response();
    if code == Some("QUOTA_EXCEEDED") {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

async fn send(
    State(fcm): State<Arc<Fcm>>,
    Path((project, act)): Path<(String, String)>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    if act != "messages:send" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !bearer.is_some_and(|token| fcm.tokens.lock().iter().any(|given| given == token)) {
        return refuse(StatusCode::UNAUTHORIZED, None, "Request had invalid authentication credentials.");
    }
    let message = &request["message"];
    let Some(target) = message["token"].as_str().filter(|target| !target.is_empty()) else {
        return refuse(StatusCode::BAD_REQUEST, Some("INVALID_ARGUMENT"), "The message has no registration token");
    };
    match fcm.deliver(target, message, request["validate_only"] == true).await {
        Fate::Accepted(name) => Json(json!({ "name": format!("projects/{project}/messages/{name}") })).into_response(),
        Fate::Refused(status, code, sentence) => refuse(status, Some(code), sentence),
    }
}
