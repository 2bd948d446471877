//! R-POL-3 under virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::CallbackId;
use ges_domain::callback::{Callback, Reason, SessionBinding, SessionUpdate, State};
use ges_domain::ports::{Bookings as _, Catalogue as _, Pulse, Record as _, SessionPulse};
use ges_testkit::builders::{START, immediate, service_row, session, tenant, update};
use ges_testkit::{ManualClock, MemoryStore};

use crate::{Duty as _, LostSessions, Turn};

struct Node(Mutex<Pulse>);

#[async_trait]
impl SessionPulse for Node {
    async fn pulse(&self, _: &SessionBinding) -> Pulse {
        *self.0.lock().unwrap()
    }
}

struct World {
    store: MemoryStore,
    node: Arc<Node>,
    duty: LostSessions,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = MemoryStore::new(clock.clone(), Duration::from_secs(4));
        let node = Arc::new(Node(Mutex::new(Pulse::Beats)));
        let (held, record) = (Arc::new(store.clone()), Arc::new(store.clone()));
        Self { store, node: node.clone(), duty: LostSessions::new(held, node, record, clock) }
    }

    async fn callback(&self, dials: Option<u32>) -> CallbackId {
        self.store.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
        let booking = immediate(START).build();
        let id = booking.callback.id;
        self.store.book(booking).await.unwrap();
        let bound =
            SessionUpdate { session: Some(session("S1")), dial_attempts: dials, ..update("S1", 1, State::Queued) };
        self.store.apply_session_update(tenant(), id, &bound, START).await.unwrap();
        id
    }

    async fn turn_after(&mut self, rest: Duration, pulse: Pulse) {
        *self.node.0.lock().unwrap() = pulse;
        tokio::time::advance(rest).await;
        assert_eq!(self.duty.turn().await, Turn::RestFor(Duration::from_secs(10)));
    }

    async fn record(&self, id: CallbackId) -> Callback {
        self.store.find(tenant(), id, START).await.unwrap().unwrap()
    }
}

const SOON: Duration = Duration::from_secs(9);
const APART: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_session_gone_twice_ten_seconds_apart_gives_an_undialed_callback_back() {
    let mut world = World::new();
    let id = world.callback(None).await;
    world.turn_after(APART, Pulse::Gone).await;
    world.turn_after(SOON, Pulse::Gone).await;
    assert!(world.record(id).await.session.is_some(), "nine seconds are too few");
    world.turn_after(SOON, Pulse::Gone).await;
    let record = world.record(id).await;
    assert!(record.waits_for_handover() && record.state == State::Queued, "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_gone_after_dialing_ends_its_callback() {
    let mut world = World::new();
    let id = world.callback(Some(1)).await;
    world.turn_after(APART, Pulse::Gone).await;
    world.turn_after(APART, Pulse::Gone).await;
    let record = world.record(id).await;
    assert_eq!((record.state, record.reason), (State::Completed, Some(Reason::SESSION_LOST)), "T17");
}

#[tokio::test(start_paused = true)]
async fn a_sign_of_life_in_between_begins_the_count_anew_and_silence_counts_for_nothing() {
    let mut world = World::new();
    let id = world.callback(None).await;
    for pulse in [Pulse::Gone, Pulse::Beats, Pulse::Gone] {
        world.turn_after(APART, pulse).await;
    }
    assert!(world.record(id).await.session.is_some());
    for _ in 0..60 {
        world.turn_after(APART, Pulse::Unreachable).await;
    }
    assert!(world.record(id).await.session.is_some(), "unreachable never completes a record");
    world.turn_after(APART, Pulse::Gone).await;
    assert!(world.record(id).await.session.is_none(), "the first miss still stands");
}
