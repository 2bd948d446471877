//! Rows of the native tables as sections (integrations 5.4).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::cells::filled;
use super::section::KIND;
use super::{Cells, Flaw, Problem, Table};
use crate::ServiceName;

/// The sections that rows become, each under its table's prefix, and the rows that have no usable name. Rows of number
/// validation are one section, as they came: their text is theirs (R-TAB-1).
pub fn sections_of(table: Table, rows: Vec<Cells>) -> (BTreeMap<String, Cells>, Vec<Problem>) {
    let mut sections: BTreeMap<String, Cells> = BTreeMap::new();
    let mut refused = Vec::new();
    let columns: &[&str] = match table {
        Table::CallbackSettings => &["serviceName", "Virtual Queue", "_urs_virtual_queue"],
        Table::BusinessHours | Table::SpecialDays => &["name", "_name"],
        Table::NumberValidation => {
            let all = rows.into_iter().flat_map(BTreeMap::into_values).enumerate();
            let all: Cells = all.map(|(place, row)| (format!("row{}", place + 1), row)).collect();
            return (BTreeMap::from([("number_validation".to_owned(), all)]), refused);
        }
    };
    for (place, mut cells) in rows.into_iter().enumerate() {
        let row = format!("row {}", place + 1);
        let Some(name) = columns.iter().find_map(|column| filled(&cells, column)) else {
            refused.push(Flaw::new(columns[0], "is required").of(&row));
            continue;
        };
        let name = match ServiceName::new(name) {
            Ok(name) => format!("{}{name}", table.prefix()),
            Err(bad) => {
                refused.push(Flaw::new(columns[0], bad.to_string()).of(&row));
                continue;
            }
        };
        if let Some(word) = table.kind().word() {
            cells.insert(KIND.to_owned(), word.to_owned());
        }
        match sections.entry(name) {
            Entry::Occupied(_) => refused.push(Flaw::new(columns[0], "names a row that was given before").of(&row)),
            Entry::Vacant(free) => drop(free.insert(cells)),
        }
    }
    (sections, refused)
}
