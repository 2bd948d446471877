//! Deleting what is over (R-REC-2, R-EXP-2, T18): one node, small batches, rests between them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::callback::RETENTION;
use ges_domain::idempotency::KEPT;
use ges_domain::ports::Shard;

use crate::core::Core;
use crate::{Duty, Turn};

/// The holder of this shard purges for everybody.
const PURGER: Shard = Shard(0);

/// Deletes expired records, and answers whose keys may be used again (I6).
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
        let now = self.core.clock.now();
        let before = now - RETENTION + Duration::from_millis(1);
        let most = settings.purge_batch;
        let deleted = match self.core.handover.purge(before, most).await {
            Ok(deleted) => self.core.kept.forget(now - KEPT, most).await.map(|forgotten| (deleted, forgotten)),
            Err(error) => Err(error),
        };
        match deleted {
            Ok((deleted, forgotten)) if deleted.max(forgotten) >= u64::from(most) => Turn::RestFor(settings.purge_rest),
            Ok((deleted, forgotten)) => {
                tracing::info!(deleted, forgotten, "expired records and kept answers were deleted");
                Turn::RestFor(settings.jittered(settings.purge_period))
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "expired records were not deleted");
                Turn::RestFor(settings.jittered(settings.rescan))
            }
        }
    }
}
