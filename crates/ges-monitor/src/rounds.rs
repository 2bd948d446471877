//! Handing over what is due, one round of one service at a time (R-SUB-1 to R-SUB-5, R-SUB-7 to R-SUB-9).

use std::time::Duration;

use ges_domain::Instant;
use ges_domain::callback::{Actor, Callback, Change, Kind, Reason};
use ges_domain::invariants;
use ges_domain::ports::{Dispatch, Handed, HandoverOutcome, ServiceRef, ShardLease, StoreError};
use ges_domain::submission::{DueVerdict, MIN_LEAD, ack_deadline, decide_due, due_from, earliest_dial};
use tokio::time::Instant as Monotonic;

use crate::agenda::reach;
use crate::core::Core;

/// Most records that are written and recorded at once.
const PORTION: usize = 250;

/// Items handled later than this after their time are reported.
const LAGGING: Duration = Duration::from_secs(10);

/// What a round needs to know about its service.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) lease: ShardLease,
    pub(crate) service: ServiceRef,
    pub(crate) ewt: Duration,
    pub(crate) excused_until: Option<Instant>,
}

/// What a round came to.
#[derive(Debug, Default)]
pub(crate) struct RoundEnd {
    /// The wait it worked with.
    pub(crate) ewt: Duration,
    /// Desired time of the first record that still waits; none when nothing does.
    pub(crate) left: Option<Instant>,
    /// There may be more that is due.
    pub(crate) more: bool,
    /// Its service is paused.
    pub(crate) paused: bool,
    /// The store has to say what comes next.
    pub(crate) stale: bool,
    /// When the first of the attempts just written wants an answer.
    pub(crate) timer: Option<Instant>,
    /// A batch was written.
    pub(crate) wrote: bool,
    /// Something was changed in the record.
    pub(crate) progress: bool,
}

/// A batch that is on the stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// Whether any of its attempts was recorded.
    pub(crate) recorded: bool,
    /// Whether any was not.
    pub(crate) overtaken: bool,
    /// When the first of its attempts began to wait for an answer.
    pub(crate) at: Instant,
}

impl Written {
    fn add(&mut self, portion: Self) {
        self.recorded |= portion.recorded;
        self.overtaken |= portion.overtaken;
    }
}

/// A portion that is on the stream and not yet recorded.
struct Submitted<'a> {
    batch: &'a [Dispatch],
    at: Instant,
}

/// Why a round stopped half-way; what was under way is done again.
#[derive(Debug)]
pub(crate) enum RoundBroke {
    /// The shard may belong to somebody else by now.
    LeaseOver,
    /// The record store failed.
    Store(StoreError),
    /// The stream failed.
    Stream,
}

impl From<StoreError> for RoundBroke {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Core {
    /// One round: reads what is due, ends what must end, writes the rest in one batch and records it.
    pub(crate) async fn round(&self, round: &Round) -> Result<RoundEnd, RoundBroke> {
        let now = self.clock.now();
        let Round { lease, service, .. } = round;
        let known = self.catalogue.service(service.tenant, &service.name).await?;
        let ewt = match &known {
            // The wait decides what is due: the one of this moment, not of the last sample (R-SUB-2, G7).
            Some(known) if round.ewt > MIN_LEAD => self.current.of(service.tenant, known, now).await,
            _ => round.ewt,
        };
        let until = now + reach(ewt);
        let rows = self.handover.due(*lease, service, until, self.settings.round).await?;
        let due = rows.iter().take_while(|row| row.desired_at <= until).count();
        let full = u32::try_from(due).is_ok_and(|due| due >= self.settings.round);
        let saw_next = rows.len() > due;
        let mut end = RoundEnd { ewt, ..RoundEnd::default() };
        let stream_down = self.health().is_down();
        let mut batch = Vec::new();
        for row in rows {
            match decide_due(&row, known.as_deref(), &*self.plan, ewt, stream_down, now) {
                DueVerdict::Wait => {
                    end.left = end.left.or(Some(row.desired_at));
                    end.paused |= row.desired_at <= until && known.as_ref().is_some_and(|service| service.paused);
                }
                DueVerdict::End(reason) => {
                    let ended = self.end(*lease, &row, reason, now).await?;
                    (end.progress, end.stale) = (end.progress | ended, end.stale | !ended);
                }
                DueVerdict::HandOver => {
                    let Some(service) = known.clone() else { continue };
                    let (attempt, earliest_dial) = (row.next_attempt(), earliest_dial(row.desired_at, now));
                    batch.push(Dispatch { callback: row, service, attempt, earliest_dial, at: now });
                }
            }
        }
        // The one that was to come next does not wait: it is immediate, or somebody wished to cancel it. Who is next then?
        end.stale |= saw_next && end.left.is_none();
        if !batch.is_empty() {
            let written = self.write(*lease, &batch).await?;
            end.progress |= written.recorded;
            end.stale |= written.overtaken;
            self.count_lagging(&batch, round, now);
            (end.wrote, end.timer) = (true, first_timer(&batch, written.at));
        }
        // A full page of records that all wait is not read again and again.
        end.more = full && end.progress;
        Ok(end)
    }

