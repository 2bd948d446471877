//! I8 to I11: the books are right, apart, and silent about people.

use super::{Evidence, Invariant, Story, Violation};
use crate::callback::{Callback, Change, TimelineEvent, fold};

fn broken(invariant: Invariant, id: crate::CallbackId, seen: impl Into<String>) -> Violation {
    Violation { invariant, callback: Some(id), seen: seen.into() }
}

/// I8 for one record: sequences have no gap, the version is the last of them, and replaying them gives the row.
///
/// Cheap enough for a running service to call after a write.
pub fn audit_record(record: &Callback, timeline: &[TimelineEvent]) -> Option<Violation> {
    let gapless = timeline.iter().zip(1..).all(|(event, seq)| event.seq == seq);
    if !gapless || timeline.len() as u64 != record.version {
        let seen = format!("{} events for version {}", timeline.len(), record.version);
        return Some(broken(Invariant::Audit, record.id, seen));
    }
    let mut folded = fold(record, timeline);
    // Volatile: told by sessions without an event, or counted by monitors.
    folded.position = record.position;
    folded.ewt = record.ewt;
    folded.submission.failures = record.submission.failures;
    if folded != *record {
        return Some(broken(Invariant::Audit, record.id, "the timeline does not replay to the row"));
    }
    record.check().err().map(|error| broken(Invariant::Audit, record.id, error.to_string()))
}

/// I8.
pub(super) fn audit(evidence: &Evidence) -> Vec<Violation> {
    let replay = evidence.stories.iter().filter_map(|Story { record, timeline }| audit_record(record, timeline));
    let old = evidence.stories.iter().filter(|story| takes_old_news(&story.timeline));
    let old = old.map(|story| broken(Invariant::Audit, story.record.id, "an update of a session was applied twice"));
    replay.chain(old).collect()
}

/// Whether an update was applied that is not newer than one before it of the same session (R-TR-2).
fn takes_old_news(timeline: &[TimelineEvent]) -> bool {
    let (mut last, mut holder) = (0, None);
    for change in timeline.iter().flat_map(|event| &event.changes) {
        match change {
            // A session that runs elsewhere by now counts on.
            Change::SessionBound { session, .. } if holder == Some(session.bare()) => {}
            Change::SessionBound { session, .. } => (last, holder) = (0, Some(session.bare())),
            Change::Rescheduled { .. } | Change::SessionUnbound => (last, holder) = (0, None),
            Change::SessionSaw { seq } if *seq <= last => return true,
            Change::SessionSaw { seq } => last = *seq,
            _ => {}
        }
    }
    false
}

/// I9: what a tenant booked belongs to it, and its entries say so.
pub(super) fn isolation(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    let stories = evidence.by_id();
    for create in &evidence.acknowledged {
        if let Some(story) = stories.get(&create.id)
            && (story.record.tenant != create.tenant || story.record.service != create.service)
        {
            violations.push(broken(Invariant::Isolation, create.id, "it is another tenant's or service's"));
        }
    }
    for read in &evidence.reads {
        if let Some(story) = stories.get(&read.id)
            && story.record.tenant != read.by
        {
            violations.push(broken(Invariant::Isolation, read.id, "another tenant saw it"));
        }
    }
    for entry in &evidence.entries {
        if let Some(story) = stories.get(&entry.id)
            && story.record.tenant != entry.tenant
        {
            violations.push(broken(Invariant::Isolation, entry.id, "its stream entry names another tenant"));
        }
    }
    violations
}

/// I10: times on one record never run backwards, whatever the clocks of the nodes did.
pub(super) fn clock(evidence: &Evidence) -> Vec<Violation> {
    let backwards = |story: &&Story| story.timeline.windows(2).any(|pair| pair[1].at < pair[0].at);
    let ids = evidence.stories.iter().filter(backwards).map(|story| story.record.id);
    ids.map(|id| broken(Invariant::Clock, id, "its times run backwards")).collect()
}

/// I11: none of the forbidden values stands in the logs. The violation does not repeat the value.
pub fn privacy(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    for log in &evidence.logs {
        for (n, value) in log.forbidden.iter().enumerate() {
            if let Some(at) = log.text.find(value.as_str()) {
                let line = log.text[..at].lines().count();
                let seen = format!("forbidden value {n} stands in line {line} of a log");
                violations.push(Violation { invariant: Invariant::Privacy, callback: None, seen });
            }
        }
    }
    violations
}
