//! The record of callbacks: booking, reading, changing.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::StoreError;
use crate::booking::{Booked, NewBooking, SlotClaim};
use crate::callback::{
    Actor, Callback, Direction, Ignored, Kind, Overgrown, Reason, SessionBinding, SessionUpdate, State, TimelineEvent,
    UserData,
};
use crate::capacity::Usage;
use crate::idempotency::Keyed;
use crate::phone::{PhoneKey, PhoneNumber};
use crate::{CallInId, CallbackId, Instant, ServiceName, SessionId, TenantId};

/// Taking bookings.
#[async_trait]
pub trait Bookings: Send + Sync {
    /// Checks, counts and writes one booking: the record, its place in the cell, its first timeline event, the wake-up of
    /// its monitor (R-CRE-1). Concurrent calls may share one transaction; each gets its own verdict by
    /// [`crate::booking::admit`]. Once `Accepted` is returned the booking is durable. Not safe to repeat (R-CRE-6), except
    /// under a key: the answer is kept in the same transaction, and a repetition gets it back (I6).
    ///
    /// # Errors
    /// [`StoreError`]: the booking may or may not exist.
    async fn book(&self, booking: NewBooking) -> Result<Booked, StoreError>;

    /// Places booked per 5-minute grain in `from..until` (R-CAP-3).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn usage(
        &self,
        tenant: TenantId,
        service: &ServiceName,
        from: Instant,
        until: Instant,
    ) -> Result<Usage, StoreError>;

    /// The watermark of a service: its active records, of which more than `up_to` are not counted; 0 for an unknown service
    /// (R-QS-5).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn watermark(&self, tenant: TenantId, service: &ServiceName, up_to: u32) -> Result<u32, StoreError>;
}

/// A wish to cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// Who wishes.
    pub actor: Actor,
    /// The reason it completes with.
    pub reason: Reason,
    /// The key it came under, if any: success is kept under it in the transaction that completes the record (I6).
    pub keyed: Option<Keyed>,
}

/// What a cancel came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Cancelled {
    /// It is COMPLETED and its place is free: no later dispatch is accepted (I5).
    Done(Box<Callback>),
    /// This session has it: the wish is durable, ask the session and settle (R-CAN-2).
    AskSession(SessionBinding),
    /// It is COMPLETED already.
    AlreadyCompleted,
    /// An agent handles it (R-CAN-3).
    NotCancellable,
    /// It was carried out under the request's key before; the answer is the same again (I6).
    Repeated,
    /// The request's key stands for another request (I6).
    KeyReused,
    /// No such callback for this tenant.
    Unknown,
}

/// How a session answered a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It stops: complete, confirmed.
    Accepted,
    /// An agent is connected: the wish is dropped.
    Refused,
    /// No such session: complete, not confirmed.
    Gone,
    /// No answer: complete, not confirmed; the session has to hear of it later.
    NoAnswer,
}

/// What became of a session that had to give way to another time (R-EDT-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveAnswer {
    /// It said that it stops, or nobody knows: the callback moves, and the session has to be watched
    /// ([`crate::callback::former_session`]).
    Stopped,
    /// It is over: the callback moves.
    Ended,
    /// An agent is connected: the wish is dropped.
    Refused,
}

/// A new time, with everything decided but the counted part.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// Who moves it.
    pub actor: Actor,
    /// The new desired time.
    pub desired: Instant,
    /// The new type (R-TYP-6).
    pub kind: Kind,
    /// The new deadline.
    pub deadline: Instant,
    /// The place it asks for, for SCHEDULED.
    pub slot: Option<SlotClaim>,
    /// Fields to change in the same write, of a record that is still SCHEDULED; of any other the move is refused.
    pub edit: Option<Edit>,
}

/// What a move came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Moved {
    /// It has the new time; the old place is free (R-EDT-2).
    Done(Box<Callback>),
    /// The new cell is full; nothing changed.
    SlotFull,
    /// Its state allows no move.
    NotReschedulable(State),
    /// A session has it and has to give way first (R-EDT-4): the wish is durable, tell the session and settle.
    SessionHolds(SessionBinding),
    /// No such callback for this tenant.
    Unknown,
}

/// Fields to change; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    /// A new number with its key, checked before (R-EDT-1).
    pub phone: Option<(PhoneNumber, PhoneKey)>,
    /// The whole new user data.
    pub user_data: Option<UserData>,
    /// A new priority.
    pub priority: Option<i32>,
    /// A new language.
    pub language: Option<String>,
    /// Facts to set, or to remove with an empty text; others stay.
    pub facts: BTreeMap<String, String>,
    /// A new call direction, copied from the service.
    pub direction: Option<Direction>,
}

