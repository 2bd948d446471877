//! The duty that submits and ends: agenda, timers, rounds (chapter 6, design 4).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, stream};
use ges_domain::Instant;
use ges_domain::ports::{ServiceRef, Wake, WakeUps};
use tokio::sync::Mutex;
use tokio::time::Instant as Monotonic;

use crate::agenda::Agenda;
use crate::core::Core;
use crate::rounds::{Round, RoundBroke, RoundEnd};
use crate::{Duty, Turn};

/// A service whose round panicked is left alone for so long, so that the others go on.
const AFTER_PANIC: Duration = Duration::from_secs(60);

pub(crate) struct Worker {
    core: Arc<Core>,
    wake_ups: Arc<Mutex<Box<dyn WakeUps>>>,
    agenda: Agenda,
    /// When to look at everything; at once in the beginning, after a loss of hints, and when shards come.
    rescan_at: Monotonic,
    /// After the store failed, nothing before.
    store_rests: Option<Monotonic>,
    /// Whether this turn has changed anything, and how many before it have not.
    progress: bool,
    idle_turns: u32,
    /// When the waits are compared next, and whether there is a reason to.
    waits_at: Monotonic,
    waits_wanted: bool,
}

/// Between two comparisons of the waits.
const WAITS_REST: Duration = Duration::from_millis(250);

/// How a round ended for the worker.
enum Outcome {
    Ended(RoundEnd),
    Broke(RoundBroke),
    Panicked,
}

impl Worker {
    pub(crate) fn new(core: Arc<Core>, wake_ups: Arc<Mutex<Box<dyn WakeUps>>>) -> Self {
        let now = Monotonic::now();
        Self {
            core,
            wake_ups,
            agenda: Agenda::default(),
            rescan_at: now,
            store_rests: None,
            progress: false,
            idle_turns: 0,
            waits_at: now,
            waits_wanted: true,
        }
    }

    /// Follows the shards: what is lost is forgotten, what is gained or due for a rescan is asked for.
    async fn refresh(&mut self) {
        let gained = self.agenda.hold(self.core.rights.leases());
        let rescan = self.rescan_at <= Monotonic::now();
        let ask = match rescan {
            true => [self.agenda.leases(), &gained].concat(),
            false => [self.agenda.stale(), gained].concat(),
        };
        if ask.is_empty() {
            if rescan {
                self.plan_rescan();
            }
            return;
        }
        match self.core.handover.agenda(&ask).await {
            Ok(lines) => {
                let misplaced = lines.iter().filter(|line| line.misplaced);
                misplaced.for_each(|line| self.core.pause_bell.ring(line.service.clone()));
                self.agenda.load(&ask, lines, self.core.clock.now());
                self.waits_wanted = true;
                if rescan {
                    self.plan_rescan();
                }
            }
            Err(error) => self.store_failed(&error),
        }
    }

    fn plan_rescan(&mut self) {
        self.rescan_at = Monotonic::now() + self.core.settings.jittered(self.core.settings.rescan);
    }

    fn store_failed(&mut self, error: &ges_domain::ports::StoreError) {
        tracing::warn!(error = error as &dyn std::error::Error, "the record store failed under a monitor");
        self.store_rests = Some(Monotonic::now() + self.core.settings.store_rest);
    }

    async fn ring(&mut self) {
        let now = self.core.clock.now();
        for lease in self.agenda.rung(now) {
            if !self.core.rights.allow(lease) {
                continue;
            }
            let began = Monotonic::now();
            let may_write = self.core.health().resting_until(began).is_none();
            match self.core.timers(lease, may_write).await {
                Ok(end) => {
                    if end.wrote {
                        self.core.health().succeeded();
                    }
                    if !end.more {
                        self.agenda.timers_done(lease, now);
                    }
                    self.progress |= end.progress;
                }
                Err(broke) => {
                    self.agenda.timers_done(lease, now);
                    self.broke(&broke, began);
                }
            }
        }
    }

    fn broke(&mut self, broke: &RoundBroke, began: Monotonic) {
        match broke {
            RoundBroke::LeaseOver => tracing::info!("a lease ended during a round; nothing was written"),
            RoundBroke::Store(error) => self.store_failed(error),
            RoundBroke::Stream => {
                self.core.health().failed(began);
                self.core.gauges.submit_failed();
            }
        }
    }

    /// One round for every service that is due, several at once. While the stream fails, one service probes it.
    async fn rounds(&mut self) {
        let (began, now) = (Monotonic::now(), self.core.clock.now());
        let mut due = self.agenda.due(now);
        let failures = {
            let health = self.core.health();
            if health.resting_until(began).is_some() {
                return;
            }
            health.failures()
        };
        if failures > 0 && !due.is_empty() {
            let turns = usize::try_from(failures).unwrap_or(0) % due.len();
            due = vec![due.swap_remove(turns)];
        }
        let rounds: Vec<Round> = due.into_iter().filter_map(|service| self.begin(service)).collect();
        let core = Arc::clone(&self.core);
        let outcomes: Vec<(ServiceRef, Outcome)> = stream::iter(rounds)
            .map(|round| {
                let core = Arc::clone(&core);
                async move {
                    let outcome = match AssertUnwindSafe(core.round(&round)).catch_unwind().await {
                        Ok(Ok(end)) => Outcome::Ended(end),
                        Ok(Err(broke)) => Outcome::Broke(broke),
                        Err(_) => Outcome::Panicked,
                    };
                    (round.service, outcome)
                }
            })
            .buffer_unordered(core.settings.lanes.max(1))
            .collect()
            .await;
        let (mut stream_broke, mut wrote) = (None, false);
        for (service, outcome) in outcomes {
            match outcome {
                Outcome::Ended(end) => {
                    (wrote, self.progress) = (wrote | end.wrote, self.progress | end.progress);
                    self.ended(&service, &end, now);
                }
                // However many services noticed, the stream failed once.
                Outcome::Broke(broke @ RoundBroke::Stream) => stream_broke = Some(broke),
                Outcome::Broke(broke) => self.broke(&broke, began),
                Outcome::Panicked => {
                    self.core.gauges.panicked();
                    tracing::error!(tenant = %service.tenant, "a round panicked; its service rests for a minute");
                    self.agenda.line(service).not_before = Some(began + AFTER_PANIC);
                }
            }
        }
        match stream_broke {
            Some(broke) => self.broke(&broke, began),
            None if wrote => self.core.health().succeeded(),
            None => {}
        }
    }

