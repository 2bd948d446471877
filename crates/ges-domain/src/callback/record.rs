//! The record of one callback (chapter 2).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Direction, Kind, Particulars, Reason, State};
use crate::phone::{PhoneKey, PhoneNumber};
use crate::submission::{self, ack_deadline};
use crate::{CallInId, CallbackId, Instant, ServiceName, SessionId, TenantId};

/// How long a record stays after its desired time (R-REC-1).
pub const RETENTION: Duration = Duration::from_secs(14 * 24 * 3600);

/// One callback, as stored. Public fields; the invariants are those of [`Callback::check`].
#[derive(Debug, Clone, PartialEq)]
pub struct Callback {
    /// Identity; returned by create.
    pub id: CallbackId,
    /// The contact center it belongs to.
    pub tenant: TenantId,
    /// The service (virtual queue) it was booked on.
    pub service: ServiceName,
    /// IMMEDIATE or SCHEDULED.
    pub kind: Kind,
    /// Who dials; copied from the service.
    pub direction: Direction,
    /// Where it stands.
    pub state: State,
    /// Why it ended; present exactly when COMPLETED (R-RSN-1).
    pub reason: Option<Reason>,
    /// The number as given.
    pub phone: PhoneNumber,
    /// The number's canonical form, for counting and rules (R-NUM-3).
    pub phone_key: PhoneKey,
    /// The asked-for time.
    pub desired_at: Instant,
    /// When it was booked.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
    /// When it ended.
    pub completed_at: Option<Instant>,
    /// When attempts end: desired time + the service's callback TTL.
    pub deadline: Instant,
    /// Initial queue priority, -1000 to 1000; overrides the application's.
    pub priority: Option<i32>,
    /// The rarely used fields.
    pub particulars: Particulars,
    /// How far the hand-over to orchestration got.
    pub submission: Submission,
    /// The session that has it.
    pub session: Option<SessionBinding>,
    /// How often the consumer was dialed.
    pub dial_attempts: u32,
    /// A wish to cancel that reached us.
    pub cancel: Option<CancelWish>,
    /// How often it was rescheduled.
    pub reschedules: u32,
    /// Grows by one with every write (R-TR-4).
    pub version: u64,
    /// Sequence of the last accepted session update (R-TR-2).
    pub session_seq: u64,
    /// Position in queue as the session last told it; volatile.
    pub position: Option<u32>,
    /// Estimated wait in seconds as the session last told it; volatile.
    pub ewt: Option<u32>,
}

/// How far the hand-over got (R-SUB-7, R-SUB-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Submission {
    /// Attempts known to have been written to the stream, 0 to 3.
    pub attempts: u32,
    /// Failed write cycles since the last success; bookkeeping, not part of the timeline.
    pub failures: u32,
    /// When the last attempt was written. `None`: to be submitted (the row is the outbox).
    pub submitted_at: Option<Instant>,
}

/// The orchestration session that has a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionBinding {
    /// The session's id.
    pub id: SessionId,
    /// Base URL of the node that runs it, when it said so.
    pub url: Option<String>,
}

/// A wish to cancel (R-CAN-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelWish {
    /// When it was asked for.
    pub at: Instant,
    /// The reason it completes with.
    pub reason: Reason,
    /// Whether the session has accepted it.
    pub confirmed: bool,
    /// Whether the session has to hear of it no more: it is gone, or had an agent already when it heard (R-CAN-2).
    pub dropped: bool,
}

/// A wish for another time that the session has to give way to first (R-EDT-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveWish {
    /// When it was asked for.
    pub at: Instant,
    /// The new desired time.
    pub desired: Instant,
    /// The new type (R-TYP-6).
    pub kind: Kind,
    /// The new deadline.
    pub deadline: Instant,
    /// Whether the session has ended for it.
    pub confirmed: bool,
}

/// A record read back that breaks an invariant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenRecord {
    /// COMPLETED without reason, or a reason on an open record.
    #[error("state and reason do not fit together")]
    ReasonMismatch,
    /// COMPLETED without a completion time, or the reverse.
    #[error("state and completion time do not fit together")]
    CompletionMismatch,
    /// A version of zero: nothing was ever written.
    #[error("version is zero")]
    NoVersion,
    /// Submission times without an attempt.
    #[error("submitted without an attempt")]
    SubmittedWithoutAttempt,
}

impl Callback {
    /// `desiredTime + 14 d`, always (R-REC-1, P-15).
    pub fn expires_at(&self) -> Instant {
        self.desired_at + RETENTION
    }

    /// Whether it still has to be written to the stream for the first time, or again after its session vanished.
    pub fn waits_for_handover(&self) -> bool {
        matches!(self.state, State::Scheduled | State::Queued)
            && self.session.is_none()
            && self.submission.submitted_at.is_none()
    }

