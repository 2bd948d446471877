//! Sessions that lost their callback before they had ended (R-EDT-4, R-CAN-2, integrations 1.4, 1.5).

use std::sync::Arc;
use std::time::Duration;

use ges_domain::Instant;
use ges_domain::callback::{Callback, FormerSession, Kind, SessionEnd, SessionUpdate, State, TO_END};
use ges_domain::ports::{CancelAnswer, FormerSessions, Move, MoveAnswer, Moved, Record};

use super::{Stores, book, provision};
use crate::builders::{START, after, consumer_cancels, immediate, move_to, scheduled, session, tenant, update};

const NODE: &str = "node-a";
/// Long after everything is due.
const LATER: u64 = 600;

/// The former sessions as a node sees them that looks after all shards.
async fn former(stores: &dyn Stores) -> Arc<dyn FormerSessions> {
    stores.shards().hold(NODE).await.unwrap();
    stores.former(NODE)
}

/// A callback that session S1 has, on a node that it named.
async fn bound(stores: &dyn Stores) -> Callback {
    let record = book(stores, immediate(START)).await;
    let bind = SessionUpdate { url: Some("http://node3:9098".into()), ..update("S1", 1, State::Queued) };
    stores.record().apply_session_update(tenant(), record.id, &bind, after(1)).await.unwrap();
    record
}

async fn ended(store: &dyn Record, record: &Callback, at: Instant) {
    let end = SessionUpdate { state: None, end: Some(SessionEnd::Handover), ..update("S1", 2, State::Queued) };
    store.apply_session_update(tenant(), record.id, &end, at).await.unwrap();
}

async fn moved(store: &dyn Record, record: &Callback, to: &Move, at: Instant) -> Moved {
    store.settle_move(tenant(), record.id, &session("S1"), MoveAnswer::Stopped, to, at).await.unwrap()
}

async fn cancelled(store: &dyn Record, record: &Callback, answer: CancelAnswer, at: Instant) {
    let (asked, request) = (session("S1"), consumer_cancels());
    store.settle_cancel(tenant(), record.id, &asked, answer, &request, at).await.unwrap();
}

/// A session that agreed to another time has ten seconds to end; one whose callback may be handed over again at once has none.
pub async fn a_session_that_gave_way_to_another_time_has_to_end(stores: &dyn Stores) {
    provision(stores).await;
    let (former, store) = (former(stores).await, stores.record());
    let tomorrow = move_to(START + Duration::from_secs(86_400), 5);
    let at_once = Move { kind: Kind::Immediate, slot: None, ..move_to(after(3), 5) };
    for (to, patience) in [(tomorrow, TO_END), (at_once, Duration::ZERO)] {
        let record = bound(stores).await;
        assert!(matches!(
            store.move_booking(tenant(), record.id, &to, after(2)).await.unwrap(),
            Moved::SessionHolds(_)
        ));
        assert_eq!(former.former(after(LATER), 10).await.unwrap(), [], "the wish alone takes nothing away");
        assert!(matches!(moved(&*store, &record, &to, after(3)).await, Moved::Done(_)));
        let due = former.former(after(LATER), 10).await.unwrap();
        let [one] = &due[..] else { panic!("{due:?}") };
        assert_eq!((one.tenant, one.callback, one.session.id.clone()), (tenant(), record.id, session("S1")));
        assert_eq!(one.session.url.as_deref(), Some("http://node3:9098"));
        assert_eq!(one.due_at, after(3) + patience);
        assert!(one.until >= record.deadline && one.until > one.due_at);
        assert_eq!(former.former(Instant::from_millis(one.due_at.millis() - 1), 10).await.unwrap(), [], "not yet");
        assert_eq!(former.former(one.due_at, 10).await.unwrap(), due);
        former.forget_former(&due).await.unwrap();
        former.forget_former(&due).await.unwrap();
        assert_eq!(former.former(after(LATER), 10).await.unwrap(), []);
        ended(&*store, &record, after(4)).await;
    }
}

