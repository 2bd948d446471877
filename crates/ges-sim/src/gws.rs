//! The authentication service (tokens by client credentials or password, integrations 4.2.1) and the environment service (4.3).

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::lock::Lock;
use crate::tenants::{Seed, SeededTenant, TenantSetting};
use crate::words;

/// Tokens that are good at the same time; the oldest is forgotten first.
const TOKENS: usize = 1_000;

/// What both services know.
pub(crate) struct Gws {
    pub(crate) seed: Lock<Seed>,
    tokens: Lock<VecDeque<String>>,
}

impl Gws {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed: Lock::new(seed), tokens: Lock::new(VecDeque::new()) }
    }

    /// Puts other tenants and clients in place and takes all tokens back.
    pub(crate) fn replace(&self, seed: Seed) {
        *self.seed.lock() = seed;
        self.tokens.lock().clear();
    }

    fn issue(&self) -> String {
        let token = words::token();
        let mut tokens = self.tokens.lock();
        tokens.push_back(token.clone());
        if tokens.len() > TOKENS {
            tokens.pop_front();
        }
        token
    }

    /// A new token with everything an answer has.
    fn grant(&self) -> Response {
        Json(json!({ "access_token": self.issue(), "token_type": "bearer", "expires_in": 43_199, "scope": "*" }))
            .into_response()
    }

    /// Whether the caller shows a token that was issued here.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = shown.and_then(|value| value.strip_prefix("Bearer "));
        token.is_some_and(|token| self.tokens.lock().iter().any(|issued| issued == token))
    }
}

/// The authentication service.
pub(crate) fn auth(gws: Arc<Gws>) -> Router {
    Router::new()
        .route("/auth/v3/oauth/token", post(token))
        .route("/auth/v3/ping", get(|| async { Json(json!({ "status": { "code": 0 } })) }))
        .with_state(gws)
}

/// The environment service.
pub(crate) fn environment(gws: Arc<Gws>) -> Router {
    Router::new()
        .route("/environment/v3/environments", get(environments))
        .route("/environment/v3/contact-centers", get(contact_centers))
        .route("/environment/v3/contact-centers/{ccid}", get(contact_center))
        .route("/environment/v3/contact-centers/api-key/{key}", get(by_key))
        .route("/environment/v3/contact-centers/{ccid}/api-keys", get(keys).post(add_key))
        .route("/environment/v3/contact-centers/{ccid}/api-keys/{key}", delete(remove_key))
        .route("/environment/v3/contact-centers/{ccid}/settings", get(settings).post(put_setting))
        .layer(axum::middleware::from_fn_with_state(gws.clone(), only_with_token))
        .with_state(gws)
}

async fn only_with_token(
    State(gws): State<Arc<Gws>>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    if gws.admits(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, Json(json!({ "status": { "code": 401, "message": "no valid token" } }))).into_response()
}

async fn token(State(gws): State<Arc<Gws>>, headers: HeaderMap, body: Bytes) -> Response {
    let refuse = |status: StatusCode, error: &str| (status, Json(json!({ "error": error }))).into_response();
    let Some((id, secret)) = basic(&headers) else { return refuse(StatusCode::UNAUTHORIZED, "invalid_client") };
    if !gws.seed.lock().clients.iter().any(|client| client.id == id && client.secret == secret) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let form = crate::ors::form(&body);
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => gws.grant(),
        Some("password") => {
            let (name, password) = (form.get("username"), form.get("password"));
            let own = |name: &str| name.rsplit(['\\', '/']).next().unwrap_or_default().to_owned();
            let known = gws.seed.lock().users.iter().any(|user| {
                name.is_some_and(|name| own(name) == user.name || *name == user.name)
                    && password == Some(&user.password)
            });
            if known { gws.grant() } else { refuse(StatusCode::BAD_REQUEST, "invalid_grant") }
        }
        Some(_) => refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        None => refuse(StatusCode::BAD_REQUEST, "invalid_request"),
    }
}

