//! Invariants of a stored record, each one function for every suite and simulation.

use ges_domain::callback::{Callback, State, TimelineEvent, fold};
use ges_domain::invariants::audit_record;

/// Panics unless the record keeps its own rules and its timeline tells how it came about: I8, P-8, P-9.
///
/// Queue position, EWT and failed write cycles are volatile and not compared.
#[track_caller]
pub fn assert_consistent(row: &Callback, timeline: &[TimelineEvent]) {
    assert_eq!(audit_record(row, timeline), None, "I8, P-8: record {}", row.id);
    let mut record = row.clone();
    for end in 1..=timeline.len() {
        let before = record.state;
        record = fold(row, &timeline[..end]);
        let stays = end == 1 || before != State::Completed || record.state == State::Completed;
        assert!(stays, "P-9: {} left COMPLETED at event {end}", row.id);
    }
}
