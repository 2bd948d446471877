//! EX-F, P-3 (what functions of values can promise) and P-17.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;

use super::{
    Amount, Calendar, CapacityRule, Fault, Limits, MAX_CAPACITY, Pairs, RuleSlot, Shared, StatementError, Usage,
};
use super::{limits, remaining};
use crate::Instant;
use crate::hours::samples::{NEW_YORK, ODD_ZONES, at, kept, seconds_of, zone};
use crate::hours::{Hours, Zone};
use crate::slots::{Grid, Schedule, SlotLength};

/// A rule with the same values every day: `(HHmm, value)`.
fn rule(slot: RuleSlot, values: &[(&str, i64)]) -> CapacityRule {
    let day = day(values);
    let calendar = (0..7).fold(Calendar::empty(slot), |calendar, weekday| calendar.with_day(weekday, &day).unwrap());
    CapacityRule::new("rule", calendar).unwrap()
}

fn day(values: &[(&str, i64)]) -> Pairs<Amount> {
    Pairs(values.iter().map(|(key, value)| ((*key).to_owned(), Amount::Integer(*value))).collect())
}

fn schedule(hours: Hours, minutes: u32, rule: CapacityRule) -> Schedule {
    Schedule { hours, slot: SlotLength::from_minutes(minutes).unwrap(), max_per_slot: 1, rule: Some(rule) }
}

/// Books in order, one callback per minute after 09:00 New York time, while something remains.
fn book(schedule: &Schedule, usage: &mut Usage, start: Instant, minutes: &[u64]) -> Vec<bool> {
    let book_one = |minute: &u64| {
        let desired = start + Duration::from_secs(minute * 60);
        let cell = schedule.cell_at(desired);
        let free = schedule.remaining(&cell, usage) > 0;
        if free {
            usage.add(desired, 1);
        }
        free
    };
    minutes.iter().map(book_one).collect()
}

/// R-CR-9, R-CR-10, R-CAP-4.
#[test]
fn ex_f_bookings_in_one_rule_slot() {
    let (ok, full) = (true, false);
    for (row, value, minutes, tried, expected) in [
        ("F1", 6, 15, vec![0, 0, 0, 15, 15, 30, 30, 45], vec![ok, ok, full, ok, ok, ok, ok, full]),
        ("F2", 3, 15, vec![0, 15, 30, 45], vec![ok, ok, ok, full]),
        ("F3", 1, 5, vec![25, 0], vec![ok, full]),
        ("F4", 10, 5, vec![0, 0, 5], vec![ok, full, ok]),
        ("F5", 25, 5, vec![0, 0, 0, 0], vec![ok, ok, ok, full]),
        ("F6", 0, 5, vec![0, 5, 59], vec![full, full, full]),
    ] {
        let hours = kept(NEW_YORK, &["Mon-Sun 00:00-24:00"]);
        let schedule = schedule(hours, minutes, rule(RuleSlot::Hour, &[("0900", value)]));
        assert_eq!(book(&schedule, &mut Usage::default(), at("2026-06-01T13:00:00Z"), &tried), expected, "{row}");
    }
}

