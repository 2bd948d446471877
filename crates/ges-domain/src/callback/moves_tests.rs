//! Moves to another time, and sessions that lost their callback to one (R-EDT-4, EX-M8, EX-M16).

use super::*;

/// EX-M16, T12: the whole way of an active record to another time.
#[test]
fn m16_an_active_record_is_moved_when_its_session_has_stopped() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let (wished, event) = move_booking(&bound, &tomorrow(), at(30)).unwrap().write;
    assert_eq!(event.changes, [Change::MoveWished { to: at(172_800) }]);
    assert_eq!((wished.desired_at, wished.session.is_some()), (bound.desired_at, true), "a wish moves nothing");
    let step = settle_move(&wished, &session("S1"), MoveAnswer::Stopped, &tomorrow(), at(31)).unwrap();
    let moved = step.write.0.clone();
    assert_eq!((moved.state, moved.desired_at), (State::Scheduled, at(172_800)), "T12");
    assert!(moved.session.is_none() && moved.submission.submitted_at.is_none() && moved.particulars.moving.is_none());
    assert_eq!(moved.next_attempt(), 2, "the first attempt for the new time collapses with none before (1.2.7)");
    for late in
        [update(2, State::Routing), SessionUpdate { end: Some(SessionEnd::Handover), ..update(3, State::Queued) }]
    {
        let answer = session_update(&moved, &late, at(32));
        let expected =
            if late.end.is_some() { SessionAnswer::Ignored(Ignored::Stale) } else { SessionAnswer::Stranger };
        assert_eq!(answer, SessionWrite::Answer(expected), "M16: late news changes nothing");
    }
    let other = SessionUpdate { session: Some(session("S9")), ..update(1, State::Queued) };
    let near =
        settle_move(&wished, &session("S1"), MoveAnswer::Stopped, &Move { desired: at(3_000), ..tomorrow() }, at(31));
    let answer = session_update(&near.unwrap().write.0, &other, at(32));
    assert_eq!(answer, SessionWrite::Answer(SessionAnswer::Stranger), "an entry for the old time starts nobody (I4)");
}

/// R-EDT-4: the other ends of a wish for another time.
#[test]
fn a_wish_for_another_time_ends_with_an_agent_a_full_cell_or_the_end_of_its_session() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let wished = move_booking(&bound, &tomorrow(), at(30)).unwrap().write.0;
    let refused = settle_move(&wished, &session("S1"), MoveAnswer::Refused, &tomorrow(), at(31)).unwrap();
    assert_eq!(refused.answer, Moved::NotReschedulable(State::Queued), "an agent is connected");
    assert!(refused.write.0.particulars.moving.is_none() && refused.write.0.session.is_some());
    let (talking, _) = play(wished.clone(), &[update(2, State::Processing)]);
    let late = settle_move(&talking, &session("S1"), MoveAnswer::Stopped, &tomorrow(), at(31)).unwrap();
    assert_eq!(late.answer, Moved::NotReschedulable(State::Processing), "the agent was quicker");
    let stopped = settle_move(&wished, &session("S1"), MoveAnswer::Stopped, &tomorrow(), at(31)).unwrap();
    let (back, event) = stopped.gives_up(&wished, &tomorrow(), at(31)).unwrap();
    assert_eq!(event.changes, [Change::MoveDropped, Change::SessionUnbound], "the cell is full by now");
    assert!(back.waits_for_handover() && back.desired_at == bound.desired_at);
    assert_eq!(move_booking(&bound, &tomorrow(), at(30)).unwrap().gives_up(&bound, &tomorrow(), at(30)), None);
    for end in [SessionEnd::Handover, SessionEnd::Lost] {
        let told = SessionUpdate { end: Some(end), state: None, ..update(2, State::Queued) };
        let SessionWrite::Audited(write) = session_update(&wished, &told, at(31)) else { panic!("{end:?}") };
        assert!(write.1.changes.contains(&Change::MoveConfirmed), "{end:?}");
        assert!(write.0.session.is_some(), "nobody hands it over before it has moved");
        assert!(write.0.particulars.moving.unwrap().confirmed);
    }
    let other = session("S2");
    let asked = settle_move(&wished, &other, MoveAnswer::Stopped, &tomorrow(), at(31));
    assert!(matches!(asked, Err(Moved::SessionHolds(_))), "nobody has told the one that has it");
    let ended = settle_move(&stopped.write.0, &session("S1"), MoveAnswer::Stopped, &tomorrow(), at(32));
    assert!(matches!(ended, Err(Moved::Done(_))), "safe to repeat");
}

