//! The slot grid: cells that divide the time line (R-SLT-1, R-SLT-2, P-1).

use super::SlotLength;
use crate::Instant;
use crate::hours::Zone;
use crate::hours::offsets::{MINUTE_MS, Offsets, bounded_ms};

/// A stretch `from..until` between two boundaries of a grid, never empty; its capacity is counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The boundary that belongs to the cell.
    pub from: Instant,
    /// The boundary that belongs to the next cell.
    pub until: Instant,
}

impl Cell {
    /// Whether `at` lies in `from..until`.
    pub fn contains(&self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }

    /// The cell of a grid of `minutes`, a divisor of a day, that holds `at`.
    pub(crate) fn of(offsets: &Offsets, minutes: u32, at: Instant) -> Self {
        let (at_ms, step_ms) = (bounded_ms(at), i64::from(minutes) * MINUTE_MS);
        Self {
            from: Instant::from_millis(offsets.boundary_at_or_before(at_ms, step_ms)),
            until: Instant::from_millis(offsets.boundary_after(at_ms, step_ms)),
        }
    }

    /// The cell after this one in the same grid.
    pub(crate) fn next(&self, offsets: &Offsets, minutes: u32) -> Self {
        let step_ms = i64::from(minutes) * MINUTE_MS;
        let until = Instant::from_millis(offsets.boundary_after(self.until.millis(), step_ms));
        Self { from: self.until, until }
    }
}

/// The cells of one slot length in one zone: wall-clock multiples of the length, counted from midnight.
///
/// Where clocks skip a boundary it becomes the end of the gap, where they repeat one it counts twice. Instants outside the
/// years -9999 to 9999 are taken for the nearest inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    zone: Zone,
    length: SlotLength,
}

impl Grid {
    /// The grid of `length` in `zone`.
    pub fn new(zone: &Zone, length: SlotLength) -> Self {
        Self { zone: zone.clone(), length }
    }

    /// The one cell that holds `at`.
    pub fn cell_at(&self, at: Instant) -> Cell {
        Cell::of(&self.zone.offsets(at, at), self.length.minutes(), at)
    }

    /// Every cell that has something in common with `from..until`, ascending and without holes.
    pub fn cells(&self, from: Instant, until: Instant) -> Cells {
        let offsets = self.zone.offsets(from, until);
        let minutes = self.length.minutes();
        let next = Cell::of(&offsets, minutes, from);
        let until = Instant::from_millis(bounded_ms(until)).max(Instant::from_millis(bounded_ms(from)));
        let done = if from < until { until } else { next.from };
        Cells { offsets, minutes, next, done }
    }
}

/// Iterator over consecutive cells of a [`Grid`].
#[derive(Debug, Clone)]
pub struct Cells {
    offsets: Offsets,
    minutes: u32,
    next: Cell,
    done: Instant,
}

impl Iterator for Cells {
    type Item = Cell;

    fn next(&mut self) -> Option<Cell> {
        let cell = self.next;
        if cell.from >= self.done {
            return None;
        }
        self.next = cell.next(&self.offsets, self.minutes);
        Some(cell)
    }
}
