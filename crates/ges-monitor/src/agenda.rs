//! When to look where: one line per service, nothing per callback (design 4).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ges_domain::ports::{AgendaLine, ServiceRef, ShardLease};
use ges_domain::submission::{MAX_LEAD, MIN_LEAD, due_from, lead};
use ges_domain::{Instant, ServiceName, TenantId};
use tokio::time::Instant as Monotonic;

/// How far ahead waits are sampled: a little further than they can pull, so that they are known in time.
const LOOK_AHEAD: Duration = Duration::from_secs(MAX_LEAD.as_secs() + 120);

/// What is known about one service.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// No waiting record that still has to be looked for has an earlier desired time.
    pub(crate) desired: Option<Instant>,
    /// No timer rings earlier.
    pub(crate) timer: Option<Instant>,
    /// Something is to be looked for whatever the desired time says.
    pub(crate) look: bool,
    /// Times have been used up: the store has to say what comes next.
    pub(crate) stale: bool,
    /// Not to be worked on before: paused, or it failed.
    pub(crate) not_before: Option<Monotonic>,
    /// The wait of its queue as last sampled.
    pub(crate) ewt: Duration,
    /// Lateness counts from here at the earliest: before it nothing could be due, because the wait was another or the
    /// service was paused.
    pub(crate) excused_until: Option<Instant>,
}

/// How far the wait can pull a record forward: for IMMEDIATE ones it is not capped (R-TYP-3).
pub(crate) fn reach(ewt: Duration) -> Duration {
    lead(ewt).max(ewt)
}

impl Line {
    /// From when on a round is worthwhile.
    fn due_at(&self, now: Instant) -> Option<Instant> {
        if self.look { Some(now) } else { self.desired.map(|desired| due_from(desired, self.ewt)) }
    }

    /// Whether the wait of its queue decides when it is due.
    fn in_look_ahead(&self, now: Instant) -> bool {
        self.desired.is_some_and(|desired| now + MIN_LEAD < desired && desired <= now + LOOK_AHEAD)
    }

    /// Takes note that a record waits for `desired`. Returns whether that is news.
    fn hear(&mut self, desired: Instant, now: Instant) -> bool {
        let sooner = self.desired.is_none_or(|known| desired < known);
        if sooner {
            self.desired = Some(desired);
        }
        let look = desired <= now + reach(self.ewt);
        self.look |= look;
        sooner || look
    }

    /// Takes over the wait of its queue.
    pub(crate) fn take(&mut self, ewt: Duration, now: Instant) {
        if self.ewt != ewt {
            (self.ewt, self.excused_until) = (ewt, Some(now));
        }
    }

    /// Takes note that a timer will ring at `at`.
    pub(crate) fn rings(&mut self, at: Instant) {
        self.timer = Some(self.timer.map_or(at, |known| known.min(at)));
    }

    fn open(&self, now: Monotonic) -> bool {
        self.not_before.is_none_or(|until| until <= now)
    }
}

/// The lines of the shards held.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    leases: Vec<ShardLease>,
    /// In the order of services, so that a run can be repeated.
    lines: BTreeMap<ServiceRef, Line>,
}

impl Agenda {
    /// Forgets shards that are not held any more, or anew, and names those that have to be loaded.
    pub(crate) fn hold(&mut self, leases: Vec<ShardLease>) -> Vec<ShardLease> {
        let gained: Vec<_> = leases.iter().filter(|lease| !self.leases.contains(lease)).copied().collect();
        let kept: BTreeSet<_> = leases.iter().filter(|lease| self.leases.contains(lease)).map(|l| l.shard).collect();
        if kept.len() != self.leases.len() {
            self.lines.retain(|service, _| kept.contains(&service.shard()));
        }
        self.leases = leases.into_iter().filter(|lease| kept.contains(&lease.shard)).collect();
        gained
    }

    /// Shards that hold lines.
    pub(crate) fn leases(&self) -> &[ShardLease] {
        &self.leases
    }

    /// Takes over what the store says about these shards; services it does not name have nothing open.
    pub(crate) fn load(&mut self, shards: &[ShardLease], told: Vec<AgendaLine>, now: Instant) {
        for lease in shards {
            if !self.leases.contains(lease) {
                self.leases.push(*lease);
            }
        }
        let covered: BTreeSet<_> = shards.iter().map(|lease| lease.shard).collect();
        let mut told: BTreeMap<_, _> = told.into_iter().map(|line| (line.service.clone(), line)).collect();
        self.lines.retain(|service, line| {
            if !covered.contains(&service.shard()) {
                return true;
            }
            let Some(news) = told.remove(service) else { return false };
            (line.desired, line.timer, line.stale) = (news.next_desired, news.next_timer, false);
            line.look = news.next_desired.is_some_and(|desired| desired <= now + reach(line.ewt));
            true
        });
        for (service, news) in told {
            let mut line = Line { timer: news.next_timer, ..Line::default() };
            if let Some(desired) = news.next_desired {
                line.hear(desired, now);
            }
            self.lines.insert(service, line);
        }
    }

