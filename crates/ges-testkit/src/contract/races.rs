//! Races between people, sessions and monitors, each with the one that has to win, through the real use cases (I2, I4, I5).

use std::sync::Arc;
use std::time::Duration;

use ges_domain::callback::{Actor, Callback, Kind, Reason, SessionEnd, SessionUpdate, State};
use ges_domain::phone::{PhoneKey, PhoneNumber};
use ges_domain::ports::{
    CancelAnswer, Cancelled, Edit, Handed, HandoverOutcome, Move, MoveAnswer, Moved, NoNews, SessionEvent, Told,
};
use ges_domain::use_cases::{CancelCallback, CarryOutWishes, CurrentWait, RescheduleCallback, TakeSessionUpdate};
use ges_domain::{Instant, Refusal};

use super::{Stores, book, hand_over, lease_for, provision, standing, used};
use crate::builders::{
    START, after, consumer_cancels, ending, immediate, move_to, quarter, scheduled, session, tenant, update,
};
use crate::{FakePlan, FakeSessions, FakeWaits, ManualClock, SessionCall};

/// Everybody who may want something of a callback, over one store.
struct Floor {
    sessions: Arc<FakeSessions>,
    clock: Arc<ManualClock>,
    cancel: CancelCallback,
    reschedule: RescheduleCallback,
    take: TakeSessionUpdate,
    wishes: CarryOutWishes,
}

impl Floor {
    async fn new(stores: &dyn Stores) -> Self {
        provision(stores).await;
        let (sessions, clock) = (Arc::new(FakeSessions::default()), Arc::new(ManualClock::at(START)));
        let record = stores.record();
        Self {
            cancel: CancelCallback { record: record.clone(), sessions: sessions.clone(), clock: clock.clone() },
            reschedule: RescheduleCallback {
                catalogue: stores.catalogue(),
                bookings: stores.bookings(),
                record: record.clone(),
                wait: Arc::new(CurrentWait::new(Arc::new(FakeWaits::default()))),
                plan: Arc::new(FakePlan),
                sessions: sessions.clone(),
                clock: clock.clone(),
            },
            take: TakeSessionUpdate {
                record: record.clone(),
                sessions: sessions.clone(),
                news: Arc::new(NoNews),
                clock: clock.clone(),
            },
            wishes: CarryOutWishes {
                record,
                catalogue: stores.catalogue(),
                sessions: sessions.clone(),
                clock: clock.clone(),
            },
            sessions,
            clock,
        }
    }

    async fn cancel(&self, record: &Callback) -> Result<Callback, Refusal> {
        self.cancel.run(tenant(), record.id, consumer_cancels()).await
    }

    async fn reschedule(&self, record: &Callback, to: Instant) -> Result<Callback, Refusal> {
        self.reschedule.run(tenant(), record.id, Some(to), Actor::Ivr).await
    }

    async fn told(&self, record: &Callback, update: &SessionUpdate) -> Result<Option<Callback>, Refusal> {
        self.take.run(tenant(), record.id, update).await
    }

    /// This session is refused and told to stop.
    async fn is_stranger(&self, record: &Callback, name: &str) {
        let before = self.sessions.calls().len();
        assert_eq!(self.told(record, &update(name, 9, State::Queued)).await, Err(Refusal::NotYourSession), "{name}");
        assert_eq!(self.sessions.calls()[before..], [SessionCall::Terminate(session(name))], "integrations 1.2.5");
    }
}

fn tomorrow() -> Instant {
    quarter(START + Duration::from_secs(86_400)).from
}

/// I5: whoever cancels while an attempt is on its way wins, before and after it was recorded.
pub async fn a_cancel_beats_a_dispatch_under_way(stores: &dyn Stores) {
    let floor = Floor::new(stores).await;
    let record = book(stores, immediate(START)).await;
    let lease = lease_for(stores, &record).await;
    assert_eq!(floor.cancel(&record).await.unwrap().state, State::Completed);
    let handed = [Handed { tenant: tenant(), id: record.id, attempt: 1, nth: 1 }];
    let outcome = stores.handover().record_handed(lease, &handed, after(1)).await.unwrap();
    assert_eq!(outcome, [HandoverOutcome::Overtaken]);
    floor.is_stranger(&record, "S1").await;
    let record = book(stores, immediate(START)).await;
    hand_over(stores, &record, 1, after(1)).await;
    assert_eq!(floor.cancel(&record).await.unwrap().reason, Some(Reason::CANCELLED));
    floor.is_stranger(&record, "S2").await;
    assert_eq!(standing(stores, &record).await.reason, Some(Reason::CANCELLED));
}

