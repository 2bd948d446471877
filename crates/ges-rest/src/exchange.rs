//! One request from its first to its last byte: correlation id, screening of headers, panics and deadline, the shape of
//! errors, one log line, the measurements (engagement-api 2.3, 2.7, 3.1).
//!
//! The handler runs in a task of its own: a caller that hangs up, or a deadline that passes, never stops work half-way.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use ges_domain::{CallbackId, Refusal, TenantId};
use ges_telemetry::{PRIVATE_PATH, TracePosition, UNMATCHED_PATH, correlated};
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use crate::answer::{Answer, CODE_NUMBER_LIMIT, CODE_TOO_LARGE, CODE_TTL_LIMIT, CODE_UNAVAILABLE, Failure, JSON};
use crate::cors::{self, Page};
use crate::genesys::fault;
use crate::identity::TENANT_HEADERS;
use crate::listener::{Role, Site, TenantHeaders};
use crate::{body, engagement};

/// The header that carries the correlation id of internal calls.
const CORRELATION: &str = "x-correlation-id";
/// The header that carries the position in a trace, in both directions (W3C Trace Context).
const TRACE: &str = "traceparent";

/// One request, shared between the layer and the handlers.
#[derive(Clone)]
pub(crate) struct Exchange(Arc<Inner>);

struct Inner {
    corr_id: Uuid,
    label: &'static str,
    method: &'static str,
    /// Whether it is for the public API, whose answers pages of other origins may read.
    public: bool,
    gms: bool,
    trace: Option<TracePosition>,
    correlation: Option<HeaderValue>,
    /// The id of an internal caller, when it looks like one and may stand in logs and in calls to others.
    caller: Option<Box<str>>,
    started: Instant,
    reported: AtomicBool,
    notes: Mutex<Notes>,
}

/// What a handler found out; never a number, a key or user data (R-REC-6).
#[derive(Default, Clone)]
struct Notes {
    tenant: Option<TenantId>,
    callback: Option<CallbackId>,
    user_data_keys: Option<usize>,
}

impl Exchange {
    fn new(request: &Request, role: Role) -> Self {
        let path = request.uri().path();
        let gms = role == Role::Internal && path.starts_with("/genesy");
        let correlation = request.headers().get(CORRELATION).filter(|value| {
            let fits = (1..=128).contains(&value.len());
            fits && value.as_bytes().iter().all(u8::is_ascii_graphic)
        });
        let corr_id = fresh_id();
        // Several headers, or a bad one, are as good as none: the trace is ours then, and its id that of the request.
        let mut traces = request.headers().get_all(TRACE).iter();
        let given = traces.next().filter(|_| traces.next().is_none());
        let given = given.and_then(|value| TracePosition::parse(value.to_str().ok()?));
        let span = rand::random();
        let trace = match given {
            Some(parent) => Some(parent.child(span)),
            None => TracePosition::first(corr_id.as_u128(), span),
        };
        Self(Arc::new(Inner {
            corr_id,
            trace,
            label: label(request, role),
            public: path.starts_with(engagement::BASE),
            method: method(request.method()),
            gms,
            correlation: correlation.cloned(),
            caller: correlation
                .filter(|_| gms)
                .and_then(|value| value.to_str().ok())
                .filter(|id| is_id(id))
                .map(Into::into),
            started: Instant::now(),
            reported: AtomicBool::new(false),
            notes: Mutex::default(),
        }))
    }

    /// What calls for this request carry: the caller's own id, so that a session's work stays together, else ours.
    fn correlation(&self) -> Box<str> {
        self.0.caller.clone().unwrap_or_else(|| self.0.corr_id.to_string().into())
    }

    fn notes(&self, write: impl FnOnce(&mut Notes)) {
        write(&mut self.0.notes.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn note_tenant(&self, tenant: TenantId) {
        self.notes(|notes| notes.tenant = Some(tenant));
    }

    pub(crate) fn note_callback(&self, id: CallbackId) {
        self.notes(|notes| notes.callback = Some(id));
    }

    pub(crate) fn note_user_data(&self, keys: usize) {
        self.notes(|notes| notes.user_data_keys = Some(keys));
    }

    /// Whether it is for one of the public operations.
    fn is_operation(&self) -> bool {
        self.0.label.starts_with(engagement::BASE)
    }

    fn tenant(&self) -> Option<TenantId> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner).tenant
    }