    /// Writes a batch to the stream and records it, by portions: while one is recorded, the next one is written. The same
    /// attempts are written again when recording fails.
    pub(crate) async fn write(&self, lease: ShardLease, batch: &[Dispatch]) -> Result<Written, RoundBroke> {
        let mut portions = batch.chunks(PORTION);
        let mut written = Written { recorded: false, overtaken: false, at: self.clock.now() };
        let Some(first) = portions.next() else { return Ok(written) };
        let mut submitted = self.submit(lease, first).await?;
        written.at = submitted.at;
        for portion in portions {
            let (recorded, next) = tokio::join!(self.record(lease, &submitted), self.submit(lease, portion));
            written.add(recorded?);
            submitted = next?;
        }
        written.add(self.record(lease, &submitted).await?);
        Ok(written)
    }

    /// Writes a portion to the stream.
    async fn submit<'a>(&self, lease: ShardLease, batch: &'a [Dispatch]) -> Result<Submitted<'a>, RoundBroke> {
        if !self.rights.allow(lease) {
            return Err(RoundBroke::LeaseOver);
        }
        invariants::handing_over(batch).iter().for_each(|look| self.look(look));
        let began = Monotonic::now();
        if let Err(error) = self.stream.submit(batch).await {
            tracing::warn!(entries = batch.len(), error = &error as &dyn std::error::Error, "the stream took no batch");
            let records: Vec<_> = batch.iter().map(|one| (one.callback.tenant, one.callback.id)).collect();
            // The count only decides the reason at a deadline, and the stream's health says the same.
            if let Err(error) = self.handover.count_failed_cycle(lease, &records).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a failed cycle was not counted");
            }
            return Err(RoundBroke::Stream);
        }
        self.gauges.submitted(batch.len(), began.elapsed());
        // An attempt waits for its answer from now on: however long the writing took, the next one must not follow early (I2).
        Ok(Submitted { batch, at: self.clock.now() })
    }

    /// Records a portion that is on the stream.
    async fn record(&self, lease: ShardLease, Submitted { batch, at }: &Submitted<'_>) -> Result<Written, RoundBroke> {
        let handed: Vec<_> = batch
            .iter()
            .map(|one| Handed {
                tenant: one.callback.tenant,
                id: one.callback.id,
                attempt: one.attempt,
                nth: one.callback.attempt_of_its_time(one.attempt),
            })
            .collect();
        let outcomes = self.handover.record_handed(lease, &handed, *at).await?;
        let (mut recorded, mut refused) = (false, 0);
        for (one, outcome) in handed.iter().zip(outcomes) {
            match outcome {
                HandoverOutcome::Recorded => {
                    recorded = true;
                    tracing::debug!(callback.id = %one.id, one.attempt, "handed over");
                }
                HandoverOutcome::Overtaken => {
                    refused += 1;
                    tracing::info!(
                        callback.id = %one.id, one.attempt, "changed while it was handed over; its session will be refused"
                    );
                }
            }
        }
        self.gauges.refused(refused);
        Ok(Written { recorded, overtaken: refused > 0, at: *at })
    }

    /// Completes a record. `false`: it has changed meanwhile, or the lease is stale.
    pub(crate) async fn end(
        &self,
        lease: ShardLease,
        record: &Callback,
        reason: Reason,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let changes = vec![Change::Completed { reason: reason.clone() }];
        let ended = self.handover.settle(lease, record, changes.clone(), now).await?;
        if ended {
            tracing::info!(callback.id = %record.id, reason = reason.as_str(), "a monitor ended a callback");
            self.look(&invariants::ended(&record.apply(Actor::Monitor, now, changes).0));
            self.stop_session(record, &reason);
        } else {
            self.gauges.refused(1);
        }
        Ok(ended)
    }

    fn count_lagging(&self, batch: &[Dispatch], round: &Round, now: Instant) {
        let excused = round.excused_until.unwrap_or(Instant::from_millis(i64::MIN));
        let lagging = batch.iter().filter(|one| {
            let record = &one.callback;
            let due = match record.kind {
                Kind::Immediate => record.updated_at,
                Kind::Scheduled => due_from(record.desired_at, round.ewt).max(record.updated_at),
            };
            now.since(due.max(excused)) > LAGGING
        });
        match u64::try_from(lagging.count()) {
            Ok(0) | Err(_) => {}
            Ok(items) => self.gauges.lagging(items),
        }
    }
}

/// When the first attempt of a batch that was written at `at` wants an answer.
pub(crate) fn first_timer(batch: &[Dispatch], at: Instant) -> Option<Instant> {
    let nth = |one: &Dispatch| one.callback.attempt_of_its_time(one.attempt);
    batch.iter().map(|one| ack_deadline(nth(one), at).min(one.callback.deadline)).min()
}
