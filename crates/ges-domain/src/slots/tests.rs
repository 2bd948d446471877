//! EX-B, rows of EX-D that capacity and office decide, and P-1.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;

use super::{BookingRefusal, Cell, Grid, OpenCell, Schedule, SlotLength};
use crate::Instant;
use crate::capacity::{Limits, Usage};
use crate::hours::samples::{NEW_YORK, any_hours, at, kept, seconds_of, weekdays_nine_to_five, zone};
use crate::hours::{Hours, Zone};

fn length(minutes: u32) -> SlotLength {
    SlotLength::from_minutes(minutes).unwrap()
}

fn schedule(hours: Hours, minutes: u32) -> Schedule {
    Schedule { hours, slot: length(minutes), max_per_slot: 1, rule: None }
}

fn starts(cells: &[OpenCell]) -> Vec<String> {
    cells.iter().map(|open| open.start.to_string()[11..16].to_owned()).collect()
}

fn cell(from: &str, until: &str) -> Cell {
    Cell { from: at(from), until: at(until) }
}

/// R-SLT-1, R-SLT-3.
#[test]
fn ex_b_open_cells() {
    let office = weekdays_nine_to_five;
    let day = |minutes, hours: Hours, from: &str, until: &str| schedule(hours, minutes).open_cells(at(from), at(until));
    let b1 = day(30, office(), "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    assert_eq!(b1.len(), 16, "B1");
    assert_eq!((b1[0].start, b1[15].start), (at("2026-06-01T13:00:00Z"), at("2026-06-01T20:30:00Z")), "B1");
    assert_eq!(day(15, office(), "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z").len(), 32, "B2");
    assert_eq!(day(60, office(), "2026-06-01T04:00:00Z", "2026-06-08T04:00:00Z").len(), 40, "B3");
    let b4 = day(15, kept(NEW_YORK, &["Mon 09:07-10:00"]), "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    assert_eq!(starts(&b4), ["13:07", "13:15", "13:30", "13:45"], "B4");
    assert_eq!(b4[0].cell, cell("2026-06-01T13:00:00Z", "2026-06-01T13:15:00Z"), "B4");
    assert_eq!(b4[0].until.since(b4[0].start), Duration::from_secs(8 * 60), "B4");
    let b5 = day(30, kept("Asia/Kathmandu", &["Mon-Sun 09:00-10:00"]), "2026-06-01T00:00:00Z", "2026-06-01T12:00:00Z");
    assert_eq!(starts(&b5), ["03:15", "03:45"], "B5");
}

/// R-SLT-1, R-SLT-2, R-DST-3; R-SLT-5.
#[test]
fn ex_b_cells_of_change_days() {
    for (row, name, minutes, from, until, count, sample) in [
        ("B6", NEW_YORK, 60, "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", 23, (1, "06:00", 60)),
        ("B6", NEW_YORK, 60, "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", 23, (2, "07:00", 60)),
        ("B7", NEW_YORK, 60, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", 25, (1, "05:00", 60)),
        ("B7", NEW_YORK, 60, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", 25, (2, "06:00", 60)),
        ("B8", NEW_YORK, 120, "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", 12, (1, "07:00", 60)),
        ("B9", NEW_YORK, 120, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", 12, (0, "04:00", 180)),
        ("B10", "Australia/Lord_Howe", 30, "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z", 49, (3, "14:30", 30)),
    ] {
        let cells: Vec<_> = Grid::new(&zone(name), length(minutes)).cells(at(from), at(until)).collect();
        assert_eq!(cells.len(), count, "{row}");
        assert_eq!(cells[0].from, at(from), "{row}");
        assert_eq!(cells[count - 1].until, at(until), "{row}");
        let (place, start, real_minutes) = sample;
        let cell = cells[place];
        assert_eq!(&cell.from.to_string()[11..16], start, "{row}");
        assert_eq!(cell.until.since(cell.from), Duration::from_secs(real_minutes * 60), "{row}");
        let open = schedule(kept(name, &["Mon-Sun 00:00-24:00"]), minutes).open_cells(at(from), at(until));
        assert_eq!(open.iter().map(|open| open.cell).collect::<Vec<_>>(), cells, "{row}: open all day");
    }
}

#[test]
fn a_cell_open_in_two_pieces_is_advertised_by_the_first() {
    let hours = kept("UTC", &["Mon 08:15-08:20", "Mon 09:30-09:40"]);
    let open = schedule(hours, 120).open_cells(at("2026-06-01T09:00:00Z"), at("2026-06-01T09:01:00Z"));
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].cell, cell("2026-06-01T08:00:00Z", "2026-06-01T10:00:00Z"));
    assert_eq!((open[0].start, open[0].until), (at("2026-06-01T08:15:00Z"), at("2026-06-01T09:40:00Z")));
}

/// R-SLT-4, R-BK-1, R-BK-3.
#[test]
fn ex_d_office_and_capacity() {
    let schedule = schedule(weekdays_nine_to_five(), 30);
    let now = at("2026-06-01T15:10:00Z");
    let seconds = Duration::from_secs;
    let half_past = cell("2026-06-01T20:30:00Z", "2026-06-01T21:00:00Z");
    for (row, desired, forecast, expected) in [
        ("D1", "2026-06-01T20:30:00Z", None, Ok(half_past)),
        ("D2", "2026-06-01T20:59:59.999Z", None, Ok(half_past)),
        ("D3", "2026-06-01T21:00:00Z", None, Err(BookingRefusal::OfficeClosed)),
        ("D5", "2026-06-15T15:10:00Z", None, Ok(cell("2026-06-15T15:00:00Z", "2026-06-15T15:30:00Z"))),
        ("D11", "2026-06-01T15:11:00Z", Some(seconds(0)), Ok(cell("2026-06-01T15:00:00Z", "2026-06-01T15:30:00Z"))),
        (
            "D12",
            "2026-06-01T16:00:00Z",
            Some(seconds(4_800)),
            Err(BookingRefusal::SlotUnavailable { cell: cell("2026-06-01T16:00:00Z", "2026-06-01T16:30:00Z") }),
        ),
        ("D13", "2026-06-01T16:00:00Z", Some(seconds(4_799)), Ok(cell("2026-06-01T16:00:00Z", "2026-06-01T16:30:00Z"))),
        ("before opening", "2026-06-02T12:59:59.999Z", None, Err(BookingRefusal::OfficeClosed)),
    ] {
        let booking = schedule.check_booking(at(desired), now, forecast);
        assert_eq!(booking.map(|booking| booking.cell), expected, "{row}");
        if let Ok(booking) = booking {
            assert_eq!(booking.limits, Limits { cell_limit: 1, shared: None }, "{row}");
        }
    }
    // D4: the cell is known and full.
    let full: Usage = [(at("2026-06-01T20:35:00Z"), 1)].into_iter().collect();
    let booking = schedule.check_booking(at("2026-06-01T20:45:00Z"), now, None).unwrap();
    assert_eq!(full.remaining(&booking.cell, &booking.limits), 0, "D4");
    assert_eq!(schedule.remaining(&booking.cell, &full), 0, "D4");
    assert_eq!(schedule.remaining(&booking.cell, &Usage::default()), 1, "D1");
}

/// R-CRE-4, R-CRE-5; R-QS-3, its forecast of closing.
#[test]
fn ex_d_immediate() {
    let schedule = schedule(weekdays_nine_to_five(), 30);
    for (row, now, wait, open) in [
        ("D15", "2026-06-01T12:00:00Z", 0, false),
        ("D16", "2026-06-01T20:50:00Z", 599, true),
        ("D17", "2026-06-01T20:50:00Z", 600, false),
    ] {
        assert_eq!(schedule.immediate_open(at(now), Duration::from_secs(wait)), open, "{row}");
    }
    let always = Schedule { hours: Hours::Always, ..schedule.clone() };
    assert!(always.immediate_open(at("2026-06-06T12:00:00Z"), Duration::from_secs(86_400)), "R-BH-7");
    let broken = Schedule { hours: Hours::Unreadable, ..schedule };
    assert!(!broken.immediate_open(at("2026-06-01T15:00:00Z"), Duration::ZERO), "R-BH-8");
}

#[test]
fn slot_lengths_are_the_seven_of_the_table() {
    assert_eq!(SlotLength::default().minutes(), 15);
    for minutes in 0..200 {
        let known = [5, 10, 15, 20, 30, 60, 120].contains(&minutes);
        assert_eq!(serde_json::from_str::<SlotLength>(&minutes.to_string()).is_ok(), known, "{minutes}");
    }
    assert_eq!(serde_json::to_string(&length(20)).unwrap(), "20");
}

#[test]
fn ends_of_time_have_cells() {
    for instant in [Instant::from_millis(i64::MIN), Instant::from_millis(i64::MAX), at("9999-12-31T23:59:59Z")] {
        let grid = Grid::new(&zone(NEW_YORK), length(60));
        assert!(grid.cell_at(instant).from < grid.cell_at(instant).until);
        assert!(grid.cells(instant, instant + Duration::from_secs(7_200)).count() <= 3);
        let _ = schedule(weekdays_nine_to_five(), 60).check_booking(instant, instant, None);
    }
}

/// Whether wall clocks show a whole multiple of the slot length at `at`.
fn on_the_grid(zone: &Zone, at: Instant, minutes: u32) -> bool {
    let wall = zone.civil(at).unwrap().time();
    (u32::from(wall.hour()) * 60 + u32::from(wall.minute())).is_multiple_of(minutes) && wall.second() == 0
}

fn any_zone() -> impl Strategy<Value = Zone> {
    select(Zone::names()).prop_filter_map("the placeholder is no zone", |name| Zone::named(&name))
}

proptest! {
    /// P-1: cells are ordered, gap-free, not empty, and a look-up agrees with the walk, in any zone and year.
    #[test]
    fn p_1_every_instant_is_in_exactly_one_cell(
        zone in any_zone(), start in seconds_of(1845, 2100), minutes in select(SlotLength::ALL.to_vec()), span in 0..400_000_u64,
    ) {
        let grid = Grid::new(&zone, minutes);
        let until = start + Duration::from_secs(span);
        let cells: Vec<_> = grid.cells(start, until).collect();
        if span > 0 {
            prop_assert!(cells[0].contains(start));
            let last = cells[cells.len() - 1];
            prop_assert!(last.from < until && until <= last.until);
        }
        prop_assert!(cells.iter().all(|cell| cell.from < cell.until));
        prop_assert!(cells.windows(2).all(|pair| pair[0].until == pair[1].from));
        for cell in cells.iter().take(20) {
            prop_assert_eq!(grid.cell_at(cell.from), *cell);
            prop_assert_eq!(grid.cell_at(cell.until - Duration::from_millis(1)), *cell);
        }
    }

    /// R-SLT-1: inside a cell no clock shows a boundary; at its start one does, or a gap that skips one ends there.
    #[test]
    fn p_1_cells_begin_where_clocks_show_or_skip_a_boundary(
        zone in any_zone(), start in seconds_of(1973, 2100), length in select(SlotLength::ALL.to_vec()),
    ) {
        let cell = Grid::new(&zone, length).cell_at(start);
        let minute = Duration::from_secs(60);
        if !on_the_grid(&zone, cell.from, length.minutes()) {
            let jump = zone.local_offset(cell.from) - zone.local_offset(cell.from - minute);
            prop_assert!(jump > 0, "a boundary off the grid ends a gap");
            let skipped = (0..jump / 60).any(|minutes| {
                let before = zone.civil(cell.from - minute).unwrap() + minute + minute * u32::try_from(minutes).unwrap();
                (u32::from(before.hour()) * 60 + u32::from(before.minute())).is_multiple_of(length.minutes())
            });
            prop_assert!(skipped, "the gap skips a boundary");
        }
        let mut inside = cell.from + minute;
        while inside < cell.until {
            prop_assert!(!on_the_grid(&zone, inside, length.minutes()), "{inside} is a boundary inside {cell:?}");
            inside = inside + minute;
        }
    }

    /// R-SLT-3: the walk over windows finds the cells that a look at each cell finds.
    #[test]
    fn open_cells_are_those_that_overlap_the_windows(
        hours in any_hours(), start in seconds_of(2025, 2028), length in select(SlotLength::ALL.to_vec()),
    ) {
        let until = start + Duration::from_secs(3 * 86_400);
        let grid = Grid::new(hours.zone(), length);
        let expected: Vec<_> = grid.cells(start, until).filter_map(|cell| {
            let open = hours.open_windows(cell.from, cell.until);
            let total: Duration = open.iter().map(|window| window.length()).sum();
            (total >= Duration::from_secs(60))
                .then(|| OpenCell { cell, start: open[0].from, until: open[open.len() - 1].until })
        }).collect();
        let schedule = Schedule { hours, slot: length, max_per_slot: 1, rule: None };
        prop_assert_eq!(schedule.open_cells(start, until), expected);
    }
}
