//! The stream: every entry in the order it was written, with the moment a reader sees it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ges_domain::invariants::Entry;
use tokio::sync::Notify;
use tokio::time::Instant as Monotonic;

/// An entry and when it is read.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) entry: Entry,
    pub(crate) readable: Monotonic,
}

#[derive(Default)]
pub(crate) struct Ledger {
    entries: Mutex<Vec<Arc<Written>>>,
    news: Notify,
}

impl Ledger {
    pub(crate) fn write(&self, written: Written) {
        self.entries().push(Arc::new(written));
        self.news.notify_one();
    }

    /// The `nth` entry, from 0, once it is written.
    pub(crate) async fn nth(&self, nth: usize) -> Arc<Written> {
        loop {
            let found = self.entries().get(nth).cloned();
            match found {
                Some(written) => return written,
                None => self.news.notified().await,
            }
        }
    }

    /// Everything written so far.
    pub(crate) fn all(&self) -> Vec<Entry> {
        self.entries().iter().map(|written| written.entry.clone()).collect()
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Arc<Written>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
