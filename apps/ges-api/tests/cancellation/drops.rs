//! Leaving work before it is done.

use std::pin::pin;
use std::task::Poll;

/// When work is dropped after its last poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before what it waits for can have come.
    AtOnce,
    /// When what it waited for has come and it is about to go on.
    WhenWoken,
}

/// Polls `work` at most `polls` times and then drops it. Its output when it ended before.
pub(crate) async fn abandoned<F: Future>(work: F, polls: usize, moment: Moment) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match work.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 && moment == Moment::AtOnce => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Polls `work` at most `polls` times without waiting to be woken, other tasks and sockets in between, and then drops it. Its
/// output when it ended before.
pub(crate) async fn spun<F: Future>(work: F, polls: usize) -> Option<F::Output> {
    let mut work = pin!(work);
    for _ in 0..polls {
        let once = std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context)));
        if let Poll::Ready(output) = once.await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}