/// EX-M8, R-CAN-2: a cancel nobody answered is told until it is heard.
#[test]
fn m8_a_session_hears_later_and_only_once() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let (wished, _) = cancel(&bound, &request(), at(20)).unwrap();
    let settle = |record: &Callback, answer| settle_cancel(record, &session("S1"), answer, &Actor::Monitor, at(30));
    let (silent, _) = settle(&wished, CancelAnswer::NoAnswer).unwrap();
    assert!(silent.cancel_to_tell().is_some() && silent.is_held(at(30)) && !silent.is_held(silent.deadline));
    assert!(matches!(settle(&silent, CancelAnswer::NoAnswer), Err(Cancelled::Done(_))), "nothing new");
    for (answer, change, confirmed) in [
        (CancelAnswer::Accepted, Change::CancelConfirmed, true),
        (CancelAnswer::Refused, Change::CancelCameTooLate, false),
        (CancelAnswer::Gone, Change::CancelDropped, false),
    ] {
        let (heard, event) = settle(&silent, answer).unwrap();
        assert_eq!(event.changes, [change], "{answer:?}");
        assert_eq!((heard.state, heard.reason.clone()), (State::Completed, Some(Reason::CANCELLED)), "M8");
        assert_eq!(heard.cancel.as_ref().unwrap().confirmed, confirmed);
        assert!(heard.cancel_to_tell().is_none() && !heard.is_held(at(40)), "{answer:?}: told no more");
    }
    let (gone, _) = settle(&wished, CancelAnswer::Gone).unwrap();
    assert!(gone.state == State::Completed && gone.cancel_to_tell().is_none());
    let (obeyed, _) = play(wished, &[ended(2, "CANCELLED")]);
    assert!(obeyed.cancel.unwrap().confirmed, "it ended as it was told to");
}

/// R-EXP-1, R-EDT-4, R-CAN-2: who loses the callback without a word of its own has to end; in ten seconds, or at once when the next
/// attempt may follow.
#[test]
fn a_session_that_loses_its_callback_has_to_end() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let done = |reason: Reason| vec![Change::Completed { reason }];
    for (actor, changes, due) in [
        (Actor::Monitor, done(Reason::FAIL_TIMEOUT_TTL), Some(at(110))),
        (Actor::Monitor, vec![Change::MoveDropped, Change::SessionUnbound], Some(at(100))),
        (Actor::Monitor, vec![Change::MoveConfirmed, Change::MoveDropped, Change::SessionUnbound], None),
        (Actor::Session, done(Reason::AGENT_CONNECTED), None),
        (Actor::Session, vec![Change::SessionUnbound], None),
        (Actor::Monitor, vec![Change::Moved { to: State::Paused }], None),
    ] {
        let (_, event) = bound.apply(actor, at(100), changes);
        let former = crate::callback::former_session(&bound, &event);
        assert_eq!(former.map(|former| former.due_at), due, "{event:?}");
    }
    let (_, ended) = booked(Kind::Scheduled).apply(Actor::Monitor, at(100), done(Reason::FAIL_TIMEOUT_TTL));
    assert_eq!(crate::callback::former_session(&booked(Kind::Scheduled), &ended), None, "nobody had it");
}

