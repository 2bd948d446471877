//! Google's token endpoint: an assertion signed with the simulator's own key buys an access token.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, http};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Fcm;
use crate::words;

/// Made for this simulator and good for nothing else.
const PRIVATE_KEY: &str = include_str!("key.pem");
const PUBLIC_KEY: &str = include_str!("key.pub.pem");
const EMAIL: &str = "push@ges-sim.iam.gserviceaccount.com";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Tokens kept; older ones are refused, as if they had expired.
const KEPT: usize = 100;

/// The file of a service account that this endpoint accepts.
pub(super) fn service_account(token_uri: &str) -> Value {
    json!({
        "type": "service_account", "project_id": "ges-sim", "client_email": EMAIL, "private_key_id": "sim-key-1",
        "private_key": PRIVATE_KEY, "token_uri": token_uri,
    })
}

#[derive(Deserialize)]
pub(super) struct Grant {
    grant_type: String,
    assertion: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
}

pub(super) async fn grant(State(fcm): State<Arc<Fcm>>, Form(grant): Form<Grant>) -> Response {
    if grant.grant_type != GRANT {
        return refuse("unsupported_grant_type");
    }
    let Ok(key) = DecodingKey::from_rsa_pem(PUBLIC_KEY.as_bytes()) else {
        return http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[&fcm.token_uri]);
    match jsonwebtoken::decode::<Claims>(&grant.assertion, &key, &validation) {
        Ok(assertion) if assertion.claims.iss == EMAIL => {}
        _ => return refuse("invalid_grant"),
    }
    let token = format!("ya29.{}", words::token());
    let mut tokens = fcm.tokens.lock();
    tokens.push(token.clone());
    let many = tokens.len().saturating_sub(KEPT);
    tokens.drain(..many);
    Json(json!({ "access_token": token, "expires_in": 3_599, "token_type": "Bearer" })).into_response()
}

fn refuse(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}
