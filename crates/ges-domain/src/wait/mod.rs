//! Estimated wait time (domain chapter 10): what the router says, and what decisions make of it.

mod decision;
mod estimate;
mod names;

pub use decision::{LAST_GOOD_AGE, LONGEST_WAIT, LastGood, LastGoods, decide};
pub use estimate::{Estimate, EwtMode, Question, QueueWait, UnknownMode, WaitError, WaitEstimates};
pub use names::{BadNames, MOST_NAMES, names};
