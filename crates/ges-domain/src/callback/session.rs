//! What a session's storage update does to a record (R-TR-1 to R-TR-3, T4 to T8, integrations 1.2.4, 1.2.5, 2.10).

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Actor, Callback, Change, Direction, Reason, Scalar, SessionBinding, State, session_may_move};
use crate::submission::MAX_LEAD;
use crate::{Instant, SessionId};

/// What a session told us in one call; everything is optional.
#[derive(Debug, Clone, Default)]
pub struct SessionUpdate {
    /// The session that speaks.
    pub session: Option<SessionId>,
    /// The node that runs it.
    pub url: Option<String>,
    /// The attempt that started it, when its correlation id tells ([`crate::submission::attempt_of`]).
    pub attempt: Option<u32>,
    /// Increasing number of the update; absent when the session does not count.
    pub seq: Option<u64>,
    /// The state it wants.
    pub state: Option<State>,
    /// The reason, for COMPLETED.
    pub reason: Option<Reason>,
    /// The session ends without finishing the record.
    pub end: Option<SessionEnd>,
    /// Dial attempts so far.
    pub dial_attempts: Option<u32>,
    /// Position in queue.
    pub position: Option<u32>,
    /// Estimated wait in seconds.
    pub ewt: Option<u32>,
    /// User data to set (`Some`) or remove (`None`).
    pub user_data: Vec<(String, Option<Scalar>)>,
    /// Replaces all user data when present, before `user_data` is merged.
    pub replace_user_data: bool,
    /// Other `_…` names, kept as they are.
    pub facts: BTreeMap<String, String>,
    /// Who attaches values in a session's place; none when a session speaks.
    pub on_behalf: Option<Actor>,
}

/// Which of its limits a record would outgrow by an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overgrown {
    /// User data, [`UserData::MAX_BYTES`](super::UserData::MAX_BYTES) (R-REC-5).
    UserData,
    /// Facts, [`Particulars::FACT_BYTES`](super::Particulars::FACT_BYTES).
    Facts,
}

/// Why a session ends without finishing the record (integrations 2.10, `_session_state=ENDED`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// It hands over to another session, or stopped for a reschedule: the record waits for a new attempt.
    Handover,
    /// Anything else: the session is lost (R-POL-3).
    Lost,
}

/// Why an update changed nothing although it is answered with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// Its sequence is not newer than the last accepted one (R-TR-2), or it ends a session that has nothing.
    Stale,
    /// The record is final.
    Final,
}

/// What an update comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionVerdict {
    /// Write these changes, and the particulars if they differ. No changes and equal particulars: nothing to write.
    Accept(Vec<Change>),
    /// Answer success, change nothing.
    Ignore(Ignored),
    /// Another session has it, or nobody may take it any more: refuse and have this session stop (R-SUB-8, 1.2.5).
    Stranger,
    /// The move is not in the table (R-TR-1).
    Illegal {
        /// Where the record stands.
        from: State,
        /// Where the session wanted it.
        to: State,
    },
}

/// How long after completion user data and facts are still taken (integrations 2.10).
const TRAILING: Duration = Duration::from_secs(15 * 60);