    /// Takes a hint. Returns whether it shortens the rest.
    pub(crate) fn hear(&mut self, service: ServiceRef, desired: Instant, now: Instant) -> bool {
        let shard = service.shard();
        self.leases.iter().any(|lease| lease.shard == shard) && self.line(service).hear(desired, now)
    }

    /// A service of the tenant, or all of them, was paused or resumed: nothing of it is barred any more, and what is due is
    /// looked at. Names the services that are known.
    pub(crate) fn hear_pause(&mut self, tenant: TenantId, service: Option<&ServiceName>) -> Vec<ServiceRef> {
        let meant = |of: &ServiceRef| of.tenant == tenant && service.is_none_or(|name| *name == of.name);
        let lines = self.lines.iter_mut().filter(|(of, _)| meant(of));
        let heard = lines.map(|(of, line)| {
            (line.not_before, line.look) = (None, true);
            of.clone()
        });
        heard.collect()
    }

    /// The line of a service.
    pub(crate) fn line(&mut self, service: ServiceRef) -> &mut Line {
        self.lines.entry(service).or_default()
    }

    /// The line of a service, when there is one.
    pub(crate) fn known(&mut self, service: &ServiceRef) -> Option<&mut Line> {
        self.lines.get_mut(service)
    }

    /// Services for which a round is due, longest due first.
    pub(crate) fn due(&self, now: Instant) -> Vec<ServiceRef> {
        let at = Monotonic::now();
        let open = self.lines.iter().filter(|(_, line)| line.open(at));
        let mut due: Vec<_> = open
            .filter(|(_, line)| line.due_at(now).is_some_and(|due| due <= now))
            .map(|(service, line)| (line.desired.unwrap_or(now), service.clone()))
            .collect();
        due.sort();
        due.into_iter().map(|(_, service)| service).collect()
    }

    /// Leases of the shards in which a timer has rung.
    pub(crate) fn rung(&self, now: Instant) -> Vec<ShardLease> {
        let rung = self.lines.iter().filter(|(_, line)| line.timer.is_some_and(|timer| timer <= now));
        let shards: BTreeSet<_> = rung.map(|(service, _)| service.shard()).collect();
        self.leases.iter().filter(|lease| shards.contains(&lease.shard)).copied().collect()
    }

    /// The timers of a shard that have rung are used up.
    pub(crate) fn timers_done(&mut self, lease: ShardLease, now: Instant) {
        let lines = self.lines.iter_mut().filter(|(service, _)| service.shard() == lease.shard);
        for (_, line) in lines.filter(|(_, line)| line.timer.is_some_and(|timer| timer <= now)) {
            (line.timer, line.stale) = (None, true);
        }
    }

    /// Leases of the shards about which the store has to be asked again.
    pub(crate) fn stale(&self) -> Vec<ShardLease> {
        let shards: BTreeSet<_> =
            self.lines.iter().filter(|(_, line)| line.stale).map(|(service, _)| service.shard()).collect();
        self.leases.iter().filter(|lease| shards.contains(&lease.shard)).copied().collect()
    }

    /// Services whose wait is worth a sample. The others forget theirs: it would be old when it counts again.
    pub(crate) fn in_look_ahead(&mut self, now: Instant) -> Vec<ServiceRef> {
        let mut near = Vec::new();
        for (service, line) in &mut self.lines {
            match line.in_look_ahead(now) {
                true => near.push(service.clone()),
                false => line.ewt = Duration::ZERO,
            }
        }
        near
    }

    /// Takes over a sampled wait.
    pub(crate) fn sample(&mut self, service: &ServiceRef, ewt: Duration, now: Instant) {
        if let Some(line) = self.lines.get_mut(service) {
            line.take(ewt, now);
        }
    }

    /// How long nothing is due. `stream`: until when the stream rests; timers do not wait for it.
    pub(crate) fn rest(&self, now: Instant, stream: Option<Monotonic>) -> Option<Duration> {
        let at = Monotonic::now();
        let rounds = self.lines.values().filter_map(|line| {
            let due = line.due_at(now)?.since(now);
            let barred =
                line.not_before.max(stream).map_or(Duration::ZERO, |until| until.saturating_duration_since(at));
            Some(due.max(barred))
        });
        let timers = self.lines.values().filter_map(|line| Some(line.timer?.since(now)));
        rounds.chain(timers).min()
    }
}
