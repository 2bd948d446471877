//! Why a row was not taken (R-CFG-1).

use serde::{Deserialize, Serialize};

/// A cell that does not hold. The cause never repeats the cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The column as the sender spells it, or its canonical key when the cell is missing.
    pub column: String,
    /// What is wrong, as a predicate: `must be 5 to 120 seconds`.
    pub cause: String,
}

impl Flaw {
    pub(super) fn new(column: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { column: column.into(), cause: cause.into() }
    }

    /// The same about a row.
    pub(super) fn of(self, row: &str) -> Problem {
        Problem { row: row.to_owned(), column: self.column, cause: self.cause }
    }
}

/// A row that was not taken, or not wholly: row, column and cause (R-CFG-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The section's name, or the place of a row that has none.
    pub row: String,
    /// The column.
    pub column: String,
    /// What is wrong with it.
    pub cause: String,
}
