//! Capacity calendars (integrations 5.3): `_bh_regularN=Mon-Fri 08:00-20:00;100`.

use super::calendar::{days_and_rest, opening};
use super::cells::numbered;
use super::{Cells, Flaw};
use crate::capacity::{Calendar, CapacityRule, MAX_CAPACITY, RuleSlot};

/// Half an hour, the finest a rule knows.
const HALF: usize = 30;
const DAY: usize = 48;

/// Reads a capacity calendar into the rule of its name. The number is places an hour; a calendar with half hours in it gets
/// rule slots of half an hour, each with its half of that (R-CR-17). It has no dates and no zone (R-CR-1, R-CR-2).
///
/// # Errors
/// Every cell that does not hold, by column; entries may not overlap.
pub fn read_capacity(name: &str, cells: &Cells) -> Result<CapacityRule, Vec<Flaw>> {
    let mut flaws = Vec::new();
    // One value per half hour of the week, Monday first.
    let mut halves: Vec<Option<u32>> = vec![None; 7 * DAY];
    let mut slot = RuleSlot::Hour;
    for (column, cell) in numbered(cells, &["_bh_regular", "regular"]) {
        match enter(cell, &mut halves) {
            Ok(on_the_hour) if on_the_hour => {}
            Ok(_) => slot = RuleSlot::Half,
            Err(cause) => flaws.push(Flaw::new(column, cause)),
        }
    }
    for (column, _) in numbered(cells, &["_bh_add", "additional", "_holiday", "closed", "special", "effective"]) {
        flaws.push(Flaw::new(column, "a capacity calendar has no dates"));
    }
    if !flaws.is_empty() {
        return Err(flaws);
    }
    let mut calendar = Calendar::empty(slot);
    for (place, value) in halves.iter().enumerate() {
        let (weekday, half) = (u8::try_from(place / DAY).unwrap_or(u8::MAX), place % DAY);
        let Some(value) = *value else { continue };
        let set = match slot {
            RuleSlot::Hour => calendar.set(weekday, half / 2, value),
            RuleSlot::Half if half % 2 == 0 => calendar.set(weekday, half, value.div_ceil(2)),
            RuleSlot::Half => calendar.set(weekday, half, value / 2),
        };
        set.expect("invariant: places and values of a week were checked when they were entered");
    }
    CapacityRule::new(name, calendar).map_err(|bad| vec![Flaw::new("name", bad.to_string())])
}

/// Enters one cell; whether it begins and ends on the hour.
fn enter(cell: &str, halves: &mut [Option<u32>]) -> Result<bool, &'static str> {
    let form = "must be days, a space, HH:MM-HH:MM, a semicolon and a number of places";
    let (when, places) = cell.split_once(';').ok_or(form)?;
    let places: u32 = places.trim().parse().map_err(|_| form)?;
    if places > MAX_CAPACITY {
        return Err("has more than 10000 places");
    }
    let (days, range) = days_and_rest(when)?;
    let opening = opening(range)?;
    let (start, end) = (usize::from(opening.start_minute()), usize::from(opening.end_minute()));
    if start % HALF != 0 || end % HALF != 0 {
        return Err("must begin and end on the hour or half past");
    }
    let places_of = |day: usize| (start / HALF..end / HALF).map(move |half| (day * DAY + half) % (7 * DAY));
    let covered: Vec<usize> =
        (0..7_u8).filter(|day| days.contain(*day)).flat_map(|day| places_of(day.into())).collect();
    if covered.iter().any(|place| halves[*place].is_some()) {
        return Err("overlaps another entry");
    }
    for place in covered {
        // Days of one entry may run into each other past midnight.
        if halves[place].replace(places).is_some() {
            return Err("overlaps itself past midnight");
        }
    }
    Ok(start % 60 == 0 && end % 60 == 0)
}
