//! I2, I4, I7: what went out, when, and in which order.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::{Entry, Evidence, Invariant, Story, Violation};
use crate::callback::{Actor, Change, TimelineEvent};
use crate::submission::{EARLY_DIAL, MAX_LEAD, ack_deadline};
use crate::{CallbackId, Instant, SessionId};

/// How far two clocks of one run may be apart in evidence about order: entries are stamped by their writers.
pub(super) const STAMP_SLACK_MS: i64 = 50;

fn broken(invariant: Invariant, id: CallbackId, seen: impl Into<String>) -> Violation {
    Violation { invariant, callback: Some(id), seen: seen.into() }
}

/// I2: attempts have no gaps, the next one starts only when the one before is dead, and at most one session holds a callback.
pub(super) fn no_double(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut first_writes: BTreeMap<CallbackId, Vec<&Entry>> = BTreeMap::new();
    for entry in &evidence.entries {
        let seen = first_writes.entry(entry.id).or_default();
        if !seen.iter().any(|earlier| earlier.attempt == entry.attempt) {
            seen.push(entry);
        }
    }
    let stories = evidence.by_id();
    for (id, mut attempts) in first_writes {
        attempts.sort_by_key(|entry| entry.at);
        let timeline = stories.get(&id).map(|story| story.timeline.as_slice()).unwrap_or_default();
        for pair in attempts.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            if after.attempt > before.attempt && restarted(timeline, before.at, after.at) {
                continue;
            }
            let proven = proven(timeline, before.at, after.at);
            let most = before.attempt + 1 + u32::try_from(proven).unwrap_or(u32::MAX);
            if after.attempt <= before.attempt || after.attempt > most {
                let seen = format!("attempt {} followed attempt {}", after.attempt, before.attempt);
                violations.push(broken(Invariant::NoDouble, id, seen));
            } else if !dead(timeline, before, after.at) && !overtaken(timeline, before) {
                let seen = format!("attempt {} was written while attempt {} was alive", after.attempt, before.attempt);
                violations.push(broken(Invariant::NoDouble, id, seen));
            }
        }
        let first = attempts.first().filter(|entry| entry.attempt > 1 + voided(timeline, entry.at));
        if first.is_some_and(|entry| !binds_before(timeline, entry.at)) {
            violations.push(broken(Invariant::NoDouble, id, "the first attempt is not number 1"));
        }
    }
    for write in evidence.writes.iter().filter(|write| write.epoch < write.newest) {
        let seen = format!("a monitor wrote with epoch {} after {} was given out", write.epoch, write.newest);
        violations.push(broken(Invariant::NoDouble, write.id, seen));
    }
    for story in evidence.stories.iter().filter(|story| retaken(&story.timeline)) {
        violations.push(broken(Invariant::NoDouble, story.record.id, "a session that gave it up took it again"));
    }
    for story in &evidence.stories {
        let mut holder: Option<&SessionId> = None;
        for change in story.timeline.iter().flat_map(|event| &event.changes) {
            match change {
                // The one that has it may say that it runs elsewhere.
                Change::SessionBound { session, .. } if holder.is_some_and(|holder| !holder.is_same(session)) => {
                    violations.push(broken(Invariant::NoDouble, story.record.id, "two sessions hold it"));
                }
                Change::SessionBound { session, .. } => holder = Some(session),
                Change::SessionUnbound | Change::Rescheduled { .. } => holder = None,
                _ => {}
            }
        }
    }
    let mut accepted: HashMap<_, Instant> = HashMap::new();
    for told in evidence.sessions.iter().filter(|told| told.accepted) {
        let first = accepted.entry((told.id, &told.session)).or_insert(told.at);
        *first = told.at.min(*first);
    }
    for dial in &evidence.dials {
        let in_time = accepted.get(&(dial.id, &dial.session)).is_some_and(|at| *at <= dial.at);
        if !in_time && !evidence.sessions.is_empty() {
            violations.push(broken(Invariant::NoDouble, dial.id, "a session called without being accepted"));
        }
    }
    violations
}

/// Whether a session took a callback that it had given up before (R-TR-2).
fn retaken(timeline: &[TimelineEvent]) -> bool {
    let (mut holder, mut former) = (None, HashSet::new());
    timeline.iter().flat_map(|event| &event.changes).any(|change| match change {
        Change::SessionBound { session, .. } => {
            holder = Some(session.bare());
            former.contains(session.bare())
        }
        Change::SessionUnbound | Change::Rescheduled { .. } => {
            former.extend(holder.take());
            false
        }
        _ => false,
    })
}

