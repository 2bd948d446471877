//! Sessions that do not tell their name, values that are too large, and wishes that outlive nothing.

use super::*;
use crate::callback::{Overgrown, Scalar, UserData};
use crate::submission::{TimerVerdict, decide_timer};

/// An update of a session that does not tell its name.
fn unnamed(state: Option<State>) -> SessionUpdate {
    SessionUpdate { state, ..SessionUpdate::default() }
}

fn written(write: SessionWrite) -> Callback {
    match write {
        SessionWrite::Audited(written) => written.0,
        other => panic!("{other:?}"),
    }
}

/// Integrations 1.2.4, R-SUB-8, R-TR-3, I2: the next attempt would call the consumer a second time.
#[test]
fn any_word_after_a_hand_over_acknowledges_it() {
    let fact = SessionUpdate { facts: [("_note".to_owned(), "x".to_owned())].into(), ..unnamed(None) };
    for update in [unnamed(None), fact, unnamed(Some(State::Queued)), unnamed(Some(State::Routing))] {
        let record = written(session_update(&submitted(Kind::Immediate), &update, at(10)));
        assert_eq!(record.session, None, "nobody knows whom to poll");
        assert!(record.is_taken_unnamed(), "{update:?}");
        assert_eq!(decide_timer(&record, false, at(3_600)), TimerVerdict::Nothing, "R-SUB-8: {update:?}");
        let (routed, _) = play(record, &[unnamed(Some(State::Routing)), unnamed(Some(State::Queued))]);
        assert_eq!(decide_timer(&routed, false, at(3_600)), TimerVerdict::Nothing);
        assert_eq!(record_handed(&routed, 2, at(61)), Err(HandoverOutcome::Overtaken));
        assert!(matches!(decide_timer(&routed, false, routed.deadline), TimerVerdict::End(_)), "R-EXP-1");
    }
}

/// What a session claims before its attempt is recorded counts as the attempt; what anybody attaches does not, or the callback
/// would never be handed over (I1).
#[test]
fn before_the_attempt_is_recorded_only_a_claim_counts() {
    let booked = booked(Kind::Immediate);
    let data = SessionUpdate { user_data: vec![("a".into(), Some(Scalar::Bool(true)))], ..unnamed(None) };
    let attached = written(session_update(&booked, &data, at(2)));
    assert!(attached.waits_for_handover() && !attached.is_taken_unnamed());
    let claimed = written(session_update(&booked, &unnamed(Some(State::Routing)), at(2)));
    assert_eq!((claimed.submission.attempts, claimed.is_taken_unnamed()), (1, true));
    assert_eq!(record_handed(&claimed, 1, at(3)), Err(HandoverOutcome::Recorded), "it is the attempt that was claimed");
    let far = super::booked(Kind::Scheduled);
    for state in [State::Queued, State::Completed] {
        let answer = session_update(&far, &unnamed(Some(state)), at(2));
        assert_eq!(answer, SessionWrite::Answer(SessionAnswer::Stranger), "T8, R-TR-3: nothing is under way");
    }
}

#[test]
fn what_others_attach_is_no_acknowledgement_and_bears_their_name() {
    let data = vec![("a".to_owned(), Some(Scalar::Bool(true)))];
    let update = SessionUpdate { user_data: data, on_behalf: Some(Actor::Ivr), ..SessionUpdate::default() };
    let SessionWrite::Audited(write) = session_update(&submitted(Kind::Immediate), &update, at(10)) else {
        panic!("it is written")
    };
    assert_eq!(write.1.actor, Actor::Ivr, "I8");
    assert_eq!(decide_timer(&write.0, false, at(61)), TimerVerdict::NextAttempt, "R-SUB-8");
}

/// I5, integrations 1.5: a session that nobody can tell to stop hears it when it speaks.
#[test]
fn a_session_without_a_name_is_refused_after_a_cancel() {
    let (taken, _) = play(submitted(Kind::Immediate), &[unnamed(None)]);
    for record in [submitted(Kind::Immediate), taken] {
        let (cancelled, _) = cancel(&record, &request(), at(20)).unwrap();
        assert_eq!(cancelled.state, State::Completed, "R-CAN-1");
        let answer = session_update(&cancelled, &unnamed(Some(State::Routing)), at(21));
        assert_eq!(answer, SessionWrite::Answer(SessionAnswer::Stranger));
        let last = session_update(&cancelled, &unnamed(Some(State::Completed)), at(21));
        assert_eq!(last, SessionWrite::Answer(SessionAnswer::Ignored(Ignored::Final)), "R-ST-2");
    }
}

