//! Pausing and resuming services (chapter 6.4).

use std::sync::Arc;

use crate::ports::{Clock, PauseAct, PauseEntry, PauseScope, Pauses};
use crate::{Refusal, TenantId};

/// Pauses and resumes services (R-PAU-1). The act is durable at once; records and sessions follow in the background.
pub struct PauseServices {
    /// The pauses.
    pub pauses: Arc<dyn Pauses>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl PauseServices {
    /// Pauses (`paused`) or resumes, in the name of `by`. Returns the pauses that stand then: a service that is resumed stays
    /// paused while the entry for all stands, and resuming all leaves those that were paused by themselves.
    ///
    /// # Errors
    /// `UnknownService`, `StoreUnavailable`.
    pub async fn run(
        &self,
        tenant: TenantId,
        scope: PauseScope,
        paused: bool,
        by: &str,
    ) -> Result<Vec<PauseEntry>, Refusal> {
        let act = PauseAct { scope, paused, by: by.to_owned(), at: self.clock.now() };
        if !self.pauses.set_paused(tenant, &act).await? {
            return Err(Refusal::UnknownService(act.scope.service().map(ToString::to_string).unwrap_or_default()));
        }
        self.standing(tenant).await
    }

    /// The pauses that stand.
    ///
    /// # Errors
    /// `StoreUnavailable`.
    pub async fn standing(&self, tenant: TenantId) -> Result<Vec<PauseEntry>, Refusal> {
        Ok(self.pauses.paused(tenant).await?)
    }

    /// Who paused and resumed what, the latest first, at most `limit` acts.
    ///
    /// # Errors
    /// `StoreUnavailable`.
    pub async fn history(&self, tenant: TenantId, limit: u32) -> Result<Vec<PauseAct>, Refusal> {
        Ok(self.pauses.pause_history(tenant, limit).await?)
    }
}
