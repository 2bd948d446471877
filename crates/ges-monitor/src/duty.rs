//! Background work in bounded pieces.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::MonitorGauges;

/// What a piece of work says about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// More is waiting.
    Again,
    /// Nothing to do for so long, unless something happens.
    RestFor(Duration),
}

/// Work that is never finished.
#[async_trait]
pub trait Duty: Send {
    /// One bounded piece of work. Tests call this, never the loop.
    async fn turn(&mut self) -> Turn;

    /// Returns when something has happened that shortens the rest. Cancel-safe.
    async fn woken(&mut self) {
        std::future::pending().await
    }

    /// Finishes what goes on beside the turns; nothing new is begun.
    async fn finish(&mut self) {}
}

/// Runs a duty until it is told to stop; the piece in hand is finished.
pub async fn drive(duty: &mut dyn Duty, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        if let Turn::RestFor(rest) = duty.turn().await {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = duty.woken() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }
    duty.finish().await;
}

/// Between a panic and the next beginning.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// Runs a duty, and a new one from `make` after every panic, which is counted.
pub(crate) async fn supervise(
    name: &'static str,
    make: impl Fn() -> Box<dyn Duty>,
    gauges: Arc<dyn MonitorGauges>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let mut duty = make();
        // The duty is dropped after a panic, so nobody sees a value it broke.
        let driven = std::panic::AssertUnwindSafe(drive(&mut *duty, &stop)).catch_unwind().await;
        if driven.is_err() {
            gauges.panicked();
            tracing::error!(duty = name, "a monitor panicked and begins anew");
            let _ = stop.run_until_cancelled(tokio::time::sleep(AFTER_PANIC)).await;
        }
    }
}
