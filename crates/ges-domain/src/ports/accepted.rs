//! Fast counters beside the record store (design decision 1).

use super::ServiceRef;
use crate::Instant;
use crate::callback::Callback;
use crate::throttle::Window;

/// When IMMEDIATE callbacks were accepted, kept outside the record store to spare it counting.
///
/// It may know too little and never too much: everything it is told is durable already, and it may forget all of it at any
/// moment. No method waits, none fails.
pub trait AcceptedTimes: Send + Sync {
    /// For each window an instant since which at least `limit` callbacks of the service were accepted; none when it does
    /// not know.
    fn since(&self, service: &ServiceRef, windows: &[Window; 2]) -> [Option<Instant>; 2];

    /// Hears of an IMMEDIATE callback that is durable.
    fn accepted(&self, record: &Callback, windows: &[Window; 2]);

    /// Hears that the record store found a window full, which this side did not know.
    fn was_full(&self, service: &ServiceRef, windows: &[Window; 2]);
}
