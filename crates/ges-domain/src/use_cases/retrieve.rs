//! Looking one callback up.

use std::sync::Arc;

use crate::callback::{Callback, State};
use crate::ports::{Clock, Record, Seen, SessionNews};
use crate::{CallbackId, Refusal, TenantId};

/// Reads one callback of the tenant.
pub struct RetrieveCallback {
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// What sessions were last heard to say.
    pub news: Arc<dyn SessionNews>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl RetrieveCallback {
    /// The record, as long as it has not expired (R-REC-2), completed or not (R-REC-3). Another tenant's is not found (R-CAN-3, I9).
    /// Position and wait are the newest known, as long as a session queues (R-REC-7, R-POL-1).
    ///
    /// # Errors
    /// `NotFound`, `StoreUnavailable`.
    pub async fn run(&self, tenant: TenantId, id: CallbackId) -> Result<Callback, Refusal> {
        Ok(self.with_news(tenant, id).await?.0)
    }

    /// The same, with the news of the session that has it; none when there are none.
    ///
    /// # Errors
    /// `NotFound`, `StoreUnavailable`.
    pub async fn with_news(&self, tenant: TenantId, id: CallbackId) -> Result<(Callback, Option<Seen>), Refusal> {
        let found = self.record.find(tenant, id, self.clock.now()).await?;
        let mut callback = found.ok_or_else(|| Refusal::NotFound(id.to_string()))?;
        if callback.session.is_none() || !callback.state.is_open() {
            return Ok((callback, None));
        }
        let seen = self.news.of(tenant, id).await.filter(|seen| seen.is_of(&callback));
        let moving = matches!(callback.state, State::Queued | State::Routing | State::Processing);
        if let Some(seen) = seen.as_ref().filter(|_| moving) {
            seen.tell(&mut callback);
        }
        Ok((callback, seen))
    }
}
