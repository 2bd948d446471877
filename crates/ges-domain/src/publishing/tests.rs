use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;

use super::{
    Cells, Changes, Edition, Extent, Kind, Present, Publish, Standing, Table, Verdict, decide, read_capacity,
    read_hours, read_settings, read_special_days, sections_of,
};
use crate::callback::Direction;
use crate::capacity::RuleSlot;
use crate::hours::{Dates, Days, Hours, OfficeHours, Opening, Regular, Special, Zone};
use crate::service::{FirstParty, Settings};
use crate::throttle::InQueueCheck;
use crate::{Instant, ServiceName};

fn cells(pairs: &[(&str, &str)]) -> Cells {
    pairs.iter().map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned())).collect()
}

fn row(more: &[(&str, &str)]) -> Cells {
    let mut row = cells(&[("_service", "callback"), ("_application", "App"), ("_route_point", "5001")]);
    row.extend(cells(more));
    row
}

fn settings(more: &[(&str, &str)]) -> Settings {
    read_settings("CB", &row(more)).unwrap()
}

/// The one flaw of a row.
fn flaw(more: &[(&str, &str)]) -> (String, String) {
    let [flaw] = <[_; 1]>::try_from(read_settings("CB", &row(more)).unwrap_err()).unwrap();
    (flaw.column, flaw.cause)
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// Integrations 5.2, the example as it stands.
#[test]
fn the_documented_row_reads() {
    let read = settings(&[
        ("_type", "ors"),
        ("_ttl", "86400"),
        ("_application_stream", "Development"),
        ("_prefix_dial_out", "+"),
        ("_calling_party_number", "18005550100"),
        ("_calling_party_display_name", "Acme"),
        ("_business_hours_service", "BH_Sales"),
        ("_urs_virtual_queue", "CB"),
        ("_immediate_enabled", "true"),
        ("_scheduled_enabled", "true"),
        ("_request_time_bucket", "15"),
        ("_max_request_by_time_bucket", "100"),
        ("_push_threshold_minutes", "5"),
    ]);
    let expected = Settings {
        business_hours: Some("BH_Sales".into()),
        callback_application: "App".into(),
        application_stream: "Development".into(),
        routing_point: "5001".into(),
        dial_prefix: "+".into(),
        call_display_number: "18005550100".into(),
        call_display_name: "Acme".into(),
        ..Settings::default()
    };
    assert_eq!(read, expected);
    let other = settings(&[("_urs_virtual_queue", "Other")]);
    assert_eq!((other.virtual_queue.as_deref(), other.ewt_queue), (Some("Other"), None));
}

/// Integrations 5.3 and chapter 7.1: a column has one meaning under its key, its label and its GMS name.
#[test]
fn every_spelling_of_a_column_is_read() {
    for (key, label, gms, cell) in [
        ("slotMinutes", "Time Slot Duration (minutes)", "_request_time_bucket", "30"),
        ("maxPerSlot", "Max Callbacks Per Time Slot", "_max_request_by_time_bucket", "7"),
        ("maxQueued", "Max Queued Callbacks", "_max_queued_callbacks_per_service", "9"),
        ("callbackTtl", "Callback TTL (seconds)", "_ttl", "600"),
        ("maxDialAttempts", "Max Dial Attempts", "_max_dial_attempts", "4"),
        ("redialInterval", "Redial Interval (seconds)", "_dial_retry_timeout", "60"),
        ("pushThresholdMinutes", "Push Notification Threshold (minutes)", "_push_threshold_minutes", "0"),
        ("surveyRP", "Survey Routing Point", "_survey_rp", "6001"),
        ("immediateCallbackEnabled", "Immediate Callback Enabled", "_immediate_enabled", "No"),
    ] {
        let by_key = settings(&[(key, cell)]);
        assert_ne!(by_key, settings(&[]), "{key} has an effect");
        assert_eq!(settings(&[(label, cell)]), by_key);
        assert_eq!(settings(&[(gms, cell)]), by_key);
        assert_eq!(settings(&[(gms, cell), (key, &format!(" {cell} "))]), by_key, "twice the same");
        assert_eq!(flaw(&[(gms, cell), (key, "5")]).0, key, "R-CFG-1: twice and not the same");
    }
}

/// R-CFG-3.
#[test]
fn booleans_and_numbers_are_read_as_people_write_them() {
    for (cell, read) in [("true", true), ("YES", true), ("1", true), ("False", false), ("no", false), ("0", false)] {
        assert_eq!(settings(&[("scheduledCallbackEnabled", cell)]).scheduled_callback_enabled, read, "{cell}");
        assert_eq!(settings(&[("blockPremium", cell)]).throttle.block_premium, Some(read));
    }
    assert_eq!(settings(&[("ringTimeout", " 20 ")]).ring_timeout, 20);
    assert_eq!(settings(&[("inQueueCheck", "Strict")]).throttle.in_queue_check, Some(InQueueCheck::Strict));
    assert_eq!(settings(&[("inQueueCheck", "no")]).throttle.in_queue_check, Some(InQueueCheck::Off));
    assert_eq!(settings(&[("callDirection", "userOriginated")]).call_direction, Direction::UserOriginated);
    assert_eq!(settings(&[("firstParty", "agent")]).first_party, FirstParty::Agent);
    assert_eq!(settings(&[("maxPerSlot", " "), ("description", "")]), settings(&[]), "blank is the default");
}

/// R-CFG-1: row, column as the sender wrote it, and cause.
#[test]
fn a_bad_cell_is_named_as_it_was_written() {
    for (column, cell, cause) in [
        ("_request_time_bucket", "17", "must be 5, 10, 15, 20, 30, 60 or 120 minutes"),
        ("Ring Timeout (seconds)", "soon", "must be a whole number"),
        ("ringTimeout", "4", "must be 5 to 120 seconds"),
        ("_immediate_enabled", "maybe", "must be true or false"),
        ("ewtMode", "mode4", "must be mode1, mode2 or mode3"),
        ("_route_point", "5001\0", "must not contain NUL"),
        ("Column of tomorrow", "\0", "must not contain NUL"),
        ("defaultCountry", "USA", "must be a country code of two letters"),
        ("_prefix_dial_out", "+a", "must be at most 16 of the digits, * # +"),
        ("throttleTtl1", "0", "must be 1 to 1209600 seconds"),
    ] {
        assert_eq!(flaw(&[(column, cell)]), (column.to_owned(), cause.to_owned()));
    }
    assert_eq!(flaw(&[("_application", "")]), ("callbackApplication".into(), "is required".into()));
    let two = read_settings("CB", &row(&[("ringTimeout", "x"), ("cpdEnabled", "x")])).unwrap_err();
    assert_eq!(two.len(), 2, "all of them at once");
}

/// Chapter 7.1: kept and shown, but ignored.
#[test]
fn unknown_columns_are_kept() {
    let read = settings(&[("Future Column", "x"), ("_tomorrow", "y"), ("_type", "ors")]);
    assert_eq!(read.extra, cells(&[("Future Column", "x"), ("_tomorrow", "y")]));
}

fn hours(pairs: &[(&str, &str)]) -> Hours {
    let mut all = cells(&[("_timezone", "Etc/UTC"), ("_bh_regular1", "Mon-Fri 08:00-20:00")]);
    all.extend(cells(pairs));
    Hours::Kept(read_hours("BH", &all).unwrap())
}

/// Integrations 2.14: a holiday closes, an addition opens on top, the week is the rest.
#[test]
fn holidays_close_and_additions_open_on_top() {
    let office = hours(&[
        ("_bh_regular2", "Sat, Sun 22:00-02:00"),
        ("_bh_add1", "07-14 12:00-14:30"),
        ("_bh_add2", "2026-11-28 09:00-10:00,12:00-13:00"),
        ("_bh_add3", "2026-11-24 06:00-07:00"),
        ("_holiday1", "07-14"),
        ("_holiday2", "2026-12-25"),
    ]);
    for (when, open) in [
        ("2026-11-23T07:59:59Z", false),
        ("2026-11-23T08:00:00Z", true),
        ("2026-11-23T20:00:00Z", false),
        ("2026-07-14T09:00:00Z", false),
        ("2026-07-14T12:30:00Z", true),
        ("2027-07-14T14:29:00Z", true),
        ("2026-12-25T09:00:00Z", false),
        ("2027-12-27T09:00:00Z", true),
        ("2026-11-28T09:30:00Z", true),
        ("2026-11-28T11:00:00Z", false),
        ("2026-11-28T23:00:00Z", true),
        ("2026-11-29T01:00:00Z", true),
        ("2026-11-24T06:30:00Z", true),
        ("2026-11-24T10:00:00Z", true),
    ] {
        assert_eq!(office.is_open(at(when)), open, "{when}");
    }
    let Hours::Kept(office) = office else { unreachable!() };
    let text = serde_json::to_string(&office).unwrap();
    assert_eq!(serde_json::from_str::<OfficeHours>(&text).unwrap(), office, "additions are stored");
}

/// Chapter 8.1 in cells: replacing entries, ranges of dates, effective periods.
#[test]
fn special_and_effective_cells_are_those_of_chapter_8() {
    let office = hours(&[
        ("special1", "2026-12-24 08:00-12:00"),
        ("special2", "2026-12-25/2026-12-26 closed"),
        ("effective1", "2026-01-01/2026-12-31"),
    ]);
    for (when, open) in [
        ("2026-12-24T11:00:00Z", true),
        ("2026-12-24T13:00:00Z", false),
        ("2026-12-25T11:00:00Z", false),
        ("2027-01-04T11:00:00Z", false),
    ] {
        assert_eq!(office.is_open(at(when)), open, "{when}");
    }
    let days = read_special_days(&cells(&[("entries1", "05-01"), ("entry2", "2026-10-03 10:00-11:00")])).unwrap();
    assert_eq!((days.len(), days[0].openings.len()), (2, 0), "closed unless it says when it is open");
}

/// R-BH-8: what does not read names its column.
#[test]
fn a_calendar_that_does_not_read_says_where() {
    for (column, cell) in [
        ("_timezone", "Mars/Olympus"),
        ("_bh_regular1", "Mon-Fri"),
        ("_bh_regular1", "Mon-Fri 8:00-20:00"),
        ("_bh_regular7", "Funday 08:00-20:00"),
        ("_bh_add2", "2026-02-30 08:00-20:00"),
        ("_bh_add2", "12-24"),
        ("_holiday1", "tomorrow"),
        ("effective", "12-24"),
    ] {
        let mut all = cells(&[("_timezone", "Etc/UTC"), ("_bh_regular1", "Mon-Fri 08:00-20:00")]);
        all.insert(column.into(), cell.into());
        let flaws = read_hours("BH", &all).unwrap_err();
        assert_eq!(flaws.iter().map(|flaw| flaw.column.as_str()).collect::<Vec<_>>(), [column], "{cell}");
    }
    assert_eq!(read_hours("BH", &Cells::new()).unwrap_err()[0].column, "_timezone");
}

/// Integrations 5.3, R-CR-1: places an hour; half hours split them (R-CR-17).
#[test]
fn a_capacity_calendar_becomes_a_rule() {
    let rule =
        |first: &str, second: &str| read_capacity("Peak", &cells(&[("_bh_regular1", first), ("_bh_regular2", second)]));
    let peak = rule("Mon-Fri 08:00-20:00;100", "Sat 22:00-02:00;7").unwrap();
    let week = peak.calendar();
    assert_eq!(
        (week.slot(), week.day(0)[7], week.day(0)[8], week.day(4)[19], week.day(4)[20]),
        (RuleSlot::Hour, 0, 100, 100, 0)
    );
    assert_eq!((week.day(5)[23], week.day(6)[1], week.day(6)[2]), (7, 7, 0), "past midnight");
    let halves = rule("Mon 08:30-10:00;101", "").unwrap();
    let monday = halves.calendar().day(0);
    assert_eq!((halves.calendar().slot(), &monday[16..20]), (RuleSlot::Half, &[0, 50, 51, 50][..]));
    for (bad, cause) in [
        ("Mon-Fri 08:00-20:00", "must be days, a space, HH:MM-HH:MM, a semicolon and a number of places"),
        ("Mon-Fri 08:00-20:00;10001", "has more than 10000 places"),
        ("Mon-Fri 08:10-20:00;1", "must begin and end on the hour or half past"),
        ("Sun 23:00-09:00;1", "overlaps another entry"),
    ] {
        let flaws = rule("Mon 08:00-09:00;5", bad).unwrap_err();
        assert_eq!((flaws[0].column.as_str(), flaws[0].cause.as_str()), ("_bh_regular2", cause));
    }
    assert!(read_capacity("Peak", &cells(&[("_holiday1", "12-25")])).is_err(), "R-CR-1: a week has no dates");
}

/// Integrations 5.3.
#[test]
fn sections_are_known_by_service_or_name() {
    for (name, service, kind) in [
        ("service.CB", "callback", Kind::Callback),
        ("service.BH", "Office-Hours", Kind::OfficeHours),
        ("service.C", "capacity", Kind::Capacity),
        ("special-days.X", "special-days", Kind::SpecialDays),
        ("service.X", "stat", Kind::Other),
        ("service.X", "", Kind::Other),
        ("patterns", "", Kind::Patterns),
        ("patterns.vip", "", Kind::Patterns),
        ("number_validation", "", Kind::NumberValidation),
        ("anything", "", Kind::Other),
    ] {
        assert_eq!(Kind::of(name, &cells(&[("_service", service)])), kind, "{name}");
    }
}

/// Integrations 5.4: rows without a usable name are refused by their place.
#[test]
fn rows_become_sections_under_their_names() {
    let rows = vec![
        cells(&[("Virtual Queue", "CB_A"), ("routingPoint", "1")]),
        cells(&[("routingPoint", "2")]),
        cells(&[("serviceName", "CB_A")]),
        cells(&[("serviceName", "CB\0")]),
    ];
    let (sections, refused) = sections_of(Table::CallbackSettings, rows);
    assert_eq!(sections.keys().collect::<Vec<_>>(), ["service.CB_A"]);
    assert_eq!(sections["service.CB_A"]["_service"], "callback");
    let told: Vec<_> = refused.iter().map(|problem| problem.row.as_str()).collect();
    assert_eq!(told, ["row 2", "row 3", "row 4"]);
    let (kept, _) = sections_of(Table::NumberValidation, vec![cells(&[("", "{}")]), cells(&[("", "{\"a\":1}")])]);
    assert_eq!(kept["number_validation"], cells(&[("row1", "{}"), ("row2", "{\"a\":1}")]), "R-TAB-1");
}

fn now() -> Instant {
    at("2026-06-01T12:00:00Z")
}

fn apply(standing: &Standing, present: &Present, publish: &Publish) -> Changes {
    match decide(standing, present, publish) {
        Verdict::Apply(changes) => *changes,
        other => panic!("{other:?}"),
    }
}

fn changes(sections: &[(&str, Cells)], removed: &[&str]) -> Publish {
    let sections = sections.iter().map(|(name, cells)| ((*name).to_owned(), cells.clone())).collect();
    Publish::changes(now(), sections, removed.iter().map(|name| (*name).to_owned()).collect())
}

/// R-CFG-2, and the section of another name that means the same.
#[test]
fn references_need_their_objects_and_twins_replace_each_other() {
    let office = || cells(&[("_service", "office-hours"), ("_timezone", "UTC"), ("_bh_regular1", "Mon 09:00-10:00")]);
    let sections = [
        ("service.CB", row(&[("businessHours", "BH")])),
        ("service.CB2", row(&[("businessHours", "None")])),
        ("service.CB3", row(&[("specialDays", "Feast")])),
        ("service.BH", office()),
    ];
    let first = apply(&Standing::default(), &Present::default(), &changes(&sections, &[]));
    let told: Vec<_> = first.report.invalid.iter().map(|flaw| (flaw.row.as_str(), flaw.column.as_str())).collect();
    assert_eq!(told, [("service.CB2", "businessHours"), ("service.CB3", "specialDays")]);
    assert_eq!(first.services.len(), 1);
    let known = Present { hours: BTreeMap::from([("BH".to_owned(), first.hours[0].clone())]), ..Present::default() };
    let twin = changes(&[("business-hours.BH", office())], &[]);
    let second = apply(&first.standing, &known, &twin);
    assert_eq!((second.gone.len(), second.hours_gone.len(), second.report.removed.len()), (1, 0, 0));
    let third = apply(&second.standing, &known, &changes(&[], &["business-hours.BH", "service.CB"]));
    assert_eq!(third.hours_gone, ["BH"], "what either of them brought");
    let own = changes(&[("service.service:X", office()), ("CB4", row(&[]))], &[]);
    assert_eq!(apply(&third.standing, &known, &own).report.invalid.len(), 2, "names that cannot be");
}

/// R-CR-5 and its like for calendars and special days: the sender hears who uses them, and they go once nobody does.
#[test]
fn what_is_in_use_stays_until_nobody_uses_it() {
    let office = || cells(&[("_service", "office-hours"), ("_timezone", "UTC"), ("_bh_regular1", "Mon 09:00-10:00")]);
    let user = row(&[("businessHours", "BH"), ("specialDays", "Feast")]);
    let sections = [
        ("service.CB_A", user),
        ("service.CB_B", row(&[("_business_hours_service", "Nights")])),
        ("service.BH", office()),
        ("service.Nights", office()),
        ("special-days.Feast", cells(&[("_service", "special-days"), ("entry1", "12-25")])),
        ("service.Peak", cells(&[("_service", "capacity"), ("_bh_regular1", "Mon 09:00-10:00;7")])),
        ("service.Rush", cells(&[("_service", "capacity"), ("_bh_regular1", "Mon 09:00-10:00;7")])),
        ("service.Bad", cells(&[("_service", "office-hours")])),
    ];
    let first = apply(&Standing::default(), &Present::default(), &changes(&sections, &[]));
    let service = |name: &str| ServiceName::new(name).unwrap();
    let hours = |names: &[&str]| {
        let office = first.hours[0].clone();
        names.iter().map(|name| ((*name).to_owned(), office.clone())).collect::<BTreeMap<_, _>>()
    };
    let present = Present {
        hours: hours(&["BH", "Nights", "Late"]),
        hours_of: BTreeMap::from([(service("CB_A"), "service:CB_A".into()), (service("CB_B"), "Nights".into())]),
        rule_of: (0..7).map(|number| (service(&format!("CB_{number}")), "Peak".into())).collect(),
    };
    let all = ["service.BH", "service.Nights", "special-days.Feast", "service.Peak", "service.Rush", "service.Bad"];
    let second = apply(&first.standing, &present, &changes(&[], &all));
    assert_eq!(second.report.removed, ["Bad", "Rush"]);
    assert_eq!((second.hours_gone.len(), &second.rules_gone), (0, &vec!["Rush".to_owned()]));
    let told: Vec<_> = second.report.invalid.iter().map(|flaw| (flaw.row.as_str(), flaw.cause.as_str())).collect();
    let stays = "and stays until no service uses it";
    assert_eq!(
        told,
        [
            ("service.BH", &*format!("is used by CB_A {stays}")),
            ("service.Nights", &*format!("is used by CB_B {stays}")),
            ("service.Peak", &*format!("is used by CB_0, CB_1, CB_2, CB_3, CB_4, 2 more {stays}")),
            ("special-days.Feast", &*format!("is used by CB_A {stays}")),
        ]
    );
    assert_eq!(second.standing.problems().count(), 4, "the status shows them until then");

    // Nobody's business: nothing more is told, and what stays can be referred to.
    let newcomer = changes(&[("service.CB_C", row(&[("businessHours", "BH")]))], &[]);
    let third = apply(&second.standing, &present, &newcomer);
    assert_eq!((third.report.invalid.len(), &third.report.added), (0, &vec!["CB_C".to_owned()]));
    assert_eq!(third.standing.sections["service.BH"].problems[0].cause, format!("is used by CB_A, CB_C {stays}"));
    // It comes back: it is as it was.
    let back = apply(&third.standing, &present, &changes(&[("service.BH", office())], &[]));
    assert!(back.standing.sections["service.BH"].is_valid() && !back.standing.sections["service.BH"].leaving);
    // The last user goes, or takes another.
    let plain = changes(&[("service.CB_A", row(&[]))], &["service.CB_B", "service.CB_C"]);
    let unused = Present { rule_of: BTreeMap::new(), ..present };
    let last = apply(&third.standing, &unused, &plain);
    assert_eq!(last.report.removed, ["CB_B", "CB_C", "BH", "Nights", "Feast", "Peak"]);
    assert_eq!((last.hours_gone, last.rules_gone), (vec!["BH".into(), "Nights".into()], vec!["Peak".into()]));
    assert!(last.report.invalid.is_empty() && last.standing.problems().count() == 0);
}

/// F-21: looking again is no publish of its own.
#[test]
fn looking_again_leaves_the_last_publish_as_it_is() {
    let first = apply(&Standing::default(), &Present::default(), &changes(&[("service.CB", row(&[]))], &[])).standing;
    let again = apply(&first, &Present::default(), &Publish::again(now() + Duration::from_secs(60)));
    assert_eq!((again.standing.last, again.standing.revision), (first.last, 2));
}

/// R-PUB-3 for publishes with id and time, per table; changes without either are the latest there is.
#[test]
fn order_is_kept_per_table() {
    let publish = |table, id: &str, minute: u64| Publish {
        edition: Some(Edition { id: id.into(), published_at: now() + Duration::from_secs(60 * minute) }),
        extent: Extent::Snapshot(table),
        ..changes(&[], &[])
    };
    let (none, rows, days) = (Present::default(), Table::CallbackSettings, Table::SpecialDays);
    let first = apply(&Standing::default(), &none, &publish(rows, "b", 2)).standing;
    assert_eq!(decide(&first, &none, &publish(rows, "a", 1)), Verdict::Older);
    assert_eq!(decide(&first, &none, &publish(rows, "b", 9)), Verdict::Repeated);
    assert!(matches!(decide(&first, &none, &publish(days, "a", 1)), Verdict::Apply(_)), "another table is on time");
    let late = Publish { received_at: now() + Duration::from_secs(600), ..changes(&[("service.CB", row(&[]))], &[]) };
    let second = apply(&first, &none, &late).standing;
    assert_eq!(decide(&second, &none, &publish(rows, "c", 3)), Verdict::Older, "changed since");
    let only_if = |version: &str| Publish { only_if: Some(version.into()), ..publish(rows, "d", 11) };
    assert_eq!(decide(&second, &none, &only_if("b")), Verdict::VersionDiffers);
    assert!(matches!(decide(&second, &none, &only_if("revision-2")), Verdict::Apply(_)));
    assert!(matches!(decide(&second, &none, &only_if("*")), Verdict::Apply(_)));
    assert_eq!(decide(&Standing::default(), &none, &only_if("*")), Verdict::VersionDiffers, "there is none");
}

/// A row that was refused once more is no news, and one that holds by now is taken.
#[test]
fn refused_rows_are_looked_at_again() {
    let first = changes(&[("service.CB", row(&[("businessHours", "BH")]))], &[]);
    let first = apply(&Standing::default(), &Present::default(), &first).standing;
    let idle = apply(&first, &Present::default(), &Publish::again(now()));
    assert!(idle.written.is_empty() && idle.services.is_empty() && !idle.report.services_changed);
    let office = OfficeHours::new("BH", Zone::utc(), vec![], vec![], vec![]).unwrap();
    let known = BTreeMap::from([("BH".to_owned(), office)]);
    let healed = apply(&first, &Present { hours: known, ..Present::default() }, &Publish::again(now()));
    assert_eq!((healed.written.len(), healed.services.len(), healed.report.services_changed), (1, 1, true));
    assert_eq!(healed.standing.problems().count(), 0);
}

/// The cells a calendar is read from.
fn written(hours: &OfficeHours) -> Cells {
    let range = |opening: &Opening| format!("{}-{}", opening.start_text(), opening.end_text());
    let dated = |entry: &Special| {
        let ranges: Vec<_> = entry.openings.iter().map(range).collect();
        format!("{} {}", entry.dates, if ranges.is_empty() { "CLOSED".to_owned() } else { ranges.join(",") })
    };
    let mut all = cells(&[("_timezone", hours.zone().name())]);
    let mut put = |name: &str, texts: Vec<String>| {
        all.extend(texts.into_iter().enumerate().map(|(place, text)| (format!("{name}{}", place + 1), text)));
    };
    put(
        "_bh_regular",
        hours.regular().iter().map(|entry| format!("{} {}", entry.days, range(&entry.opening))).collect(),
    );
    put("special", hours.special().iter().map(dated).collect());
    put("_bh_add", hours.added().iter().map(dated).collect());
    put("effective", hours.effective().iter().map(Dates::to_string).collect());
    all
}

prop_compose! {
    fn openings()(start in 0..1_440_u16, length in 1..=1_440_u16) -> Opening {
        let text = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let end = if start + length == 1_440 { "24:00".to_owned() } else { text((start + length) % 1_440) };
        Opening::new(&text(start), &end).unwrap()
    }
}

fn dates() -> impl Strategy<Value = Dates> {
    select(vec!["12-25", "2026-12-25", "12-24/01-02", "2026-07-01/2026-07-31", "02-29"])
        .prop_map(|text| text.parse().unwrap())
}

prop_compose! {
    fn office_hours()(
        regular in proptest::collection::vec((1..128_u8, openings()), 0..12),
        special in proptest::collection::vec((dates(), proptest::collection::vec(openings(), 0..3)), 0..4),
        added in proptest::collection::vec((dates(), proptest::collection::vec(openings(), 1..3)), 0..4),
        zone in select(vec!["Europe/Paris", "America/New_York", "Etc/UTC"]),
    ) -> OfficeHours {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let days = |set: u8| -> Days {
            let named: Vec<_> = (0..7).filter(|day| set & (1 << day) != 0).map(|day| names[day]).collect();
            named.join(",").parse().unwrap()
        };
        let regular = regular.into_iter().map(|(set, opening)| Regular { days: days(set), opening }).collect();
        let entries = |list: Vec<(Dates, Vec<Opening>)>| -> Vec<Special> {
            list.into_iter().map(|(dates, openings)| Special { dates, openings }).collect()
        };
        let hours = OfficeHours::new("BH", Zone::named(zone).unwrap(), regular, entries(special), vec![]).unwrap();
        hours.with_added(entries(added))
    }
}

proptest! {
    /// The grammar of integrations 2.14 loses nothing.
    #[test]
    fn reading_a_written_calendar_is_the_identity(hours in office_hours()) {
        prop_assert_eq!(read_hours("BH", &written(&hours)).unwrap(), hours);
    }

    #[test]
    fn garbage_never_panics_and_never_becomes_a_service_without_an_application(
        columns in proptest::collection::btree_map("[ -~]{0,12}|_bh_regular[0-9]{0,12}|_holiday[0-9]|_bh_add1|specialDays|businessHours|ringTimeout|maxQueued",
            ".{0,24}|[A-Z][a-z]{2}-[A-Z][a-z]{2} [0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}(;[0-9]{1,12})?", 0..8),
        kind in select(vec!["callback", "office-hours", "capacity", "special-days", ""]),
        name in "service\\..{0,6}|patterns|.{0,6}",
    ) {
        let _ = read_hours("BH", &columns);
        let _ = read_capacity("C", &columns);
        let _ = read_special_days(&columns);
        let mut section = columns;
        section.insert("_service".into(), kind.into());
        let publish = changes(&[(&name, section)], &[]);
        let decided = apply(&Standing::default(), &Present::default(), &publish);
        prop_assert!(decided.services.is_empty());
        let again = apply(&decided.standing, &Present::default(), &Publish::again(now()));
        prop_assert!(again.written.is_empty(), "looking again at the same changes nothing");
    }
}
