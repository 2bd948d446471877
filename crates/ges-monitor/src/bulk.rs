//! The duty that works off bulk jobs (R-BLK-2): one node, in small batches, jobs taking turns.
//!
//! A record is done under a key of its own, and its outcome is written after. Whoever dies in between leaves a record without
//! an outcome; doing it again changes nothing and answers the same (I6).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use ges_domain::Refusal;
use ges_domain::bulk::{BulkId, Job, Outcome, PER_SECOND};
use ges_domain::ports::{BulkJobs, Pending, Shard, ShardLease, StoreError};
use ges_domain::use_cases::BulkAct;
use tokio::sync::Notify;
use tokio::time::Instant as Monotonic;

use crate::core::Core;
use crate::{Duty, Turn};

/// The holder of this shard works for everybody.
const WORKER: Shard = Shard(0);
/// Records of one turn.
const BATCH: u32 = 10;
/// Between the beginnings of two turns.
const PACE: Duration = Duration::from_millis(1_000 * BATCH as u64 / PER_SECOND as u64);
/// Jobs that take turns at once; the others wait for one to end.
const JOBS: u32 = 32;
/// Rescans between two looks for jobs that nobody hinted at.
const UNHINTED: u32 = 5;
/// How often a record is tried that the store or a session does not answer for.
const TRIES: u32 = 5;

/// What bulk jobs work with.
#[derive(Clone)]
pub struct BulkPorts {
    /// The jobs.
    pub jobs: Arc<dyn BulkJobs>,
    /// What is done to one record.
    pub act: Arc<BulkAct>,
}

/// Works off bulk jobs.
pub(crate) struct RunBulk {
    core: Arc<Core>,
    ports: BulkPorts,
    /// The lease it has looked with; another one means that jobs may have been left behind.
    looked_with: Option<ShardLease>,
    look_at: Monotonic,
    /// Whose turn it was.
    last: Option<BulkId>,
    /// Tries that did not come to an outcome.
    tries: HashMap<(BulkId, u32), u32>,
}

impl RunBulk {
    pub(crate) fn new(core: Arc<Core>, ports: BulkPorts) -> Self {
        Self { core, ports, looked_with: None, look_at: Monotonic::now(), last: None, tries: HashMap::new() }
    }

    /// One batch of the job whose turn it is. `false`: nothing runs.
    async fn batch(&mut self, lease: ShardLease) -> Result<bool, StoreError> {
        let jobs = self.ports.jobs.running_bulk(lease, JOBS).await?;
        let after = self.last.and_then(|last| jobs.iter().position(|job| job.id == last)).map_or(0, |nth| nth + 1);
        let Some(job) = jobs.get(after).or(jobs.first()) else {
            self.tries.clear();
            return Ok(false);
        };
        self.last = Some(job.id);
        let pending = self.ports.jobs.pending_bulk(job.id, BATCH).await?;
        let (act, gauges) = (&self.ports.act, &self.core.gauges);
        let tried: Vec<(Pending, Option<Outcome>)> = stream::iter(pending)
            .map(|one| async move {
                let done = act.run(job, one.callback).await;
                if done.as_ref().is_some_and(|done| done.booked) {
                    gauges.booked(job.tenant);
                }
                (one, done.map(|done| done.outcome))
            })
            .buffer_unordered(BATCH as usize)
            .collect()
            .await;
        let outcomes: Vec<_> = tried.into_iter().filter_map(|(one, outcome)| self.settled(job, one, outcome)).collect();
        self.ports.jobs.record_bulk(lease, job.id, &outcomes, self.core.clock.now()).await?;
        tracing::debug!(job = %job.id, records = outcomes.len(), "a batch of a bulk job is done");
        Ok(true)
    }

    /// The outcome of a record, or of the last try for one.
    fn settled(&mut self, job: &Job, one: Pending, outcome: Option<Outcome>) -> Option<(u32, Outcome)> {
        let place = (job.id, one.position);
        if let Some(outcome) = outcome {
            self.tries.remove(&place);
            return Some((one.position, outcome));
        }
        let tries = self.tries.entry(place).or_default();
        *tries += 1;
        (*tries >= TRIES).then(|| (one.position, Outcome::Failed { cause: Refusal::StoreUnavailable.to_string() }))
    }
}

#[async_trait]
impl Duty for RunBulk {
    async fn turn(&mut self) -> Turn {
        let settings = Arc::clone(&self.core.settings);
        let Some(lease) = self.core.rights.lease_of(WORKER) else {
            self.looked_with = None;
            return Turn::RestFor(settings.heartbeat);
        };
        let began = Monotonic::now();
        let rung = self.core.bulk_bell.answer();
        if self.looked_with == Some(lease) && !rung && began < self.look_at {
            return Turn::RestFor(self.look_at - began);
        }
        let rest = match self.batch(lease).await {
            Ok(true) => PACE.saturating_sub(began.elapsed()),
            // A hint says when there is one; only a hint that was lost without a word waits so long.
            Ok(false) => settings.jittered(settings.rescan * UNHINTED),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the record store failed under a bulk job");
                settings.store_rest
            }
        };
        self.looked_with = Some(lease);
        self.look_at = Monotonic::now() + rest;
        Turn::RestFor(rest)
    }

    async fn woken(&mut self) {
        // Between two batches nothing is hurried: the pace is the promise.
        tokio::time::sleep(PACE).await;
        self.core.bulk_bell.rung().await;
    }
}

/// A hint that a job was opened.
#[derive(Debug, Default)]
pub(crate) struct BulkBell {
    rung: std::sync::atomic::AtomicBool,
    notify: Notify,
}

impl BulkBell {
    pub(crate) fn ring(&self) {
        self.rung.store(true, std::sync::atomic::Ordering::SeqCst);
        self.notify.notify_one();
    }

    fn answer(&self) -> bool {
        self.rung.swap(false, std::sync::atomic::Ordering::SeqCst)
    }

    async fn rung(&self) {
        self.notify.notified().await;
    }
}
