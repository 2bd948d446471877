//! EX-M as far as one record shows it, the planes of R-CAN and R-TR, and P-8, P-9, P-15 over random histories.

use proptest::prelude::*;

use super::*;
use crate::callback::{Direction, Particulars, SessionEnd, Submission, fold};
use crate::phone::{PhoneKey, PhoneNumber};
use crate::{CallbackId, ServiceName, SessionId, TenantId};
use uuid::Uuid;

#[path = "moves_tests.rs"]
mod moves;
#[path = "unnamed_tests.rs"]
mod unnamed;
#[path = "whereabouts_tests.rs"]
mod whereabouts;

fn at(seconds: i64) -> Instant {
    Instant::from_millis(1_800_000_000_000 + seconds * 1000)
}

fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn booked(kind: Kind) -> Callback {
    let desired = if kind == Kind::Scheduled { at(86_400) } else { at(0) };
    let record = Callback {
        id: CallbackId(Uuid::from_u128(7)),
        tenant: TenantId(Uuid::from_u128(1)),
        service: ServiceName::new("CB_Sales").unwrap(),
        kind,
        direction: Direction::UserTerminated,
        state: if kind == Kind::Scheduled { State::Scheduled } else { State::Queued },
        reason: None,
        phone: PhoneNumber::new("12223334444").unwrap(),
        phone_key: PhoneKey::stored("12223334444"),
        desired_at: desired,
        created_at: at(0),
        updated_at: at(0),
        completed_at: None,
        deadline: desired + std::time::Duration::from_secs(86_400),
        priority: None,
        particulars: Particulars::default(),
        submission: Submission::default(),
        session: None,
        dial_attempts: 0,
        cancel: None,
        reschedules: 0,
        version: 0,
        session_seq: 0,
        position: None,
        ewt: None,
    };
    record.apply(Actor::Api, at(0), vec![Change::Booked]).0
}

fn submitted(kind: Kind) -> Callback {
    booked(kind).apply(Actor::Monitor, at(1), vec![Change::Submitted { attempt: 1 }]).0
}

fn update(seq: u64, state: State) -> SessionUpdate {
    SessionUpdate { session: Some(session("S1")), seq: Some(seq), state: Some(state), ..SessionUpdate::default() }
}

fn ended(seq: u64, reason: &str) -> SessionUpdate {
    SessionUpdate { reason: Some(Reason::new(reason).unwrap()), ..update(seq, State::Completed) }
}

/// Applies updates like a store and keeps what they came to.
fn play(mut record: Callback, updates: &[SessionUpdate]) -> (Callback, Vec<SessionWrite>) {
    let mut writes = Vec::new();
    for update in updates {
        let write = session_update(&record, update, at(10));
        if let SessionWrite::Audited(written) = &write {
            record = written.0.clone();
        }
        writes.push(write);
    }
    (record, writes)
}

fn tomorrow() -> Move {
    Move {
        actor: Actor::Ivr,
        desired: at(172_800),
        kind: Kind::Scheduled,
        deadline: at(259_200),
        slot: None,
        edit: None,
    }
}

fn request() -> CancelRequest {
    CancelRequest { actor: Actor::Api, reason: Reason::CANCELLED, keyed: None }
}

#[test]
fn m1_and_m2_a_good_day_in_any_order_of_its_last_words() {
    let steps = [update(1, State::Routing), update(2, State::Processing), ended(3, "AGENT_CONNECTED")];
    let (record, _) = play(submitted(Kind::Immediate), &steps);
    assert_eq!((record.state, record.reason.clone()), (State::Completed, Some(Reason::AGENT_CONNECTED)), "M1");
    let [one, two, three] = steps;
    let (late, writes) = play(submitted(Kind::Immediate), &[one, three, two]);
    assert_eq!((late.state, late.reason), (record.state, record.reason), "M2");
    assert_eq!(writes[2], SessionWrite::Answer(SessionAnswer::Ignored(Ignored::Final)));
}

#[test]
fn m3_a_redial_goes_back_to_the_queue() {
    let steps = [update(1, State::Processing), update(2, State::Queued), ended(3, "REDIAL_LIMIT_REACHED")];
    let (record, _) = play(submitted(Kind::Immediate), &steps);
    assert_eq!(record.reason.unwrap().as_str(), "REDIAL_LIMIT_REACHED");
}

