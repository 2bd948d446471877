//! The agent floor: who serves which queue, how long things take, and how long the next caller will wait (R-EWT-3).
//!
//! A pure model: time comes in as milliseconds, chance from a seed. The same seed and the same calls at the same times give
//! the same day, however often the model is stepped in between.

mod crew;
mod model;
mod settings;
mod wait;

#[cfg(test)]
mod tests;

pub use model::{Floor, Happening, NewCall, Place, QueueView, What, Withdrawal};
pub use settings::{Crew, FloorSettings, GroupSettings};
pub use wait::{Estimate, Mode, mode1, mode2};
