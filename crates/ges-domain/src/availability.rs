//! Availability: which slots a period offers (domain 9.4).

use std::ops::Range;
use std::time::Duration;

use crate::Instant;
use crate::capacity::Usage;
use crate::slots::{Cell, HORIZON, OpenCell, Schedule};

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
    if query.max_slots.is_some_and(|count| !(1..=10_000).contains(&count)) {
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