/// I4, R-EDT-4, R-EDT-1: whoever moves a callback, or gives it another number, while an attempt is on its way wins: what was read
/// before is not recorded, and its session has no right to it, not even beside the next attempt.
pub async fn a_move_beats_a_dispatch_under_way(stores: &dyn Stores) {
    let floor = Floor::new(stores).await;
    let moved = book(stores, immediate(START)).await;
    floor.reschedule(&moved, tomorrow()).await.unwrap();
    let edited = book(stores, scheduled(START, after(3_600))).await;
    let phone = PhoneNumber::new("+1 650 466 1199").unwrap();
    let edit = Edit { phone: Some((phone.clone(), PhoneKey::new(None, &phone))), ..Edit::default() };
    stores.record().edit(tenant(), edited.id, &edit, &Actor::Ivr, after(1)).await.unwrap();
    for record in [moved, edited] {
        assert_eq!(hand_over(stores, &record, 1, after(2)).await, HandoverOutcome::Overtaken, "{:?}", record.kind);
        let waiting = standing(stores, &record).await;
        assert!(waiting.waits_for_handover() && waiting.state == State::Scheduled, "{waiting:?}");
        let of = |name: &str, attempt| SessionUpdate { attempt: Some(attempt), ..update(name, 1, State::Queued) };
        assert_eq!(floor.told(&record, &of("S1", 1)).await, Err(Refusal::NotYourSession), "{:?}", record.kind);
        assert_eq!(hand_over(stores, &record, 2, after(3)).await, HandoverOutcome::Recorded);
        assert_eq!(standing(stores, &record).await.submission.attempts, 1, "three may follow (R-SUB-8)");
        assert_eq!(floor.told(&record, &of("S2", 1)).await, Err(Refusal::NotYourSession), "{:?}", record.kind);
        floor.told(&record, &of("S3", 2)).await.unwrap().expect("the next one takes it");
    }
}

/// R-CAN-2: when the session is quicker, the agent wins and the answer says so.
pub async fn a_conversation_that_begins_first_beats_the_cancel(stores: &dyn Stores) {
    let floor = Floor::new(stores).await;
    let record = book(stores, immediate(START)).await;
    hand_over(stores, &record, 1, after(1)).await;
    floor.told(&record, &update("S1", 1, State::Queued)).await.unwrap();
    floor.sessions.answer(Told::Refused);
    assert_eq!(floor.cancel(&record).await, Err(Refusal::NotCancellable));
    floor.told(&record, &update("S1", 2, State::Processing)).await.unwrap();
    assert_eq!(floor.cancel(&record).await, Err(Refusal::NotCancellable), "M4");
    floor.told(&record, &ending("S1", 3, "AGENT_CONNECTED")).await.unwrap();
    assert_eq!(floor.cancel(&record).await, Err(Refusal::AlreadyCompleted), "M5");
    assert!(standing(stores, &record).await.cancel.is_none());
}

/// R-EDT-4, I4: a reschedule that comes before the session does wins; the session is stopped, and a new attempt does not collapse.
pub async fn a_reschedule_beats_a_session_that_starts_later(stores: &dyn Stores) {
    let floor = Floor::new(stores).await;
    let record = book(stores, immediate(START)).await;
    hand_over(stores, &record, 1, after(1)).await;
    let moved = floor.reschedule(&record, tomorrow()).await.unwrap();
    assert_eq!((moved.state, moved.desired_at), (State::Scheduled, tomorrow()));
    floor.is_stranger(&record, "S1").await;
    let near = book(stores, immediate(START)).await;
    hand_over(stores, &near, 1, after(1)).await;
    floor.reschedule(&near, quarter(after(5_400)).from).await.unwrap();
    floor.is_stranger(&near, "S2").await;
    let standing = standing(stores, &near).await;
    assert_eq!((standing.state, standing.next_attempt()), (State::Scheduled, 2), "1.2.7");
    hand_over(stores, &near, 2, after(3_600)).await;
    floor.told(&near, &update("S3", 1, State::Queued)).await.unwrap().expect("the new attempt's session takes it");
}

