//! Estimates kept for a while, with one look-up under way per question (R-EWT-8, integrations 3.6).

use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ges_domain::wait::Estimate;
use ges_http_client::{Monotonic, Observer, Recall};
use moka::future::Cache;
use tokio::sync::watch;

use crate::UrsError;

/// Its name in metrics.
const CACHE: &str = "ewt";
const STALE: Duration = Duration::from_secs(60);
/// Whoever holds a stale estimate waits this long for a new one, so that a slow router delays no booking (R-EWT-11).
const PATIENCE: Duration = Duration::from_millis(500);
const CAPACITY: u64 = 10_000;
/// Questions nobody asks any more leave the memory.
const IDLE: Duration = Duration::from_secs(300);

type Outcome = Result<Estimate, Arc<UrsError>>;
type Flight = watch::Receiver<Option<Outcome>>;

#[derive(Default)]
struct Known {
    last: Option<(Estimate, Duration)>,
    flight: Option<Flight>,
}

#[derive(Default)]
struct Slot(Mutex<Known>);

impl Slot {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bounded memory of estimates.
pub(crate) struct Memory<K> {
    slots: Cache<K, Arc<Slot>>,
    clock: Monotonic,
    fresh: Duration,
    observer: Arc<dyn Observer>,
}

impl<K: Hash + Eq + Send + Sync + 'static> Memory<K> {
    pub(crate) fn new(clock: Monotonic, fresh: Duration, observer: Arc<dyn Observer>) -> Self {
        Self { slots: Cache::builder().max_capacity(CAPACITY).time_to_idle(IDLE).build(), clock, fresh, observer }
    }

    /// Answers from memory or by `look_up`, which runs to its end even when the caller goes away.
    pub(crate) async fn recall<Looking>(&self, key: K, look_up: impl FnOnce() -> Looking) -> Outcome
    where
        Looking: Future<Output = Result<Estimate, UrsError>> + Send + 'static,
    {
        let slot = self.slots.get_with(key, async { Arc::default() }).await;
        let (stale, mut flight) = {
            let mut known = slot.known();
            let now = (self.clock)();
            let aged = known.last.map(|(estimate, at)| (estimate, now.saturating_sub(at)));
            if let Some((estimate, _)) = aged.filter(|(_, age)| *age < self.fresh) {
                self.observer.recalled(CACHE, Recall::Hit);
                return Ok(estimate);
            }
            let stale = aged.filter(|(_, age)| *age <= STALE).map(|(estimate, _)| estimate);
            // A flight whose sender is gone broke off without landing.
            let under_way = known.flight.clone().filter(|flight| flight.has_changed().is_ok());
            let flight = under_way.unwrap_or_else(|| {
                let flight = take_off(Arc::clone(&slot), Arc::clone(&self.clock), look_up());
                known.flight = Some(flight.clone());
                flight
            });
            (stale, flight)
        };
        let landed = async move {
            match flight.wait_for(Option::is_some).await {
                Ok(outcome) => outcome.clone(),
                Err(_) => None,
            }
        };
        let outcome = match stale {
            Some(_) => tokio::time::timeout(PATIENCE, landed).await.unwrap_or(None),
            None => landed.await,
        };
        self.observer.recalled(
            CACHE,
            if matches!(outcome, Some(Ok(_))) || stale.is_none() { Recall::Miss } else { Recall::Stale },
        );
        match (outcome, stale) {
            (Some(Ok(estimate)), _) | (_, Some(estimate)) => Ok(estimate),
            (Some(Err(failure)), None) => Err(failure),
            (None, None) => Err(Arc::new(UrsError::BrokenOff)),
        }
    }
}

fn take_off(
    slot: Arc<Slot>,
    clock: Monotonic,
    looking: impl Future<Output = Result<Estimate, UrsError>> + Send + 'static,
) -> Flight {
    let (landing, flight) = watch::channel(None);
    tokio::spawn(async move {
        let outcome = looking.await.map_err(Arc::new);
        let mut known = slot.known();
        if let Ok(estimate) = outcome {
            known.last = Some((estimate, clock()));
        }
        known.flight = None;
        drop(known);
        landing.send_replace(Some(outcome));
    });
    flight
}
