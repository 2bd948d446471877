//! What a run leaves behind: client histories, records with timelines, the stream's ledger, what sessions did.

use std::collections::HashMap;

use crate::callback::{Callback, TimelineEvent};
use crate::slots::Cell;
use crate::{CallbackId, Instant, ServiceName, SessionId, TenantId};

/// Everything the predicates look at. Lists are in the order things were seen; times are the store's.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Creates that were answered 200.
    pub acknowledged: Vec<Acknowledged>,
    /// Cancels that were answered.
    pub cancels: Vec<CancelAnswered>,
    /// Answers to requests with an idempotency key.
    pub repeated: Vec<Repeated>,
    /// Records with their timelines, as stored now.
    pub stories: Vec<Story>,
    /// Stream entries in the order of the stream.
    pub entries: Vec<Entry>,
    /// Sessions that offered to take a callback, in the order they were answered.
    pub sessions: Vec<SessionTold>,
    /// Calls to consumers.
    pub dials: Vec<Dial>,
    /// Writes of monitors that took effect, in order.
    pub writes: Vec<MonitorWrite>,
    /// Records that were shown to somebody.
    pub reads: Vec<Read>,
    /// Limits of cells that were booked.
    pub cells: Vec<CellLimit>,
    /// Log output with what must not be in it.
    pub logs: Vec<LogText>,
    /// When the evidence was taken; records whose retention is over may be gone.
    pub taken_at: Option<Instant>,
    /// The run has come to rest: nothing acknowledged may still be open.
    pub at_rest: bool,
}

/// A create answered 200.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// Who asked.
    pub tenant: TenantId,
    /// The id answered.
    pub id: CallbackId,
    /// The service.
    pub service: ServiceName,
    /// When the answer arrived.
    pub answered_at: Instant,
}

/// A cancel that was answered.
#[derive(Debug, Clone)]
pub struct CancelAnswered {
    /// The callback.
    pub id: CallbackId,
    /// Whether it succeeded.
    pub success: bool,
    /// When the answer arrived.
    pub answered_at: Instant,
}

/// An answer under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// Who asked.
    pub tenant: TenantId,
    /// The key, hashed.
    pub key: u64,
    /// The body, hashed.
    pub body: u64,
    /// Status and answer, hashed; 422 for a key used with another body.
    pub answer: (u16, u64),
}

/// A record and everything that happened to it.
#[derive(Debug, Clone)]
pub struct Story {
    /// The row.
    pub record: Callback,
    /// Its timeline, oldest first.
    pub timeline: Vec<TimelineEvent>,
}

/// A stream entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The tenant it names.
    pub tenant: TenantId,
    /// The callback.
    pub id: CallbackId,
    /// The attempt.
    pub attempt: u32,
    /// When it was written.
    pub at: Instant,
    /// What its writer took for the time before it read what was due; not after `at`, clocks aside.
    pub decided_at: Instant,
    /// The earliest dial time it carries.
    pub earliest_dial: Instant,
}

/// A session offered to take a callback and was answered.
#[derive(Debug, Clone)]
pub struct SessionTold {
    /// The callback.
    pub id: CallbackId,
    /// The session.
    pub session: SessionId,
    /// Whether it may go on.
    pub accepted: bool,
    /// When it was answered.
    pub at: Instant,
}

/// A session called a consumer.
#[derive(Debug, Clone)]
pub struct Dial {
    /// The callback.
    pub id: CallbackId,
    /// The session.
    pub session: SessionId,
    /// When.
    pub at: Instant,
}

/// A write of a monitor that took effect.
#[derive(Debug, Clone)]
pub struct MonitorWrite {
    /// The callback.
    pub id: CallbackId,
    /// The epoch of the lease it was made with.
    pub epoch: u64,
    /// The newest epoch given out for that shard by then.
    pub newest: u64,
    /// When.
    pub at: Instant,
}

/// A record was shown to a caller.
#[derive(Debug, Clone)]
pub struct Read {
    /// Whose caller.
    pub by: TenantId,
    /// The callback.
    pub id: CallbackId,
}

/// What a cell may hold.
#[derive(Debug, Clone)]
pub struct CellLimit {
    /// The tenant.
    pub tenant: TenantId,
    /// The service.
    pub service: ServiceName,
    /// The cell, or the slot of a Capacity rule.
    pub cell: Cell,
    /// Its limit.
    pub limit: u32,
}

/// Log output of a run, with the values that must not appear in it.
#[derive(Clone)]
pub struct LogText {
    /// The output.
    pub text: String,
    /// Numbers, keys, tokens and user data of the run.
    pub forbidden: Vec<String>,
}

impl std::fmt::Debug for LogText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogText({} bytes, {} forbidden values)", self.text.len(), self.forbidden.len())
    }
}

impl Evidence {
    /// The stories by callback.
    pub(super) fn by_id(&self) -> HashMap<CallbackId, &Story> {
        // From the back, so that the first of two stays.
        self.stories.iter().rev().map(|story| (story.record.id, story)).collect()
    }
}
