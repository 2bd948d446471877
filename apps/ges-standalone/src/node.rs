//! The one orchestration node there is.

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::callback::{Actor, Reason, SessionBinding};
use ges_domain::ports::{CancelOutcome, Pulse, SessionPulse, Sessions};
use ges_domain::{CallInId, CallbackId, Instant};
use ges_ors::OrsSessions;

/// Every session is asked for at the node of this process. One of an earlier run names an address where nobody is any more,
/// or by now somebody else; the node of this process knows that it is gone.
pub(crate) struct OneNode(pub(crate) Arc<OrsSessions>);

fn here(session: &SessionBinding) -> SessionBinding {
    SessionBinding { id: session.id.clone(), url: None }
}

#[async_trait]
impl Sessions for OneNode {
    async fn cancel(
        &self,
        session: &SessionBinding,
        callback: CallbackId,
        reason: &Reason,
        by: &Actor,
        at: Instant,
    ) -> CancelOutcome {
        self.0.cancel(&here(session), callback, reason, by, at).await
    }

    async fn consumer_called_in(&self, session: &SessionBinding, callback: CallbackId, call_in: CallInId, at: Instant) {
        self.0.consumer_called_in(&here(session), callback, call_in, at).await;
    }

    async fn terminate(&self, session: &SessionBinding) {
        self.0.terminate(&here(session)).await;
    }
}

#[async_trait]
impl SessionPulse for OneNode {
    async fn pulse(&self, session: &SessionBinding) -> Pulse {
        self.0.pulse(&here(session)).await
    }
}
