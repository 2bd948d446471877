//! Cancel, move and edit: every branch of the domain's acts, written as one compare-and-set each.

use std::collections::BTreeMap;
use std::time::Duration;

use ges_domain::callback::{
    Actor, Callback, Change, Direction, Kind, Reason, Scalar, SessionEnd, SessionUpdate, State, UserData,
};
use ges_domain::capacity::Usage;
use ges_domain::phone::{PhoneKey, PhoneNumber};
use ges_domain::ports::{CancelAnswer, CancelRequest, Cancelled, Edit, Edited, Move, Moved, SessionAnswer};

use super::{Stores, accepted, assert_untouched, book, hand_over, last_changes, provision, standing, used};
use crate::builders::{
    START, after, claim, claim_in_hour, consumer_cancels, immediate, move_to, scheduled, session, tenant, update,
};

/// An IMMEDIATE record that session S1 has.
async fn with_session(stores: &dyn Stores) -> Callback {
    let booked = book(stores, immediate(START)).await;
    hand_over(stores, &booked, 1, after(1)).await;
    match stores.record().apply_session_update(tenant(), booked.id, &update("S1", 1, State::Routing), after(2)).await {
        Ok(SessionAnswer::Accepted(record)) => *record,
        other => panic!("{other:?}"),
    }
}

async fn cancel(stores: &dyn Stores, record: &Callback) -> Cancelled {
    stores.record().cancel(tenant(), record.id, &consumer_cancels(), after(10)).await.unwrap()
}

async fn settle(stores: &dyn Stores, record: &Callback, answer: CancelAnswer) -> Cancelled {
    stores
        .record()
        .settle_cancel(tenant(), record.id, &session("S1"), answer, &consumer_cancels(), after(13))
        .await
        .unwrap()
}

async fn mv(stores: &dyn Stores, record: &Callback, to: &Move) -> Moved {
    stores.record().move_booking(tenant(), record.id, to, after(20)).await.unwrap()
}

fn moved(answer: Moved) -> Callback {
    match answer {
        Moved::Done(record) => *record,
        other => panic!("{other:?}"),
    }
}

/// M5 to M7, I5, R-CAN-1, R-CAN-4.
pub async fn a_cancel_happens_once(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, scheduled(START, after(7200))).await;
    stores.catalogue().remove_service(tenant(), &booked.service).await.unwrap();
    let by_staff = CancelRequest { actor: Actor::Ui("jane".into()), reason: Reason::CANCELLED_BY_ADMIN, keyed: None };
    let first = stores.record().cancel(tenant(), booked.id, &by_staff, after(10)).await.unwrap();
    let Cancelled::Done(done) = first else { panic!("{first:?}") };
    assert_eq!((done.state, &done.reason, done.version), (State::Completed, &Some(Reason::CANCELLED_BY_ADMIN), 2));
    assert_eq!((done.completed_at, done.updated_at), (Some(after(10)), after(10)));
    assert_eq!(cancel(stores, &booked).await, Cancelled::AlreadyCompleted, "M5: a cancel happens once");
    assert_untouched(stores, &done).await;
    let timeline = stores.record().timeline(tenant(), booked.id).await.unwrap();
    assert_eq!((timeline.len(), &timeline[1].actor), (2, &Actor::Ui("jane".into())));
}

/// R-CAN-2: the wish is kept before anybody is asked, and asking again writes nothing.
pub async fn a_cancel_of_a_session_holder_is_a_durable_wish(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_session(stores).await;
    let first = cancel(stores, &record).await;
    assert!(matches!(&first, Cancelled::AskSession(holder) if holder.id == session("S1")), "{first:?}");
    let wishing = standing(stores, &record).await;
    assert_eq!(wishing.state, State::Routing);
    let wish = wishing.cancel.clone().expect("the wish is durable");
    assert_eq!((wish.at, &wish.reason, wish.confirmed), (after(10), &Reason::CANCELLED, false));
    assert_eq!(cancel(stores, &record).await, first);
    assert_untouched(stores, &wishing).await;
}

