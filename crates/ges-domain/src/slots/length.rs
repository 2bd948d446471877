//! Slot lengths a service can have.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Length of a cell on ordinary days: 5, 10, 15, 20, 30, 60 or 120 minutes; 15 when nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct SlotLength(u32);

/// The number is no slot length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 5, 10, 15, 20, 30, 60 or 120 minutes")]
pub struct NotASlotLength;

impl SlotLength {
    /// Every slot length, ascending. Each divides a day and is a multiple of 5 minutes.
    pub const ALL: [Self; 7] = [Self(5), Self(10), Self(15), Self(20), Self(30), Self(60), Self(120)];

    /// A slot length of `minutes`.
    ///
    /// # Errors
    /// [`NotASlotLength`] for a number that is not in [`Self::ALL`].
    pub fn from_minutes(minutes: u32) -> Result<Self, NotASlotLength> {
        Self::ALL.into_iter().find(|length| length.0 == minutes).ok_or(NotASlotLength)
    }

    /// The length in minutes, which is also what clients are told on change days (R-SLT-5).
    pub const fn minutes(self) -> u32 {
        self.0
    }

    /// The length as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64 * 60)
    }
}

impl Default for SlotLength {
    fn default() -> Self {
        Self(15)
    }
}

impl fmt::Display for SlotLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} min", self.0)
    }
}

impl TryFrom<u32> for SlotLength {
    type Error = NotASlotLength;
    fn try_from(minutes: u32) -> Result<Self, NotASlotLength> {
        Self::from_minutes(minutes)
    }
}

impl From<SlotLength> for u32 {
    fn from(length: SlotLength) -> Self {
        length.0
    }
}
