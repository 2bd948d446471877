//! Browsers of other origins (engagement-api 2.6): preflights, and the headers that let a page read its answer.
//!
//! A preflight names no tenant, so it is answered by the lists of all; the real answer by the list of the tenant whose key
//! came with it. Who is not listed is served all the same: only browsers look at these headers.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use ges_domain::TenantId;
use ges_domain::origin::Origin;

use crate::api::Api;

/// Longest time a look at the lists may add to an answer; a browser that is not told "yes" in time asks again.
const LISTS_WITHIN: Duration = Duration::from_secs(3);

/// The page a request comes from.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    origin: Origin,
    /// As it was sent, because it is sent back.
    header: HeaderValue,
}

impl Page {
    /// What the header `Origin` says; none when it is missing, sent twice, or no origin, such as `null`.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let mut headers = request.headers().get_all(ORIGIN).iter();
        let (header, None) = (headers.next()?, headers.next()) else { return None };
        Some(Self { origin: Origin::parse(header.to_str().ok()?)?, header: header.clone() })
    }

    /// Whether it may read answers: of this tenant, or of any when none is known.
    async fn admitted(&self, api: &Api, tenant: Option<TenantId>) -> bool {
        let asking = async {
            match tenant {
                Some(tenant) => api.origins.admits(tenant, &self.origin).await,
                None => api.origins.any_admits(&self.origin).await,
            }
        };
        match tokio::time::timeout(LISTS_WITHIN, asking).await {
            Ok(Ok(admitted)) => admitted,
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "the web origins are not known; the browser will hide the answer");
                false
            }
            Err(_) => {
                tracing::warn!("the web origins were not known in time; the browser will hide the answer");
                false
            }
        }
    }

    /// Lets the page read this answer, if it may.
    pub(crate) async fn mark(&self, response: &mut Response, api: &Api, tenant: Option<TenantId>) {
        let headers = response.headers_mut();
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if self.admitted(api, tenant).await {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.header.clone());
        }
    }
}

/// Whether a browser asks if it may send the real request.
pub(crate) fn is_preflight(request: &Request) -> bool {
    let has = |name| request.headers().contains_key(name);
    request.method() == Method::OPTIONS && has(ORIGIN) && has(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight of this page; of none when its origin is not readable.
pub(crate) async fn preflight(page: Option<&Page>, api: &Api) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    let Some(page) = page else { return response };
    if page.admitted(api, None).await {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page.header.clone());
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
            (ACCESS_CONTROL_ALLOW_HEADERS, "content-type, x-api-key, cache-control"),
            (ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

#[cfg(test)]
#[path = "cors_tests.rs"]
mod tests;
