//! Faults planted on purpose, to see that the checks find them. Only the made-up ports and sessions of this crate know them.

use ges_domain::invariants::Invariant;

/// A broken protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A node that lost its shard is still given due records, and counts an attempt of its own.
    DoubleDispatch,
    /// A stale epoch is good enough to read what is due and to record what was handed over.
    StaleEpochAccepted,
    /// An attempt counts as written earlier than it was, so that the next one follows too soon.
    AttemptTooEarly,
    /// Places are counted outside the transaction that takes one.
    CheckThenAct,
    /// Hints get lost and nobody looks by itself.
    NoRescan,
    /// A session may take a cancelled callback.
    BoundAfterCancel,
    /// A cancel is answered with success and not written.
    EmptyCancel,
    /// A second session takes a callback that another one holds.
    SecondSession,
    /// A session that gave a callback up takes it again with an update that came late or twice.
    ReturningSession,
    /// Requests to cancel get lost between their halves; a callback whose session is lost then waits for a new attempt, and
    /// no monitor looks at the wish.
    WishForgotten,
    /// An attempt is recorded with the time of a node that was suspended.
    StampedBehind,
    /// A session's update is applied although it is old news.
    UpdateTwice,
    /// A change leaves no event.
    MissingEvent,
    /// A row changes without a version.
    SilentRow,
    /// Times are stamped by a node whose clock is ten minutes behind.
    NodeClock,
    /// Due records come in the order of their ids.
    WrongOrder,
    /// A booking is answered before it is written.
    AckBeforeWrite,
    /// Sessions do not wait for the earliest instant.
    EarlyDial,
    /// Entries may be dialed at once.
    EarlyEntry,
    /// Looking up does not ask whose it is.
    ForeignRead,
    /// Keys are not kept with what was booked under them.
    ForgottenKey,
    /// Of the day: sessions that are gone are taken for alive.
    LossOverlooked,
    /// Of the day: a session begins to count its dial attempts anew with every redial.
    DialsForgotten,
    /// Of the day: monitors do not see that a service is paused.
    PauseOverlooked,
}

impl Bug {
    /// Those of the day in the simulator.
    pub const OF_THE_DAY: [Self; 3] = [Self::LossOverlooked, Self::DialsForgotten, Self::PauseOverlooked];

    /// All of the stormy hour.
    pub const ALL: [Self; 21] = [
        Self::DoubleDispatch,
        Self::StaleEpochAccepted,
        Self::AttemptTooEarly,
        Self::CheckThenAct,
        Self::NoRescan,
        Self::BoundAfterCancel,
        Self::EmptyCancel,
        Self::SecondSession,
        Self::ReturningSession,
        Self::WishForgotten,
        Self::StampedBehind,
        Self::UpdateTwice,
        Self::MissingEvent,
        Self::SilentRow,
        Self::NodeClock,
        Self::WrongOrder,
        Self::AckBeforeWrite,
        Self::EarlyDial,
        Self::EarlyEntry,
        Self::ForeignRead,
        Self::ForgottenKey,
    ];

    /// The promise it breaks; none: the day has a condition of its own against it.
    pub const fn breaks(self) -> Option<Invariant> {
        match self {
            Self::NoRescan | Self::AckBeforeWrite => Some(Invariant::NoLoss),
            Self::DoubleDispatch
            | Self::StaleEpochAccepted
            | Self::AttemptTooEarly
            | Self::SecondSession
            | Self::ReturningSession
            | Self::StampedBehind => Some(Invariant::NoDouble),
            Self::CheckThenAct => Some(Invariant::Capacity),
            Self::EarlyDial | Self::EarlyEntry => Some(Invariant::Time),
            Self::BoundAfterCancel | Self::EmptyCancel | Self::WishForgotten => Some(Invariant::Cancel),
            Self::WrongOrder => Some(Invariant::Order),
            Self::UpdateTwice | Self::MissingEvent | Self::SilentRow => Some(Invariant::Audit),
            Self::LossOverlooked | Self::DialsForgotten | Self::PauseOverlooked => None,
            Self::ForeignRead => Some(Invariant::Isolation),
            Self::ForgottenKey => Some(Invariant::Idempotence),
            Self::NodeClock => Some(Invariant::Clock),
        }
    }
}
