//! Civil time and UTC around changes of the clocks: R-DST-1, R-DST-2 for windows and R-SLT-1 for grid boundaries.
//!
//! "Wall" values are milliseconds since 1970-01-01T00:00 as a clock on the wall shows them.

use crate::Instant;

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const DAY_MS: i64 = 1_440 * MINUTE_MS;

/// Milliseconds of `at`, brought into the years the zone library can hold (-9999 to 9999), so that sums never overflow.
pub(crate) fn bounded_ms(at: Instant) -> i64 {
    const BOUND_MS: i64 = 253_370_764_800_000;
    at.millis().clamp(-BOUND_MS, BOUND_MS)
}

/// From `from_ms` (UTC) until the next segment, wall time is UTC plus `offset_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) from_ms: i64,
    pub(crate) offset_ms: i64,
}

/// The offsets of one zone over a stretch of time: one look-up in the zone data, any number of conversions.
///
/// Invariant: never empty, ascending, neighbours differ in offset, and the first one has no beginning.
#[derive(Debug, Clone)]
pub(crate) struct Offsets {
    segments: Vec<Segment>,
}

impl Offsets {
    pub(crate) fn new(segments: Vec<Segment>) -> Self {
        debug_assert!(segments.first().is_some_and(|first| first.from_ms == i64::MIN), "the first has no beginning");
        debug_assert!(
            segments.is_sorted_by(|a, b| a.from_ms < b.from_ms && a.offset_ms != b.offset_ms),
            "{segments:?}"
        );
        Self { segments }
    }

    /// Those of UTC.
    pub(crate) fn utc() -> Self {
        Self::new(vec![Segment { from_ms: i64::MIN, offset_ms: 0 }])
    }

    /// Wall time at `at_ms` (UTC).
    pub(crate) fn wall(&self, at_ms: i64) -> i64 {
        at_ms.saturating_add(self.segments[self.position(at_ms)].offset_ms)
    }

    /// UTC of a window's start: the end of a gap, the first occurrence in a fold (R-DST-1, R-DST-2).
    pub(crate) fn start(&self, wall_ms: i64) -> i64 {
        self.occurrence(wall_ms, false).unwrap_or_else(|gap| gap.until_ms)
    }

    /// UTC of a window's end: the end of a gap, the second occurrence in a fold (R-DST-1, R-DST-2).
    pub(crate) fn end(&self, wall_ms: i64) -> i64 {
        self.occurrence(wall_ms, true).unwrap_or_else(|gap| gap.until_ms)
    }

    /// UTC of a wall time written by a person: shifted by the gap, the first occurrence in a fold (API reference 3.3).
    pub(crate) fn shifted(&self, wall_ms: i64) -> i64 {
        self.occurrence(wall_ms, false).unwrap_or_else(|gap| wall_ms.saturating_sub(gap.offset_before_ms))
    }

    /// The first or last instant at which the wall shows `wall_ms`, or the gap that skips it.
    fn occurrence(&self, wall_ms: i64, last: bool) -> Result<i64, Gap> {
        let shown = |place: usize| {
            let at_ms = wall_ms.saturating_sub(self.segments[place].offset_ms);
            let ended = self.segments.get(place + 1).is_some_and(|next| next.from_ms <= at_ms);
            (self.segments[place].from_ms <= at_ms && !ended).then_some(at_ms)
        };
        let found = if last {
            (0..self.segments.len()).rev().find_map(shown)
        } else {
            (0..self.segments.len()).find_map(shown)
        };
        found.ok_or_else(|| {
            // The wall time is shown by nobody, so it lies between what two neighbours show at their border.
            let after = (1..self.segments.len())
                .find(|&place| wall_ms < self.segments[place].from_ms.saturating_add(self.segments[place].offset_ms))
                .expect("invariant: a wall time that nobody shows is skipped by one of the changes");
            Gap { until_ms: self.segments[after].from_ms, offset_before_ms: self.segments[after - 1].offset_ms }
        })
    }

