//! Proposals: the slots offered together with a refusal (domain 9.6).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Instant;
use crate::availability::Span;
use crate::capacity::Usage;
use crate::slots::{Cell, HORIZON, NEAR_NOW, OpenCell, Schedule};

/// Most proposals on one side of the wanted time, unless the other side has fewer (R-PRP-3).
const EACH_SIDE: usize = 5;

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
