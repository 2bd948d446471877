//! R-POL-1 to R-POL-3, R-CAN-2 and R-EDT-4 under virtual time.

use std::sync::Arc;
use std::time::Duration;

use ges_domain::call_in::{Draft, Draws, IncomingCall};
use ges_domain::callback::{Actor, Callback, Direction, Reason, SessionBinding, SessionUpdate, State, UserData};
use ges_domain::ports::{
    Asked, Bookings as _, CallIns as _, CancelAnswer, Catalogue as _, Clock as _, Description, Moved, Passed, Place,
    Record as _, Reserved, SessionEvent, SessionNews as _, Told,
};
use ges_domain::use_cases::{CarryOutWishes, CurrentWait, RescheduleCallback};
use ges_domain::{CallInId, CallbackId};
use ges_testkit::builders::{
    START, call_in_group, consumer_cancels, immediate, move_to, scheduled, service_row, session, tenant, update,
};
use ges_testkit::{FakePlan, FakeRequests, FakeSessions, FakeWaits, ManualClock, MemoryNews, MemoryStore, SessionCall};

use crate::{Duty as _, Turn, WatchPorts, WatchSessions};

struct World {
    store: MemoryStore,
    clock: Arc<ManualClock>,
    requests: Arc<FakeRequests>,
    sessions: Arc<FakeSessions>,
    news: Arc<MemoryNews>,
    duty: WatchSessions,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let store = MemoryStore::new(clock.clone(), Duration::from_secs(4));
        store.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
        let (requests, sessions, news) = (Arc::default(), Arc::default(), Arc::default());
        let duty = Self::duty(&store, &clock, &requests, &sessions, &news);
        Self { store, clock, requests, sessions, news, duty }
    }

    fn duty(
        store: &MemoryStore,
        clock: &Arc<ManualClock>,
        requests: &Arc<FakeRequests>,
        sessions: &Arc<FakeSessions>,
        news: &Arc<MemoryNews>,
    ) -> WatchSessions {
        let shared = Arc::new(store.clone());
        WatchSessions::new(WatchPorts {
            held: shared.clone(),
            former: shared.clone(),
            requests: requests.clone(),
            news: news.clone(),
            record: shared.clone(),
            wishes: CarryOutWishes {
                record: shared.clone(),
                catalogue: shared,
                sessions: sessions.clone(),
                clock: clock.clone(),
            },
            clock: clock.clone(),
        })
    }

    /// The worker is another one that knows nothing.
    fn restart(&mut self) {
        self.duty = Self::duty(&self.store, &self.clock, &self.requests, &self.sessions, &self.news);
    }

    async fn bound(&self, name: &str, dials: Option<u32>) -> CallbackId {
        let booking = immediate(START).build();
        let id = booking.callback.id;
        self.store.book(booking).await.unwrap();
        let told = SessionUpdate { dial_attempts: dials, ..update(name, 1, State::Queued) };
        self.store.apply_session_update(tenant(), id, &told, START).await.unwrap();
        id
    }

    /// The consumer of a callback has asked for a number, and has called it.
    async fn called(&self, id: CallbackId) -> CallInId {
        let group = call_in_group("help", &["+15550001"], None);
        self.store.put_group(tenant(), &group).await.unwrap();
        let draft = Draft {
            id: CallInId(id.0),
            tenant: tenant(),
            group: group.name,
            from: None,
            user_data: UserData::default(),
            callback: Some(id),
            draws: Draws { number: 0, code: 0 },
            created_at: START,
            keyed: None,
        };
        let Reserved::Taken(request) = self.store.reserve(draft).await.unwrap() else { panic!("a number is free") };
        let number = request.reservation.number.clone();
        let call = IncomingCall { number, code: None, caller: None, caller_keys: Vec::new() };
        self.store.match_call(tenant(), &call, START).await.unwrap().expect("its call").id
    }

    /// Lets the duty work for so long.
    async fn run(&mut self, length: Duration) {
        let until = tokio::time::Instant::now() + length;
        loop {
            let rest = match self.duty.turn().await {
                Turn::Again => Duration::ZERO,
                Turn::RestFor(rest) => rest,
            };
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let rest = rest.min(left);
            tokio::time::advance(rest).await;
            self.clock.advance(rest);
            if left.is_zero() {
                return;
            }
        }
    }

    /// How often a session was told something.
    fn told(&self) -> usize {
        self.sessions.calls().iter().filter(|call| matches!(call, SessionCall::Told(..))).count()
    }

    /// How often a session was told to stop.
    fn stops(&self) -> usize {
        self.sessions.calls().len() - self.told()
    }

    fn reschedule(&self) -> RescheduleCallback {
        let shared = Arc::new(self.store.clone());
        RescheduleCallback {
            catalogue: shared.clone(),
            bookings: shared.clone(),
            record: shared,
            wait: Arc::new(CurrentWait::new(Arc::new(FakeWaits::default()))),
            plan: Arc::new(FakePlan),
            sessions: self.sessions.clone(),
            clock: self.clock.clone(),
        }
    }

    async fn record(&self, id: CallbackId) -> Callback {
        self.store.find(tenant(), id, START).await.unwrap().unwrap()
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn place(position: u32, ewt: u32) -> Asked<Place> {
    Asked::Answered(Place { position: Some(position), ewt: Some(ewt), answer: "{}".into() })
}

/// EX-M14, M14b.
#[tokio::test(start_paused = true)]
async fn m14_a_session_gone_twice_ten_seconds_apart_is_lost() {
    for (dials, state, reason) in [(None, State::Queued, None), (Some(1), State::Completed, Some(Reason::SESSION_LOST))]
    {
        let mut world = World::new().await;
        let id = world.bound("S1", dials).await;
        world.requests.place(Asked::Gone);
        world.run(Duration::from_millis(9_900)).await;
        assert!(world.record(id).await.session.is_some(), "less than ten seconds are too few");
        world.run(seconds(1)).await;
        let record = world.record(id).await;
        assert_eq!((record.state, record.reason.clone()), (state, reason), "R-POL-3, T17");
        assert_eq!(record.waits_for_handover(), dials.is_none(), "it is handed over again");
    }
}

/// EX-M15.
#[tokio::test(start_paused = true)]
async fn m15_a_sign_of_life_begins_the_count_anew_and_silence_counts_for_nothing() {
    let mut world = World::new().await;
    let id = world.bound("S1", None).await;
    for answer in [Asked::Gone, place(1, 200), Asked::Gone] {
        world.requests.place(answer);
        world.run(seconds(8)).await;
    }
    assert!(world.record(id).await.session.is_some());
    let before = world.record(id).await;
    world.requests.place(Asked::Unreachable);
    world.requests.description(Asked::Unreachable);
    world.run(seconds(299)).await;
    assert!(world.news.of(tenant(), id).await.unwrap().reachable, "not five minutes yet");
    world.run(seconds(301)).await;
    assert_eq!(world.record(id).await, before, "M15: unreachable never changes a record");
    let silent = world.news.of(tenant(), id).await.unwrap();
    assert!(!silent.reachable, "integrations 1.7");
    assert!(
        silent.at.is_some_and(|at| world.clock.now().since(at) >= seconds(590)),
        "the time of its last answer stands"
    );
    world.requests.place(Asked::Gone);
    world.run(seconds(11)).await;
    assert!(world.record(id).await.session.is_none(), "the first miss still stands");
}

/// Integrations 1.7.
#[tokio::test(start_paused = true)]
async fn a_session_that_never_answered_has_no_last_answer() {
    let mut world = World::new().await;
    world.requests.place(Asked::Unreachable);
    world.requests.description(Asked::Unreachable);
    let id = world.bound("S1", None).await;
    world.run(seconds(330)).await;
    let seen = world.news.of(tenant(), id).await.unwrap();
    assert_eq!((seen.at, seen.reachable), (None, false));
}

/// R-POL-1, R-POL-2, integrations 1.7.
#[tokio::test(start_paused = true)]
async fn a_session_is_asked_as_often_as_its_wait_says_and_described_every_minute() {
    let mut world = World::new().await;
    let id = world.bound("S1", None).await;
    let document = r#"{"state":"running","data":{"_callback_state":"PROCESSING"}}"#.to_owned();
    world.requests.description(Asked::Answered(Description { document: document.clone(), ..Description::default() }));
    for (ewt, expected) in [(0, 30), (100, 12), (200, 6), (6_000, 2)] {
        world.requests.place(place(2, ewt));
        world.run(seconds(60)).await;
        world.requests.polls();
        world.run(seconds(60)).await;
        let polls = world.requests.polls();
        let places = polls.iter().filter(|(_, what)| *what == "place").count();
        assert!(places.abs_diff(expected) <= 1, "{ewt} s: {places} questions in a minute, not {expected}");
        assert_eq!(polls.len() - places, 1, "one description a minute");
    }
    let seen = world.news.of(tenant(), id).await.unwrap();
    assert_eq!((seen.place.position, seen.place.ewt, seen.reachable), (Some(2), Some(6_000), true));
    assert_eq!(world.news.diagnostics(tenant(), id).await, Some(document));
    let record = world.record(id).await;
    assert_eq!((record.state, record.version), (State::Queued, 2), "R-POL-2: a poll moves nothing");
}

/// Integrations 1.7: at most fifty polls a second, those that wait longest first.
#[tokio::test(start_paused = true)]
async fn fifty_polls_a_second_go_round_all_sessions() {
    let mut world = World::new().await;
    for n in 0..175 {
        world.bound(&format!("S{n}"), None).await;
    }
    world.requests.place(place(1, 40));
    for _ in 0..8 {
        world.run(seconds(1)).await;
        assert!(world.requests.polls().len() <= 100, "a second that ends and one that begins");
    }
    world.run(seconds(7)).await;
    let asked: Vec<_> = world.requests.polls().into_iter().map(|(session, _)| session).collect();
    assert!((300..=400).contains(&asked.len()), "{}", asked.len());
    let sessions: std::collections::HashSet<_> = asked.into_iter().collect();
    assert_eq!(sessions.len(), 175, "nobody is left out");
}

/// EX-M8, R-CAN-2: told again every ten seconds, across a restart, until it is heard.
#[tokio::test(start_paused = true)]
async fn m8_a_cancel_nobody_answered_is_told_every_ten_seconds_until_heard() {
    for (last, confirmed) in [(Told::Accepted, true), (Told::Refused, false), (Told::Gone, false)] {
        let mut world = World::new().await;
        let id = world.bound("S1", None).await;
        world.store.cancel(tenant(), id, &consumer_cancels(), START).await.unwrap();
        let (request, asked) = (consumer_cancels(), session("S1"));
        world.store.settle_cancel(tenant(), id, &asked, CancelAnswer::NoAnswer, &request, START).await.unwrap();
        for _ in 0..3 {
            world.sessions.answer(Told::Unreachable);
            world.sessions.answer_stop(Told::Unreachable);
        }
        world.sessions.answer(last);
        world.run(seconds(15)).await;
        assert_eq!(world.told(), 2, "at once and after ten seconds");
        world.restart();
        world.run(seconds(60)).await;
        assert_eq!(world.told(), 4, "{last:?} is the end of it");
        let stop = SessionCall::Terminate(session("S1"));
        let stops = world.sessions.calls().into_iter().filter(|call| *call == stop).count();
        assert_eq!(stops, 3 + usize::from(confirmed), "integrations 1.5: who agrees and does not end is stopped");
        assert!(world.requests.polls().is_empty(), "a completed callback is not polled");
        let record = world.record(id).await;
        assert_eq!((record.state, record.reason.clone()), (State::Completed, Some(Reason::CANCELLED)), "M8");
        assert_eq!(record.cancel.unwrap().confirmed, confirmed);
    }
}

/// Integrations 1.5, I5: a session that hears nothing while its node answers is ended by its node, and told no more.
#[tokio::test(start_paused = true)]
async fn a_session_that_hears_nothing_of_a_cancel_is_stopped() {
    for stopped in [Told::Accepted, Told::Gone] {
        let mut world = World::new().await;
        let id = world.bound("S1", None).await;
        world.store.cancel(tenant(), id, &consumer_cancels(), START).await.unwrap();
        let (request, asked) = (consumer_cancels(), session("S1"));
        world.store.settle_cancel(tenant(), id, &asked, CancelAnswer::NoAnswer, &request, START).await.unwrap();
        world.sessions.answer(Told::Unreachable);
        world.sessions.answer_stop(stopped);
        world.run(seconds(60)).await;
        assert_eq!((world.told(), world.sessions.calls().len()), (1, 2), "told, stopped, left alone");
        let record = world.record(id).await;
        assert!(!record.cancel.as_ref().unwrap().confirmed && record.cancel_to_tell().is_none(), "{stopped:?}");
    }
}

/// R-CAN-2: at the deadline nobody is told any more.
#[tokio::test(start_paused = true)]
async fn a_cancel_is_not_told_after_the_deadline() {
    let mut world = World::new().await;
    let id = world.bound("S1", None).await;
    world.store.cancel(tenant(), id, &consumer_cancels(), START).await.unwrap();
    let (request, asked) = (consumer_cancels(), session("S1"));
    world.store.settle_cancel(tenant(), id, &asked, CancelAnswer::NoAnswer, &request, START).await.unwrap();
    world.clock.set(world.record(id).await.deadline);
    world.run(seconds(60)).await;
    assert!(world.sessions.calls().is_empty());
}

/// R-CAN-2: who died between the wish and the question has left a wish that is carried out.
#[tokio::test(start_paused = true)]
async fn a_wish_to_cancel_that_nobody_followed_up_is_carried_out() {
    let mut world = World::new().await;
    let id = world.bound("S1", None).await;
    world.store.cancel(tenant(), id, &consumer_cancels(), START).await.unwrap();
    world.run(seconds(9)).await;
    assert!(world.sessions.calls().is_empty(), "somebody may still be asking");
    world.run(seconds(12)).await;
    let record = world.record(id).await;
    assert_eq!((record.state, record.cancel.unwrap().confirmed), (State::Completed, true));
}

/// R-CTI-14: a session that was not told of its consumer, or binds after the call, hears of it until it answers, and once.
#[tokio::test(start_paused = true)]
async fn a_session_hears_of_the_consumer_on_the_line_until_it_answers() {
    for binds_later in [false, true] {
        let mut world = World::new().await;
        let booking = immediate(START).with(|callback| callback.direction = Direction::UserOriginated).build();
        let id = booking.callback.id;
        world.store.book(booking).await.unwrap();
        let bound = update("S1", 1, State::Queued);
        if !binds_later {
            world.store.apply_session_update(tenant(), id, &bound, START).await.unwrap();
        }
        let request = world.called(id).await;
        if binds_later {
            world.run(seconds(11)).await;
            assert_eq!(world.sessions.calls(), [], "nobody to tell");
            world.store.apply_session_update(tenant(), id, &bound, START).await.unwrap();
        }
        world.sessions.answer(Told::Unreachable);
        world.run(seconds(15)).await;
        world.run(seconds(60)).await;
        let told = SessionCall::Told(session("S1"), id, SessionEvent::CalledIn(request));
        assert_eq!(world.sessions.calls(), [told.clone(), told], "again after no answer, never after one");
        assert_eq!(world.record(id).await.call_in_to_tell(), None);
    }
}

/// R-EDT-4: who died between telling and moving has left a wish; its session is stopped and the booking moves.
#[tokio::test(start_paused = true)]
async fn a_wish_for_another_time_is_carried_out_after_ten_seconds_or_when_the_session_has_ended() {
    for ends in [false, true] {
        let mut world = World::new().await;
        let id = world.bound("S1", None).await;
        let tomorrow = START + seconds(86_400);
        let kept = world.store.move_booking(tenant(), id, &move_to(tomorrow, 5), START).await.unwrap();
        assert!(matches!(kept, Moved::SessionHolds(_)));
        world.run(seconds(9)).await;
        if ends {
            let end = SessionUpdate {
                session: Some(session("S1")),
                end: Some(ges_domain::callback::SessionEnd::Handover),
                ..SessionUpdate::default()
            };
            world.store.apply_session_update(tenant(), id, &end, START + seconds(9)).await.unwrap();
            assert!(!world.record(id).await.waits_for_handover(), "nobody hands it over before it has moved");
        }
        assert_eq!(world.record(id).await.desired_at, START);
        world.run(seconds(12)).await;
        let record = world.record(id).await;
        assert_eq!((record.state, record.desired_at), (State::Scheduled, tomorrow), "T12");
        assert!(record.session.is_none());
        let stopped = vec![SessionCall::Terminate(session("S1"))];
        assert_eq!(world.sessions.calls(), if ends { Vec::new() } else { stopped }, "integrations 1.4");
    }
}

/// R-EDT-2: when the place is gone by then, the callback keeps its time and is handed over again.
#[tokio::test(start_paused = true)]
async fn a_wish_for_a_time_that_filled_up_leaves_the_callback_waiting_at_its_own() {
    let mut world = World::new().await;
    let id = world.bound("S1", None).await;
    let tomorrow = START + seconds(86_400);
    world.store.move_booking(tenant(), id, &move_to(tomorrow, 5), START).await.unwrap();
    let places = service_row("CB_Sales").settings.max_per_slot;
    for _ in 0..places {
        world.store.book(scheduled(START, tomorrow).build()).await.unwrap();
    }
    world.run(seconds(21)).await;
    let record = world.record(id).await;
    assert!(record.waits_for_handover() && record.desired_at == START, "{record:?}");
    assert_eq!(world.sessions.calls(), [SessionCall::Terminate(session("S1"))]);
}

/// R-EDT-4, integrations 1.4: who agrees to another time and lives on is stopped after its ten seconds, however often its node
/// has to be asked and whoever asks.
#[tokio::test(start_paused = true)]
async fn a_session_that_agreed_to_another_time_and_lives_on_is_stopped() {
    let mut world = World::new().await;
    let id = world.bound("S1", None).await;
    world.run(seconds(1)).await;
    let tomorrow = START + seconds(86_400);
    let moved = world.reschedule().run(tenant(), id, Some(tomorrow), Actor::Api).await.unwrap();
    assert_eq!((moved.state, moved.session), (State::Scheduled, None), "T12");
    world.run(seconds(9)).await;
    assert_eq!(world.stops(), 0, "it has its time to end by itself");
    world.sessions.answer_stop(Told::Unreachable);
    world.sessions.answer_stop(Told::Unreachable);
    world.run(seconds(11)).await;
    assert_eq!(world.stops(), 1, "within ten seconds of its time");
    world.restart();
    world.run(seconds(60)).await;
    assert_eq!(world.stops(), 3, "until it is reached");
    world.run(seconds(600)).await;
    assert_eq!((world.stops(), world.told()), (3, 1), "and no more");
    assert_eq!(world.record(id).await.desired_at, tomorrow);
}

/// R-EDT-3, I2: when the callback may be handed over again at once, its old session is stopped before.
#[tokio::test(start_paused = true)]
async fn a_session_is_stopped_before_its_callback_may_be_handed_over_again() {
    let mut world = World::new().await;
    let id = world.bound("S1", None).await;
    world.sessions.answer_stop(Told::Unreachable);
    let moved = world.reschedule().run(tenant(), id, None, Actor::Api).await.unwrap();
    assert!(moved.waits_for_handover() && moved.session.is_none());
    assert_eq!((world.told(), world.stops()), (1, 1), "at once");
    world.run(seconds(1)).await;
    assert_eq!(world.stops(), 2, "and again, because nobody answered");
    world.run(seconds(600)).await;
    assert_eq!(world.stops(), 2);
}

/// A session whose node is away for good is left alone in the end.
#[tokio::test(start_paused = true)]
async fn a_former_session_that_is_never_reached_is_forgotten_after_its_deadline() {
    let mut world = World::new().await;
    let id = world.bound("S1", None).await;
    let deadline = world.record(id).await.deadline;
    world.reschedule().run(tenant(), id, Some(START + seconds(86_400)), Actor::Api).await.unwrap();
    for _ in 0..100 {
        world.sessions.answer_stop(Told::Unreachable);
    }
    world.run(seconds(61)).await;
    let tried = world.stops();
    assert!((4..=7).contains(&tried), "{tried}");
    world.clock.set(deadline + seconds(1));
    world.run(seconds(600)).await;
    assert_eq!(world.stops(), tried + 1);
}

/// Under which correlation ids sessions are asked and told.
#[derive(Default)]
struct Ids(std::sync::Mutex<Vec<Heard>>);

/// What was heard, and under which id.
type Heard = (&'static str, Option<Box<str>>);

impl Ids {
    fn note(&self, what: &'static str) {
        self.0.lock().unwrap().push((what, ges_telemetry::correlation()));
    }
}

#[async_trait::async_trait]
impl ges_domain::ports::SessionRequests for Ids {
    async fn place(&self, _: &SessionBinding) -> Asked<Place> {
        self.note("place");
        Asked::Unreachable
    }

    async fn describe(&self, _: &SessionBinding) -> Asked<Description> {
        self.note("description");
        Asked::Unreachable
    }

    async fn relay(&self, _: &SessionBinding, _: &str, _: &Passed) -> Asked<(u16, Passed)> {
        Asked::Unreachable
    }
}

#[async_trait::async_trait]
impl ges_domain::ports::Sessions for Ids {
    async fn tell(&self, _: &SessionBinding, _: CallbackId, _: &SessionEvent, _: ges_domain::Instant) -> Told {
        self.note("event");
        Told::Unreachable
    }

    async fn terminate(&self, _: &SessionBinding) -> Told {
        self.note("terminate");
        Told::Unreachable
    }
}

/// Integrations 0.4, 1.3.
#[tokio::test(start_paused = true)]
async fn sessions_are_asked_and_told_under_the_id_of_their_attempt() {
    let mut world = World::new().await;
    let ids = Arc::new(Ids::default());
    let shared = Arc::new(world.store.clone());
    world.duty = WatchSessions::new(WatchPorts {
        held: shared.clone(),
        former: shared.clone(),
        requests: ids.clone(),
        news: world.news.clone(),
        record: shared.clone(),
        wishes: CarryOutWishes {
            record: shared.clone(),
            catalogue: shared,
            sessions: ids.clone(),
            clock: world.clock.clone(),
        },
        clock: world.clock.clone(),
    });
    let id = world.bound("S1", None).await;
    world.store.cancel(tenant(), id, &consumer_cancels(), START).await.unwrap();
    world.run(seconds(90)).await;
    let own = world.record(id).await.correlation().to_string();
    let seen = ids.0.lock().unwrap();
    for what in ["place", "event"] {
        assert!(seen.iter().any(|(one, _)| *one == what), "{what} in {seen:?}");
    }
    assert!(seen.iter().all(|(_, id)| id.as_deref() == Some(&*own)), "{seen:?}");
}
