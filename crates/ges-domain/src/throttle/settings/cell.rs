//! Cells as operators write them: text for numbers and flags, blank for "inherit" (R-CFG-3, R-THR-1).

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected};

use super::InQueueCheck;
use crate::phone::Country;

#[derive(Deserialize)]
#[serde(untagged)]
enum Cell {
    Flag(bool),
    Number(i64),
    Text(String),
}

impl Cell {
    /// The cell, or `None` when it is absent or blank.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let cell = Option::<Self>::deserialize(deserializer)?;
        Ok(cell.filter(|cell| !matches!(cell, Self::Text(text) if text.trim().is_empty())))
    }

    fn truth(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Number(1) => Some(true),
            Self::Number(0) => Some(false),
            Self::Number(_) => None,
            Self::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" => Some(false),
                _ => None,
            },
        }
    }
}

/// The value is not repeated: it may be anything.
fn wrong<E: Error>(expected: &str) -> E {
    E::invalid_value(Unexpected::Other("this cell"), &expected)
}

pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = |cell| match cell {
        Cell::Number(number) => Ok(number),
        Cell::Text(text) => text.trim().parse().map_err(|_| wrong("a whole number")),
        Cell::Flag(_) => Err(wrong("a whole number")),
    };
    Cell::read(deserializer)?.map(number).transpose()
}

pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let flag = |cell: Cell| cell.truth().ok_or_else(|| wrong("true or false"));
    Cell::read(deserializer)?.map(flag).transpose()
}

pub(super) fn check<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<InQueueCheck>, D::Error> {
    let check = |cell: Cell| match (cell.truth(), &cell) {
        (Some(true), _) => Ok(InQueueCheck::On),
        (Some(false), _) => Ok(InQueueCheck::Off),
        (None, Cell::Text(text)) if text.trim().eq_ignore_ascii_case("strict") => Ok(InQueueCheck::Strict),
        _ => Err(wrong("true, false or strict")),
    };
    Cell::read(deserializer)?.map(check).transpose()
}

pub(super) fn country<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Country>, D::Error> {
    let country = |cell| match cell {
        Cell::Text(text) => text.trim().to_owned().try_into().map_err(|_| wrong("a country code of two letters")),
        Cell::Flag(_) | Cell::Number(_) => Err(wrong("a country code of two letters")),
    };
    Cell::read(deserializer)?.map(country).transpose()
}