fn within(timeline: &[TimelineEvent], from: Instant, until: Instant) -> impl Iterator<Item = &Change> {
    timeline.iter().filter(move |event| from <= event.at && event.at <= until).flat_map(|event| &event.changes)
}

/// How many attempts between the two instants were never recorded but proven by the session that came of them: they count
/// (R-TR-3).
fn proven(timeline: &[TimelineEvent], from: Instant, until: Instant) -> usize {
    let (mut under_way, mut count) = (false, 0);
    for event in timeline {
        for change in &event.changes {
            match change {
                Change::Submitted { .. } => under_way = true,
                Change::SessionUnbound | Change::Rescheduled { .. } => under_way = false,
                Change::SessionBound { .. } if !under_way => {
                    under_way = true;
                    count += usize::from(from <= event.at && event.at <= until);
                }
                _ => {}
            }
        }
    }
    count
}

/// Where in the timeline an attempt begins: it was recorded, or a session proved it.
fn begins(timeline: &[TimelineEvent], attempt: u32) -> Option<usize> {
    let (mut under_way, mut latest) = (false, 0);
    timeline.iter().position(|event| {
        for change in &event.changes {
            match change {
                Change::Submitted { attempt } => (under_way, latest) = (true, latest.max(*attempt)),
                Change::SessionUnbound | Change::Rescheduled { .. } => under_way = false,
                Change::SessionBound { .. } if !under_way => (under_way, latest) = (true, latest + 1),
                _ => {}
            }
        }
        latest == attempt
    })
}

/// The how manieth attempt for its desired time this one is: numbers go on over a reschedule, the pauses begin anew (R-SUB-8).
fn of_its_time(timeline: &[TimelineEvent], attempt: u32) -> u32 {
    let (mut under_way, mut latest, mut before) = (false, 0, 0);
    for change in timeline.iter().flat_map(|event| &event.changes) {
        match change {
            // Numbers that were voided leave a gap, and what follows is the first of its time.
            Change::Submitted { attempt: n } if *n >= attempt => {
                before = if *n > latest + 1 { n - 1 } else { before };
                break;
            }
            Change::SessionBound { .. } if !under_way && latest + 1 >= attempt => break,
            Change::Submitted { attempt: n } => {
                before = if *n > latest + 1 { n - 1 } else { before };
                (under_way, latest) = (true, latest.max(*n));
            }
            Change::SessionBound { .. } if !under_way => (under_way, latest) = (true, latest + 1),
            Change::SessionUnbound => under_way = false,
            Change::Rescheduled { .. } => (under_way, before) = (false, latest),
            _ => {}
        }
    }
    attempt.saturating_sub(before).max(1)
}

/// Whether a session of an earlier attempt took the callback while this entry was on its way to the stream. Nobody can take
/// such an entry back, and its number was given to that session; who binds first decides who may call.
fn overtaken(timeline: &[TimelineEvent], entry: &Entry) -> bool {
    within(timeline, entry.decided_at, entry.at).any(|change| matches!(change, Change::SessionBound { .. }))
}

/// A reschedule or another number between the two writes, as far as clocks tell: the next attempt is for the new time or number
/// and does not wait for the one before.
fn restarted(timeline: &[TimelineEvent], from: Instant, until: Instant) -> bool {
    let slack = Duration::from_millis(STAMP_SLACK_MS.unsigned_abs());
    within(timeline, from - slack, until + slack).any(voids)
}

/// Whether the number of an attempt that was on its way is void by this (R-EDT-1, R-EDT-4).
fn voids(change: &Change) -> bool {
    match change {
        Change::Rescheduled { .. } => true,
        Change::Edited { fields } => fields.iter().any(|field| field == "phoneNumber"),
        _ => false,
    }
}