/// R-CAN-2: accepted, refused, no answer; each settled once.
pub async fn a_session_answers_a_cancel_in_three_ways(stores: &dyn Stores) {
    provision(stores).await;
    for (answer, state, confirmed) in [
        (CancelAnswer::Accepted, State::Completed, Some(true)),
        (CancelAnswer::NoAnswer, State::Completed, Some(false)),
        (CancelAnswer::Refused, State::Routing, None),
    ] {
        let record = with_session(stores).await;
        cancel(stores, &record).await;
        let settled = settle(stores, &record, answer).await;
        let now = standing(stores, &record).await;
        assert_eq!((now.state, now.cancel.as_ref().map(|wish| wish.confirmed)), (state, confirmed), "{answer:?}");
        let again = settle(stores, &record, answer).await;
        if answer == CancelAnswer::Refused {
            assert_eq!((settled, again), (Cancelled::NotCancellable, Cancelled::NotCancellable));
            assert_eq!(last_changes(stores, &record).await, [Change::CancelRefused]);
        } else {
            assert_eq!(settled, Cancelled::Done(Box::new(now.clone())));
            assert_eq!(again, Cancelled::Done(Box::new(now.clone())), "safe to repeat");
        }
        assert_untouched(stores, &now).await;
    }
}

/// R-CAN-2: while S1 was asked, S2 took the callback; nobody has asked S2.
pub async fn an_answer_of_another_session_settles_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_session(stores).await;
    let lost = SessionUpdate { state: None, end: Some(SessionEnd::Lost), ..update("S1", 2, State::Queued) };
    for told in [lost, update("S2", 1, State::Queued)] {
        let answer = stores.record().apply_session_update(tenant(), record.id, &told, after(4)).await.unwrap();
        assert!(matches!(answer, SessionAnswer::Accepted(_)), "{answer:?}");
    }
    cancel(stores, &record).await;
    let wishing = standing(stores, &record).await;
    let settled = settle(stores, &record, CancelAnswer::NoAnswer).await;
    assert!(matches!(&settled, Cancelled::AskSession(holder) if holder.id == session("S2")), "{settled:?}");
    assert_untouched(stores, &wishing).await;
}

/// M4, R-CAN-3.
pub async fn a_handled_callback_cannot_be_cancelled(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_session(stores).await;
    let connected = update("S1", 2, State::Processing);
    stores.record().apply_session_update(tenant(), record.id, &connected, after(3)).await.unwrap();
    let before = standing(stores, &record).await;
    assert_eq!(cancel(stores, &record).await, Cancelled::NotCancellable, "M4");
    assert_untouched(stores, &before).await;
}

/// An answer nobody asked for.
pub async fn settling_without_a_wish_changes_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_session(stores).await;
    assert_eq!(settle(stores, &record, CancelAnswer::Accepted).await, Cancelled::NotCancellable);
    assert_untouched(stores, &record).await;
    let gone = book(stores, scheduled(START, after(7200))).await;
    cancel(stores, &gone).await;
    assert_eq!(settle(stores, &gone, CancelAnswer::Accepted).await, Cancelled::AlreadyCompleted);
}

/// R-EDT-2, T11, M17, M18.
pub async fn a_move_takes_the_new_place_and_frees_the_old(stores: &dyn Stores) {
    provision(stores).await;
    let (old, new) = (after(7200), after(90_000));
    let booked = book(stores, scheduled(START, old)).await;
    let record = moved(mv(stores, &booked, &move_to(new, 1)).await);
    assert_eq!((record.desired_at, record.state, record.reschedules), (new, State::Scheduled, 1));
    assert_eq!(record.deadline, new + Duration::from_secs(86_400));
    assert_eq!(record.particulars.previous_desired, [old]);
    assert_eq!(standing(stores, &booked).await, record);
    assert_eq!((used(stores, &booked, old).await, used(stores, &booked, new).await), (0, 1), "P-4");
    let back = moved(mv(stores, &booked, &move_to(old, 1)).await);
    assert_eq!((back.reschedules, back.particulars.previous_desired.as_slice()), (2, [old, new].as_slice()));
    assert_eq!(standing(stores, &booked).await, back);
    assert_eq!((used(stores, &booked, old).await, used(stores, &booked, new).await), (1, 0), "P-4");
}

