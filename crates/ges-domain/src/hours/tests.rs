//! EX-A, windows of EX-B, P-2 and the finer points of R-BH-1 to R-BH-8.

use std::time::Duration;

use proptest::prelude::*;

use super::samples::{NEW_YORK, any_hours, at, document, kept, seconds_of, weekdays_nine_to_five};
use super::{Hours, OfficeHours, Window};
use crate::Instant;

fn spans(windows: &[Window]) -> Vec<(String, String)> {
    windows.iter().map(|window| (window.from.to_string(), window.until.to_string())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(from, until)| (at(from).to_string(), at(until).to_string())).collect()
}

/// R-OF-1, R-OF-2, R-BH-3 to R-BH-7, R-DST-3.
#[test]
fn ex_a_open_for() {
    let office = weekdays_nine_to_five();
    let night = kept(NEW_YORK, &["Mon 19:00-07:00"]);
    let early = kept(NEW_YORK, &["Mon-Sun 00:00-04:00"]);
    let cut_night = document(
        r#"{"name":"a8","timezone":"America/New_York","regular":[{"days":"Mon","start":"19:00","end":"07:00"}],
            "special":[{"date":"2026-06-02","kind":"CLOSED"}]}"#,
    );
    let short_friday = document(
        r#"{"name":"a11","timezone":"America/New_York","regular":[{"days":"Mon-Fri","start":"09:00","end":"17:00"}],
            "special":[{"date":"2026-07-03","kind":"OPEN","windows":[{"start":"10:00","end":"14:00"}]}]}"#,
    );
    let christmas = document(
        r#"{"name":"a13","timezone":"America/New_York","regular":[{"days":"Mon-Fri","start":"09:00","end":"17:00"}],
            "special":[{"date":"12-25","kind":"CLOSED"},
                       {"date":"2026-12-25","kind":"OPEN","windows":[{"start":"10:00","end":"12:00"}]}]}"#,
    );
    let july = document(
        r#"{"name":"a14","timezone":"America/New_York","regular":[{"days":"Mon-Fri","start":"09:00","end":"17:00"}],
            "effective":["2026-07-01/2026-07-31"]}"#,
    );
    let touching = kept(NEW_YORK, &["Mon 09:00-12:00", "Mon 12:00-17:00"]);
    let all_day = kept(NEW_YORK, &["Mon-Sun 00:00-24:00"]);
    for (row, hours, start, seconds) in [
        ("A1", &office, "2026-06-01T13:00:00Z", 28_800),
        ("A2", &office, "2026-06-01T12:59:59Z", 0),
        ("A3", &office, "2026-06-01T20:59:30Z", 30),
        ("A4", &office, "2026-06-01T21:00:00Z", 0),
        ("A5", &office, "2026-06-06T15:00:00Z", 0),
        ("A6", &Hours::Always, "2026-06-01T12:34:56Z", 1_209_600),
        ("A6", &all_day, "2026-06-01T12:34:56Z", 1_209_600),
        ("A6", &all_day, "2026-03-08T06:59:59.999Z", 1_209_600),
        ("A6", &all_day, "2026-11-01T05:30:00Z", 1_209_600),
        ("A7", &night, "2026-06-02T03:00:00Z", 28_800),
        ("A8", &cut_night, "2026-06-02T03:00:00Z", 3_600),
        ("A9", &early, "2026-03-08T05:00:00Z", 10_800),
        ("A10", &early, "2026-11-01T04:00:00Z", 18_000),
        ("A11", &short_friday, "2026-07-03T14:00:00Z", 14_400),
        ("A12", &short_friday, "2026-07-03T13:30:00Z", 0),
        ("A13", &christmas, "2026-12-25T15:30:00Z", 5_400),
        ("A13 next year", &christmas, "2028-12-25T15:30:00Z", 0),
        ("A14", &july, "2026-06-01T14:00:00Z", 0),
        ("A14 in July", &july, "2026-07-01T14:00:00Z", 25_200),
        ("A15", &touching, "2026-06-01T15:59:00Z", 18_060),
        ("R-BH-8", &Hours::Unreadable, "2026-06-01T15:00:00Z", 0),
    ] {
        assert_eq!(hours.open_for(at(start)), seconds, "{row}");
    }
}