/// I4, R-EDT-4, ADR 2: a monitor has read the record as due and writes its entry while somebody moves it. Nobody may take that entry
/// for one of the new time, whoever records it and whoever binds for it.
#[test]
fn a_move_voids_an_attempt_that_is_on_its_way() {
    let waiting = booked(Kind::Scheduled);
    let lead = i64::try_from(crate::submission::MAX_LEAD.as_secs()).unwrap();
    for (record, now, void) in [
        (booked(Kind::Immediate), at(1), true),
        (waiting.clone(), at(86_400 - lead), true),
        (waiting.clone(), at(86_399 - lead), false),
        (submitted(Kind::Immediate), at(2), true),
    ] {
        let step = move_booking(&record, &tomorrow(), now).unwrap();
        let moved = step.write.0;
        assert_eq!(record_handed(&moved, 1, now).is_err(), void, "{now}");
        assert_eq!(moved.next_attempt(), if void { 2 } else { 1 }, "{now}: what was never written voids nothing");
        assert_eq!(moved.attempt_of_its_time(moved.next_attempt()), 1, "three may follow (R-SUB-8)");
        let (handed, _) = record_handed(&moved, moved.next_attempt(), at(172_700)).unwrap();
        assert_eq!(handed.submission.attempts, 1);
        // Its session is late, and tells by its correlation id which attempt it is.
        let of = |attempt| SessionUpdate { attempt: Some(attempt), ..update(1, State::Queued) };
        if void {
            for record in [&moved, &handed] {
                let answer = session_update(record, &of(1), at(172_701));
                assert_eq!(answer, SessionWrite::Answer(SessionAnswer::Stranger), "{now}");
            }
            let unnamed = SessionUpdate { session: None, state: None, ..of(1) };
            let answer = session_update(&handed, &unnamed, at(172_701));
            assert_eq!(answer, SessionWrite::Answer(SessionAnswer::Stranger), "{now}: it acknowledges nothing");
        }
        // The session of the new attempt may be quicker than whoever records it.
        let quick = session_update(&moved, &of(moved.next_attempt()), at(172_701));
        let SessionWrite::Audited(bound) = quick else { panic!("{now}: {quick:?}") };
        assert_eq!((bound.0.state, bound.0.submission.attempts), (State::Queued, 1), "R-TR-3");
    }
}

/// R-EDT-1: an entry that calls the old number is not recorded for a callback that has a new one.
#[test]
fn another_number_voids_an_attempt_that_is_on_its_way() {
    let record = booked(Kind::Scheduled);
    let other = PhoneNumber::new("15105550199").unwrap();
    let phone = Edit { phone: Some((other.clone(), PhoneKey::new(None, &other))), ..Edit::default() };
    let language = Edit { language: Some("fr-CA".into()), ..Edit::default() };
    for (change, now, void) in [(&phone, at(86_000), true), (&phone, at(60_000), false), (&language, at(86_000), false)]
    {
        let (edited, _) = edit(&record, change, &Actor::Ivr, now).unwrap();
        assert_eq!(record_handed(&edited, 1, now).is_err(), void, "{now}");
        assert!(record_handed(&edited, edited.next_attempt(), now).is_ok(), "{now}");
    }
}

/// R-POL-3, T17: a session that counts no dials has dialed when somebody talked.
#[test]
fn a_conversation_is_a_dial_whether_it_was_counted_or_not() {
    let talking = [update(1, State::Processing)];
    let redialing = [update(1, State::Processing), update(2, State::Queued)];
    for told in [&talking[..], &redialing[..]] {
        let (record, _) = play(submitted(Kind::Immediate), told);
        assert_eq!(record.dial_attempts, 1, "{told:?}");
        let lost = SessionUpdate { session: Some(session("S1")), end: Some(SessionEnd::Lost), ..Default::default() };
        let (over, _) = play(record, &[lost]);
        assert_eq!((over.state, over.reason), (State::Completed, Some(Reason::SESSION_LOST)), "{told:?}");
    }
    let counted = SessionUpdate { dial_attempts: Some(2), ..update(1, State::Processing) };
    assert_eq!(play(submitted(Kind::Immediate), &[counted]).0.dial_attempts, 2);
    // Who was to call in was not dialed, but has talked.
    let called = Callback { direction: Direction::UserOriginated, ..submitted(Kind::Immediate) };
    let (record, _) = play(called, &talking);
    let lost = SessionUpdate { session: Some(session("S1")), end: Some(SessionEnd::Lost), ..Default::default() };
    assert_eq!((record.dial_attempts, play(record, &[lost]).0.reason), (0, Some(Reason::SESSION_LOST)));
}
