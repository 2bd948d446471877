//! Deleting what is over (R-REC-2, R-EXP-2, T18): one node, small batches, rests between them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::callback::RETENTION;
use ges_domain::ports::Shard;

use crate::core::Core;
use crate::{Duty, Turn};

/// The holder of this shard purges for everybody.
const PURGER: Shard = Shard(0);

/// Deletes expired records.
pub(crate) struct Purge {
    pub(crate) core: Arc<Core>,
    /// Not in the first minute: a start has other worries.
    pub(crate) begun: bool,
}

#[async_trait]
impl Duty for Purge {
    async fn turn(&mut self) -> Turn {
        let settings = &self.core.settings;
        if !self.begun {
            self.begun = true;
            return Turn::RestFor(settings.jittered(settings.rescan));
        }
        if self.core.rights.lease_of(PURGER).is_none() {
            return Turn::RestFor(settings.jittered(settings.rescan));
        }
        // Expired is `now >= desired + RETENTION`; the port deletes what lies before an instant.
        let before = self.core.clock.now() - RETENTION + Duration::from_millis(1);
        match self.core.handover.purge(before, settings.purge_batch).await {
            Ok(deleted) if deleted >= u64::from(settings.purge_batch) => Turn::RestFor(settings.purge_rest),
            Ok(deleted) => {
                tracing::info!(deleted, "expired records were deleted");
                Turn::RestFor(settings.jittered(settings.purge_period))
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "expired records were not deleted");
                Turn::RestFor(settings.jittered(settings.rescan))
            }
        }
    }
}
