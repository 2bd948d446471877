//! How many callbacks are booked when (R-CAP-3).

use std::collections::BTreeMap;

use super::Limits;
use crate::Instant;
use crate::slots::Cell;

/// Booked SCHEDULED callbacks of one service, counted per grain: five minutes of UTC.
///
/// Invariant: every boundary of every grid is a boundary of grains, because slot lengths and the UTC offsets of all zones
/// since 1972 are multiples of five minutes. So a sum over grains counts a cell exactly, and a change of slot length
/// or of business hours needs no recount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    grains: BTreeMap<Instant, u32>,
}

const GRAIN_MS: i64 = 5 * 60 * 1_000;

impl Usage {
    /// The start of the grain that holds `at`.
    pub fn grain_of(at: Instant) -> Instant {
        Instant::from_millis(at.millis().div_euclid(GRAIN_MS).saturating_mul(GRAIN_MS))
    }

    /// The grains that start in `from..until`.
    pub fn grains(from: Instant, until: Instant) -> impl Iterator<Item = Instant> {
        let first = Self::grain_of(from).millis();
        let first = if first < from.millis() { first.saturating_add(GRAIN_MS) } else { first };
        let step = usize::try_from(GRAIN_MS).expect("invariant: five minutes fit");
        (first..until.millis()).step_by(step).map(Instant::from_millis)
    }

    /// Every grain with its count, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Instant, u32)> {
        self.grains.iter().map(|(grain, count)| (*grain, *count))
    }

    /// Counts `count` more callbacks whose desired time is `at`.
    pub fn add(&mut self, at: Instant, count: u32) {
        let grain = self.grains.entry(Self::grain_of(at)).or_default();
        *grain = grain.saturating_add(count);
    }

    /// Forgets one callback whose desired time is `at`; `false` when none was counted there.
    pub fn remove(&mut self, at: Instant) -> bool {
        let grain = Self::grain_of(at);
        match self.grains.get_mut(&grain) {
            Some(1) => self.grains.remove(&grain).is_some(),
            Some(count @ 2..) => {
                *count -= 1;
                true
            }
            Some(0) | None => false,
        }
    }

    /// Callbacks in the grains that start in `from..until`.
    pub fn used(&self, from: Instant, until: Instant) -> u32 {
        if from >= until {
            return 0;
        }
        self.grains.range(from..until).fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// How many more callbacks `cell` takes under `limits` (R-CAP-4, R-CR-10).
    pub fn remaining(&self, cell: &Cell, limits: &Limits) -> u32 {
        let used_shared = limits.shared.map_or(0, |shared| self.used(shared.from, shared.until));
        super::remaining(limits, self.used(cell.from, cell.until), used_shared)
    }
}

impl Extend<(Instant, u32)> for Usage {
    /// Adds counts, for example one per stored grain.
    fn extend<T: IntoIterator<Item = (Instant, u32)>>(&mut self, counts: T) {
        for (at, count) in counts {
            self.add(at, count);
        }
    }
}

impl FromIterator<(Instant, u32)> for Usage {
    fn from_iter<T: IntoIterator<Item = (Instant, u32)>>(counts: T) -> Self {
        let mut usage = Self::default();
        usage.extend(counts);
        usage
    }
}
