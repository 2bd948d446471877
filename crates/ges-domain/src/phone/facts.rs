//! What is known about a number besides our rules (integrations 2.16).

use super::{Country, PhoneNumber};

/// A number as the numbering plan describes it. `Debug` is empty (I11).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NumberFacts {
    /// Whether it parses at all; the texts are empty when it does not.
    pub e164: String,
    /// International format.
    pub international: String,
    /// National format.
    pub national: String,
    /// Country calling code.
    pub country_code: String,
    /// Region it belongs to; empty when unassigned.
    pub region: String,
    /// Its type in capitals, such as `MOBILE`.
    pub kind: String,
    /// Whether its length fits.
    pub possible: bool,
    /// Whether its range is assigned.
    pub valid: bool,
    /// Whether it is valid in the country asked about.
    pub valid_for_region: bool,
    /// Whether it is premium rate.
    pub premium: bool,
}

impl std::fmt::Debug for NumberFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NumberFacts")
    }
}

/// Describes numbers.
pub trait NumberGuide: Send + Sync {
    /// What `number` is when it is dialed in `country`; none when it is no number.
    fn describe(&self, number: &PhoneNumber, country: &Country) -> Option<NumberFacts>;
}