/// R-EDT-2: also when the cell is over its limit by now.
pub async fn a_move_within_its_cell_always_works(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let booked = book(stores, scheduled(START, at)).await;
    book(stores, scheduled(START, at)).await;
    let later = at + Duration::from_secs(600);
    let record = moved(mv(stores, &booked, &move_to(later, 1)).await);
    assert_eq!(record.desired_at, later);
    assert_eq!(used(stores, &booked, at).await, 2);
    let usage = stores.bookings().usage(tenant(), &booked.service, START, after(90_000)).await.unwrap();
    let counted: Usage = [(at, 1), (later, 1)].into_iter().collect();
    assert_eq!(usage, counted, "the grain moves with it");
}

/// R-EDT-2.
pub async fn a_move_to_a_full_cell_changes_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let (old, new) = (after(7200), after(90_000));
    let booked = book(stores, scheduled(START, old)).await;
    book(stores, scheduled(START, new)).await;
    assert_eq!(mv(stores, &booked, &move_to(new, 1)).await, Moved::SlotFull);
    assert_untouched(stores, &booked).await;
    assert_eq!((used(stores, &booked, old).await, used(stores, &booked, new).await), (1, 1));
}

/// R-EDT-2, R-CR-10: its own place in the hour counts as free for the new quarter.
pub async fn a_move_in_a_full_rule_slot_uses_its_own_place(stores: &dyn Stores) {
    provision(stores).await;
    let (old, new) = (after(7200), after(7200 + 900));
    let booked = book(stores, scheduled(START, old).slot(claim_in_hour(old, 1, 1))).await;
    let to = Move { slot: Some(claim_in_hour(new, 1, 1)), ..move_to(new, 1) };
    moved(mv(stores, &booked, &to).await);
    let other = book(stores, scheduled(START, after(90_000))).await;
    let full = Move { slot: Some(claim_in_hour(old, 1, 1)), ..move_to(old, 1) };
    assert_eq!(mv(stores, &other, &full).await, Moved::SlotFull, "the hour is taken by somebody else");
}

/// R-EDT-3, R-TYP-6.
pub async fn a_move_to_now_makes_it_immediate(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let booked = book(stores, scheduled(START, at)).await;
    let now = Move { kind: Kind::Immediate, slot: None, ..move_to(after(20), 0) };
    let record = moved(mv(stores, &booked, &now).await);
    assert_eq!((record.kind, record.state, record.desired_at), (Kind::Immediate, State::Queued, after(20)));
    assert!(record.waits_for_handover());
    assert_eq!(standing(stores, &booked).await, record);
    assert_eq!((used(stores, &booked, at).await, used(stores, &booked, after(20)).await), (0, 0), "R-CAP-1");
}

/// R-EDT-4 and the matrix of chapter 5.
pub async fn a_move_is_refused_by_state_and_by_a_session(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_session(stores).await;
    let answer = mv(stores, &record, &move_to(after(9000), 5)).await;
    assert!(matches!(&answer, Moved::SessionHolds(holder) if holder.id == session("S1")), "{answer:?}");
    let wished = standing(stores, &record).await;
    assert_eq!((wished.desired_at, wished.state), (record.desired_at, record.state), "a wish moves nothing");
    assert_eq!(last_changes(stores, &record).await, [Change::MoveWished { to: after(9000) }]);
    assert_eq!(used(stores, &record, after(9000)).await, 0);
    let gone = book(stores, scheduled(START, after(7200))).await;
    cancel(stores, &gone).await;
    let answer = mv(stores, &gone, &move_to(after(9000), 5)).await;
    assert_eq!(answer, Moved::NotReschedulable(State::Completed));
    assert_eq!(used(stores, &gone, after(9000)).await, 0);
}

