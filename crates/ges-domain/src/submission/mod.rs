//! When a record is handed to orchestration, and when again (chapter 6.1).

mod verdict;

use std::time::Duration;

use uuid::Uuid;

use crate::{CallbackId, Instant};

pub use verdict::{DueVerdict, TimerVerdict, decide_due, decide_timer, reason_at_deadline};

/// Shortest time before the desired time at which a callback is submitted (MIN_LEAD).
pub const MIN_LEAD: Duration = Duration::from_secs(120);
/// Longest such time (MAX_LEAD).
pub const MAX_LEAD: Duration = Duration::from_secs(14_400);
/// How long before the desired time a session may dial (EARLY_DIAL).
pub const EARLY_DIAL: Duration = Duration::from_secs(180);
/// Attempts before a callback is given up (R-SUB-8).
pub const MAX_ATTEMPTS: u32 = 3;

/// How long before its desired time a callback is submitted: the wait, between the floor and the cap (R-SUB-1, P-10).
pub fn lead(ewt: Duration) -> Duration {
    ewt.clamp(MIN_LEAD, MAX_LEAD)
}

/// From when on a callback is due (R-SUB-2).
pub fn due_from(desired_at: Instant, ewt: Duration) -> Instant {
    desired_at - lead(ewt)
}

/// Before this instant the session must not dial (R-SUB-4).
pub fn earliest_dial(desired_at: Instant, now: Instant) -> Instant {
    now.max(desired_at - EARLY_DIAL)
}

/// Until when the attempt written at `submitted_at` may stay unanswered: 60 s, 120 s, 60 s (R-SUB-8).
pub fn ack_deadline(attempt: u32, submitted_at: Instant) -> Instant {
    submitted_at + Duration::from_secs(if attempt == 2 { 120 } else { 60 })
}

/// The rest after the `failed`th failed write cycle in a row (from 1): 1, 2, 4, 8, 16, then 30 s (R-SUB-7).
pub fn rest_after_failure(failed: u32) -> Duration {
    Duration::from_secs(match failed {
        0 | 1 => 1,
        2 => 2,
        3 => 4,
        4 => 8,
        5 => 16,
        _ => 30,
    })
}

/// The correlation id of an attempt, from 1, and of the session it starts (integrations 0.3, 1.2.2): the same attempt has the
/// same id however often it is written, and 0 stands for a session that brought its callback. Its first digits are those of the
/// callback, so that people find both with one search.
pub fn correlation(callback: CallbackId, attempt: u32) -> Uuid {
    let mut bytes = callback.0.into_bytes();
    for (byte, more) in bytes[12..].iter_mut().zip(attempt.to_be_bytes()) {
        *byte ^= more;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The attempt whose correlation id this is; none when it belongs to no attempt of this callback.
pub fn attempt_of(callback: CallbackId, corr_id: Uuid) -> Option<u32> {
    let (ours, theirs) = (correlation(callback, 0).into_bytes(), corr_id.into_bytes());
    let mut attempt = [0; 4];
    for (place, (one, other)) in attempt.iter_mut().zip(ours[12..].iter().zip(&theirs[12..])) {
        *place = one ^ other;
    }
    let attempt = u32::from_be_bytes(attempt);
    (attempt > 0 && correlation(callback, attempt) == corr_id).then_some(attempt)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Integrations 1.2.2.
    #[test]
    fn every_attempt_has_a_uuid_of_its_own() {
        let id: CallbackId = "0f2b1d5e-7a4c-4f6e-9a51-0a4f6a2f3c10".parse().unwrap();
        let shown = [0, 1, 2, 259].map(|attempt| correlation(id, attempt).to_string());
        assert_eq!(
            shown,
            [
                "0f2b1d5e-7a4c-8f6e-9a51-0a4f6a2f3c10",
                "0f2b1d5e-7a4c-8f6e-9a51-0a4f6a2f3c11",
                "0f2b1d5e-7a4c-8f6e-9a51-0a4f6a2f3c12",
                "0f2b1d5e-7a4c-8f6e-9a51-0a4f6a2f3d13",
            ]
        );
        for attempt in [1, 2, 259, u32::MAX] {
            assert_eq!(attempt_of(id, correlation(id, attempt)), Some(attempt));
        }
        let other = "0f2b1d5e-7a4c-4f6e-9a51-0a4f6a2f3c11".parse().unwrap();
        for foreign in [correlation(id, 0), id.0, Uuid::nil()] {
            assert_eq!(attempt_of(id, foreign), None, "{foreign}");
        }
        assert_eq!(attempt_of(other, correlation(id, 1)), None, "0 is nobody's attempt");
    }

    fn at(clock: &str) -> Instant {
        format!("2026-06-01T{clock}Z").parse().unwrap()
    }

    /// R-SUB-1, R-SUB-2, R-SUB-4.
    #[test]
    fn ex_g_submission_times() {
        let desired = at("14:00:00");
        for (ewt, due) in
            [(0, "13:58:00"), (90, "13:58:00"), (5400, "12:30:00"), (20_000, "10:00:00"), (600, "13:50:00")]
        {
            assert_eq!(due_from(desired, Duration::from_secs(ewt)), at(due), "EWT {ewt}");
        }
        assert_eq!(earliest_dial(desired, at("13:00:00")), at("13:57:00"), "G1, G4");
        assert_eq!(earliest_dial(desired, at("13:59:00")), at("13:59:00"), "never in the past");
    }

    #[test]
    fn g6_a_rising_wait_pulls_submission_forward_and_g7_a_falling_one_does_not_undo_it() {
        let desired = at("14:00:00");
        let is_due = |clock: &str, ewt: u64| due_from(desired, Duration::from_secs(ewt)) <= at(clock);
        assert!(!is_due("12:39:59", 3600));
        assert!(is_due("12:40:00", 4800), "G6");
        assert!(!is_due("12:39:59", 4800));
        assert!(!is_due("13:49:59", 600));
        assert!(is_due("13:50:00", 600), "G7");
    }

    #[test]
    fn m10_failed_cycles_are_repeated_on_schedule() {
        let mut clock = 0;
        let mut cycles = vec![clock];
        for failed in 1..=6 {
            clock += rest_after_failure(failed).as_secs();
            cycles.push(clock);
        }
        assert_eq!(cycles, [0, 1, 3, 7, 15, 31, 61]);
    }

    #[test]
    fn m14c_three_unanswered_attempts_take_four_minutes() {
        let first = Instant::from_millis(0);
        let second = ack_deadline(1, first);
        let third = ack_deadline(2, second);
        assert_eq!(ack_deadline(3, third).since(first), Duration::from_secs(240));
    }

    proptest! {
        #[test]
        fn p_10_lead_is_bounded_and_grows_with_the_wait(a in 0_u64..100_000, b in 0_u64..100_000) {
            let (short, long) = (Duration::from_secs(a.min(b)), Duration::from_secs(a.max(b)));
            prop_assert!(lead(short) <= lead(long));
            prop_assert!((MIN_LEAD..=MAX_LEAD).contains(&lead(long)));
            let desired = Instant::from_millis(1_800_000_000_000);
            prop_assert!(due_from(desired, long) <= desired - MIN_LEAD);
        }
    }
}
