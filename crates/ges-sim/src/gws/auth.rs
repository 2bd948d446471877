//! The authentication service (integrations 4.2).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::grants::invalid_grant;
use super::{Gws, absent, done, pages, refused};
use crate::tenants::{Seed, SeededClient, SeededUser};

/// The authentication service.
pub(crate) fn router(gws: Arc<Gws>) -> Router {
    Router::new()
        .route("/auth/v3/oauth/authorize", get(pages::authorize))
        .route("/auth/v3/oauth/token", post(token))
        .route("/auth/v3/userinfo", get(userinfo))
        .route("/auth/v3/openid/userinfo", get(openid_userinfo))
        .route("/auth/v3/jwt-userinfo", get(jwt_userinfo))
        .route("/auth/v3/ping", get(ping))
        .route("/auth/v3/sign-in", post(pages::sign_in))
        .route("/auth/sign-in.html", get(pages::sign_in_page))
        .route("/auth/v3/sign-out", get(pages::leave).post(sign_out))
        .route("/auth/v3/auth-scheme", post(auth_scheme))
        .route("/auth/v3/change-password", post(change_password))
        .route("/auth/v3/ops/clients", post(put_client).get(clients))
        .route("/auth/v3/ops/clients/{id}", get(client).put(put_client).delete(remove_client))
        .with_state(gws)
}

async fn token(State(gws): State<Arc<Gws>>, headers: HeaderMap, body: Bytes) -> Response {
    let refuse = |status: StatusCode, error: &str| (status, Json(json!({ "error": error }))).into_response();
    let Some((id, secret)) = basic(&headers) else { return refuse(StatusCode::UNAUTHORIZED, "invalid_client") };
    if !gws.seed.lock().clients.iter().any(|client| client.id == id && client.secret == secret) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let form = crate::ors::form(&body);
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    match field("grant_type") {
        "client_credentials" => gws.grant(None),
        "password" => {
            let user = gws.user(field("username")).filter(|user| user.password == field("password"));
            user.map_or_else(|| refuse(StatusCode::BAD_REQUEST, "invalid_grant"), |user| gws.grant(Some(&user.name)))
        }
        "authorization_code" if field("client_id") == id => gws.redeem(field("code"), field("redirect_uri")),
        "refresh_token" if field("client_id") == id => gws.renew(field("refresh_token")),
        "authorization_code" | "refresh_token" => invalid_grant("granted to another client"),
        "" => refuse(StatusCode::BAD_REQUEST, "invalid_request"),
        _ => refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
    }
}

/// Name and password of HTTP Basic.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let text = String::from_utf8(STANDARD.decode(value.strip_prefix("Basic ")?).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.into(), secret.into()))
}

