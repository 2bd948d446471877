//! What sessions tell a record (EX-M, R-TR-1 to R-TR-3).

use std::collections::BTreeMap;
use std::time::Duration;

use ges_domain::Instant;
use ges_domain::callback::{
    Actor, Callback, Change, Ignored, Overgrown, Reason, Scalar, SessionBinding, SessionEnd, SessionUpdate, State,
    UserData,
};
use ges_domain::ports::{CancelAnswer, HandoverOutcome, SessionAnswer};

use super::{Stores, assert_untouched, book, hand_over, last_changes, lease_for, provision, standing};
use crate::builders::{START, after, consumer_cancels, ending, immediate, move_to, scheduled, session, tenant, update};

async fn tell(stores: &dyn Stores, record: &Callback, update: &SessionUpdate, at: Instant) -> SessionAnswer {
    stores.record().apply_session_update(tenant(), record.id, update, at).await.unwrap()
}

async fn told(stores: &dyn Stores, record: &Callback, update: &SessionUpdate, at: Instant) -> Callback {
    match tell(stores, record, update, at).await {
        SessionAnswer::Accepted(row) => {
            assert_eq!(standing(stores, record).await, *row, "the answer is the row");
            *row
        }
        other => panic!("{other:?}"),
    }
}

/// An IMMEDIATE record on the stream.
async fn handed(stores: &dyn Stores) -> Callback {
    let booked = book(stores, immediate(START)).await;
    assert_eq!(hand_over(stores, &booked, 1, after(1)).await, HandoverOutcome::Recorded);
    standing(stores, &booked).await
}

/// M1, M2.
pub async fn m1_and_m2_a_good_day_ends_connected_in_any_order(stores: &dyn Stores) {
    provision(stores).await;
    for late in [false, true] {
        let record = handed(stores).await;
        let mut first = update("S1", 1, State::Routing);
        first.url = Some("http://node3:8080".into());
        let bound = told(stores, &record, &first, after(2)).await;
        let binding = SessionBinding { id: session("S1"), url: Some("http://node3:8080".into()) };
        assert_eq!((bound.session, bound.state), (Some(binding), State::Routing));
        if !late {
            told(stores, &record, &update("S1", 2, State::Processing), after(3)).await;
        }
        let ended = told(stores, &record, &ending("S1", 3, "AGENT_CONNECTED"), after(4)).await;
        if late {
            let answer = tell(stores, &record, &update("S1", 2, State::Processing), after(5)).await;
            assert_eq!(answer, SessionAnswer::Ignored(Ignored::Final), "M2");
            assert_untouched(stores, &ended).await;
        }
        assert_eq!((ended.state, ended.reason), (State::Completed, Some(Reason::AGENT_CONNECTED)));
        assert_eq!(ended.completed_at, Some(after(4)));
    }
}

/// M3, M14d.
pub async fn m3_a_redial_ends_with_its_own_reason(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    told(stores, &record, &update("S1", 1, State::Processing), after(2)).await;
    let redial = SessionUpdate { dial_attempts: Some(2), ..update("S1", 2, State::Queued) };
    assert_eq!(told(stores, &record, &redial, after(3)).await.dial_attempts, 2);
    let ended = told(stores, &record, &ending("S1", 3, "REDIAL_LIMIT_REACHED"), after(4)).await;
    assert_eq!(ended.reason.unwrap().as_str(), "REDIAL_LIMIT_REACHED");
    let record = handed(stores).await;
    let ended = told(stores, &record, &update("S2", 1, State::Completed), after(4)).await;
    assert_eq!(ended.reason, Some(Reason::NOT_AVAILABLE), "M14d");
}

/// M8: completed at once, confirmed when the session is heard again.
pub async fn m8_an_unreachable_session_confirms_later(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    told(stores, &record, &update("S1", 1, State::Routing), after(2)).await;
    stores.record().cancel(tenant(), record.id, &consumer_cancels(), after(3)).await.unwrap();
    let store = stores.record();
    store
        .settle_cancel(tenant(), record.id, &session("S1"), CancelAnswer::NoAnswer, &consumer_cancels(), after(6))
        .await
        .unwrap();
    let done = standing(stores, &record).await;
    assert_eq!((done.reason.clone(), done.cancel.unwrap().confirmed), (Some(Reason::CANCELLED), false));
    let later = told(stores, &record, &ending("S1", 2, "CANCELLED"), after(60)).await;
    assert_eq!((later.reason, later.cancel.unwrap().confirmed), (Some(Reason::CANCELLED), true), "M8");
    assert_eq!(last_changes(stores, &record).await, [Change::CancelConfirmed]);
}