/// R-CAP-2, R-CR-11, R-CR-12.
#[test]
fn ex_f_limits() {
    let nine = at("2026-06-01T09:00:00Z");
    let hour = |limit| Some(Shared { from: nine, until: nine + Duration::from_secs(3_600), limit });
    for (row, rule, minutes, desired, expected) in [
        ("F1", rule(RuleSlot::Hour, &[("0900", 6)]), 15, nine, Limits { cell_limit: 2, shared: hour(6) }),
        ("F7", rule(RuleSlot::Hour, &[("0900", 4), ("0800", 6)]), 120, nine, Limits { cell_limit: 10, shared: None }),
        ("F8", rule(RuleSlot::Half, &[("0900", 5), ("0930", 7)]), 60, nine, Limits { cell_limit: 12, shared: None }),
        ("F9", rule(RuleSlot::Half, &[("0900", 5), ("0930", 7)]), 20, nine, Limits { cell_limit: 4, shared: hour(12) }),
        ("R-CR-9", rule(RuleSlot::Hour, &[("0900", 9)]), 60, nine, Limits { cell_limit: 9, shared: None }),
        (
            "R-CR-10 with half hours",
            rule(RuleSlot::Half, &[("0900", 5), ("0930", 7)]),
            10,
            nine + Duration::from_secs(40 * 60),
            Limits {
                cell_limit: 3,
                shared: Some(Shared {
                    from: nine + Duration::from_secs(30 * 60),
                    until: nine + Duration::from_secs(60 * 60),
                    limit: 7,
                }),
            },
        ),
        (
            "R-CR-10 with 20 minutes in an hour",
            rule(RuleSlot::Hour, &[("0900", 10)]),
            20,
            nine,
            Limits { cell_limit: 4, shared: hour(10) },
        ),
    ] {
        let slot = SlotLength::from_minutes(minutes).unwrap();
        let cell = Grid::new(&Zone::utc(), slot).cell_at(desired);
        assert_eq!(limits(&Zone::utc(), slot, 99, Some(&rule), &cell), expected, "{row}");
        assert_eq!(limits(&Zone::utc(), slot, 99, None, &cell), Limits { cell_limit: 99, shared: None }, "R-CAP-2");
    }
}

/// R-CR-17, R-CR-18.
#[test]
fn ex_f10_switching_the_slot_length() {
    let mut week = Calendar::empty(RuleSlot::Hour);
    week.set(0, 9, 7).unwrap();
    let halves = week.switched(RuleSlot::Half).unwrap();
    assert_eq!(&halves.day(0)[18..20], [4, 3]);
    assert_eq!(halves.switched(RuleSlot::Hour).unwrap(), week);
    let mut high = Calendar::empty(RuleSlot::Half);
    high.set(2, 18, MAX_CAPACITY).unwrap();
    high.set(2, 19, 1).unwrap();
    let error = high.switched(RuleSlot::Hour).unwrap_err();
    assert_eq!(error, StatementError { weekday: Some(3), key: "0900".into(), fault: Fault::OutOfRange });
}

