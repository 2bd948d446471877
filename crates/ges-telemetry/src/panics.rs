//! Counting panics where they are thrown, and nowhere else.

use crate::Metrics;

/// From now on every panic of the process is counted once in `UNCAUGHT_EXCEPTION`, wherever it is caught, and logged without its
/// message, which may hold values (I11). A panic ends its task, not the process.
pub fn count_panics(metrics: Metrics) {
    std::panic::set_hook(Box::new(move |panic| {
        metrics.uncaught_exception();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic.at = place, "a task panicked");
    }));
}
