//! What can happen to a record, as values: the timeline (I8).

use serde::{Deserialize, Serialize};

use super::{Callback, CancelWish, Kind, Reason, SessionBinding, State};
use crate::{Instant, SessionId};

/// Who caused a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Actor {
    /// The consumer, through the public API.
    Api,
    /// A member of staff, by user name.
    Ui(String),
    /// A Designer application.
    Ivr,
    /// The orchestration session.
    Session,
    /// A background monitor.
    Monitor,
}

/// One thing that happened to a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It was booked (T1, T2).
    Booked,
    /// An attempt was written to the stream (T3, or a retry), or a session without a name proved that it was.
    Submitted {
        /// Attempt number, from 1.
        attempt: u32,
    },
    /// A session took it (R-TR-3); the attempt counts as written even if that was never recorded. Of the session that has it
    /// already: where it runs now.
    SessionBound {
        /// The session.
        session: SessionId,
        /// Its node, when it said so.
        url: Option<String>,
    },
    /// Its session is gone; it waits for a new attempt (R-POL-3).
    SessionUnbound,
    /// The state moved without ending (T4 to T7, T13, T14).
    Moved {
        /// The new state.
        to: State,
    },
    /// The consumer was dialed; the count so far.
    Dialed {
        /// Dial attempts so far.
        attempts: u32,
    },
    /// A session update with this sequence was accepted (R-TR-2).
    SessionSaw {
        /// The sequence.
        seq: u64,
    },
    /// Fields were edited; names only, values live in the row.
    Edited {
        /// Names of the fields.
        fields: Vec<String>,
    },
    /// The desired time moved (T11, T12).
    Rescheduled {
        /// The time before.
        from: Instant,
        /// The time now.
        to: Instant,
        /// The type before.
        was: Kind,
        /// The type now (R-TYP-6).
        kind: Kind,
        /// The deadline before.
        old_deadline: Instant,
        /// The deadline now.
        deadline: Instant,
    },
    /// Somebody wishes to cancel; a session has to be asked first (R-CAN-2).
    CancelWished {
        /// The reason it will complete with.
        reason: Reason,
    },
    /// The session refused the wish: an agent is connected (R-CAN-2).
    CancelRefused,
    /// The session accepted the wish, maybe after completion.
    CancelConfirmed,
    /// The session had already connected the consumer when the cancel reached it (R-CAN-2).
    CancelCameTooLate,
    /// The session went on with what had been cancelled; history, the state stays (R-CAN-2).
    HeardLate {
        /// The state it told.
        state: State,
    },
    /// The session is gone, so it need not hear of the wish any more (R-CAN-2).
    CancelDropped,
    /// Somebody wishes another time; the session has to give way first (R-EDT-4).
    MoveWished {
        /// The time wished for.
        to: Instant,
    },
    /// The session has ended for the wished time (R-EDT-4).
    MoveConfirmed,
    /// The wish for another time is given up: an agent is connected, or the time is taken by now (R-EDT-4).
    MoveDropped,
    /// It ended (T8 to T10, T15 to T17).
    Completed {
        /// Why.
        reason: Reason,
    },
}

/// One write to a record: everything in it happened together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEvent {
    /// The record's version after this write, from 1 without gaps.
    pub seq: u64,
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: Actor,
    /// What, in order.
    pub changes: Vec<Change>,
}

impl Callback {
    /// The record after one more write, with the event that tells it. The only way a record changes.
    ///
    /// Nodes read the store's clock a little apart; on one record time never runs backwards (I10).
    pub fn apply(&self, actor: Actor, at: Instant, changes: Vec<Change>) -> (Self, TimelineEvent) {
        let event = TimelineEvent { seq: self.version + 1, at: at.max(self.updated_at), actor, changes };
        let mut next = self.clone();
        next.absorb(&event);
        (next, event)
    }

    fn absorb(&mut self, event: &TimelineEvent) {
        self.version = event.seq;
        self.updated_at = event.at;
        for change in &event.changes {
            self.absorb_change(change, event.at);
        }
    }

