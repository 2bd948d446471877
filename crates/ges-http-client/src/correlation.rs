//! The correlation id of the work at hand, handed on to every peer it calls.

use std::future::Future;

tokio::task_local! {
    static CORRELATION: Option<Box<str>>;
}

/// Runs `work`; the calls it makes in this task carry `id` as `X-Correlation-Id`, or none.
///
/// A spawned task starts without an id: read [`correlation`] before and wrap its work.
pub async fn with_correlation<F: Future>(id: Option<&str>, work: F) -> F::Output {
    CORRELATION.scope(id.map(Into::into), work).await
}

/// The correlation id of the running work, if it has one.
pub fn correlation() -> Option<Box<str>> {
    CORRELATION.try_with(Clone::clone).ok().flatten()
}
