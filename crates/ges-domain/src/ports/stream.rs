//! The orchestration stream.

use std::sync::Arc;

use async_trait::async_trait;

use super::Cause;
use crate::Instant;
use crate::callback::Callback;
use crate::service::Service;

/// One attempt to hand a callback over (R-SUB-4).
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// The record as read.
    pub callback: Callback,
    /// The service's settings of this moment (R-CRE-9).
    pub service: Arc<Service>,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Before this the session must not dial (R-SUB-4).
    pub earliest_dial: Instant,
    /// When it is handed over.
    pub at: Instant,
}

/// The stream did not take the entries.
#[derive(Debug, thiserror::Error)]
#[error("the orchestration stream did not take {refused} of {total} entries")]
pub struct StreamError {
    /// How many of the batch are not known to be written.
    pub refused: usize,
    /// Size of the batch.
    pub total: usize,
    /// The first failure.
    #[source]
    pub cause: Cause,
}

/// The stream orchestration reads (integrations 1.2).
#[async_trait]
pub trait SubmissionStream: Send + Sync {
    /// Writes one entry per attempt, in this order, in one round trip if it can. Readers collapse repeats of
    /// (callback, attempt), so writing a batch again is safe (I2).
    ///
    /// # Errors
    /// [`StreamError`]: some or all entries are not known to be written; write the whole batch again.
    async fn submit(&self, batch: &[Dispatch]) -> Result<(), StreamError>;
}
