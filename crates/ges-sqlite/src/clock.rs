//! The time of a store that lives in one process.

use std::time::{Instant as Tick, SystemTime, UNIX_EPOCH};

use ges_domain::Instant;
use ges_domain::ports::Clock;

/// Counts on from the wall clock's time at start by the machine's steady clock, so that setting the wall clock while the
/// process runs changes nothing (I10). The next start reads the wall clock afresh.
#[derive(Debug, Clone)]
pub struct StoreClock {
    at_start: Instant,
    started: Tick,
}

impl StoreClock {
    /// Begins now.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { at_start: Instant::from_millis(0) + since_epoch, started: Tick::now() }
    }
}

impl Clock for StoreClock {
    fn now(&self) -> Instant {
        self.at_start + self.started.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_backwards() {
        let clock = StoreClock::start();
        let (first, second) = (clock.now(), clock.now());
        assert!(first <= second);
        assert!(first.millis() > 1_700_000_000_000, "it is this century");
    }
}
