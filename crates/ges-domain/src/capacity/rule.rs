//! Capacity rules: a name and a weekly calendar (R-CR-1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Amount, Calendar, Pairs, RuleSlot, StatementError};
use crate::BadName;

/// A rule that gives queues their capacity by weekday and time of day.
///
/// Serialised as a document with `name`, `slot` (60 or 30) and `week` (the whole-week statement of R-CR-14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Read", into = "Written")]
pub struct CapacityRule {
    name: String,
    calendar: Calendar,
}

/// Why something is no capacity rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// The name is empty, too long or holds a NUL.
    #[error("name {0}")]
    Name(BadName),
    /// The calendar does not hold.
    #[error(transparent)]
    Week(#[from] StatementError),
}

impl CapacityRule {
    /// A rule called `name`, trimmed.
    ///
    /// # Errors
    /// [`BadRule::Name`] unless the name has 1 to 64 characters and no NUL.
    pub fn new(name: &str, calendar: Calendar) -> Result<Self, BadRule> {
        let name = name.trim();
        if !(1..=64).contains(&name.chars().count()) || name.contains('\0') {
            return Err(BadRule::Name(BadName { min: 1, max: 64 }));
        }
        Ok(Self { name: name.to_owned(), calendar })
    }

    /// The name, unique in a tenant.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The values of the week.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }
}

#[derive(Deserialize)]
struct Read {
    name: String,
    slot: RuleSlot,
    week: Pairs<Pairs<Amount>>,
}

#[derive(Serialize)]
struct Written {
    name: String,
    slot: RuleSlot,
    week: BTreeMap<String, BTreeMap<String, u32>>,
}

impl TryFrom<Read> for CapacityRule {
    type Error = BadRule;
    fn try_from(read: Read) -> Result<Self, BadRule> {
        Self::new(&read.name, Calendar::from_statements(read.slot, &read.week)?)
    }
}

impl From<CapacityRule> for Written {
    fn from(rule: CapacityRule) -> Self {
        Self { week: rule.calendar.statements(), slot: rule.calendar.slot(), name: rule.name }
    }
}
