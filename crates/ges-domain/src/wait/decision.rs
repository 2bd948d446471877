//! The wait that decisions inside the service work with (R-EWT-9).

use std::collections::HashMap;
use std::time::Duration;

use super::Estimate;
use crate::{Instant, TenantId};

/// Age up to which a last good value still counts, this age included (R-EWT-9).
pub const LAST_GOOD_AGE: Duration = Duration::from_secs(15 * 60);

/// Longest wait a decision works with: one day (R-EWT-9).
pub const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// The last wait a router knew, and when it said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastGood {
    /// The wait.
    pub wait: Duration,
    /// When it was told.
    pub at: Instant,
}

/// The wait to decide with, 0 to 86 400 s (R-EWT-9; EX-G rows G8, G9).
///
/// `estimate`: the newest answer, `None` when no router gave one. A known time is taken. Without agents or without an
/// answer the last good value serves for 15 minutes. A queue without calls, or an unknown one, is taken as no wait.
pub fn decide(estimate: Option<Estimate>, last_good: Option<LastGood>, now: Instant) -> Duration {
    let remembered =
        || last_good.filter(|last| now.since(last.at) <= LAST_GOOD_AGE).map_or(Duration::ZERO, |last| last.wait);
    let wait = match estimate {
        Some(Estimate::Known(seconds)) => Duration::from_secs(seconds.into()),
        Some(Estimate::NoCalls | Estimate::UnknownQueue) => Duration::ZERO,
        Some(Estimate::NoAgents) | None => remembered(),
    };
    wait.min(LONGEST_WAIT)
}

/// The last good wait of every queue a process has asked about.
#[derive(Debug, Default)]
pub struct LastGoods {
    by_queue: HashMap<TenantId, HashMap<Box<str>, LastGood>>,
}

impl LastGoods {
    /// Remembers a known time and answers with the wait to decide with, as [`decide`].
    pub fn settle(&mut self, tenant: TenantId, queue: &str, estimate: Option<Estimate>, now: Instant) -> Duration {
        let queues = self.by_queue.entry(tenant).or_default();
        let last_good = queues.get(queue).copied();
        if let Some(seconds) = estimate.and_then(Estimate::ewt) {
            queues.insert(queue.into(), LastGood { wait: Duration::from_secs(seconds.into()), at: now });
        }
        decide(estimate, last_good, now)
    }

    /// Drops what is too old to serve, so that queues which nobody asks about any more cost nothing.
    pub fn forget_old(&mut self, now: Instant) {
        self.by_queue.retain(|_, queues| {
            queues.retain(|_, last| now.since(last.at) <= LAST_GOOD_AGE);
            !queues.is_empty()
        });
    }

    /// How many queues are remembered.
    pub fn len(&self) -> usize {
        self.by_queue.values().map(HashMap::len).sum()
    }

    /// Whether no queue is remembered.
    pub fn is_empty(&self) -> bool {
        self.by_queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1_780_000_000_000);

    fn ago(minutes: u64, seconds: u64) -> Option<LastGood> {
        Some(LastGood { wait: Duration::from_secs(seconds), at: NOW - Duration::from_secs(minutes * 60) })
    }

    /// R-EWT-9.
    #[test]
    fn ex_g_waits_behind_the_due_times() {
        for (row, estimate, last_good, seconds) in [
            ("G1", Some(Estimate::Known(0)), None, 0),
            ("G2", Some(Estimate::NoCalls), ago(1, 600), 0),
            ("G4", Some(Estimate::Known(5400)), ago(1, 600), 5400),
            ("G8", Some(Estimate::NoAgents), ago(10, 600), 600),
            ("G9", None, ago(16, 600), 0),
            ("unknown queue", Some(Estimate::UnknownQueue), ago(1, 600), 0),
            ("never known", None, None, 0),
            ("exactly 15 minutes", None, ago(15, 600), 600),
            ("longer than a day", Some(Estimate::Known(90_000)), None, 86_400),
            ("remembered longer than a day", None, ago(1, 90_000), 86_400),
        ] {
            assert_eq!(decide(estimate, last_good, NOW), Duration::from_secs(seconds), "{row}");
        }
    }

    #[test]
    fn the_clock_may_step_back_over_a_last_good_value() {
        let later = Some(LastGood { wait: Duration::from_secs(60), at: NOW + Duration::from_secs(5) });
        assert_eq!(decide(None, later, NOW), Duration::from_secs(60), "I10");
    }

    #[test]
    fn last_good_values_are_kept_per_tenant_and_queue_and_then_forgotten() {
        let (one, other) = (TenantId(uuid::Uuid::from_u128(1)), TenantId(uuid::Uuid::from_u128(2)));
        let mut seen = LastGoods::default();
        assert_eq!(seen.settle(one, "VQ", Some(Estimate::Known(600)), NOW), Duration::from_secs(600));
        let later = NOW + Duration::from_secs(600);
        assert_eq!(seen.settle(one, "VQ", Some(Estimate::NoAgents), later), Duration::from_secs(600));
        assert_eq!(seen.settle(other, "VQ", None, later), Duration::ZERO, "I9");
        assert_eq!(seen.settle(one, "VQ2", None, later), Duration::ZERO);
        seen.forget_old(later);
        assert_eq!(seen.len(), 1);
        seen.forget_old(NOW + Duration::from_secs(901));
        assert!(seen.is_empty());
    }
}
