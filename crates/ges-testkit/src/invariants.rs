//! Invariants of a stored record, each one function for every suite and simulation.

use ges_domain::callback::{Callback, State, TimelineEvent, fold};

/// Panics unless the record keeps its own rules and its timeline tells how it came about: I8, P-8, P-9.
///
/// Queue position, EWT and failed write cycles are volatile and not compared.
#[track_caller]
pub fn assert_consistent(row: &Callback, timeline: &[TimelineEvent]) {
    assert_eq!(row.check(), Ok(()), "record {}", row.id);
    let seqs: Vec<u64> = timeline.iter().map(|event| event.seq).collect();
    let expected: Vec<u64> = (1..=row.version).collect();
    assert_eq!(seqs, expected, "P-8: one event per version of {}", row.id);
    assert_eq!(without_volatile(fold(row, timeline)), without_volatile(row.clone()), "I8: {}", row.id);
    let mut record = row.clone();
    for end in 1..=timeline.len() {
        let before = record.state;
        record = fold(row, &timeline[..end]);
        let stays = end == 1 || before != State::Completed || record.state == State::Completed;
        assert!(stays, "P-9: {} left COMPLETED at event {end}", row.id);
    }
}

fn without_volatile(mut record: Callback) -> Callback {
    record.position = None;
    record.ewt = None;
    record.submission.failures = 0;
    record
}
