//! Timeline events as text. The sequence is the row's key and is not repeated.

use ges_domain::Instant;
use ges_domain::callback::{Actor, Callback, Change, Source, TimelineEvent};
use ges_domain::ports::StoreError;

use crate::error::{Fault, unreadable};

/// `[instant, actor, changes]`.
pub(crate) fn encode(event: &TimelineEvent) -> Result<String, StoreError> {
    let told = (event.at, &event.actor, &event.changes);
    serde_json::to_string(&told).map_err(|error| StoreError::Unavailable(error.into()))
}

/// What follows the instant in [`encode`]; for statements that decide the instant themselves.
pub(crate) fn encode_after_instant(event: &TimelineEvent) -> Result<String, StoreError> {
    let told = serde_json::to_string(&(&event.actor, &event.changes));
    let told = told.map_err(|error| StoreError::Unavailable(error.into()))?;
    Ok(told.replacen('[', ",", 1))
}

/// Reads the event with sequence `seq`.
pub(crate) fn decode(seq: i32, text: &str) -> Result<TimelineEvent, StoreError> {
    let broken = || unreadable("callback_events", Fault::Value("event"));
    // The text of the error could quote the document (I11).
    let (at, actor, changes): (Instant, Actor, Vec<Change>) = serde_json::from_str(text).map_err(|_| broken())?;
    Ok(TimelineEvent { seq: u64::try_from(seq).map_err(|_| broken())?, at, actor, changes })
}

/// The first event of a stored record. It is not stored: everything it tells stands in columns that never change.
pub(crate) fn booked(record: &Callback) -> TimelineEvent {
    let particulars = &record.particulars;
    let actor = match particulars.source {
        Source::Api => Actor::Api,
        Source::Ivr => Actor::Ivr,
        Source::Ui | Source::Recreate => Actor::Ui(particulars.created_by.clone().unwrap_or_default()),
    };
    TimelineEvent { seq: 1, at: record.created_at, actor, changes: particulars.first_changes() }
}

#[cfg(test)]
mod tests {
    use ges_domain::callback::Reason;

    use super::*;

    #[test]
    fn an_event_reads_back_without_its_sequence_in_the_text() {
        let changes = vec![Change::Submitted { attempt: 1 }, Change::Completed { reason: Reason::CANCELLED }];
        let event = TimelineEvent {
            seq: 7,
            at: Instant::from_millis(1_780_000_000_000),
            actor: Actor::Ui("ada".into()),
            changes,
        };
        let text = encode(&event).unwrap();
        assert_eq!(
            text,
            r#"[1780000000000,{"UI":"ada"},[{"Submitted":{"attempt":1}},{"Completed":{"reason":"CANCELLED"}}]]"#
        );
        assert_eq!(decode(7, &text).unwrap(), event);
        assert_eq!(format!("[{}{}", event.at.millis(), encode_after_instant(&event).unwrap()), text);
    }

    #[test]
    fn damage_is_found_and_not_quoted() {
        let error = decode(2, "[1,\"secret\"]").unwrap_err();
        assert!(matches!(error, StoreError::Unreadable { table: "callback_events", .. }));
        assert!(!format!("{error:?}").contains("secret"), "I11");
    }
}
