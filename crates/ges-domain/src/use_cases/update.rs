//! What a running session tells us (connection 12, R-TR-1 to R-TR-3).

use std::sync::Arc;

use crate::callback::{Callback, SessionBinding, SessionUpdate};
use crate::ports::{Clock, Record, SessionAnswer, Sessions};
use crate::{CallbackId, Refusal, TenantId};

/// Applies a session's storage update.
pub struct TakeSessionUpdate {
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// Running sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl TakeSessionUpdate {
    /// Returns the record after an accepted update, or `None` when there was nothing to change. A stranger is told to stop.
    ///
    /// # Errors
    /// `NotFound`, `NotYourSession`, `IllegalTransition`, `UserDataTooLarge`, `InvalidRequest` for too many facts, `StoreUnavailable` (the session has to repeat).
    pub async fn run(
        &self,
        tenant: TenantId,
        id: CallbackId,
        update: &SessionUpdate,
    ) -> Result<Option<Callback>, Refusal> {
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
