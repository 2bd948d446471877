//! Cancelling (chapter 5, R-CAN-1 to R-CAN-4).

use std::sync::Arc;

use crate::callback::Callback;
use crate::ports::{CancelAnswer, CancelRequest, Cancelled, Clock, Record, SessionEvent, Sessions, Told};
use crate::{CallbackId, Refusal, TenantId};

/// Sessions that are asked one after the other before the caller has to ask again.
const MOST_SESSIONS: u32 = 3;

/// Withdraws a callback. Success means that no later dispatch is accepted (I5).
pub struct CancelCallback {
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// Running sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl CancelCallback {
    /// Stores the wish, asks the session if there is one, and settles. If we die between the two halves the wish stands in
    /// the record and the call may be repeated. A repetition of a success under the same key succeeds again (I6).
    ///
    /// # Errors
    /// `NotFound`, `AlreadyCompleted`, `NotCancellable`, `KeyReused`, `StoreUnavailable`.
    pub async fn run(&self, tenant: TenantId, id: CallbackId, request: CancelRequest) -> Result<Callback, Refusal> {
        let now = self.clock.now();
        if self.record.find(tenant, id, now).await?.is_none() {
            return Err(Refusal::NotFound(id.to_string()));
        }
        let mut cancelled = self.record.cancel(tenant, id, &request, now).await?;
        // While one session is asked another one may take the callback; then that one has to be asked.
        for _ in 0..MOST_SESSIONS {
            let Cancelled::AskSession(session) = &cancelled else { break };
            let event = SessionEvent::Cancel { reason: request.reason.clone(), by: request.actor.clone() };
            let answer = match self.sessions.tell(session, id, &event, now).await {
                Told::Accepted => CancelAnswer::Accepted,
                Told::Refused => CancelAnswer::Refused,
                Told::Gone | Told::Unreachable => CancelAnswer::NoAnswer,
            };
            let (asked, now) = (&session.id, self.clock.now());
            cancelled = self.record.settle_cancel(tenant, id, asked, answer, &request, now).await?;
        }
        self.verdict(cancelled, tenant, id).await
    }

    async fn verdict(&self, cancelled: Cancelled, tenant: TenantId, id: CallbackId) -> Result<Callback, Refusal> {
        match cancelled {
            Cancelled::Done(callback) => Ok(*callback),
            Cancelled::Repeated => {
                let found = self.record.find(tenant, id, self.clock.now()).await?;
                found.ok_or_else(|| Refusal::NotFound(id.to_string()))
            }
            Cancelled::AlreadyCompleted => Err(Refusal::AlreadyCompleted),
            Cancelled::NotCancellable => Err(Refusal::NotCancellable),
            // The wish stands in the record; asking again is safe.
            Cancelled::AskSession(_) => Err(Refusal::StoreUnavailable),
            Cancelled::KeyReused => Err(Refusal::KeyReused),
            Cancelled::Unknown => Err(Refusal::NotFound(id.to_string())),
        }
    }
}
