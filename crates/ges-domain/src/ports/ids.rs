//! Time and ids as ports: the domain has neither of its own (R-CON-3).

use crate::bulk::BulkId;
use crate::{CallInId, CallbackId, Instant};

/// The time of the record store, which decides on every node (I10). Reading it costs nothing and never blocks.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Instant;
}

/// Makes ids.
pub trait Ids: Send + Sync {
    /// A new callback id: UUID version 7 (design decision 11).
    fn callback_id(&self) -> CallbackId;

    /// A new call-in request id: UUID version 7.
    fn call_in_id(&self) -> CallInId;

    /// A new bulk job id: UUID version 7.
    fn bulk_id(&self) -> BulkId;
}

/// Randomness that nobody can foresee (R-CON-3, R-CTI-5).
pub trait Chance: Send + Sync {
    /// Sixty-four random bits from a secure source.
    fn draw(&self) -> u64;
}
