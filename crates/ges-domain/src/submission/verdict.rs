//! What a monitor does with a record it looks at (R-SUB-2, R-SUB-8, R-SUB-9, R-PUB-6, R-EXP-1).

use std::time::Duration;

use super::{MAX_ATTEMPTS, ack_deadline, due_from};
use crate::Instant;
use crate::callback::{Callback, Kind, Reason, State};
use crate::phone::NumberingPlan;
use crate::service::Service;

/// What becomes of a record that waits for its hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueVerdict {
    /// Write its next attempt now.
    HandOver,
    /// Its time has not come, or its service is paused (R-SUB-9).
    Wait,
    /// Complete it.
    End(Reason),
}

/// Decides about a record that waits for its hand-over. `service`: as it is now, `None` when nobody knows it; `plan`: for its
/// number rule (R-SUB-6, T15); `ewt`: the wait of its queue; `stream_down`: the last write cycle failed.
pub fn decide_due(
    record: &Callback,
    service: Option<&Service>,
    plan: &dyn NumberingPlan,
    ewt: Duration,
    stream_down: bool,
    now: Instant,
) -> DueVerdict {
    // Whoever wished to cancel is not called, whatever became of the session that was to be asked (I5).
    if let Some(wish) = &record.cancel {
        return DueVerdict::End(wish.reason.clone());
    }
    if now >= record.deadline {
        return DueVerdict::End(reason_at_deadline(record, stream_down));
    }
    // IMMEDIATE joins the queue at once, whatever its desired time (R-TYP-3).
    if record.kind == Kind::Scheduled && now < due_from(record.desired_at, ewt) {
        return DueVerdict::Wait;
    }
    match service.filter(|service| !service.removed) {
        None => DueVerdict::End(Reason::SERVICE_REMOVED),
        Some(service) if service.paused => DueVerdict::Wait,
        Some(service) if service.blocks(plan, &record.phone_key) => DueVerdict::End(Reason::BLOCKED_BY_NUMBER_RULE),
        Some(_) => DueVerdict::HandOver,
    }
}

/// What becomes of a record whose timer has rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimerVerdict {
    /// Nothing: it has moved on.
    Nothing,
    /// No session took the attempt: write the next one (R-SUB-8).
    NextAttempt,
    /// No session took the last attempt: complete it with `SUBMIT_FAILED` and count it (R-SUB-8).
    GiveUp,
    /// Its deadline has passed: complete it (T16).
    End(Reason),
}

/// Decides about a record whose [`Callback::wake_at`] has come. A running conversation is never cut (R-TR-5, M13).
pub fn decide_timer(record: &Callback, stream_down: bool, now: Instant) -> TimerVerdict {
    if matches!(record.state, State::Processing | State::Completed) {
        return TimerVerdict::Nothing;
    }
    if now >= record.deadline {
        return TimerVerdict::End(reason_at_deadline(record, stream_down));
    }
    match (record.submission.submitted_at, &record.session) {
        (Some(at), None) if !record.is_taken_unnamed() && now >= ack_deadline(record.submission.attempts, at) => {
            if let Some(wish) = &record.cancel {
                return TimerVerdict::End(wish.reason.clone());
            }
            if record.submission.attempts < MAX_ATTEMPTS { TimerVerdict::NextAttempt } else { TimerVerdict::GiveUp }
        }
        _ => TimerVerdict::Nothing,
    }
}

