//! Time and ids as ports: the domain has neither of its own (R-CON-3).

use crate::{CallbackId, Instant};

/// The time of the record store, which decides on every node (I10). Reading it costs nothing and never blocks.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Instant;
}

/// Makes ids.
pub trait Ids: Send + Sync {
    /// A new callback id: UUID version 7 (design decision 11).
    fn callback_id(&self) -> CallbackId;
}
