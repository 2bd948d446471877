//! Capacity of cells: limits, rules and what is used (domain 9.2, 9.3).

mod calendar;
mod limits;
mod rule;
mod statement;
#[cfg(test)]
mod tests;
mod usage;

pub use calendar::{Calendar, MAX_CAPACITY, NotARuleSlot, RuleSlot};
pub(crate) use limits::LimitReader;
pub use limits::{Limits, Shared, limits, remaining};
pub use rule::{BadRule, CapacityRule};
pub use statement::{Amount, Fault, Pairs, StatementError};
pub use usage::Usage;
