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

/// An id for work that nobody asked for: a random UUID, version 4.
pub(crate) fn fresh() -> Box<str> {
    let bits: u128 = rand::random();
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{bits:032x}");
    let (a, b, c, d, e) = (&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
    format!("{a}-{b}-{c}-{d}-{e}").into()
}

/// The correlation id of the running work, if it has one.
pub fn correlation() -> Option<Box<str>> {
    CORRELATION.try_with(Clone::clone).ok().flatten()
}