/// R-DST-1, R-DST-2.
#[test]
fn ex_b_windows_across_changes_of_the_clocks() {
    for (row, hours, from, until, expected) in [
        (
            "B11",
            kept(NEW_YORK, &["Sun 02:00-05:00"]),
            "2026-03-08T00:00:00Z",
            "2026-03-09T00:00:00Z",
            ("2026-03-08T07:00:00Z", "2026-03-08T09:00:00Z"),
        ),
        (
            "B12",
            kept(NEW_YORK, &["Sun 01:30-03:00"]),
            "2026-11-01T00:00:00Z",
            "2026-11-02T00:00:00Z",
            ("2026-11-01T05:30:00Z", "2026-11-01T08:00:00Z"),
        ),
        (
            "B13",
            kept(NEW_YORK, &["Sun 00:00-01:30"]),
            "2026-11-01T00:00:00Z",
            "2026-11-02T00:00:00Z",
            ("2026-11-01T04:00:00Z", "2026-11-01T06:30:00Z"),
        ),
        (
            "B14",
            kept("Europe/London", &["Mon-Sun 09:00-17:00"]),
            "2026-10-25T00:00:00Z",
            "2026-10-26T00:00:00Z",
            ("2026-10-25T09:00:00Z", "2026-10-25T17:00:00Z"),
        ),
    ] {
        assert_eq!(spans(&hours.open_windows(at(from), at(until))), pairs(&[expected]), "{row}");
    }
}

#[test]
fn a_window_wholly_inside_a_gap_does_not_open() {
    let hours = kept(NEW_YORK, &["Sun 02:10-02:50"]);
    assert_eq!(hours.open_windows(at("2026-03-08T00:00:00Z"), at("2026-03-09T00:00:00Z")), []);
    assert_eq!(hours.open_windows(at("2026-03-15T00:00:00Z"), at("2026-03-16T00:00:00Z")).len(), 1);
}

#[test]
fn midnight_that_is_skipped_or_repeated_opens_and_closes_a_day() {
    // Clocks jumped from 00:00 to 01:00 in Sao Paulo and fell from 01:00 to 00:00 in Havana.
    let day = kept("America/Sao_Paulo", &["Sun 00:00-24:00"]);
    assert_eq!(
        spans(&day.open_windows(at("2018-11-04T00:00:00Z"), at("2018-11-06T00:00:00Z"))),
        pairs(&[("2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z")]),
    );
    let eve = |special: &str| {
        document(&format!(
            r#"{{"name":"h","timezone":"America/Havana","regular":[{{"days":"Sat","start":"20:00","end":"24:00"}}],
                "special":[{special}]}}"#,
        ))
    };
    let (from, until) = (at("2024-11-02T12:00:00Z"), at("2024-11-04T00:00:00Z"));
    assert_eq!(
        spans(&eve("").open_windows(from, until)),
        pairs(&[("2024-11-03T00:00:00Z", "2024-11-03T05:00:00Z")]),
        "R-DST-2: the end takes the second midnight"
    );
    assert_eq!(
        spans(&eve(r#"{"date":"2024-11-03","kind":"CLOSED"}"#).open_windows(from, until)),
        pairs(&[("2024-11-03T00:00:00Z", "2024-11-03T04:00:00Z")]),
        "R-BH-5: a closed date is closed from its first midnight"
    );
}

#[test]
fn a_date_that_never_was_has_no_windows_of_its_own() {
    let hours = kept("Pacific/Apia", &["Mon-Sun 09:00-17:00"]);
    assert_eq!(
        spans(&hours.open_windows(at("2011-12-29T12:00:00Z"), at("2011-12-31T04:00:00Z"))),
        pairs(&[("2011-12-29T19:00:00Z", "2011-12-30T03:00:00Z"), ("2011-12-30T19:00:00Z", "2011-12-31T03:00:00Z")]),
        "the 29th is followed by the 31st"
    );
}

#[test]
fn special_entries_follow_the_order_of_r_bh_2() {
    let hours = |special: &str| {
        document(&format!(
            r#"{{"name":"s","timezone":"UTC","regular":[{{"days":"Mon-Sun","start":"09:00","end":"17:00"}}],
                "special":[{special}]}}"#,
        ))
    };
    let open = r#"{"date":"2026-05-05","kind":"OPEN","windows":[{"start":"10:00","end":"11:00"}]}"#;
    let more = r#"{"date":"2026-05-01/2026-05-09","kind":"OPEN","windows":[{"start":"10:30","end":"12:00"},{"start":"20:00","end":"24:00"}]}"#;
    let closed = r#"{"date":"2026-05-05","kind":"CLOSED"}"#;
    let yearly = r#"{"date":"05-05","kind":"OPEN","windows":[{"start":"01:00","end":"02:00"}]}"#;
    let wraps = r#"{"date":"12-24/05-05","kind":"CLOSED"}"#;
    for (special, expected) in [
        (format!("{open},{closed}"), vec![(10, 11)]),
        (format!("{closed},{open},{more}"), vec![(10, 12), (20, 24)]),
        (format!("{closed},{yearly}"), vec![]),
        (yearly.to_owned(), vec![(1, 2)]),
        (format!("{wraps},{yearly}"), vec![(1, 2)]),
        (wraps.to_owned(), vec![]),
        (r#"{"date":"02-29","kind":"CLOSED"}"#.to_owned(), vec![(9, 17)]),
    ] {
        let day = at("2026-05-05T00:00:00Z");
        let hour = |at: Instant| at.since(day).as_secs() / 3_600;
        let windows = hours(&special).open_windows(day, day + Duration::from_secs(86_400));
        let found: Vec<_> = windows.iter().map(|window| (hour(window.from), hour(window.until))).collect();
        assert_eq!(found, expected, "{special}");
    }
}