/// A session that says its name later is bound, and is polled from then on.
#[test]
fn a_name_told_later_binds_and_an_end_ends_the_attempt() {
    let (taken, _) = play(submitted(Kind::Immediate), &[unnamed(Some(State::Queued))]);
    let (bound, _) = play(taken.clone(), &[update(1, State::Routing)]);
    assert!(bound.session.is_some() && !bound.is_taken_unnamed());
    let end = |name: Option<&str>| SessionUpdate {
        session: name.map(session),
        end: Some(SessionEnd::Lost),
        ..SessionUpdate::default()
    };
    for name in [None, Some("S1")] {
        let (lost, _) = play(taken.clone(), &[end(name)]);
        assert!(lost.waits_for_handover() && lost.next_attempt() == 2, "R-POL-3: {name:?}");
        assert_eq!(lost.particulars.former_sessions, name.map(session).into_iter().collect::<Vec<_>>(), "R-TR-2");
    }
    let (_, answers) = play(submitted(Kind::Immediate), &[end(None)]);
    assert_eq!(answers, [SessionWrite::Answer(SessionAnswer::Ignored(Ignored::Stale))], "nobody had it");
}

/// R-REC-5: all of an update or nothing of it.
#[test]
fn an_update_that_is_too_large_changes_nothing() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let huge = |bytes| Scalar::Text("x".repeat(bytes));
    let data =
        SessionUpdate { user_data: vec![("a".into(), Some(huge(UserData::MAX_BYTES)))], ..update(2, State::Routing) };
    let refused = session_update(&bound, &data, at(11));
    assert_eq!(refused, SessionWrite::Answer(SessionAnswer::TooLarge(Overgrown::UserData)));
    let facts = |count: usize| SessionUpdate {
        facts: (0..count).map(|n| (format!("_fact{n}"), "x".repeat(16_384))).collect(),
        ..update(2, State::Routing)
    };
    assert!(matches!(session_update(&bound, &facts(7), at(11)), SessionWrite::Audited(_)));
    let refused = session_update(&bound, &facts(8), at(11));
    assert_eq!(refused, SessionWrite::Answer(SessionAnswer::TooLarge(Overgrown::Facts)));
}

/// R-EDT-4: a wish for another time does not outlive the callback.
#[test]
fn a_completed_callback_wishes_no_other_time() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let (wished, _) = move_booking(&bound, &tomorrow(), at(20)).unwrap().write;
    assert!(wished.particulars.moving.is_some());
    let (over, _) = play(wished, &[ended(2, "AGENT_CONNECTED")]);
    assert_eq!((over.state, over.particulars.moving), (State::Completed, None));
}

/// R-EDT-1, R-EDT-2: the new time with the new fields, or neither.
#[test]
fn a_move_may_change_fields_of_a_scheduled_callback_in_the_same_write() {
    let phone = PhoneNumber::new("12223335555").unwrap();
    let edit = Edit { phone: Some((phone.clone(), PhoneKey::new(None, &phone))), ..Edit::default() };
    let near = Move { kind: Kind::Immediate, desired: at(60), edit: Some(edit), ..tomorrow() };
    let (moved, event) = move_booking(&booked(Kind::Scheduled), &near, at(30)).unwrap().write;
    assert_eq!((moved.state, moved.phone.as_given()), (State::Queued, "12223335555"));
    assert_eq!(event.changes[0], Change::Edited { fields: vec!["phoneNumber".into()] });
    assert_eq!(fold(&moved, &[booked_event(), event]), moved, "I8");
    let refused = move_booking(&submitted(Kind::Immediate), &near, at(30));
    assert_eq!(refused, Err(Moved::NotReschedulable(State::Queued)), "chapter 5: fields of a handed one stay");
}

fn booked_event() -> TimelineEvent {
    TimelineEvent { seq: 1, at: at(0), actor: Actor::Api, changes: vec![Change::Booked] }
}
