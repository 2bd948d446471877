//! Dates of special days and effective periods (domain 8.1): single dates, yearly dates and ranges of both.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::{Date, Month};

/// Which dates an entry is about; both ends belong to a range.
///
/// Text form: `YYYY-MM-dd` or `MM-dd` (every year), or two of one kind with `/` between. A yearly range may wrap around
/// the turn of the year; a yearly 02-29 exists in leap years only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Dates {
    /// From the first date to the last, which is not before it.
    Once(Date, Date),
    /// From the first (month, day) to the last of every year.
    Yearly((u8, u8), (u8, u8)),
}

/// The text names no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a date YYYY-MM-dd or MM-dd, nor a range of two such dates")]
pub struct NotDates;

impl Dates {
    /// Whether every year has these dates anew.
    pub fn is_yearly(&self) -> bool {
        matches!(self, Self::Yearly(..))
    }

    /// Whether `date` is one of them.
    pub fn contain(&self, date: Date) -> bool {
        match *self {
            Self::Once(first, last) => first <= date && date <= last,
            Self::Yearly(first, last) => {
                let day = (u8::from(date.month()), date.day());
                if first <= last { first <= day && day <= last } else { first <= day || day <= last }
            }
        }
    }
}

enum One {
    Once(Date),
    Yearly(u8, u8),
}

fn one(text: &str) -> Result<One, NotDates> {
    let digits = |text: &str, length: usize| -> Result<u16, NotDates> {
        if text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().map_err(|_| NotDates)
        } else {
            Err(NotDates)
        }
    };
    let date = |year: u16, month: &str, day: &str| -> Result<Date, NotDates> {
        let month =
            u8::try_from(digits(month, 2)?).ok().and_then(|month| Month::try_from(month).ok()).ok_or(NotDates)?;
        let day = u8::try_from(digits(day, 2)?).map_err(|_| NotDates)?;
        Date::from_calendar_date(i32::from(year), month, day).map_err(|_| NotDates)
    };
    match *text.trim().split('-').collect::<Vec<_>>() {
        [year, month, day] => Ok(One::Once(date(digits(year, 4)?, month, day)?)),
        // A leap year admits 02-29.
        [month, day] => date(2000, month, day).map(|date| One::Yearly(u8::from(date.month()), date.day())),
        _ => Err(NotDates),
    }
}

impl FromStr for Dates {
    type Err = NotDates;
    fn from_str(text: &str) -> Result<Self, NotDates> {
        let (first, last) = text.split_once('/').unwrap_or((text, text));
        match (one(first)?, one(last)?) {
            (One::Once(first), One::Once(last)) if first <= last => Ok(Self::Once(first, last)),
            (One::Yearly(month, day), One::Yearly(to_month, to_day)) => {
                Ok(Self::Yearly((month, day), (to_month, to_day)))
            }
            _ => Err(NotDates),
        }
    }
}

impl fmt::Display for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |date: Date| format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day());
        match *self {
            Self::Once(first, last) if first == last => f.write_str(&day(first)),
            Self::Once(first, last) => write!(f, "{}/{}", day(first), day(last)),
            Self::Yearly(first, last) if first == last => write!(f, "{:02}-{:02}", first.0, first.1),
            Self::Yearly(first, last) => write!(f, "{:02}-{:02}/{:02}-{:02}", first.0, first.1, last.0, last.1),
        }
    }
}

impl TryFrom<String> for Dates {
    type Error = NotDates;
    fn try_from(text: String) -> Result<Self, NotDates> {
        text.parse()
    }
}

impl From<Dates> for String {
    fn from(dates: Dates) -> Self {
        dates.to_string()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn dates_read_contain_and_read_back() {
        for (text, inside, outside) in [
            ("2026-07-03", date!(2026 - 07 - 03), date!(2027 - 07 - 03)),
            ("12-25", date!(2031 - 12 - 25), date!(2031 - 12 - 26)),
            ("2026-07-01/2026-07-31", date!(2026 - 07 - 31), date!(2026 - 08 - 01)),
            ("12-24/01-02", date!(2026 - 01 - 02), date!(2026 - 01 - 03)),
            ("12-24/01-02", date!(2026 - 12 - 31), date!(2026 - 12 - 23)),
            ("02-29", date!(2028 - 02 - 29), date!(2027 - 02 - 28)),
            ("02-29", date!(2028 - 02 - 29), date!(2027 - 03 - 01)),
        ] {
            let dates: Dates = text.parse().unwrap();
            assert!(dates.contain(inside), "{text} contains {inside}");
            assert!(!dates.contain(outside), "{text} does not contain {outside}");
            assert_eq!(dates.to_string(), text);
        }
    }

    #[test]
    fn impossible_dates_and_mixed_ranges_are_refused() {
        for text in
            ["", "2026-02-29", "02-30", "13-01", "2026-7-3", "26-07-03", "2026-07-31/2026-07-01", "12-24/2026-01-02"]
        {
            assert_eq!(text.parse::<Dates>(), Err(NotDates), "{text:?}");
        }
    }
}
