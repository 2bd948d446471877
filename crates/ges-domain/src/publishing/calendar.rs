//! The grammar of calendars (integrations 2.14) and of the objects of 8.1, as cells.
//!
//! | cell | also | form |
//! |---|---|---|
//! | `_timezone` | `timezone` | IANA name |
//! | `_bh_regularN` | `regularN` | days, space, range |
//! | `_bh_addN` | `additionalN` | date, space, ranges: opens on top of whatever the date has |
//! | `_holidayN` | `closedN` | date |
//! | `specialN` | | date, space, `CLOSED` or ranges: replaces the weekly hours of the date (R-BH-2) |
//! | `effectiveN` | | dates with a year (R-BH-1) |
//!
//! A date is `[YYYY-]MM-DD` or two of one kind with `/` between; ranges are `HH:MM-HH:MM` with commas between.

use super::cells::{filled, numbered};
use super::{Cells, Flaw};
use crate::hours::{BadHours, Dates, Days, OfficeHours, Opening, Regular, Special, Zone};

const RANGE: &str = "must be HH:MM-HH:MM";
const DATE: &str = "must begin with a date MM-DD or YYYY-MM-DD, or two with / between";

/// `HH:MM-HH:MM`; an end at or before the start is on the next day.
pub(super) fn opening(text: &str) -> Result<Opening, &'static str> {
    let (start, end) = text.split_once('-').ok_or(RANGE)?;
    Opening::new(start, end).map_err(|_| RANGE)
}

/// Days of the week, space, the rest. Commas between days may have spaces behind them.
pub(super) fn days_and_rest(text: &str) -> Result<(Days, &str), &'static str> {
    let form = "must be days, a space and HH:MM-HH:MM, such as Mon-Fri 08:00-20:00";
    let (days, rest) = text.trim().rsplit_once(char::is_whitespace).ok_or(form)?;
    Ok((days.parse().map_err(|_| form)?, rest))
}

fn regular(text: &str) -> Result<Regular, &'static str> {
    let (days, range) = days_and_rest(text)?;
    Ok(Regular { days, opening: opening(range)? })
}

fn dated(text: &str) -> Result<Special, &'static str> {
    let (dates, ranges) =
        text.trim().split_once(char::is_whitespace).ok_or("must be a date, a space and HH:MM-HH:MM")?;
    let dates: Dates = dates.parse().map_err(|_| DATE)?;
    let openings = ranges.split(',').map(opening).collect::<Result<_, _>>()?;
    Ok(Special { dates, openings })
}

fn closed(text: &str) -> Result<Special, &'static str> {
    Ok(Special { dates: text.parse().map_err(|_| DATE)?, openings: Vec::new() })
}

/// An entry of special days: closed unless it says when it is open.
fn special(text: &str) -> Result<Special, &'static str> {
    match text.trim().split_once(char::is_whitespace) {
        Some((dates, word)) if word.trim().eq_ignore_ascii_case("CLOSED") => closed(dates),
        Some(_) => dated(text),
        None => closed(text.trim()),
    }
}

/// Reads every numbered cell under `names`; what does not read is added to `flaws`.
fn each<T>(
    cells: &Cells,
    names: &[&str],
    flaws: &mut Vec<Flaw>,
    read: impl Fn(&str) -> Result<T, &'static str>,
) -> Vec<T> {
    let mut entries = Vec::new();
    for (column, cell) in numbered(cells, names) {
        match read(cell) {
            Ok(entry) => entries.push(entry),
            Err(cause) => flaws.push(Flaw::new(column, cause)),
        }
    }
    entries
}

/// Reads a business-hours calendar (integrations 2.14, R-BH-8).
///
/// # Errors
/// Every cell that does not hold, by column.
pub fn read_hours(name: &str, cells: &Cells) -> Result<OfficeHours, Vec<Flaw>> {
    let mut flaws = Vec::new();
    let named = ["_timezone", "timezone"].into_iter().find_map(|column| Some((column, filled(cells, column)?)));
    let zone = match named.map(|(column, zone)| Zone::named(zone).ok_or(column)) {
        Some(Ok(zone)) => Some(zone),
        Some(Err(column)) => {
            flaws.push(Flaw::new(column, "must be an IANA time zone"));
            None
        }
        None => {
            flaws.push(Flaw::new("_timezone", "is required"));
            None
        }
    };
    let regular = each(cells, &["_bh_regular", "regular"], &mut flaws, regular);
    let added = each(cells, &["_bh_add", "additional"], &mut flaws, dated);
    let mut specials = each(cells, &["_holiday", "closed"], &mut flaws, closed);
    specials.extend(each(cells, &["special"], &mut flaws, special));
    let effective = each(cells, &["effective"], &mut flaws, |text| text.parse::<Dates>().map_err(|_| DATE));
    let Some(zone) = zone.filter(|_| flaws.is_empty()) else { return Err(flaws) };
    let hours = OfficeHours::new(name, zone, regular, specials, effective);
    hours.map(|hours| hours.with_added(added)).map_err(|bad| {
        let column = if matches!(bad, BadHours::Name(_)) { "name" } else { "effective" };
        vec![Flaw::new(column, bad.to_string())]
    })
}

/// Reads a Special Days object: cells `entryN` (also `specialN`, `_holidayN`), in the form of `specialN`.
///
/// # Errors
/// Every cell that does not hold, by column.
pub fn read_special_days(cells: &Cells) -> Result<Vec<Special>, Vec<Flaw>> {
    let mut flaws = Vec::new();
    let entries = each(cells, &["entry", "entries", "special", "_holiday"], &mut flaws, special);
    if flaws.is_empty() { Ok(entries) } else { Err(flaws) }
}
