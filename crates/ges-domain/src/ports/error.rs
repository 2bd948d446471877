//! How a record store fails.

/// The error underneath, kept for the operator.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What the caller can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Ask again.
    Retry,
    /// Asking again will not help.
    GiveUp,
}

/// The record store broke. Messages never contain values of a record (I11).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No answer, or none in time: nothing is known to have happened.
    #[error("the record store did not answer")]
    Unavailable(#[source] Cause),
    /// A stored row breaks an invariant or does not decode.
    #[error("a row of {table} does not read back")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Another writer won five times in a row (R-TR-4).
    #[error("the record kept changing under this write")]
    Contended,
}

impl StoreError {
    /// What to do about it.
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::Unavailable(_) | Self::Contended => Remedy::Retry,
            Self::Unreadable { .. } => Remedy::GiveUp,
        }
    }
}