/// R-CAN-1, R-CAN-3.
#[test]
fn m4_to_m7_cancel_by_state() {
    let (processing, _) = play(submitted(Kind::Immediate), &[update(1, State::Processing)]);
    assert_eq!(cancel(&processing, &request(), at(20)), Err(Cancelled::NotCancellable), "M4");
    let (done, _) = play(submitted(Kind::Immediate), &[ended(1, "AGENT_CONNECTED")]);
    assert_eq!(cancel(&done, &request(), at(20)), Err(Cancelled::AlreadyCompleted), "M5");
    let admin = CancelRequest { actor: Actor::Ui("super".into()), reason: Reason::CANCELLED_BY_ADMIN, keyed: None };
    let (next, _) = cancel(&booked(Kind::Scheduled), &admin, at(20)).unwrap();
    assert_eq!(next.reason, Some(Reason::CANCELLED_BY_ADMIN), "M6");
    assert!(!next.holds_slot(), "M6: the place is free");
    let (next, _) = cancel(&booked(Kind::Scheduled), &request(), at(20)).unwrap();
    assert_eq!((next.state, next.reason), (State::Completed, Some(Reason::CANCELLED)), "M7");
}

#[test]
fn m8_a_cancel_is_durable_and_the_late_confirmation_is_kept() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let (wished, _) = cancel(&bound, &request(), at(20)).unwrap();
    assert!(matches!(cancelled(wished.clone()), Cancelled::AskSession(_)), "R-CAN-2");
    assert!(matches!(cancel(&wished, &request(), at(21)), Err(Cancelled::AskSession(_))), "safe to repeat");
    let (settled, _) = settle_cancel(&wished, &session("S1"), CancelAnswer::NoAnswer, &Actor::Api, at(23)).unwrap();
    assert_eq!(settled.reason, Some(Reason::CANCELLED));
    assert!(!settled.cancel.as_ref().unwrap().confirmed);
    let (confirmed, _) = play(settled, &[ended(2, "CANCELLED")]);
    assert!(confirmed.cancel.unwrap().confirmed, "M8");
}

#[test]
fn a_refused_cancel_names_the_state_that_won() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Routing)]);
    let (wished, _) = cancel(&bound, &request(), at(20)).unwrap();
    let (refused, _) = settle_cancel(&wished, &session("S1"), CancelAnswer::Refused, &Actor::Api, at(21)).unwrap();
    assert_eq!(cancelled(refused.clone()), Cancelled::NotCancellable, "I5");
    assert_eq!(refused.cancel, None);
    // The agent took it while we asked and the session did not answer: the conversation wins.
    let (talking, _) = play(wished, &[update(2, State::Processing)]);
    let (kept, _) = settle_cancel(&talking, &session("S1"), CancelAnswer::NoAnswer, &Actor::Api, at(22)).unwrap();
    assert_eq!(kept.state, State::Processing, "R-TR-5");
}

fn gives_up(seq: u64, end: SessionEnd) -> SessionUpdate {
    SessionUpdate { end: Some(end), state: None, ..update(seq, State::Queued) }
}

/// R-TR-2: what arrives late or twice of a session that gave up must not keep the callback from its next attempt.
#[test]
fn a_session_that_gave_up_cannot_take_the_callback_again() {
    for end in [SessionEnd::Lost, SessionEnd::Handover] {
        let (freed, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued), gives_up(2, end)]);
        assert!(freed.waits_for_handover(), "{end:?}");
        for late in [update(1, State::Queued), update(3, State::Routing)] {
            assert_eq!(session_update(&freed, &late, at(11)), SessionWrite::Answer(SessionAnswer::Stranger), "{end:?}");
        }
        let (again, _) = record_handed(&freed, 2, at(12)).unwrap();
        assert_eq!(
            session_update(&again, &update(1, State::Queued), at(13)),
            SessionWrite::Answer(SessionAnswer::Stranger)
        );
        let next = SessionUpdate { session: Some(session("S2")), ..update(1, State::Queued) };
        assert!(matches!(session_update(&again, &next, at(14)), SessionWrite::Audited(_)), "the next one may");
    }
}