/// Why a record ends at its deadline: `SUBMIT_FAILED` when its hand-over was tried and no session ever took it, else
/// `FAIL_TIMEOUT_TTL` (R-EXP-1). A stream that is down fails for everybody who waits for it.
pub fn reason_at_deadline(record: &Callback, stream_down: bool) -> Reason {
    let taken = record.session.is_some()
        || record.is_taken_unnamed()
        || record.session_seq > 0
        || record.dial_attempts > 0
        || !record.particulars.former_sessions.is_empty();
    let tried = record.submission.attempts > 0
        || record.submission.failures > 0
        || (stream_down && record.waits_for_handover());
    if tried && !taken { Reason::SUBMIT_FAILED } else { Reason::FAIL_TIMEOUT_TTL }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::{Direction, Particulars, SessionBinding, Submission};
    use crate::hours::Hours;
    use crate::phone::{Country, Parsed, PhoneKey, PhoneNumber};
    use crate::service::Settings;
    use crate::{CallbackId, ServiceName, SessionId, TenantId, throttle};

    const NONE: Duration = Duration::ZERO;

    fn at(clock: &str) -> Instant {
        format!("2026-06-01T{clock}Z").parse().unwrap()
    }

    /// SCHEDULED for 14:00, until 15:00.
    fn record() -> Callback {
        let (booked, phone) = (at("09:00:00"), PhoneNumber::new("+16504661100").unwrap());
        Callback {
            id: CallbackId(uuid::Uuid::from_u128(1)),
            tenant: TenantId(uuid::Uuid::from_u128(2)),
            service: ServiceName::new("CB_Sales").unwrap(),
            kind: Kind::Scheduled,
            direction: Direction::UserTerminated,
            state: State::Scheduled,
            reason: None,
            phone_key: PhoneKey::new(None, &phone),
            phone,
            desired_at: at("14:00:00"),
            created_at: booked,
            updated_at: booked,
            completed_at: None,
            deadline: at("15:00:00"),
            priority: None,
            particulars: Particulars::default(),
            submission: Submission::default(),
            session: None,
            dial_attempts: 0,
            cancel: None,
            reschedules: 0,
            version: 1,
            session_seq: 0,
            position: None,
            ewt: None,
        }
    }

    fn written(attempts: u32, clock: &str) -> Callback {
        let submission = Submission { attempts, failures: 0, submitted_at: Some(at(clock)) };
        Callback { state: State::Queued, submission, ..record() }
    }

    fn service(paused: bool, removed: bool) -> Service {
        Service {
            name: ServiceName::new("CB_Sales").unwrap(),
            settings: Settings::default(),
            hours: Hours::Always,
            capacity: None,
            number_rule: None,
            region_rule: None,
            tenant_throttle: throttle::Settings::default(),
            paused,
            removed,
        }
    }

    /// A plan in which every number is American.
    struct Nowhere;

    impl NumberingPlan for Nowhere {
        fn parse(&self, input: &str, _: &Country) -> Option<Parsed> {
            let e164_digits = input.trim_start_matches('+').to_owned();
            Some(Parsed { e164_digits, possible: true, premium: false, region: Some(Country::US) })
        }

        fn is_emergency_or_short(&self, _: &str, _: &Country) -> bool {
            false
        }

        fn finds(&self, _: &str, _: &str) -> Option<bool> {
            Some(false)
        }
    }

    /// EX-K K15, T15.
    #[test]
    fn k15_a_rule_assigned_after_booking_ends_the_record_when_it_is_due() {
        let rule =
            |text: &str| Service { number_rule: Some(serde_json::from_str(text).unwrap()), ..service(false, false) };
        let american = rule(r#"{"name":"a","countries":["US"]}"#);
        let canadian = rule(r#"{"name":"a","countries":["CA"]}"#);
        let at_due = |service: &Service, clock| decide_due(&record(), Some(service), &Nowhere, NONE, false, at(clock));
        assert_eq!(at_due(&canadian, "13:57:59"), DueVerdict::Wait, "R-SUB-6: just before submission, not earlier");
        assert_eq!(at_due(&canadian, "13:58:00"), DueVerdict::End(Reason::BLOCKED_BY_NUMBER_RULE));
        assert_eq!(at_due(&american, "13:58:00"), DueVerdict::HandOver);
    }

    #[test]
    fn a_record_is_handed_over_when_due_and_ended_when_it_cannot_be() {
        let hour = Duration::from_secs(3_600);
        let (open, paused, removed) = (service(false, false), service(true, false), service(false, true));
        let end = DueVerdict::End;
        for (service, ewt, clock, verdict) in [
            (Some(&open), NONE, "13:57:59.999", DueVerdict::Wait),
            (Some(&open), NONE, "13:58:00", DueVerdict::HandOver),
            (Some(&open), hour, "13:00:00", DueVerdict::HandOver),
            (Some(&paused), NONE, "13:58:00", DueVerdict::Wait),
            (Some(&removed), NONE, "13:57:59", DueVerdict::Wait),
            (Some(&removed), NONE, "13:58:00", end(Reason::SERVICE_REMOVED)),
            (None, NONE, "13:58:00", end(Reason::SERVICE_REMOVED)),
            (Some(&paused), NONE, "14:59:59.999", DueVerdict::Wait),
            (Some(&paused), NONE, "15:00:00", end(Reason::FAIL_TIMEOUT_TTL)),
        ] {
            assert_eq!(decide_due(&record(), service, &Nowhere, ewt, false, at(clock)), verdict, "{clock} {ewt:?}");
        }
        let immediate = Callback { kind: Kind::Immediate, state: State::Queued, ..record() };
        assert_eq!(
            decide_due(&immediate, Some(&open), &Nowhere, NONE, false, at("09:00:00")),
            DueVerdict::HandOver,
            "R-TYP-3"
        );
    }

    #[test]
    fn unanswered_attempts_are_repeated_twice_and_then_given_up() {
        for (attempts, clock, verdict) in [
            (1, "14:00:59.999", TimerVerdict::Nothing),
            (1, "14:01:00", TimerVerdict::NextAttempt),
            (2, "14:01:59.999", TimerVerdict::Nothing),
            (2, "14:02:00", TimerVerdict::NextAttempt),
            (3, "14:01:00", TimerVerdict::GiveUp),
            (1, "15:00:00", TimerVerdict::End(Reason::SUBMIT_FAILED)),
        ] {
            let record = written(attempts, "14:00:00");
            assert_eq!(decide_timer(&record, false, at(clock)), verdict, "R-SUB-8: {attempts} {clock}");
        }
    }

    /// Integrations 1.2.4: nobody knows its session, but somebody has it.
    #[test]
    fn an_attempt_acknowledged_without_a_name_is_repeated_by_nobody() {
        let mut record = written(1, "14:00:00");
        record.particulars.acknowledged = Some(1);
        assert_eq!(record.wake_at(), Some(record.deadline));
        assert_eq!(decide_timer(&record, false, at("14:30:00")), TimerVerdict::Nothing);
        assert_eq!(decide_timer(&record, false, at("15:00:00")), TimerVerdict::End(Reason::FAIL_TIMEOUT_TTL));
        let next = Callback { submission: Submission { attempts: 2, ..record.submission }, ..record };
        assert_eq!(
            decide_timer(&next, false, at("14:30:00")),
            TimerVerdict::NextAttempt,
            "that one is another attempt"
        );
    }

    #[test]
    fn deadlines_cut_everything_but_a_conversation() {
        let session = Some(SessionBinding { id: SessionId::new("S1").unwrap(), url: None });
        let bound = Callback { session, ..written(1, "13:58:00") };
        assert_eq!(decide_timer(&bound, false, at("14:30:00")), TimerVerdict::Nothing, "answered");
        let cut = TimerVerdict::End(Reason::FAIL_TIMEOUT_TTL);
        for state in [State::Queued, State::Routing, State::Paused] {
            let record = Callback { state, ..bound.clone() };
            assert_eq!(decide_timer(&record, false, at("15:00:00")), cut, "M12 {state:?}");
        }
        let talking = Callback { state: State::Processing, ..bound };
        assert_eq!(decide_timer(&talking, false, at("15:00:00")), TimerVerdict::Nothing, "M13");
    }

    /// I5: whatever a store or an older version left behind.
    #[test]
    fn a_pending_wish_to_cancel_ends_what_would_be_handed_over() {
        use crate::callback::CancelWish;
        let cancel =
            Some(CancelWish { at: at("13:00:00"), reason: Reason::CANCELLED, confirmed: false, dropped: false });
        let waiting = Callback { state: State::Queued, cancel: cancel.clone(), ..record() };
        let verdict = decide_due(&waiting, Some(&service(false, false)), &Nowhere, NONE, false, at("13:58:00"));
        assert_eq!(verdict, DueVerdict::End(Reason::CANCELLED));
        let unanswered = Callback { cancel, ..written(1, "13:58:00") };
        assert_eq!(decide_timer(&unanswered, false, at("13:58:59")), TimerVerdict::Nothing, "it may still be answered");
        assert_eq!(decide_timer(&unanswered, false, at("13:59:00")), TimerVerdict::End(Reason::CANCELLED));
    }

    #[test]
    fn submit_failed_needs_a_try_and_no_session() {
        let failed = |failures| Callback { submission: Submission { failures, ..Submission::default() }, ..record() };
        assert_eq!(reason_at_deadline(&failed(0), false), Reason::FAIL_TIMEOUT_TTL);
        assert_eq!(reason_at_deadline(&failed(1), false), Reason::SUBMIT_FAILED, "M11");
        assert_eq!(reason_at_deadline(&failed(0), true), Reason::SUBMIT_FAILED, "the stream fails as one");
        let dialed = Callback { dial_attempts: 1, ..written(1, "13:58:00") };
        assert_eq!(reason_at_deadline(&dialed, true), Reason::FAIL_TIMEOUT_TTL, "a session had taken it");
        // A session that counts no updates took it and gave it back without a call.
        let mut left = written(1, "13:58:00");
        left.particulars.former_sessions.push(SessionId::new("S1").unwrap());
        assert_eq!(reason_at_deadline(&left, true), Reason::FAIL_TIMEOUT_TTL, "R-EXP-1: a session had taken it");
        let mut unnamed = written(1, "13:58:00");
        unnamed.particulars.acknowledged = Some(1);
        assert_eq!(reason_at_deadline(&unnamed, true), Reason::FAIL_TIMEOUT_TTL, "R-EXP-1");
    }
}
