//! The one source of everything that happens by chance.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// A generator that all actors of one run share; they run one after another, so the order of their draws is fixed.
pub(crate) struct Chance(Mutex<SmallRng>);

impl Chance {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Mutex::new(SmallRng::seed_from_u64(seed)))
    }

    /// Whether something that happens with this probability happens now.
    pub(crate) fn happens(&self, rate: f64) -> bool {
        rate > 0.0 && self.rng().random::<f64>() < rate
    }

    /// A number in `from..until`.
    pub(crate) fn between(&self, from: u64, until: u64) -> u64 {
        self.rng().random_range(from..until)
    }

    /// A length in `from..until` milliseconds.
    pub(crate) fn millis(&self, from: u64, until: u64) -> Duration {
        Duration::from_millis(self.between(from, until))
    }

    /// A length in `from..until` seconds, to the millisecond.
    pub(crate) fn seconds(&self, from: u64, until: u64) -> Duration {
        self.millis(from * 1000, until * 1000)
    }

    /// One of some.
    pub(crate) fn one_of<'a, T>(&self, some: &'a [T]) -> &'a T {
        &some[self.rng().random_range(0..some.len())]
    }

    fn rng(&self) -> MutexGuard<'_, SmallRng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
