//! Looking one callback up.

use std::sync::Arc;

use crate::callback::Callback;
use crate::ports::{Clock, Record};
use crate::{CallbackId, Refusal, TenantId};

/// Reads one callback of the tenant.
pub struct RetrieveCallback {
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl RetrieveCallback {
    /// The record, as long as it has not expired (R-REC-2), completed or not (R-REC-3). Another tenant's is not found (R-CAN-3, I9).
    ///
    /// # Errors
    /// `NotFound`, `StoreUnavailable`.
    pub async fn run(&self, tenant: TenantId, id: CallbackId) -> Result<Callback, Refusal> {
        let found = self.record.find(tenant, id, self.clock.now()).await?;
        found.ok_or_else(|| Refusal::NotFound(id.to_string()))
    }
}
