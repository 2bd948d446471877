//! Watching the sessions that have callbacks (chapter 6.2).

use async_trait::async_trait;

use super::StoreError;
use crate::CallbackId;
use crate::callback::{Callback, SessionBinding};

/// What a node says of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// It runs.
    Beats,
    /// The node knows no such session.
    Gone,
    /// No answer that says either; never counts against a session (R-POL-3).
    Unreachable,
}

/// Asks nodes about their sessions.
#[async_trait]
pub trait SessionPulse: Send + Sync {
    /// Whether a session still runs, within some seconds.
    async fn pulse(&self, session: &SessionBinding) -> Pulse;
}

/// Records that sessions have.
#[async_trait]
pub trait HeldRecords: Send + Sync {
    /// Records whose session needs looking after at `now` ([`Callback::is_held`]), by id, at most `limit`, those after `after`
    /// when it is given.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn held(
        &self,
        after: Option<CallbackId>,
        limit: u32,
        now: crate::Instant,
    ) -> Result<Vec<Callback>, StoreError>;
}
