//! Who uses calendars, special days and capacity rules: what is in use stays until nobody uses it (R-CFG-2, R-CR-5).

use std::collections::{BTreeMap, BTreeSet};

use super::cells::{filled, numbered};
use super::{Cells, Kind, PublishedService, Section, named};
use crate::ServiceName;
use crate::hours::OfficeHours;

/// Columns of a row that name its calendar.
const CALENDAR: [&str; 3] = ["businessHours", "Business Hours", "_business_hours_service"];
/// Columns of a row that name special days, each alone or with numbers behind it.
const DAYS: [&str; 2] = ["specialDays", "Special Days"];
/// Users that are named; of more it is said how many.
const NAMED: usize = 5;

/// What a tenant has, wherever it came from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Present {
    /// Every readable calendar by name (R-BH-8).
    pub hours: BTreeMap<String, OfficeHours>,
    /// The calendar each service keeps; removed services keep none.
    pub hours_of: BTreeMap<ServiceName, String>,
    /// The capacity rule each service has, removed ones included: they may come back (R-PUB-5).
    pub rule_of: BTreeMap<ServiceName, String>,
}

impl Present {
    /// The services that use this, once these are put and those gone.
    pub(super) fn users(
        &self,
        (kind, name): (Kind, &str),
        sections: &BTreeMap<String, Section>,
        put: &[PublishedService],
        gone: &[ServiceName],
    ) -> BTreeSet<String> {
        let of_store = match kind {
            Kind::OfficeHours => self.hours_of.iter(),
            Kind::Capacity => self.rule_of.iter(),
            Kind::SpecialDays | Kind::Callback | Kind::Patterns | Kind::NumberValidation | Kind::Other => {
                BTreeMap::iter(const { &BTreeMap::new() })
            }
        };
        // A publish changes the calendars of services, never their rules.
        let stays = |service: &ServiceName| {
            kind == Kind::Capacity || !(gone.contains(service) || put.iter().any(|other| other.name == *service))
        };
        let of_store = of_store.filter(|(service, used)| *used == name && stays(service));
        let of_rows = sections.iter().filter(|(section, row)| {
            Kind::of(section, &row.cells) == Kind::Callback && row.is_valid() && refers(kind, name, &row.cells)
        });
        let of_rows = of_rows.map(|(section, _)| named(Kind::Callback, section).to_owned());
        of_store.map(|(service, _)| service.to_string()).chain(of_rows).collect()
    }
}

/// The calendar a row names, and in which column.
pub(super) fn calendar_of(cells: &Cells) -> Option<(&'static str, &str)> {
    CALENDAR.into_iter().find_map(|column| Some((column, filled(cells, column)?)))
}

/// The special days a row names, each with its column.
pub(super) fn days_of(cells: &Cells) -> Vec<(&str, &str)> {
    let lists = numbered(cells, &DAYS).into_iter();
    let each = lists.flat_map(|(column, list)| list.split(',').map(move |name| (column, name.trim())));
    each.filter(|(_, name)| !name.is_empty()).collect()
}

fn refers(kind: Kind, name: &str, row: &Cells) -> bool {
    match kind {
        Kind::OfficeHours => calendar_of(row).is_some_and(|(_, calendar)| calendar == name),
        Kind::SpecialDays => days_of(row).iter().any(|(_, days)| *days == name),
        Kind::Capacity | Kind::Callback | Kind::Patterns | Kind::NumberValidation | Kind::Other => false,
    }
}

/// Why something stays.
pub(super) fn stays_for(users: &BTreeSet<String>) -> String {
    let mut names: Vec<&str> = users.iter().take(NAMED).map(String::as_str).collect();
    let more = users.len().saturating_sub(NAMED);
    let rest = format!("{more} more");
    if more > 0 {
        names.push(&rest);
    }
    format!("is used by {} and stays until no service uses it", names.join(", "))
}
