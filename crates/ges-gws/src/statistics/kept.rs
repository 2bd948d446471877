//! Answers kept for five minutes, with one question under way per request (R-STA-2).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ges_domain::statistics::{KEPT, StatisticsError};
use ges_http_client::{Monotonic, Observer, Recall};
use moka::future::Cache;
use moka::ops::compute::Op;

/// Its name among memories (`ges_cache_requests_total`).
const CACHE: &str = "gws_statistics";
/// Bytes of answers kept.
const CAPACITY_BYTES: u64 = 32 * 1024 * 1024;
/// What an entry costs beside its answer.
const ENTRY_BYTES: usize = 256;

/// Why there is no answer; shared by all who asked together.
#[derive(Debug, Clone)]
pub(super) enum Failed {
    NoCredentials,
    CredentialsRefused,
    RequestRefused(Option<String>),
    Down(Arc<dyn std::error::Error + Send + Sync>),
}

/// A failure as the cause of another error.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(Arc<dyn std::error::Error + Send + Sync>);

impl From<Failed> for StatisticsError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NoCredentials => Self::NoCredentials,
            Failed::CredentialsRefused => Self::CredentialsRefused,
            Failed::RequestRefused(words) => Self::RequestRefused(words),
            Failed::Down(cause) => Self::Unavailable(Box::new(Shared(cause))),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Known {
    answer: Option<(Arc<str>, Duration)>,
    /// The last failure, for those who asked before it was known.
    failure: Option<(Failed, Duration)>,
}

impl Known {
    /// The answer that is young enough.
    fn serves(&self, now: Duration, max_age: Duration) -> Option<Arc<str>> {
        let (answer, at) = self.answer.as_ref()?;
        (now.saturating_sub(*at) <= max_age).then(|| Arc::clone(answer))
    }
}

/// A bounded memory of answers by tenant and request.
pub(super) struct Kept {
    known: Cache<[u8; 32], Known>,
    clock: Monotonic,
    observer: Arc<dyn Observer>,
}

impl Kept {
    pub(super) fn new(clock: Monotonic, observer: Arc<dyn Observer>) -> Self {
        let weigh = |_: &[u8; 32], known: &Known| {
            let bytes = known.answer.as_ref().map_or(0, |(answer, _)| answer.len());
            u32::try_from(bytes + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        let known = Cache::builder().max_capacity(CAPACITY_BYTES).weigher(weigh).time_to_live(KEPT).build();
        Self { known, clock, observer }
    }

    /// Answers from memory, at most `max_age` old, or by `ask`. A failure is never answered with something older.
    pub(super) async fn recall<Asking>(
        &self,
        key: [u8; 32],
        max_age: Duration,
        ask: impl FnOnce() -> Asking + Send,
    ) -> Result<Arc<str>, Failed>
    where
        Asking: Future<Output = Result<Arc<str>, Failed>> + Send,
    {
        let asked = (self.clock)();
        if let Some(answer) = self.known.get(&key).await.and_then(|known| known.serves(asked, max_age)) {
            self.observer.recalled(CACHE, Recall::Hit);
            return Ok(answer);
        }
        let mut recall = Recall::Hit;
        let told = &mut recall;
        let computed = self
            .known
            .entry(key)
            .and_compute_with(|entry| async move {
                let known = entry.map(moka::Entry::into_value).unwrap_or_default();
                // Whoever waited for his turn takes what came of the question before, good or bad.
                let failed_meanwhile = known.failure.as_ref().is_some_and(|(_, at)| asked < *at);
                if failed_meanwhile || known.serves((self.clock)(), max_age).is_some() {
                    return Op::Nop;
                }
                *told = Recall::Miss;
                let answer = ask().await;
                let now = (self.clock)();
                Op::Put(match answer {
                    Ok(answer) => Known { answer: Some((answer, now)), failure: None },
                    Err(failure) => Known { answer: known.answer, failure: Some((failure, now)) },
                })
            })
            .await;
        self.observer.recalled(CACHE, recall);
        let known =
            computed.into_entry().expect("invariant: a computation keeps what it found or puts what it learned");
        let known = known.into_value();
        match known.failure {
            Some((failure, at)) if asked <= at => Err(failure),
            _ => known.answer.map(|(answer, _)| answer).ok_or(Failed::RequestRefused(None)),
        }
    }
}
