//! Google reCAPTCHA: siteverify and Enterprise assessments (integrations 7.6).
//!
//! The token says what is answered: `pass` or `pass-…`, `fail`, `expired`, `dup…` (accepted once), `score-0.3`, `action-login`,
//! `slow` (four seconds), `boom` (a server error).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::{SimClock, rfc3339};
use crate::lock::Lock;

/// The secret, and the key of assessments, that are accepted.
const SECRET: &str = "good-secret";
/// Longer than any client waits.
const SLOW: Duration = Duration::from_secs(4);
const HOST: &str = "www.example.com";

/// Everything about reCAPTCHA.
pub(crate) struct Recaptcha {
    clock: SimClock,
    used: Lock<HashSet<String>>,
    state: Lock<RecaptchaState>,
}

/// What a test may put in place: the secret that is accepted, the host that is told, and tokens that stand for others.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RecaptchaState {
    secret: String,
    hostname: String,
    /// Tokens by name, each with the token of this list it is judged as.
    tokens: BTreeMap<String, String>,
}

impl Default for RecaptchaState {
    fn default() -> Self {
        Self { secret: SECRET.into(), hostname: HOST.into(), tokens: BTreeMap::new() }
    }
}

/// What is said of a token.
enum Verdict {
    Valid { score: f64, action: String },
    Invalid { code: &'static str, reason: &'static str },
    Broken,
}

impl Recaptcha {
    pub(crate) fn new(clock: SimClock) -> Self {
        Self { clock, used: Lock::default(), state: Lock::default() }
    }

    /// Puts a state in place; tokens that were used may come again.
    pub(crate) fn replace(&self, state: RecaptchaState) {
        *self.state.lock() = state;
        self.used.lock().clear();
    }

    async fn judge(&self, token: &str) -> Verdict {
        let told = self.state.lock().tokens.get(token).cloned();
        self.judge_as(token, told.as_deref().unwrap_or(token)).await
    }

    /// What a token gets that behaves like `habit`.
    async fn judge_as(&self, token: &str, habit: &str) -> Verdict {
        let valid = |score, action: &str| Verdict::Valid { score, action: action.to_owned() };
        let duplicate = Verdict::Invalid { code: "timeout-or-duplicate", reason: "DUPE" };
        match habit {
            "" => Verdict::Invalid { code: "missing-input-response", reason: "MISSING" },
            "boom" => Verdict::Broken,
            "expired" => Verdict::Invalid { code: "timeout-or-duplicate", reason: "EXPIRED" },
            "slow" => {
                tokio::time::sleep(SLOW).await;
                valid(0.9, "callback")
            }
            _ if habit.starts_with("dup") => match self.used.lock().insert(token.to_owned()) {
                true => valid(0.9, "callback"),
                false => duplicate,
            },
            _ if habit == "pass" || habit.starts_with("pass-") => valid(0.9, "callback"),
            _ => match (habit.strip_prefix("score-"), habit.strip_prefix("action-")) {
                (Some(score), _) => valid(score.parse().unwrap_or(0.0), "callback"),
                (_, Some(action)) => valid(0.9, action),
                _ => Verdict::Invalid { code: "invalid-input-response", reason: "MALFORMED" },
            },
        }
    }
}

/// Both interfaces on one port.
pub(crate) fn router(recaptcha: Arc<Recaptcha>) -> Router {
    Router::new()
        .route("/recaptcha/api/siteverify", post(siteverify))
        .route("/v1/projects/{project}/assessments", post(assess))
        .with_state(recaptcha)
}

#[derive(Deserialize)]
struct Verify {
    #[serde(default)]
    secret: String,
    #[serde(default)]
    response: String,
}

async fn siteverify(State(recaptcha): State<Arc<Recaptcha>>, Form(verify): Form<Verify>) -> Response {
    let failed = |code: &str| Json(json!({ "success": false, "error-codes": [code] })).into_response();
    let RecaptchaState { secret, hostname, .. } = recaptcha.state.lock().clone();
    if verify.secret != secret {
        return failed("invalid-input-secret");
    }
    let at = rfc3339(recaptcha.clock.now());
    match recaptcha.judge(&verify.response).await {
        Verdict::Valid { score, action } => {
            let answer =
                json!({ "success": true, "challenge_ts": at, "hostname": hostname, "score": score, "action": action });
            Json(answer).into_response()
        }
        Verdict::Invalid { code, .. } => failed(code),
        Verdict::Broken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Deserialize)]
struct ApiKey {
    #[serde(default)]
    key: String,
}

async fn assess(
    State(recaptcha): State<Arc<Recaptcha>>,
    Path(project): Path<String>,
    Query(ApiKey { key }): Query<ApiKey>,
    Json(request): Json<Value>,
) -> Response {
    let RecaptchaState { secret, hostname, .. } = recaptcha.state.lock().clone();
    if key != secret {
        return (StatusCode::FORBIDDEN, Json(json!({ "error": { "status": "PERMISSION_DENIED" } }))).into_response();
    }
    let at = rfc3339(recaptcha.clock.now());
    let properties = match recaptcha.judge(request["event"]["token"].as_str().unwrap_or_default()).await {
        Verdict::Broken => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Verdict::Valid { score, action } => {
            (json!({ "valid": true, "hostname": hostname, "action": action, "createTime": at }), score)
        }
        Verdict::Invalid { reason, .. } => (json!({ "valid": false, "invalidReason": reason }), 0.0),
    };
    Json(json!({
        "name": format!("projects/{project}/assessments/1"), "event": request["event"], "tokenProperties": properties.0,
        "riskAnalysis": { "score": properties.1, "reasons": [] },
    }))
    .into_response()
}
