//! Countries as ISO 3166 alpha-2 codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An ISO 3166 alpha-2 code in capitals; `US` unless a service says otherwise (product default of `defaultCountry`).
///
/// Only the form is checked; whether the numbering plan knows the country is the plan's matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// The text is not two letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a country code of two letters")]
pub struct NotACountry;

impl Country {
    /// The United States, the product default.
    pub const US: Self = Self(*b"US");

    /// Trims, and takes small letters as capitals.
    ///
    /// # Errors
    /// [`NotACountry`] unless two ASCII letters remain.
    pub fn new(text: &str) -> Result<Self, NotACountry> {
        match *text.trim().as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Ok(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => Err(NotACountry),
        }
    }

    /// The two capitals.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("invariant: two ASCII capitals")
    }
}

impl Default for Country {
    fn default() -> Self {
        Self::US
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Country {
    type Err = NotACountry;
    fn from_str(text: &str) -> Result<Self, NotACountry> {
        Self::new(text)
    }
}

impl TryFrom<String> for Country {
    type Error = NotACountry;
    fn try_from(text: String) -> Result<Self, NotACountry> {
        Self::new(&text)
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn country_codes_are_two_letters_in_capitals() {
        assert_eq!(Country::new(" de ").unwrap().as_str(), "DE");
        assert_eq!(Country::default(), Country::US);
        for wrong in ["", "D", "DEU", "D1", "Ä", "é"] {
            assert_eq!(Country::new(wrong), Err(NotACountry), "{wrong:?}");
        }
    }
}
