//! Values that tests of several chapters share.

use proptest::prelude::*;
use proptest::sample::select;

use super::{Hours, OfficeHours, Opening, Regular, Zone};
use crate::Instant;

pub(crate) const NEW_YORK: &str = "America/New_York";

/// Zones with unlike rules: half-hour changes, changes at midnight, negative summer time, a skipped date, none at all.
pub(crate) const ODD_ZONES: [&str; 12] = [
    NEW_YORK,
    "Europe/London",
    "Europe/Dublin",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Sao_Paulo",
    "America/Havana",
    "America/St_Johns",
    "Pacific/Apia",
    "Pacific/Chatham",
    "UTC",
];

pub(crate) fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

pub(crate) fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

/// Hours with weekly openings written `Mon-Fri 09:00-17:00`.
pub(crate) fn kept(zone_name: &str, regular: &[&str]) -> Hours {
    Hours::Kept(
        OfficeHours::new("office", zone(zone_name), regular.iter().map(|text| entry(text)).collect(), vec![], vec![])
            .unwrap(),
    )
}

/// Hours from a document.
pub(crate) fn document(json: &str) -> Hours {
    Hours::Kept(serde_json::from_str(json).unwrap())
}

pub(crate) fn weekdays_nine_to_five() -> Hours {
    kept(NEW_YORK, &["Mon-Fri 09:00-17:00"])
}

fn entry(text: &str) -> Regular {
    let (days, span) = text.split_once(' ').unwrap();
    let (start, end) = span.split_once('-').unwrap();
    Regular { days: days.parse().unwrap(), opening: Opening::new(start, end).unwrap() }
}

/// Whole seconds between the starts of two years.
pub(crate) fn seconds_of(from_year: i64, until_year: i64) -> impl Strategy<Value = Instant> {
    let start = |year: i64| (year - 1970) * 31_556_952;
    (start(from_year)..start(until_year)).prop_map(|second| Instant::from_millis(second * 1000))
}

/// Hours of odd shape: any weekly openings, some special days around 2026, sometimes effective periods.
pub(crate) fn any_hours() -> impl Strategy<Value = Hours> {
    let time = (0..24_u16, select(vec![0, 7, 15, 30, 45])).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"));
    let day = select(vec!["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
    let window = (time.clone(), prop_oneof![4 => time, 1 => Just("24:00".to_owned())]);
    let regular = (day.clone(), day, window.clone()).prop_map(
        |(first, last, (start, end))| serde_json::json!({"days": format!("{first}-{last}"), "start": start, "end": end}),
    );
    let date = prop_oneof![
        (1..13_u8, 1..29_u8).prop_map(|(month, day)| format!("{month:02}-{day:02}")),
        (2025..2028_u16, 1..13_u8, 1..29_u8).prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}")),
        (1..13_u8, 1..15_u8, 15..29_u8)
            .prop_map(|(month, day, to)| format!("2026-{month:02}-{day:02}/2026-{month:02}-{to:02}")),
    ];
    let special = (date, proptest::collection::vec(window, 0..3)).prop_map(|(date, windows)| {
        let kind = if windows.is_empty() { "CLOSED" } else { "OPEN" };
        let windows: Vec<_> =
            windows.into_iter().map(|(start, end)| serde_json::json!({"start": start, "end": end})).collect();
        serde_json::json!({"date": date, "kind": kind, "windows": windows})
    });
    let effective = prop_oneof![4 => Just(vec![]), 1 => Just(vec!["2026-02-10/2026-07-03", "2026-10-20/2026-12-25"])];
    (
        select(ODD_ZONES.to_vec()),
        proptest::collection::vec(regular, 0..4),
        proptest::collection::vec(special, 0..6),
        effective,
    )
        .prop_map(|(zone, regular, special, effective)| {
            let json = serde_json::json!({
                "name": "any", "timezone": zone, "regular": regular, "special": special, "effective": effective
            });
            Hours::Kept(serde_json::from_value(json).unwrap())
        })
}
