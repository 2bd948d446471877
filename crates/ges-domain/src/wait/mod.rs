//! Estimated wait time (domain chapter 10): what the router says, and what decisions make of it.

mod decision;
mod estimate;

pub use decision::{LAST_GOOD_AGE, LONGEST_WAIT, LastGood, LastGoods, decide};
pub use estimate::{Estimate, EwtMode, QueueWait, UnknownMode, WaitError, WaitEstimates};
