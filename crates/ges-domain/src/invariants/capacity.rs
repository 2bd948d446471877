//! I3: booked places.

use std::collections::HashMap;

use super::handover::STAMP_SLACK_MS;
use super::{Evidence, Invariant, Violation};
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
    for cell in &evidence.cells {
        let mut steps: Vec<(i64, i32)> = Vec::new();
        let here =
            |record: &Callback| record.holds_slot() && record.version > 0 && cell.cell.contains(record.desired_at);
        for story in &evidence.stories {
            if story.record.tenant != cell.tenant || story.record.service != cell.service {
                continue;
            }
            let moves = story.timeline.iter().flat_map(|event| &event.changes);
            let moves = moves.filter(|c| matches!(c, Change::Rescheduled { .. } | Change::Completed { .. })).count();
            if moves == 0 {
                if here(&story.record) {
                    steps.push((taken(&story.record, false), 1));
                }
                continue;
            }
            let mut held = false;
            for n in 1..=story.timeline.len() {
                let record = fold(&story.record, &story.timeline[..n]);
                // A prefix does not know the later move that `fold` starts from; replaying the whole history does.
                let record = if n == story.timeline.len() { story.record.clone() } else { replay(story, n, record) };
                let holds = here(&record);
                if holds != held {
                    let at = match n {
                        1 => taken(&story.record, !here(&story.record)),
                        _ if holds => story.timeline[n - 1].at.millis(),
                        // Stamped by a clock that may be a little ahead of the next booking's.
                        _ => story.timeline[n - 1].at.millis() - STAMP_SLACK_MS,
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

/// The record after its first `n` events, when later events move it: the first move tells where it came from.
fn replay(story: &super::Story, n: usize, folded: Callback) -> Callback {
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
