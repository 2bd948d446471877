//! The two forms of a number: as given, and as counted. Neither shows itself in logs (I11).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Parsed;
use crate::BadName;

/// A number exactly as the caller gave it, outer white space aside (R-NUM-1): 1 to 64 characters, no NUL.
///
/// No `Display`, and `Debug` shows the last two characters at most (I11).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(Box<str>);

impl PhoneNumber {
    /// Trims outer white space and checks the length in characters.
    ///
    /// # Errors
    /// [`BadName`] when nothing is left, when it is longer than 64 characters, or with a NUL (design decision 15).
    pub fn new(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 64 || text.contains('\0') {
            return Err(BadName { min: 1, max: 64 });
        }
        Ok(Self(text.into()))
    }

    /// The characters of the caller.
    pub fn as_given(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked("PhoneNumber", &self.0, f)
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0.into()
    }
}

/// The form of a number that counting and rules compare: digits only, no `+` (R-NUM-3).
///
/// Invariant: every spelling of one number under one default country has one key (P-12). A key read back from a
/// store is what [`PhoneKey::new`] once made. No `Display`, and `Debug` shows the last two characters at most (I11).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneKey(Box<str>);

impl PhoneKey {
    /// Takes what the numbering plan made of the number, else its digits, else the number itself.
    pub fn new(parsed: Option<&Parsed>, number: &PhoneNumber) -> Self {
        let text = parsed.map_or(number.as_given(), |parsed| &parsed.e164_digits);
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        Self(if digits.is_empty() { number.as_given().into() } else { digits.into() })
    }

    /// The key that a store kept, letter by letter.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked("PhoneKey", &self.0, f)
    }
}

/// Writes `Name(***44)`; of up to four characters nothing is shown, for they would say too much.
fn masked(name: &str, text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let length = text.chars().count();
    let shown: String = text.chars().skip(if length > 4 { length - 2 } else { length }).collect();
    write!(f, "{name}(***{shown})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_spelling_and_are_bounded() {
        assert_eq!(PhoneNumber::new("  +1 (650) 466-1100 ").unwrap().as_given(), "+1 (650) 466-1100");
        assert!(PhoneNumber::new(" \t ").is_err());
        assert!(PhoneNumber::new(&"1".repeat(64)).is_ok());
        assert!(PhoneNumber::new(&"1".repeat(65)).is_err());
        assert!(PhoneNumber::new("12\u{0}34").is_err(), "design decision 15");
    }

    #[test]
    fn debug_shows_two_digits_at_most() {
        let number = PhoneNumber::new("+12223334456").unwrap();
        assert_eq!(format!("{number:?}"), "PhoneNumber(***56)");
        assert_eq!(format!("{:?}", PhoneKey::new(None, &number)), "PhoneKey(***56)");
        assert_eq!(format!("{:?}", PhoneNumber::new("9115").unwrap()), "PhoneNumber(***)");
    }

    #[test]
    fn an_unparsed_key_is_the_digits_or_else_the_text() {
        let key = |text: &str| PhoneKey::new(None, &PhoneNumber::new(text).unwrap()).as_str().to_owned();
        assert_eq!(key("ext. 44-12"), "4412");
        assert_eq!(key("bad"), "bad");
    }
}