/// Decides what a session update does to `record` at `now`.
///
/// Rules: R-TR-1, R-TR-2, R-TR-3, R-RSN-1, R-SUB-8 (late acknowledgement), R-CAN-2 (lost sessions and late news of a cancelled
/// record).
pub fn decide_session_update(record: &Callback, update: &SessionUpdate, now: Instant) -> SessionVerdict {
    if record.state == State::Completed {
        return after_the_end(record, update, now);
    }
    // Who has nothing cannot give it back: the repeated end of an earlier session must not cost the next attempt (I2).
    let former = update.session.as_ref().is_some_and(|speaker| record.particulars.was_left_by(speaker));
    if update.end.is_some() && record.session.is_none() && (former || !record.is_taken_unnamed()) {
        return SessionVerdict::Ignore(Ignored::Stale);
    }
    let mut changes = Vec::new();
    // Whether this is the first word of whoever took the attempt.
    let mut first = false;
    match (&record.session, &update.session) {
        (Some(bound), Some(speaker)) if !bound.id.is_same(speaker) => return SessionVerdict::Stranger,
        (None, Some(speaker)) => {
            // The late news of a session that gave it up is no acknowledgement (R-TR-2).
            if former || !expects_session(record, update.attempt, now) {
                return SessionVerdict::Stranger;
            }
            first = true;
            changes.push(Change::SessionBound { session: speaker.clone(), url: update.url.clone() });
        }
        (None, None) => {
            let claims = update.state.is_some_and(|to| to != record.state);
            if (claims && !expects_session(record, update.attempt, now)) || is_of_before(record, update.attempt) {
                return SessionVerdict::Stranger;
            }
            if let Some(attempt) = acknowledged(record, update) {
                first = !record.is_taken_unnamed();
                if record.submission.submitted_at.is_none() {
                    changes.push(Change::Submitted { attempt });
                }
            }
        }
        (Some(_), _) => {}
    }
    if let Some(seq) = update.seq {
        if !first && seq <= record.session_seq {
            return SessionVerdict::Ignore(Ignored::Stale);
        }
        changes.push(Change::SessionSaw { seq });
    }
    changes.extend(record.session.as_ref().and_then(|bound| whereabouts(bound, update)));
    if let Some(attempts) = update.dial_attempts
        && attempts > record.dial_attempts
    {
        changes.push(Change::Dialed { attempts });
    }
    if let Some(end) = update.end {
        changes.extend(ended(record, end, update));
        return SessionVerdict::Accept(changes);
    }
    let from = if first && record.state == State::Scheduled { State::Queued } else { record.state };
    match update.state {
        Some(to) if to == from => {}
        Some(to) if !session_may_move(from, to) => return SessionVerdict::Illegal { from, to },
        Some(State::Completed) => {
            let reason = update.reason.clone().unwrap_or(Reason::NOT_AVAILABLE);
            // It ends as it was told to, so it has heard the wish (R-CAN-2).
            if record.cancel.as_ref().is_some_and(|wish| wish.reason == reason) {
                changes.push(Change::CancelConfirmed);
            }
            changes.push(Change::Completed { reason });
        }
        Some(to) => {
            // A session that does not count its dials has dialed all the same, and may go back to the queue before it is lost (T7).
            let uncounted = record.dial_attempts == 0 && update.dial_attempts.is_none_or(|attempts| attempts == 0);
            if to == State::Processing && uncounted && record.direction == Direction::UserTerminated {
                changes.push(Change::Dialed { attempts: 1 });
            }
            changes.push(Change::Moved { to });
        }
        None => {}
    }
    SessionVerdict::Accept(changes)
}

/// The attempt that an update without a session's name acknowledges (integrations 1.2.4). Once an attempt is known to be written
/// any word will do; before, only a claim to a state, which nobody makes but a session.
pub(super) fn acknowledged(record: &Callback, update: &SessionUpdate) -> Option<u32> {
    let unnamed = record.session.is_none() && update.session.is_none() && update.on_behalf.is_none();
    if !unnamed || !record.state.is_open() || update.end.is_some() {
        return None;
    }
    match record.submission.submitted_at {
        Some(_) => Some(record.last_attempt()),
        None => update.state.is_some_and(State::is_open).then(|| record.next_attempt()),
    }
}

/// Where the bound session says it runs, when that is news: another address, or an id that names another node (integrations 0.3).
fn whereabouts(bound: &SessionBinding, update: &SessionUpdate) -> Option<Change> {
    let named = update.session.as_ref().filter(|speaker| speaker.names_node()).unwrap_or(&bound.id);
    let url = update.url.as_ref().or(bound.url.as_ref());
    let moved = *named != bound.id || url != bound.url.as_ref();
    moved.then(|| Change::SessionBound { session: named.clone(), url: url.cloned() })
}

