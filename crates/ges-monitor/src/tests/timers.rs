//! What rings: unanswered attempts and deadlines (M11 to M14c).

use std::sync::atomic::Ordering;
use std::time::Duration;

use ges_domain::Instant;
use ges_domain::callback::{Actor, Callback, Reason, State};
use ges_domain::ports::{Record, SessionEvent};
use ges_testkit::builders::{after, immediate, scheduled, tenant, update};
use ges_testkit::{Fault, SessionCall};

use super::world::{World, seconds, settings};

async fn session_says(world: &World, record: &Callback, name: &str, seq: u64, state: State) {
    let now = world.now();
    world.store.apply_session_update(tenant(), record.id, &update(name, seq, state), now).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn check_03_m14c_three_unanswered_attempts_end_after_four_minutes() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(10).await;
    let booked = world.book(immediate(world.now()).build()).await;
    seconds(239).await;
    assert_eq!(world.record(booked.id).state, State::Queued);
    seconds(2).await;
    let at = |seconds| Duration::from_secs(seconds);
    assert_eq!(world.written(), [(booked.id, 1, at(10)), (booked.id, 2, at(70)), (booked.id, 3, at(190))]);
    let record = world.record(booked.id);
    assert_eq!(record.reason, Some(Reason::SUBMIT_FAILED), "M14c");
    assert_eq!(record.completed_at, Some(after(250)), "60 + 120 + 60 s after the first");
    assert_eq!(node.heard.submit_failed.load(Ordering::SeqCst), 1, "R-SUB-8");
}

#[tokio::test(start_paused = true)]
async fn the_next_attempt_does_not_wait_for_a_wait_that_has_fallen() {
    use ges_domain::wait::Estimate;
    let world = World::new().await;
    world.routers.set(tenant(), "CB_Sales", Estimate::Known(5_400));
    let (_monitor, _stop) = world.node().start(settings("a"));
    let booked = world.book(scheduled(world.now(), after(7_200)).build()).await;
    seconds(1_810).await;
    assert_eq!(world.written().len(), 1, "due one and a half hours early");
    world.routers.set(tenant(), "CB_Sales", Estimate::Known(0));
    seconds(60).await;
    let attempts: Vec<_> = world.written().iter().map(|(_, attempt, at)| (*attempt, at.as_secs())).collect();
    assert_eq!(attempts, [(1, 1_800), (2, 1_860)], "R-SUB-8");
    assert_eq!(world.record(booked.id).submission.attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn an_answered_attempt_is_not_repeated() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    let booked = world.book(immediate(world.now()).build()).await;
    seconds(30).await;
    session_says(&world, &booked, "S1", 1, State::Queued).await;
    seconds(3_000).await;
    assert_eq!(world.written().len(), 1);
    assert!(node.calls().get("timers").is_none_or(|count| *count <= 2), "{:?}", node.calls());
}

#[tokio::test(start_paused = true)]
async fn m11_a_stream_down_beyond_the_deadline_ends_in_submit_failed() {
    let world = World::new().await;
    world.ledger.fail(Fault::BeforeWrite);
    let (_monitor, _stop) = world.node().start(settings("a"));
    let tried = world.book(immediate(world.now()).with(|row| row.deadline = after(300)).build()).await;
    seconds(290).await;
    let untried = world.book(immediate(world.now()).with(|row| row.deadline = after(300)).build()).await;
    assert_eq!(world.record(tried.id).state, State::Queued);
    seconds(11).await;
    assert_eq!(world.reason(tried.id), Some(Reason::SUBMIT_FAILED), "M11");
    assert_eq!(world.reason(untried.id), Some(Reason::SUBMIT_FAILED), "the stream failed for it as well");
    assert_eq!(world.record(tried.id).completed_at, Some(after(300)));
    world.ledger.heal();
    seconds(60).await;
    assert!(world.written().is_empty(), "no dispatch after the end");
}

#[tokio::test(start_paused = true)]
async fn m12_a_deadline_ends_a_queued_record_and_tells_its_session() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let booked = world.book(immediate(world.now()).with(|row| row.deadline = after(600)).build()).await;
    seconds(5).await;
    session_says(&world, &booked, "S1", 1, State::Queued).await;
    seconds(596).await;
    assert_eq!(world.reason(booked.id), Some(Reason::FAIL_TIMEOUT_TTL), "M12");
    let session = ges_testkit::builders::session("S1");
    let event = SessionEvent::Cancel { reason: Reason::FAIL_TIMEOUT_TTL, by: Actor::Monitor };
    assert_eq!(world.sessions.calls(), [SessionCall::Told(session, booked.id, event)]);
}

