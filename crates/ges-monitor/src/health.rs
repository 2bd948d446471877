//! When the stream is tried again after it failed (R-SUB-7). The stream fails as one: every service shares its schedule.

use ges_domain::submission::rest_after_failure;
use tokio::time::Instant;

/// Failed write cycles in a row and the rest after them.
#[derive(Debug, Default)]
pub(crate) struct StreamHealth {
    failed: u32,
    not_before: Option<Instant>,
}

impl StreamHealth {
    /// A cycle that began at `began` failed; the next begins 1, 2, 4, 8, 16, then 30 s after it began (M10).
    pub(crate) fn failed(&mut self, began: Instant) {
        self.failed = self.failed.saturating_add(1);
        self.not_before = Some(began + rest_after_failure(self.failed));
    }

    /// A cycle succeeded.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Whether the last cycle failed.
    pub(crate) fn is_down(&self) -> bool {
        self.failed > 0
    }

    /// How many failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failed
    }

    /// Until when nothing may be tried.
    pub(crate) fn resting_until(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|until| *until > now)
    }
}
