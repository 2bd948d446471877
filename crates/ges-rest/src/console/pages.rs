//! The few pages of signing in. No script stands in a page; pages of other sites can neither frame nor feed them.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::{ConsoleError, Operator};
use crate::genesys::fault;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'none'; \
     frame-ancestors 'none'; base-uri 'none'",
);

/// What every answer of the console carries.
pub(super) const GUARDS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    // The address of the page holds a code for a moment.
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// Where browsers come back to.
pub(super) async fn login() -> impl IntoResponse {
    (GUARDS, Html(include_str!("assets/login.html")))
}

fn script(text: &'static str) -> impl IntoResponse {
    (GUARDS, [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], text)
}

pub(super) async fn login_script() -> impl IntoResponse {
    script(include_str!("assets/login.js"))
}

pub(super) async fn console_script() -> impl IntoResponse {
    script(include_str!("assets/console.js"))
}

/// Text inside HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Who is signed in, with which roles and permissions.
pub(super) fn home(operator: &Operator) -> Response {
    let roles: Vec<_> = operator.roles.iter().map(|role| role.as_str()).collect();
    let list: String = operator.permissions.iter().map(|one| format!("<li>{}</li>", one.as_str())).collect();
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Callbacks</title>\n\
         <script src=\"/ges/ui/console.js\" defer></script>\n</head>\n<body>\n<main>\n<h1>Callbacks</h1>\n\
         <p>Signed in as <strong>{}</strong> ({}).</p>\n<h2>What you may do</h2>\n<ul>{list}</ul>\n\
         <button id=\"sign-out\" data-csrf=\"{}\">Sign out</button>\n</main>\n</body>\n</html>\n",
        escaped(&operator.name),
        escaped(&roles.join(", ")),
        escaped(&operator.csrf),
    );
    (GUARDS, Html(page)).into_response()
}

/// A page that says why there is no other.
pub(super) fn trouble(error: ConsoleError) -> Response {
    let status = match error {
        ConsoleError::NoRole | ConsoleError::Forbidden | ConsoleError::Forged => StatusCode::FORBIDDEN,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Callbacks</title>\n</head>\n<body>\n\
         <main>\n<h1>Callbacks</h1>\n<p role=\"alert\">{error}.</p>\n<p><a href=\"/ges/\">Try again</a></p>\n</main>\n</body>\n</html>\n"
    );
    let mut response = (status, GUARDS, Html(page)).into_response();
    // A person reads this, so it stays a page.
    response.extensions_mut().insert(fault::Written);
    response
}