    fn begin(&mut self, service: ServiceRef) -> Option<Round> {
        let lease = self.core.rights.lease_of(service.shard())?;
        let line = self.agenda.line(service.clone());
        Some(Round { lease, service, ewt: line.ewt, excused_until: line.excused_until })
    }

    fn ended(&mut self, service: &ServiceRef, end: &RoundEnd, now: Instant) {
        let paused_until = Monotonic::now() + self.core.settings.paused_period;
        let Some(line) = self.agenda.known(service) else { return };
        if let Some(timer) = end.timer {
            line.rings(timer);
        }
        line.take(end.ewt, now);
        line.not_before = None;
        line.look = end.more;
        line.stale |= end.stale;
        if end.more {
            return;
        }
        if end.paused {
            (line.not_before, line.excused_until) = (Some(paused_until), Some(now + self.core.settings.paused_period));
        }
        // The round has seen the first that waits on, if any does; hints of later bookings come after it.
        line.desired = end.left;
    }

    /// Takes over new waits and says for which services they are wanted; at most four times a second, because it goes
    /// through all services.
    fn follow_waits(&mut self) {
        let at = Monotonic::now();
        if at < self.waits_at {
            return;
        }
        (self.waits_at, self.waits_wanted) = (at + WAITS_REST, false);
        let now = self.core.clock.now();
        for (service, ewt) in self.core.waits.known() {
            self.agenda.sample(&service, ewt, now);
        }
        let wanted = self.agenda.in_look_ahead(now);
        self.core.waits.want(wanted);
    }

    fn rest(&self) -> Turn {
        let (at, now) = (Monotonic::now(), self.core.clock.now());
        let rescan = self.rescan_at.saturating_duration_since(at);
        if let Some(until) = self.store_rests.filter(|until| *until > at) {
            return Turn::RestFor(until - at);
        }
        let stream = self.core.health().resting_until(at);
        let mut due = self.agenda.rest(now, stream).unwrap_or(rescan);
        // Twice nothing although something is due: the store sees it otherwise, maybe because the shard is lost.
        if due.is_zero() && self.idle_turns > 1 {
            due = self.core.settings.store_rest;
        }
        if self.waits_wanted {
            due = due.min(self.waits_at.saturating_duration_since(at).max(Duration::from_millis(1)));
        }
        // Due times count by the store's clock, rests by ours: never sleep past a rescan.
        match due.min(rescan) {
            Duration::ZERO => Turn::Again,
            rest => Turn::RestFor(rest),
        }
    }
}

#[async_trait]
impl Duty for Worker {
    async fn turn(&mut self) -> Turn {
        if self.store_rests.is_some_and(|until| until > Monotonic::now()) {
            return self.rest();
        }
        (self.store_rests, self.progress) = (None, false);
        self.refresh().await;
        if self.agenda.leases().is_empty() {
            // Shards announce themselves, and an agenda that could not be read is read again.
            return if self.store_rests.is_some() { self.rest() } else { Turn::RestFor(self.core.settings.rescan) };
        }
        self.follow_waits();
        self.ring().await;
        self.rounds().await;
        if !self.agenda.stale().is_empty() && self.store_rests.is_none() {
            self.refresh().await;
        }
        self.idle_turns = if self.progress { 0 } else { self.idle_turns.saturating_add(1) };
        self.rest()
    }

    async fn woken(&mut self) {
        let wake_ups = Arc::clone(&self.wake_ups);
        let mut wake_ups = wake_ups.lock().await;
        loop {
            // What comes once goes first: hints may come without end.
            tokio::select! {
                biased;
                () = self.core.rights.changed() => return,
                () = self.core.waits.changed() => {
                    (self.waits_at, self.waits_wanted) = (Monotonic::now(), true);
                    return;
                }
                wake = wake_ups.next() => match wake {
                    Wake::Service { service, desired } => {
                        if self.agenda.hear(service, desired, self.core.clock.now()) {
                            (self.waits_wanted, self.idle_turns) = (true, 0);
                            return;
                        }
                    }
                    Wake::Notices { service } => self.core.bell.ring(Some(service)),
                    Wake::Bulk => self.core.bulk_bell.ring(),
                    Wake::Paused { tenant, service } => {
                        let known = self.agenda.hear_pause(tenant, service.as_ref());
                        known.into_iter().for_each(|service| self.core.pause_bell.ring(service));
                        match service {
                            Some(name) => self.core.pause_bell.ring(ServiceRef { tenant, name }),
                            // Which services there are, the store knows best.
                            None => self.rescan_at = Monotonic::now(),
                        }
                        self.idle_turns = 0;
                        return;
                    }
                    Wake::Everything => {
                        self.core.bell.ring(None);
                        self.core.bulk_bell.ring();
                        self.rescan_at = Monotonic::now();
                        return;
                    }
                },
            }
        }
    }
}
