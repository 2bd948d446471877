//! Killed anywhere, nothing is lost and nothing happens twice (P-19, I1, I2).

use std::time::Duration;

use ges_domain::callback::{Callback, State};
use ges_testkit::builders::{after, immediate, scheduled};

use super::world::{Crash, World, pass, seconds, settings};

/// Four immediate and four scheduled records, all due within three minutes of the start.
async fn eight(world: &World) -> Vec<Callback> {
    let mut booked = Vec::new();
    for n in 0..4 {
        booked.push(world.book(immediate(world.now()).build()).await);
        booked.push(world.book(scheduled(world.now(), after(125 + n)).build()).await);
    }
    booked
}

/// A process dies at its `nth` port call, another begins, dies at the same place, and a third lives on.
async fn survives(nth: u64, crash: Crash) {
    let world = World::new().await;
    eight(&world).await;
    for name in ["first", "second"] {
        let node = world.node();
        node.crash_at(nth, crash);
        let (monitor, _stop) = node.start(settings(name));
        for _ in 0..40 {
            pass(Duration::from_millis(500)).await;
            if node.has_crashed() {
                break;
            }
        }
        drop(monitor);
    }
    let (_monitor, _stop) = world.node().start(settings("third"));
    // Attempts 2 and 3 included; nobody answers them.
    seconds(400).await;
    for (record, timeline) in world.all() {
        let recorded = World::recorded(&timeline);
        assert_eq!(recorded, [(1, 1), (2, 1), (3, 1)].into(), "{crash:?} {nth}: every attempt once, {}", record.id);
        assert_eq!(record.state, State::Completed, "{crash:?} {nth}: I1");
    }
    let distinct = world.ledger.distinct();
    assert_eq!(distinct.len(), 24, "{crash:?} {nth}: consumers see each attempt once");
    for record in world.all() {
        let attempts: Vec<_> =
            distinct.iter().filter(|(id, _)| *id == record.0.id).map(|(_, attempt)| *attempt).collect();
        assert_eq!(attempts, [1, 2, 3], "{crash:?} {nth}: in order");
    }
}

#[tokio::test(start_paused = true)]
async fn p_19_a_crash_before_any_port_call_loses_and_doubles_nothing() {
    for nth in 1..200 {
        survives(nth, Crash::Before).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p_19_a_crash_after_any_port_call_loses_and_doubles_nothing() {
    for nth in 1..200 {
        survives(nth, Crash::After).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_between_writing_and_recording_repeats_the_same_attempt() {
    let world = World::new().await;
    let node = world.node();
    let booked = world.book(immediate(world.now()).build()).await;
    // hold, agenda, service, due, submit: the answer to the submit never arrives.
    let (monitor, _stop) = node.start(settings("a"));
    node.crash_at(5, Crash::After);
    seconds(2).await;
    assert_eq!(node.calls().get("submit"), Some(&1), "{:?}", node.calls());
    assert_eq!(node.calls().get("record_handed"), None, "{:?}", node.calls());
    drop(monitor);
    assert_eq!(world.record(booked.id).submission.attempts, 0);
    let (_again, _stop) = world.node().start(settings("a"));
    seconds(10).await;
    let attempts: Vec<_> = world.written().iter().map(|(id, attempt, _)| (*id, *attempt)).collect();
    assert_eq!(attempts, [(booked.id, 1), (booked.id, 1)], "never attempt 2");
    assert_eq!(world.record(booked.id).submission.attempts, 1);
}
