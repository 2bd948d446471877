//! Asking a running session something on somebody's behalf (integrations 2.11).

use std::sync::Arc;
use std::time::Duration;

use crate::callback::{Kind, State};
use crate::ports::{Asked, Catalogue, Clock, Passed, Record, SessionNews, SessionRequests};
use crate::use_cases::CurrentWait;
use crate::{CallbackId, Refusal, TenantId};

/// A place so old is still told without asking the session again.
const YOUNG: Duration = Duration::from_secs(3);
/// The request that a poll has asked already.
const PLACE: &str = "check-queue-position";

/// Passes requests on to the session that has a callback.
pub struct RelayToSession {
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// What is provisioned.
    pub catalogue: Arc<dyn Catalogue>,
    /// Running sessions.
    pub requests: Arc<dyn SessionRequests>,
    /// What sessions were last heard to say.
    pub news: Arc<dyn SessionNews>,
    /// How long people wait.
    pub wait: Arc<CurrentWait>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

/// What a request to a session came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relayed {
    /// The session's answer, with its status.
    Answered(u16, Passed),
    /// The place as a poll has heard it moments ago: a JSON document.
    Remembered(String),
    /// It is scheduled and no session has it: nobody is before it, and so long people wait in its queue now.
    NotYet(Duration),
    /// No session has it any more.
    NoSession,
    /// The session does not answer.
    Unreachable,
}

impl RelayToSession {
    /// Asks the session of a callback.
    ///
    /// # Errors
    /// `NotFound`, `StoreUnavailable`.
    pub async fn run(
        &self,
        tenant: TenantId,
        id: CallbackId,
        action: &str,
        request: &Passed,
    ) -> Result<Relayed, Refusal> {
        let now = self.clock.now();
        let unknown = || Refusal::NotFound(id.to_string());
        let callback = self.record.find(tenant, id, now).await?.ok_or_else(unknown)?;
        let Some(session) = callback.session.as_ref().filter(|_| callback.state.is_open()) else {
            let waits = callback.kind == Kind::Scheduled && callback.state == State::Scheduled;
            if !(waits && action == PLACE) {
                return Ok(Relayed::NoSession);
            }
            let service = self.catalogue.service(tenant, &callback.service).await?;
            let Some(service) = service else { return Ok(Relayed::NotYet(Duration::ZERO)) };
            return Ok(Relayed::NotYet(self.wait.of_one(tenant, &service, &callback.particulars, now).await));
        };
        if action == PLACE
            && let Some(seen) = self.news.of(tenant, id).await
            && seen.reachable
            && seen.at.is_some_and(|at| now.since(at) < YOUNG)
            && !seen.place.answer.is_empty()
        {
            return Ok(Relayed::Remembered(seen.place.answer));
        }
        Ok(match self.requests.relay(session, action, request).await {
            Asked::Answered((status, answer)) => Relayed::Answered(status, answer),
            Asked::Gone => Relayed::NoSession,
            Asked::Unreachable => Relayed::Unreachable,
        })
    }
}
