//! What is known about rate windows without counting rows (design decision 1).

use super::Window;
use crate::Instant;

/// Rate windows that are certainly full at the moment of a booking, by their place in [`Limits`](super::Limits).
///
/// Accepted callbacks are only ever added and none stops counting before its window has passed. So once `limit` of them
/// were accepted since some instant, that stays true, and the window is full as long as the instant lies in it. Whoever
/// knows such an instant needs no count; whoever knows none counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownWindows([Option<Instant>; 2]);

impl KnownWindows {
    /// Keeps of `since` what proves something at `now`. `since`: for each window an instant since which at least its limit
    /// was accepted (R-THR-4: the window is `(now - length, now]`).
    pub fn at(now: Instant, windows: &[Window; 2], since: [Option<Instant>; 2]) -> Self {
        let [first, second] = since;
        let proves = |window: &Window, since: Option<Instant>| since.filter(|since| *since > now - window.length);
        Self([proves(&windows[0], first), proves(&windows[1], second)])
    }

    /// Whether nothing but the number's own counts can decide which refusal it becomes.
    pub fn is_refused(&self) -> bool {
        self.0.iter().any(Option::is_some)
    }

    /// The instant that proves the window at `place` full.
    pub fn full(&self, place: usize) -> Option<Instant> {
        self.0.get(place).copied().flatten()
    }
}
