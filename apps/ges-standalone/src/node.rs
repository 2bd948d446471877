//! The one orchestration node there is.

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::callback::SessionBinding;
use ges_domain::ports::{Asked, Description, Passed, Place, SessionEvent, SessionRequests, Sessions, Told};
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

    async fn terminate(&self, session: &SessionBinding) -> Told {
        self.0.terminate(&here(session)).await
    }
}

#[async_trait]
impl SessionRequests for OneNode {
    async fn place(&self, session: &SessionBinding) -> Asked<Place> {
        self.0.place(&here(session)).await
    }

    async fn describe(&self, session: &SessionBinding) -> Asked<Description> {
        self.0.describe(&here(session)).await
    }

    async fn relay(&self, session: &SessionBinding, action: &str, request: &Passed) -> Asked<(u16, Passed)> {
        self.0.relay(&here(session), action, request).await
    }
}