/// R-CAN-2, I5: nobody is called again who wished not to be.
#[test]
fn a_session_lost_while_it_was_asked_to_cancel_ends_the_callback() {
    for (end, dialed, state, reason) in [
        (SessionEnd::Lost, None, State::Queued, Reason::CANCELLED),
        (SessionEnd::Handover, Some(1), State::Queued, Reason::CANCELLED),
        (SessionEnd::Lost, Some(1), State::Routing, Reason::CANCELLED),
        // The wish came too late, and the conversation is over.
        (SessionEnd::Lost, Some(1), State::Processing, Reason::SESSION_LOST),
        (SessionEnd::Handover, Some(1), State::Processing, Reason::CANCELLED),
    ] {
        let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
        let (wished, _) = cancel(&bound, &request(), at(9)).unwrap();
        let told = SessionUpdate { dial_attempts: dialed, ..update(2, state) };
        let (over, _) = play(wished, &[told, gives_up(3, end)]);
        assert_eq!((over.state, over.reason), (State::Completed, Some(reason)), "{end:?} {state:?}");
    }
}

/// R-CAN-2: who was not asked has not agreed.
#[test]
fn the_answer_of_one_session_does_not_settle_the_cancel_of_another() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let (wished, _) = cancel(&bound, &request(), at(2)).unwrap();
    let (refused, _) = settle_cancel(&wished, &session("S1"), CancelAnswer::Refused, &Actor::Api, at(3)).unwrap();
    let other = SessionUpdate { session: Some(session("S2")), ..update(1, State::Queued) };
    let (other, _) = play(refused, &[gives_up(2, SessionEnd::Lost), other]);
    let (wished, _) = cancel(&other, &request(), at(11)).unwrap();
    for answer in [CancelAnswer::NoAnswer, CancelAnswer::Accepted, CancelAnswer::Refused] {
        let settled = settle_cancel(&wished, &session("S1"), answer, &Actor::Api, at(12));
        assert!(matches!(settled, Err(Cancelled::AskSession(next)) if next.id == session("S2")), "{answer:?}");
    }
    let (settled, _) = settle_cancel(&wished, &session("S2"), CancelAnswer::NoAnswer, &Actor::Api, at(13)).unwrap();
    assert_eq!(settled.reason, Some(Reason::CANCELLED));
}

#[test]
fn news_of_a_connected_consumer_after_a_cancel_is_history() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let (wished, _) = cancel(&bound, &request(), at(20)).unwrap();
    let (settled, _) = settle_cancel(&wished, &session("S1"), CancelAnswer::NoAnswer, &Actor::Api, at(23)).unwrap();
    let SessionWrite::Audited(written) = session_update(&settled, &update(2, State::Processing), at(24)) else {
        panic!("late news is kept");
    };
    assert_eq!(written.1.changes, [Change::CancelCameTooLate], "R-CAN-2");
    assert_eq!(written.0.reason, Some(Reason::CANCELLED));
}

#[test]
fn only_the_bound_session_may_speak() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let stranger = SessionUpdate { session: Some(session("S2")), ..update(5, State::Routing) };
    assert_eq!(session_update(&bound, &stranger, at(20)), SessionWrite::Answer(SessionAnswer::Stranger), "R-SUB-8");
    let (cancelled, _) = cancel(&submitted(Kind::Immediate), &request(), at(20)).unwrap();
    let late = session_update(&cancelled, &update(1, State::Queued), at(21));
    assert_eq!(late, SessionWrite::Answer(SessionAnswer::Stranger), "1.5: a late acknowledgement is refused (I5)");
}

#[test]
fn a_bind_counts_as_the_attempt_that_was_never_recorded() {
    let unrecorded = booked(Kind::Immediate);
    let (bound, _) = play(unrecorded, &[update(1, State::Queued)]);
    assert_eq!(bound.submission.attempts, 1, "R-TR-3: the acknowledgement overtook our own record");
    assert!(!bound.waits_for_handover());
    let far = booked(Kind::Scheduled);
    let early = session_update(&far, &update(1, State::Queued), at(5));
    assert_eq!(early, SessionWrite::Answer(SessionAnswer::Stranger), "nobody was asked to call that early (I4)");
}

/// I4: the entry for the earlier time was written, and the move came before it was recorded.
#[test]
fn a_moved_callback_is_no_business_of_an_entry_for_its_earlier_time() {
    let soon = Callback { desired_at: at(600), ..booked(Kind::Scheduled) };
    let bind = update(1, State::Queued);
    assert!(matches!(session_update(&soon, &bind, at(500)), SessionWrite::Audited(_)), "R-TR-3: it may be unrecorded");
    let to = Move { desired: at(4_000), deadline: at(90_000), ..tomorrow() };
    let (moved, _) = move_booking(&soon, &to, at(500)).unwrap().write;
    assert_eq!(session_update(&moved, &bind, at(501)), SessionWrite::Answer(SessionAnswer::Stranger));
    let (handed, _) = moved.apply(Actor::Monitor, at(3_880), vec![Change::Submitted { attempt: 1 }]);
    assert!(matches!(session_update(&handed, &bind, at(3_881)), SessionWrite::Audited(_)), "its own attempt");
}