/// EX-M16: a reschedule of a callback that a session has stops that session and wins over its late news.
pub async fn m16_a_reschedule_beats_the_session_that_gives_way(stores: &dyn Stores) {
    for (answer, stopped) in [(Told::Accepted, false), (Told::Gone, false), (Told::Unreachable, true)] {
        let floor = Floor::new(stores).await;
        let record = book(stores, immediate(START)).await;
        hand_over(stores, &record, 1, after(1)).await;
        floor.told(&record, &update("S1", 1, State::Queued)).await.unwrap();
        floor.sessions.answer(answer);
        let before = used(stores, &record, tomorrow()).await;
        let moved = floor.reschedule(&record, tomorrow()).await.unwrap();
        assert_eq!((moved.state, moved.kind, moved.desired_at), (State::Scheduled, Kind::Scheduled, tomorrow()), "T12");
        assert_eq!(standing(stores, &record).await, moved);
        assert_eq!(used(stores, &record, tomorrow()).await, before + 1, "R-EDT-2");
        let mut calls = vec![SessionCall::Told(session("S1"), record.id, SessionEvent::Reschedule { to: tomorrow() })];
        calls.extend(stopped.then(|| SessionCall::Terminate(session("S1"))));
        assert_eq!(floor.sessions.calls(), calls, "{answer:?}");
        let end =
            SessionUpdate { session: Some(session("S1")), end: Some(SessionEnd::Handover), ..SessionUpdate::default() };
        assert_eq!(floor.told(&record, &end).await, Ok(None), "its confirmation changes nothing any more");
        floor.is_stranger(&record, "S1").await;
        assert_eq!(standing(stores, &record).await, moved, "M16");
    }
}

/// R-EDT-4: an agent that is connected already wins over the reschedule.
pub async fn an_agent_beats_a_reschedule(stores: &dyn Stores) {
    let floor = Floor::new(stores).await;
    let record = book(stores, immediate(START)).await;
    hand_over(stores, &record, 1, after(1)).await;
    floor.told(&record, &update("S1", 1, State::Routing)).await.unwrap();
    floor.sessions.answer(Told::Refused);
    let refused = floor.reschedule(&record, tomorrow()).await;
    assert_eq!(refused, Err(Refusal::NotReschedulable(State::Routing)));
    let kept = standing(stores, &record).await;
    assert_eq!((kept.desired_at, kept.particulars.moving), (record.desired_at, None));
    assert_eq!(used(stores, &record, tomorrow()).await, 0, "no place is taken");
    floor.told(&record, &update("S1", 2, State::Processing)).await.unwrap().expect("it goes on");
    let talking = floor.reschedule(&record, tomorrow()).await;
    assert_eq!(talking, Err(Refusal::NotReschedulable(State::Processing)));
}

/// R-EDT-2, R-EDT-4: two halves of a move, and whoever takes the last place between them.
pub async fn a_booking_that_takes_the_place_beats_the_wish_for_it(stores: &dyn Stores) {
    let _floor = Floor::new(stores).await;
    let record = book(stores, immediate(START)).await;
    hand_over(stores, &record, 1, after(1)).await;
    let store = stores.record();
    store.apply_session_update(tenant(), record.id, &update("S1", 1, State::Queued), after(2)).await.unwrap();
    let to = move_to(tomorrow(), 1);
    let kept = store.move_booking(tenant(), record.id, &to, after(3)).await.unwrap();
    assert!(matches!(kept, Moved::SessionHolds(_)), "{kept:?}");
    assert_eq!(used(stores, &record, tomorrow()).await, 0, "a wish holds no place");
    book(stores, scheduled(START, tomorrow())).await;
    let asked = session("S1");
    let settle = async |answer, to: &Move| {
        stores.record().settle_move(tenant(), record.id, &asked, answer, to, after(5)).await.unwrap()
    };
    assert_eq!(settle(MoveAnswer::Stopped, &to).await, Moved::SlotFull);
    let waits = standing(stores, &record).await;
    assert!(waits.waits_for_handover() && waits.desired_at == record.desired_at, "it keeps its time");
    assert_eq!(settle(MoveAnswer::Stopped, &to).await, Moved::NotReschedulable(State::Queued), "settled once");
    let full = store.move_booking(tenant(), record.id, &to, after(6)).await.unwrap();
    assert_eq!(full, Moved::SlotFull);
}

