//! Cells of a row as they were sent: text, whatever they mean (R-CFG-3).

use std::collections::BTreeMap;

/// A row or section: column to text.
pub type Cells = BTreeMap<String, String>;

/// The cell as text, or `None` when it is missing or blank, which means the default.
pub(super) fn filled<'a>(cells: &'a Cells, column: &str) -> Option<&'a str> {
    cells.get(column).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
}

/// `true`, `yes`, `1` and their opposites, in any case (R-CFG-3).
pub(super) fn truth(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// The filled cells whose column is one of `names` with a number behind it or none, by that number: `_holiday1`, `_holiday2`.
pub(super) fn numbered<'a>(cells: &'a Cells, names: &[&str]) -> Vec<(&'a str, &'a str)> {
    let number = |column: &str| {
        names.iter().find_map(|name| match column.strip_prefix(name)? {
            "" => Some(0),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse::<u32>().ok(),
            _ => None,
        })
    };
    let found = cells.iter().filter_map(|(column, cell)| Some((number(column)?, column.as_str(), cell.trim())));
    let mut found: Vec<_> = found.filter(|(_, _, cell)| !cell.is_empty()).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, column, cell)| (column, cell)).collect()
}
