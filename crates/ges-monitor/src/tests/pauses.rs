//! Records and sessions follow the pauses of their services (R-PAU-1, R-PAU-2, R-SUB-9, T13, T14).

use std::sync::Arc;
use std::time::Duration;

use ges_domain::callback::{Callback, State};
use ges_domain::ports::{Pauses as _, Record as _, SessionEvent, Told};
use ges_testkit::SessionCall;
use ges_testkit::builders::{ending, immediate, pause_act, session, tenant, update};

use super::world::{Crash, Deaf, World, pass, seconds, settings};

impl World {
    /// A booking that session `name` has and tells this state of.
    async fn with_session(&self, name: &str, state: State) -> Callback {
        let booked = self.book(immediate(self.now()).build()).await;
        self.tell(&booked, name, 1, State::Queued).await;
        if state != State::Queued {
            self.tell(&booked, name, 2, state).await;
        }
        booked
    }

    async fn tell(&self, record: &Callback, name: &str, seq: u64, state: State) {
        let told = update(name, seq, state);
        self.store.apply_session_update(tenant(), record.id, &told, self.now()).await.unwrap();
    }

    fn state(&self, record: &Callback) -> State {
        self.record(record.id).state
    }

    /// What this session was told, in order, repeats left out.
    fn news(&self, name: &str) -> Vec<SessionEvent> {
        let of = |call| match call {
            SessionCall::Told(to, _, event) if to == session(name) => Some(event),
            _ => None,
        };
        let mut news: Vec<_> = self.sessions.calls().into_iter().filter_map(of).collect();
        news.dedup();
        news
    }
}

/// EX-M M9: PAUSED inside, QUEUED outside, and back.
#[tokio::test(start_paused = true)]
async fn m9_a_pause_moves_what_sessions_have_and_a_resume_brings_it_back() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    seconds(5).await;
    let queued = world.with_session("S1", State::Queued).await;
    let routing = world.with_session("S2", State::Routing).await;
    let talking = world.with_session("S3", State::Processing).await;
    world.pause(true).await;
    pass(Duration::from_millis(100)).await;
    for record in [&queued, &routing] {
        assert_eq!((world.state(record), world.state(record).external()), (State::Paused, State::Queued), "R-ST-1");
    }
    assert_eq!(world.state(&talking), State::Processing, "R-PAU-2: untouched");
    assert_eq!(world.news("S1"), [SessionEvent::Pause]);
    assert_eq!(world.news("S3"), []);
    world.pause(false).await;
    pass(Duration::from_millis(100)).await;
    for (record, name) in [(&queued, "S1"), (&routing, "S2")] {
        assert_eq!(world.state(record), State::Queued, "T14");
        assert_eq!(world.news(name), [SessionEvent::Pause, SessionEvent::Resume]);
    }
}

#[tokio::test(start_paused = true)]
async fn pausing_all_services_reaches_every_service_and_so_does_resuming_them() {
    let world = World::new().await;
    world.provision("CB_Support").await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    seconds(5).await;
    let sales = world.with_session("S1", State::Queued).await;
    let support = world.book(immediate(world.now()).on("CB_Support").build()).await;
    world.tell(&support, "S2", 1, State::Queued).await;
    for (paused, state) in [(true, State::Paused), (false, State::Queued)] {
        world.store.set_paused(tenant(), &pause_act(None, paused, world.now())).await.unwrap();
        seconds(1).await;
        assert_eq!((world.state(&sales), world.state(&support)), (state, state));
    }
}

/// A session that takes an attempt, or gives a conversation up, after the pause.
#[tokio::test(start_paused = true)]
async fn what_sessions_take_during_a_pause_follows_it() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(5).await;
    let talking = world.with_session("S1", State::Processing).await;
    let late = world.book(immediate(world.now()).build()).await;
    seconds(1).await;
    world.pause(true).await;
    seconds(1).await;
    world.tell(&late, "S2", 1, State::Queued).await;
    world.tell(&talking, "S1", 3, State::Queued).await;
    seconds(11).await;
    assert_eq!((world.state(&late), world.state(&talking)), (State::Paused, State::Paused));
    let end = ending("S1", 4, "REDIAL_LIMIT_REACHED");
    world.store.apply_session_update(tenant(), talking.id, &end, world.now()).await.unwrap();
    assert_eq!(world.state(&talking), State::Completed, "T8");
    seconds(21).await;
    let looks = node.calls().get("misplaced").copied();
    seconds(50).await;
    assert_eq!(node.calls().get("misplaced").copied(), looks, "nothing is left that could follow");
}

