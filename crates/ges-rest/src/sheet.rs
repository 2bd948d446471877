//! CSV by RFC 4180, the same for every report: no cell is a formula for a spreadsheet (F-15).

use csv::{Terminator, WriterBuilder};

/// Lines with their line breaks, cells in quotation marks where they need them. All lines have equally many cells.
pub(crate) fn lines<L: IntoIterator<Item = String>>(lines: impl IntoIterator<Item = L>) -> Vec<u8> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for line in lines {
        writer.write_record(line.into_iter().map(guarded)).expect("invariant: lines of one length go to memory");
    }
    writer.into_inner().expect("invariant: memory takes everything")
}

/// A value that a spreadsheet would take for a formula is told not to be one (F-15).
fn guarded(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// Whatever the cells hold, a reader of RFC 4180 finds as many of them, and none begins a formula.
        #[test]
        fn a_line_reads_back_cell_by_cell(cells in proptest::collection::vec("(?s).{0,20}", 2..8)) {
            // Readers take a byte order mark off the beginning of a file, where every report has its head.
            let written = lines([vec!["head".to_owned(); cells.len()], cells.clone()]);
            proptest::prop_assert!(written.ends_with(b"\r\n"));
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&written[..]);
            let lines: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
            proptest::prop_assert_eq!(lines.len(), 2);
            for (read, given) in lines[1].iter().zip(&cells) {
                proptest::prop_assert!(!read.starts_with(['=', '+', '-', '@']));
                proptest::prop_assert_eq!(read.strip_prefix('\'').unwrap_or(read), given.strip_prefix('\'').unwrap_or(given));
            }
            proptest::prop_assert_eq!(lines[1].len(), cells.len());
        }
    }
}
