//! What is kept per host and port: the breaker, and the bulkhead where the policy says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use crate::breaker::{Breaker, Leave};
use crate::{BreakerState, Bulkhead, CallError, Monotonic, Observer};

/// What was not called for so long is forgotten: sessions name hosts that never come back (integrations 0.4).
const IDLE: Duration = Duration::from_secs(3_600);
/// Longest wait for a free place in the bulkhead.
const LONGEST_QUEUE: Duration = Duration::from_millis(250);

pub(crate) struct Endpoint {
    name: String,
    breaker: Mutex<Breaker>,
    places: Arc<Semaphore>,
}

/// An endpoint, and when it was called last.
struct Kept {
    endpoint: Arc<Endpoint>,
    called: Duration,
}

/// The endpoints of one integration that were called within the hour before the last new one.
pub(crate) struct Endpoints {
    integration: &'static str,
    bulkhead: Bulkhead,
    shared: Arc<Semaphore>,
    by_name: Mutex<HashMap<String, Kept>>,
    clock: Monotonic,
    observer: Arc<dyn Observer>,
}

impl Endpoints {
    pub(crate) fn new(
        integration: &'static str,
        bulkhead: Bulkhead,
        clock: Monotonic,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let (Bulkhead::Integration(places) | Bulkhead::Endpoint(places)) = bulkhead;
        let shared = Arc::new(Semaphore::new(places));
        Self { integration, bulkhead, shared, by_name: Mutex::default(), clock, observer }
    }

    /// Passes the breaker and takes a place in the bulkhead; both are given back when the passage is dropped.
    pub(crate) async fn enter(&self, url: &Url) -> Result<Passage<'_>, CallError> {
        let endpoint = self.endpoint(url);
        let mut passage = Passage { endpoints: self, endpoint, leave: None, place: None };
        let admitted = passage.change(|breaker, now| breaker.admit(now));
        passage.leave = Some(admitted.map_err(|retry_in| CallError::BreakerOpen { retry_in })?);
        let place = Arc::clone(&passage.endpoint.places).acquire_owned();
        match tokio::time::timeout(LONGEST_QUEUE, place).await {
            Ok(Ok(place)) => passage.place = Some(place),
            // The semaphore is never closed, so both cases mean that no place came free.
            Ok(Err(_)) | Err(_) => return Err(CallError::Overloaded),
        }
        Ok(passage)
    }

    /// Passes whatever the breaker says, and takes no place: a probe decides by what the peer does, not by what calls met before.
    pub(crate) fn look(&self, url: &Url) -> Passage<'_> {
        let mut passage = Passage { endpoints: self, endpoint: self.endpoint(url), leave: None, place: None };
        passage.leave = Some(passage.change(|breaker, _| breaker.admit_probe()));
        passage
    }

    pub(crate) fn states(&self) -> Vec<(String, BreakerState)> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let state = |endpoint: &Endpoint| endpoint.breaker.lock().unwrap_or_else(PoisonError::into_inner).state();
        by_name.values().map(|Kept { endpoint, .. }| (endpoint.name.clone(), state(endpoint))).collect()
    }

    fn endpoint(&self, url: &Url) -> Arc<Endpoint> {
        let name =
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.clock)();
        if let Some(kept) = by_name.get_mut(&name) {
            kept.called = now;
            return Arc::clone(&kept.endpoint);
        }
        by_name.retain(|_, kept| {
            let stays = now < kept.called + IDLE || Arc::strong_count(&kept.endpoint) > 1;
            if !stays {
                self.observer.breaker_forgotten(self.integration, &kept.endpoint.name);
            }
            stays
        });
        let places = match self.bulkhead {
            Bulkhead::Integration(_) => Arc::clone(&self.shared),
            Bulkhead::Endpoint(places) => Arc::new(Semaphore::new(places)),
        };
        self.observer.breaker_changed(self.integration, &name, BreakerState::Closed);
        let endpoint = Arc::new(Endpoint { name: name.clone(), breaker: Mutex::new(Breaker::new()), places });
        by_name.insert(name, Kept { endpoint: Arc::clone(&endpoint), called: now });
        endpoint
    }
}

/// Leave and place for one attempt. Dropped without a verdict, when the caller went away, it decides nothing.
pub(crate) struct Passage<'a> {
    endpoints: &'a Endpoints,
    endpoint: Arc<Endpoint>,
    leave: Option<Leave>,
    place: Option<OwnedSemaphorePermit>,
}

impl Passage<'_> {
    /// Tells the breaker how the attempt went.
    pub(crate) fn settle(mut self, failed: bool) {
        if let Some(leave) = self.leave.take() {
            self.change(|breaker, now| breaker.settle(now, leave, failed));
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Breaker, Duration) -> T) -> T {
        let now = (self.endpoints.clock)();
        let mut breaker = self.endpoint.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.state();
        let result = change(&mut breaker, now);
        let after = breaker.state();
        drop(breaker);
        if before != after {
            let (integration, endpoint) = (self.endpoints.integration, self.endpoint.name.as_str());
            if after == BreakerState::Open {
                tracing::warn!(integration, endpoint, ?before, ?after, "a circuit breaker changed");
            } else {
                tracing::info!(integration, endpoint, ?before, ?after, "a circuit breaker changed");
            }
            self.endpoints.observer.breaker_changed(integration, endpoint, after);
        }
        result
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            self.change(|breaker, now| breaker.withdraw(now, leave));
        }
        drop(self.place.take());
    }
}
