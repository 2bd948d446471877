//! Talking to running sessions (integrations 1.3 to 1.5).

mod allowed;
mod pulse;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::callback::{Actor, Reason, SessionBinding};
use ges_domain::ports::{CancelOutcome, Sessions};
use ges_domain::{CallInId, CallbackId, Instant};
use ges_http_client::{Call, CallError, HttpClient, Reply};
use url::Url;

pub use allowed::AllowedHosts;

/// Longest time a session is waited for, retries included. Not a deadline of the call: retries would then never begin,
/// because one attempt alone may take as long.
const PATIENCE: Duration = Duration::from_secs(3);

/// The address of orchestration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the address of orchestration must be http:// or https:// with a host and no user")]
pub struct BadOrsUrl;

/// Sessions reached over the REST interface of orchestration.
pub struct OrsSessions {
    client: HttpClient,
    base: Url,
    allowed: AllowedHosts,
    forms_only: Mutex<HashSet<String>>,
}

impl OrsSessions {
    /// `client` keeps the policy `ORS_EVENTS`; `ors_url` is where sessions are that did not say where they are.
    ///
    /// # Errors
    /// [`BadOrsUrl`].
    pub fn new(client: HttpClient, ors_url: &str, allowed: AllowedHosts) -> Result<Self, BadOrsUrl> {
        let base = Url::parse(ors_url).ok().filter(allowed::is_plain_http).ok_or(BadOrsUrl)?;
        Ok(Self { client, base, allowed, forms_only: Mutex::default() })
    }

    /// The node to call: the session's own when that is allowed, else the default (1.3).
    fn base_of(&self, session: &SessionBinding) -> Url {
        let Some(told) = &session.url else { return self.base.clone() };
        match Url::parse(told).ok().filter(|url| self.allowed.permits(url, &self.base)) {
            Some(url) => url,
            None => {
                tracing::warn!(session.id = %session.id, "the session's address is not allowed; the default is used");
                self.base.clone()
            }
        }
    }

    fn address(&self, session: &SessionBinding, tail: &[&str]) -> Url {
        let mut url = self.base_of(session);
        url.set_query(None);
        url.set_fragment(None);
        // The cookie form of an id carries its node; paths have the bare id.
        let id = session.id.as_str();
        let bare = id.rsplit_once(".node").map_or(id, |(bare, _)| bare);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["scxml", "session", bare]).extend(tail);
        }
        url
    }

    async fn event(
        &self,
        session: &SessionBinding,
        name: &'static str,
        body: &[(&str, &str)],
    ) -> Result<Reply, CallError> {
        let url = self.address(session, &["event", name]);
        let node = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        let call = || -> Result<Call, CallError> {
            let call = Call::post(name, "/scxml/session/{sid}/event/{name}", url.clone()).idempotent();
            call.header("cookie", &format!("ORSSESSIONID={}", session.id))
        };
        if !self.forms_only().contains(&node) {
            let fields: serde_json::Map<String, serde_json::Value> =
                body.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
            let reply = self.client.send(&call()?.json(&fields)?).await?;
            if reply.status() != 415 {
                return Ok(reply);
            }
            self.forms_only().insert(node);
        }
        self.client.send(&call()?.form(body)).await
    }

    fn forms_only(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.forms_only.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sessions for OrsSessions {
    async fn cancel(
        &self,
        session: &SessionBinding,
        callback: CallbackId,
        reason: &Reason,
        by: &Actor,
        at: Instant,
    ) -> CancelOutcome {
        let by = match by {
            Actor::Api | Actor::Ivr => "api",
            Actor::Ui(_) => "ui",
            Actor::Session | Actor::Monitor => "system",
        };
        let (id, at) = (callback.to_string(), at.to_string());
        let body = [("_service_id", id.as_str()), ("_reason", reason.as_str()), ("_by", by), ("_at", at.as_str())];
        // JSON and then a form may be sent; both together have the time of one.
        match tokio::time::timeout(PATIENCE, self.event(session, "callback.cancel", &body)).await {
            Ok(Ok(reply)) => match reply.status() {
                200..300 => CancelOutcome::Accepted,
                404 => CancelOutcome::Gone,
                409 => CancelOutcome::Refused,
                _ => CancelOutcome::Unreachable,
            },
            Ok(Err(error)) => {
                tracing::debug!(callback.id = %callback, %error, "the session was not reached");
                CancelOutcome::Unreachable
            }
            Err(_) => CancelOutcome::Unreachable,
        }
    }

    async fn consumer_called_in(&self, session: &SessionBinding, callback: CallbackId, call_in: CallInId, at: Instant) {
        let (id, call_in, at) = (callback.to_string(), call_in.to_string(), at.to_string());
        let body = [("_service_id", id.as_str()), ("_call_in_id", call_in.as_str()), ("_at", at.as_str())];
        match tokio::time::timeout(PATIENCE, self.event(session, "callback.callin", &body)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(callback.id = %callback, %error, "the session was not told of the call"),
            Err(_) => tracing::debug!(callback.id = %callback, "the session did not say that it heard of the call"),
        }
    }

    async fn terminate(&self, session: &SessionBinding) {
        let url = self.address(session, &["terminate"]);
        let call = Call::post("terminate", "/scxml/session/{sid}/terminate", url).idempotent();
        let sent = match call.header("cookie", &format!("ORSSESSIONID={}", session.id)) {
            Ok(call) => tokio::time::timeout(PATIENCE, self.client.send(&call)).await,
            Err(error) => Ok(Err(error)),
        };
        match sent {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(session.id = %session.id, %error, "the session was not told to stop"),
            Err(_) => tracing::debug!(session.id = %session.id, "the session did not say that it stops"),
        }
    }
}
