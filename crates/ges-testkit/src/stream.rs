//! A stream that writes down what it is given and breaks on command.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use ges_domain::callback::Callback;
use ges_domain::ports::{Dispatch, StreamError, SubmissionStream};
use ges_domain::{CallbackId, Instant};

/// An entry as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The record as it was read.
    pub callback: Callback,
    /// The attempt.
    pub attempt: u32,
    /// Before this the session must not dial.
    pub earliest_dial: Instant,
    /// When it was handed over.
    pub at: Instant,
}

/// How the stream breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written.
    BeforeWrite,
    /// Everything is written, but the writer is not told.
    AfterWrite,
}

/// The ledger of a stream: every entry in the order it was written, repeats included.
#[derive(Debug, Default)]
pub struct StreamLedger(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Written>,
    fault: Option<(Fault, Option<u32>)>,
    calls: u32,
}

impl StreamLedger {
    /// Everything written so far.
    pub fn entries(&self) -> Vec<Written> {
        self.0.lock().unwrap().entries.clone()
    }

    /// What a consumer sees that collapses repeats of one attempt, in order (I2).
    pub fn distinct(&self) -> Vec<(CallbackId, u32)> {
        let mut seen = BTreeSet::new();
        let entries = self.entries();
        let attempts = entries.iter().map(|entry| (entry.callback.id, entry.attempt));
        attempts.filter(|attempt| seen.insert(*attempt)).collect()
    }

    /// How often somebody tried to write, broken tries included.
    pub fn calls(&self) -> u32 {
        self.0.lock().unwrap().calls
    }

    /// Breaks the next `times` writes.
    pub fn fail_times(&self, fault: Fault, times: u32) {
        self.0.lock().unwrap().fault = Some((fault, Some(times)));
    }

    /// Breaks every write until [`Self::heal`].
    pub fn fail(&self, fault: Fault) {
        self.0.lock().unwrap().fault = Some((fault, None));
    }

    /// Writes work again.
    pub fn heal(&self) {
        self.0.lock().unwrap().fault = None;
    }
}

impl Inner {
    fn next_fault(&mut self) -> Option<Fault> {
        let (fault, left) = self.fault.as_mut()?;
        let fault = *fault;
        match left {
            Some(0) => {
                self.fault = None;
                return None;
            }
            Some(times) => *times -= 1,
            None => {}
        }
        Some(fault)
    }
}

#[async_trait]
impl SubmissionStream for StreamLedger {
    async fn submit(&self, batch: &[Dispatch]) -> Result<(), StreamError> {
        let mut inner = self.0.lock().unwrap();
        inner.calls += 1;
        let fault = inner.next_fault();
        if fault != Some(Fault::BeforeWrite) {
            inner.entries.extend(batch.iter().map(|dispatch| Written {
                callback: dispatch.callback.clone(),
                attempt: dispatch.attempt,
                earliest_dial: dispatch.earliest_dial,
                at: dispatch.at,
            }));
        }
        match fault {
            Some(_) => {
                Err(StreamError { refused: batch.len(), total: batch.len(), cause: "the test broke the stream".into() })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ledger_breaks_before_or_after_the_write_as_often_as_told() {
        let ledger = StreamLedger::default();
        ledger.fail_times(Fault::AfterWrite, 1);
        assert!(ledger.submit(&[]).await.is_err());
        assert!(ledger.submit(&[]).await.is_ok());
        ledger.fail(Fault::BeforeWrite);
        assert!(ledger.submit(&[]).await.is_err());
        assert!(ledger.submit(&[]).await.is_err());
        ledger.heal();
        assert!(ledger.submit(&[]).await.is_ok());
        assert_eq!(ledger.calls(), 5);
    }
}
