//! Talking to a running orchestration session.

use async_trait::async_trait;

use crate::callback::{Actor, Reason, SessionBinding, UserData};
use crate::{CallInId, CallbackId, Instant};

/// What a session can be told about its callback (integrations 1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// It is cancelled or out of time: leave the queue and end with this reason (R-CAN-2, R-EXP-1).
    Cancel {
        /// The reason it ends with.
        reason: Reason,
        /// Who wishes it.
        by: Actor,
    },
    /// It has a new time: leave the queue and give the callback back (R-EDT-4).
    Reschedule {
        /// The new desired time.
        to: Instant,
    },
    /// Its service is paused: keep the position, dial nobody (T13).
    Pause,
    /// Its service goes on (T14).
    Resume,
    /// The user data changed; this is all of it.
    UserData(UserData),
    /// The priority changed, -1000 to 1000.
    Priority(i32),
    /// The consumer has called in and is on the line (R-CTI-14).
    CalledIn(CallInId),
}

/// What came of telling a session something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It took the event.
    Accepted,
    /// It answered that an agent is connected already.
    Refused,
    /// No such session any more.
    Gone,
    /// No answer in time.
    Unreachable,
}

/// Running sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Tells a session what happened to its callback at `at` (integrations 1.4), within 3 s. Never an error: every way it can
    /// fail has a business answer. Safe to repeat.
    async fn tell(&self, session: &SessionBinding, callback: CallbackId, event: &SessionEvent, at: Instant) -> Told;

    /// Makes a session stop that has no right to a callback, or did not stop when it was told to (1.2.5, 1.4), within 3 s.
    /// Never an error, never [`Told::Refused`]. Safe to repeat.
    async fn terminate(&self, session: &SessionBinding) -> Told;
}
