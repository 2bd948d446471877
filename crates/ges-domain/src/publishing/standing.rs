//! What has been published so far.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Edition, Kind, Problem, Section, Table};

/// How long a removed service keeps its assignments and its pause for the case that it comes back (R-PUB-5).
pub const KEEPS_ASSIGNMENTS: Duration = Duration::from_secs(14 * 86_400);

/// A table as last published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableState {
    /// The last publish of it.
    pub edition: Edition,
    /// Rows that could not even be kept.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// The published configuration of a tenant, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Grows with every publish that is applied; 0 before the first.
    pub revision: u64,
    /// The last publish of all.
    pub last: Option<Edition>,
    /// Tables, by when they were published last.
    pub tables: BTreeMap<Table, TableState>,
    /// Sections by name.
    pub sections: BTreeMap<String, Section>,
}

impl Standing {
    /// Everything that was not taken, tables first (R-CFG-1).
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let of_tables = self.tables.values().flat_map(|table| &table.problems);
        of_tables.chain(self.sections.values().flat_map(|section| &section.problems))
    }

    /// The same of one table.
    pub fn problems_of(&self, table: Table) -> impl Iterator<Item = &Problem> {
        let rows = self.sections.iter();
        let rows = rows.filter(move |(name, section)| Kind::of(name, &section.cells).table() == Some(table));
        let rows = rows.flat_map(|(_, section)| &section.problems);
        rows.chain(self.tables.get(&table).into_iter().flat_map(|state| &state.problems))
    }
}