    /// Gives an answer its final body; returns its code, 0 where the shape has none.
    fn seal(&self, mut response: Response, site: &Site) -> (Response, u16) {
        let status = response.status();
        let answer = response.extensions_mut().remove::<Answer>();
        let foreign = || {
            let ours = response.extensions().get::<fault::Written>().is_some();
            (!ours && status.as_u16() >= 400).then(|| Answer::from(body::of_status(status, site)))
        };
        let Some(answer) = answer.or_else(foreign) else {
            self.correlate(&mut response);
            return (response, 0);
        };
        if answer.code == CODE_UNAVAILABLE && answer.retry_after.is_some() && !self.0.public {
            // Clients of the public API know one server error only; everybody else is told that it is worth another try.
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        let written = if self.0.gms { fault::write(&answer) } else { answer.write(self.0.corr_id) };
        *response.body_mut() = written;
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
        response.headers_mut().remove(header::CONTENT_LENGTH);
        self.correlate(&mut response);
        (response, answer.code)
    }

    fn correlate(&self, response: &mut Response) {
        if let Some(trace) = &self.0.trace {
            let position = HeaderValue::from_str(&trace.to_string()).expect("invariant: a trace position is ASCII");
            response.headers_mut().insert(TRACE, position);
        }
        if !self.0.gms {
            return;
        }
        let generated = || HeaderValue::from_str(&self.0.corr_id.to_string()).expect("invariant: a UUID is ASCII");
        let id = self.0.correlation.clone().unwrap_or_else(generated);
        response.headers_mut().insert(CORRELATION, id);
    }

    /// Counts and logs, once.
    fn report(&self, status: StatusCode, code: u16, site: &Site) {
        if self.0.reported.swap(true, Ordering::Relaxed) {
            return;
        }
        let notes = self.0.notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let elapsed = self.0.started.elapsed();
        let tenant = notes.tenant.map(|tenant| tenant.to_string());
        let metrics = site.metrics();
        metrics.http_request(self.0.label, self.0.method, tenant.as_deref(), status.as_u16(), elapsed.as_secs_f64());
        match (status, code, &tenant) {
            (StatusCode::PAYLOAD_TOO_LARGE, CODE_TOO_LARGE | 0, _) => metrics.invalid_content_length(),
            (StatusCode::TOO_MANY_REQUESTS, CODE_TTL_LIMIT, Some(tenant)) => metrics.ttl_limit_reached(tenant),
            (StatusCode::TOO_MANY_REQUESTS, CODE_NUMBER_LIMIT, Some(tenant)) => metrics.enqueue_limit_reached(tenant),
            _ => {}
        }
        tracing::info!(
            "http.method" = self.0.method,
            "http.route" = self.0.label,
            "http.status" = status.as_u16(),
            code,
            duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            "tenant.id" = tenant.as_deref(),
            "callback.id" = notes.callback.map(tracing::field::display),
            "user_data.keys" = notes.user_data_keys,
            "request answered"
        );
    }
}

impl FromRequestParts<Arc<Site>> for Exchange {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Site>) -> Result<Self, Infallible> {
        let exchange = parts.extensions.get::<Self>().cloned();
        Ok(exchange.expect("invariant: the outermost layer puts one into every request"))
    }
}

/// A version-4 UUID (engagement-api 3.1). It identifies a request, never a fact, so it does not come from the port of ids.
#[expect(
    clippy::disallowed_methods,
    reason = "correlation ids are no ids of the domain and nothing may depend on them"
)]
pub(crate) fn fresh_id() -> Uuid {
    Uuid::new_v4()
}

/// Whether a text of visible ASCII looks like an id. One without a letter may be a number to call, and is none (I11).
fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'~');
    text.bytes().all(fits) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// The outermost layer of every listener.
