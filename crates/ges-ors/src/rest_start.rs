//! Starting sessions by the REST interface, for laboratories without a stream (integrations 1.3, `ors.start_mode`).
//!
//! The stream keeps what it was given and its readers collapse repeats; a call does neither. So this is no way to run a contact
//! centre: an answer that is lost starts a second session, which is refused when it binds (R-SUB-8).

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::SessionId;
use ges_domain::callback::SessionUpdate;
use ges_domain::ports::{Dispatch, StreamError, SubmissionStream};
use ges_domain::use_cases::TakeSessionUpdate;
use ges_http_client::{CallError, Reply};
use serde_json::Value;

use crate::OrsSessions;
use crate::entry::{Origin, Writer, corr_id};

/// Name of the cookie that carries a session's id.
const COOKIE: &str = "ORSSESSIONID";
/// Names of the id in a JSON answer, the first one that is there counts.
const KEYS: [&str; 4] = ["sessionId", "sessionid", "session_id", "_id"];

/// Sessions started one by one, each by a call.
pub struct RestStart {
    nodes: Arc<OrsSessions>,
    bind: TakeSessionUpdate,
    origin: Origin,
}

impl RestStart {
    /// `nodes` start sessions; `bind` takes the id that a node answers, as if the session had said it.
    pub fn new(nodes: Arc<OrsSessions>, bind: TakeSessionUpdate, origin: Origin) -> Self {
        Self { nodes, bind, origin }
    }

    async fn start(&self, dispatch: &Dispatch) -> Result<(), CallError> {
        let (callback, attempt) = (&dispatch.callback, dispatch.attempt);
        let fields = Writer::over(&self.origin, Some(&self.nodes)).entry(dispatch, &corr_id(callback.id, attempt));
        let form = form(&fields);
        let form: Vec<(&str, &str)> = form.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let reply = self.nodes.start(dispatch.service.preferred_regions(), &form).await?;
        let Some(session) = session_in(&reply) else {
            tracing::warn!(callback.id = %callback.id, "the answer to a start names no session; it has to bind by itself");
            return Ok(());
        };
        // Its first call binds it just as well, and tells where it runs.
        let bound = SessionUpdate { session: Some(session), attempt: Some(attempt), ..SessionUpdate::default() };
        if let Err(refusal) = self.bind.run(callback.tenant, callback.id, &bound).await {
            tracing::info!(callback.id = %callback.id, attempt, %refusal, "a started session was not bound");
        }
        Ok(())
    }
}

/// The session that a node says it has started: by cookie, in JSON, as the text of the body (integrations 1.3).
fn session_in(reply: &Reply) -> Option<SessionId> {
    let mut cookies = reply.headers("set-cookie").filter_map(|cookie| cookie.split(';').next()?.trim().split_once('='));
    let by_cookie = cookies.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.trim().to_owned());
    let text = std::str::from_utf8(reply.body()).unwrap_or_default().trim();
    let named = by_cookie.or_else(|| match serde_json::from_str(text) {
        Ok(Value::Object(told)) => KEYS.iter().find_map(|key| told.get(*key)?.as_str().map(str::to_owned)),
        Ok(Value::String(text)) => Some(text),
        _ => Some(text.to_owned()),
    })?;
    let session = SessionId::new(&named).ok()?;
    SessionId::new(session.bare()).ok()
}

/// The application as `src`, then the keys of the entry's payload, texts as they are and everything else as JSON.
fn form(fields: &[(&'static str, String)]) -> Vec<(String, String)> {
    let field = |name: &str| fields.iter().find(|(field, _)| *field == name).map_or("", |(_, value)| value.as_str());
    let mut form = vec![("src".to_owned(), field("application").to_owned())];
    form.push(("_ges_url".to_owned(), field("gesUrl").to_owned()));
    form.push(("_attempt".to_owned(), field("attempt").to_owned()));
    let data: serde_json::Map<String, Value> = serde_json::from_str(field("data")).unwrap_or_default();
    form.extend(data.into_iter().map(|(key, value)| {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (key, text)
    }));
    form
}

#[async_trait]
impl SubmissionStream for RestStart {
    async fn submit(&self, batch: &[Dispatch]) -> Result<(), StreamError> {
        for (started, dispatch) in batch.iter().enumerate() {
            self.start(dispatch)
                .await
                .map_err(|error| crate::refusal(batch.len() - started, batch.len(), error.into()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "rest_start_tests.rs"]
mod tests;
