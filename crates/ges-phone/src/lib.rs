//! The numbering plan: parsing and plausibility of phone numbers.
//!
//! [`Plan`] answers for the domain's port from libphonenumber metadata. The rules themselves are in the domain.

mod expressions;
mod guide;
mod plan;
mod short_numbers;

pub use plan::Plan;

#[cfg(test)]
mod number_rule_tests;
#[cfg(test)]
mod pattern_tests;
#[cfg(test)]
mod rule_tests;
