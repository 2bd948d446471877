//! Sends calls under a policy.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::call::Identity;
use crate::correlation::fresh;
use crate::endpoint::Endpoints;
use crate::reply::asked_rest;
use crate::{
    BreakerState, Call, CallError, CorrelationOfWork, Finished, HttpClientFactory, Jitter, Observer, Outcome, Policy,
    Reply, Stage, TraceParent, correlation, with_correlation,
};

/// The way to one integration: its connections, breakers and bulkhead. Made by the factory, shared by reference.
pub struct HttpClient {
    http: reqwest::Client,
    policy: Policy,
    endpoints: Endpoints,
    jitter: Jitter,
    trace_parent: TraceParent,
    correlation: CorrelationOfWork,
    observer: Arc<dyn Observer>,
}

impl HttpClient {
    pub(crate) fn new(http: reqwest::Client, policy: Policy, factory: &HttpClientFactory) -> Self {
        let observer = Arc::clone(&factory.observer);
        let endpoints =
            Endpoints::new(policy.integration, policy.bulkhead, Arc::clone(&factory.clock), Arc::clone(&observer));
        let (jitter, trace_parent) = (Arc::clone(&factory.jitter), Arc::clone(&factory.trace_parent));
        let correlation = Arc::clone(&factory.correlation);
        Self { http, policy, endpoints, jitter, trace_parent, correlation, observer }
    }

    /// The correlation id that calls of the running work carry. Work that goes on in another task takes it along with
    /// [`with_correlation`].
    pub fn correlation(&self) -> Option<Box<str>> {
        correlation().or_else(|| (self.correlation)())
    }

    /// Sends `call`, again where the policy says so, and gives the complete answer. All attempts carry one correlation id, a
    /// fresh one when nobody asked for the work (integrations 0.4).
    ///
    /// Statuses below 500 other than 429 are answers: ask the reply for [`Reply::success`] or its status.
    ///
    /// # Errors
    /// [`CallError`]; of several attempts the last failure is told.
    pub async fn send(&self, call: &Call) -> Result<Reply, CallError> {
        let began = Instant::now();
        let id = self.correlation().unwrap_or_else(fresh);
        let result = with_correlation(Some(&id), self.attempts(call)).await;
        let outcome = Outcome::of(&result.as_ref().map(Reply::status));
        let (integration, operation) = (self.policy.integration, call.operation);
        self.observer.finished(&Finished { integration, operation, outcome, took: began.elapsed() });
        result
    }

    /// The breaker of every host and port called so far.
    pub fn breakers(&self) -> Vec<(String, BreakerState)> {
        self.endpoints.states()
    }

    async fn attempts(&self, call: &Call) -> Result<Reply, CallError> {
        let mut failure = match self.attempt(call, 0).await {
            Ok(reply) => return Ok(reply),
            Err(failure) => failure,
        };
        for retry in 0.. {
            if call.probe || !self.policy.repeats(&failure, call.idempotent) {
                break;
            }
            let left = call.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let (backoff, attempt) = (&self.policy.backoff, self.policy.attempt_timeout);
            let Some(rest) = backoff.rest(retry, (self.jitter)(), failure.retry_after(), left, attempt) else { break };
            tokio::time::sleep(rest).await;
            failure = match self.attempt(call, retry + 1).await {
                Ok(reply) => return Ok(reply),
                // The breaker opened because of the failure before, which says more.
                Err(CallError::BreakerOpen { .. }) => break,
                Err(failure) => failure,
            };
        }
        Err(failure)
    }

    async fn attempt(&self, call: &Call, retry: u32) -> Result<Reply, CallError> {
        let passage = match call.probe {
            true => self.endpoints.look(&call.url),
            false => self.endpoints.enter(&call.url).await?,
        };
        let began = Instant::now();
        let left = call.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(began));
        if left.is_zero() {
            // The caller's time was up before the peer was asked, which says nothing about the peer.
            return Err(CallError::Timeout(left));
        }
        let time = self.policy.attempt_timeout.min(left);
        let result = match tokio::time::timeout(time, self.exchange(call, time)).await {
            Ok(result) => result,
            Err(_) => Err(CallError::Timeout(time)),
        };
        passage.settle(result.as_ref().is_err_and(CallError::is_outage));
        if let Err(CallError::Transport { stage: Stage::Dns, .. }) = &result {
            self.observer.dns_failed(self.policy.integration);
        }
        self.log(call, retry, began.elapsed(), &result);
        result
    }

    async fn exchange(&self, call: &Call, time: Duration) -> Result<Reply, CallError> {
        let mut request = self.http.request(call.method.clone(), call.url.clone()).headers(call.headers.clone());
        request = match &call.identity {
            Some(Identity::Bearer(token)) => request.bearer_auth(token.expose_secret()),
            Some(Identity::Basic { user, password }) => request.basic_auth(user, Some(password.expose_secret())),
            None => request,
        };
        if let Some(id) = correlation() {
            request = request.header("X-Correlation-Id", &*id);
        }
        if let Some(trace_parent) = (self.trace_parent)() {
            request = request.header("traceparent", trace_parent);
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let broken = |error, in_body| CallError::from_transport(error, in_body, time);
        let mut response = request.send().await.map_err(|error| broken(error, false))?;
        let status = response.status().as_u16();
        if status == 429 || status >= 500 {
            return Err(CallError::Status { status, retry_after: asked_rest(response.headers()) });
        }
        let cap_bytes = self.policy.body_cap_bytes;
        let too_large = |bytes: u64| bytes > u64::try_from(cap_bytes).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(too_large) {
            return Err(CallError::BodyTooLarge { cap_bytes });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(error, true))? {
            if body.len() + chunk.len() > cap_bytes {
                return Err(CallError::BodyTooLarge { cap_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers: std::mem::take(response.headers_mut()), body })
    }

    fn log(&self, call: &Call, retry: u32, took: Duration, result: &Result<Reply, CallError>) {
        let status = match result {
            Ok(reply) => Some(reply.status()),
            Err(error) => error.status(),
        };
        tracing::debug!(
            integration = self.policy.integration,
            operation = call.operation,
            method = %call.method,
            path = call.template,
            status,
            outcome = Outcome::of(&result.as_ref().map(Reply::status)).as_str(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            attempt = retry + 1,
            corr_id = correlation().as_deref(),
            "outbound call"
        );
    }
}
