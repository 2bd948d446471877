//! I1, I5, I6: what callers were told holds.

use std::collections::{HashMap, HashSet};

use super::{Evidence, Invariant, Violation};
use crate::callback::{Change, State, TimelineEvent};

fn broken(invariant: Invariant, id: crate::CallbackId, seen: impl Into<String>) -> Violation {
    Violation { invariant, callback: Some(id), seen: seen.into() }
}

/// I1: every acknowledged create has exactly one record, which ended exactly once with a reason or is open and visible.
pub(super) fn no_loss(evidence: &Evidence) -> Vec<Violation> {
    let mut stories: HashMap<_, Vec<_>> = HashMap::new();
    for story in &evidence.stories {
        stories.entry(story.record.id).or_default().push(story);
    }
    let mut violations = Vec::new();
    let mut told = HashSet::new();
    for create in &evidence.acknowledged {
        if !told.insert(create.id) {
            violations.push(broken(Invariant::NoLoss, create.id, "one id was answered to two creates"));
        }
        let Some(found) = stories.get(&create.id) else {
            violations.push(broken(Invariant::NoLoss, create.id, "an acknowledged booking is gone"));
            continue;
        };
        if found.len() > 1 {
            violations.push(broken(Invariant::NoLoss, create.id, "an acknowledged booking exists twice"));
        }
        let record = &found[0].record;
        let ends = found[0].timeline.iter().flat_map(|event| &event.changes);
        let ends = ends.filter(|change| matches!(change, Change::Completed { .. })).count();
        match record.state {
            State::Completed if ends != 1 || record.reason.is_none() => {
                violations.push(broken(Invariant::NoLoss, create.id, format!("it ended {ends} times")));
            }
            State::Completed => {}
            state if evidence.at_rest => {
                violations.push(broken(Invariant::NoLoss, create.id, format!("still {} at rest", state.as_str())));
            }
            _ if ends != 0 => violations.push(broken(Invariant::NoLoss, create.id, "an ended callback is open again")),
            _ => {}
        }
    }
    violations
}

/// I5: after a cancel was answered with success no session is accepted and nobody is called, and the record is final. While a
/// wish to cancel stands, no attempt is made and no session takes the callback.
pub(super) fn cancel(evidence: &Evidence) -> Vec<Violation> {
    let wished = evidence.stories.iter().filter(|story| dispatched_despite_a_wish(&story.timeline));
    let seen = "it was handed over while a wish to cancel stood";
    let stories = evidence.by_id();
    let mut violations: Vec<_> = wished.map(|story| broken(Invariant::Cancel, story.record.id, seen)).collect();
    for cancel in evidence.cancels.iter().filter(|cancel| cancel.success) {
        let accepted = evidence.sessions.iter().filter(|told| told.id == cancel.id && told.accepted);
        if accepted.clone().any(|told| told.at > cancel.answered_at) {
            violations.push(broken(Invariant::Cancel, cancel.id, "a session was accepted after the cancel"));
        }
        let unbound_calls = evidence.dials.iter().filter(|dial| dial.id == cancel.id && dial.at > cancel.answered_at);
        for dial in unbound_calls {
            let was_bound = accepted.clone().any(|told| told.session == dial.session && told.at <= cancel.answered_at);
            if !was_bound {
                violations.push(broken(Invariant::Cancel, cancel.id, "the consumer was called after the cancel"));
            }
        }
        match stories.get(&cancel.id) {
            Some(story) if story.record.reason.as_ref().is_some_and(crate::callback::Reason::frees_slot) => {}
            Some(story) => {
                let state = story.record.state.as_str();
                violations.push(broken(Invariant::Cancel, cancel.id, format!("a cancelled callback is {state}")));
            }
            None => {}
        }
    }
    violations
}

/// Whether an attempt began while a wish to cancel stood (R-CAN-2).
fn dispatched_despite_a_wish(timeline: &[TimelineEvent]) -> bool {
    let mut wished = false;
    timeline.iter().flat_map(|event| &event.changes).any(|change| match change {
        Change::CancelWished { .. } => {
            wished = true;
            false
        }
        Change::CancelRefused | Change::Completed { .. } => {
            wished = false;
            false
        }
        Change::Submitted { .. } | Change::SessionBound { .. } => wished,
        _ => false,
    })
}

/// I6: once an answer of success is given under a key, the same body gets it again and another body gets 422. A failure of
/// the server (5xx) says nothing about the request, and a refusal before the first success changed nothing.
pub(super) fn idempotence(evidence: &Evidence) -> Vec<Violation> {
    let mut first: HashMap<_, &super::Repeated> = HashMap::new();
    let mut violations = Vec::new();
    for answer in &evidence.repeated {
        let place = (answer.tenant, answer.key);
        let (status, _) = answer.answer;
        let fits = match first.get(&place) {
            _ if status >= 500 => true,
            Some(before) if before.body == answer.body => before.answer == answer.answer,
            Some(_) => status == 422,
            None => true,
        };
        if (200..300).contains(&status) {
            first.entry(place).or_insert(answer);
        }
        if !fits {
            let seen = "an idempotency key was answered in two ways".to_owned();
            violations.push(Violation { invariant: Invariant::Idempotence, callback: None, seen });
        }
    }
    violations
}
