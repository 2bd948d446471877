//! Availability: which slots a period offers (domain 9.4).

use std::ops::Range;
use std::time::Duration;

use crate::Instant;
use crate::capacity::Usage;
use crate::slots::{Cell, HORIZON, OpenCell, Schedule};

/// Most slots a caller may ask for.
pub const MOST_SLOTS: u32 = 10_000;

/// The period and the form of an availability query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Start of the period; `None` is now.
    pub from: Option<Instant>,
    /// End of the period.
    pub until: Until,
    /// Stop after so many slots with capacity, 1 to 10 000 (R-AV-8).
    pub max_slots: Option<u32>,
    /// Whether full slots are listed too (R-AV-7).
    pub report_busy: bool,
}

/// How a query names the end of its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Not at all: the slot that holds the start is asked for (R-AV-3).
    SameAsStart,
    /// An instant that still belongs to the period.
    At(Instant),
    /// So many times 24 hours after the start (R-AV-4).
    Days(u32),
}

/// Why a query has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The end is before the start (R-AV-5).
    #[error("the end is before the start")]
    EndBeforeStart,
    /// The number of slots asked for is 0 or above 10 000 (R-AV-8).
    #[error("the number of slots must be 1 to 10000")]
    MaxSlots,
}

/// What a query asks for between now and the horizon; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first instant asked for, not before now.
    pub from: Instant,
    /// The last instant asked for, at most 14 days from now.
    pub until: Instant,
}

impl Span {
    /// The grains to load: the span and every cell and rule slot that reaches into it.
    pub fn usage(&self) -> Range<Instant> {
        // A cell lasts two hours, and two more where clocks go back in double summer time.
        const REACH: Duration = Duration::from_secs(4 * 3_600);
        self.from - REACH..self.until + REACH
    }
}

/// A slot of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferedSlot {
    /// The advertised start (R-SLT-3).
    pub utc: Instant,
    /// How many callbacks it still takes.
    pub capacity: u32,
    /// How many it takes when empty, never 0.
    pub total: u32,
}

/// The part of the query's period that can be offered at `now`, or `None` when nothing of it can (R-AV-3 to R-AV-5).
///
/// # Errors
/// [`QueryError`] when the query contradicts itself.
pub fn span(query: &Query, now: Instant) -> Result<Option<Span>, QueryError> {
    if query.max_slots.is_some_and(|count| !(1..=MOST_SLOTS).contains(&count)) {
        return Err(QueryError::MaxSlots);
    }
    let from = query.from.unwrap_or(now);
    let until = match query.until {
        Until::SameAsStart => from,
        Until::At(until) => until,
        Until::Days(days) => from + Duration::from_secs(u64::from(days) * 86_400),
    };
    if until < from {
        return Err(QueryError::EndBeforeStart);
    }
    let span = Span { from: from.max(now), until: until.min(now + HORIZON) };
    Ok((span.from <= span.until).then_some(span))
}

/// The slots that `query` is offered at `now`, ascending (R-AV-3 to R-AV-10, P-7).
///
/// `usage` covers [`Span::usage`] of the query's [`span`]; `scheduled_enabled` is the service's switch for scheduled
/// callbacks (R-AV-9).
///
/// # Errors
/// [`QueryError`] when the query contradicts itself.
pub fn offer(
    schedule: &Schedule,
    usage: &Usage,
    query: &Query,
    now: Instant,
    scheduled_enabled: bool,
) -> Result<Vec<OfferedSlot>, QueryError> {
    let Some(span) = span(query, now)?.filter(|_| scheduled_enabled) else { return Ok(Vec::new()) };
    let offsets = schedule.offsets(span.from, span.until);
    let open_cells = schedule.open_cells_with(&offsets, span.from, span.until + Duration::from_millis(1));
    let mut limits_of = schedule.limit_reader(&offsets);
    let mut used_shared = (Cell { from: now, until: now }, 0);
    let mut slots = Vec::new();
    let mut free_slots = 0;
    for open in open_cells {
        let Some(utc) = advertised(schedule, &open, now).filter(|start| *start <= now + HORIZON) else { continue };
        let limits = limits_of.limits(&open.cell);
        if let Some(shared) = limits.shared {
            // Cells of one rule slot are neighbours, so its sum is taken once.
            let rule_slot = Cell { from: shared.from, until: shared.until };
            if used_shared.0 != rule_slot {
                used_shared = (rule_slot, usage.used(rule_slot.from, rule_slot.until));
            }
        }
        let used = usage.used(open.cell.from, open.cell.until);
        let capacity = crate::capacity::remaining(&limits, used, used_shared.1);
        if limits.cell_limit > 0 && (capacity > 0 || query.report_busy) {
            slots.push(OfferedSlot { utc, capacity, total: limits.cell_limit });
        }
        free_slots += u32::from(capacity > 0);
        if query.max_slots == Some(free_slots) {
            break;
        }
    }
    Ok(slots)
}