/// A session that does not listen is told until it does; one with an agent connected is left alone.
#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_answer_is_told_again() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    seconds(5).await;
    let record = world.with_session("S1", State::Routing).await;
    world.sessions.answer(Told::Unreachable);
    world.sessions.answer(Told::Refused);
    world.pause(true).await;
    seconds(2).await;
    assert_eq!(world.state(&record), State::Routing, "PAUSED says that the session knows");
    seconds(30).await;
    assert_eq!(world.state(&record), State::Paused);
    assert_eq!(world.sessions.calls().len(), 3);
    world.sessions.answer(Told::Gone);
    world.pause(false).await;
    seconds(2).await;
    assert_eq!(world.state(&record), State::Queued, "whether it is lost, another duty finds out (R-POL-3)");
}

/// The pause ends while the session is being told of it; whatever it reports afterwards, it goes on.
#[tokio::test(start_paused = true)]
async fn a_session_that_reports_paused_after_the_resume_is_told_to_go_on() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    seconds(5).await;
    let record = world.with_session("S1", State::Queued).await;
    world.pause(true).await;
    world.pause(false).await;
    seconds(2).await;
    assert_eq!(world.state(&record), State::Queued);
    world.tell(&record, "S1", 2, State::Paused).await;
    seconds(62).await;
    assert_eq!(world.state(&record), State::Queued, "the rescan finds it");
    assert_eq!(world.news("S1").last(), Some(&SessionEvent::Resume));
}

#[tokio::test(start_paused = true)]
async fn lost_hints_only_delay_a_pause_and_a_resume_until_the_rescan() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start_hearing(settings("a"), Box::new(Deaf));
    seconds(5).await;
    let record = world.with_session("S1", State::Queued).await;
    for (paused, state) in [(true, State::Paused), (false, State::Queued)] {
        world.pause(paused).await;
        seconds(62).await;
        assert_eq!(world.state(&record), state);
    }
}

/// Paused, killed, resumed while nobody watches, started again.
#[tokio::test(start_paused = true)]
async fn a_resume_is_followed_after_a_restart_in_order() {
    let world = World::new().await;
    let (monitor, _stop) = world.node().start(settings("a"));
    seconds(5).await;
    let held = world.with_session("S1", State::Queued).await;
    world.pause(true).await;
    seconds(1).await;
    let first = world.book(immediate(world.now()).build()).await;
    seconds(1).await;
    let second = world.book(immediate(world.now()).build()).await;
    drop(monitor);
    let before = world.written().len();
    world.pause(false).await;
    let (_monitor, _stop) = world.node().start(settings("b"));
    seconds(7).await;
    assert_eq!(world.state(&held), State::Queued);
    let ids: Vec<_> = world.written()[before..].iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids, [first.id, second.id], "R-SUB-9, R-SUB-3");
}

/// Whatever call a node dies at, another one finishes what it began, and every session knows in the end.
#[tokio::test(start_paused = true)]
async fn a_node_may_die_at_any_call_of_a_pause_and_of_a_resume() {
    for crash in [Crash::Before, Crash::After] {
        for nth in 1..=14 {
            for paused in [true, false] {
                follows_after_death(nth, crash, paused).await;
            }
        }
    }
}

async fn follows_after_death(nth: u64, crash: Crash, paused: bool) {
    let world = World::new().await;
    let node = world.node();
    let (monitor, _stop) = node.start(settings("a"));
    seconds(5).await;
    let records = [world.with_session("S1", State::Queued).await, world.with_session("S2", State::Routing).await];
    if !paused {
        world.pause(true).await;
        seconds(1).await;
    }
    node.crash_at(nth, crash);
    world.pause(paused).await;
    seconds(15).await;
    drop(monitor);
    let again: Arc<_> = world.node();
    let (_monitor, _stop) = again.start(settings("b"));
    seconds(20).await;
    let (state, news) =
        if paused { (State::Paused, SessionEvent::Pause) } else { (State::Queued, SessionEvent::Resume) };
    for (record, name) in records.iter().zip(["S1", "S2"]) {
        assert_eq!(world.state(record), state, "{crash:?} {nth} {paused}");
        assert_eq!(world.news(name).last(), Some(&news), "{crash:?} {nth} {paused}");
        let moves = world.all().into_iter().find(|(row, _)| row.id == record.id).unwrap().1;
        let moves = moves.iter().flat_map(|event| &event.changes);
        let times = moves.filter(|change| **change == ges_domain::callback::Change::Moved { to: state }).count();
        let told_queued = usize::from(!paused && state == State::Queued);
        assert_eq!(times, usize::from(paused) + told_queued, "P-19: once, {crash:?} {nth} {paused}");
    }
}

/// Design 8: without pauses nothing is asked.
#[tokio::test(start_paused = true)]
async fn nothing_is_asked_while_nothing_is_paused_or_resumed() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(5).await;
    world.with_session("S1", State::Queued).await;
    seconds(600).await;
    assert_eq!(node.calls().get("misplaced"), None);
}
