//! Slots: the grid of bookable cells, what of it is open, and the booking rule (domain 9.1, 9.5).

mod grid;
mod length;
mod schedule;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use grid::{Cell, Cells, Grid};
pub use length::{NotASlotLength, SlotLength};
pub use schedule::{Booking, BookingRefusal, OpenCell, Schedule};

/// How far ahead a desired time may lie (domain 0.3).
pub const HORIZON: Duration = Duration::from_secs(14 * 86_400);

/// A desired time this close counts as now (domain 0.3).
pub const NEAR_NOW: Duration = Duration::from_secs(120);