#[test]
fn sequences_decide_what_is_news() {
    let (record, writes) = play(submitted(Kind::Immediate), &[update(3, State::Routing), update(2, State::Queued)]);
    assert_eq!(record.state, State::Routing, "R-TR-2");
    assert_eq!(writes[1], SessionWrite::Answer(SessionAnswer::Ignored(Ignored::Stale)));
}

#[test]
fn m14_a_lost_session_is_tried_again_only_if_nobody_was_dialed() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let lost = SessionUpdate { end: Some(SessionEnd::Lost), ..SessionUpdate::default() };
    let (again, _) = play(bound.clone(), std::slice::from_ref(&lost));
    assert!(again.waits_for_handover(), "M14");
    assert_eq!((again.state, again.next_attempt()), (State::Queued, 2), "M14");
    let dialed = SessionUpdate { dial_attempts: Some(1), seq: Some(2), ..SessionUpdate::default() };
    let (gone, _) = play(bound, &[dialed, lost]);
    assert_eq!(gone.reason, Some(Reason::SESSION_LOST), "M14b");
}

#[test]
fn the_repeated_end_of_an_earlier_session_costs_no_attempt() {
    for end in [SessionEnd::Lost, SessionEnd::Handover] {
        let gone = SessionUpdate { end: Some(end), ..update(2, State::Queued) };
        let (waiting, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued), gone.clone()]);
        let (again, writes) = play(waiting.clone(), std::slice::from_ref(&gone));
        assert_eq!(writes, [SessionWrite::Answer(SessionAnswer::Ignored(Ignored::Stale))], "{end:?}");
        assert_eq!(again.next_attempt(), 2, "{end:?}: the next attempt is not the one after it");
        let (next, _) = waiting.apply(Actor::Monitor, at(20), vec![Change::Submitted { attempt: 2 }]);
        let (next, _) = play(next, &[gone]);
        assert!(!next.waits_for_handover(), "{end:?}: attempt 2 is alive");
    }
}

#[test]
fn m14d_an_end_without_a_reason_gets_one() {
    let (record, _) = play(submitted(Kind::Immediate), &[update(1, State::Completed)]);
    assert_eq!(record.reason, Some(Reason::NOT_AVAILABLE), "R-RSN-1");
}

#[test]
fn m16_a_rescheduled_record_starts_over_and_m17_m18_expire_with_their_time() {
    let moved = Move {
        actor: Actor::Ui("super".into()),
        desired: at(172_800),
        kind: Kind::Scheduled,
        deadline: at(259_200),
        slot: None,
        edit: None,
    };
    let (next, event) = move_booking(&booked(Kind::Scheduled), &moved, at(30)).unwrap().write;
    assert_eq!((next.state, next.desired_at, next.reschedules), (State::Scheduled, at(172_800), 1), "T11");
    assert_eq!(next.expires_at(), at(172_800) + crate::callback::RETENTION, "M18");
    assert_eq!(next.particulars.previous_desired, [at(86_400)]);
    assert_eq!(event.seq, 2);
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let asked = move_booking(&bound, &moved, at(30)).unwrap();
    assert!(matches!(asked.answer, Moved::SessionHolds(_)), "R-EDT-4");
    let (talking, _) = play(bound, &[update(2, State::Processing)]);
    assert_eq!(move_booking(&talking, &moved, at(30)), Err(Moved::NotReschedulable(State::Processing)));
    let late = session_update(&next, &update(9, State::Routing), at(40));
    assert_eq!(late, SessionWrite::Answer(SessionAnswer::Stranger), "M16: late news of the old session");
}

