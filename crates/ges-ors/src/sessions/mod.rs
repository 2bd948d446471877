//! Talking to running sessions (integrations 1.3 to 1.5).

mod allowed;
mod events;
mod news;
mod nodes;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ges_discovery::Directory;
use ges_domain::callback::SessionBinding;
use ges_domain::ports::{SessionEvent, Sessions, Told};
use ges_domain::region::Region;
use ges_domain::{CallbackId, Instant};
use ges_http_client::{Call, CallError, HttpClient, Reply};
use url::Url;

pub use allowed::AllowedHosts;
use events::Body;
pub use events::EventNames;
pub use news::LocalNews;
use nodes::Nodes;

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
    queries: HttpClient,
    nodes: Nodes,
    allowed: AllowedHosts,
    names: EventNames,
    forms_only: Mutex<HashSet<String>>,
}

impl OrsSessions {
    /// `client` keeps the policy `ORS_EVENTS`, `queries` the policy `ORS_QUERIES`; `ors_url` is where sessions are that did not say where they are.
    ///
    /// # Errors
    /// [`BadOrsUrl`].
    pub fn new(
        client: HttpClient,
        queries: HttpClient,
        ors_url: &str,
        allowed: AllowedHosts,
    ) -> Result<Self, BadOrsUrl> {
        let base = Url::parse(ors_url).ok().filter(allowed::is_plain_http).ok_or(BadOrsUrl)?;
        Ok(Self {
            client,
            queries,
            nodes: Nodes::fixed(base),
            allowed,
            names: EventNames::default(),
            forms_only: Mutex::default(),
        })
    }

    /// The same with other names of events (integrations 1.4, `ors.events`).
    #[must_use]
    pub fn with_names(mut self, names: EventNames) -> Self {
        self.names = names;
        self
    }

    /// The same with nodes that a directory finds, for sessions that did not say where they are; those of `own` first.
    #[must_use]
    pub fn found_by(mut self, directory: Arc<Directory>, own: Option<Region>) -> Self {
        self.nodes = self.nodes.found_by(directory, own);
        self
    }

    /// Whether any node answers now.
    pub async fn probe(&self) -> bool {
        self.nodes.probe(&self.queries).await
    }

    /// The node to call: the session's own when that is allowed, else the default (1.3).
    fn base_of(&self, session: &SessionBinding) -> Url {
        let Some(told) = &session.url else { return self.nodes.next() };
        match Url::parse(told).ok().filter(|url| self.allowed.permits(url, self.nodes.configured())) {
            Some(url) => url,
            None => {
                tracing::warn!(session.id = %session.id, "the session's address is not allowed; the default is used");
                self.nodes.next()
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
        (name, operation): (&str, &'static str),
        body: &Body,
    ) -> Result<Reply, CallError> {
        let url = self.address(session, &["event", name]);
        let node = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        let call = || -> Result<Call, CallError> {
            let call = Call::post(operation, "/scxml/session/{sid}/event/{name}", url.clone()).idempotent();
            call.header("cookie", &format!("ORSSESSIONID={}", session.id))
        };
        if !self.forms_only().contains(&node) {
            let reply = self.client.send(&call()?.json(body)?).await?;
            if reply.status() != 415 {
                return Ok(reply);
            }
            self.forms_only().insert(node);
        }
        self.client.send(&call()?.form(&body.pairs())).await
    }

    fn forms_only(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.forms_only.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sessions for OrsSessions {
    async fn tell(&self, session: &SessionBinding, callback: CallbackId, event: &SessionEvent, at: Instant) -> Told {
        let (name, body) = (self.names.of(event), Body::of(event, callback, at));
        // JSON and then a form may be sent; both together have the time of one.
        match tokio::time::timeout(PATIENCE, self.event(session, name, &body)).await {
            Ok(Ok(reply)) => match reply.status() {
                200..300 => Told::Accepted,
                404 => Told::Gone,
                409 => Told::Refused,
                _ => Told::Unreachable,
            },
            Ok(Err(error)) => {
                tracing::debug!(callback.id = %callback, event = name.1, %error, "the session was not reached");
                Told::Unreachable
            }
            Err(_) => {
                tracing::debug!(callback.id = %callback, event = name.1, "the session did not answer in time");
                Told::Unreachable
            }
        }
    }

    async fn terminate(&self, session: &SessionBinding) -> Told {
        let url = self.address(session, &["terminate"]);
        let call = Call::post("terminate", "/scxml/session/{sid}/terminate", url).idempotent();
        let sent = match call.header("cookie", &format!("ORSSESSIONID={}", session.id)) {
            Ok(call) => tokio::time::timeout(PATIENCE, self.client.send(&call)).await,
            Err(error) => Ok(Err(error)),
        };
        match sent {
            Ok(Ok(reply)) => match reply.status() {
                200..300 => Told::Accepted,
                404 => Told::Gone,
                _ => Told::Unreachable,
            },
            Ok(Err(error)) => {
                tracing::debug!(session.id = %session.id, %error, "the session was not told to stop");
                Told::Unreachable
            }
            Err(_) => {
                tracing::debug!(session.id = %session.id, "the session did not say that it stops");
                Told::Unreachable
            }
        }
    }
}
