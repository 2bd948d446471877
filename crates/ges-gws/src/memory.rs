//! Answers of a service, kept for a while: fresh, then stale while the service is down.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use ges_http_client::{HttpClientFactory, Monotonic, Observer, Recall};
use moka::future::Cache;
use moka::ops::compute::Op;

use crate::GwsError;

/// How long answers are good without asking.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Freshness {
    pub(crate) found: Duration,
    pub(crate) absent: Duration,
    /// How old a found answer may be that serves while the service is down.
    pub(crate) stale: Duration,
}

impl Freshness {
    /// Of keys and contact centers: a key keeps working for a minute after it was taken from its contact center, a new one
    /// works ten seconds after it was refused (API reference 2.2).
    pub(crate) const KEYS: Self =
        Self { found: Duration::from_secs(60), absent: Duration::from_secs(10), stale: A_DAY };
    /// Of settings (integrations 4.3).
    pub(crate) const SETTINGS: Self =
        Self { found: Duration::from_secs(300), absent: Duration::from_secs(300), stale: A_DAY };
    /// Of rights (R-RB-6): five minutes, fifteen while the service is down, then nobody is let in (integrations 4.4.3).
    pub(crate) const RIGHTS: Self =
        Self { found: Duration::from_secs(300), absent: Duration::from_secs(10), stale: Duration::from_secs(900) };
    /// Of users' tokens (integrations 4.2.2, 8.5): a minute, whatever happens.
    pub(crate) const TOKENS: Self =
        Self { found: Duration::from_secs(60), absent: Duration::from_secs(60), stale: Duration::from_secs(60) };
}

/// How long API keys and settings serve while the service is down (integrations 4.3).
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a service that failed is not asked for the same thing again when a stale answer serves.
const STALE_REST: Duration = Duration::from_secs(5);
/// How long those who asked together share one failure, so that they do not queue up behind a dead service.
const FAILURE_SHARED: Duration = Duration::from_secs(1);
const CAPACITY: u64 = 10_000;

#[derive(Debug, Clone)]
enum Known<V> {
    /// What the service said at `at`; a stale answer is good without asking until `rest_until`.
    Answer { value: Option<V>, at: Duration, rest_until: Duration },
    /// The service failed at `at`, and nothing is known.
    Failure { cause: Arc<GwsError>, at: Duration },
}

impl<V: Clone> Known<V> {
    /// The outcome that holds at `now` without asking; `None` when the service is to be asked.
    fn holds(&self, now: Duration, freshness: Freshness) -> Option<Result<Option<V>, Arc<GwsError>>> {
        match self {
            Self::Answer { value, at, rest_until } => {
                let fresh = if value.is_some() { freshness.found } else { freshness.absent };
                let serves = now < *at + fresh || (now < *rest_until && self.stale(now, freshness).is_some());
                serves.then(|| Ok(value.clone()))
            }
            Self::Failure { cause, at } => (now < *at + FAILURE_SHARED).then(|| Err(Arc::clone(cause))),
        }
    }

    /// What answering from here without asking is called.
    fn recall(&self, now: Duration, freshness: Freshness) -> Recall {
        match self {
            Self::Answer { value: Some(_), at, .. } if now >= *at + freshness.found => Recall::Stale,
            _ => Recall::Hit,
        }
    }

    /// What may be answered while the service is down.
    fn stale(&self, now: Duration, freshness: Freshness) -> Option<(V, Duration)> {
        match self {
            Self::Answer { value: Some(value), at, .. } if now <= *at + freshness.stale => Some((value.clone(), *at)),
            _ => None,
        }
    }
}

/// A bounded memory of answers with one question under way per key.
pub(crate) struct Memory<K, V> {
    known: Cache<K, Known<V>>,
    /// Among memories (`ges_cache_requests_total`).
    name: &'static str,
    freshness: Freshness,
    clock: Monotonic,
    observer: Arc<dyn Observer>,
}

impl<K, V> Memory<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(factory: &HttpClientFactory, name: &'static str, freshness: Freshness) -> Self {
        let known = Cache::builder().max_capacity(CAPACITY).time_to_live(A_DAY).build();
        Self { known, name, freshness, clock: factory.monotonic(), observer: factory.observer() }
    }

    /// Forgets what is known under a key.
    pub(crate) async fn forget(&self, key: &K) {
        self.known.invalidate(key).await;
    }

    /// Answers from memory or by `ask`, which is told whether a stale answer could serve instead of its own.
    pub(crate) async fn recall<Asking>(
        &self,
        key: K,
        ask: impl FnOnce(bool) -> Asking + Send,
    ) -> Result<Option<V>, Arc<GwsError>>
    where
        Asking: Future<Output = Result<Option<V>, GwsError>> + Send,
    {
        let freshness = self.freshness;
        if let Some(known) = self.known.get(&key).await {
            let now = (self.clock)();
            if let Some(outcome) = known.holds(now, freshness) {
                self.observer.recalled(self.name, known.recall(now, freshness));
                return outcome;
            }
        }
        let mut recall = Recall::Hit;
        let told = &mut recall;
        let computed = self
            .known
            .entry(key)
            .and_compute_with(|entry| async move {
                let known = entry.map(moka::Entry::into_value);
                let before = (self.clock)();
                // Whoever asked at the same time may have been answered while we waited for our turn.
                if known.as_ref().is_some_and(|known| known.holds(before, freshness).is_some()) {
                    return Op::Nop;
                }
                let stale = known.as_ref().and_then(|known| known.stale(before, freshness));
                *told = Recall::Miss;
                let answer = ask(stale.is_some()).await;
                let now = (self.clock)();
                Op::Put(match (answer, stale) {
                    (Ok(value), _) => Known::Answer { value, at: now, rest_until: now },
                    (Err(_), Some((value, at))) => {
                        *told = Recall::Stale;
                        Known::Answer { value: Some(value), at, rest_until: now + STALE_REST }
                    }
                    (Err(cause), None) => Known::Failure { cause: Arc::new(cause), at: now },
                })
            })
            .await;
        self.observer.recalled(self.name, recall);
        let entry =
            computed.into_entry().expect("invariant: a computation keeps what it found or puts what it learned");
        match entry.into_value() {
            Known::Answer { value, .. } => Ok(value),
            Known::Failure { cause, .. } => Err(cause),
        }
    }
}
