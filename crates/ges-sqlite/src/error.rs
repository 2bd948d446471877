//! From driver errors to the port's: what did not happen, and what does not read back.

use ges_domain::ports::{Cause, StoreError};

/// The store did not do it.
pub(crate) fn unavailable(cause: impl Into<Cause>) -> StoreError {
    StoreError::Unavailable(cause.into())
}

/// A row of `table` breaks its form; the cause names a column, never a value (I11).
pub(crate) fn unreadable(table: &'static str, cause: impl Into<Cause>) -> StoreError {
    StoreError::Unreadable { table, cause: cause.into() }
}

/// A column holds something that its field cannot be.
#[derive(Debug, thiserror::Error)]
#[error("column {0} holds no valid value")]
pub(crate) struct BadColumn(pub(crate) &'static str);
