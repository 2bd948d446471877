//! Office hours: a weekly calendar with special days and effective periods, evaluated date by date (R-BH-1 to R-BH-6).

use serde::{Deserialize, Serialize};
use time::Date;

use super::document::Document;
use super::offsets::{DAY_MS, MINUTE_MS, Offsets, bounded_ms};
use super::window::{Window, merged};
use super::{Dates, Days, NotAnOpening, Opening, Zone};
use crate::{BadName, Instant};

/// A weekly opening (domain 8.1, "regular").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regular {
    /// The weekdays on which it starts.
    pub days: Days,
    /// When it starts and ends.
    pub opening: Opening,
}

/// What replaces the weekly openings on some dates (domain 8.1, "special entry").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Special {
    /// The dates it is about.
    pub dates: Dates,
    /// The openings of each of these dates; none means CLOSED.
    pub openings: Vec<Opening>,
}

/// When an office is open, in its own time zone.
///
/// Serialised as a document with `name`, `timezone`, `regular`, `special`, `effective`; reading validates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct OfficeHours {
    name: String,
    zone: Zone,
    regular: Vec<Regular>,
    special: Vec<Special>,
    effective: Vec<Dates>,
    added: Vec<Special>,
}

/// Why something is no office hours. Places are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    /// The name is empty, too long or holds a NUL.
    #[error("name {0}")]
    Name(BadName),
    /// A weekly opening has a wrong time.
    #[error("regular[{0}]: {1}")]
    Regular(usize, NotAnOpening),
    /// A special day has a wrong time.
    #[error("special[{0}]: {1}")]
    Special(usize, NotAnOpening),
    /// An OPEN special day without windows, or a CLOSED one with some.
    #[error("special[{0}]: OPEN needs windows and CLOSED has none")]
    SpecialKind(usize),
    /// An effective period without a year.
    #[error("effective[{0}]: needs a year")]
    EffectiveYearly(usize),
}

/// What a date says about opening.
enum Plan<'a> {
    /// Outside the effective periods, or CLOSED by a special entry: cuts the evening before at midnight (R-BH-5).
    Shut,
    /// Open by special entries, which replace the weekly openings.
    Special(Vec<Opening>),
    /// The weekly openings of this weekday (0 is Monday).
    Regular(&'a [Regular], u8),
}

impl OfficeHours {
    /// Puts office hours together; the lists may be empty.
    ///
    /// # Errors
    /// [`BadHours::Name`] unless the trimmed name has 1 to 255 characters and no NUL; [`BadHours::EffectiveYearly`].
    pub fn new(
        name: &str,
        zone: Zone,
        regular: Vec<Regular>,
        special: Vec<Special>,
        effective: Vec<Dates>,
    ) -> Result<Self, BadHours> {
        let name = name.trim().to_owned();
        if !(1..=255).contains(&name.chars().count()) || name.contains('\0') {
            return Err(BadHours::Name(BadName { min: 1, max: 255 }));
        }
        if let Some(place) = effective.iter().position(Dates::is_yearly) {
            return Err(BadHours::EffectiveYearly(place));
        }
        Ok(Self { name, zone, regular, special, effective, added: Vec::new() })
    }

    /// The same with openings on top of whatever a date has, closed by a special entry or not (integrations 2.14); a date outside
    /// the effective periods stays closed.
    #[must_use]
    pub fn with_added(self, added: Vec<Special>) -> Self {
        Self { added, ..self }
    }

    /// The same under another name and with more special days, as a service has them that refers to both (chapter 7.1).
    ///
    /// # Errors
    /// [`BadHours::Name`].
    pub fn with_special_days(&self, name: &str, more: &[Special]) -> Result<Self, BadHours> {
        let special = self.special.iter().chain(more).cloned().collect();
        let hours = Self::new(name, self.zone.clone(), self.regular.clone(), special, self.effective.clone())?;
        Ok(hours.with_added(self.added.clone()))
    }

    /// Name of the business-hours object.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Zone of every date and time in it.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The weekly openings.
    pub fn regular(&self) -> &[Regular] {
        &self.regular
    }

    /// The special days.
    pub fn special(&self) -> &[Special] {
        &self.special
    }

    /// The effective periods; when there are some, the office is closed on every other date (R-BH-1).
    pub fn effective(&self) -> &[Dates] {
        &self.effective
    }