/// Whether this attempt was written for an earlier desired time, or to call another number: its session would do what nobody
/// wants any more (I4, R-EDT-4).
fn is_of_before(record: &Callback, attempt: Option<u32>) -> bool {
    attempt.is_some_and(|attempt| attempt <= record.particulars.attempts_before)
}

/// Whether a session may take this record now (R-TR-3): an attempt was recorded, or may be under way unrecorded. `attempt`: the
/// one that started it, if it says so; a number that only an entry can have told it proves that this was written.
fn expects_session(record: &Callback, attempt: Option<u32>, now: Instant) -> bool {
    match attempt {
        Some(_) if is_of_before(record, attempt) => return false,
        Some(attempt) if attempt <= record.next_attempt() => return true,
        _ => {}
    }
    // An entry for an earlier desired time may still be under way, recorded or not; its session would call at that time
    // (R-EDT-4, I4).
    let moved = record.particulars.attempts_before > 0 || !record.particulars.previous_desired.is_empty();
    let may_be_unrecorded = !moved && now + MAX_LEAD >= record.desired_at;
    record.submission.attempts > 0 || record.state != State::Scheduled || may_be_unrecorded
}

/// The session stopped without a final state: the record waits again if the consumer was never dialed (R-POL-3), else it is
/// lost (T17). A consumer who wished to cancel gets no further attempt (R-CAN-2, I5); only a conversation that the wish came
/// too late for ends as it would have without it.
fn ended(record: &Callback, end: SessionEnd, update: &SessionUpdate) -> Vec<Change> {
    let counted = record.dial_attempts > 0 || update.dial_attempts.is_some_and(|attempts| attempts > 0);
    // Nobody talks who was not called, whether the session counts its dials or not.
    let dialed = counted || record.state == State::Processing;
    let again =
        end == SessionEnd::Handover || (!dialed && record.submission.attempts < crate::submission::MAX_ATTEMPTS);
    let wish = record.cancel.as_ref().filter(|_| again || record.state != State::Processing);
    match wish {
        Some(wish) => vec![Change::CancelDropped, Change::Completed { reason: wish.reason.clone() }],
        // It stopped for another time, which whoever asked for it settles, or the worker (R-EDT-4).
        None if record.particulars.moving.is_some_and(|wish| wish.confirmed) => Vec::new(),
        None if record.particulars.moving.is_some() && record.state != State::Processing => vec![Change::MoveConfirmed],
        None if again => vec![Change::SessionUnbound],
        None => vec![Change::Completed { reason: Reason::SESSION_LOST }],
    }
}

/// Late news: history, never a transition (R-ST-2, R-CAN-2). A session that never was bound is told to stop.
fn after_the_end(record: &Callback, update: &SessionUpdate, now: Instant) -> SessionVerdict {
    let speaker_is_bound = match (&record.session, &update.session) {
        (Some(bound), Some(speaker)) => bound.id.is_same(speaker),
        (None, Some(_)) => false,
        // A session without a name that goes on with what was ended before any was bound: it hears only by the refusal (1.5).
        (None, None) => update.on_behalf.is_some() || !update.state.is_some_and(State::is_open),
        (Some(_), None) => true,
    };
    if !speaker_is_bound {
        return SessionVerdict::Stranger;
    }
    let mut changes = Vec::new();
    if let Some(wish) = &record.cancel {
        let connected = update.state == Some(State::Processing) || update.reason == Some(Reason::AGENT_CONNECTED);
        if connected {
            changes.push(Change::CancelCameTooLate);
        } else if update.state == Some(State::Completed) && !wish.confirmed {
            changes.push(Change::CancelConfirmed);
        }
    }
    let trailing = record.completed_at.is_some_and(|at| now.since(at) < TRAILING);
    let brings_values = !update.user_data.is_empty() || !update.facts.is_empty();
    if changes.is_empty() && !(trailing && brings_values) {
        return SessionVerdict::Ignore(Ignored::Final);
    }
    SessionVerdict::Accept(changes)
}
