//! The report of a job as CSV (RFC 4180): one line per record (R-BLK-1).

use std::fmt::Write as _;

use super::{Item, Outcome};

/// The first line.
pub const HEADER: &str = "id,service,number,desiredTime,outcome,cause,recreatedAs\r\n";

/// The line of one record, with its line break.
pub fn line(item: &Item) -> String {
    let (outcome, cause, created) = match &item.outcome {
        None => ("NOT_PROCESSED", "", None),
        Some(Outcome::Succeeded { created }) => ("SUCCEEDED", "", *created),
        Some(Outcome::Failed { cause }) => ("FAILED", cause.as_str(), None),
    };
    let cells = [
        item.callback.to_string(),
        item.service.as_ref().map(ToString::to_string).unwrap_or_default(),
        item.phone.as_ref().map(|phone| phone.as_given().to_owned()).unwrap_or_default(),
        item.desired.map(|desired| desired.to_string()).unwrap_or_default(),
        outcome.to_owned(),
        cause.to_owned(),
        created.map(|created| created.to_string()).unwrap_or_default(),
    ];
    let mut line = String::new();
    for (nth, cell) in cells.iter().enumerate() {
        let comma = if nth == 0 { "" } else { "," };
        write!(line, "{comma}{}", quoted(cell)).expect("invariant: writing to a string does not fail");
    }
    line.push_str("\r\n");
    line
}

/// What stands before a cell so that a spreadsheet does not take it for a formula (F-15).
pub fn guard(cell: &str) -> &'static str {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" }
}

/// A guarded cell, in quotation marks when it needs them.
fn quoted(cell: &str) -> String {
    let guard = guard(cell);
    if cell.contains(['"', ',', '\r', '\n']) {
        return format!("\"{guard}{}\"", cell.replace('"', "\"\""));
    }
    format!("{guard}{cell}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::PhoneNumber;
    use crate::{CallbackId, ServiceName};

    fn item(service: &str, phone: &str, outcome: Option<Outcome>) -> Item {
        Item {
            position: 1,
            callback: CallbackId(uuid::Uuid::from_u128(1)),
            service: Some(ServiceName::new(service).unwrap()),
            phone: Some(PhoneNumber::new(phone).unwrap()),
            desired: Some("2026-06-01T14:00:00Z".parse().unwrap()),
            outcome,
        }
    }

    /// R-BLK-1.
    #[test]
    fn every_cell_is_text_for_a_spreadsheet() {
        let id = "00000000-0000-0000-0000-000000000001";
        let when = "2026-06-01T14:00:00.000Z";
        let failed = |cause: &str| Some(Outcome::Failed { cause: cause.into() });
        let created = Some(Outcome::Succeeded { created: Some(CallbackId(uuid::Uuid::from_u128(2))) });
        for (service, phone, outcome, rest) in [
            ("CB_Sales", "15105550100", None, format!("CB_Sales,15105550100,{when},NOT_PROCESSED,,")),
            ("a, b", "+1510", failed("no"), format!("\"a, b\",'+1510,{when},FAILED,no,")),
            ("=cmd()", "@1", failed("-1 \"x\""), format!("'=cmd(),'@1,{when},FAILED,\"'-1 \"\"x\"\"\",")),
            (
                "Ü\u{2028}ü",
                "1",
                created,
                format!("Ü\u{2028}ü,1,{when},SUCCEEDED,,00000000-0000-0000-0000-000000000002"),
            ),
        ] {
            assert_eq!(line(&item(service, phone, outcome)), format!("{id},{rest}\r\n"));
        }
        let unknown = Item { service: None, phone: None, desired: None, ..item("x", "1", failed("not found")) };
        assert_eq!(line(&unknown), format!("{id},,,,FAILED,not found,\r\n"));
    }

    proptest::proptest! {
        /// Whatever the cells hold, a reader of RFC 4180 finds seven of them, and none begins a formula.
        #[test]
        fn a_line_reads_back_as_seven_cells(service in "[^\0]{1,20}", cause in "(?s).{0,20}") {
            let Ok(name) = ServiceName::new(&service) else { return Ok(()) };
            let written = line(&Item { service: Some(name), ..item("x", "+1", Some(Outcome::Failed { cause })) });
            let body = written.strip_suffix("\r\n").expect("a line ends");
            let (mut cells, mut inside, mut cell) = (Vec::new(), false, String::new());
            let mut letters = body.chars().peekable();
            while let Some(letter) = letters.next() {
                match letter {
                    '"' if inside && letters.peek() == Some(&'"') => cell.extend(letters.next()),
                    '"' => inside = !inside,
                    ',' if !inside => cells.push(std::mem::take(&mut cell)),
                    '\r' | '\n' if !inside => proptest::prop_assert!(false, "a bare line break"),
                    other => cell.push(other),
                }
            }
            cells.push(cell);
            proptest::prop_assert!(!inside);
            proptest::prop_assert_eq!(cells.len(), 7);
            proptest::prop_assert!(cells.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])));
        }
    }
}
