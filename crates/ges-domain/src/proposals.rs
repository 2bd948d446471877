//! Proposals: the slots offered together with a refusal (domain 9.6).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Instant;
use crate::availability::Span;
use crate::capacity::Usage;
use crate::slots::{Cell, HORIZON, NEAR_NOW, OpenCell, Schedule};

/// Most proposals on one side of the wanted time, unless the other side has fewer (R-PRP-3).
const EACH_SIDE: usize = 5;
/// Most proposals of one refusal.
pub const MOST: usize = 2 * EACH_SIDE;

/// Where proposals are looked for at `now`; [`Span::usage`] of it tells which grains to load.
pub fn span(now: Instant) -> Span {
    Span { from: now + NEAR_NOW, until: now + HORIZON }
}

/// The nearest bookable slots around `wanted`: UTC start and remaining capacity, at most ten (R-PRP-1 to R-PRP-4, P-6).
///
/// `usage` covers [`Span::usage`] of [`span`]. `refused` is the cell that was just refused, when there is one. `forecast` is
/// the estimated wait of a request with `alwaysCheckCapacity` (zero when unknown), `None` without it.
pub fn propose(
    schedule: &Schedule,
    usage: &Usage,
    wanted: Instant,
    now: Instant,
    refused: Option<&Cell>,
    forecast: Option<Duration>,
) -> BTreeMap<Instant, u32> {
    let span = span(now);
    let offsets = schedule.offsets(span.from, span.until);
    let cells = schedule.open_cells_with(&offsets, span.from, span.until + Duration::from_millis(1));
    let mut limits_of = schedule.limit_reader(&offsets);
    let mut candidate = |open: &OpenCell| -> Option<(Instant, u32)> {
        let soon_enough = forecast.is_none_or(|wait| now + wait < open.cell.until);
        if open.start <= span.from || open.start > span.until || refused == Some(&open.cell) || !soon_enough {
            return None;
        }
        let remaining = usage.remaining(&open.cell, &limits_of.limits(&open.cell));
        (remaining > 0).then_some((open.start, remaining))
    };
    let (before, after) = cells.split_at(cells.partition_point(|open| open.start < wanted));
    let after: Vec<_> = after.iter().filter_map(&mut candidate).take(2 * EACH_SIDE).collect();
    let before: Vec<_> = before.iter().rev().filter_map(&mut candidate).take(2 * EACH_SIDE).collect();
    let from_after = after.len().min(2 * EACH_SIDE - before.len().min(EACH_SIDE));
    let from_before = before.len().min(2 * EACH_SIDE - from_after);
    before.into_iter().take(from_before).chain(after.into_iter().take(from_after)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::hours::Hours;
    use crate::hours::samples::{any_hours, at, seconds_of, weekdays_nine_to_five};
    use crate::slots::SlotLength;

    fn office() -> Schedule {
        Schedule {
            hours: weekdays_nine_to_five(),
            slot: SlotLength::from_minutes(30).unwrap(),
            max_per_slot: 1,
            rule: None,
        }
    }

    fn starts(found: &BTreeMap<Instant, u32>) -> Vec<String> {
        found.keys().map(|start| start.to_string()[5..16].to_owned()).collect()
    }

    /// R-PRP-1 to R-PRP-3.
    #[test]
    fn ex_e_proposals() {
        for (row, now, wanted, full, expected) in [
            (
                "E1",
                "2026-06-01T15:10:00Z",
                "2026-06-01T20:30:00Z",
                true,
                "06-01T18:00 06-01T18:30 06-01T19:00 06-01T19:30 06-01T20:00 \
                 06-02T13:00 06-02T13:30 06-02T14:00 06-02T14:30 06-02T15:00",
            ),
            (
                "E2",
                "2026-06-01T15:10:00Z",
                "2026-06-06T15:00:00Z",
                false,
                "06-05T18:30 06-05T19:00 06-05T19:30 06-05T20:00 06-05T20:30 \
                 06-08T13:00 06-08T13:30 06-08T14:00 06-08T14:30 06-08T15:00",
            ),
            (
                "E3",
                "2026-06-01T20:40:00Z",
                "2026-06-01T20:45:00Z",
                true,
                "06-02T13:00 06-02T13:30 06-02T14:00 06-02T14:30 06-02T15:00 \
                 06-02T15:30 06-02T16:00 06-02T16:30 06-02T17:00 06-02T17:30",
            ),
            (
                "E4",
                "2026-06-01T20:35:00Z",
                "2026-06-15T20:30:00Z",
                true,
                "06-15T15:30 06-15T16:00 06-15T16:30 06-15T17:00 06-15T17:30 \
                 06-15T18:00 06-15T18:30 06-15T19:00 06-15T19:30 06-15T20:00",
            ),
            (
                "D4",
                "2026-06-01T15:10:00Z",
                "2026-06-01T20:45:00Z",
                true,
                "06-01T18:00 06-01T18:30 06-01T19:00 06-01T19:30 06-01T20:00 \
                 06-02T13:00 06-02T13:30 06-02T14:00 06-02T14:30 06-02T15:00",
            ),
            (
                "D15",
                "2026-06-01T12:00:00Z",
                "2026-06-01T12:00:00Z",
                false,
                "06-01T13:00 06-01T13:30 06-01T14:00 06-01T14:30 06-01T15:00 \
                 06-01T15:30 06-01T16:00 06-01T16:30 06-01T17:00 06-01T17:30",
            ),
        ] {
            let schedule = office();
            let (now, wanted) = (at(now), at(wanted));
            let usage: Usage = full.then_some((wanted, 1)).into_iter().collect();
            let refused = full.then(|| schedule.cell_at(wanted));
            let found = propose(&schedule, &usage, wanted, now, refused.as_ref(), None);
            assert_eq!(starts(&found), expected.split_whitespace().collect::<Vec<_>>(), "{row}");
            assert!(found.values().all(|remaining| *remaining == 1), "{row}");
            let without_knowing = propose(&schedule, &usage, wanted, now, None, None);
            assert_eq!(found, without_knowing, "{row}: a full cell is no candidate anyway");
        }
    }

    #[test]
    fn a_forecast_leaves_out_the_slots_that_the_wait_overtakes() {
        // D12: at 15:10 with 80 minutes to wait, 16:00-16:30 is refused and the earlier ones are too.
        let (now, wanted) = (at("2026-06-01T15:10:00Z"), at("2026-06-01T16:00:00Z"));
        let refused = office().cell_at(wanted);
        let wait = Duration::from_secs(4_800);
        let found = propose(&office(), &Usage::default(), wanted, now, Some(&refused), Some(wait));
        assert_eq!((found.len(), starts(&found)[0].as_str()), (10, "06-01T16:30"));
        let unflagged = propose(&office(), &Usage::default(), wanted, now, Some(&refused), None);
        assert_eq!(starts(&unflagged)[0], "06-01T15:30");
    }

    /// R-PRP-2.
    #[test]
    fn a_slot_that_starts_within_two_minutes_is_no_proposal() {
        let wanted = at("2026-06-01T12:00:00Z");
        for (now, first) in [("2026-06-01T13:27:59.999Z", "06-01T13:30"), ("2026-06-01T13:28:00Z", "06-01T14:00")] {
            assert_eq!(
                starts(&propose(&office(), &Usage::default(), wanted, at(now), None, None))[0],
                first,
                "at {now}"
            );
        }
    }

    #[test]
    fn nothing_bookable_means_no_proposals() {
        let now = at("2026-06-01T15:10:00Z");
        for schedule in [Schedule { hours: Hours::Unreadable, ..office() }, Schedule { max_per_slot: 0, ..office() }] {
            assert!(propose(&schedule, &Usage::default(), now, now, None, None).is_empty(), "R-PRP-4");
        }
    }

    proptest! {
        /// P-6: proposals are bookable, at most ten, inside the horizon, nearest first on each side, never the refused cell.
        #[test]
        fn p_6_proposals_are_bookable_and_nearest(
            hours in any_hours(),
            slot in select(SlotLength::ALL.to_vec()),
            now in seconds_of(2025, 2028),
            wanted_minute in 0..20_160_u64,
            forecast in proptest::option::of((0..86_400_u64).prop_map(Duration::from_secs)),
            booked in proptest::collection::vec((0..20_160_u64, 1..4_u32), 0..60),
            crowded in any::<bool>(),
        ) {
            let schedule = Schedule { hours, slot, max_per_slot: 2, rule: None };
            let wanted = now + Duration::from_secs(wanted_minute * 60);
            // Around the wanted time when crowded, else anywhere.
            let place = |minute: u64| if crowded { wanted_minute + minute % 300 } else { minute };
            let usage: Usage = booked
                .into_iter()
                .map(|(minute, count)| (now + Duration::from_secs(place(minute) * 60), count))
                .collect();
            let refused = schedule.cell_at(wanted);
            let found = propose(&schedule, &usage, wanted, now, Some(&refused), forecast);
            prop_assert!(found.len() <= 10);
            for (start, remaining) in &found {
                prop_assert!(*start > now + NEAR_NOW && *start <= now + HORIZON);
                let booking = schedule.check_booking(*start, now, forecast);
                prop_assert!(booking.is_ok(), "{start}: {booking:?}");
                let cell = schedule.cell_at(*start);
                prop_assert_ne!(cell, refused);
                prop_assert_eq!(schedule.remaining(&cell, &usage), *remaining);
                prop_assert!(*remaining > 0);
            }
            // R-PRP-3 against a plain reading: every candidate, split at the wanted time.
            let every: Vec<Instant> = schedule
                .open_cells(now, now + HORIZON + Duration::from_millis(1))
                .into_iter()
                .filter(|open| open.start > now + NEAR_NOW && open.start <= now + HORIZON && open.cell != refused)
                .filter(|open| schedule.remaining(&open.cell, &usage) > 0)
                .filter(|open| forecast.is_none_or(|wait| now + wait < open.cell.until))
                .map(|open| open.start)
                .collect();
            let (before, after): (Vec<_>, Vec<_>) = every.into_iter().partition(|start| *start < wanted);
            let expected = match (before.len(), after.len()) {
                (5.., 5..) => (5, 5),
                (few @ 0..5, many) => (few, many.min(10 - few)),
                (many, few) => (many.min(10 - few), few),
            };
            let kept: Vec<_> = before[before.len() - expected.0..].iter().chain(&after[..expected.1]).copied().collect();
            prop_assert_eq!(found.into_keys().collect::<Vec<_>>(), kept);
        }
    }
}