/// M9.
pub async fn m9_a_pause_and_a_resume_are_kept(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    told(stores, &record, &update("S1", 1, State::Queued), after(2)).await;
    assert_eq!(told(stores, &record, &update("S1", 2, State::Paused), after(3)).await.state, State::Paused);
    assert_eq!(told(stores, &record, &update("S1", 3, State::Queued), after(4)).await.state, State::Queued);
}

/// M14, M14b.
pub async fn m14_a_session_lost_before_dialing_is_handed_over_again(stores: &dyn Stores) {
    provision(stores).await;
    let lost = |seq, dialed| SessionUpdate {
        session: Some(session("S1")),
        seq: Some(seq),
        end: Some(SessionEnd::Lost),
        dial_attempts: dialed,
        ..SessionUpdate::default()
    };
    let record = handed(stores).await;
    told(stores, &record, &update("S1", 1, State::Routing), after(2)).await;
    let waiting = told(stores, &record, &lost(2, None), after(3)).await;
    assert_eq!((waiting.state, &waiting.session), (State::Queued, &None));
    assert!(waiting.waits_for_handover() && waiting.next_attempt() == 2, "M14");
    assert_eq!(hand_over(stores, &record, 2, after(4)).await, HandoverOutcome::Recorded);
    let record = handed(stores).await;
    told(stores, &record, &update("S1", 1, State::Routing), after(2)).await;
    let ended = told(stores, &record, &lost(2, Some(1)), after(3)).await;
    assert_eq!(ended.reason, Some(Reason::SESSION_LOST), "M14b");
}

/// R-TR-2: late news of a session that gave up is not the acknowledgement of the next attempt.
pub async fn a_session_that_gave_up_cannot_take_it_again(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    told(stores, &record, &update("S1", 1, State::Queued), after(2)).await;
    let lost = SessionUpdate { state: None, end: Some(SessionEnd::Lost), ..update("S1", 2, State::Queued) };
    let waiting = told(stores, &record, &lost, after(3)).await;
    assert_eq!(tell(stores, &record, &update("S1", 1, State::Queued), after(4)).await, SessionAnswer::Stranger);
    assert_untouched(stores, &waiting).await;
    assert_eq!(hand_over(stores, &record, 2, after(5)).await, HandoverOutcome::Recorded);
    assert_eq!(tell(stores, &record, &update("S1", 3, State::Routing), after(6)).await, SessionAnswer::Stranger);
    told(stores, &record, &update("S2", 1, State::Queued), after(7)).await;
}

/// R-CAN-2, I5: the wish to cancel outlives the session that was to be asked.
pub async fn a_lost_session_with_a_wish_to_cancel_ends_it(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    told(stores, &record, &update("S1", 1, State::Queued), after(2)).await;
    stores.record().cancel(tenant(), record.id, &consumer_cancels(), after(3)).await.unwrap();
    let lost = SessionUpdate { state: None, end: Some(SessionEnd::Lost), ..update("S1", 2, State::Queued) };
    let over = told(stores, &record, &lost, after(4)).await;
    assert_eq!((over.state, &over.reason), (State::Completed, &Some(Reason::CANCELLED)));
    assert_eq!(hand_over(stores, &record, 2, after(5)).await, HandoverOutcome::Overtaken, "I5");
    assert_untouched(stores, &over).await;
}

/// M16.
pub async fn m16_a_late_update_after_a_move_is_a_strangers(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    let to = move_to(after(90_000), 5);
    stores.record().move_booking(tenant(), record.id, &to, after(5)).await.unwrap();
    let before = standing(stores, &record).await;
    assert_eq!(before.state, State::Scheduled);
    let answer = tell(stores, &record, &update("S1", 1, State::Routing), after(6)).await;
    assert_eq!(answer, SessionAnswer::Stranger, "M16");
    assert_untouched(stores, &before).await;
}

/// R-TR-3, I2.
pub async fn a_second_session_is_a_stranger(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    let bound = told(stores, &record, &update("S1", 1, State::Routing), after(2)).await;
    let answer = tell(stores, &record, &update("S2", 9, State::Processing), after(3)).await;
    assert_eq!(answer, SessionAnswer::Stranger);
    assert_untouched(stores, &bound).await;
}

/// R-TR-2.
pub async fn a_stale_sequence_is_ignored(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    let bound = told(stores, &record, &update("S1", 5, State::Routing), after(2)).await;
    assert_eq!(bound.session_seq, 5);
    for seq in [4, 5] {
        let answer = tell(stores, &record, &update("S1", seq, State::Processing), after(3)).await;
        assert_eq!(answer, SessionAnswer::Ignored(Ignored::Stale), "R-TR-2: {seq}");
    }
    assert_untouched(stores, &bound).await;
    told(stores, &record, &update("S1", 6, State::Processing), after(3)).await;
}

