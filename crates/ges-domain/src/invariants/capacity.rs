//! I3: booked places.

use std::collections::HashMap;

use super::handover::STAMP_SLACK_MS;
use super::{Evidence, Invariant, Story, Violation};
use crate::Instant;
use crate::callback::{Callback, Change, fold};

/// I3: at every commit, as far as timelines tell their order, no cell held more than its limit.
///
/// A place counts as taken once the booking was answered: the record's own time is read before it is written. One that was
/// never answered counts in the end. Within the slack of clocks places are given back before they are taken.
pub(super) fn capacity(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    let answered: HashMap<_, _> = evidence.acknowledged.iter().map(|create| (create.id, create.answered_at)).collect();
    let taken = |record: &Callback, given_back: bool| match answered.get(&record.id) {
        Some(at) => at.millis(),
        None if given_back || answered.is_empty() => record.created_at.millis(),
        None => i64::MAX,
    };
    let mut services: HashMap<_, Vec<(&Story, Vec<Stand>)>> = HashMap::new();
    for story in &evidence.stories {
        let stands = stands(story);
        if stands.iter().any(|stand| stand.place.is_some()) {
            services.entry((story.record.tenant, &story.record.service)).or_default().push((story, stands));
        }
    }
    for cell in &evidence.cells {
        let mut steps: Vec<(i64, i32)> = Vec::new();
        let here = |stand: &Stand| stand.place.is_some_and(|at| cell.cell.contains(at));
        for (story, stands) in services.get(&(cell.tenant, &cell.service)).into_iter().flatten() {
            let given_back = stands.last().is_none_or(|last| !here(last));
            let mut held = false;
            for stand in stands {
                let holds = here(stand);
                if holds != held {
                    let at = match stand.since {
                        None => taken(&story.record, given_back),
                        Some(at) if holds => at.millis(),
                        // Stamped by a clock that may be a little ahead of the next booking's.
                        Some(at) => at.millis() - STAMP_SLACK_MS,
                    };
                    steps.push((at, if holds { 1 } else { -1 }));
                    held = holds;
                }
            }
        }
        steps.sort_unstable();
        let mut booked = 0_i64;
        let mut most = 0;
        for (_, step) in steps {
            booked += i64::from(step);
            most = most.max(booked);
        }
        if most > i64::from(cell.limit) {
            let seen = format!("{most} places were booked at {} where {} exist", cell.cell.from, cell.limit);
            violations.push(Violation { invariant: Invariant::Capacity, callback: None, seen });
        }
    }
    violations
}

/// Where a record held its place after one of its events.
struct Stand {
    /// When the event was; none for the booking itself.
    since: Option<Instant>,
    /// The desired time whose place it held.
    place: Option<Instant>,
}

impl Stand {
    fn of(record: &Callback, since: Option<Instant>) -> Self {
        Self { since, place: (record.holds_slot() && record.version > 0).then_some(record.desired_at) }
    }
}

/// Where a record held its places, event by event.
fn stands(story: &Story) -> Vec<Stand> {
    let moves = story.timeline.iter().flat_map(|event| &event.changes);
    let moves = moves.filter(|c| matches!(c, Change::Rescheduled { .. } | Change::Completed { .. })).count();
    if moves == 0 {
        return vec![Stand::of(&story.record, None)];
    }
    let last = story.timeline.len();
    let stand = |n: usize| {
        let since = (n > 1).then(|| story.timeline[n - 1].at);
        if n == last {
            return Stand::of(&story.record, since);
        }
        let folded = fold(&story.record, &story.timeline[..n]);
        // A prefix does not know the later move that `fold` starts from; replaying the whole history does.
        Stand::of(&replay(story, n, folded), since)
    };
    (1..=last).map(stand).collect()
}

/// The record after its first `n` events, when later events move it: the first move tells where it came from.
fn replay(story: &Story, n: usize, folded: Callback) -> Callback {
    let prefix_moves = story.timeline[..n].iter().flat_map(|event| &event.changes);
    if prefix_moves.clone().any(|change| matches!(change, Change::Rescheduled { .. })) {
        return folded;
    }
    let later = story.timeline[n..].iter().flat_map(|event| &event.changes);
    let origin = later.into_iter().find_map(|change| match change {
        Change::Rescheduled { from, was, .. } => Some((*from, *was)),
        _ => None,
    });
    match origin {
        Some((desired_at, kind)) => Callback { desired_at, kind, ..folded },
        None => folded,
    }
}
