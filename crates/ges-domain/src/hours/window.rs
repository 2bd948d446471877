//! Windows: stretches of UTC during which an office is open (R-BH-6).

use std::time::Duration;

use crate::Instant;

/// An open stretch `from..until`, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The first open instant.
    pub from: Instant,
    /// The first instant that is closed again.
    pub until: Instant,
}

impl Window {
    /// Whether `at` lies in `from..until`.
    pub fn contains(&self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }

    /// Real time from start to end, which differs from wall-clock time on change days (R-DST-3).
    pub fn length(&self) -> Duration {
        self.until.since(self.from)
    }

    /// What this window has in common with `from..until`, or `None` when nothing.
    pub fn overlap(&self, from: Instant, until: Instant) -> Option<Self> {
        let (from, until) = (self.from.max(from), self.until.min(until));
        (from < until).then_some(Self { from, until })
    }
}

/// Sorts windows and joins those that overlap or touch (R-BH-6).
pub(crate) fn merged(mut windows: Vec<Window>) -> Vec<Window> {
    windows.sort_unstable();
    windows.dedup_by(|next, kept| {
        let joins = next.from <= kept.until;
        if joins {
            kept.until = kept.until.max(next.until);
        }
        joins
    });
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: i64, until: i64) -> Window {
        Window { from: Instant::from_millis(from), until: Instant::from_millis(until) }
    }

    #[test]
    fn overlapping_and_touching_windows_merge() {
        let windows =
            vec![window(50, 60), window(0, 10), window(10, 20), window(5, 15), window(21, 30), window(22, 25)];
        assert_eq!(merged(windows), [window(0, 20), window(21, 30), window(50, 60)]);
    }

    #[test]
    fn closing_instant_is_outside() {
        assert!(window(0, 10).contains(Instant::from_millis(0)));
        assert!(!window(0, 10).contains(Instant::from_millis(10)));
        assert_eq!(window(0, 10).overlap(Instant::from_millis(10), Instant::from_millis(20)), None);
    }
}
