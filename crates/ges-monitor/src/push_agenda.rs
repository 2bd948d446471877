//! When to look where for pushes: one line per service that has any (chapter 16, design 4).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ges_domain::ports::{NoticeLine, ServiceRef, ShardLease};
use ges_domain::{CallbackId, Instant};
use tokio::time::Instant as Monotonic;

/// What is known about one service.
#[derive(Debug)]
pub(crate) struct PushLine {
    /// Its threshold as last read; zero is off.
    pub(crate) threshold: Duration,
    /// No unclaimed record that still has to be looked at has an earlier desired time.
    pub(crate) next_upcoming: Option<Instant>,
    /// No claimed push wants an attempt earlier.
    pub(crate) next_notice: Option<Instant>,
    /// Records are only held back by the wait of the queue; looked at again when it has fallen.
    pub(crate) held: bool,
    /// Some of them by the wait of the queue alone.
    pub(crate) held_by_queue: bool,
    /// The others: their sessions are heard about their own waits (R-PSH-3).
    pub(crate) followed: Vec<CallbackId>,
    /// To be looked at whatever the times say.
    pub(crate) look: bool,
    /// When the wait is asked for next, while records are held.
    pub(crate) wait_at: Monotonic,
    /// Not to be looked at before: the last look went through many records that are held.
    pub(crate) looked_until: Monotonic,
}

impl PushLine {
    fn new() -> Self {
        Self {
            threshold: Duration::ZERO,
            next_upcoming: None,
            next_notice: None,
            held: false,
            held_by_queue: false,
            followed: Vec::new(),
            look: true,
            wait_at: Monotonic::now(),
            looked_until: Monotonic::now(),
        }
    }

    /// From when on a look at unclaimed records is worthwhile: strictly below the threshold (R-PSH-3).
    fn look_at(&self, now: Instant) -> Option<Instant> {
        if self.look {
            return Some(now);
        }
        let desired = self.next_upcoming.filter(|_| !self.threshold.is_zero())?;
        Some(desired - self.threshold + Duration::from_millis(1))
    }
}

/// The lines of the shards held.
#[derive(Debug, Default)]
pub(crate) struct PushAgenda {
    leases: Vec<ShardLease>,
    lines: BTreeMap<ServiceRef, PushLine>,
}

impl PushAgenda {
    /// Forgets shards that are not held any more, or anew, and names those that have to be loaded.
    pub(crate) fn hold(&mut self, leases: Vec<ShardLease>) -> Vec<ShardLease> {
        let gained: Vec<_> = leases.iter().filter(|lease| !self.leases.contains(lease)).copied().collect();
        let kept: BTreeSet<_> = leases.iter().filter(|lease| self.leases.contains(lease)).map(|l| l.shard).collect();
        self.lines.retain(|service, _| kept.contains(&service.shard()));
        self.leases = leases.into_iter().filter(|lease| kept.contains(&lease.shard)).collect();
        gained
    }

    /// Shards that hold lines.
    pub(crate) fn leases(&self) -> &[ShardLease] {
        &self.leases
    }

    /// Takes over what the store says about these shards; services it does not name have nothing to push.
    pub(crate) fn load(&mut self, shards: &[ShardLease], told: Vec<NoticeLine>) {
        for lease in shards.iter().filter(|lease| !self.leases.contains(lease)).collect::<Vec<_>>() {
            self.leases.push(*lease);
        }
        let covered: BTreeSet<_> = shards.iter().map(|lease| lease.shard).collect();
        let named: BTreeSet<_> = told.iter().map(|line| line.service.clone()).collect();
        self.lines.retain(|service, _| !covered.contains(&service.shard()) || named.contains(service));
        for news in told {
            let line = self.lines.entry(news.service).or_insert_with(PushLine::new);
            (line.threshold, line.next_notice) = (news.threshold, news.next_notice);
            line.next_upcoming = news.next_upcoming;
            // What is due is looked at; what is held is looked at with the next sample of the wait.
            line.look = false;
        }
    }

    /// The line of a service, when there is one.
    pub(crate) fn known(&mut self, service: &ServiceRef) -> Option<&mut PushLine> {
        self.lines.get_mut(service)
    }

    /// Services whose unclaimed records are worth a look.
    pub(crate) fn to_look_at(&self, now: Instant) -> Vec<ServiceRef> {
        let at = Monotonic::now();
        let open = self.lines.iter().filter(|(_, line)| line.looked_until <= at);
        let due = open.filter(|(_, line)| line.look_at(now).is_some_and(|at| at <= now));
        due.map(|(service, _)| service.clone()).collect()
    }

    /// Services in which a claimed push wants an attempt, those that want it longest first.
    pub(crate) fn to_send(&self, now: Instant) -> Vec<ServiceRef> {
        let wanted = self.lines.iter().filter_map(|(service, line)| Some((line.next_notice?, service)));
        let mut due: Vec<_> = wanted.filter(|(at, _)| *at <= now).collect();
        due.sort();
        due.into_iter().map(|(_, service)| service.clone()).collect()
    }

    /// Services in which records wait for the wait to fall, when it is time to ask for it.
    pub(crate) fn to_sample(&self) -> Vec<ServiceRef> {
        let at = Monotonic::now();
        let held = self.lines.iter().filter(|(_, line)| line.held && line.wait_at <= at);
        held.map(|(service, _)| service.clone()).collect()
    }

    /// How long nothing is to be done. A service that cannot send now does not count with what it has claimed.
    pub(crate) fn rest(&self, now: Instant, can_send: impl Fn(&ServiceRef) -> bool) -> Option<Duration> {
        let at = Monotonic::now();
        let due = self.lines.iter().filter_map(|(service, line)| {
            let look = line.look_at(now).map(|due| due.since(now).max(line.looked_until.saturating_duration_since(at)));
            let notice = line.next_notice.filter(|_| can_send(service));
            look.into_iter().chain(notice.map(|due| due.since(now))).min()
        });
        let samples = self.lines.values().filter(|line| line.held);
        due.chain(samples.map(|line| line.wait_at.saturating_duration_since(at))).min()
    }
}
