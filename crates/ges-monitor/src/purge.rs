//! Deleting what is over (R-REC-2, R-EXP-2, R-CTI-10, T18): one node, small batches, rests between them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use ges_domain::callback::{Actor, RETENTION, Reason};
use ges_domain::idempotency::KEPT;
use ges_domain::ports::{SessionEvent, Shard, StoreError};
use ges_domain::{Instant, bulk, call_in};

use crate::core::{Core, STOPS_AT_ONCE};
use crate::{Duty, Turn};

/// The holder of this shard purges for everybody.
const PURGER: Shard = Shard(0);

/// Bulk jobs deleted at once: each may have thousands of records.
const PURGED_JOBS: u32 = 5;

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
        match self.purge().await {
            Ok(deleted) if deleted >= u64::from(settings.purge_batch) => Turn::RestFor(settings.purge_rest),
            Ok(_) => Turn::RestFor(settings.jittered(settings.purge_period)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "expired records were not deleted");
                Turn::RestFor(settings.jittered(settings.rescan))
            }
        }
    }
}

impl Purge {
    /// One batch of each kind; the size of the larger one.
    async fn purge(&self) -> Result<u64, StoreError> {
        let (now, batch) = (self.core.clock.now(), self.core.settings.purge_batch);
        // Expired is `now >= desired + RETENTION`; the ports delete what lies before an instant.
        let before = now - RETENTION + Duration::from_millis(1);
        self.stop_sessions(before, batch).await?;
        let records = self.core.handover.purge(before, batch).await?;
        let made_before = now - call_in::RETENTION + Duration::from_millis(1);
        let requests = self.core.call_ins.purge_call_ins(made_before, batch).await?;
        let answers = self.core.kept.forget(now - KEPT, batch).await?;
        let jobs = match &self.core.bulk {
            Some(bulk) => bulk.purge_bulk(now - bulk::RETENTION, PURGED_JOBS).await?,
            None => 0,
        };
        tracing::info!(records, requests, answers, jobs, "expired records and kept answers were deleted");
        let more_jobs = jobs >= u64::from(PURGED_JOBS);
        Ok(records.max(requests).max(answers).max(if more_jobs { batch.into() } else { 0 }))
    }

    /// Nobody is called any more for a record that is about to go: its session is told to stop first (R-REC-2). Best effort; one
    /// that does not hear of it finds no record.
    async fn stop_sessions(&self, before: Instant, batch: u32) -> Result<(), StoreError> {
        let at = self.core.clock.now();
        let held = self.core.handover.expiring(before, batch).await?;
        let event = SessionEvent::Cancel { reason: Reason::EXPIRED, by: Actor::Monitor };
        let told = held.iter().filter_map(|record| record.session.as_ref().map(|session| (record.id, session)));
        let tell = async |(id, session)| {
            let outcome = self.core.sessions.tell(session, id, &event, at).await;
            tracing::warn!(callback.id = %id, ?outcome, "a callback expired while a session had it; the session was told");
        };
        stream::iter(told).for_each_concurrent(STOPS_AT_ONCE, tell).await;
        Ok(())
    }
}