/// The signed-in user with where the user belongs, or the refusal.
fn signed_in(gws: &Gws, headers: &HeaderMap) -> Result<(SeededUser, u64, String, String), StatusCode> {
    let name = gws.user_of(headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let seed = gws.seed.lock();
    let at = seed.users.iter().position(|user| user.name == name).ok_or(StatusCode::NOT_FOUND)?;
    let tenant = seed.tenant_of(&seed.users[at]).ok_or(StatusCode::NOT_FOUND)?;
    Ok((seed.users[at].clone(), Seed::key_of_user(at), tenant.id.clone(), tenant.domain.clone()))
}

fn plain(user: &SeededUser, key: u64, ccid: &str, domain: &str) -> Value {
    json!({
        "username": format!("{}@{domain}", user.name), "loginName": user.name, "cmeUserName": user.name, "dbid": key,
        "contactCenterId": ccid, "environmentId": ccid, "authorities": [{ "name": "ROLE_USER", "privileges": [] }],
        "properties": { "firstName": user.name, "lastName": user.name, "tenantDBID": "1" },
    })
}

async fn userinfo(State(gws): State<Arc<Gws>>, headers: HeaderMap) -> Response {
    if gws.seed.lock().openid_only {
        return absent();
    }
    match signed_in(&gws, &headers) {
        Ok((user, key, ccid, domain)) => Json(plain(&user, key, &ccid, &domain)).into_response(),
        Err(status) => refused(status, "nobody is signed in"),
    }
}

async fn openid_userinfo(State(gws): State<Arc<Gws>>, headers: HeaderMap) -> Response {
    match signed_in(&gws, &headers) {
        Ok((user, key, ccid, domain)) => Json(json!({
            "sub": key.to_string(), "user_name": format!("{}@{domain}", user.name), "given_name": user.name,
            "family_name": user.name, "email": format!("{}@example.com", user.name), "contact_center_id": ccid,
            "environment_id": ccid, "dbid": key.to_string(), "authorities": ["ROLE_USER"], "properties": {}, "aud": ["ges"],
        }))
        .into_response(),
        Err(status) => refused(status, "nobody is signed in"),
    }
}

async fn jwt_userinfo(State(gws): State<Arc<Gws>>, headers: HeaderMap) -> Response {
    match signed_in(&gws, &headers) {
        Ok((user, key, ccid, domain)) => {
            let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let jwt = format!("{}.{}.", part(json!({ "alg": "none" })), part(plain(&user, key, &ccid, &domain)));
            ([("x-gws-user", jwt)], StatusCode::OK).into_response()
        }
        Err(status) => refused(status, "nobody is signed in"),
    }
}

async fn ping(State(gws): State<Arc<Gws>>, headers: HeaderMap) -> Response {
    if gws.user_of(&headers).is_some() { done(Value::Null) } else { refused(StatusCode::FORBIDDEN, "no user") }
}

async fn sign_out(State(gws): State<Arc<Gws>>, headers: HeaderMap, body: Bytes) -> Response {
    let everywhere = crate::ors::form(&body).get("global").is_some_and(|global| global == "true");
    if !gws.admits(&headers) {
        return refused(StatusCode::UNAUTHORIZED, "no valid token");
    }
    gws.end(&headers, everywhere);
    Json(json!({ "status": { "code": 0 } })).into_response()
}

async fn auth_scheme(State(gws): State<Arc<Gws>>, Json(body): Json<Value>) -> Response {
    let name = body["data"]["userName"].as_str().unwrap_or_default();
    if gws.user(name).is_some() { done(json!({ "scheme": "basic" })) } else { absent() }
}

async fn change_password(State(gws): State<Arc<Gws>>, Json(body): Json<Value>) -> Response {
    let text = |field: &str| body["data"][field].as_str().unwrap_or_default().to_owned();
    let (name, old, new) = (text("userName"), text("oldPassword"), text("newPassword"));
    let known = gws.user(&name).filter(|user| user.password == old && !new.is_empty());
    let Some(known) = known else { return refused(StatusCode::FORBIDDEN, "wrong user or password") };
    for user in gws.seed.lock().users.iter_mut().filter(|user| user.name == known.name) {
        user.password.clone_from(&new);
    }
    done(Value::Null)
}

/// Whether the caller shows the credentials of operators.
fn is_operator(gws: &Gws, headers: &HeaderMap) -> bool {
    let ops = gws.seed.lock().ops.clone();
    basic(headers).is_some_and(|(name, password)| name == ops.name && password == ops.password)
}

fn shown(client: &SeededClient) -> Value {
    json!({ "client_id": client.id, "name": client.id, "redirectURIs": client.redirect_uris, "scope": ["*"] })
}

/// Creates a client, or changes the one named by the path.
async fn put_client(State(gws): State<Arc<Gws>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if !is_operator(&gws, &headers) {
        return refused(StatusCode::UNAUTHORIZED, "operators only");
    }
    let data = &body["data"];
    let (Some(id), Some(secret)) = (data["client_id"].as_str(), data["client_secret"].as_str()) else {
        return refused(StatusCode::BAD_REQUEST, "client_id and client_secret are required");
    };
    let uris = data["redirectURIs"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let client =
        SeededClient { id: id.into(), secret: secret.into(), redirect_uris: uris.map(str::to_owned).collect() };
    let answer = shown(&client);
    let mut seed = gws.seed.lock();
    seed.clients.retain(|kept| kept.id != client.id);
    seed.clients.push(client);
    done(answer)
}

async fn clients(State(gws): State<Arc<Gws>>, headers: HeaderMap) -> Response {
    if !is_operator(&gws, &headers) {
        return refused(StatusCode::UNAUTHORIZED, "operators only");
    }
    done(gws.seed.lock().clients.iter().map(shown).collect())
}

async fn client(State(gws): State<Arc<Gws>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if !is_operator(&gws, &headers) {
        return refused(StatusCode::UNAUTHORIZED, "operators only");
    }
    gws.seed.lock().clients.iter().find(|client| client.id == id).map_or_else(absent, |client| done(shown(client)))
}

async fn remove_client(State(gws): State<Arc<Gws>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if !is_operator(&gws, &headers) {
        return refused(StatusCode::UNAUTHORIZED, "operators only");
    }
    gws.seed.lock().clients.retain(|client| client.id != id);
    done(Value::Null)
}
