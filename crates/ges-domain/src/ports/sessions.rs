//! Talking to a running orchestration session.

use async_trait::async_trait;

use crate::callback::{Actor, Reason, SessionBinding};
use crate::{CallInId, CallbackId, Instant};

/// What came of telling a session to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It took the event.
    Accepted,
    /// It answered that an agent is connected already.
    Refused,
    /// No such session any more.
    Gone,
    /// No answer in time.
    Unreachable,
}

/// Running sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Tells a session that its callback is cancelled (integrations 1.4, 1.5), within 3 s. Never an error: every way it can
    /// fail has a business answer.
    async fn cancel(
        &self,
        session: &SessionBinding,
        callback: CallbackId,
        reason: &Reason,
        by: &Actor,
        at: Instant,
    ) -> CancelOutcome;

    /// Tells a session that the consumer has called in and is on the line (R-CTI-14). Best effort.
    async fn consumer_called_in(&self, session: &SessionBinding, callback: CallbackId, call_in: CallInId, at: Instant);

    /// Tells a session that has no right to a callback to stop (1.2.5). Best effort.
    async fn terminate(&self, session: &SessionBinding);
}
