//! Sections, and what they become (integrations 5.3).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::cells::filled;
use super::{Cells, Edition, Problem};

/// The cell that names the kind of a section.
pub(super) const KIND: &str = "_service";
const SERVICE: &str = "service.";
const HOURS: &str = "business-hours.";
const DAYS: &str = "special-days.";

/// What a section becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A callback service: a row of CALLBACK_SETTINGS.
    Callback,
    /// A business-hours calendar.
    OfficeHours,
    /// Special days that services add to their calendar.
    SpecialDays,
    /// A capacity calendar.
    Capacity,
    /// A list of patterns.
    Patterns,
    /// Rows for the IVR, kept and given back only (R-TAB-1).
    NumberValidation,
    /// Kept and given back, without effect.
    Other,
}

impl Kind {
    /// The kind of a section, by its `_service` cell or its name.
    pub fn of(section: &str, cells: &Cells) -> Self {
        match filled(cells, KIND).map(str::to_ascii_lowercase).as_deref() {
            Some("callback") => Self::Callback,
            Some("office-hours") => Self::OfficeHours,
            Some("special-days") => Self::SpecialDays,
            Some("capacity") => Self::Capacity,
            Some(_) => Self::Other,
            None if section == "patterns" || section.starts_with("patterns.") => Self::Patterns,
            None if section == "number_validation" => Self::NumberValidation,
            None => Self::Other,
        }
    }

    /// The value of the `_service` cell of its sections, where they have one.
    pub(super) const fn word(self) -> Option<&'static str> {
        match self {
            Self::Callback => Some("callback"),
            Self::OfficeHours => Some("office-hours"),
            Self::SpecialDays => Some("special-days"),
            Self::Capacity => Some("capacity"),
            Self::Patterns | Self::NumberValidation | Self::Other => None,
        }
    }

    /// The table its sections are rows of.
    pub const fn table(self) -> Option<Table> {
        match self {
            Self::Callback => Some(Table::CallbackSettings),
            Self::OfficeHours => Some(Table::BusinessHours),
            Self::SpecialDays => Some(Table::SpecialDays),
            Self::NumberValidation => Some(Table::NumberValidation),
            Self::Capacity | Self::Patterns | Self::Other => None,
        }
    }
}

/// What two sections that mean the same thing have in common, whatever they are called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// What it becomes.
    pub kind: Kind,
    /// The name of that.
    pub name: String,
}

impl Identity {
    /// Of a section.
    pub fn of(section: &str, cells: &Cells) -> Self {
        let kind = Kind::of(section, cells);
        Self { kind, name: named(kind, section).to_owned() }
    }
}

/// The name of what a section becomes: `service.CB_Sales` is the service `CB_Sales`.
pub fn named(kind: Kind, section: &str) -> &str {
    let prefixes: &[&str] = match kind {
        Kind::Callback | Kind::Capacity => &[SERVICE],
        Kind::OfficeHours => &[SERVICE, HOURS],
        Kind::SpecialDays => &[SERVICE, DAYS],
        Kind::Patterns | Kind::NumberValidation | Kind::Other => &[],
    };
    let name = prefixes.iter().find_map(|prefix| section.strip_prefix(prefix));
    name.unwrap_or(section).trim()
}

/// A table of the native API (integrations 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// CALLBACK_SETTINGS.
    CallbackSettings,
    /// Business Hours objects.
    BusinessHours,
    /// Special Days objects.
    SpecialDays,
    /// NUMBER_VALIDATION_CONFIGURATIONS.
    NumberValidation,
}

/// The text names no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such table")]
pub struct NoSuchTable;

impl FromStr for Table {
    type Err = NoSuchTable;
    fn from_str(text: &str) -> Result<Self, NoSuchTable> {
        let tables = [Self::CallbackSettings, Self::BusinessHours, Self::SpecialDays, Self::NumberValidation];
        tables.into_iter().find(|table| table.as_str() == text).ok_or(NoSuchTable)
    }
}

impl Table {
    /// The name in paths.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallbackSettings => "callback-settings",
            Self::BusinessHours => "business-hours",
            Self::SpecialDays => "special-days",
            Self::NumberValidation => "number-validation",
        }
    }

    /// What its rows become.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::CallbackSettings => Kind::Callback,
            Self::BusinessHours => Kind::OfficeHours,
            Self::SpecialDays => Kind::SpecialDays,
            Self::NumberValidation => Kind::NumberValidation,
        }
    }

    /// What the names of its sections begin with.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::CallbackSettings => SERVICE,
            Self::BusinessHours => HOURS,
            Self::SpecialDays => DAYS,
            Self::NumberValidation => "",
        }
    }
}

/// A section as it is kept: what was sent, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Section {
    /// What was sent, unknown columns too.
    pub cells: Cells,
    /// Why it was not taken; empty when it was.
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// Whether this or an earlier form of it took effect: only what a publish brought does a publish take away.
    #[serde(default)]
    pub applied: bool,
    /// Whether it was taken away while a service uses it: it goes once none does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// The publish that brought it.
    pub edition: Edition,
}

impl Section {
    /// Whether it was taken as it is.
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }
}