/// What an edit came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Edited {
    /// The record as it is now.
    Done(Box<Callback>),
    /// Its state allows no edit (chapter 5).
    NotEditable(State),
    /// No such callback for this tenant.
    Unknown,
}

/// What a session's update came to.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionAnswer {
    /// Written; the record as it is now.
    Accepted(Box<Callback>),
    /// Nothing to change; answer success.
    Ignored(Ignored),
    /// Another session has it, or nobody may take it: the session must stop.
    Stranger,
    /// The move is not in the table (R-TR-1).
    Illegal {
        /// Where it stands.
        from: State,
        /// Where the session wanted it.
        to: State,
    },
    /// It would outgrow a limit; nothing was written (R-REC-5).
    TooLarge(Overgrown),
    /// No such callback.
    Unknown,
}

/// Reading and changing single records. Every change is one compare-and-set on the version with its timeline event in the
/// same transaction (R-TR-4); after five conflicts it is [`StoreError::Contended`].
#[async_trait]
pub trait Record: Send + Sync {
    /// One record of this tenant; none when unknown, expired or another tenant's (R-CAN-3, R-REC-2, I9).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn find(&self, tenant: TenantId, id: CallbackId, now: Instant) -> Result<Option<Callback>, StoreError>;

    /// The tenant a record belongs to, for internal calls that are addressed by id alone (integrations 2.1).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn tenant_of(&self, id: CallbackId) -> Result<Option<TenantId>, StoreError>;

    /// The timeline of a record, oldest first; empty when unknown.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn timeline(&self, tenant: TenantId, id: CallbackId) -> Result<Vec<TimelineEvent>, StoreError>;

    /// First half of a cancel (R-CAN-1, R-CAN-2): completes a record no session has, else keeps the wish. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn cancel(
        &self,
        tenant: TenantId,
        id: CallbackId,
        request: &CancelRequest,
        now: Instant,
    ) -> Result<Cancelled, StoreError>;

    /// Second half of a cancel, of the same request: what the session `asked` answered. When another session has the callback by
    /// now, nobody has asked that one: nothing is written, and the answer is [`Cancelled::AskSession`]. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn settle_cancel(
        &self,
        tenant: TenantId,
        id: CallbackId,
        asked: &SessionId,
        answer: CancelAnswer,
        request: &CancelRequest,
        now: Instant,
    ) -> Result<Cancelled, StoreError>;

    /// Moves a booking to another time in one step: the place it holds counts as free while the new one is taken, and
    /// moving within its cell always works (R-EDT-2). When a session has it, only the wish is kept, if there is a place now; the
    /// place is not held for it. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn move_booking(
        &self,
        tenant: TenantId,
        id: CallbackId,
        to: &Move,
        now: Instant,
    ) -> Result<Moved, StoreError>;

    /// Second half of a move: what became of the session `asked`, which had the callback when the wish was kept (R-EDT-4, T12).
    /// When the place is taken by now, a stopped callback waits for a new attempt at its old time and the answer is
    /// [`Moved::SlotFull`]. When another session has it by now, nothing is written, and the answer is [`Moved::SessionHolds`].
    /// Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn settle_move(
        &self,
        tenant: TenantId,
        id: CallbackId,
        asked: &SessionId,
        answer: MoveAnswer,
        to: &Move,
        now: Instant,
    ) -> Result<Moved, StoreError>;

    /// Changes fields of a SCHEDULED record (chapter 5). Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn edit(
        &self,
        tenant: TenantId,
        id: CallbackId,
        edit: &Edit,
        actor: &Actor,
        now: Instant,
    ) -> Result<Edited, StoreError>;

    /// Notes that the session `asked` has heard of the call of this request, by [`crate::callback::acts::call_in_told`]
    /// (R-CTI-14). Nothing is written when another session has the callback by now: that one has not heard. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn call_in_told(
        &self,
        tenant: TenantId,
        id: CallbackId,
        call_in: CallInId,
        asked: &SessionId,
        now: Instant,
    ) -> Result<(), StoreError>;

    /// Applies what a session told us, by [`crate::callback::decide_session_update`]. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; the session has to ask again.
    async fn apply_session_update(
        &self,
        tenant: TenantId,
        id: CallbackId,
        update: &SessionUpdate,
        now: Instant,
    ) -> Result<SessionAnswer, StoreError>;
}
