//! What must be true of a day beyond the eleven promises.

use std::collections::BTreeMap;
use std::time::Duration;

use ges_domain::callback::{Change, Reason, State};
use ges_domain::invariants::{Evidence, Story};
use ges_domain::ports::ServiceRef;

use super::plan::Plan;
use super::tally::Notes;

/// A round that was under way when a service was paused may still be written.
const UNDER_WAY: Duration = Duration::from_secs(15);
/// Until every session has heard of a pause: a look at the service every ten seconds, and the phones that ring meanwhile.
const HEARD: Duration = Duration::from_secs(120);
/// Until the loss of a node's sessions is noticed: its silence, two misses, a worker node that dies meanwhile.
const NOTICED: Duration = Duration::from_secs(300);

/// Everything that is wrong, in words.
pub(crate) fn findings(plan: &Plan, evidence: &Evidence, notes: &Notes) -> Vec<String> {
    let stories: BTreeMap<_, _> = evidence.stories.iter().map(|story| (story.record.id, story)).collect();
    let mut findings = Vec::new();
    for story in &evidence.stories {
        let record = &story.record;
        if record.state != State::Completed || record.reason.is_none() {
            findings.push(format!("{} is {} when the day is over", record.id, record.state.as_str()));
        }
        if record.reason == Some(Reason::AGENT_CONNECTED) && record.dial_attempts == 0 {
            findings.push(format!("{} was connected and never called", record.id));
        }
        if record.reason == Some(Reason::SESSION_LOST) && record.dial_attempts == 0 {
            findings.push(format!("{} was given up although nobody was called (R-POL-3)", record.id));
        }
    }
    let mut dials: BTreeMap<_, (u32, u32)> = BTreeMap::new();
    for dial in &evidence.dials {
        let desk = stories.get(&dial.id).and_then(|story| plan.desk(&service_of(story)));
        let limit = desk.map_or(0, |desk| desk.dials);
        let of_session = dials.entry(dial.session.as_str()).or_insert((limit, 0));
        of_session.1 += 1;
    }
    for (session, (limit, calls)) in dials.iter().filter(|(_, (limit, calls))| calls > limit) {
        findings.push(format!("{session} called {calls} times where {limit} are allowed (maxDialAttempts)"));
    }
    for pause in &notes.pauses {
        let of = |id| stories.get(&id).is_some_and(|story| service_of(story) == pause.service);
        let within = |at, rest| pause.from + rest < at && at < pause.until;
        for entry in evidence.entries.iter().filter(|entry| within(entry.at, UNDER_WAY) && of(entry.id)) {
            findings.push(format!("{} was handed over while its service was paused (R-SUB-9)", entry.id));
        }
        for dial in evidence.dials.iter().filter(|dial| within(dial.at, HEARD) && of(dial.id)) {
            findings.push(format!("{} was called while its service was paused (T13)", dial.id));
        }
    }
    for (id, lost) in &notes.bereft {
        let Some(story) = stories.get(id) else { continue };
        let noticed = story.timeline.iter().filter(|event| event.at >= *lost).find(|event| {
            let gone = |change: &Change| {
                matches!(change, Change::SessionUnbound | Change::Completed { .. } | Change::Rescheduled { .. })
            };
            event.changes.iter().any(gone) || never_bound(story, event.seq)
        });
        match noticed {
            Some(event) if event.at.since(*lost) <= NOTICED => {}
            Some(event) => {
                let late = event.at.since(*lost).as_secs();
                findings.push(format!("the loss of the session of {id} was noticed after {late} s (R-POL-3)"));
            }
            None if story.record.completed_at.is_some_and(|at| at <= *lost) => {}
            None => findings.push(format!("the loss of the session of {id} was never noticed (R-POL-3)")),
        }
    }
    findings
}

/// Whether no session had it before this event: an attempt that nobody takes is another matter (R-SUB-8).
fn never_bound(story: &Story, seq: u64) -> bool {
    let before = story.timeline.iter().take_while(|event| event.seq < seq).flat_map(|event| &event.changes);
    let mut bound = false;
    for change in before {
        match change {
            Change::SessionBound { .. } => bound = true,
            Change::SessionUnbound | Change::Rescheduled { .. } => bound = false,
            _ => {}
        }
    }
    !bound
}

pub(crate) fn service_of(story: &Story) -> ServiceRef {
    ServiceRef { tenant: story.record.tenant, name: story.record.service.clone() }
}