/// P-3, P-5 for moves.
pub async fn concurrent_moves_into_a_cell_never_exceed_it(stores: &dyn Stores) {
    provision(stores).await;
    let target = after(90_000);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..30 {
        let booked = book(stores, scheduled(START, after(7200 + 900 * n))).await;
        let record = stores.record();
        tasks.spawn(async move {
            let answer = record.move_booking(tenant(), booked.id, &move_to(target, 4), after(20)).await.unwrap();
            (booked, answer)
        });
    }
    let drafts = (0..10).map(|_| scheduled(START, target).slot(claim(target, 4)));
    let verdicts = super::book_at_once(stores, drafts).await;
    let mut taken = accepted(&verdicts);
    for (booked, answer) in tasks.join_all().await {
        match answer {
            Moved::Done(record) => {
                taken += 1;
                assert_eq!(standing(stores, &booked).await, *record);
            }
            Moved::SlotFull => assert_untouched(stores, &booked).await,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(taken, 4, "P-5");
    assert_eq!(used(stores, &scheduled(START, target).build().callback, target).await, 4, "P-4");
}

/// Chapter 5: what is named changes, the rest stays; nothing new is no write.
pub async fn an_edit_changes_what_it_names(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, scheduled(START, after(7200)).priority(3)).await;
    let phone = PhoneNumber::new("+1 650 466 2200").unwrap();
    let data = UserData::new([("city".to_owned(), Scalar::Text("Köln".into()))]).unwrap();
    let edit = Edit {
        phone: Some((phone.clone(), PhoneKey::new(None, &phone))),
        user_data: Some(data.clone()),
        priority: None,
        language: Some("de-DE".into()),
        facts: BTreeMap::from([("_note".to_owned(), "x".to_owned())]),
        direction: Some(Direction::UserOriginated),
    };
    let staff = Actor::Ui("jane".into());
    let answer = stores.record().edit(tenant(), booked.id, &edit, &staff, after(5)).await.unwrap();
    let Edited::Done(edited) = answer else { panic!("{answer:?}") };
    assert_eq!((&edited.phone, edited.phone_key.as_str(), edited.priority), (&phone, "16504662200", Some(3)));
    assert_eq!((&edited.particulars.user_data, edited.particulars.language()), (&data, "de-DE"));
    assert_eq!((edited.direction, edited.version), (Direction::UserOriginated, 2));
    assert_eq!(standing(stores, &booked).await, *edited);
    let fields = ["phoneNumber", "userData", "language", "sessionFacts"].map(String::from).to_vec();
    assert_eq!(last_changes(stores, &booked).await, [Change::Edited { fields }], "names only (I11)");
    let again = stores.record().edit(tenant(), booked.id, &edit, &staff, after(6)).await.unwrap();
    assert_eq!(again, Edited::Done(edited.clone()), "safe to repeat");
    assert_untouched(stores, &edited).await;
}

/// Chapter 5.
pub async fn an_edit_is_refused_outside_scheduled(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(START)).await;
    let edit = Edit { priority: Some(9), ..Edit::default() };
    let answer = stores.record().edit(tenant(), booked.id, &edit, &Actor::Api, after(5)).await.unwrap();
    assert_eq!(answer, Edited::NotEditable(State::Queued));
    assert_untouched(stores, &booked).await;
}

/// R-EDT-1, R-EDT-2: the new time with the new fields in one write, or neither.
pub async fn a_move_takes_fields_along(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, scheduled(START, after(7200))).await;
    let phone = PhoneNumber::new("+1 650 466 2200").unwrap();
    let edit = Edit { phone: Some((phone.clone(), PhoneKey::new(None, &phone))), priority: Some(9), ..Edit::default() };
    let full = Move { edit: Some(edit.clone()), ..move_to(after(90_000), 0) };
    assert_eq!(stores.record().move_booking(tenant(), booked.id, &full, after(5)).await.unwrap(), Moved::SlotFull);
    assert_untouched(stores, &booked).await;
    let near = Move { kind: Kind::Immediate, slot: None, edit: Some(edit), ..move_to(after(60), 0) };
    let moved = stores.record().move_booking(tenant(), booked.id, &near, after(6)).await.unwrap();
    let Moved::Done(moved) = moved else { panic!("{moved:?}") };
    assert_eq!((moved.state, &moved.phone, moved.priority), (State::Queued, &phone, Some(9)));
    assert_eq!((standing(stores, &booked).await, moved.version), (*moved.clone(), 2), "one write");
    let late = stores.record().move_booking(tenant(), booked.id, &near, after(7)).await.unwrap();
    assert_eq!(late, Moved::NotReschedulable(State::Queued), "chapter 5: fields change while it is SCHEDULED");
}
