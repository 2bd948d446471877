//! Requests that may be sent twice and are carried out once (I6): keys that callers choose, and what was answered under them.
//!
//! Only an act that was carried out is kept, in the transaction that carried it out. A refusal changed nothing, so its
//! repetition is decided anew; a caller that was told to come back later may come back with the same key.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

use crate::Refusal;

/// How long an answer is kept at least (integrations 2.1).
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Most characters of a key.
pub const MAX_KEY: usize = 255;

/// What is to be done once. The same key under two operations means two requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Booking a callback; its answer names the callback.
    Create,
    /// Cancelling a callback; its answer names the callback.
    Cancel,
    /// Asking for a number to call in; its answer names the request.
    CallIn,
}

impl Operation {
    /// Number of the operation in stores; never changes.
    pub const fn code(self) -> i16 {
        match self {
            Self::Create => 1,
            Self::Cancel => 2,
            Self::CallIn => 3,
        }
    }
}

/// A key a caller chose: 1 to [`MAX_KEY`] visible ASCII characters, compared exactly. Its `Debug` is empty, because a
/// caller may have put anything into it (I11).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Box<str>);

/// Text that is no [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_KEY} visible ASCII characters")]
pub struct BadKey;

impl Key {
    /// Takes the text of the header. Quotation marks around it belong to the header's syntax, not to the key.
    ///
    /// # Errors
    /// [`BadKey`] when it is empty, too long, or has other than visible ASCII characters.
    pub fn new(text: &str) -> Result<Self, BadKey> {
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let key = inner.unwrap_or(text);
        let fits = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(key.into())) } else { Err(BadKey) }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// SHA-256 of a request's body, byte for byte as it came. Two bodies are the same when their digests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyDigest(pub [u8; 32]);

/// A request under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// What is to be done once.
    pub operation: Operation,
    /// The caller's key.
    pub key: Key,
    /// The body it came with.
    pub body: BodyDigest,
}

/// What is kept of an act that was carried out under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The body it was asked with.
    pub body: BodyDigest,
    /// The id its answer names.
    pub subject: Uuid,
}

impl Keyed {
    /// What is known of this request: nothing, or the id its answer names (I6).
    ///
    /// # Errors
    /// [`Refusal::KeyReused`]: the key stands for another body.
    pub fn answered(&self, kept: Option<&Kept>) -> Result<Option<Uuid>, Refusal> {
        match kept {
            Some(kept) if kept.body != self.body => Err(Refusal::KeyReused),
            kept => Ok(kept.map(|kept| kept.subject)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_in_length_and_characters() {
        for good in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "order:17/b", &"k".repeat(MAX_KEY)] {
            assert_eq!(Key::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "\"\"", "two words", "tab\t", "\u{e9}", "nul\0", &"k".repeat(MAX_KEY + 1)] {
            assert_eq!(Key::new(bad), Err(BadKey), "{bad:?}");
        }
        assert_eq!(Key::new("\"abc\""), Key::new("abc"), "a quoted string is the text inside");
        assert_eq!(format!("{:?}", Key::new("+16504661100").unwrap()), "Key", "I11");
    }

    /// I6.
    #[test]
    fn the_same_body_gets_the_same_answer_and_another_one_is_refused() {
        let keyed =
            |body| Keyed { operation: Operation::Create, key: Key::new("k").unwrap(), body: BodyDigest([body; 32]) };
        let kept = Kept { body: BodyDigest([1; 32]), subject: Uuid::from_u128(7) };
        assert_eq!(keyed(1).answered(None), Ok(None));
        assert_eq!(keyed(1).answered(Some(&kept)), Ok(Some(Uuid::from_u128(7))));
        assert_eq!(keyed(2).answered(Some(&kept)), Err(Refusal::KeyReused));
    }

    #[test]
    fn codes_in_stores_never_change() {
        assert_eq!([Operation::Create, Operation::Cancel, Operation::CallIn].map(Operation::code), [1, 2, 3]);
    }
}