#[test]
fn edits_name_their_fields_and_only_scheduled_records_take_them() {
    let edits = Edit { priority: Some(5), language: Some("fr-CA".into()), ..Edit::default() };
    let (next, event) = edit(&booked(Kind::Scheduled), &edits, &Actor::Ui("super".into()), at(9)).unwrap();
    assert_eq!((next.priority, next.particulars.language()), (Some(5), "fr-CA"));
    assert_eq!(event.changes, [Change::Edited { fields: vec!["priority".into(), "language".into()] }]);
    let again = edit(&next, &edits, &Actor::Api, at(10));
    assert!(matches!(again, Err(Edited::Done(_))), "nothing to write the second time");
    let queued = edit(&booked(Kind::Immediate), &edits, &Actor::Api, at(9));
    assert_eq!(queued, Err(Edited::NotEditable(State::Queued)));
}

#[test]
fn queue_position_is_volatile() {
    let (bound, _) = play(submitted(Kind::Immediate), &[update(1, State::Queued)]);
    let told = SessionUpdate { position: Some(4), ewt: Some(120), ..SessionUpdate::default() };
    let SessionWrite::Volatile(next) = session_update(&bound, &told, at(20)) else { panic!("no event for a position") };
    assert_eq!((next.position, next.ewt, next.version), (Some(4), Some(120), bound.version));
}

