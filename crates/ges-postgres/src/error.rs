//! How PostgreSQL's failures read to the domain. A server message may quote a value, so none is kept (I11).

use ges_domain::ports::{Cause, StoreError};

/// What went wrong underneath, without a value of any record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The server answered with an error.
    #[error("PostgreSQL refused a statement with SQLSTATE {state}{}", constraint.as_deref().map(|name| format!(", constraint {name}")).unwrap_or_default())]
    Refused {
        /// The code.
        state: String,
        /// The constraint it names.
        constraint: Option<String>,
    },
    /// The network, or the pool.
    #[error("PostgreSQL is not reachable: {0}")]
    Unreachable(&'static str),
    /// The socket failed.
    #[error("the connection to PostgreSQL failed")]
    Io(#[source] std::io::Error),
    /// Somebody else is at it.
    #[error("{0}")]
    Busy(&'static str),
    /// A column that does not decode.
    #[error("column {0} does not decode")]
    Column(String),
    /// A stored value that breaks its type's invariant.
    #[error("{0} is not valid")]
    Value(&'static str),
    /// An answer of another shape than the statement has.
    #[error("the answer has another shape than expected")]
    Shape,
}

impl From<Fault> for StoreError {
    /// The only place that sees the cause of a refusal: callers hear `StoreUnavailable`, the operator finds it here.
    fn from(fault: Fault) -> Self {
        tracing::warn!(error = &fault as &dyn std::error::Error, "the record store failed");
        Self::Unavailable(fault.into())
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refused) => Self::Refused {
                state: refused.code().unwrap_or_default().into_owned(),
                constraint: refused.constraint().map(str::to_owned),
            },
            sqlx::Error::Io(cause) => Self::Io(cause),
            sqlx::Error::PoolTimedOut => Self::Unreachable("no connection became free in time"),
            sqlx::Error::PoolClosed => Self::Unreachable("the store is closed"),
            sqlx::Error::Tls(_) => Self::Unreachable("TLS could not be agreed on"),
            sqlx::Error::Configuration(_) => Self::Unreachable("the connection settings do not hold"),
            sqlx::Error::ColumnDecode { index, .. } => Self::Column(index),
            sqlx::Error::ColumnNotFound(name) => Self::Column(name),
            sqlx::Error::Decode(_) | sqlx::Error::ColumnIndexOutOfBounds { .. } | sqlx::Error::TypeNotFound { .. } => {
                Self::Shape
            }
            // Says nothing about what is stored: a server that ends may break off in the middle of an answer.
            _ => Self::Unreachable("the conversation with the server broke off"),
        }
    }
}

/// Maps an error of a statement that reads no documents.
pub(crate) fn unavailable(error: sqlx::Error) -> StoreError {
    Fault::from(error).into()
}

/// Maps an error of a statement that reads rows of `table`.
pub(crate) fn reading(table: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| match Fault::from(error) {
        fault @ (Fault::Column(_) | Fault::Shape) => unreadable(table, fault),
        fault => fault.into(),
    }
}

/// A row of `table` that does not read back.
pub(crate) fn unreadable(table: &'static str, cause: impl Into<Cause>) -> StoreError {
    let cause = cause.into();
    tracing::error!(table, error = &*cause as &dyn std::error::Error, "a row does not read back");
    StoreError::Unreadable { table, cause }
}

/// Whether the server refused the statement because of a value in it: another value would have passed, and surely nothing
/// happened.
pub(crate) fn refused_a_value(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|refused| refused.code());
    code.is_some_and(|code| ["22", "23"].iter().any(|class| code.starts_with(class)))
}

/// Whether the server gave up on it because of other writers: deadlock, serialisation, lock timeout.
pub(crate) fn lost_a_race(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|refused| refused.code());
    // A key that another flight has just kept an answer under is a race as well.
    let kept = error.as_database_error().and_then(|refused| refused.constraint()) == Some("idempotency_pk");
    kept || code.is_some_and(|code| matches!(&*code, "40P01" | "40001" | "55P03"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_that_broke_off_says_nothing_about_what_is_stored() {
        let protocol = sqlx::Error::Protocol("unexpected message".into());
        for error in [protocol, sqlx::Error::RowNotFound, sqlx::Error::WorkerCrashed] {
            assert!(matches!(reading("slot_usage")(error), StoreError::Unavailable(_)));
        }
        for error in [sqlx::Error::ColumnNotFound("used".into()), sqlx::Error::Decode("no number".into())] {
            assert!(matches!(reading("slot_usage")(error), StoreError::Unreadable { .. }));
        }
    }
}