pub(crate) async fn exchange(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let exchange = Exchange::new(&request, site.role);
    let trace = exchange.0.trace;
    let trace_id = trace.map(|trace| trace.trace_id());
    let span = tracing::info_span!(
        "request",
        corr_id = %exchange.0.corr_id,
        trace_id,
        caller_corr_id = exchange.0.caller.as_deref()
    );
    let rejected = span.in_scope(|| screen(&mut request, &site).or_else(|| unadmitted(&request, &site)));
    let page = if exchange.0.public && site.public_api().is_some() { Page::of(&request) } else { None };
    let preflight = site.public_api().is_some() && exchange.is_operation() && cors::is_preflight(&request);
    request.extensions_mut().insert(exchange.clone());

    let (own, own_site, own_page) = (exchange.clone(), Arc::clone(&site), page.clone());
    let work = async move {
        let handled = async {
            match rejected {
                Some(failure) => refused(failure, &own_site),
                None if preflight => cors::preflight(own_page.as_ref(), own_site.api()).await,
                None => next.run(request).await,
            }
        };
        let response = match AssertUnwindSafe(handled).catch_unwind().await {
            Ok(response) => response,
            Err(_) => {
                // What was thrown may hold anything a request brought, so it is not repeated (I11).
                tracing::error!("a handler panicked; the request was answered with an internal error");
                // Counted where it was thrown, by the hook of the process.
                Failure::Internal.into_response()
            }
        };
        let (response, code) = own.seal(response, &own_site);
        own.report(response.status(), code, &own_site);
        response
    };
    let work = correlated(exchange.correlation(), async move {
        match trace {
            Some(trace) => trace.around(work).await,
            None => work.await,
        }
    });
    let running = site.tasks.spawn(work.instrument(span.clone()));
    let mut response = match tokio::time::timeout(site.limits.answer_within, running).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => settle(&exchange, Failure::Internal, &site),
        Err(_) => span.in_scope(|| {
            tracing::warn!("the request was not answered in time; its work goes on");
            settle(&exchange, Refusal::UpstreamUnavailable.into(), &site)
        }),
    };
    if let Some(page) = page.filter(|_| !preflight) {
        page.mark(&mut response, site.api(), exchange.tenant()).instrument(span).await;
    }
    response
}

/// The failure of a request without the credentials that the internal listener wants.
fn unadmitted(request: &Request<Body>, site: &Site) -> Option<Failure> {
    let api = site.public_api().filter(|_| site.role == Role::Internal)?;
    (!api.inside.gate.admits(request)).then_some(Failure::NotAdmitted)
}

fn refused(failure: Failure, site: &Site) -> Response {
    let challenge = site.public_api().and_then(|api| api.inside.gate.challenge());
    let challenge = challenge.filter(|_| failure == Failure::NotAdmitted);
    let mut response = failure.into_response();
    response.headers_mut().extend(challenge.map(|challenge| (header::WWW_AUTHENTICATE, challenge)));
    response
}

fn settle(exchange: &Exchange, failure: Failure, site: &Site) -> Response {
    let (response, code) = exchange.seal(failure.into_response(), site);
    exchange.report(response.status(), code, site);
    response
}

/// Takes the tenant headers off an external request, before anything else sees it.
fn screen(request: &mut Request<Body>, site: &Site) -> Option<Failure> {
    if site.role != Role::External {
        return None;
    }
    let mut named = false;
    for name in TENANT_HEADERS {
        named |= request.headers().get_all(name).iter().any(|value| !value.as_bytes().trim_ascii().is_empty());
        request.headers_mut().remove(name);
    }
    if !named {
        return None;
    }
    tracing::warn!("a header naming a contact center came from outside and was dropped");
    (site.limits.tenant_headers == TenantHeaders::Reject).then(|| Refusal::Forbidden.into())
}

/// The path label of a request: bounded, whatever callers send (engagement-api 2.7). From outside only what no route takes is
/// unmatched: pages of the console are ours (integrations 9.2).
fn label(request: &Request, role: Role) -> &'static str {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    match (matched.and_then(engagement::template), role) {
        (Some(template), _) => template,
        (None, Role::External) if matched.is_none() => UNMATCHED_PATH,
        (None, _) => PRIVATE_PATH,
    }
}

fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "OTHER",
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
