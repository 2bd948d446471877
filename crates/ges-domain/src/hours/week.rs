//! Parts of a weekly calendar: days of the week and openings of a day (domain 8.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A set of weekdays, written as day names, ranges that may wrap, or a comma list of both: `Mon-Fri`, `Sat-Mon`, `Mon,Wed-Fri`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Days(u8);

/// The text names no days of the week.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not weekdays such as Mon, Mon-Fri or Sat-Mon,Wed")]
pub struct NotDays;

impl Days {
    /// Monday to Sunday.
    pub const EVERY: Self = Self(0b111_1111);

    /// Whether the day `weekday` is in the set; 0 is Monday, 6 is Sunday.
    pub fn contain(self, weekday: u8) -> bool {
        weekday < 7 && self.0 & (1 << weekday) != 0
    }
}

impl FromStr for Days {
    type Err = NotDays;

    /// Reads English day names of three or more letters in any case.
    fn from_str(text: &str) -> Result<Self, NotDays> {
        let mut days = 0;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (mut day, last) = (weekday(first)?, weekday(last)?);
            days |= 1 << day;
            while day != last {
                day = (day + 1) % 7;
                days |= 1 << day;
            }
        }
        Ok(Self(days))
    }
}

fn weekday(text: &str) -> Result<u8, NotDays> {
    const FULL: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let text = text.trim().to_ascii_lowercase();
    let found = FULL.iter().position(|name| text.len() >= 3 && name.starts_with(&text)).ok_or(NotDays)?;
    u8::try_from(found).map_err(|_| NotDays)
}

impl fmt::Display for Days {
    /// Writes runs of three or more days as ranges, from Monday on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut day = 0;
        let mut separator = "";
        while day < 7 {
            let run = (day..7).take_while(|&day| self.contain(day)).count();
            let next = usize::from(day) + run;
            match run {
                0 => {}
                1 => write!(f, "{separator}{}", NAMES[usize::from(day)])?,
                2 => write!(f, "{separator}{},{}", NAMES[usize::from(day)], NAMES[next - 1])?,
                _ => write!(f, "{separator}{}-{}", NAMES[usize::from(day)], NAMES[next - 1])?,
            }
            if run > 0 {
                separator = ",";
            }
            day += u8::try_from(run.max(1)).expect("invariant: a run has at most seven days");
        }
        Ok(())
    }
}

impl TryFrom<String> for Days {
    type Error = NotDays;
    fn try_from(text: String) -> Result<Self, NotDays> {
        text.parse()
    }
}

impl From<Days> for String {
    fn from(days: Days) -> Self {
        days.to_string()
    }
}

/// Opening of one day, wall-clock minutes `start..end`; it belongs to the date of its start (R-BH-4).
///
/// Invariant: `start` is 0..1440; `end` is after `start` by at most a day, so it may exceed 1440 (past midnight).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Opening {
    start: u16,
    end: u16,
}

/// The two times make no opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be HH:mm, 00:00 to 23:59 for a start and up to 24:00 for an end")]
pub struct NotAnOpening;

impl Opening {
    /// From two times of day in `HH:mm`; an end at or before the start is on the next day, `24:00` is midnight.
    ///
    /// # Errors
    /// [`NotAnOpening`] when a text is no time of day, or the start is `24:00`.
    pub fn new(start: &str, end: &str) -> Result<Self, NotAnOpening> {
        let (start, end) = (minute_of_day(start)?, minute_of_day(end)?);
        if start == 1_440 {
            return Err(NotAnOpening);
        }
        Ok(Self { start, end: if end <= start { end + 1_440 } else { end } })
    }

    /// Start in minutes after midnight, 0 to 1439.
    pub fn start_minute(self) -> u16 {
        self.start
    }

    /// End in minutes after midnight of the starting date, above the start; over 1440 it is on the next date.
    pub fn end_minute(self) -> u16 {
        self.end
    }

    /// The start as `HH:mm`.
    pub fn start_text(self) -> String {
        hour_text(self.start)
    }

    /// The end as `HH:mm`, `24:00` for midnight.
    pub fn end_text(self) -> String {
        hour_text(if self.end > 1_440 { self.end - 1_440 } else { self.end })
    }
}

fn minute_of_day(text: &str) -> Result<u16, NotAnOpening> {
    let [h1, h2, b':', m1, m2] = *text.trim().as_bytes() else { return Err(NotAnOpening) };
    let pair = |tens: u8, ones: u8| -> Result<u16, NotAnOpening> {
        if tens.is_ascii_digit() && ones.is_ascii_digit() {
            Ok(u16::from(tens - b'0') * 10 + u16::from(ones - b'0'))
        } else {
            Err(NotAnOpening)
        }
    };
    let (hour, minute) = (pair(h1, h2)?, pair(m1, m2)?);
    let total = hour * 60 + minute;
    if minute < 60 && total <= 1_440 { Ok(total) } else { Err(NotAnOpening) }
}

fn hour_text(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_wrap_around_the_week() {
        for (text, members, written) in [
            ("Mon-Fri", "1111100", "Mon-Fri"),
            ("Sat-Mon", "1000011", "Mon,Sat,Sun"),
            ("sunday", "0000001", "Sun"),
            ("Mon, Wed-Fri", "1011100", "Mon,Wed-Fri"),
            ("Mon-Sun", "1111111", "Mon-Sun"),
            ("Tue-Mon", "1111111", "Mon-Sun"),
            ("Wed-Wed", "0010000", "Wed"),
        ] {
            let days: Days = text.parse().unwrap();
            let set: String = (0..7).map(|day| if days.contain(day) { '1' } else { '0' }).collect();
            assert_eq!(set, members, "{text}");
            assert_eq!(days.to_string(), written);
            assert_eq!(written.parse::<Days>().unwrap(), days, "{text} reads back");
        }
        for text in ["", "Mo", "Mon-", "Mon,,Tue", "Monkey", "8"] {
            assert_eq!(text.parse::<Days>(), Err(NotDays), "{text:?}");
        }
    }

    #[test]
    fn an_end_at_or_before_the_start_is_on_the_next_day() {
        for (start, end, minutes) in [
            ("09:00", "17:00", (540, 1_020)),
            ("19:00", "07:00", (1_140, 1_860)),
            ("00:00", "24:00", (0, 1_440)),
            ("00:00", "00:00", (0, 1_440)),
            ("09:00", "09:00", (540, 1_980)),
            ("22:00", "24:00", (1_320, 1_440)),
        ] {
            let opening = Opening::new(start, end).unwrap();
            assert_eq!((opening.start_minute(), opening.end_minute()), minutes, "{start}-{end}");
            assert_eq!(Opening::new(&opening.start_text(), &opening.end_text()), Ok(opening), "reads back");
        }
        for (start, end) in [("24:00", "01:00"), ("9:00", "17:00"), ("09:00", "24:01"), ("09:60", "17:00"), ("", "")] {
            assert_eq!(Opening::new(start, end), Err(NotAnOpening), "{start}-{end}");
        }
    }
}
