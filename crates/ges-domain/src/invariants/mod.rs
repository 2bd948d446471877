//! The promises I1 to I11, each one predicate over evidence.
//!
//! One registry serves property tests, the simulation, the checker of real runs and the running service, so that they cannot
//! drift apart. A predicate judges only what the evidence shows: an empty list proves nothing and breaks nothing.

mod audit;
mod capacity;
mod evidence;
mod handover;
mod live;
mod loss;

pub use audit::{audit_record, privacy};
pub use evidence::{
    Acknowledged, CancelAnswered, CellLimit, Dial, Entry, Evidence, LogText, MonitorWrite, Read, Repeated, SessionTold,
    Story,
};

pub use live::{Look, cancelled, ended, giving_up, handing_over, written};

use crate::CallbackId;

/// A promise of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// A create answered 200 ends exactly once with a reason, or is visible as open.
    NoLoss,
    /// At most one live attempt per callback; attempt n+1 only after n is dead.
    NoDouble,
    /// Booked places never exceed a cell's limit.
    Capacity,
    /// Nothing is dialed before its earliest instant, nothing submitted before it can be due.
    Time,
    /// After a successful cancel no dispatch is accepted.
    Cancel,
    /// The same idempotency key gives the same answer.
    Idempotence,
    /// One service's backlog goes out in order.
    Order,
    /// The timeline replays to the row.
    Audit,
    /// Nothing crosses from tenant to tenant.
    Isolation,
    /// Clock trouble breaks none of the above: times on one record never run backwards.
    Clock,
    /// Nothing personal reaches a log.
    Privacy,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::NoLoss,
        Self::NoDouble,
        Self::Capacity,
        Self::Time,
        Self::Cancel,
        Self::Idempotence,
        Self::Order,
        Self::Audit,
        Self::Isolation,
        Self::Clock,
        Self::Privacy,
    ];

    /// The id the documents use.
    pub const fn id(self) -> &'static str {
        match self {
            Self::NoLoss => "I1",
            Self::NoDouble => "I2",
            Self::Capacity => "I3",
            Self::Time => "I4",
            Self::Cancel => "I5",
            Self::Idempotence => "I6",
            Self::Order => "I7",
            Self::Audit => "I8",
            Self::Isolation => "I9",
            Self::Clock => "I10",
            Self::Privacy => "I11",
        }
    }

    /// Judges the evidence by this promise alone.
    pub fn check(self, evidence: &Evidence) -> Vec<Violation> {
        match self {
            Self::NoLoss => loss::no_loss(evidence),
            Self::NoDouble => handover::no_double(evidence),
            Self::Capacity => capacity::capacity(evidence),
            Self::Time => handover::time(evidence),
            Self::Cancel => loss::cancel(evidence),
            Self::Idempotence => loss::idempotence(evidence),
            Self::Order => handover::order(evidence),
            Self::Audit => audit::audit(evidence),
            Self::Isolation => audit::isolation(evidence),
            Self::Clock => audit::clock(evidence),
            Self::Privacy => audit::privacy(evidence),
        }
    }
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The promise.
    pub invariant: Invariant,
    /// The callback, when it is about one.
    pub callback: Option<CallbackId>,
    /// What was seen; nothing personal.
    pub seen: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.invariant.id(), self.seen)?;
        match self.callback {
            Some(id) => write!(f, " (callback {id})"),
            None => Ok(()),
        }
    }
}

/// Judges the evidence by every promise.
pub fn check(evidence: &Evidence) -> Vec<Violation> {
    Invariant::ALL.into_iter().flat_map(|invariant| invariant.check(evidence)).collect()
}

#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod tests;