#[test]
fn running_over_midnight_is_cut_by_closed_and_ineffective_dates_only() {
    let hours = |rest: &str| {
        document(&format!(
            r#"{{"name":"n","timezone":"UTC","regular":[{{"days":"Mon","start":"22:00","end":"06:00"}}],{rest}}}"#,
        ))
    };
    let monday = at("2026-06-01T23:00:00Z");
    for (rest, seconds) in [
        (r#""special":[]"#, 7 * 3_600),
        (r#""special":[{"date":"06-02","kind":"CLOSED"}]"#, 3_600),
        (r#""special":[{"date":"06-02","kind":"OPEN","windows":[{"start":"12:00","end":"13:00"}]}]"#, 7 * 3_600),
        (r#""effective":["2026-06-01"]"#, 3_600),
        (r#""effective":["2026-06-01/2026-06-02"]"#, 7 * 3_600),
    ] {
        assert_eq!(hours(rest).open_for(monday), seconds, "{rest}");
    }
}

#[test]
fn windows_are_cut_to_the_range_asked_for() {
    let hours = weekdays_nine_to_five();
    let (from, until) = ("2026-06-01T15:00:00Z", "2026-06-01T16:00:00Z");
    assert_eq!(spans(&hours.open_windows(at(from), at(until))), pairs(&[(from, until)]));
    assert_eq!(hours.open_windows(at(until), at(from)), [], "a range that runs backwards is empty");
    assert_eq!(hours.open_windows(at(from), at(from)), []);
}

#[test]
fn window_at_finds_both_ends() {
    let window = weekdays_nine_to_five().window_at(at("2026-06-01T15:00:00Z")).unwrap();
    assert_eq!(spans(&[window]), pairs(&[("2026-06-01T13:00:00Z", "2026-06-01T21:00:00Z")]));
    let almost_always = kept("UTC", &["Mon-Sat 00:00-24:00", "Sun 00:00-23:00"]).window_at(at("2026-06-03T00:00:00Z"));
    assert_eq!(spans(&[almost_always.unwrap()]), pairs(&[("2026-06-01T00:00:00Z", "2026-06-07T23:00:00Z")]));
    assert_eq!(Hours::Unreadable.window_at(at("2026-06-01T15:00:00Z")), None);
}

#[test]
fn documents_are_validated_and_read_back() {
    let json = r#"{"name":"BH","timezone":"Europe/Paris",
        "regular":[{"days":"Sat-Mon","start":"19:00","end":"07:00"},{"days":"Wed","start":"00:00","end":"24:00"}],
        "special":[{"date":"12-25","kind":"CLOSED"},
                   {"date":"2026-07-14/2026-07-15","kind":"OPEN","windows":[{"start":"10:00","end":"12:00"}]}],
        "effective":["2026-01-01/2026-12-31"]}"#;
    let hours: OfficeHours = serde_json::from_str(json).unwrap();
    let written = serde_json::to_string(&hours).unwrap();
    assert_eq!(serde_json::from_str::<OfficeHours>(&written).unwrap(), hours, "{written}");
    for (wrong, place) in [
        (r#"{"name":" ","timezone":"UTC"}"#, "name"),
        (r#"{"name":"x","timezone":"Europe/Atlantis"}"#, "time zone"),
        (r#"{"name":"x","timezone":"UTC","regular":[{"days":"Mon","start":"9","end":"17:00"}]}"#, "regular[0]"),
        (r#"{"name":"x","timezone":"UTC","regular":[{"days":"Moon","start":"09:00","end":"17:00"}]}"#, "weekdays"),
        (r#"{"name":"x","timezone":"UTC","special":[{"date":"12-25","kind":"OPEN"}]}"#, "special[0]"),
        (
            r#"{"name":"x","timezone":"UTC","special":[{"date":"12-25","kind":"CLOSED","windows":[{"start":"09:00","end":"10:00"}]}]}"#,
            "special[0]",
        ),
        (r#"{"name":"x","timezone":"UTC","special":[{"date":"2026-02-30","kind":"CLOSED"}]}"#, "not a date"),
        (r#"{"name":"x","timezone":"UTC","effective":["12-25"]}"#, "effective[0]"),
    ] {
        let error = serde_json::from_str::<OfficeHours>(wrong).unwrap_err().to_string();
        assert!(error.contains(place), "{error:?} tells of {place}");
    }
}

#[test]
fn ends_of_time_are_harmless() {
    for hours in [weekdays_nine_to_five(), Hours::Always, Hours::Unreadable] {
        for instant in [Instant::from_millis(i64::MIN), Instant::from_millis(i64::MAX), at("9999-12-31T23:59:59Z")] {
            let _ = hours.open_for(instant);
            let _ = hours.is_open(instant);
        }
    }
}

proptest! {
    /// P-2: open, in a window and `open_for > 0` are one thing, and `open_for` counts real seconds down.
    #[test]
    fn p_2_open_for_counts_down_exactly_while_open(hours in any_hours(), start in seconds_of(2025, 2028)) {
        let second = Duration::from_secs(1);
        let around = hours.open_windows(start - Duration::from_secs(86_400), start + Duration::from_secs(86_400));
        let holding = around.iter().filter(|window| window.contains(start)).count();
        prop_assert_eq!(holding, usize::from(hours.is_open(start)));
        prop_assert!(around.windows(2).all(|pair| pair[0].until < pair[1].from), "merged and ascending: {:?}", around);
        let left = hours.open_for(start);
        prop_assert_eq!(left > 0, hours.is_open(start));
        prop_assert_eq!(hours.window_at(start).is_some(), hours.is_open(start));
        if (1..1_209_600).contains(&left) {
            prop_assert_eq!(hours.open_for(start + second), left - 1);
            let close = start + Duration::from_secs(left.into());
            prop_assert!(!hours.is_open(close), "the closing instant is outside");
        }
    }

    /// A look at a part of the time line never disagrees with a look at more of it.
    #[test]
    fn windows_do_not_depend_on_the_range(hours in any_hours(), start in seconds_of(2025, 2028), minutes in 1..30_000_u64) {
        let until = start + Duration::from_secs(minutes * 60);
        let wide = hours.open_windows(start - Duration::from_secs(500_000), until + Duration::from_secs(500_000));
        let cut: Vec<_> = wide.iter().filter_map(|window| window.overlap(start, until)).collect();
        prop_assert_eq!(hours.open_windows(start, until), cut);
    }

    /// Documents of any hours read back as the same hours.
    #[test]
    fn documents_of_any_hours_read_back(hours in any_hours()) {
        let Hours::Kept(office) = hours else { unreachable!("any_hours are kept by an office") };
        let written = serde_json::to_string(&office).unwrap();
        prop_assert_eq!(serde_json::from_str::<OfficeHours>(&written).unwrap(), office);
    }
}