/// R-TR-1.
pub async fn an_illegal_move_is_named(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    let bound = told(stores, &record, &update("S1", 1, State::Processing), after(2)).await;
    let answer = tell(stores, &record, &update("S1", 2, State::Paused), after(3)).await;
    assert_eq!(answer, SessionAnswer::Illegal { from: State::Processing, to: State::Paused });
    assert_untouched(stores, &bound).await;
}

/// R-POL-1: kept, shown, but no version and no event.
pub async fn position_and_wait_are_volatile(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    let bound = told(stores, &record, &update("S1", 1, State::Routing), after(2)).await;
    let news = |position, ewt| SessionUpdate {
        session: Some(session("S1")),
        position: Some(position),
        ewt: Some(ewt),
        ..SessionUpdate::default()
    };
    let seen = told(stores, &record, &news(4, 90), after(3)).await;
    assert_eq!((seen.position, seen.ewt, seen.version), (Some(4), Some(90), bound.version));
    let seen = told(stores, &record, &news(0, 4_000_000_000), after(4)).await;
    assert_eq!((seen.position, seen.ewt), (Some(0), Some(4_000_000_000)));
    let again = told(stores, &record, &news(0, 4_000_000_000), after(5)).await;
    assert_eq!(again, seen);
    let ended = told(stores, &record, &ending("S1", 2, "AGENT_CONNECTED"), after(6)).await;
    assert_eq!((ended.position, ended.ewt), (None, None));
}

/// R-EDT-5, integrations 2.10: set, removed, kept; the timeline has names only.
pub async fn user_data_and_facts_are_merged(stores: &dyn Stores) {
    provision(stores).await;
    let text = |value: &str| Scalar::Text(value.into());
    let data = UserData::new([("a".to_owned(), text("1")), ("b".to_owned(), text("2"))]).unwrap();
    let booked = book(stores, immediate(START).with(|callback| callback.particulars.user_data = data)).await;
    hand_over(stores, &booked, 1, after(1)).await;
    let news = SessionUpdate {
        session: Some(session("S1")),
        user_data: vec![("a".into(), None), ("c".into(), Some(text("3")))],
        facts: BTreeMap::from([("_note".to_owned(), "x".to_owned())]),
        ..SessionUpdate::default()
    };
    let row = told(stores, &booked, &news, after(2)).await;
    let keys: Vec<&str> = row.particulars.user_data.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["b", "c"]);
    assert_eq!(row.particulars.session_facts.get("_note").map(String::as_str), Some("x"));
    let fields = ["userData", "sessionFacts"].map(String::from).to_vec();
    assert!(last_changes(stores, &booked).await.contains(&Change::Edited { fields }));
}

/// R-CAN-2, R-ST-2: history, never a transition.
pub async fn late_news_of_a_cancelled_record_is_kept(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    told(stores, &record, &update("S1", 1, State::Routing), after(2)).await;
    stores.record().cancel(tenant(), record.id, &consumer_cancels(), after(3)).await.unwrap();
    let store = stores.record();
    store
        .settle_cancel(tenant(), record.id, &session("S1"), CancelAnswer::NoAnswer, &consumer_cancels(), after(6))
        .await
        .unwrap();
    for (state, kept) in [
        (State::Routing, Change::HeardLate { state: State::Routing }),
        (State::Queued, Change::HeardLate { state: State::Queued }),
        (State::Processing, Change::CancelCameTooLate),
    ] {
        let late = told(stores, &record, &update("S1", 2, state), after(7)).await;
        assert_eq!((late.state, late.reason), (State::Completed, Some(Reason::CANCELLED)), "{state:?}");
        assert_eq!(last_changes(stores, &record).await, [kept], "R-CAN-2");
    }
    let much_later = tell(stores, &record, &update("S1", 3, State::Routing), after(6 + 900)).await;
    assert_eq!(much_later, SessionAnswer::Ignored(Ignored::Final), "integrations 2.10: 15 minutes");
    assert_eq!(last_changes(stores, &record).await, [Change::CancelCameTooLate]);
    let answer = tell(stores, &record, &update("S7", 2, State::Processing), after(8)).await;
    assert_eq!(answer, SessionAnswer::Stranger, "R-SUB-8");
}

/// R-TR-3, R-SUB-8: the session was quicker than the record of its attempt, which is then spent.
pub async fn a_session_may_come_before_its_attempt_is_recorded(stores: &dyn Stores) {
    provision(stores).await;
    let early = book(stores, scheduled(START, after(86_400))).await;
    let answer = tell(stores, &early, &update("S1", 1, State::Queued), after(1)).await;
    assert_eq!(answer, SessionAnswer::Stranger, "nobody handed it over yet");
    assert_untouched(stores, &early).await;
    let booked = book(stores, immediate(START)).await;
    let bound = told(stores, &booked, &update("S1", 1, State::Routing), after(2)).await;
    assert_eq!((bound.submission.attempts, bound.submission.submitted_at), (1, Some(after(2))));
    assert_eq!(hand_over(stores, &booked, 1, after(3)).await, HandoverOutcome::Overtaken);
    assert_untouched(stores, &bound).await;
}

