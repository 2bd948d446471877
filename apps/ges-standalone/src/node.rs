//! The one orchestration node there is.

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::callback::SessionBinding;
use ges_domain::ports::{Pulse, SessionEvent, SessionPulse, Sessions, Told};
use ges_domain::{CallbackId, Instant};
use ges_ors::OrsSessions;

/// Every session is asked for at the node of this process. One of an earlier run names an address where nobody is any more,
/// or by now somebody else; the node of this process knows that it is gone.
pub(crate) struct OneNode(pub(crate) Arc<OrsSessions>);

fn here(session: &SessionBinding) -> SessionBinding {
    SessionBinding { id: session.id.clone(), url: None }
}

#[async_trait]
impl Sessions for OneNode {
    async fn tell(&self, session: &SessionBinding, callback: CallbackId, event: &SessionEvent, at: Instant) -> Told {
        self.0.tell(&here(session), callback, event, at).await
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
