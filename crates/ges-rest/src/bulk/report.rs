//! The report of a job: one line per record (R-BLK-1).

use ges_domain::bulk::{Item, Outcome};

/// The first line.
pub(super) const HEADER: [&str; 7] = ["id", "service", "number", "desiredTime", "outcome", "cause", "recreatedAs"];

/// The cells of one record.
pub(super) fn line(item: &Item) -> [String; 7] {
    let (outcome, cause, created) = match &item.outcome {
        None => ("NOT_PROCESSED", "", None),
        Some(Outcome::Succeeded { created }) => ("SUCCEEDED", "", *created),
        Some(Outcome::Failed { cause }) => ("FAILED", cause.as_str(), None),
    };
    [
        item.callback.to_string(),
        item.service.as_ref().map(ToString::to_string).unwrap_or_default(),
        item.phone.as_ref().map(|phone| phone.as_given().to_owned()).unwrap_or_default(),
        item.desired.map(|desired| desired.to_string()).unwrap_or_default(),
        outcome.to_owned(),
        cause.to_owned(),
        created.map(|created| created.to_string()).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use ges_domain::phone::PhoneNumber;
    use ges_domain::{CallbackId, ServiceName};

    use super::*;

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

    fn text(item: &Item) -> String {
        String::from_utf8(crate::sheet::lines([line(item)])).unwrap()
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
            assert_eq!(text(&item(service, phone, outcome)), format!("{id},{rest}\r\n"));
        }
        let unknown = Item { service: None, phone: None, desired: None, ..item("x", "1", failed("not found")) };
        assert_eq!(text(&unknown), format!("{id},,,,FAILED,not found,\r\n"));
    }

    #[test]
    fn the_first_line_names_the_cells() {
        let head = crate::sheet::lines([HEADER.map(str::to_owned)]);
        assert_eq!(head, b"id,service,number,desiredTime,outcome,cause,recreatedAs\r\n");
    }
}
