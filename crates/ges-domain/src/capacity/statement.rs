//! Capacity statements: the short written form of a calendar (R-CR-14 to R-CR-16).

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::{Calendar, MAX_CAPACITY, RuleSlot};

/// The pairs of a written object in their order, duplicate keys included, so that duplicates can be refused.
///
/// Deserialises from any map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs<T>(pub Vec<(String, T)>);

/// A written value: an integer or something else.
///
/// Deserialises from every scalar, list and map, so that the fault can be told together with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// An integer of 64 bits.
    Integer(i64),
    /// Not an integer, or one beyond 64 bits.
    Other,
}

/// A capacity statement that does not hold; nothing of it is applied (R-CR-15).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key {key:?}{}: {fault}", weekday.map(|day| format!(" of weekday {day}")).unwrap_or_default())]
pub struct StatementError {
    /// The weekday the key belongs to in a whole-week statement, 1 is Monday.
    pub weekday: Option<u8>,
    /// The key at fault, as written.
    pub key: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a key or its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not `HHmm` of the start of a rule slot.
    #[error("not the start of a {}-minute slot as HHmm", .0.minutes())]
    OffGrid(RuleSlot),
    /// The key stands there twice.
    #[error("given twice")]
    Duplicate,
    /// Not 1 to 7.
    #[error("not a weekday from 1 (Monday) to 7 (Sunday)")]
    UnknownWeekday,
    /// The value is not an integer.
    #[error("the value is not an integer")]
    NotAnInteger,
    /// The value is negative or above [`MAX_CAPACITY`].
    #[error("the value is not between 0 and {MAX_CAPACITY}")]
    OutOfRange,
}

impl Calendar {
    /// Reads a whole week: keys `1` (Monday) to `7`, each with the statement of a day. Days not named are zero.
    ///
    /// # Errors
    /// [`StatementError`] naming the first key at fault.
    pub fn from_statements(slot: RuleSlot, week: &Pairs<Pairs<Amount>>) -> Result<Self, StatementError> {
        let mut calendar = Self::empty(slot);
        let mut named = [false; 7];
        for (key, day) in &week.0 {
            let fault = |fault| StatementError { weekday: None, key: key.clone(), fault };
            let number = match key.as_bytes() {
                [digit @ b'1'..=b'7'] => digit - b'0',
                _ => return Err(fault(Fault::UnknownWeekday)),
            };
            let named = &mut named[usize::from(number - 1)];
            if std::mem::replace(named, true) {
                return Err(fault(Fault::Duplicate));
            }
            calendar = calendar
                .with_day(number - 1, day)
                .map_err(|error| StatementError { weekday: Some(number), ..error })?;
        }
        Ok(calendar)
    }

    /// This calendar with one weekday (0 is Monday) replaced by a statement; slots not named become zero.
    ///
    /// # Errors
    /// [`StatementError`] naming the first key at fault; `self` stays as it is.
    pub fn with_day(&self, weekday: u8, day: &Pairs<Amount>) -> Result<Self, StatementError> {
        let slot = self.slot();
        let mut values = vec![None; slot.per_day()];
        for (key, amount) in &day.0 {
            let fault = |fault| StatementError { weekday: None, key: key.clone(), fault };
            let value = values
                .get_mut(place(slot, key).ok_or(fault(Fault::OffGrid(slot)))?)
                .expect("invariant: a place lies within a day");
            let Amount::Integer(amount) = *amount else { return Err(fault(Fault::NotAnInteger)) };
            let amount = u32::try_from(amount).ok().filter(|amount| *amount <= MAX_CAPACITY);
            let amount = amount.ok_or(fault(Fault::OutOfRange))?;
            if value.replace(amount).is_some() {
                return Err(fault(Fault::Duplicate));
            }
        }
        let mut calendar = self.clone();
        for (place, value) in values.into_iter().enumerate() {
            calendar.set(weekday, place, value.unwrap_or(0)).map_err(|fault| StatementError {
                weekday: None,
                key: (u32::from(weekday) + 1).to_string(),
                fault,
            })?;
        }
        Ok(calendar)
    }

    /// The statement of a day (0 is Monday) without its zeros (R-CR-16).
    pub fn day_statement(&self, weekday: u8) -> BTreeMap<String, u32> {
        let minutes = self.slot().minutes();
        let starts = (0..).step_by(minutes as usize).map(|minute: u32| format!("{:02}{:02}", minute / 60, minute % 60));
        starts.zip(self.day(weekday).iter().copied()).filter(|(_, value)| *value > 0).collect()
    }

    /// The statement of the week without empty days; reads back as the same calendar (R-CR-16, P-17).
    pub fn statements(&self) -> BTreeMap<String, BTreeMap<String, u32>> {
        let days = (0..7_u8).map(|weekday| ((weekday + 1).to_string(), self.day_statement(weekday)));
        days.filter(|(_, day)| !day.is_empty()).collect()
    }
}

/// The rule slot that starts at `HHmm`.
fn place(slot: RuleSlot, key: &str) -> Option<usize> {
    if key.len() != 4 || !key.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hour, minute): (usize, usize) = (key[..2].parse().ok()?, key[2..].parse().ok()?);
    let length = slot.minutes() as usize;
    (hour < 24 && minute < 60 && minute % length == 0).then(|| (hour * 60 + minute) / length)
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Integer(i64),
            Other(serde::de::IgnoredAny),
        }

        Ok(match Written::deserialize(deserializer)? {
            Written::Integer(value) => Self::Integer(value),
            Written::Other(_) => Self::Other,
        })
    }
}