    /// The last grid boundary at or before `at_ms` for a grid of `step_ms`, which divides a day (R-SLT-1).
    pub(crate) fn boundary_at_or_before(&self, at_ms: i64, step_ms: i64) -> i64 {
        let mut at_ms = at_ms;
        let mut place = self.position(at_ms);
        loop {
            let Segment { from_ms, offset_ms } = self.segments[place];
            let shown =
                at_ms.saturating_add(offset_ms).div_euclid(step_ms).saturating_mul(step_ms).saturating_sub(offset_ms);
            if shown >= from_ms {
                return shown;
            }
            if self.skips_boundary(place, step_ms) {
                return from_ms;
            }
            // The first segment has no beginning, so `shown >= from_ms` has held there.
            at_ms = from_ms - 1;
            place -= 1;
        }
    }

    /// The first grid boundary after `at_ms` for a grid of `step_ms`, which divides a day (R-SLT-1).
    pub(crate) fn boundary_after(&self, at_ms: i64, step_ms: i64) -> i64 {
        let mut place = self.position(at_ms);
        let mut earliest_ms = at_ms.saturating_add(1);
        loop {
            let offset_ms = self.segments[place].offset_ms;
            let shown = earliest_ms.saturating_add(offset_ms).saturating_add(step_ms - 1).div_euclid(step_ms);
            let shown = shown.saturating_mul(step_ms).saturating_sub(offset_ms);
            let Some(next) = self.segments.get(place + 1).filter(|next| next.from_ms <= shown) else { return shown };
            place += 1;
            earliest_ms = next.from_ms;
            if self.skips_boundary(place, step_ms) {
                return earliest_ms;
            }
        }
    }

    /// Whether the change that begins the segment at `place` skips a wall time that is a multiple of `step_ms`.
    fn skips_boundary(&self, place: usize, step_ms: i64) -> bool {
        let Some(before) = place.checked_sub(1).map(|before| self.segments[before]) else { return false };
        let from_ms = self.segments[place].from_ms;
        let (skipped_from, skipped_until) = (from_ms + before.offset_ms, from_ms + self.segments[place].offset_ms);
        // Forward changes only; a backward change skips nothing.
        (skipped_from + step_ms - 1).div_euclid(step_ms) * step_ms < skipped_until
    }

    fn position(&self, at_ms: i64) -> usize {
        self.segments.partition_point(|segment| segment.from_ms <= at_ms).saturating_sub(1)
    }
}

/// A stretch of wall time that no instant shows.
struct Gap {
    until_ms: i64,
    offset_before_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * MINUTE_MS;

    /// Clocks go from +0 to +1 at hour 100 and back at hour 200.
    fn summer() -> Offsets {
        Offsets::new(vec![
            Segment { from_ms: i64::MIN, offset_ms: 0 },
            Segment { from_ms: 100 * HOUR_MS, offset_ms: HOUR_MS },
            Segment { from_ms: 200 * HOUR_MS, offset_ms: 0 },
        ])
    }

    #[test]
    fn a_gap_ends_windows_at_its_end_and_shifts_written_times() {
        let half_past = 100 * HOUR_MS + 30 * MINUTE_MS;
        assert_eq!(summer().start(half_past), 100 * HOUR_MS);
        assert_eq!(summer().end(half_past), 100 * HOUR_MS);
        assert_eq!(summer().shifted(half_past), half_past);
        assert_eq!(summer().start(101 * HOUR_MS), 100 * HOUR_MS, "the end of the gap is shown again");
    }

    #[test]
    fn a_fold_starts_windows_early_and_ends_them_late() {
        let half_past = 200 * HOUR_MS + 30 * MINUTE_MS;
        assert_eq!(summer().start(half_past), half_past - HOUR_MS);
        assert_eq!(summer().end(half_past), half_past);
        assert_eq!(summer().shifted(half_past), half_past - HOUR_MS);
        assert_eq!(summer().end(201 * HOUR_MS), 201 * HOUR_MS, "the end of the fold is shown once");
    }

    #[test]
    fn a_backward_change_skips_no_boundary() {
        assert!(!summer().skips_boundary(2, HOUR_MS));
        assert!(summer().skips_boundary(1, HOUR_MS));
        assert!(!summer().skips_boundary(0, HOUR_MS));
    }
}
