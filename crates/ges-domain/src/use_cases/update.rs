//! What a running session tells us (connection 12, R-TR-1 to R-TR-3).

use std::sync::Arc;

use crate::callback::{Callback, SessionBinding, SessionUpdate};
use crate::ports::{Clock, Record, SessionAnswer, SessionNews, Sessions};
use crate::{CallbackId, Refusal, TenantId};

/// Applies a session's storage update.
pub struct TakeSessionUpdate {
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// Running sessions.
    pub sessions: Arc<dyn Sessions>,
    /// What sessions were last heard to say.
    pub news: Arc<dyn SessionNews>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl TakeSessionUpdate {
    /// Returns the record after an accepted update, or `None` when there was nothing to change. A stranger is told to stop.
    /// Who tells of the first dial and not of the queue is taken at the word of the last poll (chapter 22).
    ///
    /// # Errors
    /// `NotFound`, `NotYourSession`, `IllegalTransition`, `UserDataTooLarge`, `InvalidRequest` for too many facts, `StoreUnavailable` (the session has to repeat).
    pub async fn run(
        &self,
        tenant: TenantId,
        id: CallbackId,
        update: &SessionUpdate,
    ) -> Result<Option<Callback>, Refusal> {
        let polled = match update.dial_attempts {
            Some(1) if update.position.is_none() && update.ewt.is_none() => self.news.of(tenant, id).await,
            _ => None,
        };
        let polled = polled.filter(|seen| seen.reachable).map(|seen| SessionUpdate {
            position: seen.place.position,
            ewt: seen.place.ewt,
            ..update.clone()
        });
        let update = polled.as_ref().unwrap_or(update);
        match self.record.apply_session_update(tenant, id, update, self.clock.now()).await? {
            SessionAnswer::Accepted(callback) => Ok(Some(*callback)),
            SessionAnswer::Ignored(_) => Ok(None),
            SessionAnswer::Stranger => {
                if let Some(id) = &update.session {
                    self.sessions.terminate(&SessionBinding { id: id.clone(), url: update.url.clone() }).await;
                }
                Err(Refusal::NotYourSession)
            }
            SessionAnswer::Illegal { from, to } => Err(Refusal::IllegalTransition { from, to }),
            SessionAnswer::TooLarge(overgrown) => Err(overgrown.into()),
            SessionAnswer::Unknown => Err(Refusal::NotFound(id.to_string())),
        }
    }
}
