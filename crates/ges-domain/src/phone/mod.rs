//! Phone numbers (domain chapter 13): what a caller typed, what counting compares, what may be dialed.
//!
//! The numbering plan is a port: this folder knows the rules, an adapter knows the metadata.

mod country;
mod dialed;
mod facts;
mod number;
mod plausibility;
mod rule;

pub use country::{Country, NotACountry};
pub use dialed::dialed_digits;
pub use facts::{NumberFacts, NumberGuide};
pub use number::{PhoneKey, PhoneNumber};
pub use plausibility::{NumberRefusal, NumberingPlan, Parsed, Screening, key_of, plausibility, read};
pub use rule::{BadNumberRule, NumberRule, Tried, Verdict};
