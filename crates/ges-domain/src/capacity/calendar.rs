//! Weekly capacity calendars (R-CR-1, R-CR-17, R-CR-18).

use serde::{Deserialize, Serialize};

use super::{Fault, StatementError};
use crate::hours::offsets::{DAY_MS, MINUTE_MS};

/// Largest value of a rule slot (R-CR-1).
pub const MAX_CAPACITY: u32 = 10_000;

/// Length of a rule's slots; serialised as minutes, 60 or 30.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum RuleSlot {
    /// 60 minutes, 24 values a day.
    Hour,
    /// 30 minutes, 48 values a day.
    Half,
}

/// The number is no length of rule slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 60 or 30 minutes")]
pub struct NotARuleSlot;

impl RuleSlot {
    /// The length in minutes.
    pub const fn minutes(self) -> u32 {
        match self {
            Self::Hour => 60,
            Self::Half => 30,
        }
    }

    /// How many of them a day has.
    pub const fn per_day(self) -> usize {
        match self {
            Self::Hour => 24,
            Self::Half => 48,
        }
    }
}

impl TryFrom<u32> for RuleSlot {
    type Error = NotARuleSlot;
    fn try_from(minutes: u32) -> Result<Self, NotARuleSlot> {
        match minutes {
            60 => Ok(Self::Hour),
            30 => Ok(Self::Half),
            _ => Err(NotARuleSlot),
        }
    }
}

impl From<RuleSlot> for u32 {
    fn from(slot: RuleSlot) -> Self {
        slot.minutes()
    }
}

/// One value per rule slot of a week, without a zone: it is read in the zone of each queue's hours (R-CR-2).
///
/// Invariant: 7 times [`RuleSlot::per_day`] values, Monday first, none above [`MAX_CAPACITY`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    slot: RuleSlot,
    values: Box<[u32]>,
}

impl Calendar {
    /// A calendar of zeros.
    pub fn empty(slot: RuleSlot) -> Self {
        Self { slot, values: vec![0; 7 * slot.per_day()].into() }
    }

    /// Length of its slots.
    pub fn slot(&self) -> RuleSlot {
        self.slot
    }

    /// The values of a day, midnight first; 0 is Monday, 6 is Sunday.
    pub fn day(&self, weekday: u8) -> &[u32] {
        let first = usize::from(weekday % 7) * self.slot.per_day();
        &self.values[first..first + self.slot.per_day()]
    }

    /// Sets the value of rule slot `place` (0 at midnight) of a day (0 is Monday).
    ///
    /// # Errors
    /// [`Fault::OutOfRange`] above [`MAX_CAPACITY`], [`Fault::OffGrid`] when the day has no such slot,
    /// [`Fault::UnknownWeekday`] above 6.
    pub fn set(&mut self, weekday: u8, place: usize, value: u32) -> Result<(), Fault> {
        if weekday > 6 {
            return Err(Fault::UnknownWeekday);
        }
        if place >= self.slot.per_day() {
            return Err(Fault::OffGrid(self.slot));
        }
        if value > MAX_CAPACITY {
            return Err(Fault::OutOfRange);
        }
        self.values[usize::from(weekday) * self.slot.per_day() + place] = value;
        Ok(())
    }

    /// The same week in slots of another length: an hour splits into its larger and smaller half, halves add up
    /// (R-CR-17, R-CR-18). There and back from hours is the identity (P-17).
    ///
    /// # Errors
    /// [`Fault::OutOfRange`] naming weekday and hour, when two halves exceed [`MAX_CAPACITY`] together.
    pub fn switched(&self, slot: RuleSlot) -> Result<Self, StatementError> {
        let values: Box<[u32]> = match (self.slot, slot) {
            (RuleSlot::Hour, RuleSlot::Half) => {
                self.values.iter().flat_map(|value| [value.div_ceil(2), value / 2]).collect()
            }
            (RuleSlot::Half, RuleSlot::Hour) => self.values.chunks_exact(2).map(|halves| halves.iter().sum()).collect(),
            (RuleSlot::Hour, RuleSlot::Hour) | (RuleSlot::Half, RuleSlot::Half) => self.values.clone(),
        };
        if let Some(place) = values.iter().position(|value| *value > MAX_CAPACITY) {
            let (day, hour) = (place / slot.per_day(), place % slot.per_day());
            return Err(StatementError {
                weekday: u8::try_from(day + 1).ok(),
                key: format!("{hour:02}00"),
                fault: Fault::OutOfRange,
            });
        }
        Ok(Self { slot, values })
    }

    /// The value of the rule slot that a wall clock is in (R-CR-13).
    pub(crate) fn value(&self, wall_ms: i64) -> u32 {
        let (weekday, minute) = weekday_and_minute(wall_ms);
        self.day(weekday)[minute / self.slot.minutes() as usize]
    }

    /// The value of the hour that a wall clock is in, halves added (R-CR-12).
    pub(crate) fn hour_value(&self, wall_ms: i64) -> u32 {
        let (weekday, minute) = weekday_and_minute(wall_ms);
        let per_hour = 60 / self.slot.minutes() as usize;
        let first = minute / 60 * per_hour;
        self.day(weekday)[first..first + per_hour].iter().sum()
    }
}

/// Weekday (0 is Monday) and minute of the day of a wall clock.
fn weekday_and_minute(wall_ms: i64) -> (u8, usize) {
    // 1970-01-01 was a Thursday.
    let weekday = (wall_ms.div_euclid(DAY_MS) + 3).rem_euclid(7);
    let minute = wall_ms.rem_euclid(DAY_MS) / MINUTE_MS;
    let fits = "invariant: a remainder is below its divisor";
    (u8::try_from(weekday).expect(fits), usize::try_from(minute).expect(fits))
}
