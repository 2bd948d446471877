//! What this process still knows of a service's ledger after its own flight, so that the next one need not count again.
//!
//! Nothing is trusted that somebody else could have changed: the sequence of the ledger decides while writing, as ever. What
//! changes without it only makes room (windows slide, callbacks end, places are freed), so a flight that everybody passes is
//! right; one that would refuse somebody counts afresh. Active callbacks also grow when scheduled ones are handed over:
//! they are known for [`FRESH`] only.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ges_domain::Instant;
use ges_domain::booking::{Asked, Ledger};
use ges_domain::capacity::Usage;
use tokio::time::Instant as Monotonic;

use super::facts::Facts;

/// How long windows and active callbacks are known.
const FRESH: Duration = Duration::from_millis(250);
/// How long a service that another process books too is counted for every flight.
const SHARED: Duration = Duration::from_secs(1);
/// Most grains known of one service: two weeks of them.
const MOST_GRAINS: usize = 14 * 288;

/// One service as it stood after a flight.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) seq: i64,
    /// Without numbers: those are looked at while writing.
    ledger: Ledger,
    grains: BTreeSet<Instant>,
    active: bool,
    counted_at: Monotonic,
}

impl Known {
    /// What a flight asked and learned. A count that stopped at its limit is not known.
    fn learn(asked: &Asked, seq: i64, mut ledger: Ledger, counted_at: Monotonic) -> Self {
        ledger.number_open.clear();
        ledger.number_day.clear();
        ledger.windows.retain(|length, counted| asked.windows.get(length).is_some_and(|most| counted.accepted < *most));
        let active = asked.active_limit.is_some_and(|most| ledger.active < most);
        let grains = asked.usage.iter().flat_map(|(from, until)| Usage::grains(*from, *until)).collect();
        Self { seq, ledger, grains, active, counted_at }
    }

    /// What of `asked` is still to be counted, numbers apart.
    pub(super) fn missing(&mut self, mut asked: Asked) -> Asked {
        if self.counted_at.elapsed() >= FRESH {
            self.ledger.windows.clear();
            (self.active, self.counted_at) = (false, Monotonic::now());
        }
        if self.grains.len() > MOST_GRAINS {
            (self.grains, self.ledger.usage) = (BTreeSet::new(), Usage::default());
        }
        asked.numbers.clear();
        // A count is good for a higher limit too: it did not stop at its own.
        asked.windows.retain(|length, _| !self.ledger.windows.contains_key(length));
        asked.active_limit = asked.active_limit.filter(|_| !self.active);
        asked.usage.retain(|(from, until)| Usage::grains(*from, *until).any(|grain| !self.grains.contains(&grain)));
        asked
    }

    /// Takes over what was missing. `false`: the ledger has moved on, and nothing of it is known any more.
    pub(super) fn complete(&mut self, missing: &Asked, counted: Facts) -> bool {
        if counted.seq != self.seq || counted.removed {
            return false;
        }
        self.ledger.windows.extend(counted.ledger.windows);
        if missing.active_limit.is_some() {
            (self.ledger.active, self.active) = (counted.ledger.active, true);
        }
        for (grain, used) in counted.ledger.usage.iter().filter(|(grain, _)| !self.grains.contains(grain)) {
            self.ledger.usage.add(grain, used);
        }
        self.grains.extend(missing.usage.iter().flat_map(|(from, until)| Usage::grains(*from, *until)));
        true
    }

    /// The facts a flight decides by, and the rest to put them back to.
    pub(super) fn into_facts(self) -> (Facts, Rest) {
        let rest = Rest { grains: self.grains, active: self.active, counted_at: self.counted_at };
        (Facts { seq: self.seq, removed: false, ledger: self.ledger }, rest)
    }
}

/// What is known beside the facts.
#[derive(Debug)]
pub(super) struct Rest {
    grains: BTreeSet<Instant>,
    active: bool,
    counted_at: Monotonic,
}

/// Everything this process knows, by service. Only a flight touches what is known of its services.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Services>);

#[derive(Debug, Default)]
struct Services {
    known: HashMap<i32, Known>,
    shared: HashMap<i32, Monotonic>,
}