    fn absorb_change(&mut self, change: &Change, at: Instant) {
        match change {
            Change::Booked | Change::Edited { .. } | Change::HeardLate { .. } => {}
            Change::Submitted { attempt } => {
                let attempt = attempt.saturating_sub(self.particulars.attempts_before);
                self.submission.attempts = self.submission.attempts.max(attempt);
                self.submission.submitted_at = Some(at);
                self.submission.failures = 0;
                if self.state == State::Scheduled {
                    self.state = State::Queued;
                }
            }
            Change::SessionBound { session, url } => {
                // The same session on another node counts on.
                if !self.session.as_ref().is_some_and(|bound| bound.id.is_same(session)) {
                    self.session_seq = 0;
                }
                self.session = Some(SessionBinding { id: session.clone(), url: url.clone() });
                if self.submission.submitted_at.is_none() {
                    self.submission.attempts += 1;
                    self.submission.submitted_at = Some(at);
                }
                if self.state == State::Scheduled {
                    self.state = State::Queued;
                }
            }
            Change::SessionUnbound => {
                self.session = None;
                self.submission.submitted_at = None;
                self.state = State::Queued;
                self.position = None;
                self.ewt = None;
            }
            Change::Moved { to } => self.state = *to,
            Change::Dialed { attempts } => self.dial_attempts = self.dial_attempts.max(*attempts),
            Change::SessionSaw { seq } => self.session_seq = *seq,
            Change::Rescheduled { to, kind, deadline, .. } => {
                self.desired_at = *to;
                self.kind = *kind;
                self.deadline = *deadline;
                self.reschedules += 1;
                self.session = None;
                self.submission = super::Submission::default();
                self.session_seq = 0;
                self.state = if *kind == Kind::Scheduled { State::Scheduled } else { State::Queued };
                self.position = None;
                self.ewt = None;
            }
            Change::CancelWished { reason } => {
                self.cancel = Some(CancelWish { at, reason: reason.clone(), confirmed: false, dropped: false });
            }
            Change::CancelRefused => self.cancel = None,
            Change::CancelConfirmed => {
                if let Some(wish) = &mut self.cancel {
                    (wish.confirmed, wish.dropped) = (true, false);
                }
            }
            Change::CancelCameTooLate | Change::CancelDropped => {
                if let Some(wish) = &mut self.cancel {
                    wish.dropped = !wish.confirmed;
                }
            }
            // The wish stands in the particulars, which are those of the row.
            Change::MoveWished { .. } | Change::MoveConfirmed | Change::MoveDropped => {}
            Change::Completed { reason } => {
                self.state = State::Completed;
                self.reason = Some(reason.clone());
                self.completed_at = Some(at);
                // It has no other time any more; what was wished is history.
                self.particulars.moving = None;
                self.position = None;
                self.ewt = None;
            }
        }
    }

    /// The record as it was the moment it was booked: what the timeline is folded from.
    ///
    /// Fields that no [`Change`] carries (number, particulars, priority) are those of the row; queue position, EWT and
    /// failed write cycles are volatile and start empty.
    fn as_booked(&self, events: &[TimelineEvent]) -> Self {
        let first_move = events.iter().flat_map(|event| &event.changes).find_map(|change| match change {
            Change::Rescheduled { from, was, old_deadline, .. } => Some((*from, *was, *old_deadline)),
            _ => None,
        });
        let (desired_at, kind, deadline) = first_move.unwrap_or((self.desired_at, self.kind, self.deadline));
        Self {
            kind,
            desired_at,
            deadline,
            state: if kind == Kind::Scheduled { State::Scheduled } else { State::Queued },
            reason: None,
            updated_at: self.created_at,
            completed_at: None,
            submission: super::Submission::default(),
            session: None,
            dial_attempts: 0,
            cancel: None,
            reschedules: 0,
            version: 0,
            session_seq: 0,
            position: None,
            ewt: None,
            ..self.clone()
        }
    }
}

/// Replays a timeline onto what was booked. For every stored record the answer equals the row, volatile fields aside (I8).
pub fn fold(row: &Callback, events: &[TimelineEvent]) -> Callback {
    let mut record = row.as_booked(events);
    for event in events {
        record.absorb(event);
    }
    record
}
