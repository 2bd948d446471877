//! Looking after the session of a callback (F-30, integrations 1.5, 1.7).

use std::sync::Arc;

use crate::callback::{Callback, TimelineEvent};
use crate::ports::{Clock, Record, Seen, SessionNews};
use crate::{CallbackId, Refusal, TenantId};

/// What is known of a callback and the session that has or had it.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The record.
    pub callback: Callback,
    /// The newest news of its session; none when it was not asked in the last minutes, or nobody keeps news.
    pub seen: Option<Seen>,
    /// What the session's node said of it, letter by letter, at most [`MOST_BYTES`](crate::ports::Description::MOST_BYTES).
    pub document: Option<String>,
    /// What happened to the callback, oldest first.
    pub timeline: Vec<TimelineEvent>,
}

/// Tells what is known of a callback's session.
pub struct DiagnoseSession {
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// What sessions were last heard to say.
    pub news: Arc<dyn SessionNews>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl DiagnoseSession {
    /// Asks the record and the news, never the session: whatever it does, this answers. News are volatile (R-POL-1); what was
    /// heard of a session before the last attempt is that of another one, and left out.
    ///
    /// # Errors
    /// `NotFound`, `StoreUnavailable`.
    pub async fn run(&self, tenant: TenantId, id: CallbackId) -> Result<Diagnosis, Refusal> {
        let found = self.record.find(tenant, id, self.clock.now()).await?;
        let callback = found.ok_or_else(|| Refusal::NotFound(id.to_string()))?;
        let timeline = self.record.timeline(tenant, id).await?;
        let seen = self.news.of(tenant, id).await.filter(|seen| seen.is_of(&callback));
        let document = match &seen {
            Some(_) => self.news.diagnostics(tenant, id).await,
            None => None,
        };
        Ok(Diagnosis { callback, seen, document, timeline })
    }
}