/// Anything that may happen to a record.
#[derive(Debug, Clone)]
enum Step {
    Submit(u32),
    Session(SessionUpdate),
    Cancel,
    Settle(&'static str, CancelAnswer),
    Move(i64),
    SettleMove(&'static str, MoveAnswer),
}

fn any_state() -> impl Strategy<Value = State> {
    prop::sample::select(State::ALL.to_vec())
}

fn any_step() -> impl Strategy<Value = Step> {
    let names = prop::sample::select(vec!["S1", "S2", "S2.node4", ""]);
    let told = (0_u64..9, any_state(), 0_u32..3, names, any::<bool>()).prop_map(|(seq, state, dials, name, lost)| {
        Step::Session(SessionUpdate {
            session: SessionId::new(name).ok(),
            url: (seq % 3 == 0).then(|| format!("http://node{dials}")),
            seq: Some(seq),
            state: (!lost).then_some(state),
            end: lost.then_some(SessionEnd::Lost),
            dial_attempts: Some(dials),
            ..SessionUpdate::default()
        })
    });
    let answers = vec![CancelAnswer::Accepted, CancelAnswer::Refused, CancelAnswer::Gone, CancelAnswer::NoAnswer];
    prop_oneof![
        (1_u32..4).prop_map(Step::Submit),
        told,
        Just(Step::Cancel),
        (prop::sample::select(vec!["S1", "S2"]), prop::sample::select(answers))
            .prop_map(|(asked, answer)| Step::Settle(asked, answer)),
        (1_i64..1_000_000).prop_map(Step::Move),
        (prop::sample::select(vec!["S1", "S2"]), any::<bool>()).prop_map(|(asked, stops)| {
            Step::SettleMove(asked, if stops { MoveAnswer::Stopped } else { MoveAnswer::Refused })
        }),
    ]
}

fn take(record: &Callback, step: &Step, now: Instant) -> Option<Write> {
    match step {
        Step::Submit(attempt) if record.waits_for_handover() => {
            let attempt = record.last_attempt() + attempt;
            Some(record.apply(Actor::Monitor, now, vec![Change::Submitted { attempt }]))
        }
        Step::Submit(_) => None,
        Step::Session(update) => match session_update(record, update, now) {
            SessionWrite::Audited(write) => Some(*write),
            _ => None,
        },
        Step::Cancel => cancel(record, &request(), now).ok(),
        Step::Settle(asked, answer) => settle_cancel(record, &session(asked), *answer, &Actor::Api, now).ok(),
        Step::Move(seconds) => {
            let desired = at(*seconds);
            let to =
                Move { actor: Actor::Api, desired, kind: Kind::Scheduled, deadline: desired, slot: None, edit: None };
            move_booking(record, &to, now).ok().map(|step| step.write)
        }
        Step::SettleMove(asked, answer) => {
            let wish = record.particulars.moving?;
            let (desired, deadline) = (wish.desired, wish.deadline);
            let to = Move { actor: Actor::Monitor, desired, kind: wish.kind, deadline, slot: None, edit: None };
            settle_move(record, &session(asked), *answer, &to, now).ok().map(|step| step.write)
        }
    }
}

proptest! {
    /// R-TR-4, R-ST-2.
    #[test]
    fn p_8_nothing_leaves_completed_and_i8_the_timeline_folds_to_the_row(
        kind in prop::sample::select(vec![Kind::Immediate, Kind::Scheduled]),
        steps in prop::collection::vec(any_step(), 0..30),
    ) {
        let mut record = booked(kind);
        let mut timeline = vec![TimelineEvent { seq: 1, at: at(0), actor: Actor::Api, changes: vec![Change::Booked] }];
        for (n, step) in steps.iter().enumerate() {
            let now = at(90_000 + n as i64);
            let Some((next, event)) = take(&record, step, now) else { continue };
            prop_assert_eq!(next.version, record.version + 1, "P-8");
            prop_assert_eq!(event.seq, next.version);
            if record.state == State::Completed {
                prop_assert_eq!(next.state, State::Completed, "P-8, R-ST-2");
                prop_assert_eq!(&next.reason, &record.reason);
            }
            prop_assert_eq!(next.check(), Ok(()));
            prop_assert_eq!(next.expires_at(), next.desired_at + crate::callback::RETENTION, "P-15");
            timeline.push(event);
            record = next;
        }
        let mut folded = fold(&record, &timeline);
        (folded.position, folded.ewt) = (record.position, record.ewt);
        prop_assert_eq!(folded, record, "I8");
    }

    #[test]
    fn p_9_order_of_updates_does_not_matter_once_the_last_one_is_final(
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let told = [update(1, State::Queued), update(2, State::Routing), update(3, State::Processing), ended(4, "AGENT_CONNECTED")];
        let (in_order, _) = play(submitted(Kind::Immediate), &told);
        let shuffled: Vec<_> = order.iter().map(|i| told[*i].clone()).collect();
        let (record, _) = play(submitted(Kind::Immediate), &shuffled);
        prop_assert_eq!((record.state, record.reason), (in_order.state, in_order.reason));
    }
}

#[test]
fn an_attempt_is_recorded_once_and_only_when_it_is_the_next_one() {
    let waiting = booked(Kind::Immediate);
    for attempt in [0, 2, 3] {
        assert_eq!(record_handed(&waiting, attempt, at(1)), Err(HandoverOutcome::Overtaken), "{attempt}");
    }
    let (handed, _) = record_handed(&waiting, 1, at(1)).unwrap();
    assert_eq!((handed.submission.attempts, handed.submission.submitted_at), (1, Some(at(1))));
    assert_eq!(record_handed(&handed, 1, at(2)), Err(HandoverOutcome::Recorded), "safe to repeat");
    assert_eq!(record_handed(&handed, 2, at(2)), Err(HandoverOutcome::Overtaken), "attempt 1 is unanswered (I2)");
    let (again, _) = handed.apply(Actor::Monitor, at(61), vec![Change::SessionUnbound]);
    assert_eq!(record_handed(&again, 1, at(62)), Err(HandoverOutcome::Overtaken), "attempt 1 is dead");
    assert!(record_handed(&again, 2, at(62)).is_ok());
    let (over, _) = cancel(&waiting, &request(), at(1)).unwrap();
    assert_eq!(record_handed(&over, 1, at(2)), Err(HandoverOutcome::Overtaken), "I5");
}

#[test]
fn a_move_finds_its_place_without_the_one_it_holds() {
    use crate::capacity::{Limits, Shared};
    use crate::slots::Cell;
    let record = booked(Kind::Scheduled);
    let quarter = |n: i64| Cell { from: at(86_400 + 900 * n), until: at(86_400 + 900 * (n + 1)) };
    let to = |cell: Cell, cell_limit, in_the_hour: Option<u32>| Move {
        actor: Actor::Api,
        desired: cell.from,
        kind: Kind::Scheduled,
        deadline: at(200_000),
        slot: Some(crate::booking::SlotClaim {
            cell,
            limits: Limits {
                cell_limit,
                shared: in_the_hour.map(|limit| Shared { from: quarter(0).from, until: quarter(4).from, limit }),
            },
        }),
        edit: None,
    };
    let booked: Usage = [(record.desired_at, 2), (quarter(1).from, 1)].into_iter().collect();
    assert!(finds_place(&record, &to(quarter(0), 0, None), &booked), "staying always works (R-EDT-2)");
    assert!(!finds_place(&record, &to(quarter(1), 1, None), &booked));
    assert!(finds_place(&record, &to(quarter(1), 2, Some(3)), &booked), "three in the hour, one of them its own");
    assert!(!finds_place(&record, &to(quarter(1), 2, Some(2)), &booked), "R-CR-10");
    assert!(finds_place(&record, &Move { slot: None, ..to(quarter(1), 0, None) }, &booked));
}
