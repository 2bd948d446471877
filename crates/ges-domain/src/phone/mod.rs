//! Phone numbers (domain chapter 13.1): what a caller typed, what counting compares, what a web form may dial.
//!
//! The numbering plan is a port: this folder knows the rules, an adapter knows the metadata.

mod country;
mod dialed;
mod number;
mod plausibility;

pub use country::{Country, NotACountry};
pub use dialed::dialed_digits;
pub use number::{PhoneKey, PhoneNumber};
pub use plausibility::{NumberRefusal, NumberingPlan, Parsed, Screening, key_of, plausibility, read};
