//! Talking to running sessions (integrations 1.3 to 1.5).

mod allowed;
mod events;
mod news;
mod nodes;
mod requests;
mod search;
#[cfg(test)]
mod search_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ges_discovery::Directory;
use ges_domain::callback::SessionBinding;
use ges_domain::ports::{Asked, SessionEvent, Sessions, Told};
use ges_domain::region::Region;
use ges_domain::{CallbackId, Instant};
use ges_http_client::{Call, CallError, HttpClient, Reply, below};
use url::Url;

pub use allowed::AllowedHosts;
use events::Body;
pub use events::EventNames;
pub use news::LocalNews;
use nodes::Nodes;
use search::{Content, Errand, Known};

/// Longest time a session is waited for, retries and the search for its node included. Not a deadline of the call: retries
/// would then never begin, because one attempt alone may take as long.
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
    known: Known,
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
            known: Known::default(),
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

    /// The region of a new session whose queue prefers these, as far as the nodes stand now (integrations 1.6). None: any.
    pub fn region_for(&self, preferred: &[Region]) -> Option<Region> {
        self.nodes.region_for(preferred)
    }

    /// Starts a session, where one that prefers these regions starts now: one call, whose answer is the node's.
    pub(crate) async fn start(&self, preferred: &[Region], form: &[(&str, &str)]) -> Result<Reply, CallError> {
        let nodes = self.nodes.in_order(preferred);
        let node = nodes.first().expect("invariant: without a directory there is the configured address");
        let url = below(node, &["scxml", "session", "start"]);
        self.client.send(&Call::post("start", "/scxml/session/start", url).form(form)).await?.success()
    }

    /// Whether any node answers now.
    pub async fn probe(&self) -> bool {
        self.nodes.probe(&self.queries).await
    }
}

#[async_trait]
impl Sessions for OrsSessions {
    async fn tell(&self, session: &SessionBinding, callback: CallbackId, event: &SessionEvent, at: Instant) -> Told {
        let ((name, operation), body) = (self.names.of(event), Body::of(event, callback, at));
        let errand = Errand {
            operation,
            template: "/scxml/session/{sid}/event/{name}",
            tail: &["event", name],
            content: Content::Words(&body),
        };
        match self.bring(&self.client, session, &errand).await {
            Asked::Answered(reply) => match reply.status() {
                200..300 => Told::Accepted,
                409 => Told::Refused,
                _ => Told::Unreachable,
            },
            Asked::Gone => Told::Gone,
            Asked::Unreachable => Told::Unreachable,
        }
    }

    async fn terminate(&self, session: &SessionBinding) -> Told {
        let errand = Errand {
            operation: "terminate",
            template: "/scxml/session/{sid}/terminate",
            tail: &["terminate"],
            content: Content::Order,
        };
        match self.bring(&self.client, session, &errand).await {
            Asked::Answered(reply) if (200..300).contains(&reply.status()) => Told::Accepted,
            Asked::Gone => Told::Gone,
            Asked::Answered(_) | Asked::Unreachable => {
                tracing::debug!(session.id = %session.id, "the session did not say that it stops");
                Told::Unreachable
            }
        }
    }
}