impl Memory {
    fn services(&self) -> MutexGuard<'_, Services> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out what is known of these services; none when anything is unknown of one.
    pub(super) fn take<'a>(&self, services: impl Iterator<Item = &'a i32>) -> Option<HashMap<i32, Known>> {
        let known = &mut self.services().known;
        services.map(|service| Some((*service, known.remove(service)?))).collect()
    }

    /// After a flight that counted everything: `asked` of the service, its sequence now, and its ledger with what was booked.
    pub(super) fn learn(&self, service: i32, asked: &Asked, seq: i64, ledger: Ledger, counted_at: Monotonic) {
        let services = &mut *self.services();
        if services.shared.get(&service).is_some_and(|until| counted_at < *until) {
            return;
        }
        services.shared.remove(&service);
        services.known.insert(service, Known::learn(asked, seq, ledger, counted_at));
    }

    /// After a flight that went by what was known.
    pub(super) fn put_back(&self, service: i32, seq: i64, mut ledger: Ledger, rest: Rest) {
        ledger.number_open.clear();
        ledger.number_day.clear();
        let Rest { grains, active, counted_at } = rest;
        self.services().known.insert(service, Known { seq, ledger, grains, active, counted_at });
    }

    /// Another process books these services too: nothing is remembered for a while.
    pub(super) fn overtaken<'a>(&self, overtaken: impl Iterator<Item = &'a i32>) {
        let services = &mut *self.services();
        for service in overtaken {
            services.known.remove(service);
            services.shared.insert(*service, Monotonic::now() + SHARED);
        }
    }
}

#[cfg(test)]
mod tests {
    use ges_domain::throttle::Counted;
    use ges_testkit::builders::{START, after};

    use super::*;

    fn window(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn asked() -> Asked {
        Asked {
            windows: [(window(300), 10), (window(3600), 20)].into(),
            numbers: Vec::new(),
            active_limit: Some(5),
            usage: vec![(START, after(900))],
        }
    }

    fn ledger(accepted: u32, active: u32) -> Ledger {
        let windows = [300, 3600].map(|length| (window(length), Counted { accepted, oldest: Some(START) })).into();
        let mut ledger = Ledger { windows, active, ..Ledger::default() };
        ledger.usage.add(START, 3);
        ledger
    }

    fn known(accepted: u32, active: u32) -> Known {
        Known::learn(&asked(), 7, ledger(accepted, active), Monotonic::now())
    }

    #[tokio::test(start_paused = true)]
    async fn counts_that_did_not_stop_at_their_limit_are_known_for_a_while_and_places_for_good() {
        assert_eq!(known(9, 4).missing(asked()), Asked::default());
        let full = known(10, 5).missing(asked());
        assert_eq!((full.windows.len(), full.active_limit), (1, Some(5)), "the first window and the queue are full");
        let mut later = known(9, 4);
        tokio::time::advance(FRESH).await;
        assert_eq!(later.missing(asked()), Asked { usage: Vec::new(), ..asked() });
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_missing_is_added_once_and_only_to_the_same_ledger() {
        let mut some = known(9, 4);
        let wider = Asked { usage: vec![(START, after(1800))], ..Asked::default() };
        let missing = some.missing(wider.clone());
        assert_eq!(missing, wider, "half of the range is unknown");
        let mut counted = ledger(0, 0);
        counted.windows.clear();
        counted.usage.add(after(900), 2);
        let facts = |seq| Facts { seq, removed: false, ledger: counted.clone() };
        assert!(!known(9, 4).complete(&missing, facts(8)), "somebody booked meanwhile");
        assert!(some.complete(&missing, facts(7)));
        let (facts, _) = some.into_facts();
        assert_eq!(facts.ledger.usage.used(START, after(1800)), 5, "3 known, 2 new");
        assert_eq!((facts.ledger.active, facts.ledger.windows[&window(300)].accepted), (4, 9));
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_others_book_too_is_not_remembered_for_a_while() {
        let memory = Memory::default();
        memory.learn(1, &asked(), 7, ledger(0, 0), Monotonic::now());
        assert!(memory.take([1, 2].iter()).is_none(), "2 is unknown");
        memory.learn(1, &asked(), 7, ledger(0, 0), Monotonic::now());
        assert_eq!(memory.take([1].iter()).unwrap()[&1].seq, 7);
        assert!(memory.take([1].iter()).is_none(), "only one flight has it");
        memory.overtaken([1].iter());
        memory.learn(1, &asked(), 8, ledger(0, 0), Monotonic::now());
        assert!(memory.take([1].iter()).is_none());
        tokio::time::advance(SHARED).await;
        memory.learn(1, &asked(), 9, ledger(0, 0), Monotonic::now());
        assert!(memory.take([1].iter()).is_some());
    }
}