/// R-EDT-4: we die between telling the session and moving; its end leaves the callback bound, and the worker moves it.
pub async fn a_move_that_nobody_followed_up_is_settled(stores: &dyn Stores) {
    let floor = Floor::new(stores).await;
    let record = book(stores, immediate(START)).await;
    hand_over(stores, &record, 1, after(1)).await;
    floor.told(&record, &update("S1", 1, State::Queued)).await.unwrap();
    let to = move_to(tomorrow(), 5);
    stores.record().move_booking(tenant(), record.id, &to, after(3)).await.unwrap();
    let end =
        SessionUpdate { session: Some(session("S1")), end: Some(SessionEnd::Handover), ..SessionUpdate::default() };
    floor.told(&record, &end).await.unwrap().expect("that is news");
    assert_eq!(floor.told(&record, &end).await.map(|_| ()), Ok(()), "and may be repeated");
    let wished = standing(stores, &record).await;
    assert!(wished.particulars.moving.unwrap().confirmed && !wished.waits_for_handover());
    assert!(floor.wishes.run(&wished).await.unwrap());
    let moved = standing(stores, &record).await;
    assert_eq!((moved.state, moved.desired_at), (State::Scheduled, tomorrow()));
    assert!(floor.sessions.calls().is_empty(), "it had ended by itself");
    assert!(!floor.wishes.run(&moved).await.unwrap(), "nothing is left to do");
}

/// EX-M8: the worker tells a session what it did not hear, once.
pub async fn m8_a_cancel_is_told_until_it_is_heard(stores: &dyn Stores) {
    let floor = Floor::new(stores).await;
    let record = book(stores, immediate(START)).await;
    hand_over(stores, &record, 1, after(1)).await;
    floor.told(&record, &update("S1", 1, State::Queued)).await.unwrap();
    floor.sessions.answer(Told::Unreachable);
    let done = floor.cancel(&record).await.unwrap();
    assert_eq!((done.state, done.cancel.as_ref().unwrap().confirmed), (State::Completed, false), "M8: at once");
    let unheard = standing(stores, &record).await;
    assert!(unheard.is_held(after(60)), "a worker finds it");
    floor.clock.set(after(60));
    floor.sessions.answer(Told::Unreachable);
    floor.sessions.answer_stop(Told::Unreachable);
    floor.wishes.run(&unheard).await.unwrap();
    assert_eq!(standing(stores, &record).await, unheard, "silence writes nothing");
    floor.wishes.run(&unheard).await.unwrap();
    let heard = standing(stores, &record).await;
    assert!(heard.cancel.as_ref().unwrap().confirmed && !heard.is_held(after(61)), "M8: later true");
    let again = stores
        .record()
        .settle_cancel(tenant(), record.id, &session("S1"), CancelAnswer::Accepted, &consumer_cancels(), after(62))
        .await
        .unwrap();
    assert_eq!(again, Cancelled::Done(Box::new(heard)), "safe to repeat");
}

/// Integrations 1.2.5, R-SUB-8: a late acknowledgement is taken while nobody else has the callback, and refused afterwards.
pub async fn a_late_acknowledgement_is_taken_once(stores: &dyn Stores) {
    let floor = Floor::new(stores).await;
    let record = book(stores, immediate(START)).await;
    hand_over(stores, &record, 1, after(1)).await;
    let lease = lease_for(stores, &record).await;
    let unanswered = standing(stores, &record).await;
    let changes = vec![ges_domain::callback::Change::SessionUnbound];
    assert!(stores.handover().settle(lease, &unanswered, changes, after(61)).await.unwrap());
    hand_over(stores, &record, 2, after(61)).await;
    floor.told(&record, &update("S1", 1, State::Queued)).await.unwrap().expect("the first one after all");
    floor.is_stranger(&record, "S2").await;
    assert_eq!(standing(stores, &record).await.session.unwrap().id, session("S1"));
}

/// P-9, R-TR-2: what comes twice or in the wrong order changes nothing.
pub async fn p_9_repeated_and_overtaken_updates_change_nothing(stores: &dyn Stores) {
    let floor = Floor::new(stores).await;
    let record = book(stores, immediate(START)).await;
    hand_over(stores, &record, 1, after(1)).await;
    floor.told(&record, &update("S1", 1, State::Queued)).await.unwrap();
    floor.told(&record, &update("S1", 3, State::Processing)).await.unwrap();
    let before = standing(stores, &record).await;
    for old in [update("S1", 3, State::Processing), update("S1", 2, State::Routing), update("S1", 1, State::Queued)] {
        assert_eq!(floor.told(&record, &old).await, Ok(None), "{old:?}");
    }
    assert_eq!(standing(stores, &record).await, before);
}