/// R-CR-14, R-CR-15.
#[test]
fn ex_f11_and_f12_statements() {
    let before = rule(RuleSlot::Hour, &[("0800", 1)]).calendar().clone();
    let written: Pairs<Amount> = serde_json::from_str(r#"{"0900":10,"0930":12}"#).unwrap();
    let error = before.with_day(0, &written).unwrap_err();
    assert_eq!((error.key.as_str(), error.fault), ("0930", Fault::OffGrid(RuleSlot::Hour)), "F11");
    assert!(error.to_string().contains("0930"), "{error}");

    let week: Pairs<Pairs<Amount>> = serde_json::from_str(r#"{"1":{"0900":10}}"#).unwrap();
    let calendar = Calendar::from_statements(RuleSlot::Hour, &week).unwrap();
    assert_eq!(calendar.day(0)[9], 10, "F12");
    assert_eq!((0..7).flat_map(|weekday| calendar.day(weekday)).sum::<u32>(), 10, "F12: all other slots 0");
    assert_eq!(before.with_day(0, &day(&[("0900", 2)])).unwrap().day(0)[8], 0, "R-CR-15: slots not named become 0");
}

#[test]
fn faults_of_statements_name_their_key() {
    let off_grid = Fault::OffGrid(RuleSlot::Half);
    for (json, weekday, key, fault) in [
        (r#"{"1":{"0900":1,"0900":1}}"#, Some(1), "0900", Fault::Duplicate),
        (r#"{"3":{},"3":{}}"#, None, "3", Fault::Duplicate),
        (r#"{"0":{}}"#, None, "0", Fault::UnknownWeekday),
        (r#"{"8":{}}"#, None, "8", Fault::UnknownWeekday),
        (r#"{"Mon":{}}"#, None, "Mon", Fault::UnknownWeekday),
        (r#"{"2":{"0930":-1}}"#, Some(2), "0930", Fault::OutOfRange),
        (r#"{"2":{"0930":10001}}"#, Some(2), "0930", Fault::OutOfRange),
        (r#"{"2":{"0930":1.5}}"#, Some(2), "0930", Fault::NotAnInteger),
        (r#"{"2":{"0930":"7"}}"#, Some(2), "0930", Fault::NotAnInteger),
        (r#"{"2":{"0930":null}}"#, Some(2), "0930", Fault::NotAnInteger),
        (r#"{"2":{"0930":[1,{"a":2}]}}"#, Some(2), "0930", Fault::NotAnInteger),
        (r#"{"2":{"0915":1}}"#, Some(2), "0915", off_grid),
        (r#"{"2":{"2400":1}}"#, Some(2), "2400", off_grid),
        (r#"{"2":{"900":1}}"#, Some(2), "900", off_grid),
        (r#"{"2":{"+900":1}}"#, Some(2), "+900", off_grid),
        (r#"{"2":{"0é0":1}}"#, Some(2), "0é0", off_grid),
    ] {
        let week: Pairs<Pairs<Amount>> = serde_json::from_str(json).unwrap();
        let error = Calendar::from_statements(RuleSlot::Half, &week).unwrap_err();
        assert_eq!(error, StatementError { weekday, key: key.to_owned(), fault }, "{json}");
    }
    assert!(serde_json::from_str::<Pairs<Pairs<Amount>>>(r#"{"1":7}"#).is_err(), "a day is an object");
}

/// R-CR-1.
#[test]
fn rules_read_from_documents_only_when_they_hold() {
    let read = |json: &str| serde_json::from_str::<CapacityRule>(json);
    let rule = read(r#"{"name":" R ","slot":30,"week":{"7":{"2330":4}}}"#).unwrap();
    assert_eq!((rule.name(), rule.calendar().day(6)[47]), ("R", 4));
    assert_eq!(serde_json::to_string(&rule).unwrap(), r#"{"name":"R","slot":30,"week":{"7":{"2330":4}}}"#);
    for json in [
        r#"{"name":"","slot":30,"week":{}}"#,
        r#"{"name":"R","slot":45,"week":{}}"#,
        r#"{"name":"R","slot":60,"week":{"1":{"0030":1}}}"#,
    ] {
        assert!(read(json).is_err(), "{json}");
    }
    assert!(CapacityRule::new(&"r".repeat(65), Calendar::empty(RuleSlot::Hour)).is_err());
}

/// R-CR-2, R-CR-13.
#[test]
fn ex_f13_each_repeated_hour_has_the_full_value() {
    let hours = kept(NEW_YORK, &["Mon-Sun 00:00-24:00"]);
    for minutes in [60, 15] {
        let schedule = schedule(hours.clone(), minutes, rule(RuleSlot::Hour, &[("0100", 4)]));
        let mut usage = Usage::default();
        for start in ["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z"] {
            let quarters: [u64; 5] = [0, 15, 30, 45, 45];
            let results = book(&schedule, &mut usage, at(start), &quarters);
            assert_eq!(results, [true, true, true, true, false], "{start} in cells of {minutes} minutes");
        }
    }
    // R-CR-11: a long cell covers both occurrences in autumn, and none of the hour that spring skips.
    let long = schedule(hours, 120, rule(RuleSlot::Hour, &[("0000", 1), ("0100", 4), ("0200", 100), ("0300", 10)]));
    assert_eq!(long.limits_of(&long.cell_at(at("2026-11-01T05:00:00Z"))).cell_limit, 9);
    assert_eq!(long.limits_of(&long.cell_at(at("2026-03-08T07:30:00Z"))).cell_limit, 10);
}

/// R-CR-8, R-PUB-8.
#[test]
fn ex_f14_a_lowered_rule_leaves_nothing_but_takes_nothing_back() {
    let hours = kept("UTC", &["Mon-Sun 00:00-24:00"]);
    let nine = at("2026-06-01T09:00:00Z");
    let mut usage = Usage::default();
    let before = schedule(hours.clone(), 60, rule(RuleSlot::Hour, &[("0900", 6)]));
    assert_eq!(book(&before, &mut usage, nine, &[0, 0, 0, 0, 0]), [true; 5]);
    let after = schedule(hours, 60, rule(RuleSlot::Hour, &[("0900", 2)]));
    assert_eq!(after.remaining(&after.cell_at(nine), &usage), 0);
    assert_eq!(book(&after, &mut usage, nine, &[0]), [false]);
    assert_eq!(usage.used(nine, nine + Duration::from_secs(3_600)), 5);
}

/// R-CAP-3, R-CON-2.
#[test]
fn grains_are_five_minutes_and_half_open() {
    let mut usage = Usage::default();
    usage.add(at("2026-06-01T09:04:59.999Z"), 2);
    usage.add(at("2026-06-01T09:05:00Z"), 1);
    let (nine, five_past, ten_past) = ("2026-06-01T09:00:00Z", "2026-06-01T09:05:00Z", "2026-06-01T09:10:00Z");
    assert_eq!(usage.used(at(nine), at(five_past)), 2);
    assert_eq!(usage.used(at(five_past), at(ten_past)), 1);
    assert_eq!(usage.used(at(ten_past), at(nine)), 0, "a range that runs backwards is empty");
    assert_eq!(Usage::grain_of(Instant::from_millis(-1)), Instant::from_millis(-300_000));
    assert!(usage.remove(at("2026-06-01T09:07:00Z")));
    assert!(!usage.remove(at("2026-06-01T09:07:00Z")), "nothing is left to forget");
    assert_eq!(usage, [(at(nine), 2)].into_iter().collect());
}

#[test]
fn remaining_is_never_negative() {
    let shared = Shared { from: Instant::from_millis(0), until: Instant::from_millis(1), limit: 5 };
    for (cell_limit, shared, used_cell, used_shared, left) in [
        (3, None, 1, 99, 2),
        (3, None, 4, 0, 0),
        (3, Some(shared), 1, 4, 1),
        (3, Some(shared), 0, 6, 0),
        (9, Some(shared), 0, 0, 5),
    ] {
        assert_eq!(remaining(&Limits { cell_limit, shared }, used_cell, used_shared), left);
    }
}

fn any_calendar() -> impl Strategy<Value = Calendar> {
    select(vec![RuleSlot::Hour, RuleSlot::Half]).prop_flat_map(calendar_of)
}

fn calendar_of(slot: RuleSlot) -> impl Strategy<Value = Calendar> {
    let value = prop_oneof![2 => Just(0), 3 => 0..20_u32, 1 => 0..=MAX_CAPACITY];
    proptest::collection::vec(value, 7 * slot.per_day()).prop_map(move |values| {
        let mut calendar = Calendar::empty(slot);
        for (place, value) in values.into_iter().enumerate() {
            let weekday = u8::try_from(place / slot.per_day()).unwrap();
            calendar.set(weekday, place % slot.per_day(), value).unwrap();
        }
        calendar
    })
}

/// What a caller tries with a record.
#[derive(Debug, Clone)]
enum Act {
    Book(u64),
    Move(usize, u64),
    Cancel(usize),
}

fn any_act() -> impl Strategy<Value = Act> {
    let minute = 0..600_u64;
    prop_oneof![
        4 => minute.clone().prop_map(Act::Book),
        1 => (any::<usize>(), minute).prop_map(|(record, minute)| Act::Move(record, minute)),
        1 => any::<usize>().prop_map(Act::Cancel),
    ]
}

proptest! {
    /// P-3, P-4: admission by `remaining` keeps every cell and every rule slot within its limit.
    /// R-CAP-5.
    #[test]
    fn p_3_no_sequence_of_bookings_exceeds_a_limit(
        calendar in any_calendar(),
        zone_name in select(ODD_ZONES.to_vec()),
        slot in select(SlotLength::ALL.to_vec()),
        start in seconds_of(2026, 2028),
        acts in proptest::collection::vec(any_act(), 1..120),
    ) {
        let rule = CapacityRule::new("r", calendar).unwrap();
        let schedule = Schedule { hours: kept(zone_name, &["Mon-Sun 00:00-24:00"]), slot, max_per_slot: 1, rule: Some(rule) };
        let mut usage = Usage::default();
        let mut records: Vec<Instant> = Vec::new();
        let admit = |usage: &mut Usage, desired: Instant| {
            let free = schedule.remaining(&schedule.cell_at(desired), usage) > 0;
            if free {
                usage.add(desired, 1);
            }
            free
        };
        let when = |minute: u64| start + Duration::from_secs(minute * 60);
        for act in acts {
            match act {
                Act::Book(minute) => {
                    if admit(&mut usage, when(minute)) {
                        records.push(when(minute));
                    }
                }
                Act::Move(record, minute) if !records.is_empty() => {
                    let record = record % records.len();
                    let before = usage.clone();
                    prop_assert!(usage.remove(records[record]));
                    if admit(&mut usage, when(minute)) {
                        records[record] = when(minute);
                    } else {
                        usage = before;
                    }
                }
                Act::Cancel(record) if !records.is_empty() => {
                    let desired = records.swap_remove(record % records.len());
                    prop_assert!(usage.remove(desired));
                }
                Act::Move(..) | Act::Cancel(_) => {}
            }
        }
        prop_assert_eq!(&usage, &records.iter().map(|at| (*at, 1)).collect::<Usage>(), "P-4");
        for cell in Grid::new(&zone(zone_name), slot).cells(start, when(600)) {
            let limits = schedule.limits_of(&cell);
            let held = records.iter().filter(|at| cell.contains(**at)).count();
            prop_assert!(held <= limits.cell_limit as usize, "{held} in {cell:?} of {limits:?}");
            prop_assert_eq!(held, usage.used(cell.from, cell.until) as usize, "grains count cells exactly");
            if let Some(shared) = limits.shared {
                let held = records.iter().filter(|at| shared.from <= **at && **at < shared.until).count();
                prop_assert!(held <= shared.limit as usize, "{held} in {shared:?}");
                prop_assert!(shared.from <= cell.from && cell.until <= shared.until, "a cell lies in one rule slot");
            }
        }
    }

    /// P-17: a calendar written as JSON reads back, alone and as part of a rule's document.
    /// R-CR-16.
    #[test]
    fn p_17_statements_read_back(calendar in any_calendar()) {
        let json = serde_json::to_string(&calendar.statements()).unwrap();
        let read: Pairs<Pairs<Amount>> = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(Calendar::from_statements(calendar.slot(), &read).unwrap(), calendar.clone());
        let rule = CapacityRule::new("r", calendar).unwrap();
        let document = serde_json::to_string(&rule).unwrap();
        prop_assert_eq!(serde_json::from_str::<CapacityRule>(&document).unwrap(), rule);
    }

    /// P-17: hours to halves and back is the identity.
    #[test]
    fn p_17_switching_there_and_back_changes_nothing(calendar in calendar_of(RuleSlot::Hour)) {
        let halves = calendar.switched(RuleSlot::Half).unwrap();
        let total = |calendar: &Calendar| (0..7).flat_map(|weekday| calendar.day(weekday)).sum::<u32>();
        prop_assert_eq!(total(&halves), total(&calendar));
        prop_assert_eq!(halves.switched(RuleSlot::Hour).unwrap(), calendar);
    }
}