    /// What opens on top of the others.
    pub fn added(&self) -> &[Special] {
        &self.added
    }

    /// The merged windows of `from..until`, cut to it; `offsets` are those of this zone around that time.
    pub(crate) fn open_windows(&self, offsets: &Offsets, from: Instant, until: Instant) -> Vec<Window> {
        if from >= until {
            return Vec::new();
        }
        // A window lasts a day at most, so it starts on the date of `from` or the one before. One more on each side
        // covers zones that once repeated or skipped a whole date.
        let first_day = offsets.wall(bounded_ms(from)).div_euclid(DAY_MS) - 2;
        let last_day = offsets.wall(bounded_ms(until)).div_euclid(DAY_MS) + 1;
        let mut windows = Vec::new();
        let mut plan = self.plan(first_day);
        for day in first_day..=last_day {
            let next_plan = self.plan(day + 1);
            let midnight_ms = (day + 1) * DAY_MS;
            let mut open = |opening: Opening| {
                let start_ms = offsets.start(day * DAY_MS + i64::from(opening.start_minute()) * MINUTE_MS);
                let mut end_ms = offsets.end(day * DAY_MS + i64::from(opening.end_minute()) * MINUTE_MS);
                if opening.end_minute() >= 1_440 && matches!(next_plan, Plan::Shut) {
                    // The closed date begins with the first midnight, also where midnight is repeated.
                    end_ms = end_ms.min(offsets.start(midnight_ms));
                }
                let window = Window { from: Instant::from_millis(start_ms), until: Instant::from_millis(end_ms) };
                windows.extend(window.overlap(from, until));
            };
            match plan {
                Plan::Shut => {}
                Plan::Special(openings) => openings.into_iter().for_each(open),
                Plan::Regular(regular, weekday) => {
                    regular.iter().filter(|entry| entry.days.contain(weekday)).for_each(|entry| open(entry.opening));
                }
            }
            plan = next_plan;
        }
        merged(windows)
    }

    /// R-BH-1 to R-BH-3 for the date `day` days after 1970-01-01.
    fn plan(&self, day: i64) -> Plan<'_> {
        // 1970-01-01 was a Thursday.
        let weekday = u8::try_from((day + 3).rem_euclid(7)).expect("invariant: a remainder of 7 is below 7");
        if self.effective.is_empty() && self.special.is_empty() && self.added.is_empty() {
            return Plan::Regular(&self.regular, weekday);
        }
        const EPOCH_JULIAN_DAY: i64 = 2_440_588;
        let date = i32::try_from(day + EPOCH_JULIAN_DAY).ok().and_then(|day| Date::from_julian_day(day).ok());
        // No entry can name a date beyond the calendar's last year.
        let Some(date) = date else {
            return if self.effective.is_empty() { Plan::Regular(&self.regular, weekday) } else { Plan::Shut };
        };
        if !self.effective.is_empty() && !self.effective.iter().any(|dates| dates.contain(date)) {
            return Plan::Shut;
        }
        let matching = |yearly: bool| -> Option<Vec<Opening>> {
            let mut entries = self
                .special
                .iter()
                .filter(|entry| entry.dates.is_yearly() == yearly && entry.dates.contain(date))
                .peekable();
            // CLOSED entries have no openings, so OPEN ones beat them by adding some.
            entries.peek().is_some().then(|| entries.flat_map(|entry| entry.openings.iter().copied()).collect())
        };
        let plan = match matching(false).or_else(|| matching(true)) {
            Some(openings) if openings.is_empty() => Plan::Shut,
            Some(openings) => Plan::Special(openings),
            None => Plan::Regular(&self.regular, weekday),
        };
        let added = self.added.iter().filter(|entry| entry.dates.contain(date));
        let mut added = added.flat_map(|entry| entry.openings.iter().copied()).peekable();
        if added.peek().is_none() {
            return plan;
        }
        let openings = match plan {
            Plan::Shut => added.collect(),
            Plan::Special(openings) => openings.into_iter().chain(added).collect(),
            Plan::Regular(regular, weekday) => {
                let regular = regular.iter().filter(|entry| entry.days.contain(weekday));
                regular.map(|entry| entry.opening).chain(added).collect()
            }
        };
        Plan::Special(openings)
    }
}