/// Integrations 1.2.4, R-SUB-8: somebody has it, so its attempt never rings, whatever the store keeps of it.
pub async fn an_update_without_a_name_acknowledges_the_attempt(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    let data = SessionUpdate { user_data: vec![("a".into(), Some(Scalar::Bool(true)))], ..SessionUpdate::default() };
    let taken = told(stores, &record, &data, after(2)).await;
    assert!(taken.is_taken_unnamed() && taken.session.is_none());
    let lease = lease_for(stores, &record).await;
    let rung = async |at| stores.handover().timers(lease, at, 9).await.unwrap().len();
    assert_eq!(rung(after(10_000)).await, 0, "R-SUB-8");
    let routed = SessionUpdate { state: Some(State::Routing), ..SessionUpdate::default() };
    told(stores, &record, &routed, after(3)).await;
    let queued = SessionUpdate { state: Some(State::Queued), ..SessionUpdate::default() };
    let waiting = told(stores, &record, &queued, after(4)).await;
    assert_eq!((rung(waiting.deadline - Duration::from_millis(1)).await, rung(waiting.deadline).await), (0, 1));
    assert_eq!(hand_over(stores, &record, 2, after(70)).await, HandoverOutcome::Overtaken);
    let bound = told(stores, &record, &update("S1", 1, State::Routing), after(80)).await;
    assert!(bound.session.is_some(), "its name may come later");
    // A claim before the attempt is recorded is the attempt.
    let booked = book(stores, immediate(START)).await;
    let claimed = told(stores, &booked, &routed, after(2)).await;
    assert_eq!((claimed.submission.attempts, claimed.submission.submitted_at), (1, Some(after(2))));
    assert_eq!(hand_over(stores, &booked, 1, after(3)).await, HandoverOutcome::Recorded);
    assert_untouched(stores, &claimed).await;
}

/// Integrations 0.3, 1.2.4.
pub async fn a_session_says_where_it_runs_and_is_known_by_either_form_of_its_id(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    told(stores, &record, &update("S1", 1, State::Queued), after(2)).await;
    let elsewhere = SessionUpdate { url: Some("http://node4:9098".into()), ..update("S1.node4", 2, State::Routing) };
    let moved = told(stores, &record, &elsewhere, after(3)).await;
    let binding = SessionBinding { id: session("S1.node4"), url: Some("http://node4:9098".into()) };
    assert_eq!((moved.session.as_ref(), moved.session_seq), (Some(&binding), 2));
    let answer = tell(stores, &record, &update("S1", 2, State::Processing), after(4)).await;
    assert_eq!(answer, SessionAnswer::Ignored(Ignored::Stale), "R-TR-2: it counts on");
    let talking = told(stores, &record, &update("S1", 3, State::Processing), after(5)).await;
    assert_eq!(talking.session, Some(binding));
}

/// R-REC-5.
pub async fn values_that_are_too_large_change_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    let bound = told(stores, &record, &update("S1", 1, State::Queued), after(2)).await;
    let data = vec![("a".to_owned(), Some(Scalar::Text("x".repeat(UserData::MAX_BYTES))))];
    let news = SessionUpdate { user_data: data, ..update("S1", 2, State::Routing) };
    assert_eq!(tell(stores, &record, &news, after(3)).await, SessionAnswer::TooLarge(Overgrown::UserData));
    let facts = (0..9).map(|n| (format!("_fact{n}"), "x".repeat(16_000))).collect();
    let news = SessionUpdate { facts, ..update("S1", 2, State::Routing) };
    assert_eq!(tell(stores, &record, &news, after(3)).await, SessionAnswer::TooLarge(Overgrown::Facts));
    assert_untouched(stores, &bound).await;
}

/// I8: what somebody attaches in a session's place stands under their name, and says nothing about the attempt.
pub async fn what_others_attach_bears_their_name(stores: &dyn Stores) {
    provision(stores).await;
    let record = handed(stores).await;
    let data = vec![("a".to_owned(), Some(Scalar::Bool(true)))];
    let news = SessionUpdate { user_data: data, on_behalf: Some(Actor::Ivr), ..SessionUpdate::default() };
    let attached = told(stores, &record, &news, after(2)).await;
    assert!(!attached.is_taken_unnamed() && attached.particulars.user_data.len() == 1);
    let timeline = stores.record().timeline(tenant(), record.id).await.unwrap();
    assert_eq!(timeline.last().unwrap().actor, Actor::Ivr);
}