/// Name and password of HTTP Basic.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let text = String::from_utf8(base64(value.strip_prefix("Basic ")?)?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.into(), secret.into()))
}

/// Decodes RFC 4648 base64 with or without padding; none when a character does not belong.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for symbol in text.trim_end_matches('=').bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn done(data: Value) -> Response {
    Json(json!({ "status": { "code": 0 }, "data": data })).into_response()
}

fn absent() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "status": { "code": 404, "message": "not found" } }))).into_response()
}

fn shown(tenant: &SeededTenant) -> Value {
    json!({ "id": tenant.id, "environmentId": tenant.id, "domains": [tenant.domain], "auth": "configServer" })
}

fn of_tenant(gws: &Gws, ccid: &str, read: impl FnOnce(&SeededTenant) -> Value) -> Response {
    gws.seed.lock().tenants.iter().find(|tenant| tenant.id == ccid).map_or_else(absent, |tenant| done(read(tenant)))
}

async fn environments(State(gws): State<Arc<Gws>>) -> Response {
    let shown = |tenant: &SeededTenant| {
        json!({ "id": tenant.id, "username": "default", "tenant": tenant.name, "appName": "Cloud",
                "connectionProtocol": "addp", "configServers": [] })
    };
    done(json!({ "environments": gws.seed.lock().tenants.iter().map(shown).collect::<Vec<_>>() }))
}

async fn contact_centers(State(gws): State<Arc<Gws>>) -> Response {
    done(json!({ "contactCenters": gws.seed.lock().tenants.iter().map(shown).collect::<Vec<_>>() }))
}

async fn contact_center(State(gws): State<Arc<Gws>>, Path(ccid): Path<String>) -> Response {
    of_tenant(&gws, &ccid, shown)
}

async fn by_key(State(gws): State<Arc<Gws>>, Path(key): Path<String>) -> Response {
    let seed = gws.seed.lock();
    seed.tenants.iter().find(|tenant| tenant.api_keys.contains(&key)).map_or_else(absent, |tenant| done(shown(tenant)))
}

async fn keys(State(gws): State<Arc<Gws>>, Path(ccid): Path<String>) -> Response {
    of_tenant(&gws, &ccid, |tenant| json!({ "apiKeys": tenant.api_keys }))
}

async fn add_key(State(gws): State<Arc<Gws>>, Path(ccid): Path<String>, Json(body): Json<Value>) -> Response {
    let Some(key) = body["data"]["apiKey"].as_str() else { return StatusCode::BAD_REQUEST.into_response() };
    change_tenant(&gws, &ccid, |tenant| tenant.api_keys.push(key.into()))
}

async fn remove_key(State(gws): State<Arc<Gws>>, Path((ccid, key)): Path<(String, String)>) -> Response {
    change_tenant(&gws, &ccid, |tenant| tenant.api_keys.retain(|kept| *kept != key))
}

async fn settings(State(gws): State<Arc<Gws>>, Path(ccid): Path<String>) -> Response {
    of_tenant(&gws, &ccid, |tenant| json!({ "settings": tenant.settings }))
}

async fn put_setting(State(gws): State<Arc<Gws>>, Path(ccid): Path<String>, Json(body): Json<Value>) -> Response {
    let Ok(setting) = serde_json::from_value::<TenantSetting>(body["data"].clone()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    change_tenant(&gws, &ccid, |tenant| {
        tenant.settings.retain(|kept| kept.name != setting.name);
        tenant.settings.push(setting);
    })
}

fn change_tenant(gws: &Gws, ccid: &str, change: impl FnOnce(&mut SeededTenant)) -> Response {
    match gws.seed.lock().tenants.iter_mut().find(|tenant| tenant.id == ccid) {
        Some(tenant) => {
            change(tenant);
            done(Value::Null)
        }
        None => absent(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_decode() {
        assert_eq!(base64("Z2VzX2NsaWVudDpzZWNyZXQ=").as_deref(), Some("ges_client:secret".as_bytes()));
        assert_eq!(base64("!"), None);
    }
}
