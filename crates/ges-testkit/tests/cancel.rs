//! A cancel across sessions, on the model store (R-CAN-2).
#![expect(clippy::unwrap_used, reason = "tests: a broken expectation is a failed test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::callback::{Reason, SessionBinding, SessionEnd, SessionUpdate, State};
use ges_domain::ports::{Bookings, CancelAnswer, Catalogue, Record, SessionEvent, Sessions, Told};
use ges_domain::use_cases::CancelCallback;
use ges_domain::{CallbackId, Instant, SessionId};
use ges_testkit::builders::{START, consumer_cancels, immediate, service_row, session, tenant, update};
use ges_testkit::{ManualClock, MemoryStore};

/// While the first session is asked, another caller hears that it refuses, it is lost, the next one takes the callback, and
/// the other caller wishes to cancel again; then nobody answers for the first one.
struct Changing {
    store: MemoryStore,
    asked: Mutex<Vec<SessionId>>,
}

#[async_trait]
impl Sessions for Changing {
    async fn tell(&self, asked: &SessionBinding, id: CallbackId, _: &SessionEvent, at: Instant) -> Told {
        self.asked.lock().unwrap().push(asked.id.clone());
        if asked.id == session("S2") {
            return Told::Accepted;
        }
        let store = &self.store;
        store.settle_cancel(tenant(), id, &asked.id, CancelAnswer::Refused, &consumer_cancels(), at).await.unwrap();
        let lost = SessionUpdate { state: None, end: Some(SessionEnd::Lost), ..update("S1", 2, State::Queued) };
        for told in [lost, update("S2", 1, State::Queued)] {
            store.apply_session_update(tenant(), id, &told, at).await.unwrap();
        }
        store.cancel(tenant(), id, &consumer_cancels(), at).await.unwrap();
        Told::Unreachable
    }

    async fn terminate(&self, _: &SessionBinding) -> Told {
        Told::Accepted
    }
}

#[tokio::test]
async fn a_cancel_asks_the_session_that_has_the_callback_by_then() {
    let clock = Arc::new(ManualClock::default());
    let store = MemoryStore::new(clock.clone(), Duration::from_secs(5));
    store.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
    let booking = immediate(START).build();
    let id = booking.callback.id;
    store.book(booking).await.unwrap();
    store.apply_session_update(tenant(), id, &update("S1", 1, State::Queued), START).await.unwrap();
    let sessions = Arc::new(Changing { store: store.clone(), asked: Mutex::default() });
    let cancel = CancelCallback { record: Arc::new(store), sessions: sessions.clone(), clock };
    let cancelled = cancel.run(tenant(), id, consumer_cancels()).await.unwrap();
    assert_eq!(*sessions.asked.lock().unwrap(), [session("S1"), session("S2")]);
    assert_eq!((cancelled.state, cancelled.reason), (State::Completed, Some(Reason::CANCELLED)));
    assert!(cancelled.cancel.unwrap().confirmed, "the second one agreed");
}
