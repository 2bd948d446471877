//! Carrying out what somebody wished and did not live to see done (R-CAN-2, R-EDT-4, R-CTI-14).

use std::sync::Arc;
use std::time::Duration;

use crate::CallInId;
use crate::callback::{Actor, Callback, CancelWish, Kind, MoveWish, SessionBinding, State};
use crate::ports::{
    CancelAnswer, CancelRequest, Catalogue, Clock, Move, MoveAnswer, Record, SessionEvent, Sessions, StoreError, Told,
};
use crate::use_cases::reschedule::stopped;

/// A wish so old is not being carried out by whoever wrote it down: the session has had its time to answer, and to end for a
/// new time (integrations 1.4, 1.5).
const LEFT_ALONE: Duration = Duration::from_secs(10);

/// Tells sessions what they have not heard yet, and settles.
pub struct CarryOutWishes {
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// What is provisioned.
    pub catalogue: Arc<dyn Catalogue>,
    /// Running sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl CarryOutWishes {
    /// Looks at a record with a session, as it was read just now; `true` when there was a wish to carry out. To be called every
    /// ten seconds: a session that does not answer hears of a cancel again until it does, is stopped or gone, or the deadline has
    /// passed (R-CAN-2); and of a consumer on the line until it answers or the callback ends (R-CTI-14).
    ///
    /// # Errors
    /// [`StoreError`]: the wish stands; the next call carries it out.
    pub async fn run(&self, record: &Callback) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some(session) = &record.session else { return Ok(false) };
        // First, because somebody is on the line; a wish beside it is not held up for longer than a session may take to answer.
        let called = match record.call_in_to_tell() {
            Some((session, call_in)) => self.call_in(record, session, call_in).await.map(|()| true)?,
            None => false,
        };
        let left_alone = |since: crate::Instant| since + LEFT_ALONE <= now;
        match (&record.cancel, record.particulars.moving) {
            (Some(wish), _) if record.cancel_to_tell().is_some() => self.cancel(record, session, wish).await,
            (Some(wish), _) if record.state.is_open() && left_alone(wish.at) => {
                self.cancel(record, session, wish).await
            }
            (None, Some(wish)) if record.state.is_open() && (wish.confirmed || left_alone(wish.at)) => {
                self.reschedule(record, session, wish).await
            }
            _ => Ok(called),
        }
    }

    /// A session that is gone gives way to another one, which hears it then.
    async fn call_in(&self, record: &Callback, session: &SessionBinding, call_in: CallInId) -> Result<(), StoreError> {
        let event = SessionEvent::CalledIn(call_in);
        match self.sessions.tell(session, record.id, &event, self.clock.now()).await {
            Told::Gone | Told::Unreachable => Ok(()),
            Told::Accepted | Told::Refused => {
                let now = self.clock.now();
                self.record.call_in_told(record.tenant, record.id, call_in, &session.id, now).await
            }
        }
    }

    async fn cancel(&self, record: &Callback, session: &SessionBinding, wish: &CancelWish) -> Result<bool, StoreError> {
        let event = SessionEvent::Cancel { reason: wish.reason.clone(), by: Actor::Monitor };
        let answer = match self.sessions.tell(session, record.id, &event, wish.at).await {
            Told::Accepted => CancelAnswer::Accepted,
            Told::Refused => CancelAnswer::Refused,
            Told::Gone => CancelAnswer::Gone,
            Told::Unreachable if record.state != State::Completed => CancelAnswer::NoAnswer,
            // The consumer was promised that nobody calls: its node ends a session that hears nothing (integrations 1.5).
            Told::Unreachable => match self.sessions.terminate(session).await {
                Told::Accepted | Told::Gone => CancelAnswer::Gone,
                Told::Refused | Told::Unreachable => return Ok(true),
            },
        };
        let request = CancelRequest { actor: Actor::Monitor, reason: wish.reason.clone(), keyed: None };
        let (id, now) = (record.id, self.clock.now());
        self.record.settle_cancel(record.tenant, id, &session.id, answer, &request, now).await?;
        Ok(true)
    }

    /// The session was told and has had its time, or nobody lived to tell it: it is stopped, and the booking moves.
    async fn reschedule(
        &self,
        record: &Callback,
        session: &SessionBinding,
        wish: MoveWish,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut to = Move {
            actor: Actor::Monitor,
            desired: wish.desired,
            kind: wish.kind,
            deadline: wish.deadline,
            slot: None,
            edit: None,
        };
        let mut answer = MoveAnswer::Stopped;
        if wish.kind == Kind::Scheduled {
            let service = self.catalogue.service(record.tenant, &record.service).await?;
            let claim = service.and_then(|service| service.schedule().check_booking(wish.desired, now, None).ok());
            // Nobody is there at that time any more: the callback keeps its time.
            if claim.is_none() {
                answer = MoveAnswer::Refused;
            }
            to.slot = claim;
        }
        if answer != MoveAnswer::Refused && !wish.confirmed {
            answer = stopped(self.sessions.terminate(session).await);
        }
        self.record.settle_move(record.tenant, record.id, &session.id, answer, &to, self.clock.now()).await?;
        Ok(true)
    }
}
