//! Successes of the internal API: plain JSON, text, files; never the envelope.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use ges_domain::ports::AreaFile;
use serde::Serialize;

use super::fault::Written;
use crate::answer::JSON;

/// An answer whose body is final.
pub(super) fn final_body(content_type: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.extensions_mut().insert(Written);
    response
}

/// A JSON body.
pub(super) fn json(body: &impl Serialize) -> Response {
    final_body(JSON, serde_json::to_vec(body).expect("invariant: answers are trees of texts and numbers"))
}

/// `{}`.
pub(super) fn nothing() -> Response {
    final_body(JSON, "{}")
}

/// One value.
pub(super) fn text(value: String) -> Response {
    final_body(HeaderValue::from_static("text/plain; charset=utf-8"), value)
}

/// A file as it was sent. It is whatever somebody sent, so that nothing may run it.
pub(super) fn file(file: AreaFile) -> Response {
    let fallback = HeaderValue::from_static("application/octet-stream");
    let mut response = final_body(HeaderValue::try_from(file.media_type).unwrap_or(fallback), file.bytes);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    response
}