/// Integrations 1.2.4, I2: whoever took it may be calling the consumer.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_acknowledged_without_a_name_is_not_repeated() {
    use ges_domain::callback::SessionUpdate;
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let booked = world.book(immediate(world.now()).with(|row| row.deadline = after(3_600)).build()).await;
    seconds(5).await;
    let news = SessionUpdate { facts: [("_agent_id".into(), "1001".into())].into(), ..SessionUpdate::default() };
    world.store.apply_session_update(tenant(), booked.id, &news, world.now()).await.unwrap();
    seconds(3_590).await;
    assert_eq!(world.written().len(), 1, "R-SUB-8");
    assert_eq!(world.record(booked.id).state, State::Queued);
    seconds(10).await;
    assert_eq!(world.reason(booked.id), Some(Reason::FAIL_TIMEOUT_TTL), "R-EXP-1: a session had taken it");
}

#[tokio::test(start_paused = true)]
async fn m13_a_running_conversation_is_never_cut() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let booked = world.book(immediate(world.now()).with(|row| row.deadline = after(600)).build()).await;
    seconds(5).await;
    session_says(&world, &booked, "S1", 1, State::Routing).await;
    session_says(&world, &booked, "S1", 2, State::Processing).await;
    seconds(7_200).await;
    assert_eq!(world.record(booked.id).state, State::Processing, "M13");
    assert!(world.sessions.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_while_nobody_runs_is_found_at_the_start() {
    let world = World::new().await;
    let short = |row: &mut Callback| row.deadline = row.desired_at + Duration::from_secs(60);
    let never_tried = world.book(scheduled(world.now(), after(1_000)).with(short).build()).await;
    seconds(2_000).await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    seconds(2).await;
    assert_eq!(world.reason(never_tried.id), Some(Reason::FAIL_TIMEOUT_TTL), "R-EXP-1: nobody tried");
    assert!(world.written().is_empty());
    assert_eq!(world.record(never_tried.id).completed_at.map(Instant::seconds), Some(after(2_000).seconds()));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_vanished_undialed_gets_a_next_attempt() {
    use ges_domain::callback::{SessionEnd, SessionUpdate};
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let booked = world.book(immediate(world.now()).build()).await;
    seconds(5).await;
    session_says(&world, &booked, "S1", 1, State::Queued).await;
    let session = Some(ges_testkit::builders::session("S1"));
    let lost = SessionUpdate { session, seq: Some(2), end: Some(SessionEnd::Lost), ..SessionUpdate::default() };
    world.store.apply_session_update(tenant(), booked.id, &lost, world.now()).await.unwrap();
    seconds(2).await;
    assert_eq!(world.ledger.distinct(), [(booked.id, 1), (booked.id, 2)], "M14, R-POL-3");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_waits_for_its_answer_from_when_it_was_written_not_from_when_it_was_decided() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(10).await;
    *node.submit_takes.lock().unwrap() = Duration::from_secs(70);
    let booked = world.book(immediate(world.now()).build()).await;
    seconds(75).await;
    assert_eq!(world.ledger.distinct(), [(booked.id, 1)]);
    *node.submit_takes.lock().unwrap() = Duration::ZERO;
    seconds(50).await;
    assert_eq!(world.ledger.distinct(), [(booked.id, 1)], "I2: attempt 1 was written 55 s ago");
    seconds(20).await;
    assert_eq!(world.ledger.distinct(), [(booked.id, 1), (booked.id, 2)], "R-SUB-8");
}
