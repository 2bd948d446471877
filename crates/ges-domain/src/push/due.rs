//! When something is pushed (R-PSH-2, R-PSH-3).

use std::time::Duration;

use super::Event;
use crate::Instant;
use crate::callback::{Actor, Callback, Change, Direction, Reason, State, TimelineEvent};

/// The fact by which a session asks for a push (integrations 2.10).
const ASKED: &str = "_push_event";

/// When CALLBACK_UPCOMING is due for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upcoming {
    /// Now.
    Now,
    /// Not before this instant, whatever the wait does.
    At(Instant),
    /// When the wait falls below the threshold.
    WhenWaitFalls,
    /// Not as long as the record stays as it is.
    Never,
}

impl Callback {
    /// Whether CALLBACK_UPCOMING may still be sent for it: it is open and there is somebody to push to (R-PSH-3). It stays so
    /// while an agent handles it, because the call may come back to the queue (T7).
    pub fn may_be_upcoming(&self) -> bool {
        self.state.is_open() && !self.particulars.push_targets.is_empty()
    }
}

/// Decides about CALLBACK_UPCOMING for a record whose push is not claimed yet (R-PSH-3).
///
/// `threshold`: of its service, zero is off. `queue_wait`: the wait of its queue (R-EWT-9); what the session told of this
/// callback goes before it. Due strictly below the threshold: while SCHEDULED by the time that is left, else by the longer of
/// that and the wait.
pub fn upcoming(record: &Callback, threshold: Duration, queue_wait: Duration, now: Instant) -> Upcoming {
    if threshold.is_zero() || !record.may_be_upcoming() || record.state == State::Processing {
        return Upcoming::Never;
    }
    if record.state != State::Scheduled {
        let wait = record.ewt.map_or(queue_wait, |seconds| Duration::from_secs(seconds.into()));
        if wait >= threshold {
            return Upcoming::WhenWaitFalls;
        }
    }
    // Instants are whole milliseconds, so the first one strictly below the threshold is the next.
    let first = record.desired_at - threshold + Duration::from_millis(1);
    if first <= now { Upcoming::Now } else { Upcoming::At(first) }
}

/// The event that a write to a record announces to its push targets, CALLBACK_UPCOMING aside (R-PSH-2): staff cancelled or
/// moved it, an agent is reserved for a consumer who calls in, or its session asks by name.
pub fn announced(before: &Callback, after: &Callback, event: &TimelineEvent) -> Option<Event> {
    if after.particulars.push_targets.is_empty() {
        return None;
    }
    let asked = |record: &Callback| record.particulars.session_facts.get(ASKED).cloned();
    let by_session = asked(after).filter(|name| Some(name) != asked(before).as_ref());
    let by_change = |change: &Change| match change {
        Change::Completed { reason } if *reason == Reason::CANCELLED_BY_ADMIN => Some(Event::CallbackCancelled),
        Change::Rescheduled { .. } if matches!(event.actor, Actor::Ui(_)) => Some(Event::CallbackRescheduled),
        Change::Moved { to: State::Routing } if after.direction == Direction::UserOriginated => {
            Some(Event::CallbackCallIn)
        }
        _ => None,
    };
    let told = event.changes.iter().rev().find_map(by_change);
    told.or_else(|| by_session.and_then(|name| Event::named(&name)))
}

impl Event {
    /// Tells apart the times at which one event is pushed for one callback: CALLBACK_UPCOMING once between two changes of the
    /// desired time (R-PSH-4, P-14), the others once for every write that announces them.
    pub fn occasion(self, after: &Callback) -> u64 {
        match self {
            Self::CallbackUpcoming => after.reschedules.into(),
            Self::CallbackCallIn | Self::CallbackRescheduled | Self::CallbackCancelled => after.version,
        }
    }
}