/// The start under which a cell is offered at `now`, or `None` when it cannot be booked any more.
///
/// A start that is past is booked as now (R-TYP-4), so the running cell is offered by it only while the office is open;
/// in a pause the next opening in the cell is offered instead (R-AV-10).
fn advertised(schedule: &Schedule, open: &OpenCell, now: Instant) -> Option<Instant> {
    if open.start >= now {
        return Some(open.start);
    }
    let rest = schedule.hours.open_windows(now, open.until);
    let next = rest.first()?.from;
    Some(if next == now { open.start } else { next })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::capacity::{Calendar, CapacityRule, RuleSlot};
    use crate::hours::samples::{any_hours, at, kept, seconds_of, weekdays_nine_to_five};
    use crate::slots::SlotLength;

    const NOW: &str = "2026-06-01T15:10:00Z";

    fn office() -> Schedule {
        Schedule {
            hours: weekdays_nine_to_five(),
            slot: SlotLength::from_minutes(30).unwrap(),
            max_per_slot: 2,
            rule: None,
        }
    }

    fn query(from: Option<&str>, until: Until) -> Query {
        Query { from: from.map(at), until, max_slots: None, report_busy: false }
    }

    /// `MM-ddTHH:mm capacity/total` of every slot.
    fn offered(usage: &Usage, query: &Query) -> Vec<String> {
        let slots = offer(&office(), usage, query, at(NOW), true).unwrap();
        let text = |slot: &OfferedSlot| format!("{} {}/{}", &slot.utc.to_string()[5..16], slot.capacity, slot.total);
        slots.iter().map(text).collect()
    }

    /// R-AV-3, R-AV-4, R-AV-6, R-AV-7, R-AV-8.
    #[test]
    fn ex_c_slots_of_a_period() {
        let free = Usage::default();
        let full: Usage = [(at("2026-06-01T16:00:00Z"), 1), (at("2026-06-01T16:25:00Z"), 1)].into_iter().collect();
        let nine = Until::At(at("2026-06-01T21:00:00Z"));
        let half_past_three = Some("2026-06-01T15:30:00Z");
        let c3 = query(half_past_three, nine);
        assert_eq!(offered(&free, &query(Some("2026-06-01T18:00:00Z"), Until::SameAsStart)), ["06-01T18:00 2/2"], "C1");
        assert_eq!(offered(&free, &query(None, Until::SameAsStart)), ["06-01T15:00 2/2"], "C2");
        let today = offered(&free, &c3);
        assert_eq!(
            (today.len(), today[0].as_str(), today[10].as_str()),
            (11, "06-01T15:30 2/2", "06-01T20:30 2/2"),
            "C3"
        );
        let from_now = offered(&free, &query(None, nine));
        assert_eq!((from_now.len(), from_now[0].as_str()), (12, "06-01T15:00 2/2"), "C4");
        let day = offered(&free, &query(half_past_three, Until::Days(1)));
        assert_eq!(day.len(), 17, "C5");
        assert_eq!((day[11].as_str(), day[16].as_str()), ("06-02T13:00 2/2", "06-02T15:30 2/2"), "C5");
        let without = offered(&full, &c3);
        assert_eq!((without.len(), without[1].as_str()), (10, "06-01T16:30 2/2"), "C6");
        let c7 = Query { report_busy: true, ..c3 };
        let busy = offered(&full, &c7);
        assert_eq!((busy.len(), busy[1].as_str()), (11, "06-01T16:00 0/2"), "C7");
        assert_eq!(
            offered(&full, &Query { max_slots: Some(3), ..c7 }),
            ["06-01T15:30 2/2", "06-01T16:00 0/2", "06-01T16:30 2/2", "06-01T17:00 2/2"],
            "C8"
        );
        assert!(offered(&free, &query(Some("2026-06-20T13:00:00Z"), Until::SameAsStart)).is_empty(), "C9");
        let c13 = query(Some("2026-06-01T18:10:00Z"), Until::SameAsStart);
        assert_eq!(offered(&free, &c13), ["06-01T18:00 2/2"], "C13");
        let past = query(Some("2026-06-01T14:00:00Z"), Until::At(at("2026-06-01T15:00:00Z")));
        assert!(offered(&free, &past).is_empty(), "R-AV-5: nothing in the past");
    }

    /// R-AV-5, R-AV-8, R-AV-9.
    #[test]
    fn ex_c_refusals() {
        let now = at(NOW);
        let backwards = query(Some("2026-06-01T18:00:00Z"), Until::At(at("2026-06-01T17:59:59.999Z")));
        assert_eq!(span(&backwards, now), Err(QueryError::EndBeforeStart), "C10");
        assert_eq!(offer(&office(), &Usage::default(), &backwards, now, true), Err(QueryError::EndBeforeStart), "C10");
        assert_eq!(offer(&office(), &Usage::default(), &backwards, now, false), Err(QueryError::EndBeforeStart));
        let c12 = query(None, Until::Days(3));
        assert_eq!(offer(&office(), &Usage::default(), &c12, now, false), Ok(vec![]), "C12");
        for (count, fits) in [(0, false), (1, true), (10_000, true), (10_001, false)] {
            let query = Query { max_slots: Some(count), ..c12.clone() };
            assert_eq!(span(&query, now).is_ok(), fits, "{count}");
        }
    }

    #[test]
    fn spans_lie_between_now_and_the_horizon() {
        let now = at(NOW);
        let last = now + HORIZON;
        for (query, expected) in [
            (query(None, Until::SameAsStart), Some(Span { from: now, until: now })),
            (query(Some("2026-05-01T00:00:00Z"), Until::Days(10_000)), Some(Span { from: now, until: last })),
            (query(None, Until::Days(u32::MAX)), Some(Span { from: now, until: last })),
            (query(Some("2026-06-15T15:10:00Z"), Until::SameAsStart), Some(Span { from: last, until: last })),
            (query(Some("2026-06-15T15:10:00.001Z"), Until::SameAsStart), None),
            (query(Some("2026-06-01T15:00:00Z"), Until::SameAsStart), None),
        ] {
            assert_eq!(span(&query, now), Ok(expected), "{query:?}");
        }
    }

    #[test]
    fn cells_without_capacity_are_never_listed() {
        let empty = Schedule { max_per_slot: 0, ..office() };
        let busy = Query { report_busy: true, ..query(None, Until::Days(1)) };
        assert_eq!(offer(&empty, &Usage::default(), &busy, at(NOW), true), Ok(vec![]), "R-AV-7");
        let rule = CapacityRule::new("zero", Calendar::empty(RuleSlot::Hour)).unwrap();
        let ruled = Schedule { rule: Some(rule), slot: SlotLength::from_minutes(5).unwrap(), ..office() };
        assert_eq!(offer(&ruled, &Usage::default(), &busy, at(NOW), true), Ok(vec![]), "F6");
    }

    #[test]
    fn the_running_cell_is_offered_only_while_it_can_be_booked() {
        let slot = SlotLength::from_minutes(120).unwrap();
        let hours = kept("UTC", &["Mon 08:15-08:20", "Mon 09:30-09:40"]);
        let schedule = Schedule { hours, slot, max_per_slot: 1, rule: None };
        for (now, expected) in [
            ("2026-06-01T08:00:00Z", Some("2026-06-01T08:15:00Z")),
            ("2026-06-01T08:17:00Z", Some("2026-06-01T08:15:00Z")),
            ("2026-06-01T08:20:00Z", Some("2026-06-01T09:30:00Z")),
            ("2026-06-01T09:39:59Z", Some("2026-06-01T08:15:00Z")),
            ("2026-06-01T09:40:00Z", None),
        ] {
            let slots = offer(&schedule, &Usage::default(), &query(None, Until::SameAsStart), at(now), true).unwrap();
            assert_eq!(slots.first().map(|slot| slot.utc), expected.map(at), "at {now}");
        }
    }

    #[test]
    fn a_shared_limit_is_counted_once_per_rule_slot() {
        let day = crate::capacity::Pairs(vec![("1600".into(), crate::capacity::Amount::Integer(6))]);
        let calendar = Calendar::empty(RuleSlot::Hour).with_day(0, &day).unwrap();
        let schedule = Schedule {
            hours: kept("UTC", &["Mon 09:00-18:00"]),
            slot: SlotLength::default(),
            max_per_slot: 1,
            rule: Some(CapacityRule::new("r", calendar).unwrap()),
        };
        let usage: Usage = [("16:00", 2), ("16:15", 2), ("16:30", 1)]
            .into_iter()
            .map(|(time, count)| (at(&format!("2026-06-01T{time}:00Z")), count))
            .collect();
        let query = Query { report_busy: true, ..query(None, Until::Days(1)) };
        let slots = offer(&schedule, &usage, &query, at(NOW), true).unwrap();
        let found: Vec<_> = slots.iter().map(|slot| (slot.capacity, slot.total)).collect();
        assert_eq!(found, [(0, 2), (0, 2), (1, 2), (1, 2)], "one place is left in the hour, for either later cell");
    }

    proptest! {
        /// P-7 and R-AV-10: a listed cell overlaps the range, ends after now, is open, and can be booked when it has capacity.
        #[test]
        fn p_7_listed_cells_are_open_and_bookable(
            hours in any_hours(),
            slot in select(SlotLength::ALL.to_vec()),
            now in seconds_of(2025, 2028),
            start_minutes in -3_000..25_000_i64,
            length_minutes in 0..25_000_i64,
            report_busy in any::<bool>(),
            max_slots in proptest::option::of(1..50_u32),
            booked in proptest::collection::vec((0..20_160_u64, 1..4_u32), 0..60),
        ) {
            let schedule = Schedule { hours, slot, max_per_slot: 3, rule: None };
            let shift = |minutes: i64| Instant::from_millis(now.millis() + minutes * 60_000);
            let (from, until) = (shift(start_minutes), shift(start_minutes + length_minutes));
            let query = Query { from: Some(from), until: Until::At(until), max_slots, report_busy };
            let usage: Usage =
                booked.into_iter().map(|(minute, count)| (now + Duration::from_secs(minute * 60), count)).collect();
            let slots = offer(&schedule, &usage, &query, now, true).unwrap();
            prop_assert!(slots.windows(2).all(|pair| pair[0].utc < pair[1].utc), "ascending and distinct");
            for offered in &slots {
                let cell = schedule.cell_at(offered.utc);
                prop_assert!(cell.from <= until && cell.until > from, "overlaps the range");
                prop_assert!(cell.until > now && offered.utc <= now + HORIZON, "can still be booked");
                prop_assert!(schedule.hours.is_open(offered.utc), "is open");
                prop_assert!(offered.capacity <= offered.total && offered.total == 3);
                prop_assert_eq!(offered.capacity, schedule.remaining(&cell, &usage));
                prop_assert!(report_busy || offered.capacity > 0);
                // A past start is booked as now (R-TYP-4); it lies in the running cell.
                let booked = schedule.check_booking(offered.utc.max(now), now, Some(Duration::ZERO));
                prop_assert_eq!(booked.map(|booking| booking.cell), Ok(cell), "R-AV-10");
            }
            let free = slots.iter().filter(|slot| slot.capacity > 0).count();
            prop_assert!(max_slots.is_none_or(|most| free <= most as usize));
        }
    }
}