    /// Whether its next attempt may be on its way at `now` although nobody has recorded it: a monitor may have read the record as
    /// due, and write or have written what it said then (ADR 2).
    pub(super) fn may_be_on_its_way(&self, now: Instant) -> bool {
        let due_soon = self.kind == Kind::Immediate || now + submission::MAX_LEAD >= self.desired_at;
        self.waits_for_handover() && due_soon
    }

    /// The number the next attempt carries (R-SUB-8). It is not spent until the submission is recorded, so a crash
    /// between writing and recording repeats the same number, which consumers collapse (I2).
    pub fn next_attempt(&self) -> u32 {
        self.last_attempt() + 1
    }

    /// The number of the last attempt known to have been written; 0 for none. It goes on over a reschedule: the first attempt
    /// for a new time must not collapse with the first one for the old time (1.2.7), although three may follow again.
    pub fn last_attempt(&self) -> u32 {
        self.particulars.attempts_before + self.submission.attempts
    }

    /// The correlation id of what is done about its session now (integrations 0.4).
    pub fn correlation(&self) -> Uuid {
        submission::correlation(self.id, self.last_attempt())
    }

    /// The how manieth attempt for its desired time `attempt` is, from 1.
    pub fn attempt_of_its_time(&self, attempt: u32) -> u32 {
        attempt.saturating_sub(self.particulars.attempts_before).max(1)
    }

    /// Whether a session has taken its last attempt without ever telling its name: it cannot be polled or told anything, and no
    /// further attempt follows; the deadline ends what it does not (integrations 1.2.4).
    pub fn is_taken_unnamed(&self) -> bool {
        self.session.is_none()
            && self.submission.submitted_at.is_some()
            && self.particulars.acknowledged == Some(self.last_attempt())
    }

    /// The session that still has to hear that the callback was cancelled, and why it was (R-CAN-2): it did not answer when it
    /// was asked, and the callback was completed without it.
    pub fn cancel_to_tell(&self) -> Option<(&SessionBinding, &Reason)> {
        let wish = self.cancel.as_ref().filter(|wish| !wish.confirmed && !wish.dropped)?;
        let by_wish = self.state == State::Completed && self.reason.as_ref() == Some(&wish.reason);
        self.session.as_ref().filter(|_| by_wish).map(|session| (session, &wish.reason))
    }

    /// The session that still has to hear that the consumer is on the line, and by which request (R-CTI-14).
    pub fn call_in_to_tell(&self) -> Option<(&SessionBinding, CallInId)> {
        let untold = self.particulars.call_in_untold && self.state.is_active();
        self.session.as_ref().zip(self.particulars.call_in_request).filter(|_| untold)
    }

    /// Whether somebody has to look after its session at `now`: an open record that one has, or one whose session still has to
    /// hear of a cancel (R-POL-3, R-CAN-2).
    pub fn is_held(&self, now: Instant) -> bool {
        (self.state.is_open() && self.session.is_some()) || (now < self.deadline && self.cancel_to_tell().is_some())
    }

    /// When a monitor must look at it although nothing wakes it: an unanswered attempt or the deadline (R-SUB-8, R-EXP-1).
    pub fn wake_at(&self) -> Option<Instant> {
        match self.state {
            State::Completed | State::Processing => None,
            _ => match (self.submission.submitted_at, &self.session) {
                (Some(at), None) if !self.is_taken_unnamed() => {
                    Some(ack_deadline(self.submission.attempts, at).min(self.deadline))
                }
                _ => Some(self.deadline),
            },
        }
    }

    /// Whether it holds a place in its capacity cell (R-CAP-1, R-CAP-3).
    pub fn holds_slot(&self) -> bool {
        self.kind == Kind::Scheduled && !self.reason.as_ref().is_some_and(Reason::frees_slot)
    }

    /// Sorting key of one service's records, smallest first (R-SUB-3, I7).
    pub fn order(&self) -> (Instant, i32, Instant, CallbackId) {
        (self.desired_at, -self.priority.unwrap_or(0), self.created_at, self.id)
    }

    /// Checks the invariants every stored record has.
    ///
    /// # Errors
    /// The first one that is broken.
    pub fn check(&self) -> Result<(), BrokenRecord> {
        let completed = self.state == State::Completed;
        if completed != self.reason.is_some() {
            return Err(BrokenRecord::ReasonMismatch);
        }
        if completed != self.completed_at.is_some() {
            return Err(BrokenRecord::CompletionMismatch);
        }
        if self.version == 0 {
            return Err(BrokenRecord::NoVersion);
        }
        if self.submission.submitted_at.is_some() && self.submission.attempts == 0 {
            return Err(BrokenRecord::SubmittedWithoutAttempt);
        }
        Ok(())
    }
}
