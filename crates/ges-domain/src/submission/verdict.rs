//! What a monitor does with a record it looks at (R-SUB-2, R-SUB-8, R-SUB-9, R-PUB-6, R-EXP-1).

use std::time::Duration;

use super::{MAX_ATTEMPTS, ack_deadline, due_from};
use crate::Instant;
use crate::callback::{Callback, Kind, Reason, State};
use crate::service::Service;

/// What becomes of a record that waits for its hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueVerdict {
    /// Write its next attempt now.
    HandOver,
    /// Its time has not come, or its service is paused (R-SUB-9).
    Wait,
    /// Complete it.
    End(Reason),
}

/// Decides about a record that waits for its hand-over. `service`: as it is now, `None` when nobody knows it; `ewt`: the
/// wait of its queue; `stream_down`: the last write cycle failed.
pub fn decide_due(
    record: &Callback,
    service: Option<&Service>,
    ewt: Duration,
    stream_down: bool,
    now: Instant,
) -> DueVerdict {
    if now >= record.deadline {
        return DueVerdict::End(reason_at_deadline(record, stream_down));
    }
    // IMMEDIATE joins the queue at once, whatever its desired time (R-TYP-3).
    if record.kind == Kind::Scheduled && now < due_from(record.desired_at, ewt) {
        return DueVerdict::Wait;
    }
    match service.filter(|service| !service.removed) {
        None => DueVerdict::End(Reason::SERVICE_REMOVED),
        Some(service) if service.paused => DueVerdict::Wait,
        Some(_) => DueVerdict::HandOver,
    }
}

/// What becomes of a record whose timer has rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimerVerdict {
    /// Nothing: it has moved on.
    Nothing,
    /// No session took the attempt: write the next one (R-SUB-8).
    NextAttempt,
    /// No session took the last attempt: complete it with `SUBMIT_FAILED` and count it (R-SUB-8).
    GiveUp,
    /// Its deadline has passed: complete it (T16).
    End(Reason),
}

/// Decides about a record whose [`Callback::wake_at`] has come. A running conversation is never cut (R-TR-5, M13).
pub fn decide_timer(record: &Callback, stream_down: bool, now: Instant) -> TimerVerdict {
    if matches!(record.state, State::Processing | State::Completed) {
        return TimerVerdict::Nothing;
    }
    if now >= record.deadline {
        return TimerVerdict::End(reason_at_deadline(record, stream_down));
    }
    match (record.submission.submitted_at, &record.session) {
        (Some(at), None) if now >= ack_deadline(record.submission.attempts, at) => {
            if record.submission.attempts < MAX_ATTEMPTS { TimerVerdict::NextAttempt } else { TimerVerdict::GiveUp }
        }
        _ => TimerVerdict::Nothing,
    }
}

/// Why a record ends at its deadline: `SUBMIT_FAILED` when its hand-over was tried and no session ever took it, else
/// `FAIL_TIMEOUT_TTL` (R-EXP-1). A stream that is down fails for everybody who waits for it.
pub fn reason_at_deadline(record: &Callback, stream_down: bool) -> Reason {
    let taken = record.session.is_some() || record.session_seq > 0 || record.dial_attempts > 0;
    let tried = record.submission.attempts > 0
        || record.submission.failures > 0
        || (stream_down && record.waits_for_handover());
    if tried && !taken { Reason::SUBMIT_FAILED } else { Reason::FAIL_TIMEOUT_TTL }
}