/// Who has ended for the new time, is gone, or had an agent, need not be stopped; who agreed to a cancel has ten seconds.
pub async fn only_a_session_that_may_live_on_has_to_end(stores: &dyn Stores) {
    provision(stores).await;
    let (former, store) = (former(stores).await, stores.record());
    let tomorrow = move_to(START + Duration::from_secs(86_400), 5);
    let record = bound(stores).await;
    store.move_booking(tenant(), record.id, &tomorrow, after(2)).await.unwrap();
    ended(&*store, &record, after(3)).await;
    assert!(matches!(moved(&*store, &record, &tomorrow, after(4)).await, Moved::Done(_)));
    let record = bound(stores).await;
    store.move_booking(tenant(), record.id, &tomorrow, after(2)).await.unwrap();
    let gone = store.settle_move(tenant(), record.id, &session("S1"), MoveAnswer::Ended, &tomorrow, after(3)).await;
    assert!(matches!(gone.unwrap(), Moved::Done(_)));
    for answer in [CancelAnswer::Gone, CancelAnswer::Refused, CancelAnswer::NoAnswer] {
        let record = bound(stores).await;
        store.cancel(tenant(), record.id, &consumer_cancels(), after(2)).await.unwrap();
        cancelled(&*store, &record, answer, after(3)).await;
        assert_eq!(former.former(after(LATER), 10).await.unwrap(), [], "{answer:?}");
    }
    // The one that did not answer hears of it later, and agrees.
    let record = bound(stores).await;
    store.cancel(tenant(), record.id, &consumer_cancels(), after(2)).await.unwrap();
    cancelled(&*store, &record, CancelAnswer::NoAnswer, after(3)).await;
    cancelled(&*store, &record, CancelAnswer::Accepted, after(13)).await;
    let due = former.former(after(LATER), 10).await.unwrap();
    assert_eq!(due.iter().map(|one| (one.callback, one.due_at)).collect::<Vec<_>>(), [(record.id, after(13) + TO_END)]);
}

/// Oldest first, at most as many as asked for; who is put off comes again, and who was forgotten does not.
pub async fn former_sessions_come_when_they_are_due(stores: &dyn Stores) {
    provision(stores).await;
    let (former, store) = (former(stores).await, stores.record());
    let mut ids = Vec::new();
    for n in 0..3 {
        let record = bound(stores).await;
        store.cancel(tenant(), record.id, &consumer_cancels(), after(2)).await.unwrap();
        cancelled(&*store, &record, CancelAnswer::Accepted, after(10 - n)).await;
        ids.push(record.id);
    }
    ids.reverse();
    let at = async |at, limit| former.former(at, limit).await.unwrap();
    let who = |due: &[FormerSession]| due.iter().map(|one| one.callback).collect::<Vec<_>>();
    assert_eq!(who(&at(after(LATER), 2).await), ids[..2]);
    let all = at(after(LATER), 10).await;
    assert_eq!(who(&all), ids);
    former.postpone_former(&all[..1], after(100)).await.unwrap();
    assert_eq!(who(&at(after(99), 10).await), ids[1..]);
    assert_eq!(who(&at(after(100), 10).await), [ids[1], ids[2], ids[0]]);
    former.forget_former(&all[1..]).await.unwrap();
    former.postpone_former(&all, after(50)).await.unwrap();
    assert_eq!(who(&at(after(LATER), 10).await), ids[..1]);
    former.postpone_former(&[], after(50)).await.unwrap();
    former.forget_former(&[]).await.unwrap();
    // A place that filled up meanwhile: the stopped callback waits at its own time, and its session has to end at once.
    let record = bound(stores).await;
    let full = START + Duration::from_secs(86_400);
    let to = move_to(full, 1);
    store.move_booking(tenant(), record.id, &to, after(2)).await.unwrap();
    book(stores, scheduled(START, full)).await;
    assert_eq!(moved(&*store, &record, &to, after(200)).await, Moved::SlotFull);
    let due = at(after(200), 10).await;
    assert_eq!(who(&due), [ids[0], record.id]);
}
