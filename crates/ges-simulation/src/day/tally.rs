//! What is counted while the day goes on, because no record shows it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ges_domain::ports::ServiceRef;
use ges_domain::{CallbackId, Instant};

/// A pause of a service.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    pub(crate) service: ServiceRef,
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

/// Everything counted.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) pauses: Vec<Pause>,
    /// Callbacks whose session ran on a node that was lost, and when that was.
    pub(crate) bereft: Vec<(CallbackId, Instant)>,
    /// For how long no router answered, in milliseconds.
    pub(crate) no_router_ms: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Notes>);

impl Tally {
    /// One more of these.
    pub(crate) fn count(&self, what: &'static str) {
        *self.notes().counts.entry(what).or_default() += 1;
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
