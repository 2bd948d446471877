//! What can be booked: open cells with their limits (R-SLT-3, R-SLT-4) and the booking rule (R-BK-1 to R-BK-3).

use std::time::Duration;

use super::{Cell, SlotLength};
use crate::Instant;
use crate::capacity::{CapacityRule, LimitReader, Limits, Usage};
use crate::hours::offsets::Offsets;
use crate::hours::{Hours, Window};

/// A cell that is open for less is not bookable (R-SLT-3).
const OPEN_AT_LEAST: Duration = Duration::from_secs(60);

/// Hours, slots and capacity of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When the service is open.
    pub hours: Hours,
    /// Length of its cells.
    pub slot: SlotLength,
    /// Capacity of a cell when there is no rule, 0 to 10 000.
    pub max_per_slot: u32,
    /// The capacity rule assigned to it, which replaces `max_per_slot` (R-CAP-2).
    pub rule: Option<CapacityRule>,
}

/// A cell that is open for at least a minute in total (R-SLT-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCell {
    /// The cell of the grid.
    pub cell: Cell,
    /// The first open instant in it, which is the start that clients see.
    pub start: Instant,
    /// The end of its last open stretch, at most the end of the cell.
    pub until: Instant,
}

/// Where a scheduled callback would be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booking {
    /// The cell it would hold.
    pub cell: Cell,
    /// What the store compares its counts with (R-CAP-4, R-CAP-5).
    pub limits: Limits,
}

/// Why a desired time cannot be booked, whatever is already booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookingRefusal {
    /// The time is outside office hours (R-BK-1).
    #[error("the office is closed at the desired time")]
    OfficeClosed,
    /// The wait reaches the end of the cell (R-BK-3), which proposals then leave out.
    #[error("the slot would be over before an agent is free")]
    SlotUnavailable {
        /// The refused cell.
        cell: Cell,
    },
}

impl Schedule {
    /// The cell that holds `at`, open or not.
    pub fn cell_at(&self, at: Instant) -> Cell {
        Cell::of(&self.offsets(at, at), self.slot.minutes(), at)
    }

    /// The open cells that have something in common with `from..until`, ascending (R-SLT-3).
    pub fn open_cells(&self, from: Instant, until: Instant) -> Vec<OpenCell> {
        self.open_cells_with(&self.offsets(from, until), from, until)
    }

    /// What limits bookings in `cell`, a cell of this schedule's grid.
    pub fn limits_of(&self, cell: &Cell) -> Limits {
        let offsets = self.offsets(cell.from, cell.until);
        self.limit_reader(&offsets).limits(cell)
    }

    /// How many more callbacks `cell` takes; `usage` must cover the cell and its rule slot (R-CAP-4, R-CR-10).
    pub fn remaining(&self, cell: &Cell, usage: &Usage) -> u32 {
        usage.remaining(cell, &self.limits_of(cell))
    }

    /// The cell and limits for a SCHEDULED callback at `desired`, as far as counts do not decide (R-BK-1 to R-BK-3).
    ///
    /// `forecast` is the estimated wait of a request with `alwaysCheckCapacity` (zero when unknown), `None` without it.
    ///
    /// # Errors
    /// [`BookingRefusal`] in the order of R-BK-1.
    pub fn check_booking(
        &self,
        desired: Instant,
        now: Instant,
        forecast: Option<Duration>,
    ) -> Result<Booking, BookingRefusal> {
        let offsets = self.offsets(desired, desired);
        let cell = Cell::of(&offsets, self.slot.minutes(), desired);
        let windows = self.hours.windows_with(&offsets, cell.from, cell.until);
        let open: Duration = windows.iter().map(Window::length).sum();
        if open < OPEN_AT_LEAST || !windows.iter().any(|window| window.contains(desired)) {
            return Err(BookingRefusal::OfficeClosed);
        }
        if forecast.is_some_and(|wait| now + wait >= cell.until) {
            return Err(BookingRefusal::SlotUnavailable { cell });
        }
        Ok(Booking { cell, limits: self.limit_reader(&offsets).limits(&cell) })
    }

    /// Whether an IMMEDIATE callback made at `now` would be served before the office closes (R-CRE-4, R-CRE-5, R-QS-3).
    pub fn immediate_open(&self, now: Instant, wait: Duration) -> bool {
        self.hours.window_at(now).is_some_and(|window| now + wait < window.until)
    }

    /// The zone's offsets around `from..until`, enough for every cell and rule slot that touches it.
    pub(crate) fn offsets(&self, from: Instant, until: Instant) -> Offsets {
        self.hours.zone().offsets(from, until)
    }

    pub(crate) fn limit_reader<'a>(&'a self, offsets: &'a Offsets) -> LimitReader<'a> {
        LimitReader::new(offsets, self.slot, self.max_per_slot, self.rule.as_ref())
    }

    pub(crate) fn open_cells_with(&self, offsets: &Offsets, from: Instant, until: Instant) -> Vec<OpenCell> {
        if from >= until {
            return Vec::new();
        }
        let minutes = self.slot.minutes();
        let first = Cell::of(offsets, minutes, from);
        let last = Cell::of(offsets, minutes, until - Duration::from_millis(1));
        let mut touched: Vec<(OpenCell, Duration)> = Vec::new();
        for window in self.hours.windows_with(offsets, first.from, last.until) {
            let mut cell = Cell::of(offsets, minutes, window.from);
            while let Some(Window { from: start, until }) = window.overlap(cell.from, cell.until) {
                let length = until.since(start);
                match touched.last_mut() {
                    Some((open, total)) if open.cell == cell => {
                        open.until = until;
                        *total += length;
                    }
                    _ => touched.push((OpenCell { cell, start, until }, length)),
                }
                cell = cell.next(offsets, minutes);
            }
        }
        touched.into_iter().filter(|(_, total)| *total >= OPEN_AT_LEAST).map(|(open, _)| open).collect()
    }
}
