//! Signing in with a browser: the page, and the way back with a code.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use url::Url;

use super::{Gws, refused};

type Fields = BTreeMap<String, String>;

fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

/// The user named by a cookie, for tests that drive a browser.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::COOKIE)?.to_str().ok()?;
    text.split(';').find_map(|part| part.trim().strip_prefix("sim_user=")).map(str::to_owned)
}

/// Text inside HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn form(fields: &Fields, message: &str) -> Html<String> {
    let hidden = |name: &str| format!("<input type=hidden name={name} value=\"{}\">", escaped(field(fields, name)));
    let hidden = ["client_id", "redirect_uri", "state"].map(hidden).concat();
    Html(format!(
        "<!doctype html><html lang=en><title>Sign in</title><h1>Sign in</h1><p role=alert>{message}</p>\
         <form method=post action=/auth/v3/sign-in>{hidden}<label>User <input name=username autofocus></label> \
         <label>Password <input name=password type=password></label> <button>Sign in</button></form>"
    ))
}

/// Why a client may not be sent back there.
fn unfit(gws: &Gws, fields: &Fields) -> Option<&'static str> {
    let seed = gws.seed.lock();
    let Some(client) = seed.clients.iter().find(|client| client.id == field(fields, "client_id")) else {
        return Some("unknown client");
    };
    let redirect = field(fields, "redirect_uri");
    let known = client.redirect_uris.is_empty() || client.redirect_uris.iter().any(|uri| uri == redirect);
    if !known || Url::parse(redirect).is_err() { Some("redirect_uri is not registered") } else { None }
}

fn back(gws: &Gws, fields: &Fields, user: &str) -> Response {
    let redirect = field(fields, "redirect_uri");
    let Ok(mut url) = Url::parse(redirect) else { return refused(StatusCode::BAD_REQUEST, "redirect_uri") };
    let code = gws.code(user, redirect);
    url.query_pairs_mut().append_pair("code", &code).append_pair("state", field(fields, "state"));
    (StatusCode::FOUND, [(header::LOCATION, url.to_string())]).into_response()
}

/// Sends a browser back at once when a test says who it is, else shows the form.
pub(super) async fn authorize(
    State(gws): State<Arc<Gws>>,
    headers: HeaderMap,
    Query(fields): Query<Fields>,
) -> Response {
    if let Some(reason) = unfit(&gws, &fields) {
        return refused(StatusCode::BAD_REQUEST, reason);
    }
    if field(&fields, "response_type") != "code" {
        return refused(StatusCode::BAD_REQUEST, "only the response type code is supported");
    }
    let named = fields.get("sim_user").cloned().or_else(|| cookie(&headers));
    match named.and_then(|name| gws.user(&name)) {
        Some(user) => back(&gws, &fields, &user.name),
        None => form(&fields, "").into_response(),
    }
}

/// The form comes back.
pub(super) async fn sign_in(State(gws): State<Arc<Gws>>, body: Bytes) -> Response {
    let fields = crate::ors::form(&body);
    if let Some(reason) = unfit(&gws, &fields) {
        return refused(StatusCode::BAD_REQUEST, reason);
    }
    let user = gws.user(field(&fields, "username")).filter(|user| user.password == field(&fields, "password"));
    match user {
        Some(user) => back(&gws, &fields, &user.name),
        None => (StatusCode::UNAUTHORIZED, form(&fields, "Wrong user or password.")).into_response(),
    }
}

/// The page alone.
pub(super) async fn sign_in_page(Query(fields): Query<Fields>) -> Html<String> {
    form(&fields, "")
}

/// A browser leaves, and goes where it is told.
pub(super) async fn leave(State(gws): State<Arc<Gws>>, headers: HeaderMap, Query(fields): Query<Fields>) -> Response {
    gws.end(&headers, false);
    match fields.get("redirect_uri") {
        Some(redirect) => Redirect::to(redirect).into_response(),
        None => Html("<!doctype html><title>Signed out</title><p>You are signed out.</p>").into_response(),
    }
}