/// Up to how many numbers were void at `at`.
fn voided(timeline: &[TimelineEvent], at: Instant) -> u32 {
    let slack = Duration::from_millis(STAMP_SLACK_MS.unsigned_abs());
    let count = within(timeline, Instant::from_millis(i64::MIN), at + slack).filter(|change| voids(change)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// An unrecorded attempt that a session proved counts (R-TR-3).
fn binds_before(timeline: &[TimelineEvent], at: Instant) -> bool {
    within(timeline, Instant::from_millis(i64::MIN), at).any(|change| matches!(change, Change::SessionBound { .. }))
}

/// Whether `attempt` was over at `at`: unanswered past its deadline, or its session is gone.
fn dead(timeline: &[TimelineEvent], attempt: &Entry, at: Instant) -> bool {
    // Another node may have stamped the end a little later than this one the next attempt, or with a clock that was behind:
    // then the order of the timeline says that it came after the attempt. A monitor only ends what is unanswered, so its
    // word does not count.
    let until = at + Duration::from_millis(STAMP_SLACK_MS.unsigned_abs());
    let submitted = |event: &TimelineEvent| {
        event.changes.iter().any(|c| matches!(c, Change::Submitted { attempt: n } if *n == attempt.attempt))
    };
    let from = begins(timeline, attempt.attempt);
    let unbound = timeline.iter().enumerate().any(|(nth, event)| {
        let after = attempt.at <= event.at || from.is_some_and(|from| from < nth);
        let gone = event.changes.contains(&Change::SessionUnbound);
        after && gone && event.at <= until && event.actor != Actor::Monitor
    });
    let recorded = timeline.iter().find_map(|event| {
        (submitted(event) && event.at.millis() + STAMP_SLACK_MS >= attempt.at.millis()).then_some(event.at)
    });
    let deadline = ack_deadline(of_its_time(timeline, attempt.attempt), recorded.unwrap_or(attempt.at));
    unbound || at.millis() + STAMP_SLACK_MS >= deadline.millis()
}

/// I4: nothing is written before it can be due, and nobody is called before the earliest dial time.
pub(super) fn time(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    let stories = evidence.by_id();
    for entry in &evidence.entries {
        let Some(desired) = desired_when(&stories, entry.id, entry.at) else { continue };
        if entry.at.millis() + STAMP_SLACK_MS < (desired - MAX_LEAD).millis() {
            violations.push(broken(Invariant::Time, entry.id, "it was submitted before it could be due"));
        }
        if entry.earliest_dial < desired - EARLY_DIAL {
            violations.push(broken(Invariant::Time, entry.id, "its entry allows a call too early"));
        }
    }
    for dial in &evidence.dials {
        let Some(desired) = desired_when(&stories, dial.id, dial.at) else { continue };
        if dial.at < desired - EARLY_DIAL {
            violations.push(broken(Invariant::Time, dial.id, "the consumer was called too early"));
        }
    }
    violations
}

/// The desired time that held at `at`; the earliest one, when a reschedule is stamped so close that clocks do not tell.
fn desired_when(stories: &HashMap<CallbackId, &Story>, id: CallbackId, at: Instant) -> Option<Instant> {
    let story = stories.get(&id)?;
    let mut desired = story.record.desired_at;
    let mut earliest: Option<Instant> = None;
    for event in story.timeline.iter().rev().take_while(|event| event.at.millis() + STAMP_SLACK_MS >= at.millis()) {
        for change in event.changes.iter().rev() {
            if let Change::Rescheduled { from, .. } = change {
                let close = event.at.millis() <= at.millis() + STAMP_SLACK_MS;
                earliest = earliest.into_iter().chain(close.then_some(desired)).min();
                desired = *from;
            }
        }
    }
    earliest.into_iter().chain([desired]).min()
}

/// I7: of two callbacks of one service that both waited, the one that sorts first goes out first.
///
/// A callback is known to wait once its booking was answered; what was booked in the last moments before a batch was read
/// may miss it. One that had ended when its entry came waited for nothing any more: a node that stood still writes what it had
/// read before, and no session is accepted on it (I5).
pub(super) fn order(evidence: &Evidence) -> Vec<Violation> {
    let stories = evidence.by_id();
    let answered: HashMap<_, _> = evidence.acknowledged.iter().map(|create| (create.id, create.answered_at)).collect();
    let mut firsts: BTreeMap<_, Vec<(&Entry, &Story)>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for entry in evidence.entries.iter().filter(|entry| entry.attempt == 1) {
        let Some(story) = stories.get(&entry.id) else { continue };
        let stale = story.record.completed_at.is_some_and(|ended| ended < entry.at);
        if story.record.reschedules == 0 && seen.insert(entry.id) && !stale {
            firsts.entry((story.record.tenant, &story.record.service)).or_default().push((entry, story));
        }
    }
    let mut violations = Vec::new();
    for went_out in firsts.into_values() {
        // The smallest key that is still to come, from the back: one pass instead of all pairs.
        let mut later: Option<(_, Instant, CallbackId)> = None;
        for (entry, story) in went_out.iter().rev() {
            let key = story.record.order();
            if let Some((smallest, booked, id)) = later
                && smallest < key
                && booked.millis() + 1_000 < entry.decided_at.millis()
            {
                violations.push(broken(Invariant::Order, id, "it was overtaken by a later callback"));
            }
            if let Some(booked) = answered.get(&story.record.id)
                && later.is_none_or(|(smallest, _, _)| key < smallest)
            {
                later = Some((key, *booked, story.record.id));
            }
        }
    }
    violations
}
