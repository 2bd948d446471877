//! The document and a page to browse it, on the internal listener. The page needs nothing from anywhere else.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

use super::openapi_document;
use crate::listener::Site;

/// Everything the page uses is inside it or beside it.
const POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/openapi.json", get(async || file("application/json; charset=utf-8", openapi_document())))
        .route("/openapi", get(async || file("text/html; charset=utf-8", include_str!("page.html"))))
        .route("/openapi.js", get(async || file("text/javascript; charset=utf-8", include_str!("page.js"))))
        .route("/openapi.css", get(async || file("text/css; charset=utf-8", include_str!("page.css"))))
}

fn file(kind: &'static str, content: impl IntoResponse) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache"), (CONTENT_SECURITY_POLICY, POLICY)], content)
}
