//! What rings without being woken: unanswered attempts and deadlines (R-SUB-8, R-EXP-1).

use std::collections::BTreeMap;

use ges_domain::Instant;
use ges_domain::callback::{Actor, Callback, Change, Reason};
use ges_domain::invariants;
use ges_domain::ports::{Dispatch, ServiceRef, ShardLease};
use ges_domain::submission::{TimerVerdict, decide_timer, earliest_dial};

use crate::core::Core;
use crate::rounds::RoundBroke;

/// What a look at the timers of a shard came to.
#[derive(Debug, Default)]
pub(crate) struct TimersEnd {
    /// More have rung than one look takes.
    pub(crate) more: bool,
    /// Something was changed.
    pub(crate) progress: bool,
    /// A batch was written.
    pub(crate) wrote: bool,
}

impl Core {
    /// Looks at up to a round of the records of a shard whose timer has rung. `may_write`: the stream is not resting.
    pub(crate) async fn timers(&self, lease: ShardLease, may_write: bool) -> Result<TimersEnd, RoundBroke> {
        let now = self.clock.now();
        let rows = self.handover.timers(lease, now, self.settings.round).await?;
        let full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= self.settings.round);
        let stream_down = self.health().is_down();
        let mut end = TimersEnd::default();
        let mut again: BTreeMap<ServiceRef, Vec<Callback>> = BTreeMap::new();
        for row in rows {
            let changed = match decide_timer(&row, stream_down, now) {
                TimerVerdict::Nothing => false,
                TimerVerdict::End(reason) => self.end(lease, &row, reason, now).await?,
                TimerVerdict::GiveUp => {
                    let ended = self.end(lease, &row, Reason::SUBMIT_FAILED, now).await?;
                    if ended {
                        self.gauges.submit_failed();
                    }
                    ended
                }
                // First the record waits again, so that whatever happens now, somebody writes the next attempt.
                TimerVerdict::NextAttempt => {
                    self.look(&invariants::giving_up(&row, now));
                    let freed = self.handover.settle(lease, &row, vec![Change::SessionUnbound], now).await?;
                    if freed {
                        let (row, _) = row.apply(Actor::Monitor, now, vec![Change::SessionUnbound]);
                        let service = ServiceRef { tenant: row.tenant, name: row.service.clone() };
                        again.entry(service).or_default().push(row);
                    } else {
                        self.gauges.refused(1);
                    }
                    freed
                }
            };
            end.progress |= changed;
        }
        end.more = full && end.progress;
        for (service, rows) in again.into_iter().filter(|_| may_write) {
            let batch = self.next_attempts(&service, rows, now).await?;
            if !batch.is_empty() {
                self.write(lease, &batch).await?;
                end.wrote = true;
            }
        }
        Ok(end)
    }

    /// The next attempts of unanswered records: at once, whatever the wait is by now. None for a service that is paused or
    /// gone, nor for a number that is blocked by now: a round will see to them.
    async fn next_attempts(
        &self,
        service: &ServiceRef,
        mut rows: Vec<Callback>,
        now: Instant,
    ) -> Result<Vec<Dispatch>, RoundBroke> {
        let known = self.catalogue.service(service.tenant, &service.name).await?;
        let Some(known) = known.filter(|known| !known.removed && !known.paused) else { return Ok(Vec::new()) };
        // Blocked since the last attempt: a round will end it (R-SUB-6, T15).
        rows.retain(|row| !known.blocks(&*self.plan, &row.phone_key));
        rows.sort_by_key(Callback::order);
        let dispatch = |row: Callback| Dispatch {
            attempt: row.next_attempt(),
            earliest_dial: earliest_dial(row.desired_at, now),
            service: known.clone(),
            callback: row,
            at: now,
        };
        Ok(rows.into_iter().map(dispatch).collect())
    }
}
