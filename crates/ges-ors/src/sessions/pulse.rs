//! Whether a session still runs (integrations 1.3 query, 1.7).

use async_trait::async_trait;
use ges_domain::callback::SessionBinding;
use ges_domain::ports::{Pulse, SessionPulse};
use ges_http_client::Call;

use super::{OrsSessions, PATIENCE};

#[async_trait]
impl SessionPulse for OrsSessions {
    async fn pulse(&self, session: &SessionBinding) -> Pulse {
        let call = Call::get("query", "/scxml/session/{sid}/query", self.address(session, &["query"]));
        let asked = match call.header("cookie", &format!("ORSSESSIONID={}", session.id)) {
            Ok(call) => tokio::time::timeout(PATIENCE, self.client.send(&call)).await,
            Err(error) => Ok(Err(error)),
        };
        match asked {
            Ok(Ok(reply)) => match reply.status() {
                200..300 => Pulse::Beats,
                404 => Pulse::Gone,
                _ => Pulse::Unreachable,
            },
            Ok(Err(error)) => {
                tracing::debug!(session.id = %session.id, %error, "the session's node was not reached");
                Pulse::Unreachable
            }
            Err(_) => Pulse::Unreachable,
        }
    }
}
