//! Completion reasons (chapter 3.2).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a callback ended: an open set of upper-case words of at most 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(Cow<'static, str>);

/// What a reason means for capacity and for reports (R-RSN-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Consumer and agent were connected.
    Success,
    /// Somebody withdrew it: capacity is free again.
    Cancel,
    /// It did not come about; its cell stays used. Unknown reasons are here.
    Failure,
    /// Neither.
    Other,
}

/// Failures of the table of chapter 3.2 whose words are fixed.
const KNOWN_FAILURES: [&str; 27] = [
    "REDIAL_LIMIT_REACHED",
    "ABANDONED_IN_QUEUE",
    "ANSWERING_MACHINE",
    "FAX",
    "BUSY",
    "NO_ANSWER",
    "ERROR_TONE",
    "CREATE_CALL_ERROR",
    "PUSH_SEND_ERROR",
    "PUSH_DELIVERY_NOT_CONFIRMED",
    "CALL_IN_NOT_RECEIVED",
    "FAIL_TIMEOUT_TTL",
    "FAIL_NO_CUSTOMER_NUMBER",
    "FAIL_CALL_TO_CUSTOMER",
    "FAIL_AGENT_CONNECT",
    "FAIL_QUEUEING",
    "FAIL_TARGET_NOT_FOUND",
    "FAIL_INTERACTION_DELETED",
    "FAIL_USER_NO_CONFIRM",
    "FAIL_ERROR",
    "NOT_AVAILABLE",
    "NO_DISPOSITION",
    "SESSION_LOST",
    "SUBMIT_FAILED",
    "BLOCKED_BY_NUMBER_RULE",
    "SERVICE_REMOVED",
    "EXPIRED",
];

/// The text is not a reason token `[A-Z][A-Z0-9_]{0,63}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must match [A-Z][A-Z0-9_]{{0,63}}")]
pub struct NotAReason;

impl Reason {
    /// Consumer and agent were connected.
    pub const AGENT_CONNECTED: Self = Self::known("AGENT_CONNECTED");
    /// The consumer withdrew, through API, IVR or app.
    pub const CANCELLED: Self = Self::known("CANCELLED");
    /// Staff withdrew it.
    pub const CANCELLED_BY_ADMIN: Self = Self::known("CANCELLED_BY_ADMIN");
    /// The agent dismissed it.
    pub const CANCELLED_BY_AGENT: Self = Self::known("CANCELLED_BY_AGENT");
    /// The consumer withdrew, in the words of the internal API (integrations 2.5).
    pub const CANCELLED_BY_CUSTOMER: Self = Self::known("CANCELLED_BY_CUSTOMER");
    /// Moved to a new time.
    pub const RESCHEDULED: Self = Self::known("RESCHEDULED");
    /// The deadline passed (T16).
    pub const FAIL_TIMEOUT_TTL: Self = Self::known("FAIL_TIMEOUT_TTL");
    /// The hand-over failed for good (R-SUB-7, R-SUB-8).
    pub const SUBMIT_FAILED: Self = Self::known("SUBMIT_FAILED");
    /// The session ended without giving a reason (R-RSN-1).
    pub const NOT_AVAILABLE: Self = Self::known("NOT_AVAILABLE");
    /// The session vanished after the consumer had been dialed (T17).
    pub const SESSION_LOST: Self = Self::known("SESSION_LOST");
    /// Its service was removed before it became due (R-PUB-6).
    pub const SERVICE_REMOVED: Self = Self::known("SERVICE_REMOVED");
    /// A number rule forbids it at submission (T15).
    pub const BLOCKED_BY_NUMBER_RULE: Self = Self::known("BLOCKED_BY_NUMBER_RULE");
    /// Still open when its record expired.
    pub const EXPIRED: Self = Self::known("EXPIRED");

    const fn known(word: &'static str) -> Self {
        Self(Cow::Borrowed(word))
    }

    /// Takes a reason token a session sent; unknown ones are kept unchanged.
    ///
    /// # Errors
    /// [`NotAReason`] when the text is not a token.
    pub fn new(text: &str) -> Result<Self, NotAReason> {
        let mut bytes = text.bytes();
        let starts = bytes.next().is_some_and(|byte| byte.is_ascii_uppercase());
        let rest = bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if starts && rest && text.len() <= 64 { Ok(Self(Cow::Owned(text.into()))) } else { Err(NotAReason) }
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the table of chapter 3.2 has it; others are kept as they are, and count as failures.
    pub fn is_known(&self) -> bool {
        let word = self.as_str();
        let previewed = word.strip_prefix("AGENT_PREVIEW_CANCEL_AFTER_").and_then(|rest| rest.strip_suffix("_REJECTS"));
        self.category() != Category::Failure || KNOWN_FAILURES.contains(&word) || previewed.is_some()
    }

    /// The category of R-RSN-2; a token nobody knows is a failure.
    pub fn category(&self) -> Category {
        match self.as_str() {
            "AGENT_CONNECTED" => Category::Success,
            "CANCELLED" | "CANCELLED_BY_ADMIN" | "CANCELLED_BY_AGENT" | "CANCELLED_BY_CUSTOMER" | "RESCHEDULED" => {
                Category::Cancel
            }
            "TRANSFERRED_TO_RP" => Category::Other,
            _ => Category::Failure,
        }
    }

    /// Whether ending with it gives the capacity cell back (R-CAP-3, R-RSN-2).
    pub fn frees_slot(&self) -> bool {
        self.category() == Category::Cancel
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Reason {
    type Error = NotAReason;
    fn try_from(text: String) -> Result<Self, NotAReason> {
        Self::new(&text)
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-RSN-2, R-CAP-3.
    #[test]
    fn only_cancel_reasons_free_the_slot() {
        assert!(Reason::CANCELLED.frees_slot());
        assert!(Reason::CANCELLED_BY_ADMIN.frees_slot());
        assert!(Reason::CANCELLED_BY_CUSTOMER.frees_slot());
        assert!(!Reason::AGENT_CONNECTED.frees_slot());
        assert!(!Reason::new("SOMETHING_NEW").unwrap().frees_slot());
        assert_eq!(Reason::new("SOMETHING_NEW").unwrap().category(), Category::Failure);
    }

    #[test]
    fn reasons_of_the_table_are_known() {
        for word in ["AGENT_CONNECTED", "CANCELLED_BY_AGENT", "BUSY", "TRANSFERRED_TO_RP", "NOT_AVAILABLE"] {
            assert!(Reason::new(word).unwrap().is_known(), "{word}");
        }
        assert!(Reason::new("AGENT_PREVIEW_CANCEL_AFTER_3_REJECTS").unwrap().is_known());
        assert!(!Reason::new("SOMETHING_NEW").unwrap().is_known());
    }

    #[test]
    fn tokens_are_bounded() {
        assert!(Reason::new("A").is_ok());
        assert!(Reason::new(&"A".repeat(64)).is_ok());
        for bad in ["", "a", "_A", "A B", "Ä", &"A".repeat(65)] {
            assert_eq!(Reason::new(bad), Err(NotAReason), "{bad}");
        }
    }
}
