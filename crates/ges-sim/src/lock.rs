//! A lock that outlives a panic of its holder: a simulator goes on.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mutex for short, never blocking sections.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
