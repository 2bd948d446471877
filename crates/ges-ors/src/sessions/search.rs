//! Where an errand to a session goes: to its own node, else to node after node until one knows it (integrations 1.3, 1.6).

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ges_domain::callback::SessionBinding;
use ges_domain::ports::{Asked, Passed};
use ges_http_client::{Call, CallError, HttpClient, Reply};
use url::Url;

use super::events::Body;
use super::{OrsSessions, PATIENCE};

/// Hosts and sessions remembered; beyond it a memory is cleared rather than grown, which costs a repetition each.
const MOST: usize = 10_000;

/// One message to a session, before it is known which node gets it.
pub(super) struct Errand<'a> {
    pub operation: &'static str,
    pub template: &'static str,
    /// Path below the session.
    pub tail: &'a [&'a str],
    pub content: Content<'a>,
}

/// What a message carries.
pub(super) enum Content<'a> {
    /// A question without a body, asked by `GET`.
    Question,
    /// An order without a body.
    Order,
    /// Our own words: JSON, or a form for nodes that know nothing else.
    Words(&'a Body),
    /// Somebody else's, as they are.
    Passed(&'a Passed),
}

/// What nodes have shown of themselves.
#[derive(Default)]
pub(super) struct Known {
    /// Nodes that take forms only.
    forms: Mutex<HashSet<String>>,
    /// The nodes that answered for sessions which did not say where they are.
    homes: Mutex<HashMap<Box<str>, Url>>,
}

impl Known {
    fn takes_forms_only(&self, node: &str) -> bool {
        lock(&self.forms).contains(node)
    }

    fn note_forms_only(&self, node: String) {
        let mut forms = lock(&self.forms);
        if forms.len() >= MOST {
            forms.clear();
        }
        forms.insert(node);
    }

    fn home_of(&self, session: &SessionBinding) -> Option<Url> {
        lock(&self.homes).get(session.id.as_str()).cloned()
    }

    fn note_home(&self, session: &SessionBinding, node: &Url) {
        let mut homes = lock(&self.homes);
        if homes.len() >= MOST {
            homes.clear();
        }
        homes.insert(session.id.as_str().into(), node.clone());
    }

    fn forget_home(&self, session: &SessionBinding) {
        lock(&self.homes).remove(session.id.as_str());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Errand<'_> {
    fn call(&self, session: &SessionBinding, node: &Url, as_form: bool) -> Result<Call, CallError> {
        let mut url = address(session, node, self.tail);
        if let Content::Passed(request) = self.content {
            url.set_query(request.query.as_deref());
        }
        let call = match self.content {
            Content::Question => Call::get(self.operation, self.template, url),
            _ => Call::post(self.operation, self.template, url).idempotent(),
        };
        let call = call.header("cookie", &format!("ORSSESSIONID={}", session.id))?;
        match self.content {
            Content::Question | Content::Order => Ok(call),
            Content::Words(body) if as_form => Ok(call.form(&body.pairs())),
            Content::Words(body) => call.json(body),
            Content::Passed(Passed { content_type, body, .. }) => {
                call.bytes(content_type.as_deref().unwrap_or("application/json"), body.clone())
            }
        }
    }
}

impl OrsSessions {
    /// Brings an errand to the session, within [`PATIENCE`].
    ///
    /// A session that said where it is has one node, whose word counts. Of any other session it is gone only when every node
    /// that is known has said so: one that does not run it knows nothing of it.
    pub(super) async fn bring(
        &self,
        client: &HttpClient,
        session: &SessionBinding,
        errand: &Errand<'_>,
    ) -> Asked<Reply> {
        let Ok(heard) = tokio::time::timeout(PATIENCE, self.search(client, session, errand)).await else {
            tracing::debug!(session.id = %session.id, errand = errand.operation, "the session did not answer in time");
            return Asked::Unreachable;
        };
        heard
    }

    async fn search(&self, client: &HttpClient, session: &SessionBinding, errand: &Errand<'_>) -> Asked<Reply> {
        let own = self.own_node(session);
        let homeless = own.is_none();
        let mut everyone_knows_nothing = true;
        for node in own.map_or_else(|| self.candidates(session), |own| vec![own]) {
            match self.exchange(client, session, &node, errand).await {
                Ok(reply) if reply.status() == 404 => {}
                Ok(reply) => {
                    if homeless {
                        self.known.note_home(session, &node);
                    }
                    // It runs there and did not answer its node in time.
                    return if reply.status() == 408 { Asked::Unreachable } else { Asked::Answered(reply) };
                }
                Err(error) => {
                    tracing::debug!(session.id = %session.id, errand = errand.operation, %error, "a node was not reached");
                    everyone_knows_nothing = false;
                }
            }
        }
        if !everyone_knows_nothing {
            return Asked::Unreachable;
        }
        self.known.forget_home(session);
        Asked::Gone
    }

    /// The address the session gave, when it may be called.
    fn own_node(&self, session: &SessionBinding) -> Option<Url> {
        let told = session.url.as_ref()?;
        let permitted = Url::parse(told).ok().filter(|url| self.allowed.permits(url, self.nodes.configured()));
        if permitted.is_none() {
            tracing::warn!(session.id = %session.id, "the session's address is not allowed; it is looked for");
        }
        permitted
    }

    /// Every node that is known, the one that answered for the session first.
    fn candidates(&self, session: &SessionBinding) -> Vec<Url> {
        let mut nodes = self.nodes.in_order(&[]);
        if let Some(place) = self.known.home_of(session).and_then(|home| nodes.iter().position(|node| *node == home)) {
            nodes[..=place].rotate_right(1);
        }
        nodes
    }

    /// Asks one node; in our own words as a form when it takes no JSON, which is remembered.
    async fn exchange(
        &self,
        client: &HttpClient,
        session: &SessionBinding,
        node: &Url,
        errand: &Errand<'_>,
    ) -> Result<Reply, CallError> {
        let own_words = matches!(errand.content, Content::Words(_));
        let name = format!("{}:{}", node.host_str().unwrap_or_default(), node.port_or_known_default().unwrap_or(0));
        if !own_words || !self.known.takes_forms_only(&name) {
            let reply = client.send(&errand.call(session, node, false)?).await?;
            if !own_words || reply.status() != 415 {
                return Ok(reply);
            }
            self.known.note_forms_only(name);
        }
        client.send(&errand.call(session, node, true)?).await
    }
}

/// The address of something of the session at `node`.
fn address(session: &SessionBinding, node: &Url, tail: &[&str]) -> Url {
    let mut url = node.clone();
    url.set_query(None);
    url.set_fragment(None);
    // The cookie form of an id carries its node; paths have the bare id.
    let bare = session.id.bare();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["scxml", "session", bare]).extend(tail);
    }
    url
}
